// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* ICMP errors that programs make of the packet at hand: to whom, what they quote, that their checksums are
 * right, and what is never answered. RFC 792, 1122, 1191, 1812, 4443.
 */
#include "lab_router.h"

/* What tells the packet's fate beside the answer. */
static void expect_told(int reason)
{
	cr_expect_eq(lab_hop(lab)->drop_reason, reason, "%s: reason %d told, not %d", lab->last,
		     lab_hop(lab)->drop_reason, reason);
}

static void expect_addresses(const uint8_t *ip, const char *src, const char *dst)
{
	bool v6 = strchr(src, ':');
	uint32_t len = v6 ? 16 : 4, off = v6 ? 8 : 12;
	uint8_t want[2][16];

	inet_pton(v6 ? AF_INET6 : AF_INET, src, want[0]);
	inet_pton(v6 ? AF_INET6 : AF_INET, dst, want[1]);
	cr_expect_arr_eq(ip + off, want[0], len, "%s: source", lab->last);
	cr_expect_arr_eq(ip + off + len, want[1], len, "%s: destination", lab->last);
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* The whole of it: back to the sender, from the node, quoting as much as fits. sums: lab_run() has checked. */
static void expect_error(uint8_t type, uint8_t code, uint32_t word)
{
	const struct frame *out = &lab_hop(lab)->out;
	const uint8_t *in = lab->packet.b;
	bool v6 = in[14] >> 4 == 6;
	uint32_t whole = v6 ? 40u + get_be16(in + 18) : get_be16(in + 16);
	uint32_t quoted = smaller(whole, v6 ? 1232 : 548), head = v6 ? 40 : 20;
	const uint8_t *ip = out->data + 14, *icmp = ip + head;

	cr_assert(out->data, "%s: no answer", lab->last);
	cr_assert_eq(out->len, 14 + head + 8 + quoted, "%s: %u bytes", lab->last, out->len);
	cr_expect_arr_eq(out->data, in + 6, 6, "%s: not to the sender's MAC", lab->last);
	cr_expect_arr_eq(out->data + 6, in, 6, "%s: from another MAC", lab->last);
	cr_expect_arr_eq(out->data + 12, in + 12, 2, "%s: EtherType", lab->last);
	cr_expect_eq(ip[0], v6 ? 0x60 : 0x45);
	cr_expect_eq(ip[v6 ? 6 : 9], v6 ? 58 : 1, "%s: protocol", lab->last);
	cr_expect_eq(ip[v6 ? 7 : 8], 64, "%s: TTL", lab->last);
	cr_expect_eq(get_be16(ip + (v6 ? 4 : 2)), (v6 ? 8 : 28) + quoted, "%s: length", lab->last);
	expect_addresses(ip, v6 ? "fd00::1" : "10.0.0.1", v6 ? "fd00::99" : "10.0.0.99");
	cr_expect_eq(icmp[0], type, "%s: type %u", lab->last, icmp[0]);
	cr_expect_eq(icmp[1], code, "%s: code %u", lab->last, icmp[1]);
	cr_expect_eq(get_be32(icmp + 4), word, "%s: word %x", lab->last, get_be32(icmp + 4));
	cr_expect_arr_eq(icmp + 8, in + 14, quoted, "%s: quotes something else", lab->last);
}

/* Same at tc and at XDP. */
static void expect_time_exceeded(struct pkt p)
{
	bool v6 = p.b[14] >> 4 == 6;

	offer("ingress", p);
	lab_expect_verdict(lab, TC_ACT_REDIRECT);
	lab_expect_redirect(lab, NOTE_REDIRECT, 7);
	expect_error(v6 ? 3 : 11, 0, 0);
	expect_told(196);
	lab_expect_complete(lab);
	offer("xdp", p);
	lab_expect_verdict(lab, XDP_TX);
	expect_error(v6 ? 3 : 11, 0, 0);
	expect_told(196);
}

Test(icmp_error, the_last_hop_of_a_packet_is_told_to_who_sent_it, .timeout = 60)
{
	static const uint32_t sizes[] = { 0,   1,   2,	  3,	101,  507,  508,
					  509, 600, 1000, 1171, 1172, 1173, 1400 };

	NEEDS_ROOT();
	lab = router("ingress");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		expect_time_exceeded(with_ttl(to("192.0.2.5", sizes[i]), 1));
		expect_time_exceeded(with_ttl(to("2001:db8:1::5", sizes[i]), 1));
	}
	/* as dead on arrival, and where the neighbour is not known yet */
	expect_time_exceeded(with_ttl(to("192.0.2.5", 9), 0));
	offer("ingress", with_ttl(to("198.51.100.5", 10), 1));
	expect_error(11, 0, 0);
	lab_close(lab);
}

Test(icmp_error, padding_of_the_link_is_not_quoted, .timeout = 60)
{
	struct pkt p;

	NEEDS_ROOT();
	lab = router("ingress");
	p = with_ttl(to("192.0.2.5", 1), 1);
	put_data(&p, 5);
	expect_time_exceeded(p);
	lab_close(lab);
}

Test(icmp_error, what_does_not_fit_the_next_link_is_told_with_its_mtu, .timeout = 60)
{
	static const char *const thin[] = { "10.2.0.2", "fd00:2::2" };

	NEEDS_ROOT();
	lab = router("ingress");
	for (int i = 0; i < 2; i++) {
		offer("ingress", to(thin[i], 1300));
		lab_expect_verdict(lab, TC_ACT_REDIRECT);
		lab_expect_redirect(lab, NOTE_REDIRECT, 7);
		expect_error(i ? 2 : 3, i ? 0 : 4, 1300);
		expect_told(136);
		lab_expect_complete(lab);
		offer("xdp", to(thin[i], 1300));
		lab_expect_verdict(lab, XDP_TX);
		expect_error(i ? 2 : 3, i ? 0 : 4, 1300);
	}
	lab_close(lab);
}

/* ---- what is not answered ---- */

static void expect_silence(struct pkt p)
{
	p = with_ttl(p, 1);
	offer("ingress", p);
	lab_expect_drop(lab, TC_ACT_SHOT, 196, "icmp_error.h");
	offer("xdp", p);
	lab_expect_drop(lab, XDP_DROP, 196, "icmp_error.h");
}

static struct pkt icmp_to(const char *dst, uint8_t type)
{
	struct pkt quoted = to(strchr(dst, ':') ? "fd00::1" : "10.0.0.1", 4), p;
	bool v6 = strchr(dst, ':');

	put_eth(&p, v6 ? 0x86dd : 0x0800);
	put_error(&p, v6 ? "fd00::99" : "10.0.0.99", dst, type, 0, 0, &quoted, 100);
	return p;
}

Test(icmp_error, errors_are_not_answered_and_questions_are, .timeout = 60)
{
	static const uint8_t silent4[] = { 3, 4, 5, 11, 12 }, silent6[] = { 1, 2, 3, 4, 100, 137 };

	NEEDS_ROOT();
	lab = router("ingress");
	for (size_t i = 0; i < sizeof(silent4); i++)
		expect_silence(icmp_to("192.0.2.5", silent4[i]));
	for (size_t i = 0; i < sizeof(silent6); i++)
		expect_silence(icmp_to("2001:db8:1::5", silent6[i]));
	expect_time_exceeded(with_ttl(icmp_to("192.0.2.5", 8), 1));
	expect_time_exceeded(with_ttl(icmp_to("192.0.2.5", 0), 1));
	expect_time_exceeded(with_ttl(icmp_to("2001:db8:1::5", 128), 1));
	expect_time_exceeded(with_ttl(icmp_to("2001:db8:1::5", 129), 1));
	lab_close(lab);
}

/* An error too small to tell its type is no reason to send one. */
Test(icmp_error, a_message_without_its_type_is_not_answered, .timeout = 60)
{
	struct pkt p;

	NEEDS_ROOT();
	lab = router("ingress");
	put_eth(&p, 0x0800);
	end_ip(&p, put_ip4(&p, "10.0.0.99", "192.0.2.5", 1));
	expect_silence(p);
	lab_close(lab);
}

static struct pkt fragment_of(struct pkt p, uint16_t offset_and_more)
{
	set16(&p, 20, offset_and_more);
	end_ip(&p, 14);
	return p;
}

Test(icmp_error, the_first_fragment_is_answered_and_no_later_one, .timeout = 60)
{
	struct pkt p = { 0 };
	uint32_t l3;

	NEEDS_ROOT();
	lab = router("ingress");
	expect_silence(fragment_of(to("192.0.2.5", 40), 5));
	expect_silence(fragment_of(to("192.0.2.5", 40), 5 | 0x2000));
	offer("ingress", with_ttl(fragment_of(to("192.0.2.5", 40), 0x2000), 1));
	expect_error(11, 0, 0);
	put_eth(&p, 0x86dd);
	l3 = put_ip6(&p, "fd00::99", "2001:db8:1::5", 44);
	put32(&p, 6 << 24 | 0x0008);
	put32(&p, 77);
	put_data(&p, 40);
	end_ip(&p, l3);
	expect_silence(p);
	set16(&p, 56, 1);
	offer("ingress", with_ttl(p, 1));
	expect_error(3, 0, 0);
	lab_close(lab);
}

static struct pkt from(const char *src, const char *dst)
{
	struct pkt p;

	put_eth(&p, strchr(src, ':') ? 0x86dd : 0x0800);
	if (strchr(src, ':'))
		put_tcp6(&p, src, 4000, dst, 80, SYN, 4);
	else
		put_tcp4(&p, src, 4000, dst, 80, SYN, 4);
	return p;
}

static void expect_no_answer(struct pkt p, const char *what)
{
	offer("egress", p);
	cr_expect_eq(lab_hop(lab)->verdict, TC_ACT_SHOT, "%s: %s answered", lab->last, what);
	cr_expect_eq(lab_hop(lab)->drop_reason, 196);
}

Test(icmp_error, groups_and_senders_that_are_no_host_are_not_answered, .timeout = 60)
{
	static const char *const senders4[] = { "255.255.255.255", "224.0.0.1", "240.0.0.9",
						"127.0.0.1",	   "0.0.0.0",	"0.0.0.9" };
	static const char *const senders6[] = { "ff02::1", "ff0e::1", "::" };
	struct pkt p;

	NEEDS_ROOT();
	lab = router("ingress");
	/* a frame for all, with the address of one */
	p = to("192.0.2.5", 10);
	memset(p.b, 0xff, 6);
	expect_silence(p);
	memcpy(p.b, "\x01\x00\x5e\x00\x00\x05", 6);
	expect_silence(p);
	for (size_t i = 0; i < sizeof(senders4) / sizeof(senders4[0]); i++)
		expect_no_answer(from(senders4[i], "192.0.2.5"), senders4[i]);
	for (size_t i = 0; i < sizeof(senders6) / sizeof(senders6[0]); i++)
		expect_no_answer(from(senders6[i], "2001:db8:1::5"), senders6[i]);
	expect_no_answer(from("10.0.0.99", "224.0.0.5"), "a group");
	expect_no_answer(from("10.0.0.99", "255.255.255.255"), "all");
	expect_no_answer(from("fd00::99", "ff02::5"), "a group");
	offer("egress", from("10.0.0.99", "223.255.255.5"));
	expect_error(11, 0, 0);
	offer("egress", from("fd00::99", "fe02::5"));
	expect_error(3, 0, 0);
	lab_close(lab);
}

Test(icmp_error, a_node_without_an_address_sends_none, .timeout = 60)
{
	struct arena *a;
	char *target;

	NEEDS_ROOT();
	a = arena_new();
	lab_compile(a, "router", router_tc_source);
	lab_compile(a, "router_xdp", router_xdp_source);
	target = arena_strdup(a, ROUTER_TARGET);
	memcpy(strstr(target, "10.0.0.1,"), "0.0.0.0, ", 9);
	lab = lab_open(a, (struct lab_opts){ .target = target,
					     .routes = router_routes,
					     .role = "inside",
					     .hook = "ingress" });
	expect_silence(to("192.0.2.5", 10));
	expect_time_exceeded(with_ttl(to("2001:db8:1::5", 10), 1));
	lab_close(lab);
}
