/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Captured packets become frames, addresses change, and checksums stay as right or wrong as they
 * were: sums are judged by the slow way of packets.h.
 */
#include "packets.h"

#include "base/arena.h"
#include "packet/bytes.h"
#include "packet/csum.h"
#include "packet/fragment.h"
#include "packet/rewrite.h"

#define A4 "10.160.128.31"
#define B4 "10.160.128.34"
#define C4 "192.168.255.7"

static struct frame as_frame(struct pkt *p)
{
	return (struct frame){ .data = p->b, .len = p->len, .wire_len = p->len };
}

static int rewrite(struct pkt *p, const char *from, const char *to)
{
	struct frame f = as_frame(p);
	struct ip_addr a, b;

	cr_assert(ip_addr_parse(from, &a) && ip_addr_parse(to, &b));
	return frame_rewrite_address(&f, &a, &b);
}

static void expect_same(const struct pkt *got, const struct pkt *want, const char *what)
{
	cr_assert_eq(got->len, want->len);
	for (uint32_t i = 0; i < got->len; i++)
		cr_expect_eq(got->b[i], want->b[i], "%s: byte %u: %02x, should be %02x", what, i,
			     got->b[i], want->b[i]);
}

Test(addresses, are_read_printed_and_compared)
{
	__cleanup_buf struct buf out = BUF_INIT;
	struct ip_addr a, b;

	cr_expect(ip_addr_parse("10.0.0.1", &a) && a.family == 4);
	ip_addr_print(&out, &a);
	buf_putc(&out, ' ');
	cr_expect(ip_addr_parse("fd00:0::0:1", &b) && b.family == 6);
	ip_addr_print(&out, &b);
	cr_expect_str_eq(buf_str(&out), "10.0.0.1 fd00::1");
	cr_expect(!ip_addr_equal(&a, &b) && ip_addr_equal(&b, &b));
	cr_expect(!ip_addr_parse("10.0.0", &a) && a.family == 0);
	cr_expect(!ip_addr_parse("", &a) && !ip_addr_parse("node/a", &a));
	cr_expect(ip_addr_parse("::ffff:10.0.0.1", &a) && a.family == 6);
}

Test(rewriting, gives_the_packet_that_would_have_been_sent_from_the_new_address)
{
	struct pkt p, want;

	put_eth(&p, 0x0800);
	put_tcp4(&p, A4, 2379, B4, 24824, 0x18, 17);
	put_eth(&want, 0x0800);
	put_tcp4(&want, C4, 2379, B4, 24824, 0x18, 17);
	cr_expect_eq(rewrite(&p, A4, C4), 1);
	expect_same(&p, &want, "TCP source");

	put_eth(&want, 0x0800);
	put_tcp4(&want, C4, 2379, "8.8.8.8", 24824, 0x18, 17);
	cr_expect_eq(rewrite(&p, B4, "8.8.8.8"), 1);
	expect_same(&p, &want, "TCP destination");
	cr_expect_eq(rewrite(&p, A4, B4), 0, "an address that is not there");

	put_eth(&p, 0x8100);
	put_vlan(&p, 7, 0x0800);
	put_udp4(&p, A4, 53, A4, 53, 9);
	put_eth(&want, 0x8100);
	put_vlan(&want, 7, 0x0800);
	put_udp4(&want, C4, 53, C4, 53, 9);
	cr_expect_eq(rewrite(&p, A4, C4), 2);
	expect_same(&p, &want, "UDP behind a VLAN tag, both ends");

	put_eth(&p, 0x86dd);
	put_tcp6(&p, "fd00::1", 80, "fd00::2", 8080, 0x12, 5);
	put_eth(&want, 0x86dd);
	put_tcp6(&want, "fd00::1", 80, "2001:db8:1:2:3:4:5:6", 8080, 0x12, 5);
	cr_expect_eq(rewrite(&p, "fd00::2", "2001:db8:1:2:3:4:5:6"), 1);
	expect_same(&p, &want, "IPv6");
	cr_expect_eq(rewrite(&p, "fd00::1", C4), 0, "two families");
}

Test(rewriting, reaches_the_packet_an_icmp_error_quotes_and_the_errors_own_checksum)
{
	/* With 8 bytes of TCP quoted its checksum is not there, with all of UDP it is. */
	static const uint32_t quoted[] = { 28, 36, 100 };
	struct pkt p, want, inner, moved;

	for (int udp = 0; udp < 2; udp++) {
		for (int i = 0; i < 3; i++) {
			put_eth(&inner, 0x0800);
			put_eth(&moved, 0x0800);
			if (udp) {
				put_udp4(&inner, A4, 1000, B4, 53, 30);
				put_udp4(&moved, C4, 1000, B4, 53, 30);
			} else {
				put_tcp4(&inner, A4, 1000, B4, 80, 2, 30);
				put_tcp4(&moved, C4, 1000, B4, 80, 2, 30);
			}
			put_eth(&p, 0x0800);
			put_error(&p, B4, A4, 3, 4, 1400, &inner, quoted[i]);
			put_eth(&want, 0x0800);
			put_error(&want, B4, C4, 3, 4, 1400, &moved, quoted[i]);
			cr_expect_eq(rewrite(&p, A4, C4), 2);
			expect_same(&p, &want, udp ? "quoted UDP" : "quoted TCP");
		}
	}
	put_eth(&inner, 0x86dd);
	put_tcp6(&inner, "fd00::1", 80, "fd00::2", 8080, 0x12, 5);
	put_eth(&moved, 0x86dd);
	put_tcp6(&moved, "fd00::abcd", 80, "fd00::2", 8080, 0x12, 5);
	put_eth(&p, 0x86dd);
	put_error(&p, "fd00::2", "fd00::1", 2, 0, 1280, &inner, 100);
	put_eth(&want, 0x86dd);
	put_error(&want, "fd00::2", "fd00::abcd", 2, 0, 1280, &moved, 100);
	cr_expect_eq(rewrite(&p, "fd00::1", "fd00::abcd"), 2);
	expect_same(&p, &want, "ICMPv6");
}

Test(rewriting, leaves_a_wrong_checksum_wrong_by_the_same_amount)
{
	struct pkt p, was;

	put_eth(&p, 0x0800);
	put_tcp4(&p, A4, 2379, B4, 24824, 0x18, 17);
	set16(&p, 24, (uint16_t)(at16(&p, 24) + 5));
	set16(&p, 50, (uint16_t)(at16(&p, 50) + 5));
	was = p;
	rewrite(&p, A4, C4);
	cr_expect_neq(slow_sum(p.b + 14, 20, 0), 0);
	rewrite(&p, C4, A4);
	expect_same(&p, &was, "there and back");
}

Test(rewriting, keeps_udp_without_a_checksum_and_sends_a_zero_sum_as_ones)
{
	struct pkt p;
	uint32_t state = 1;
	unsigned ones = 0;

	put_eth(&p, 0x0800);
	put_udp4(&p, A4, 53, B4, 53, 8);
	set16(&p, 40, 0);
	cr_expect_eq(rewrite(&p, A4, C4), 1);
	cr_expect_eq(at16(&p, 40), 0);

	/* 65536 addresses in a /16 give every sum there is, zero among them. */
	for (uint32_t i = 0; i < 65536; i++) {
		char to[32];
		uint32_t sum = 17 + 16;

		put_eth(&p, 0x0800);
		put_udp4(&p, A4, 53, B4, (uint16_t)rnd(&state) | 1, 8);
		set16(&p, 36, 53);
		end_l4(&p, 14, 34, 6, 17);
		if (!at16(&p, 40))
			set16(&p, 40, 0xffff);
		snprintf(to, sizeof(to), "10.9.%u.%u", i >> 8, i & 255);
		rewrite(&p, A4, to);
		for (uint32_t k = 26; k < 34; k += 2)
			sum += at16(&p, k);
		cr_assert_eq(slow_sum(p.b + 34, 16, sum), 0, "%s", to);
		cr_assert_neq(at16(&p, 40), 0);
		ones += at16(&p, 40) == 0xffff;
	}
	cr_expect_gt(ones, 0);
}

Test(rewriting, knows_arp_and_later_fragments)
{
	static const char arp[] = "\x00\x01\x08\x00\x06\x04\x00\x01\x02\x00\x00\x00\x00\x0a"
				  "\x0a\x00\x00\x01\x00\x00\x00\x00\x00\x00\x0a\x00\x00\x02";
	struct pkt p, want;
	uint32_t l3;

	put_eth(&p, 0x0806);
	put_bytes(&p, arp, 28);
	want = p;
	memcpy(want.b + 14 + 24, "\xc0\xa8\xff\x07", 4);
	cr_expect_eq(rewrite(&p, "10.0.0.2", C4), 1);
	expect_same(&p, &want, "ARP target");

	/* What looks like a TCP header in a later fragment is data. */
	put_eth(&p, 0x0800);
	l3 = put_ip4(&p, A4, B4, 6);
	set16(&p, l3 + 6, 0x2010);
	put_data(&p, 40);
	end_ip(&p, l3);
	want = p;
	memcpy(want.b + l3 + 12, "\xc0\xa8\xff\x07", 4);
	end_ip(&want, l3);
	cr_expect_eq(rewrite(&p, A4, C4), 1);
	expect_same(&p, &want, "fragment");
}

/* ---- frames from captured packets ---- */

static struct capture_packet captured(const struct pkt *p)
{
	return (struct capture_packet){
		.number = 3, .linktype = p->linktype, .data = p->b, .caplen = p->len, .len = p->len
	};
}

Test(frames, every_link_type_we_know_becomes_ethernet)
{
	static const struct {
		uint16_t linktype;
		uint32_t len;
		const char *head;
	} links[] = {
		{ 101, 0, "" },
		{ 228, 0, "" },
		{ 0, 4, "\x02\x00\x00\x00" },
		{ 0, 4, "\x00\x00\x00\x02" },
		{ 108, 4, "\x00\x00\x00\x02" },
		{ 113, 16, "\0\4\0\1\0\6\2\0\0\0\0\x0a\0\0\x08\0" },
		{ 276, 20, "\x08\0\0\0\0\0\0\2\0\1\4\6\2\0\0\0\0\x0a\0\0" },
	};
	struct arena *a = arena_new();
	static struct err err;
	struct pkt ip, p;

	put_eth(&ip, 0x0800);
	memset(ip.b, 0, 12);
	put_tcp4(&ip, A4, 1, B4, 2, 2, 3);
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		struct capture_packet c;
		struct frame f;

		p = (struct pkt){ .linktype = links[i].linktype };
		put_bytes(&p, links[i].head, links[i].len);
		put_bytes(&p, ip.b + 14, ip.len - 14);
		c = captured(&p);
		cr_assert_eq(frame_from_capture(a, &c, &f, &err), 0, "%s", err.text);
		cr_expect_eq(f.len, ip.len);
		cr_expect_eq(f.wire_len, ip.len);
		cr_expect(!f.padded);
		cr_expect_arr_eq(f.data, ip.b, ip.len, "link type %u", links[i].linktype);
	}
	arena_free(a);
}

Test(frames, a_truncated_packet_is_filled_with_zeros_to_its_true_length)
{
	struct arena *a = arena_new();
	struct capture_packet c;
	static struct err err;
	struct frame f;
	struct pkt p;

	put_eth(&p, 0x0800);
	put_tcp4(&p, A4, 1, B4, 2, 0x10, 100);
	c = captured(&p);
	c.caplen = 60;
	cr_assert_eq(frame_from_capture(a, &c, &f, &err), 0);
	cr_expect(f.padded);
	cr_expect_eq(f.len, p.len);
	cr_expect_eq(f.wire_len, p.len);
	cr_expect_arr_eq(f.data, p.b, 60);
	for (uint32_t i = 60; i < f.len; i++)
		cr_expect_eq(f.data[i], 0);
	arena_free(a);
}

Test(frames, what_cannot_be_a_frame_is_an_input_error_that_says_why)
{
	struct arena *a = arena_new();
	struct capture_packet c;
	static struct err err;
	struct frame f;
	struct pkt p;

	put_eth(&p, 0x0800);
	put_tcp4(&p, A4, 1, B4, 2, 0x10, 0);
	c = captured(&p);
	c.linktype = 127;
	cr_expect_eq(frame_from_capture(a, &c, &f, &err), -EINVAL);
	cr_expect_eq(err.kind, ERR_INPUT);
	cr_expect(strstr(err.text, "packet 3") && strstr(err.text, "127"), "%s", err.text);
	cr_expect(strstr(err.text, "ETHERNET (1)"), "%s", err.text);
	c = captured(&p);
	c.caplen = c.len = 13;
	cr_expect_eq(frame_from_capture(a, &c, &f, &err), -EINVAL);
	c.caplen = 13;
	c.len = 60;
	cr_expect_eq(frame_from_capture(a, &c, &f, &err), -EINVAL);
	c = captured(&p);
	c.len = UINT32_MAX;
	cr_expect_eq(frame_from_capture(a, &c, &f, &err), -EINVAL);
	c = captured(&p);
	c.linktype = 101; /* starts with a MAC address */
	cr_expect_eq(frame_from_capture(a, &c, &f, &err), -EINVAL);
	cr_expect(strstr(err.text, "neither IPv4 nor IPv6"), "%s", err.text);
	arena_free(a);
}

Test(frames, addresses_and_macs_are_read_and_set)
{
	static const uint8_t src[6] = { 2, 1, 1, 1, 1, 1 }, dst[6] = { 2, 2, 2, 2, 2, 2 };
	__cleanup_buf struct buf out = BUF_INIT;
	struct ip_addr a, b;
	struct frame f;
	struct pkt p;

	put_eth(&p, 0x86dd);
	put_tcp6(&p, "fd00::1", 80, "fd00::2", 8080, 0x12, 5);
	f = as_frame(&p);
	cr_assert(frame_addresses(&f, &a, &b));
	ip_addr_print(&out, &a);
	buf_putc(&out, ' ');
	ip_addr_print(&out, &b);
	cr_expect_str_eq(buf_str(&out), "fd00::1 fd00::2");
	frame_set_macs(&f, src, dst);
	cr_expect_arr_eq(p.b, dst, 6);
	cr_expect_arr_eq(p.b + 6, src, 6);
	put_eth(&p, 0x0806);
	f = as_frame(&p);
	cr_expect(!frame_addresses(&f, &a, &b));
}

/* ---- fragments ---- */

/* Record Route, which later fragments do not have, and one whose number says that they do (RFC 791, 3.1). */
static const uint8_t options[] = { 0x07, 7, 4, 0, 0, 0, 0, 0x9a, 4, 1, 2, 0 };

static struct frame with_options(struct arena *a, uint32_t data)
{
	uint32_t head = 20 + sizeof(options), len = head + data;
	struct frame f = { .len = 14 + len, .wire_len = 14 + len };
	uint8_t *ip;

	f.data = arena_alloc(a, f.len);
	f.data[12] = 8;
	ip = f.data + 14;
	ip[0] = (uint8_t)(0x40 | head / 4);
	put_be16(ip + 2, (uint16_t)len);
	put_be16(ip + 4, 0x1234);
	ip[8] = 64;
	ip[9] = 253;
	memcpy(ip + 12, "\x0a\0\0\1\x0a\0\0\2", 8);
	memcpy(ip + 20, options, sizeof(options));
	for (uint32_t i = 0; i < data; i++)
		ip[head + i] = (uint8_t)i;
	put_be16(ip + 10, csum_fold(csum_add(0, ip, head)));
	return f;
}

Test(rewrite, a_packet_is_cut_and_put_together_again)
{
	struct arena *a = arena_new();
	struct frame f = with_options(a, 1001), *pieces, whole;
	struct layers l;
	size_t n;

	packet_parse(f.data, f.len, LINK_ETHERNET, &l);
	n = frame_cut(&f, &l, 500, a, &pieces);
	cr_assert_eq(n, 3);
	for (size_t i = 0; i < n; i++) {
		packet_parse(pieces[i].data, pieces[i].len, LINK_ETHERNET, &l);
		cr_expect_leq(pieces[i].len - 14, 500);
		cr_expect_eq(l.ip.frag_off, i * 464, "8 bytes' multiples behind a header of 32");
		cr_expect_eq(l.ip.more_fragments, i + 1 < n);
		cr_expect_eq(csum_l3(pieces[i].data, pieces[i].len, &l.ip), CSUM_GOOD);
		cr_expect_eq(pieces[i].data[14 + 20], i ? 1 : 0x07, "not copied: no operation");
		cr_expect_eq(pieces[i].data[14 + 27], 0x9a, "copied");
	}
	cr_assert(frame_join(pieces, n, a, &whole));
	cr_assert_eq(whole.len, f.len);
	cr_expect_eq(memcmp(whole.data, f.data, f.len), 0);
	cr_expect_not(frame_join(pieces, 1, a, &whole) && whole.len == f.len);
	pieces[1] = pieces[2];
	cr_expect_not(frame_join(pieces, 2, a, &whole), "one is missing in between");
	arena_free(a);
}

Test(rewrite, what_cannot_be_cut_is_refused)
{
	struct arena *a = arena_new();
	struct frame f = with_options(a, 100), *pieces;
	struct layers l;

	packet_parse(f.data, f.len, LINK_ETHERNET, &l);
	cr_expect_eq(frame_cut(&f, &l, 39, a, &pieces), 0, "no room for 8 bytes");
	put_be16(f.data + 14 + 2, 5000);
	cr_expect_eq(frame_cut(&f, &l, 500, a, &pieces), 0, "less than its header says");
	arena_free(a);
}
