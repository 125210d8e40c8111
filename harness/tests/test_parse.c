/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Parsing and printing: what headers are found, how a packet reads in one line, and that no bytes
 * however hostile are read past their end.
 */
#include "packets.h"

#include "base/arena.h"
#include "packet/csum.h"
#include "packet/field.h"
#include "packet/print.h"
#include "packet/rewrite.h"

#define A4 "10.160.128.31"
#define B4 "10.160.128.34"

static const char *line(const struct pkt *p, uint32_t caplen, struct buf *out)
{
	buf_reset(out);
	packet_print(out, p->b, caplen, p->len, p->linktype);
	return buf_str(out);
}

static const char *monitor(const struct pkt *p, struct buf *out)
{
	buf_reset(out);
	packet_print_monitor(out, p->b, p->len, p->linktype);
	return buf_str(out);
}

Test(parse, offsets_of_a_tagged_tcp_packet_are_those_it_was_built_with)
{
	struct layers l;
	struct pkt p;

	put_eth(&p, 0x88a8);
	put_vlan(&p, 100, 0x8100);
	put_vlan(&p, 200, 0x0800);
	put_tcp4(&p, A4, 1, B4, 2, 0x18, 10);
	cr_assert_eq(packet_parse(p.b, p.len, 1, &l), 0);
	cr_expect_eq(l.eth, 0);
	cr_expect_eq(l.vlan[0], 14);
	cr_expect_eq(l.vlan[1], 18);
	cr_expect_eq(l.ethertype, 0x0800);
	cr_expect_eq(l.ip.l3, 22);
	cr_expect_eq(l.ip.l4, 42);
	cr_expect_eq(l.ip.proto, 6);
	cr_expect_eq(l.ip.payload, 62);
	cr_expect_eq(l.ip.end, (int)p.len);
	cr_expect_eq(l.arp, NO_OFFSET);
	cr_expect_eq(l.inner.l3, NO_OFFSET);
	cr_expect_null(l.stop);
}

Test(parse, padding_behind_the_ip_packet_is_not_its_data)
{
	struct layers l;
	struct pkt p;

	put_eth(&p, 0x0800);
	put_tcp4(&p, A4, 1, B4, 2, 0x10, 0);
	while (p.len < 60)
		put8(&p, 0);
	packet_parse(p.b, p.len, 1, &l);
	cr_expect_eq(l.ip.end, 54);
	cr_expect_eq(l.ip.payload, 54);
}

Test(parse, a_header_cut_short_at_any_byte_is_named_and_what_came_before_it_kept)
{
	struct layers l;
	struct pkt p;

	put_eth(&p, 0x0800);
	put_tcp4(&p, A4, 1, B4, 2, 0x10, 0);
	for (uint32_t n = 0; n <= p.len; n++) {
		int ret = packet_parse(p.b, n, 1, &l);

		cr_expect_eq(ret, n < 14 ? -EINVAL : 0);
		if (n < 14)
			cr_expect_str_eq(l.stop, "truncated Ethernet header");
		else if (n < 34)
			cr_expect_str_eq(l.stop, "truncated IPv4 header");
		else if (n < 54)
			cr_expect_str_eq(l.stop, "truncated TCP header");
		else
			cr_expect_null(l.stop);
		cr_expect_eq(l.ip.l3, n < 34 ? NO_OFFSET : 14);
		cr_expect_eq(l.ip.l4, n < 42 ? NO_OFFSET : 34, "%u", n);
		cr_expect_eq(l.ip.payload, n < 54 ? NO_OFFSET : 54);
	}
}

Test(parse, lengths_that_lie_are_caught)
{
	struct layers l;
	struct pkt p;

	put_eth(&p, 0x0800);
	put_tcp4(&p, A4, 1, B4, 2, 0x10, 0);
	p.b[14] = 0x44;
	packet_parse(p.b, p.len, 1, &l);
	cr_expect_str_eq(l.stop, "bad IPv4 header length");
	p.b[14] = 0x4f;
	packet_parse(p.b, p.len, 1, &l);
	cr_expect_str_eq(l.stop, "truncated IPv4 options");
	p.b[14] = 0x45;
	set16(&p, 16, 19);
	packet_parse(p.b, p.len, 1, &l);
	cr_expect_str_eq(l.stop, "bad IPv4 total length");
	set16(&p, 16, 0xffff);
	packet_parse(p.b, p.len, 1, &l);
	cr_expect_eq(l.ip.end, (int)p.len);
	cr_expect_eq(csum_l4(p.b, p.len, &l.ip), CSUM_UNVERIFIABLE);
	p.b[46] = 0x40;
	packet_parse(p.b, p.len, 1, &l);
	cr_expect_str_eq(l.stop, "bad TCP header length");
	p.b[14] = 0x65;
	packet_parse(p.b, p.len, 1, &l);
	cr_expect_str_eq(l.stop, "IPv4 header of another version");
}

/* ---- printing ---- */

Test(print, a_packet_reads_in_one_line)
{
	__cleanup_buf struct buf out = BUF_INIT;
	struct pkt p, q;
	uint32_t l3;

	put_eth(&p, 0x0800);
	put_tcp4(&p, A4, 2379, B4, 24824, 0x18, 17);
	cr_expect_str_eq(line(&p, p.len, &out),
			 "10.160.128.31:2379 > 10.160.128.34:24824 tcp PSH,ACK len 17");
	cr_expect_str_eq(line(&p, 60, &out),
			 "10.160.128.31:2379 > 10.160.128.34:24824 tcp PSH,ACK len 17 "
			 "[60 of 71 bytes captured]");
	cr_expect_str_eq(line(&p, 44, &out),
			 "10.160.128.31:2379 > 10.160.128.34:24824 tcp [truncated TCP header] "
			 "[44 of 71 bytes captured]");
	put_eth(&q, 0x0800);
	put_error(&q, "10.0.0.9", A4, 3, 4, 1400, &p, 28);
	cr_expect_str_eq(
		line(&q, q.len, &out),
		"10.0.0.9 > 10.160.128.31 icmp unreachable: fragmentation needed, mtu 1400, "
		"about 10.160.128.31:2379 > 10.160.128.34:24824 tcp");
	put_eth(&p, 0x8100);
	put_vlan(&p, 12, 0x86dd);
	put_tcp6(&p, "fd00::1", 80, "fd00::2", 8080, 0x12, 0);
	cr_expect_str_eq(line(&p, p.len, &out),
			 "vlan 12 [fd00::1]:80 > [fd00::2]:8080 tcp SYN,ACK len 0");
	put_eth(&p, 0x0800);
	put_udp4(&p, A4, 53, B4, 1024, 32);
	cr_expect_str_eq(line(&p, p.len, &out), "10.160.128.31:53 > 10.160.128.34:1024 udp len 32");
	set16(&p, 20, 0x2000);
	cr_expect_str_eq(line(&p, p.len, &out),
			 "10.160.128.31:53 > 10.160.128.34:1024 udp len 32, first fragment of "
			 "0x1234 at byte 0");
	set16(&p, 20, 0x0010);
	cr_expect_str_eq(
		line(&p, p.len, &out),
		"10.160.128.31 > 10.160.128.34 udp len 40, last fragment of 0x1234 at byte "
		"128");
	put_eth(&p, 0x0800);
	l3 = put_ip4(&p, A4, B4, 1);
	put_icmp(&p, 8, 0, 7, 1);
	put_data(&p, 56);
	end_ip(&p, l3);
	cr_expect_str_eq(line(&p, p.len, &out),
			 "10.160.128.31 > 10.160.128.34 icmp echo request id 7 seq 1 len 56");
	put_eth(&p, 0x0800);
	l3 = put_ip4(&p, A4, B4, 47);
	put_data(&p, 50);
	end_ip(&p, l3);
	cr_expect_str_eq(line(&p, p.len, &out), "10.160.128.31 > 10.160.128.34 gre len 50");
}

Test(print, what_is_not_ip_is_said_too)
{
	static const char arp[] = "\x00\x01\x08\x00\x06\x04\x00\x01\x02\x00\x00\x00\x00\x0a"
				  "\x0a\x00\x00\x01\x00\x00\x00\x00\x00\x00\x0a\x00\x00\x02";
	__cleanup_buf struct buf out = BUF_INIT;
	struct pkt p;

	put_eth(&p, 0x0806);
	put_bytes(&p, arp, 28);
	cr_expect_str_eq(line(&p, p.len, &out), "arp who has 10.0.0.2, tell 10.0.0.1");
	cr_expect_str_eq(monitor(&p, &out), "02:00:00:00:00:0a -> 02:00:00:00:00:0b ARP");
	p.b[21] = 2;
	cr_expect_str_eq(line(&p, p.len, &out), "arp 10.0.0.1 is at 02:00:00:00:00:0a");
	put_eth(&p, 0x88cc);
	put_data(&p, 46);
	cr_expect_str_eq(line(&p, p.len, &out),
			 "02:00:00:00:00:0a > 02:00:00:00:00:0b type 0x88cc len 60");
	p.linktype = 127;
	cr_expect_str_eq(line(&p, p.len, &out),
			 "packet of link type 127 len 60 [unknown link type]");
	cr_expect_str_eq(monitor(&p, &out), "[unknown]");
	p.linktype = 1;
	cr_expect_str_eq(line(&p, 9, &out), "ETHERNET packet len 60 [truncated Ethernet header] "
					    "[9 of 60 bytes captured]");
}

Test(print, a_connection_reads_as_in_ciliums_monitor)
{
	__cleanup_buf struct buf out = BUF_INIT;
	struct pkt p, q;
	uint32_t l3;

	put_eth(&p, 0x0800);
	put_tcp4(&p, A4, 2379, B4, 24824, 0x18, 17);
	cr_expect_str_eq(monitor(&p, &out), "10.160.128.31:2379 -> 10.160.128.34:24824 tcp ACK");
	p.b[14 + 20 + 13] = 0x12;
	cr_expect_str_eq(monitor(&p, &out),
			 "10.160.128.31:2379 -> 10.160.128.34:24824 tcp SYN, ACK");
	p.b[14 + 20 + 13] = 0x15;
	cr_expect_str_eq(monitor(&p, &out),
			 "10.160.128.31:2379 -> 10.160.128.34:24824 tcp ACK, RST, FIN");
	put_eth(&q, 0x0800);
	put_error(&q, "10.0.0.9", A4, 3, 3, 0, &p, 28);
	cr_expect_str_eq(monitor(&q, &out),
			 "10.0.0.9 -> 10.160.128.31 DestinationUnreachable(Port)");
	put_eth(&p, 0x86dd);
	l3 = put_ip6(&p, "fd00::1", "fd00::2", 58);
	put_icmp(&p, 128, 0, 1, 1);
	end_ip(&p, l3);
	cr_expect_str_eq(monitor(&p, &out), "fd00::1 -> fd00::2 EchoRequest");
	put_eth(&p, 0x86dd);
	put_tcp6(&p, "fd00::1", 80, "fd00::2", 8080, 0x10, 0);
	cr_expect_str_eq(monitor(&p, &out), "[fd00::1]:80 -> [fd00::2]:8080 tcp ACK");
}

Test(print, a_hexdump_shows_offset_bytes_and_characters)
{
	__cleanup_buf struct buf out = BUF_INIT;

	packet_hexdump(&out, (const uint8_t *)"GET / HTTP/1.1\r\n\x00\xff.", 19);
	cr_expect_str_eq(
		buf_str(&out),
		"0000  47 45 54 20 2f 20 48 54  54 50 2f 31 2e 31 0d 0a  GET / HTTP/1.1..\n"
		"0010  00 ff 2e                                          ...\n");
}

/* ---- hostile bytes; the sanitizers watch ---- */

static void ignore(void *arg, const struct field *f, const char *was, const char *is)
{
	(void)f;
	*(size_t *)arg += strlen(was) + strlen(is);
}

/* Everything that reads a packet, on a copy of just its bytes, so that one byte too far is seen. */
static void use(const uint8_t *bytes, uint32_t len, uint16_t linktype, struct buf *out,
		const struct pkt *other)
{
	uint8_t *exact = malloc(len ? len : 1);
	struct ip_addr from, to;
	struct layers l, lo;
	struct frame f;
	size_t sum = 0;

	memcpy(exact, bytes, len);
	buf_reset(out);
	packet_parse(exact, len, linktype, &l);
	packet_print(out, exact, len, len + 1, linktype);
	packet_print_monitor(out, exact, len, linktype);
	packet_parse(other->b, other->len, other->linktype, &lo);
	field_diff(exact, len, &l, other->b, other->len, &lo, ignore, &sum);
	csum_l3(exact, len, &l.ip);
	csum_l4(exact, len, &l.ip);
	csum_l3(exact, len, &l.inner);
	csum_l4(exact, len, &l.inner);
	f = (struct frame){ .data = exact, .len = len, .wire_len = len };
	ip_addr_parse(A4, &from);
	ip_addr_parse(B4, &to);
	frame_rewrite_address(&f, &from, &to);
	ip_addr_parse("fd00::1", &from);
	ip_addr_parse("fd00::2", &to);
	frame_rewrite_address(&f, &from, &to);
	cr_assert(l.ip.end <= (int)len && l.inner.end <= (int)len);
	cr_assert(l.ip.l3 <= (int)len && l.ip.l4 <= (int)len && l.ip.payload <= (int)len);
	free(exact);
}

static size_t seeds(struct pkt *p)
{
	struct pkt tcp, tcp6;
	uint32_t l3;

	put_eth(&tcp, 0x0800);
	put_tcp4(&tcp, A4, 1, B4, 2, 0x10, 8);
	put_eth(&tcp6, 0x86dd);
	put_tcp6(&tcp6, "fd00::1", 1, "fd00::2", 2, 0x10, 8);
	p[0] = tcp;
	p[1] = tcp6;
	put_eth(&p[2], 0x0800);
	put_error(&p[2], B4, A4, 3, 4, 1400, &tcp, 100);
	put_eth(&p[3], 0x86dd);
	put_error(&p[3], "fd00::2", "fd00::1", 2, 0, 1280, &tcp6, 100);
	put_eth(&p[4], 0x88a8);
	put_vlan(&p[4], 1, 0x8100);
	put_vlan(&p[4], 2, 0x86dd);
	l3 = put_ip6(&p[4], "fd00::1", "fd00::2", 0);
	put_bytes(&p[4], "\x2b\x00\x01\x04\x00\x00\x00\x00", 8);
	put_bytes(&p[4], "\x2c\x02\x02\x01\0\0\0\0\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\3", 24);
	put_bytes(&p[4], "\x33\x00\x00\x01\x00\x00\x00\x07", 8);
	put_bytes(&p[4], "\x3c\x01\x00\x00\0\0\0\1\0\0\0\2", 12);
	put_bytes(&p[4], "\x11\x00\x01\x04\x00\x00\x00\x00", 8);
	put_udp(&p[4], 1, 2, 4);
	put_data(&p[4], 4);
	end_ip(&p[4], l3);
	put_eth(&p[5], 0x0806);
	put_bytes(&p[5], "\x00\x01\x08\x00\x06\x04\x00\x01", 8);
	put_data(&p[5], 20);
	return 6;
}

static const uint16_t linktypes[] = { 1, 0, 101, 108, 113, 228, 229, 276, 9 };

Test(hostile, every_cut_and_every_byte_changed_stays_inside_the_packet, .timeout = 300)
{
	static const uint8_t values[] = { 0x00, 0x01, 0x7f, 0x80, 0xff, 0x2c, 0x3a, 0x45, 0x60 };
	__cleanup_buf struct buf out = BUF_INIT;
	struct pkt p[6];
	size_t n = seeds(p);

	for (size_t s = 0; s < n; s++) {
		for (uint32_t len = 0; len <= p[s].len; len++) {
			for (size_t k = 0; k < sizeof(linktypes) / sizeof(linktypes[0]); k++)
				use(p[s].b, len, linktypes[k], &out, &p[0]);
		}
		for (uint32_t at = 0; at < p[s].len; at++) {
			for (size_t v = 0; v < sizeof(values); v++) {
				struct pkt q = p[s];

				q.b[at] = values[v];
				use(q.b, q.len, 1, &out, &p[s]);
			}
		}
	}
}

Test(hostile, packets_with_many_random_changes_stay_inside_too, .timeout = 300)
{
	__cleanup_buf struct buf out = BUF_INIT;
	uint32_t state = 99;
	struct pkt p[6];
	size_t n = seeds(p);

	for (int round = 0; round < 20000; round++) {
		struct pkt q = p[rnd(&state) % n];
		uint32_t changes = rnd(&state) % 8, from = q.linktype == 1 ? 12 : 0;

		for (uint32_t i = 0; i < changes; i++)
			q.b[from + rnd(&state) % (q.len - from)] = (uint8_t)rnd(&state);
		use(q.b, q.len - rnd(&state) % 20, 1, &out, &p[round % n]);
	}
}
