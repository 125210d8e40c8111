/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Ports of fragments: the first one of a datagram carries them, the later ones find them here. */
#ifndef VERDICT_LIB_FRAG_H
#define VERDICT_LIB_FRAG_H

#include <lib/ctx.h>
#include <lib/reasons.h>

struct ipv4_frag_id {
	__be32 daddr;
	__be32 saddr;
	__be16 id;
	__u8 proto;
	__u8 pad;
} __attribute__((packed));

struct ipv6_frag_id {
	__be32 id;
	__u8 proto;
	__u8 pad[3];
	union v6addr saddr;
	union v6addr daddr;
} __attribute__((packed));

/* ICMP echo: the identifier and the message type. */
struct ipv4_frag_l4ports {
	__be16 sport;
	__be16 dport;
} __attribute__((packed));

struct ipv6_frag_l4ports {
	__be16 sport;
	__be16 dport;
} __attribute__((packed));

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct ipv4_frag_id);
	__type(value, struct ipv4_frag_l4ports);
	__uint(max_entries, 8192);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} cilium_ipv4_frag_datagrams SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct ipv6_frag_id);
	__type(value, struct ipv6_frag_l4ports);
	__uint(max_entries, 8192);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} cilium_ipv6_frag_datagrams SEC(".maps");

static __always_inline struct ipv4_frag_id ipv4_frag_key(const struct packet *pkt)
{
	return (struct ipv4_frag_id){
		.daddr = pkt->daddr.ip4,
		.saddr = pkt->saddr.ip4,
		.id = (__be16)pkt->frag_id,
		.proto = pkt->protocol,
	};
}

static __always_inline struct ipv6_frag_id ipv6_frag_key(const struct packet *pkt)
{
	return (struct ipv6_frag_id){
		.id = pkt->frag_id,
		.proto = pkt->protocol,
		.saddr = pkt->saddr.ip6,
		.daddr = pkt->daddr.ip6,
	};
}

/* Keeps what later fragments of the datagram don't carry. */
static __always_inline void frag_remember(const struct packet *pkt, __be16 sport, __be16 dport)
{
	struct ipv4_frag_l4ports ports = { .sport = sport, .dport = dport };

	if (pkt->is_ipv6) {
		struct ipv6_frag_id key = ipv6_frag_key(pkt);

		map_update(&cilium_ipv6_frag_datagrams, &key, &ports, BPF_ANY);
	} else {
		struct ipv4_frag_id key = ipv4_frag_key(pkt);

		map_update(&cilium_ipv4_frag_datagrams, &key, &ports, BPF_ANY);
	}
}

/* A fragment that overtakes the first one is dropped like one that has none. */
static __always_inline int frag_recall(struct packet *pkt, struct ipv4_frag_l4ports *ports)
{
	const struct ipv4_frag_l4ports *found;

	if (pkt->is_ipv6) {
		struct ipv6_frag_id key = ipv6_frag_key(pkt);

		found = map_look_up(&cilium_ipv6_frag_datagrams, &key);
	} else {
		struct ipv4_frag_id key = ipv4_frag_key(pkt);

		found = map_look_up(&cilium_ipv4_frag_datagrams, &key);
	}
	if (!found)
		return DROP(pkt, DROP_FRAG_NOT_FOUND);
	*ports = *found;
	return 0;
}

#endif
