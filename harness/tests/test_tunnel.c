/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What tunnel devices put around a packet, read by the harness's own dissector and by hand. */
#include <criterion/criterion.h>
#include <linux/bpf.h>

#include "engine/tunnel.h"
#include "packet/bytes.h"
#include "packet/csum.h"
#include "packets.h"

enum { ETHERNET = 1, INNER_AT = 14 + 20 + 8 + 8, INNER6_AT = 14 + 40 + 8 + 8 };

static struct arena *a;

static void set_up(void)
{
	a = arena_new();
}

static void tear_down(void)
{
	arena_free(a);
}

TestSuite(tunnel, .init = set_up, .fini = tear_down);

static struct frame inner(uint16_t sport)
{
	static struct pkt p;

	put_eth(&p, 0x0800);
	put_udp4(&p, "10.0.1.10", sport, "10.0.2.20", 53, 4);
	return (struct frame){ .data = p.b, .len = p.len, .wire_len = p.len };
}

static struct ip_addr address(const char *text)
{
	struct ip_addr ip;

	cr_assert(ip_addr_parse(text, &ip));
	return ip;
}

static struct tunnel_meta key4(uint64_t flags)
{
	return (struct tunnel_meta){
		.has_key = true, .id = 30010, .remote_ip4 = 0xc0a80a02, .flags = flags
	};
}

static struct layers parsed(const struct frame *f)
{
	struct layers l;

	cr_assert_eq(packet_parse(f->data, f->len, ETHERNET, &l), 0);
	cr_assert_null(l.stop, "%s", l.stop);
	return l;
}

static void expect_good_sums(const struct frame *f)
{
	struct layers l = parsed(f);

	cr_expect_neq(csum_l3(f->data, f->len, &l.ip), CSUM_BAD);
	cr_expect_neq(csum_l4(f->data, f->len, &l.ip), CSUM_BAD);
}

Test(tunnel, vxlan_as_rfc_7348_draws_it)
{
	struct tunnel_meta key = key4(BPF_F_ZERO_CSUM_TX | BPF_F_DONT_FRAGMENT);
	struct ip_addr src = address("192.168.10.1");
	struct frame in = inner(4000), out;
	struct layers l;

	tunnel_wrap(TUNNEL_VXLAN, 8472, &in, &key, &src, a, &out);
	l = parsed(&out);
	cr_assert_eq(out.len, INNER_AT + in.len);
	cr_expect_eq(get_be32(out.data + 26), 0xc0a80a01u, "the node's own address");
	cr_expect_eq(get_be32(out.data + 30), 0xc0a80a02u);
	cr_expect_eq(get_be16(out.data + 20), 0x4000, "don't fragment");
	cr_expect_eq(out.data[22], 64);
	cr_expect_eq(get_be16(out.data + l.ip.l4 + 2), 8472);
	cr_expect_eq(get_be16(out.data + l.ip.l4 + 6), 0, "no checksum was asked for");
	cr_expect_eq(get_be32(out.data + 42), 0x08000000u);
	cr_expect_eq(get_be32(out.data + 46), 30010u << 8);
	cr_expect_arr_eq(out.data + INNER_AT, in.data, in.len);
	expect_good_sums(&out);
}

Test(tunnel, the_checksum_of_udp_is_right_where_one_is_asked_for)
{
	struct ip_addr src4 = address("192.168.10.1"), src6 = address("fd00::1");
	struct tunnel_meta key = key4(0);
	struct frame in = inner(4000), out;

	tunnel_wrap(TUNNEL_VXLAN, 8472, &in, &key, &src4, a, &out);
	cr_expect_neq(get_be16(out.data + 40), 0);
	expect_good_sums(&out);
	key.ipv6 = true;
	memcpy(key.remote_ip6, address("fd00::2").bytes, 16);
	tunnel_wrap(TUNNEL_VXLAN, 8472, &in, &key, &src6, a, &out);
	cr_expect_neq(get_be16(out.data + 60), 0);
	cr_expect_arr_eq(out.data + INNER6_AT, in.data, in.len);
	expect_good_sums(&out);
}

Test(tunnel, the_source_port_is_the_flows)
{
	struct tunnel_meta key = key4(BPF_F_ZERO_CSUM_TX);
	struct ip_addr src = address("192.168.10.1");
	unsigned ports = 0;
	uint16_t last = 0;

	for (uint16_t sport = 4000; sport < 4010; sport++) {
		struct frame in = inner(sport), once, twice;

		tunnel_wrap(TUNNEL_VXLAN, 8472, &in, &key, &src, a, &once);
		tunnel_wrap(TUNNEL_VXLAN, 8472, &in, &key, &src, a, &twice);
		cr_expect_arr_eq(once.data, twice.data, once.len);
		cr_expect_geq(get_be16(once.data + 34), 32768);
		ports += get_be16(once.data + 34) != last;
		last = get_be16(once.data + 34);
	}
	cr_expect_geq(ports, 9, "flows go by different ports, as receivers spread load by them");
}

/* Options as DSR writes them: class 0x014b, type 0x81, two words. */
static const uint8_t dsr[12] = { 0x01, 0x4b, 0x81, 0x02, 172, 16, 10, 1, 0, 80, 0, 0 };

Test(tunnel, geneve_there_and_back)
{
	struct tunnel_meta key = key4(BPF_F_ZERO_CSUM_TX), back;
	struct ip_addr src = address("192.168.10.1");
	struct frame in = inner(4000), out, again;
	struct layers l;

	key.has_opt = true;
	key.opt_len = sizeof(dsr);
	memcpy(key.opt, dsr, sizeof(dsr));
	tunnel_wrap(TUNNEL_GENEVE, 6081, &in, &key, &src, a, &out);
	l = parsed(&out);
	cr_expect_eq(out.data[42], 3, "length of the options in words");
	cr_expect_eq(get_be16(out.data + 44), 0x6558);
	cr_expect_not(tunnel_unwrap(TUNNEL_GENEVE, 8472, &out, &l, a, &again, &back),
		      "another port");
	cr_assert(tunnel_unwrap(TUNNEL_GENEVE, 6081, &out, &l, a, &again, &back));
	cr_assert_eq(again.len, in.len);
	cr_expect_arr_eq(again.data, in.data, in.len);
	cr_expect_eq(back.id, 30010);
	cr_expect_eq(back.remote_ip4, 0xc0a80a01u, "who sent it");
	cr_expect_eq(back.local_ip4, 0xc0a80a02u);
	cr_expect_eq(back.opt_len, sizeof(dsr));
	cr_expect_arr_eq(back.opt, dsr, sizeof(dsr));
}

Test(tunnel, what_a_device_refuses_is_not_taken_apart)
{
	struct tunnel_meta key = key4(BPF_F_ZERO_CSUM_TX), back;
	struct ip_addr src = address("192.168.10.1");
	struct frame in = inner(4000), out, again;
	struct layers l;

	tunnel_wrap(TUNNEL_VXLAN, 8472, &in, &key, &src, a, &out);
	l = parsed(&out);
	out.data[42] = 0; /* no VNI */
	cr_expect_not(tunnel_unwrap(TUNNEL_VXLAN, 8472, &out, &l, a, &again, &back));
	out.data[42] = 0x08;
	cr_assert(tunnel_unwrap(TUNNEL_VXLAN, 8472, &out, &l, a, &again, &back));
	for (uint32_t len = 42; len < INNER_AT + 14; len++) {
		struct frame cut = { .data = out.data, .len = len, .wire_len = len };

		packet_parse(cut.data, cut.len, ETHERNET, &l);
		cr_expect_not(tunnel_unwrap(TUNNEL_VXLAN, 8472, &cut, &l, a, &again, &back),
			      "cut to %u bytes", len);
	}
}

Test(tunnel, ip_in_ip)
{
	struct frame in = inner(4000), out;
	struct layers l;
	struct pkt p;
	uint32_t at;

	put_eth(&p, 0x0800);
	at = put_ip4(&p, "10.0.0.1", "10.0.0.2", 4);
	put_bytes(&p, in.data + 14, in.len - 14);
	end_ip(&p, at);
	struct frame outer = { .data = p.b, .len = p.len, .wire_len = p.len };

	l = parsed(&outer);
	cr_assert(ipip_unwrap(&outer, &l, a, &out));
	cr_assert_eq(out.len, in.len);
	cr_expect_arr_eq(out.data + 12, in.data + 12, in.len - 12);
	l = parsed(&in);
	cr_expect_not(ipip_unwrap(&in, &l, a, &out), "UDP carries no IP packet");
}
