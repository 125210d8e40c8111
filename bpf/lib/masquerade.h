/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Pods reach the world with the node's address, as packets leave the node.
 *
 * Not where the network knows the way back to pods: the native routing network, networks of the agent's
 * list (cilium_ipmasq_*), other nodes. Not what answers somebody who asked the pod itself. The node's own
 * flows are noted, so that no pod gets a port that the node uses to the same peer.
 */
#ifndef VERDICT_LIB_MASQUERADE_H
#define VERDICT_LIB_MASQUERADE_H

#include <lib/endpoint.h>
#include <lib/ipcache.h>
#include <lib/lpm.h>
#include <lib/nat.h>

DECLARE_CONFIG(bool, enable_ip_masq_agent, false,
	       "Networks of cilium_ipmasq_* see pods' addresses");

#define MASQ_MAP(name, key_type)                                                                   \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_LPM_TRIE);                                               \
		__type(key, struct key_type);                                                      \
		__type(value, struct lpm_val);                                                     \
		__uint(max_entries, 16384);                                                        \
		__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_RDONLY_PROG);                          \
		__uint(pinning, LIBBPF_PIN_BY_NAME);                                               \
	} name SEC(".maps")

MASQ_MAP(cilium_ipmasq_v4, lpm_v4_key);
MASQ_MAP(cilium_ipmasq_v6, lpm_v6_key);

static __always_inline bool masquerade_listed(const struct packet *pkt)
{
	if (!CONFIG(enable_ip_masq_agent))
		return false;
	if (pkt->is_ipv6) {
		struct lpm_v6_key key = { .lpm.prefixlen = 128 };

		__builtin_memcpy(key.addr, &pkt->daddr.ip6, sizeof(key.addr));
		return bpf_map_lookup_elem(&cilium_ipmasq_v6, &key);
	} else {
		struct lpm_v4_key key = { .lpm.prefixlen = 32 };

		__builtin_memcpy(key.addr, &pkt->daddr.ip4, sizeof(key.addr));
		return bpf_map_lookup_elem(&cilium_ipmasq_v4, &key);
	}
}

/* len: at most 32. */
static __always_inline bool masquerade_word_in(__be32 word, __be32 net, __u32 len)
{
	return !len || !((bpf_ntohl(word) ^ bpf_ntohl(net)) >> (32 - len));
}

static __always_inline __u32 masquerade_bits(__u32 len, __u32 word)
{
	__u32 before = word * 32;

	return len <= before ? 0 : len - before > 32 ? 32 : len - before;
}

static __always_inline bool masquerade_native(const struct packet *pkt)
{
	const union v6addr *a = &pkt->daddr.ip6;
	union v6addr net;
	__u32 len;

	if (!pkt->is_ipv6) {
		len = CONFIG(native_routing_cidr4_len);
		return len <= 32 &&
		       masquerade_word_in(pkt->daddr.ip4, CONFIG(native_routing_cidr4).be32, len);
	}
	len = CONFIG(native_routing_cidr6_len);
	net = CONFIG_IP6(native_routing_cidr6);
	return len <= 128 && masquerade_word_in(a->p.p1, net.p.p1, masquerade_bits(len, 0)) &&
	       masquerade_word_in(a->p.p2, net.p.p2, masquerade_bits(len, 1)) &&
	       masquerade_word_in(a->p.p3, net.p.p3, masquerade_bits(len, 2)) &&
	       masquerade_word_in(a->p.p4, net.p.p4, masquerade_bits(len, 3));
}

static __always_inline bool masquerade_excluded(const struct packet *pkt)
{
	if (masquerade_native(pkt) || masquerade_listed(pkt))
		return true;
	return !CONFIG(enable_remote_node_masquerade) &&
	       destination_identity(pkt) == IDENTITY_REMOTE_NODE;
}

/* The pod was asked: its entry of the request (flags IN) is there. */
static __always_inline bool masquerade_is_answer(struct packet *pkt)
{
	struct flow f = packet_flow(pkt);

	flow_turn(&f);
	return ct_find(pkt, &f, TUPLE_F_IN);
}

/* Of the host's own flows those that a pod's could be taken for. */
static __always_inline int masquerade_host(ctx_t *ctx, struct packet *pkt, const union addr *own)
{
	if (!nat_possible(pkt) || !nat_port_ours(pkt->sport))
		return 0;
	return nat_forward(ctx, pkt, own, true);
}

/* For a packet that leaves the node; pkt's L4 fields are filled where it is of a protocol with such. 0, or
 * the reason to drop.
 */
__subprogram int masquerade(ctx_t *ctx, struct packet *pkt)
{
	const struct endpoint_info *ep;
	union addr own;

	if (pkt->is_ipv6) {
		if (!CONFIG(enable_ipv6_masquerade))
			return 0;
		own.ip6 = CONFIG_IP6(nat_ipv6_masquerade);
	} else {
		if (!CONFIG(enable_ipv4_masquerade))
			return 0;
		own = addr_ip4(CONFIG(nat_ipv4_masquerade).be32);
	}
	if (addr_equal(&pkt->saddr, &own))
		return masquerade_host(ctx, pkt, &own);
	ep = endpoint_lookup(&pkt->saddr, pkt->is_ipv6);
	if (!ep || endpoint_is_host(ep) || masquerade_excluded(pkt))
		return 0;
	if (pkt->trackable && masquerade_is_answer(pkt))
		return 0;
	return nat_forward(ctx, pkt, &own, false);
}

#endif
