/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* IPv6 at the host firewall: what IPv4 has (policy, flows, errors, fragments), and what only IPv6 has:
 * messages no link works without, messages no network may send, extension headers. RFC 4443, 4890, 8200.
 */
#include "datapath.h"

#define ME   "fd00:10::34"
#define PEER "fd00:10::31"

enum { V6_HOP = 0, V6_FRAGMENT = 44, V6_AUTH = 51, V6_ICMP = 58, V6_DEST = 60 };

/* struct ipv6_ct_tuple, 38 bytes */
struct ct_key6 {
	uint8_t daddr[16], saddr[16];
	uint16_t dport, sport;
	uint8_t nexthdr, flags;
} __attribute__((packed));

static void ipcache6(struct dp *dp, const char *addr, uint32_t identity)
{
	uint8_t key[24] = { 0 }, value[24] = { 0 };
	uint32_t prefix = 32 + 128;

	memcpy(key, &prefix, 4);
	key[7] = 2;
	inet_pton(AF_INET6, addr, key + 8);
	memcpy(value, &identity, 4);
	cr_assert_eq(bpf_map_update_elem(dp_map(dp, "cilium_ipcache_v2"), key, value, BPF_ANY), 0);
}

/* All out, nothing in. */
static struct dp *open6(void)
{
	struct dp *dp = DP_OPEN();

	ipcache6(dp, ME, HOST);
	ipcache6(dp, PEER, APISERVER);
	return dp;
}

static struct packet packet6(const char *src, const char *dst, uint8_t next, const void *data,
			     uint16_t len)
{
	static const uint8_t eth[14] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd };
	struct packet p = { .len = 54u + len };
	uint16_t payload = htons(len);

	memcpy(p.data, eth, 14);
	p.data[14] = 0x60;
	memcpy(p.data + 18, &payload, 2);
	p.data[20] = next;
	p.data[21] = 64;
	inet_pton(AF_INET6, src, p.data + 22);
	inet_pton(AF_INET6, dst, p.data + 38);
	memcpy(p.data + 54, data, len);
	return p;
}

static struct packet tcp6(const char *src, uint16_t sport, const char *dst, uint16_t dport,
			  uint8_t flags)
{
	uint8_t l4[20] = { (uint8_t)(sport >> 8), (uint8_t)sport, (uint8_t)(dport >> 8),
			   (uint8_t)dport };

	l4[12] = 0x50;
	l4[13] = flags;
	return packet6(src, dst, IPPROTO_TCP, l4, sizeof(l4));
}

static struct packet udp6(const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
	uint8_t l4[12] = { (uint8_t)(sport >> 8),
			   (uint8_t)sport,
			   (uint8_t)(dport >> 8),
			   (uint8_t)dport,
			   0,
			   sizeof(l4) };

	return packet6(src, dst, IPPROTO_UDP, l4, sizeof(l4));
}

static struct packet icmp6(const char *src, const char *dst, uint8_t type, uint16_t id)
{
	uint8_t l4[24] = { type, 0, 0, 0, (uint8_t)(id >> 8), (uint8_t)id, 0, 1 };

	return packet6(src, dst, V6_ICMP, l4, sizeof(l4));
}

static struct packet error6(const char *src, const char *dst, uint8_t type,
			    const struct packet *quoted)
{
	uint8_t l4[8 + 48] = { type };

	memcpy(l4 + 8, quoted->data + 14, 48);
	return packet6(src, dst, V6_ICMP, l4, sizeof(l4));
}

/* Puts a header right behind the fixed one. */
static struct packet extended(struct packet p, uint8_t type, const uint8_t *ext, uint16_t len)
{
	uint16_t payload = htons((uint16_t)(p.len - 54 + len));

	memmove(p.data + 54 + len, p.data + 54, p.len - 54);
	memcpy(p.data + 54, ext, len);
	p.data[54] = p.data[20];
	p.data[20] = type;
	memcpy(p.data + 18, &payload, 2);
	p.len += len;
	return p;
}

static struct packet fragment6(struct packet p, uint32_t id, uint16_t offset8, bool more)
{
	uint8_t ext[8] = { 0 };
	uint16_t field = htons((uint16_t)(offset8 << 3 | more));

	id = htonl(id);
	memcpy(ext + 2, &field, 2);
	memcpy(ext + 4, &id, 4);
	return extended(p, V6_FRAGMENT, ext, 8);
}

static int drop(struct dp *dp, int prog, struct packet p)
{
	return dp_drop(dp, prog, &p);
}

static int state(struct dp *dp, int prog, struct packet p)
{
	return dp_state(dp, prog, &p);
}

static void allow(struct dp *dp, uint8_t proto, uint16_t port)
{
	dp_rule(dp, (struct rule){ .label = APISERVER, .bits = 24, .proto = proto, .port = port });
}

Test(host_ipv6, policy_decides_what_comes_in)
{
	struct dp *dp = open6();

	cr_assert_eq(drop(dp, dp->from, tcp6(PEER, 40000, ME, 2379, SYN)), 133);
	allow(dp, IPPROTO_TCP, 2379);
	cr_assert_eq(drop(dp, dp->from, tcp6(PEER, 40000, ME, 2379, SYN)), 0);
	cr_assert_eq(drop(dp, dp->from, tcp6(PEER, 40000, ME, 2380, SYN)), 133);
	cr_assert_eq(drop(dp, dp->from, udp6(PEER, 40000, ME, 2379)), 133, "another protocol");
	cr_assert_eq(drop(dp, dp->from, tcp6("fd00:10::32", 40000, ME, 2379, SYN)), 133,
		     "another identity");
	dp_rule(dp, (struct rule){
			    .label = APISERVER, .bits = 24, .proto = 6, .port = 22, .deny = DENY });
	cr_assert_eq(drop(dp, dp->from, tcp6(PEER, 40000, ME, 22, SYN)), 181);
}

Test(host_ipv6, what_is_not_the_hosts_passes_untracked)
{
	struct dp *dp = open6();

	cr_assert_eq(drop(dp, dp->from, tcp6(PEER, 1, "fd00:10::99", 2, SYN)), 0);
	cr_assert_eq(drop(dp, dp->to, tcp6("fd00:10::99", 2, PEER, 1, SYN)), 0);
	cr_assert_eq(map_count(dp, "cilium_ct6_global"), 0);
}

Test(host_ipv6, replies_pass_and_the_entry_is_cilium_s)
{
	struct ct_key6 k = { .dport = htons(2379), .sport = htons(24824), .nexthdr = 6 };
	struct dp *dp = open6();
	struct ct_raw e;

	cr_assert_eq(state(dp, dp->to, tcp6(ME, 24824, PEER, 2379, SYN)), NEW);
	cr_assert_eq(state(dp, dp->from, tcp6(PEER, 2379, ME, 24824, SYN | ACK)), REPLY);
	cr_assert_eq(state(dp, dp->to, tcp6(ME, 24824, PEER, 2379, ACK)), ESTABLISHED);
	cr_assert_eq(drop(dp, dp->from, tcp6(PEER, 2379, ME, 24825, SYN | ACK)), 133);
	inet_pton(AF_INET6, ME, k.daddr); /* addresses are stored reversed */
	inet_pton(AF_INET6, PEER, k.saddr);
	cr_assert_eq(bpf_map_lookup_elem(dp_map(dp, "cilium_ct6_global"), &k, &e), 0);
	cr_assert_eq(e.packets, 3);
	cr_assert_eq(e.src_sec_id, HOST);
	cr_assert_eq(map_count(dp, "cilium_ct6_global"), 1);
	cr_assert_eq(map_count(dp, "cilium_ct4_global"), 0);
	cr_assert_eq(state(dp, dp->to, udp6(ME, 5000, PEER, 53)), NEW);
	cr_assert_eq(state(dp, dp->from, udp6(PEER, 53, ME, 5000)), REPLY);
	cr_assert_eq(map_count(dp, "cilium_ct_any6_global"), 1);
}

Test(host_ipv6, echoes_are_flows_by_their_identifier)
{
	struct dp *dp = open6();

	cr_assert_eq(drop(dp, dp->from, icmp6(PEER, ME, 129, 7)), 133);
	cr_assert_eq(state(dp, dp->to, icmp6(ME, PEER, 128, 7)), NEW);
	cr_assert_eq(state(dp, dp->from, icmp6(PEER, ME, 129, 7)), REPLY);
	cr_assert_eq(drop(dp, dp->from, icmp6(PEER, ME, 129, 8)), 133);
	cr_assert_eq(drop(dp, dp->from, icmp6(PEER, ME, 128, 7)), 133);
}

Test(host_ipv6, errors_belong_to_the_flow_they_quote)
{
	struct dp *dp = open6();
	struct packet sent = tcp6(ME, 24824, PEER, 2379, SYN);

	for (uint8_t type = 1; type <= 4; type++)
		cr_assert_eq(drop(dp, dp->from, error6("fd00:10::1", ME, type, &sent)), 133,
			     "no flow yet, type %u", type);
	cr_assert_eq(drop(dp, dp->to, sent), 0);
	for (uint8_t type = 1; type <= 4; type++)
		cr_assert_eq(state(dp, dp->from, error6("fd00:10::1", ME, type, &sent)), RELATED,
			     "type %u", type);
	cr_assert_eq(drop(dp, dp->from, error6("fd00:10::1", ME, 5, &sent)), 133,
		     "a type without meaning quotes nothing");
	sent = tcp6(ME, 24825, PEER, 2379, SYN);
	cr_assert_eq(drop(dp, dp->from, error6("fd00:10::1", ME, 1, &sent)), 133);
	sent = tcp6("fd00:10::99", 24824, PEER, 2379, SYN);
	cr_assert_eq(drop(dp, dp->from, error6("fd00:10::1", ME, 1, &sent)), 133,
		     "a quote of another sender's packet");
}

Test(host_ipv6, what_a_link_cannot_do_without_passes_closed_policy)
{
	static const uint8_t types[] = { 130, 131, 132, 133, 134, 135, 136, 141,
					 142, 143, 148, 149, 151, 152, 153 };
	struct dp *dp = open6();

	dp_clear(dp, "cilium_policy_v2");
	for (unsigned i = 0; i < sizeof(types); i++) {
		cr_assert_eq(drop(dp, dp->from, icmp6(PEER, ME, types[i], 0)), 0, "type %u",
			     types[i]);
		cr_assert_eq(drop(dp, dp->to, icmp6(ME, PEER, types[i], 0)), 0, "type %u",
			     types[i]);
	}
	cr_assert_eq(map_count(dp, "cilium_ct_any6_global"), 0, "they are no flows");
}

Test(host_ipv6, what_no_network_may_send_is_forbidden_whatever_policy_says)
{
	static const uint8_t types[] = { 100, 101, 127, 137, 138, 139, 140, 200, 201, 255 };
	struct dp *dp = open6();

	dp_rule(dp, (struct rule){ .bits = 0 });
	for (unsigned i = 0; i < sizeof(types); i++)
		cr_assert_eq(drop(dp, dp->from, icmp6(PEER, ME, types[i], 0)), 176, "type %u",
			     types[i]);
}

Test(host_ipv6, any_other_message_is_policys)
{
	struct dp *dp = open6();

	for (unsigned type = 0; type < 256; type++) {
		int got = drop(dp, dp->from, icmp6(PEER, ME, (uint8_t)type, 0));
		bool decided = got == 0 || got == 176 || got == 133;

		/* an error whose quote is all zeros is no IPv6 */
		cr_assert(decided || (got == 135 && type >= 1 && type <= 4), "type %u: %d", type,
			  got);
	}
}

Test(host_ipv6, extension_headers_hide_nothing)
{
	static const uint8_t padding[8] = { 0, 0, 1, 4 }, longer[24] = { 0, 2, 1, 20 };
	static const uint8_t auth[16] = { 0, 2 };
	struct dp *dp = open6();
	struct packet p = tcp6(PEER, 40000, ME, 80, SYN), many;

	cr_assert_eq(drop(dp, dp->from, extended(p, V6_DEST, padding, 8)), 133);
	allow(dp, IPPROTO_TCP, 80);
	cr_assert_eq(drop(dp, dp->from, extended(p, V6_DEST, padding, 8)), 0);
	cr_assert_eq(drop(dp, dp->from, extended(p, V6_DEST, longer, 24)), 0);
	cr_assert_eq(drop(dp, dp->from, extended(p, V6_AUTH, auth, 16)), 0,
		     "lengths of 4-byte words, less 2");
	cr_assert_eq(
		drop(dp, dp->from, extended(extended(p, V6_DEST, padding, 8), V6_HOP, padding, 8)),
		0);
	many = tcp6(PEER, 40001, ME, 22, SYN);
	for (int i = 0; i < 6; i++)
		many = extended(many, V6_DEST, padding, 8);
	cr_assert_eq(drop(dp, dp->from, many), 133, "six are read");
	cr_assert_eq(drop(dp, dp->from, extended(many, V6_DEST, padding, 8)), 156);
	p = extended(p, V6_DEST, longer, 24);
	p.data[55] = 200; /* 1608 bytes */
	cr_assert_eq(drop(dp, dp->from, p), 135);
}

Test(host_ipv6, later_fragments_find_the_first_ones_ports)
{
	struct dp *dp = open6();
	struct packet first = udp6(PEER, 53, ME, 5000), data = udp6(PEER, 1, ME, 2), to_other;

	to_other = fragment6(udp6(PEER, 53, ME, 5001), 78, 0, true);
	allow(dp, IPPROTO_UDP, 5000);
	cr_assert_eq(drop(dp, dp->from, fragment6(data, 77, 185, false)), 175);
	cr_assert_eq(drop(dp, dp->from, fragment6(first, 77, 0, true)), 0);
	cr_assert_eq(drop(dp, dp->from, fragment6(data, 77, 185, true)), 0);
	cr_assert_eq(drop(dp, dp->from, fragment6(data, 77, 370, false)), 0);
	cr_assert_eq(drop(dp, dp->from, fragment6(data, 78, 185, false)), 175, "another datagram");
	cr_assert_eq(drop(dp, dp->from, to_other), 133);
	cr_assert_eq(drop(dp, dp->from, fragment6(data, 78, 185, false)), 133,
		     "judged like its first fragment");
	cr_assert_eq(drop(dp, dp->from, fragment6(first, 79, 0, false)), 0, "an atomic fragment");
}

/* BPF_PROG_TEST_RUN refuses EtherType IPv6 with less than 40 bytes behind it. */
Test(host_ipv6, a_packet_cut_at_any_byte_is_no_flow)
{
	static const uint8_t padding[8] = { 0, 0, 1, 4 };
	struct dp *dp = open6();
	struct packet sent = tcp6(ME, 24824, PEER, 2379, SYN), p[5];
	static const unsigned need[] = { 20, 8, 8, 8 + 48, 8 + 20 };

	p[0] = tcp6(PEER, 40000, ME, 80, SYN);
	p[1] = udp6(PEER, 53, ME, 5000);
	p[2] = icmp6(PEER, ME, 128, 7);
	p[3] = error6(PEER, ME, 1, &sent);
	p[4] = extended(p[0], V6_DEST, padding, 8);
	for (unsigned i = 0; i < 5; i++) {
		uint16_t whole = (uint16_t)(p[i].len - 54);

		for (uint16_t len = 0; len < whole; len++) {
			struct packet cut = p[i];
			int expected = len < need[i] ? 135 : 133, got;
			uint16_t payload = htons(len);

			cut.len = 54u + len;
			cr_assert_eq(drop(dp, dp->from, cut), 134, "sample %u, %u bytes", i, len);
			memcpy(cut.data + 18, &payload, 2);
			if (i == 4 && len < 8)
				expected = 134; /* the header that would say what follows */
			got = drop(dp, dp->from, cut);
			cr_assert_eq(got, expected, "sample %u, %u bytes: %d", i, len, got);
		}
	}
	cr_assert_eq(map_count(dp, "cilium_ct6_global"), 0);
	cr_assert_eq(map_count(dp, "cilium_ct_any6_global"), 0);
}

Test(host_ipv6, the_header_must_be_one_of_ipv6)
{
	struct dp *dp = open6();
	struct packet p = tcp6(PEER, 40000, ME, 80, SYN);

	for (unsigned version = 0; version < 16; version++) {
		p.data[14] = (uint8_t)(version << 4);
		cr_assert_eq(drop(dp, dp->from, p), version == 6 ? 133 : 134, "version %u",
			     version);
	}
}

Test(host_ipv6, unknown_protocols_are_dropped_by_name)
{
	struct dp *dp = open6();

	for (unsigned proto = 0; proto < 256; proto++) {
		struct packet p = tcp6(PEER, 1, ME, 2, SYN);
		bool known = proto == 6 || proto == 17 || proto == 132;

		if (proto == 0 || proto == 43 || proto == 44 || proto == 51 || proto == 60 ||
		    proto == V6_ICMP)
			continue;
		p.data[20] = (uint8_t)proto;
		cr_assert_eq(drop(dp, dp->from, p), known ? 133 : 137, "protocol %u", proto);
	}
}

Test(host_ipv6, events_say_so)
{
	struct dp *dp = open6();
	struct packet p = tcp6(PEER, 40000, ME, 80, SYN);

	dp_run(dp, dp->from, &p);
	cr_assert_eq(dp_event(dp, EV_DROP, 133)->data[36], 1, "flag IPv6");
	cr_assert_eq(dp_event(dp, EV_TRACE, FROM_NETWORK)->data[27], 1);
	cr_assert_eq(dp_event(dp, EV_VERDICT, 0)->data[27], 1 | 1 << 2, "ingress, IPv6, no match");
}
