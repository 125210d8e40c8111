/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Answers of backends to clients that came by the node's edge: they come from what the client asked.
 *
 * What that is says the entry of the request's flow (flags OUT): a service of this node, or by DSR an
 * address that another node balanced for. A pod's answer is translated as it leaves the pod, or, where it
 * passes the host's stack, as it leaves the node: netfilter sees both halves of a flow then, or neither. One
 * that does not leave the node, its client being this node or standing behind it, as it leaves the pod
 * (#28187). A backend in the host's namespace has no program of its own: always as it leaves the node.
 */
#ifndef VERDICT_LIB_NODEPORT_REPLY_H
#define VERDICT_LIB_NODEPORT_REPLY_H

#include <lib/conntrack.h>
#include <lib/dsr_learn.h>
#include <lib/lb_lookup.h>
#include <lib/quote.h>
#include <lib/rewrite.h>

/* What the client of the flow calls the backend. False: the same. */
static __always_inline bool nodeport_name(const struct ct_entry *entry, bool ipv6, union addr *addr,
					  __be16 *port)
{
	struct dsr_info info;

	if (entry->node_port)
		return entry->rev_nat_index &&
		       lb_reverse_find(entry->rev_nat_index, ipv6, addr, port);
	if (!entry->dsr_internal || !entry->nat_port)
		return false;
	info = dsr_from_entry(entry, ipv6);
	*addr = info.addr;
	*port = info.port;
	return true;
}

/* An error about a request: its sender knows no backend. A router on the way keeps its address. */
__subprogram int nodeport_reply_error(ctx_t *ctx, struct packet *pkt)
{
	struct quote q = {};
	struct ct_entry *entry;
	struct quote_side as = {};
	int ret = quote_read(ctx, pkt, &q);

	if (ret <= 0)
		return ret;
	if (!addr_equal(&q.flow.saddr, &pkt->daddr))
		return 0;
	entry = ct_find(pkt, &q.flow, TUPLE_F_OUT);
	if (!entry || !nodeport_name(entry, pkt->is_ipv6, &as.addr, &as.port))
		return 0;
	ret = rewrite_quoted(ctx, pkt, &q, REWRITE_DESTINATION, &as);
	if (!ret && addr_equal(&pkt->saddr, &q.flow.daddr))
		ret = rewrite(ctx, pkt, REWRITE_SOURCE, &as.addr, 0);
	return ret ? ret : 1;
}

__verified_alone int nodeport_reply_flow(ctx_t *ctx, struct packet *pkt)
{
	struct ct_entry *entry;
	union addr addr = {};
	__be16 port = 0;
	struct flow f;
	int ret;

	if (!pkt)
		return DROP_INVALID;
	f = packet_flow(pkt);
	flow_turn(&f);
	entry = ct_find(pkt, &f, TUPLE_F_OUT);
	if (!entry || !nodeport_name(entry, pkt->is_ipv6, &addr, &port))
		return 0;
	pkt->ct.report = ct_update(entry, pkt, DIR_INGRESS, packet_now(pkt));
	ct_count(entry, ctx_len(ctx));
	pkt->ct.status = CT_REPLY;
	pkt->orig_saddr = pkt->saddr;
	ret = rewrite(ctx, pkt, REWRITE_SOURCE, &addr, port);
	return ret ? ret : 1;
}

/* 1: the packet answers a client of the node's edge and comes from what that asked; 0: it doesn't, and is
 * as it was; negative: drop. pkt's L4 fields must be filled.
 */
static __always_inline int nodeport_reply(ctx_t *ctx, struct packet *pkt)
{
	if (pkt->icmp_error)
		return nodeport_reply_error(ctx, pkt);
	return pkt->trackable && !is_icmp(pkt) ? nodeport_reply_flow(ctx, pkt) : 0;
}

/* For a packet that leaves a pod. */
static __always_inline int nodeport_reply_of_pod(ctx_t *ctx, struct packet *pkt)
{
	bool stays = CONFIG(enable_nodeport) && pkt->dst_identity == IDENTITY_HOST;

	return CONFIG(enable_host_routing) || stays ? nodeport_reply(ctx, pkt) : 0;
}

#endif
