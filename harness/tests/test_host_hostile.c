/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Malformed packets at the host datapath: each ends in a reason of its own, and none slips past a
 * policy that denies everything.
 */
#include "datapath.h"

#define ME   "10.160.128.34"
#define PEER "10.160.128.31"

/* Nothing allowed in, nothing allowed out. */
static struct dp *closed(void)
{
	struct dp *dp = DP_OPEN();

	dp_clear(dp, "cilium_policy_v2");
	return dp;
}

static int drop(struct dp *dp, int prog, struct packet p)
{
	return dp_drop(dp, prog, &p);
}

static void set_length(struct packet *p, uint16_t len)
{
	len = htons(len);
	memcpy(p->data + 16, &len, 2);
}

/* One well-formed packet of every kind, to the host. */
static unsigned samples(struct packet p[8], const char *src, const char *dst)
{
	struct packet sent = tcp(dst, 24824, src, 2379, SYN);

	p[0] = tcp(src, 2379, dst, 24824, SYN);
	p[1] = datagram(IPPROTO_UDP, src, 53, dst, 5000);
	p[2] = datagram(IPPROTO_SCTP, src, 53, dst, 5000);
	p[3] = icmp(src, dst, 8, 7);
	p[4] = icmp(src, dst, 0, 7);
	p[5] = icmp_error(src, dst, 3, &sent);
	p[6] = fragment(p[1], 9, 0, true);
	return 7;
}

/* Puts tags before the EtherType. */
static struct packet tagged(struct packet p, unsigned tags, uint16_t tpid)
{
	for (unsigned i = 0; i < tags; i++) {
		memmove(p.data + 16, p.data + 12, p.len - 12);
		p.data[12] = (uint8_t)(tpid >> 8), p.data[13] = (uint8_t)tpid;
		p.data[14] = 0, p.data[15] = 0;
		p.len += 4;
	}
	return p;
}

/* BPF_PROG_TEST_RUN refuses EtherTypes IPv4 and IPv6 with less than their fixed header (Linux 6.18):
 * a VLAN tag in front brings such frames to the program all the same.
 */
Test(hostile, a_frame_cut_at_any_byte_is_invalid)
{
	struct dp *dp = closed();
	struct packet p[8];
	unsigned n = samples(p, PEER, ME);

	for (unsigned i = 0; i < n; i++) {
		for (uint32_t len = 15; len < p[i].len; len++) {
			struct packet cut = len < 14 + 20 ? tagged(p[i], 1, 0x8100) : p[i];

			cut.len = len + (cut.len - p[i].len);
			cr_assert_eq(drop(dp, dp->from, cut), 134, "sample %u, %u bytes", i, len);
			cr_assert_eq(drop(dp, dp->to, cut), 134, "sample %u, %u bytes", i, len);
		}
	}
}

/* Shorter IP packets, with and without the padding of a minimal frame: what lies beyond the IP
 * length is not part of the packet.
 */
static void cut_ip(struct dp *dp, int prog, const struct packet *whole, unsigned need, bool padded)
{
	for (uint32_t total = 20; total < whole->len - 14; total++) {
		struct packet cut = *whole;
		int expected = total < 20 + need ? 135 : 133;

		set_length(&cut, (uint16_t)total);
		if (!padded)
			cut.len = 14 + total;
		cr_assert_eq(drop(dp, prog, cut), expected, "%u bytes of IP, padded %d: %d", total,
			     padded, drop(dp, prog, cut));
	}
}

Test(hostile, an_ip_packet_cut_within_its_transport_header_is_no_flow)
{
	static const unsigned need[] = { 20, 8, 12, 8, 8, 8 + 28, 8 };
	struct dp *dp = closed();
	struct packet in[8], out[8];
	unsigned n = samples(in, PEER, ME);

	samples(out, ME, PEER);
	for (unsigned i = 0; i < n; i++) {
		for (int padded = 0; padded < 2; padded++) {
			cut_ip(dp, dp->from, &in[i], need[i], padded);
			cut_ip(dp, dp->to, &out[i], need[i], padded);
		}
	}
	cr_assert_eq(map_count(dp, "cilium_ct4_global"), 0);
	cr_assert_eq(map_count(dp, "cilium_ct_any4_global"), 0);
}

Test(hostile, ip_headers_that_lie_are_invalid)
{
	struct dp *dp = closed();
	struct packet p = tcp(PEER, 1, ME, 2, SYN);

	for (unsigned ihl = 0; ihl < 5; ihl++) {
		p.data[14] = (uint8_t)(0x40 | ihl);
		cr_assert_eq(drop(dp, dp->from, p), 134, "ihl %u", ihl);
	}
	for (unsigned version = 0; version < 16; version++) {
		p.data[14] = (uint8_t)(version << 4 | 5);
		if (version != 4)
			cr_assert_eq(drop(dp, dp->from, p), 134, "version %u", version);
	}
	p = tcp(PEER, 1, ME, 2, SYN);
	p.data[14] = 0x4f; /* 60 bytes of header in 44 of packet */
	cr_assert_eq(drop(dp, dp->from, p), 134);
	p = tcp(PEER, 1, ME, 2, SYN);
	set_length(&p, 19);
	cr_assert_eq(drop(dp, dp->from, p), 134);
	set_length(&p, 0);
	cr_assert_eq(drop(dp, dp->from, p), 134);
	set_length(&p, (uint16_t)(p.len - 14 + 1));
	cr_assert_eq(drop(dp, dp->from, p), 134);
}

Test(hostile, a_length_of_0_is_right_for_big_tcp_only)
{
	struct dp *dp = closed();
	struct packet p = tcp(PEER, 1, ME, 2, SYN);
	struct __sk_buff gso = { .gso_size = 1448, .gso_segs = 2 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = p.data, .data_size_in = p.len,
		    .ctx_in = &gso, .ctx_size_in = sizeof(gso));

	/* Linux 6.3: a GSO packet of more than 64 KiB has no length in its IPv4 header */
	set_length(&p, 0);
	dp_rule(dp, (struct rule){ .bits = 24, .proto = 6, .port = 2 });
	cr_assert_eq(drop(dp, dp->from, p), 134);
	cr_assert_eq(bpf_prog_test_run_opts(dp->from, &opts), 0);
	cr_assert_eq(opts.retval, ACT_OK);
}

Test(hostile, options_move_the_transport_header)
{
	struct dp *dp = closed();
	struct packet p = { 0 };
	uint8_t l4[64] = { 0 };

	/* 60 bytes of header: 40 of options (NOP), then TCP to port 80 */
	memset(l4, 1, 40);
	l4[40 + 1] = 9;
	l4[40 + 2] = 0, l4[40 + 3] = 80;
	l4[40 + 12] = 0x50;
	packet_ip(&p, PEER, ME, IPPROTO_TCP, l4, 60);
	p.data[14] = 0x4f;
	cr_assert_eq(drop(dp, dp->from, p), 133);
	dp_rule(dp, (struct rule){ .bits = 24, .proto = 6, .port = 80 });
	cr_assert_eq(drop(dp, dp->from, p), 0);
}

Test(hostile, tcp_headers_that_lie_are_no_flow)
{
	struct dp *dp = closed();
	struct packet p = tcp(PEER, 1, ME, 2, SYN);

	for (unsigned doff = 0; doff < 16; doff++) {
		p.data[34 + 12] = (uint8_t)(doff << 4);
		cr_assert_eq(drop(dp, dp->from, p), doff == 5 || doff == 6 ? 133 : 135, "doff %u",
			     doff);
	}
}

Test(hostile, quotes_that_lie_are_no_flow)
{
	struct dp *dp = closed();
	struct packet sent = tcp(ME, 24824, PEER, 2379, SYN), p;

	p = icmp_error(PEER, ME, 3, &sent);
	p.data[42] = 0x65;
	cr_assert_eq(drop(dp, dp->from, p), 135, "quotes version 6");
	p.data[42] = 0x44;
	cr_assert_eq(drop(dp, dp->from, p), 135, "quoted header too short");
	p.data[42] = 0x46;
	cr_assert_eq(drop(dp, dp->from, p), 135, "quoted options without ports behind");
	p.data[42] = 0x45;
	cr_assert_eq(drop(dp, dp->from, p), 133);
	dp_rule(dp, (struct rule){ .egress = EGRESS });
	cr_assert_eq(drop(dp, dp->to, sent), 0);
	cr_assert_eq(drop(dp, dp->from, icmp_error(PEER, ME, 3, &sent)), 0);
	sent = fragment(sent, 3, 185, false);
	cr_assert_eq(drop(dp, dp->from, icmp_error(PEER, ME, 3, &sent)), 133,
		     "a later fragment has no ports to find a flow by");
}

Test(hostile, unknown_protocols_are_dropped_by_name)
{
	struct dp *dp = closed();
	struct packet p = tcp(PEER, 1, ME, 2, SYN);

	for (unsigned proto = 0; proto < 256; proto++) {
		int expected = proto == 6 || proto == 17 || proto == 1 || proto == 132 ? 133 : 137;

		p.data[14 + 9] = (uint8_t)proto;
		p.data[34] = 8; /* as ICMP: an echo */
		cr_assert_eq(drop(dp, dp->from, p), expected, "protocol %u", proto);
	}
}

Test(hostile, vlan_tags_hide_nothing)
{
	struct dp *dp = closed();
	struct packet p = tcp(PEER, 1, ME, 2, SYN);

	cr_assert_eq(drop(dp, dp->from, tagged(p, 1, 0x8100)), 133);
	cr_assert_eq(drop(dp, dp->from, tagged(p, 2, 0x88a8)), 133);
	cr_assert_eq(drop(dp, dp->from, tagged(p, 1, 0x88a8)), 133);
	for (unsigned tags = 3; tags < 6; tags++)
		cr_assert_neq(drop(dp, dp->from, tagged(p, tags, 0x8100)), 0, "%u tags", tags);
}

Test(hostile, arp_and_ipv6_of_others_pass_whole_and_not_cut)
{
	struct dp *dp = closed();
	struct packet arp = { .len = 14 + 28 }, v6 = { .len = 14 + 40 };

	arp.data[12] = 0x08, arp.data[13] = 0x06;
	v6.data[12] = 0x86, v6.data[13] = 0xdd, v6.data[14] = 0x60, v6.data[20] = 59;
	cr_assert_eq(drop(dp, dp->from, arp), 0);
	cr_assert_eq(drop(dp, dp->to, arp), 0);
	cr_assert_eq(drop(dp, dp->from, v6), 0);
	cr_assert_eq(drop(dp, dp->to, v6), 0);
	v6.data[14] = 0x40;
	cr_assert_eq(drop(dp, dp->from, v6), 134, "says IPv6, is version 4");
	v6.data[14] = 0x60;
	v6 = tagged(v6, 1, 0x8100);
	while (v6.len-- > 19)
		cr_assert_eq(drop(dp, dp->from, v6), 134, "%u bytes", v6.len);
	while (arp.len-- > 15)
		cr_assert_eq(drop(dp, dp->to, arp), 134, "%u bytes", arp.len);
}

/* Random bytes behind a right destination: whatever they are, nothing may pass. */
Test(hostile, random_bytes_to_the_host_never_pass, .timeout = 60)
{
	struct dp *dp = closed();
	unsigned seed = 19367;

	for (int i = 0; i < 20000; i++) {
		struct packet p[8];
		unsigned n = samples(p, PEER, ME), which = rand_r(&seed) % n;
		unsigned flips = 1 + rand_r(&seed) % 6;

		while (flips--) {
			uint32_t at = 14 + rand_r(&seed) % (p[which].len - 14);

			if (at < 30 || at > 33) /* not the destination */
				p[which].data[at] = (uint8_t)rand_r(&seed);
		}
		cr_assert_neq(drop(dp, dp->from, p[which]), 0, "round %d, sample %u", i, which);
	}
	cr_assert_eq(map_count(dp, "cilium_ct4_global"), 0);
	cr_assert_eq(map_count(dp, "cilium_ct_any4_global"), 0);
}
