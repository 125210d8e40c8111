/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* To a pod of this node: through the program that holds the pod's policy, or out of the pod's device where
 * a program at its tc egress has it.
 *
 * That program belongs to another load of bpf_lxc, whose packet at hand is another one: what it has to know
 * goes in skb->cb, as any caller built for Cilium passes it.
 */
#ifndef VERDICT_LIB_LOCAL_DELIVERY_H
#define VERDICT_LIB_LOCAL_DELIVERY_H

#include <linux/if_packet.h>

#include <lib/config.h>
#include <lib/endpoint.h>
#include <lib/icmp_error.h>
#include <lib/mark.h>
#include <lib/metrics.h>
#include <lib/rewrite.h>

#define CALL_POLICY_MAX 65536

#define ENDPOINT_CALLS(name)                                                                       \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_PROG_ARRAY);                                             \
		__type(key, __u32);                                                                \
		__type(value, __u32);                                                              \
		__uint(max_entries, CALL_POLICY_MAX);                                              \
		__uint(pinning, LIBBPF_PIN_BY_NAME);                                               \
	} name SEC(".maps")

/* By endpoint id: cil_lxc_policy, and of the host cil_host_policy. */
ENDPOINT_CALLS(cilium_call_policy);
/* By endpoint id: cil_lxc_policy_egress. */
ENDPOINT_CALLS(cilium_egresscall_policy);

enum delivery_cb {
	DELIVERY_SRC_IDENTITY,
	DELIVERY_REDIRECT, /* else the caller brings the packet to the pod */
	DELIVERY_CLUSTER,
	DELIVERY_FROM_HOST,
	DELIVERY_FROM_TUNNEL,
};

/* Past the stack on both sides: from one namespace into the other without a queue. Only on the way in, and
 * not with what the host's stack has sent.
 */
static __always_inline bool deliver_fast(ctx_t *ctx, bool from_host)
{
	return CONFIG(enable_host_routing) && !from_host && ctx->ingress_ifindex > 0;
}

static __always_inline int deliver_redirect(ctx_t *ctx, __u32 ifindex, bool from_host,
					    bool from_tunnel)
{
	if (!deliver_fast(ctx, from_host))
		return (int)bpf_redirect(ifindex, 0);
	if (from_tunnel) /* it was sent to the tunnel device's MAC */
		bpf_skb_change_type(ctx, PACKET_HOST);
	return (int)bpf_redirect_peer(ifindex, 0);
}

static __always_inline void deliver_fill_cb(ctx_t *ctx, const struct packet *pkt)
{
	ctx->cb[DELIVERY_SRC_IDENTITY] = pkt->src_identity;
	ctx->cb[DELIVERY_REDIRECT] = 1;
	ctx->cb[DELIVERY_CLUSTER] = 0;
	ctx->cb[DELIVERY_FROM_HOST] = pkt->from_host;
	ctx->cb[DELIVERY_FROM_TUNNEL] = pkt->from_tunnel;
}

static __always_inline int deliver_to_policy(ctx_t *ctx, struct packet *pkt, __u16 endpoint_id)
{
	deliver_fill_cb(ctx, pkt);
	bpf_tail_call(ctx, &cilium_call_policy, endpoint_id);
	return DROP(pkt, DROP_EP_NOT_READY);
}

/* For the next hop into the pod: TTL and MAC addresses. What the host's stack sends has made no hop yet. */
static __always_inline int deliver_prepare(ctx_t *ctx, struct packet *pkt,
					   const struct endpoint_info *ep)
{
	union macaddr src = { .pad = ep->node_mac }, dst = { .pad = ep->mac };
	int ret = pkt->from_host ? 0 : rewrite_ttl(ctx, pkt);

	if (ret == DROP_TTL_EXCEEDED)
		return icmp_time_exceeded(ctx, pkt);
	return ret ? ret : rewrite_macs(ctx, pkt, &src, &dst);
}

/* The verdict; or the reason to drop. pkt's src_identity, from_host and from_tunnel are set. Not to be
 * called from a subprogram whose caller goes on after it: this may be a tail call.
 */
static __always_inline int deliver_local(ctx_t *ctx, struct packet *pkt,
					 const struct endpoint_info *ep)
{
	int ret = deliver_prepare(ctx, pkt, ep);

	if (ret)
		return ret;
	if (CONFIG(enable_endpoint_routes) && !deliver_fast(ctx, pkt->from_host)) {
		ctx->mark = mark_with_identity(MARK_IDENTITY, pkt->src_identity);
		return (int)bpf_redirect(ep->ifindex, 0);
	}
	return deliver_to_policy(ctx, pkt, ep->lxc_id);
}

#endif
