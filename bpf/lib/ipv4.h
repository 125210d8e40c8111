/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The IPv4 header, checked as ip_rcv() would, and the ports of fragments. */
#ifndef VERDICT_LIB_IPV4_H
#define VERDICT_LIB_IPV4_H

#include <linux/in.h>
#include <linux/ip.h>

#include <lib/ctx.h>
#include <lib/reasons.h>

#define IPV4_MF		 0x2000
#define IPV4_OFFSET_MASK 0x1fff

struct ipv4_frag_id {
	__be32 daddr;
	__be32 saddr;
	__be16 id;
	__u8 proto;
	__u8 pad;
} __attribute__((packed));

/* ICMP echo: the identifier and the message type. */
struct ipv4_frag_l4ports {
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

/* IPv4 BIG TCP (Linux 6.3): a GSO packet over 64 KiB says 0 for its length. */
static __always_inline __u32 ipv4_total_length(struct __sk_buff *ctx, const struct packet *pkt,
					       const struct iphdr *ip)
{
	__u32 len = bpf_ntohs(ip->tot_len);

	if (!len && ctx->gso_size)
		return ctx->len - pkt->l3_off;
	return len;
}

static __always_inline int ipv4_parse(struct __sk_buff *ctx, struct packet *pkt)
{
	struct iphdr ip;
	__u32 hlen, total;
	__u16 frag;

	if (!ctx_load(ctx, pkt->l3_off, &ip, sizeof(ip)))
		return DROP(pkt, DROP_INVALID);
	hlen = ip.ihl * 4;
	total = ipv4_total_length(ctx, pkt, &ip);
	if (ip.version != 4 || hlen < sizeof(ip) || total < hlen || pkt->l3_off + total > ctx->len)
		return DROP(pkt, DROP_INVALID);

	frag = bpf_ntohs(ip.frag_off);
	pkt->l4_off = pkt->l3_off + hlen;
	pkt->end = pkt->l3_off + total;
	pkt->saddr = ip.saddr;
	pkt->daddr = ip.daddr;
	pkt->frag_id = ip.id;
	pkt->protocol = ip.protocol;
	pkt->more_fragments = frag & IPV4_MF;
	pkt->later_fragment = frag & IPV4_OFFSET_MASK;
	return 0;
}

static __always_inline struct ipv4_frag_id ipv4_frag_key(const struct packet *pkt)
{
	return (struct ipv4_frag_id){
		.daddr = pkt->daddr,
		.saddr = pkt->saddr,
		.id = pkt->frag_id,
		.proto = pkt->protocol,
	};
}

/* Keeps what later fragments of the datagram don't carry. */
static __always_inline void ipv4_frag_remember(const struct packet *pkt, __be16 sport, __be16 dport)
{
	struct ipv4_frag_id key = ipv4_frag_key(pkt);
	struct ipv4_frag_l4ports ports = { .sport = sport, .dport = dport };

	bpf_map_update_elem(&cilium_ipv4_frag_datagrams, &key, &ports, BPF_ANY);
}

/* A fragment that overtakes the first one is dropped like one that has none. */
static __always_inline int ipv4_frag_recall(struct packet *pkt, struct ipv4_frag_l4ports *ports)
{
	struct ipv4_frag_id key = ipv4_frag_key(pkt);
	const struct ipv4_frag_l4ports *found;

	found = bpf_map_lookup_elem(&cilium_ipv4_frag_datagrams, &key);
	if (!found)
		return DROP(pkt, DROP_FRAG_NOT_FOUND);
	*ports = *found;
	return 0;
}

#endif
