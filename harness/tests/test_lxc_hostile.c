/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Malformed packets of pods: each ends in a reason of its own, and none slips past a policy. The pods here may
 * use TCP port 80 of the server and nothing else.
 */
#include "lab_pods.h"

static const char rules_out[] =
	RULE("64", "egress: 1, protocol: 6, dport: 80", "lpm_prefix_length: 24");
static const char rules_in[] =
	RULE("64", "egress: 0, protocol: 6, dport: 80", "lpm_prefix_length: 24");

static void closed_pods(void)
{
	pods("trace_payload_len: 128", rules_out, rules_in, NULL);
}

/* Drop reason of the packet as it leaves the pod; 0: it passed. */
static int reason_of(const struct pkt *p)
{
	const struct hop *hop = leaves("client", *p);

	if (hop->verdict != TC_ACT_SHOT)
		return 0;
	cr_expect(word_name(&words_drop_reason, hop->drop_reason) && hop->drop_line,
		  "%s: reason %d", lab->last, hop->drop_reason);
	return hop->drop_reason;
}

/* An extension header of 8 bytes, or of more, before the rest of an IPv6 packet. */
static struct pkt with_extension(struct pkt p, uint8_t type, uint32_t len)
{
	uint8_t header[64] = { p.b[20], (uint8_t)(len / 8 - 1), 1, (uint8_t)(len - 4) };

	memmove(p.b + 54 + len, p.b + 54, p.len - 54);
	memcpy(p.b + 54, header, len);
	p.b[20] = type;
	p.len += len;
	end_ip(&p, 14);
	return p;
}

static struct pkt with_options(struct pkt p, uint32_t len)
{
	memmove(p.b + 34 + len, p.b + 34, p.len - 34);
	memset(p.b + 34, 1, len); /* no operation */
	p.b[14] = (uint8_t)(0x45 + len / 4);
	p.len += len;
	end_ip(&p, 14);
	return p;
}

enum { N_SAMPLES = 11 };

/* One well-formed packet of each kind, from the client to the server; need: of its transport header. */
static void samples(struct pkt p[N_SAMPLES], uint32_t need[N_SAMPLES])
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct pkt *to = p + 5 * v6;
		struct pkt quoted = tcp(server[v6], 80, client[v6], 4000, SYN);

		to[0] = tcp(client[v6], 4000, server[v6], 443, SYN);
		to[1] = udp(client[v6], 4000, server[v6], 53);
		to[2] = icmp(client[v6], server[v6], v6 ? 128 : 8, 0, 7);
		put_eth(&to[3], v6 ? 0x86dd : 0x0800);
		put_error(&to[3], client[v6], server[v6], v6 ? 1 : 3, 0, 0, &quoted, 60);
		to[4] = v6 ? with_extension(to[0], 60, 16) : with_options(to[0], 8);
		memcpy(need + 5 * v6, (uint32_t[]){ 20, 8, 8, v6 ? 56 : 36, 20 }, 20);
	}
	p[10] = with_extension(with_extension(tcp(client[1], 4000, server[1], 443, SYN), 43, 24), 0,
			       8);
	need[10] = 20;
}

static uint32_t l4_of(const struct pkt *p)
{
	if (p->b[14] >> 4 == 4)
		return 14 + (p->b[14] & 0xfu) * 4;
	return p->b[20] == 60 ? 54 + 16 : p->b[20] == 0 ? 54 + 32 : 54;
}

/* The kernel's test run refuses frames shorter than their network header. */
Test(lxc_hostile, a_frame_cut_at_any_byte_is_invalid, .timeout = 300)
{
	struct pkt p[N_SAMPLES];
	uint32_t need[N_SAMPLES];

	NEEDS_ROOT();
	closed_pods();
	samples(p, need);
	for (int i = 0; i < N_SAMPLES; i++) {
		for (uint32_t len = p[i].b[12] == 8 ? 34 : 54; len < p[i].len; len++) {
			struct pkt cut = p[i];

			cut.len = len;
			cr_expect_eq(reason_of(&cut), 134, "sample %d, %u bytes: %d", i, len,
				     lab_hop(lab)->drop_reason);
		}
		cr_expect_eq(reason_of(&p[i]), 133, "sample %d: %d", i, lab_hop(lab)->drop_reason);
	}
	lab_close(lab);
}

/* The same with the IP length cut too: within the transport header it is no flow (135), within an extension
 * header invalid (134); with all of it, what policy says.
 */
Test(lxc_hostile, a_packet_cut_within_its_headers_is_no_flow, .timeout = 300)
{
	struct pkt p[N_SAMPLES];
	uint32_t need[N_SAMPLES];

	NEEDS_ROOT();
	closed_pods();
	samples(p, need);
	for (int i = 0; i < N_SAMPLES; i++) {
		uint32_t l4 = l4_of(&p[i]);

		for (uint32_t len = p[i].b[12] == 8 ? l4 : 54; len < p[i].len; len++) {
			struct pkt cut = p[i];
			int reason;

			cut.len = len;
			end_ip(&cut, 14);
			reason = reason_of(&cut);
			if (len < l4)
				cr_expect(reason == 134 || reason == 135, "sample %d, %u: %d", i,
					  len, reason);
			else
				cr_expect_eq(reason, len < l4 + need[i] ? 135 : 133,
					     "sample %d, %u bytes: %d", i, len, reason);
		}
	}
	lab_close(lab);
}

Test(lxc_hostile, headers_that_lie_are_invalid, .timeout = 60)
{
	struct pkt p = tcp(client[0], 4000, server[0], 80, SYN);

	NEEDS_ROOT();
	closed_pods();
	for (uint8_t ihl = 0; ihl < 5; ihl++) {
		p.b[14] = 0x40 | ihl;
		cr_expect_eq(reason_of(&p), 134, "ihl %u", ihl);
	}
	p.b[14] = 0x4f;
	cr_expect_eq(reason_of(&p), 134);
	p = tcp(client[0], 4000, server[0], 80, SYN);
	set16(&p, 16, 19);
	cr_expect_eq(reason_of(&p), 134);
	set16(&p, 16, (uint16_t)(p.len - 13));
	cr_expect_eq(reason_of(&p), 134);
	p = tcp(client[1], 4000, server[1], 80, SYN);
	set16(&p, 18, (uint16_t)(p.len - 53));
	cr_expect_eq(reason_of(&p), 134);
	for (uint8_t doff = 0; doff < 5; doff++) {
		p = tcp(client[1], 4000, server[1], 80, SYN);
		p.b[54 + 12] = (uint8_t)(doff << 4);
		cr_expect_eq(reason_of(&p), 135, "data offset %u", doff);
	}
	lab_close(lab);
}

Test(lxc_hostile, extension_headers_hide_nothing, .timeout = 60)
{
	struct pkt p = tcp(client[1], 4000, server[1], 443, SYN);

	NEEDS_ROOT();
	closed_pods();
	for (int i = 0; i < 8; i++) {
		cr_expect_eq(reason_of(&p), i > 6 ? 156 : 133, "%d headers: %d", i,
			     lab_hop(lab)->drop_reason);
		p = with_extension(p, i % 2 ? 60 : 0, 8);
	}
	p = with_extension(tcp(client[1], 4000, server[1], 80, SYN), 60, 32);
	cr_expect_eq(reason_of(&p), 0);
	p = tcp(client[1], 4000, server[1], 80, SYN);
	p.b[20] = 59; /* no next header */
	cr_expect_eq(reason_of(&p), 137);
	p.b[20] = 50; /* ESP */
	cr_expect_eq(reason_of(&p), 137);
	lab_close(lab);
}

/* RFC 1858: a first fragment without all of the header could have the rest written over. */
Test(lxc_hostile, tiny_fragments_are_no_flow, .timeout = 60)
{
	NEEDS_ROOT();
	closed_pods();
	for (uint32_t len = 8; len < 20; len += 4) {
		struct pkt p = tcp(client[0], 4000, server[0], 80, SYN);

		p.len = 34 + len;
		set16(&p, 20, 0x2000);
		end_ip(&p, 14);
		cr_expect_eq(reason_of(&p), 135, "%u bytes", len);
		set16(&p, 20, 1);
		end_ip(&p, 14);
		cr_expect_eq(reason_of(&p), 175, "%u bytes", len);
	}
	lab_close(lab);
}

Test(lxc_hostile, vlan_tags_hide_nothing, .timeout = 60)
{
	NEEDS_ROOT();
	closed_pods();
	for (int tags = 1; tags < 4; tags++) {
		struct pkt inner = tcp(client[0], 4000, server[0], 443, SYN), p;

		put_eth(&p, 0x8100);
		for (int i = 1; i < tags; i++)
			put_vlan(&p, 0, 0x8100);
		put_vlan(&p, 0, 0x0800);
		put_bytes(&p, inner.b + 14, inner.len - 14);
		cr_expect_eq(reason_of(&p), tags > 2 ? 182 : 133, "%d tags: %d", tags,
			     lab_hop(lab)->drop_reason);
	}
	lab_close(lab);
}

/* Whatever bytes change: what is delivered is TCP to port 80 of the server, from the client. Judged by the
 * fields where RFC 791, 8200 and 9293 have them.
 */
static bool is_allowed(const struct pkt *p)
{
	bool v6 = p->b[12] == 0x86;
	struct pkt want = tcp(client[v6], 1, server[v6], 80, SYN);
	uint32_t l4 = v6 ? 54 : 14 + (p->b[14] & 0xfu) * 4;

	if (memcmp(p->b + (v6 ? 22 : 26), want.b + (v6 ? 22 : 26), v6 ? 32 : 8))
		return false;
	if (v6 && p->b[20] != 6)
		return true; /* behind extension headers: see above */
	if (!v6 && at16(p, 20) & 0x1fff)
		return true; /* a later fragment, of a datagram with a first one that was */
	return (v6 || p->b[23] == 6) && at16(p, l4 + 2) == 80;
}

static int verdict_of(const struct pkt *p)
{
	struct capture_packet c = { .linktype = LINK_ETHERNET, .data = p->b };
	int verdict = TC_ACT_SHOT;
	const char *why;

	c.caplen = c.len = p->len;
	cr_assert_geq(replay_verdict(lab->replay, &c, &verdict, &why, &lab->err), 0, "%s",
		      lab->err.text);
	return verdict;
}

Test(lxc_hostile, random_changes_never_open_a_policy, .timeout = 300)
{
	uint32_t state = 4711;
	int passed = 0;

	NEEDS_ROOT();
	closed_pods();
	for (int i = 0; i < 50000; i++) {
		bool v6 = i % 2;
		struct pkt p = tcp(client[v6], (uint16_t)i, server[v6], i % 3 ? 80 : 443, SYN);

		for (uint32_t n = rnd(&state) % 4; n; n--)
			p.b[14 + rnd(&state) % (p.len - 14)] = (uint8_t)rnd(&state);
		if (verdict_of(&p) != TC_ACT_REDIRECT)
			continue;
		passed++;
		cr_assert(is_allowed(&p), "packet %d: delivered: protocol %u, port %u", i, p.b[23],
			  at16(&p, 36));
	}
	cr_expect_gt(passed, 10000);
	lab_close(lab);
}
