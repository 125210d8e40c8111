/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Packets made from nothing, and given other ends: judged by packets.h, which shares no code with
 * them, and by tshark.
 */
#include "packets.h"

#include "base/arena.h"
#include "packet/build.h"
#include "packet/capture.h"
#include "packet/csum.h"
#include "packet/pcapng.h"

static struct arena *arena;

static void set_up(void)
{
	arena = arena_new();
}

static void tear_down(void)
{
	arena_free(arena);
}

TestSuite(ends, .init = set_up, .fini = tear_down);

static struct packet_end at(const char *address, uint16_t port)
{
	struct packet_end e = { .port = port };

	cr_assert(ip_addr_parse(address, &e.addr));
	return e;
}

static const char *const hosts4[] = { "10.0.1.5", "192.0.2.10", "172.18.0.2", "10.96.0.80" };
static const char *const hosts6[] = { "fd00:10::5", "2001:db8::10", "fc00:f853::2", "fd00:96::80" };

static struct build_ip ip_of(const char *const *hosts, int a, uint16_t ap, int b, uint16_t bp)
{
	return (struct build_ip){ .src = at(hosts[a], ap), .dst = at(hosts[b], bp), .ttl = 64 };
}

static void all_sums_are(const struct frame *f, enum csum_state want, const char *what)
{
	struct layers l;

	cr_assert_eq(packet_parse(f->data, f->len, LINK_ETHERNET, &l), 0);
	cr_assert_null(l.stop, "%s: %s", what, l.stop);
	cr_expect_eq(csum_l4(f->data, f->len, &l.ip), want, "%s", what);
	if (l.ip.version == 4)
		cr_expect_eq(csum_l3(f->data, f->len, &l.ip), CSUM_GOOD, "%s", what);
	cr_expect_eq((uint32_t)l.ip.end, f->len, "%s: the length in the header", what);
}

/* One packet of each protocol between two ends, and what to call it. */
static struct frame make(int kind, const struct build_ip *ip, const char **what)
{
	struct build_tcp syn = { .seq = 7, .flags = 0x02, .window = 64240, .mss = 1460 };
	struct build_tcp push = { .seq = 8, .ack = 0x80000001, .flags = 0x18, .window = 501 };
	struct build_chunk data = { 0, 3, "\0\0\0\1\0\0\0\0\0\0\0\0hello", 17 };
	bool v4 = ip->src.addr.family == 4;
	struct build_ip echo = *ip;

	echo.dst.port = 0;
	switch (kind) {
	case 0:
		*what = "TCP SYN";
		return build_tcp(arena, ip, &syn, NULL, 0);
	case 1:
		*what = "TCP data";
		return build_tcp(arena, ip, &push, "GET / HTTP/1.1\r\n", 15);
	case 2:
		*what = "UDP";
		return build_udp(arena, ip, "ping", 4);
	case 3:
		*what = "SCTP";
		return build_sctp(arena, ip, 0xcafe0001, &data);
	default:
		*what = "echo";
		return build_icmp(arena, &echo, v4 ? 8 : 128, 0, 3, "abcdefgh", 7);
	}
}
#define KINDS 5

Test(ends, every_packet_made_has_right_sums_and_lengths)
{
	const char *what;

	for (int kind = 0; kind < KINDS; kind++) {
		struct build_ip v4 = ip_of(hosts4, 0, 40000, 1, 80),
				v6 = ip_of(hosts6, 0, 40000, 1, 80);
		struct frame f = make(kind, &v4, &what);

		all_sums_are(&f, CSUM_GOOD, what);
		f = make(kind, &v6, &what);
		all_sums_are(&f, CSUM_GOOD, what);
	}
}

static void same_bytes(const struct frame *f, const struct pkt *want)
{
	cr_assert_eq(f->len, want->len, "%u bytes, should be %u", f->len, want->len);
	for (uint32_t i = 12; i < f->len; i++) /* MACs are zeros here */
		cr_expect_eq(f->data[i], want->b[i], "byte %u: %02x, should be %02x", i, f->data[i],
			     want->b[i]);
}

Test(ends, packets_made_are_those_of_another_hand)
{
	struct build_tcp tcp = { 0x01020304, 0x0a0b0c0d, 0x18, 501, 0 };
	struct build_ip ip = ip_of(hosts4, 0, 40000, 1, 80), ip6 = ip_of(hosts6, 0, 40000, 1, 80);
	uint8_t data[32];
	struct frame f;
	struct pkt p;

	for (uint32_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(0xe0 + i % 13);
	ip.id = 0x1234;
	put_eth(&p, 0x0800);
	put_tcp4(&p, hosts4[0], 40000, hosts4[1], 80, 0x18, 31);
	f = build_tcp(arena, &ip, &tcp, data, 31);
	same_bytes(&f, &p);
	put_eth(&p, 0x86dd);
	put_tcp6(&p, hosts6[0], 40000, hosts6[1], 80, 0x18, 31);
	f = build_tcp(arena, &ip6, &tcp, data, 31);
	same_bytes(&f, &p);
	put_eth(&p, 0x0800);
	put_udp4(&p, hosts4[0], 40000, hosts4[1], 80, 20);
	f = build_udp(arena, &ip, data, 20);
	same_bytes(&f, &p);
}

Test(ends, a_packet_given_other_ends_is_the_one_made_with_them)
{
	for (int kind = 0; kind < KINDS; kind++) {
		for (int v = 0; v < 2; v++) {
			const char *const *hosts = v ? hosts6 : hosts4, *what;
			struct build_ip was = ip_of(hosts, 0, 40000, 1, 80),
					is = ip_of(hosts, 2, 61000, 3, 8080);
			struct frame f = make(kind, &was, &what), want = make(kind, &is, &what);
			struct packet_ends ends;

			cr_assert(frame_ends(&want, &ends));
			cr_expect(packet_end_equal(&ends.src, &is.src), "%s", what);
			frame_set_ends(&f, &ends);
			cr_assert_eq(f.len, want.len);
			cr_expect_eq(memcmp(f.data, want.data, f.len), 0, "%s of IPv%d", what,
				     v ? 6 : 4);
		}
	}
}

Test(ends, a_wrong_checksum_stays_wrong_by_as_much)
{
	static const int sums[KINDS] = { 16, 16, 6, 8, 2 };

	for (int kind = 0; kind < KINDS; kind++) {
		struct build_ip was = ip_of(hosts4, 0, 40000, 1, 80),
				is = ip_of(hosts4, 2, 61000, 3, 8080);
		const char *what;
		struct frame f = make(kind, &was, &what);
		struct packet_ends to, back;

		f.data[34 + sums[kind]] ^= 0x10;
		all_sums_are(&f, CSUM_BAD, what);
		cr_assert(frame_ends(&f, &back));
		to = (struct packet_ends){ back.proto, true, is.src, is.dst };
		if (kind == 4)
			to.dst.port = 0;
		frame_set_ends(&f, &to);
		all_sums_are(&f, CSUM_BAD, what);
		f.data[34 + sums[kind]] ^= 0x10;
		if (kind == 3) /* a CRC's difference is exact */
			all_sums_are(&f, CSUM_GOOD, what);
		f.data[34 + sums[kind]] ^= 0x10;
		frame_set_ends(&f, &back);
		f.data[34 + sums[kind]] ^= 0x10;
		all_sums_are(&f, CSUM_GOOD, what);
	}
}

Test(ends, an_echo_has_one_number_and_it_is_the_askers)
{
	struct build_ip ask = ip_of(hosts4, 0, 777, 1, 0), answer = ip_of(hosts4, 1, 0, 0, 777);
	struct frame q = build_icmp(arena, &ask, 8, 0, 1, NULL, 0);
	struct frame a = build_icmp(arena, &answer, 0, 0, 1, NULL, 0);
	struct packet_ends eq, ea, back;

	cr_assert(frame_ends(&q, &eq) && frame_ends(&a, &ea));
	back = packet_ends_reverse(&ea);
	cr_expect(packet_end_equal(&eq.src, &back.src) && packet_end_equal(&eq.dst, &back.dst));
	cr_expect_eq(eq.src.port, 777);
	ea.dst.port = 61000;
	frame_set_ends(&a, &ea);
	all_sums_are(&a, CSUM_GOOD, "reply with another identifier");
	cr_expect_eq(a.data[38] << 8 | a.data[39], 61000);
}

/* The quoted packet changes, the error's sum and the quoted sums follow. */
Test(ends, an_icmp_error_quotes_other_ends)
{
	for (int v = 0; v < 2; v++) {
		const char *const *hosts = v ? hosts6 : hosts4, *what;
		struct build_ip error = ip_of(hosts, 1, 0, 0, 0);

		for (int kind = 0; kind < KINDS; kind++) {
			struct build_ip was = ip_of(hosts, 0, 40000, 1, 80),
					is = ip_of(hosts, 2, 61000, 3, 8080);
			struct frame inner = make(kind, &was, &what);
			struct frame other = make(kind, &is, &what);
			uint8_t type = v ? 1 : 3;
			struct frame f = build_icmp(arena, &error, type, v ? 4 : 3, 0,
						    inner.data + 14, inner.len - 14);
			struct frame want = build_icmp(arena, &error, type, v ? 4 : 3, 0,
						       other.data + 14, other.len - 14);
			struct packet_ends ends;

			cr_assert(frame_quoted_ends(&want, &ends), "%s", what);
			frame_set_quoted_ends(&f, &ends);
			cr_expect_eq(memcmp(f.data, want.data, f.len), 0, "%s in IPv%d", what,
				     v ? 6 : 4);
			cr_assert(frame_ends(&f, &ends));
			cr_expect_not(ends.has_ports);
		}
	}
}

Test(ends, a_later_fragment_changes_addresses_alone)
{
	struct packet_ends to = { 6, true, at(hosts4[2], 1), at(hosts4[3], 2) }, got;
	struct build_tcp tcp = { .flags = 0x10 };
	struct build_ip ip = ip_of(hosts4, 0, 40000, 1, 80);
	struct frame f = build_tcp(arena, &ip, &tcp, "abcdefgh", 8);
	uint8_t transport[28];

	f.data[14 + 6] = 0;
	f.data[14 + 7] = 3; /* offset 24 */
	memcpy(transport, f.data + 34, sizeof(transport));
	frame_set_ends(&f, &to);
	cr_expect_eq(memcmp(transport, f.data + 34, sizeof(transport)), 0);
	cr_assert(frame_ends(&f, &got));
	cr_expect_not(got.has_ports);
	cr_expect(ip_addr_equal(&got.src.addr, &to.src.addr));
	cr_expect(ip_addr_equal(&got.dst.addr, &to.dst.addr));
}

/* An independent judge: no packet is malformed, no checksum is bad. */
Test(ends, tshark_finds_nothing_wrong_with_packets_made)
{
	static struct err err;
	__cleanup_buf struct buf out = BUF_INIT;
	struct pcapng_writer *w;
	char path[64];
	uint32_t id;
	const char *argv[] = {
		"tshark",
		"-r",
		temp_path(path, "ends.pcapng"),
		"-o",
		"tcp.check_checksum:TRUE",
		"-o",
		"udp.check_checksum:TRUE",
		"-o",
		"ip.check_checksum:TRUE",
		"-o",
		"sctp.checksum:TRUE",
		"-Y",
		"_ws.malformed || ip.checksum.status == 0 || tcp.checksum.status == 0 || "
		"udp.checksum.status == 0 || icmp.checksum.status == 0 || "
		"icmpv6.checksum.status == 0 || sctp.checksum.status == 0",
		NULL
	};

	need_tool("tshark");
	cr_assert_eq(pcapng_writer_open(path, "test", &w, &err), 0, "%s", err.text);
	cr_assert_eq(pcapng_writer_interface(w, "x", LINK_ETHERNET, &id, &err), 0);
	for (int kind = 0; kind < KINDS; kind++) {
		for (int v = 0; v < 2; v++) {
			struct build_ip ip = ip_of(v ? hosts6 : hosts4, 0, 40000, 1, 9);
			const char *what;
			struct frame f = make(kind, &ip, &what);
			struct pcapng_record rec = { .data = f.data,
						     .caplen = f.len,
						     .len = f.len };

			cr_assert_eq(pcapng_writer_packet(w, id, &rec, &err), 0, "%s", err.text);
		}
	}
	cr_assert_eq(pcapng_writer_close(w, &err), 0, "%s", err.text);
	run_ok(argv, &out);
	unlink(path);
	cr_expect_str_eq(buf_str(&out), "");
}
