/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The IPv4 header, checked as ip_rcv() would. */
#ifndef VERDICT_LIB_IPV4_H
#define VERDICT_LIB_IPV4_H

#include <linux/in.h>
#include <linux/ip.h>

#include <lib/ctx.h>
#include <lib/reasons.h>

#define IPV4_MF		 0x2000
#define IPV4_OFFSET_MASK 0x1fff

/* BIG TCP (Linux 5.19, IPv4 6.3): a GSO packet over 64 KiB says 0 for its length. */
static __always_inline __u32 ip_length(ctx_t *ctx, const struct packet *pkt, __be16 field,
				       __u32 header)
{
	__u32 len = bpf_ntohs(field);

	if (!len && ctx_gso_size(ctx))
		return ctx_len(ctx) - pkt->l3_off;
	return len + header;
}

static __always_inline int ipv4_parse(ctx_t *ctx, struct packet *pkt)
{
	struct iphdr ip;
	__u32 hlen, total;
	__u16 frag;

	if (!ctx_load_header(ctx, pkt->l3_off, &ip, sizeof(ip)))
		return DROP(pkt, DROP_INVALID);
	hlen = ip.ihl * 4;
	total = ip_length(ctx, pkt, ip.tot_len, 0);
	if (ip.version != 4 || hlen < sizeof(ip) || total < hlen ||
	    pkt->l3_off + total > ctx_len(ctx))
		return DROP(pkt, DROP_INVALID);

	frag = bpf_ntohs(ip.frag_off);
	pkt->l4_off = pkt->l3_off + hlen;
	pkt->end = pkt->l3_off + total;
	pkt->saddr.ip4 = ip.saddr;
	pkt->daddr.ip4 = ip.daddr;
	pkt->frag_id = ip.id;
	pkt->protocol = ip.protocol;
	pkt->more_fragments = frag & IPV4_MF;
	pkt->later_fragment = frag & IPV4_OFFSET_MASK;
	return 0;
}

#endif
