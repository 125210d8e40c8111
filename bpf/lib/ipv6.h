/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The IPv6 header and its extension headers, checked as ipv6_rcv() would. */
#ifndef VERDICT_LIB_IPV6_H
#define VERDICT_LIB_IPV6_H

#include <linux/in6.h>

#include <lib/ctx.h>
#include <lib/ipv4.h>
#include <lib/reasons.h>

#define IPV6_MF		 0x0001
#define IPV6_OFFSET_MASK 0xfff8

#define IPV6_EXTHDR_MAX 6 /* more than any host has reason to send */

/* RFC 8200. <linux/ipv6.h> draws in what a program of the kernel has no place for. */
struct ipv6_header {
	__u8 version_class[2];
	__be16 flow;
	__be16 payload_len;
	__u8 nexthdr;
	__u8 hop_limit;
	union v6addr saddr;
	union v6addr daddr;
};

enum ipv6_exthdr {
	EXTHDR_HOP = 0,
	EXTHDR_ROUTING = 43,
	EXTHDR_FRAGMENT = 44,
	EXTHDR_AUTH = 51,
	EXTHDR_DEST = 60,
};

static __always_inline bool ipv6_is_exthdr(__u8 type)
{
	return type == EXTHDR_HOP || type == EXTHDR_ROUTING || type == EXTHDR_FRAGMENT ||
	       type == EXTHDR_AUTH || type == EXTHDR_DEST;
}

/* Steps over one extension header. 1: *next is the transport protocol. */
static __always_inline int ipv6_step(ctx_t *ctx, struct packet *pkt, __u8 *next)
{
	struct {
		__u8 next;
		__u8 len;
		__be16 frag;
		__be32 id;
	} ext;
	__u8 type = *next;

	if (!ipv6_is_exthdr(type))
		return 1;
	if (!packet_load(ctx, pkt, pkt->l4_off, &ext, sizeof(ext)))
		return DROP(pkt, DROP_INVALID);
	*next = ext.next;
	if (type == EXTHDR_FRAGMENT) {
		pkt->l4_off += sizeof(ext);
		pkt->frag_id = ext.id;
		pkt->more_fragments = bpf_ntohs(ext.frag) & IPV6_MF;
		pkt->later_fragment = bpf_ntohs(ext.frag) & IPV6_OFFSET_MASK;
		return pkt->later_fragment; /* what follows is data */
	}
	pkt->l4_off += type == EXTHDR_AUTH ? (ext.len + 2) * 4 : (ext.len + 1) * 8;
	return 0;
}

static __always_inline int ipv6_parse(ctx_t *ctx, struct packet *pkt)
{
	struct ipv6_header ip;
	int ret = 0;

	if (!ctx_load_header(ctx, pkt->l3_off, &ip, sizeof(ip)) || ip.version_class[0] >> 4 != 6)
		return DROP(pkt, DROP_INVALID);
	pkt->end = pkt->l3_off + ip_length(ctx, pkt, ip.payload_len, sizeof(ip));
	if (pkt->end > ctx_len(ctx))
		return DROP(pkt, DROP_INVALID);
	pkt->is_ipv6 = true;
	pkt->l4_off = pkt->l3_off + sizeof(ip);
	pkt->saddr.ip6 = ip.saddr;
	pkt->daddr.ip6 = ip.daddr;
	pkt->protocol = ip.nexthdr;
	for (int i = 0; i < IPV6_EXTHDR_MAX && !ret; i++)
		ret = ipv6_step(ctx, pkt, &pkt->protocol);
	if (ret < 0)
		return ret;
	return ret || !ipv6_is_exthdr(pkt->protocol) ? 0 : DROP(pkt, DROP_INVALID_EXTHDR);
}

#endif
