/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The packet that an ICMP error quotes, translated with the error: who sent it must know it again
 * (RFC 5508, 4.2).
 *
 * Whatever changes in the quote is taken out of the error's checksum, so skb->csum stays what it is.
 */
#ifndef VERDICT_LIB_QUOTE_H
#define VERDICT_LIB_QUOTE_H

#include <lib/conntrack.h>
#include <lib/rewrite.h>

struct quote {
	struct flow flow; /* as the quoted packet shows it */
	__u32 l3_off;
	__u32 l4_off;
};

/* What one side of it becomes; port 0: stays as it is, unless has_port. */
struct quote_side {
	union addr addr;
	__be16 port;
	__u16 has_port;
	__u16 pad[2]; /* that it be known to the last byte, for functions that are verified alone */
};

/* 1: the quote is of a kind that can be translated; 0: it isn't; negative: drop. */
__subprogram int quote_read(ctx_t *ctx, struct packet *pkt, struct quote *q)
{
	q->l3_off = pkt->l4_off + ICMP_HDR_LEN;
	return ct_quoted_flow(ctx, pkt, &q->flow, &q->l4_off);
}

/* Bytes of the quote: an even number at an even place. */
static __always_inline int quote_store(ctx_t *ctx, struct packet *pkt, __u32 off, const void *bytes,
				       __u32 len, __s64 diff)
{
	__u32 sum = pkt->l4_off + CSUM_OFF_ICMP;

	if (!ctx_store(ctx, off, (void *)bytes, len))
		return DROP_WRITE_ERROR;
	return csum_l4_port(ctx, sum, diff, false) ? DROP_CSUM_L4 : 0;
}

/* A checksum inside the quote follows what it covers; one that the quote is too short for does not. */
static __always_inline int quote_fix_sum(ctx_t *ctx, struct packet *pkt, __u32 off, __s64 diff,
					 bool udp)
{
	__be32 was = 0, is = 0;
	__u16 sum;

	if (!packet_load(ctx, pkt, off, &sum, sizeof(sum)))
		return 0;
	if (udp && !sum)
		return 0;
	was = sum;
	sum = csum_fold((__u32)csum_fold(~(__u32)diff) + (__u32)(__u16)~sum);
	if (udp && !sum)
		sum = 0xffff;
	is = sum;
	return quote_store(ctx, pkt, off, &sum, sizeof(sum),
			   bpf_csum_diff(&was, sizeof(was), &is, sizeof(is), 0));
}

static __always_inline int quote_address(ctx_t *ctx, struct packet *pkt, const struct quote *q,
					 enum rewrite_side side, const union addr *to, __s64 *diff)
{
	union addr was = side == REWRITE_SOURCE ? q->flow.saddr : q->flow.daddr, is = *to;
	__u32 off = q->l3_off;
	int ret;

	if (pkt->is_ipv6) {
		off += side == REWRITE_SOURCE ? IPV6_OFF_SADDR : IPV6_OFF_DADDR;
		*diff = bpf_csum_diff((__be32 *)&was, sizeof(was.ip6), (__be32 *)&is,
				      sizeof(is.ip6), 0);
		return quote_store(ctx, pkt, off, &is, sizeof(is.ip6), *diff);
	}
	off += side == REWRITE_SOURCE ? IPV4_OFF_SADDR : IPV4_OFF_DADDR;
	*diff = bpf_csum_diff(&was.ip4, sizeof(was.ip4), &is.ip4, sizeof(is.ip4), 0);
	ret = quote_store(ctx, pkt, off, &is.ip4, sizeof(is.ip4), *diff);
	return ret ? ret : quote_fix_sum(ctx, pkt, q->l3_off + CSUM_OFF_IPV4, *diff, false);
}

static __always_inline int quote_port(ctx_t *ctx, struct packet *pkt, const struct quote *q,
				      enum rewrite_side side, __be16 to, __s64 *diff)
{
	bool icmp = q->flow.protocol == (pkt->is_ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	__be32 was = side == REWRITE_SOURCE ? q->flow.sport : q->flow.dport, is = to;
	__u32 off = q->l4_off;

	if (icmp) { /* the identifier, whichever side it stands for */
		was = q->flow.sport | q->flow.dport;
		off += 4;
	} else if (side == REWRITE_DESTINATION) {
		off += 2;
	}
	if (was == is)
		return 0;
	if (q->flow.protocol == IPPROTO_SCTP)
		return DROP_CSUM_L4;
	*diff = bpf_csum_diff(&was, sizeof(was), &is, sizeof(is), (__wsum)*diff);
	return quote_store(ctx, pkt, off, &to, sizeof(to),
			   bpf_csum_diff(&was, sizeof(was), &is, sizeof(is), 0));
}

/* 0, or the reason to drop. */
__verified_alone int rewrite_quoted(ctx_t *ctx, struct packet *pkt, const struct quote *q,
				    enum rewrite_side side, const struct quote_side *to)
{
	__s64 diff = 0;
	bool pseudo;
	__u32 off;
	int ret;

	if (!pkt || !q || !to)
		return DROP_INVALID;
	pseudo = q->flow.protocol != IPPROTO_ICMP && q->flow.protocol != IPPROTO_SCTP;
	ret = quote_address(ctx, pkt, q, side, &to->addr, &diff);
	if (ret)
		return DROP(pkt, ret);
	if (!pseudo)
		diff = 0;
	if (to->port || to->has_port)
		ret = quote_port(ctx, pkt, q, side, to->port, &diff);
	if (ret)
		return DROP(pkt, ret);
	if (!csum_l4_offset(q->flow.protocol, &off))
		return 0;
	ret = quote_fix_sum(ctx, pkt, q->l4_off + off, diff, q->flow.protocol == IPPROTO_UDP);
	return ret ? DROP(pkt, ret) : 0;
}

#endif
