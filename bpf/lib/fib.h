/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Forwarding by the node's routes and neighbours, past its stack. */
#ifndef VERDICT_LIB_FIB_H
#define VERDICT_LIB_FIB_H

#include <lib/config.h>
#include <lib/handed_on.h>
#include <lib/icmp_error.h>
#include <lib/rewrite.h>

#define AF_INET	 2
#define AF_INET6 10

#define IPV4_OFF_FRAG 6
#define IPV4_DF	      0x4000

static __always_inline void fib_ask(ctx_t *ctx, const struct packet *pkt,
				    struct bpf_fib_lookup *fib)
{
	fib->ifindex = ctx_ifindex(ctx);
	fib->l4_protocol = pkt->protocol;
	fib->sport = pkt->sport;
	fib->dport = pkt->dport;
	/* what will be segmented is measured by segment, and not here */
	fib->tot_len = ctx_gso_size(ctx) ? 0 : (__u16)(pkt->end - pkt->l3_off);
	if (pkt->is_ipv6) {
		fib->family = AF_INET6;
		__builtin_memcpy(fib->ipv6_src, &pkt->saddr, sizeof(fib->ipv6_src));
		__builtin_memcpy(fib->ipv6_dst, &pkt->daddr, sizeof(fib->ipv6_dst));
	} else {
		fib->family = AF_INET;
		fib->ipv4_src = pkt->saddr.ip4;
		fib->ipv4_dst = pkt->daddr.ip4;
	}
}

/* 0; or what came of a packet that may not go further. */
static __always_inline int fib_hop(ctx_t *ctx, struct packet *pkt)
{
	int ret = pkt->hop_made ? 0 : rewrite_ttl(ctx, pkt);

	return ret == DROP_TTL_EXCEEDED ? icmp_time_exceeded(ctx, pkt) : ret;
}

#ifdef CTX_XDP

/* XDP cannot ask for a neighbour. The stack can, and routes what is as it came. */
static __always_inline int fib_unresolved(ctx_t *ctx, struct packet *pkt,
					  const struct bpf_fib_lookup *fib)
{
	int ret;

	(void)fib;
	if (!pkt->rewritten)
		return CTX_PASS;
	ret = fib_hop(ctx, pkt); /* here, where it is known whom to tell if it is the last */
	return ret ? ret : hand_on(ctx, pkt);
}

static __always_inline int fib_send(ctx_t *ctx, __u32 ifindex)
{
	return ifindex == ctx->ingress_ifindex ? XDP_TX : (int)bpf_redirect(ifindex, 0);
}

#else

/* The kernel resolves the neighbour, and queues the packet until it is. */
static __always_inline int fib_unresolved(ctx_t *ctx, struct packet *pkt,
					  const struct bpf_fib_lookup *fib)
{
	struct bpf_redir_neigh hop = { .nh_family = fib->family };
	int ret = fib_hop(ctx, pkt);

	if (ret)
		return ret;
	if (fib->family == AF_INET6)
		__builtin_memcpy(hop.ipv6_nh, fib->ipv6_dst, sizeof(hop.ipv6_nh));
	else
		hop.ipv4_nh = fib->ipv4_dst;
	return (int)bpf_redirect_neigh(fib->ifindex, &hop, sizeof(hop), 0);
}

static __always_inline int fib_send(ctx_t *ctx, __u32 ifindex)
{
	(void)ctx;
	return (int)bpf_redirect(ifindex, 0);
}

#endif

static __always_inline int fib_resolved(ctx_t *ctx, struct packet *pkt,
					const struct bpf_fib_lookup *fib)
{
	union macaddr src = {}, dst = {};
	int ret;

	__builtin_memcpy(src.addr, fib->smac, sizeof(fib->smac));
	__builtin_memcpy(dst.addr, fib->dmac, sizeof(fib->dmac));
	ret = rewrite_macs(ctx, pkt, &src, &dst);
	return ret ? ret : fib_send(ctx, fib->ifindex);
}

/* RFC 791: who does not forbid it has his packets fragmented. The stack can, but takes none from outside with
 * the node's own address.
 */
static __always_inline bool fib_may_fragment(ctx_t *ctx, const struct packet *pkt)
{
	__be16 frag;

	if (pkt->is_ipv6 || (pkt->rewritten && !addr_equal(&pkt->saddr, &pkt->was.saddr)))
		return false;
	return ctx_load(ctx, pkt->l3_off + IPV4_OFF_FRAG, &frag, sizeof(frag)) &&
	       !(frag & bpf_htons(IPV4_DF));
}

static __always_inline int fib_too_big(ctx_t *ctx, struct packet *pkt, __u16 mtu)
{
	return fib_may_fragment(ctx, pkt) ? CTX_PASS : icmp_too_big(ctx, pkt, mtu);
}

/* Where to. room: bytes that the packet is still to grow by. What bpf_fib_lookup() says. */
static __always_inline int fib_look_up(ctx_t *ctx, struct bpf_fib_lookup *fib, __u32 room)
{
	if (fib->tot_len)
		fib->tot_len += (__u16)room;
	return (int)bpf_fib_lookup(ctx, fib, sizeof(*fib), 0);
}

/* As fib_look_up() has found. */
static __always_inline int fib_follow(ctx_t *ctx, struct packet *pkt,
				      const struct bpf_fib_lookup *fib, int found)
{
	int ret;

	if (found == BPF_FIB_LKUP_RET_NOT_FWDED)
		return CTX_PASS;
	if (found == BPF_FIB_LKUP_RET_BLACKHOLE || found == BPF_FIB_LKUP_RET_UNREACHABLE ||
	    found == BPF_FIB_LKUP_RET_PROHIBIT)
		return DROP(pkt, DROP_UNROUTABLE);
	if (found != BPF_FIB_LKUP_RET_SUCCESS && found != BPF_FIB_LKUP_RET_NO_NEIGH)
		return DROP(pkt, DROP_NO_FIB);
	if (found == BPF_FIB_LKUP_RET_NO_NEIGH)
		return fib_unresolved(ctx, pkt, fib);
	ret = fib_hop(ctx, pkt);
	return ret ? ret : fib_resolved(ctx, pkt, fib);
}

/* Routes the packet, as a router does: TTL first. The verdict; or the reason to drop, negative. Where it
 * has to be answered by an ICMP error, that is on its way. A destination that is the node's own goes
 * to the stack.
 */
__subprogram int forward_fib(ctx_t *ctx, struct packet *pkt)
{
	struct bpf_fib_lookup fib = {};
	int found;

	fib_ask(ctx, pkt, &fib);
	found = fib_look_up(ctx, &fib, 0);
	if (found == BPF_FIB_LKUP_RET_FRAG_NEEDED)
		return fib_too_big(ctx, pkt, fib.mtu_result);
	return fib_follow(ctx, pkt, &fib, found);
}

#endif
