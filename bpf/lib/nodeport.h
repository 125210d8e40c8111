/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Services at the node's edge: node ports, and all else that clients outside the cluster may ask for.
 *
 * A request is translated before the host's policy sees it: policy of the host endpoint is about what the
 * host itself receives, a backend in the host's namespace under the backend's port, and not about what
 * passes on to pods, whose own policy judges it. That is Cilium's order; host_policy_on_services has the
 * host's policy judge requests as their clients sent them, too (#12781). The ports that are no services', a
 * healthCheckNodePort among them, are ordinary traffic to the host.
 *
 * Requests to a backend of this node go on in the program that asked. To one of another node they are
 * sent from here: from this node's address, so that answers come back through nodeport_answer(); or by
 * DSR.
 */
#ifndef VERDICT_LIB_NODEPORT_H
#define VERDICT_LIB_NODEPORT_H

#include <lib/calls.h>
#include <lib/drop.h>
#include <lib/dsr.h>
#include <lib/dsr_learn.h>
#include <lib/encap.h>
#include <lib/endpoint.h>
#include <lib/fib.h>
#include <lib/handed_on.h>
#include <lib/lb.h>
#include <lib/mark.h>
#include <lib/metrics_batch.h>
#include <lib/nat.h>
#include <lib/nodeport_reply.h>

static __always_inline bool nodeport_enabled(void)
{
	return CONFIG(enable_nodeport) || CONFIG(enable_ipv4_masquerade) ||
	       CONFIG(enable_ipv6_masquerade);
}

/* Programs further on leave the packet alone: its addresses are what they are meant to be. */
static __always_inline void nodeport_mark_done(ctx_t *ctx)
{
#ifndef CTX_XDP
	ctx->mark = MARK_SNAT_DONE;
#else
	(void)ctx;
#endif
}

/* NULL: the packet is routed, not sent into the tunnel. */
static __always_inline const struct remote_endpoint_info *nodeport_tunnel(const struct packet *pkt)
{
	const struct remote_endpoint_info *info;

	if (!CONFIG(tunnel_ifindex))
		return NULL;
	info = ipcache_lookup(&pkt->daddr, pkt->is_ipv6);
	return info && info->flag_has_tunnel_ep && !info->flag_skip_tunnel ? info : NULL;
}

/* Into the tunnel, which only tc has: a hop like any other, made where it is known whom to tell if it is the last. */
static __always_inline int nodeport_send_tunnel(ctx_t *ctx, struct packet *pkt,
						const struct remote_endpoint_info *tunnel)
{
	int ret = pkt->hop_made ? 0 : rewrite_ttl(ctx, pkt);

	if (ret == DROP_TTL_EXCEEDED)
		return icmp_time_exceeded(ctx, pkt);
	if (ret)
		return ret;
#ifdef CTX_XDP
	(void)tunnel;
	return hand_on(ctx, pkt);
#else
	return encap(ctx, pkt, tunnel, IDENTITY_WORLD);
#endif
}

/* The stack may not have the packet: to it one is a martian that comes from outside with the node's own
 * address.
 */
__subprogram int nodeport_send(ctx_t *ctx, struct packet *pkt,
			       const struct remote_endpoint_info *tunnel)
{
	int ret;

	nodeport_mark_done(ctx);
	if (tunnel)
		return nodeport_send_tunnel(ctx, pkt, tunnel);
	ret = forward_fib(ctx, pkt);
	return ret == CTX_PASS && !pkt->handed_on ? DROP(pkt, DROP_NO_FIB) : ret;
}

/* What stands for the client: of the tunnel's network where the packet goes through it. */
static __always_inline void nodeport_own_address(bool ipv6, bool tunnel, union addr *addr)
{
	if (ipv6)
		addr->ip6 = tunnel ? CONFIG_IP6(router_ipv6) : CONFIG_IP6(nat_ipv6_masquerade);
	else
		*addr = addr_ip4(tunnel ? CONFIG(router_ipv4).be32
					: CONFIG(nat_ipv4_masquerade).be32);
}

#ifdef CTX_XDP

struct metrics_batch nodeport_sent[METRICS_CPUS];

static __always_inline void nodeport_count_sent(ctx_t *ctx)
{
	struct metrics_batch *here = metrics_batch_here(nodeport_sent);
	__u32 len = ctx_len(ctx);

	if (!metrics_batch_count(here, len))
		metrics_batch_tell(here, REASON_FORWARDED, DIR_EGRESS, SOURCE_FILE, SOURCE_LINE,
				   len);
}

#else

static __always_inline void nodeport_count_sent(ctx_t *ctx)
{
	metrics_add(REASON_FORWARDED, DIR_EGRESS, SOURCE_FILE, SOURCE_LINE, ctx_len(ctx));
}

#endif

static __always_inline int nodeport_end(ctx_t *ctx, struct packet *pkt, int ret)
{
	if (ret < 0)
		return drop_packet(ctx, pkt, ret, DIR_EGRESS);
	nodeport_count_sent(ctx);
	return ret;
}

/* A request to another node, as this node's own. */
__call(15) SEC(CALL_SECTION) int nodeport_nat_egress(ctx_t *ctx)
{
	struct packet *pkt = packet_resume();
	const struct remote_endpoint_info *tunnel;
	union addr addr;
	int ret;

	if (!pkt)
		return CTX_DROP;
	tunnel = nodeport_tunnel(pkt);
	nodeport_own_address(pkt->is_ipv6, tunnel, &addr);
	ret = nat_forward(ctx, pkt, &addr, false);
	if (!ret)
		ret = nodeport_send(ctx, pkt, tunnel);
	return nodeport_end(ctx, pkt, ret);
}

__call(21) SEC(CALL_SECTION) int nodeport_dsr(ctx_t *ctx)
{
	struct packet *pkt = packet_resume();

	if (!pkt)
		return CTX_DROP;
	nodeport_mark_done(ctx);
	return nodeport_end(ctx, pkt, dsr_send(ctx, pkt));
}

static __always_inline bool nodeport_uses_dsr(const struct packet *pkt)
{
	switch (CONFIG(lb_mode)) {
	case LB_DSR:
		return true;
	case LB_HYBRID:
		return pkt->protocol == IPPROTO_TCP;
	case LB_ANNOTATED:
		return pkt->lb.frontend.flags2 & LB_F2_DSR;
	default:
		return false;
	}
}

/* The entry by which the backend's answers are known for the service's. */
__subprogram int nodeport_track(ctx_t *ctx, struct packet *pkt)
{
	struct flow f = packet_flow(pkt);
	struct ct_entry *entry = ct_find(pkt, &f, TUPLE_F_OUT);

	pkt->ct = (struct ct_state){ .status = CT_NEW, .report = true, .node_port = true };
	if (entry && entry->node_port && entry->rev_nat_index == pkt->lb.frontend.rev_nat_index) {
		pkt->ct.status = CT_ESTABLISHED;
		pkt->ct.report = ct_update(entry, pkt, DIR_EGRESS, packet_now(pkt));
		ct_count(entry, ctx_len(ctx));
		return 0;
	}
	lb_tell_ct(pkt);
	return ct_create(ctx, pkt, DIR_EGRESS);
}

/* A request whose backend is chosen. */
static __always_inline int nodeport_request(ctx_t *ctx, struct packet *pkt)
{
	bool local = endpoint_lookup(&pkt->lb.backend.address, pkt->is_ipv6);
	bool dsr = !local && nodeport_uses_dsr(pkt);
	int ret;

	/* only tc has the tunnel device whose header the option goes into */
	if (CTX_IS_XDP && dsr && CONFIG(dsr_dispatch) == DSR_GENEVE)
		return CTX_PASS;
	if (!local && pkt->lb.frontend.flags & LB_F_HOST_PORT)
		return DROP(pkt, DROP_INVALID);
	if (dsr && !dsr_fits(ctx, pkt))
		return icmp_too_big(ctx, pkt, CONFIG(device_mtu) - (__u16)dsr_overhead(pkt));
	if (!dsr || CONFIG(dsr_dispatch) != DSR_IPIP) {
		ret = lb_translate(ctx, pkt, false);
		if (ret)
			return ret;
	}
	if (dsr)
		return CALL(ctx, pkt, 21);
	ret = nodeport_track(ctx, pkt);
	if (ret || local)
		return ret;
	return CALL(ctx, pkt, 15);
}

/* An error that a client sends about an answer. */
static __always_inline int nodeport_request_error(ctx_t *ctx, struct packet *pkt)
{
	int ret = lb_error_to_backend(ctx, pkt);

	if (ret <= 0 || endpoint_lookup(&pkt->daddr, pkt->is_ipv6))
		return ret;
	if (CONFIG(lb_mode) == LB_SNAT)
		return CALL(ctx, pkt, 15);
	return nodeport_send(ctx, pkt, nodeport_tunnel(pkt));
}

/* A packet for no service: an answer to what left with this node's address gets back its destination, and
 * if that is a client of a service, its source.
 */
static __always_inline int nodeport_answer(ctx_t *ctx, struct packet *pkt)
{
	int ret = nat_reverse(ctx, pkt);

	if (ret <= 0)
		return ret;
	ret = nodeport_reply(ctx, pkt);
	if (ret <= 0)
		return ret; /* masqueraded: what it answers came from this node */
	return nodeport_send(ctx, pkt, nodeport_tunnel(pkt));
}

/* Where DSR, which has looked at the entry, is not asked. */
__subprogram int nodeport_forget(struct packet *pkt)
{
	struct flow f;

	if (!dsr_begins_direct(pkt))
		return 0;
	f = packet_flow(pkt);
	dsr_forget_service(ct_find(pkt, &f, TUPLE_F_OUT));
	return 0;
}

/* What the packet says of its flow's answers. tc sees next what XDP lets pass, and notes it once. */
static __always_inline int nodeport_note(ctx_t *ctx, struct packet *pkt)
{
	if (CTX_IS_XDP)
		return 0;
	if (CONFIG(lb_mode) != LB_SNAT && CONFIG(dsr_dispatch) == DSR_OPTION)
		return dsr_learn(ctx, pkt);
	nodeport_forget(pkt);
	return 0;
}

/* For a service that a proxy serves: it has asked for the packet, and nobody else is to have it. */
static __always_inline bool nodeport_is_proxys(struct packet *pkt)
{
	if (!(pkt->lb.frontend.flags2 & LB_F2_L7))
		return false;
	pkt->proxy_port = (__be16)pkt->lb.frontend.affinity_timeout;
	return true;
}

/* Nothing to do with packets of other kinds. */
static __always_inline bool nodeport_concerns(const struct packet *pkt)
{
	return pkt->protocol == IPPROTO_TCP || pkt->protocol == IPPROTO_UDP ||
	       pkt->protocol == IPPROTO_SCTP || is_icmp(pkt);
}

/* For a packet that enters the node. 0: it goes on in this program, translated or not, or to the proxy that
 * pkt->proxy_port says; positive: the verdict; negative: drop.
 */
static __always_inline int nodeport_ingress(ctx_t *ctx, struct packet *pkt)
{
	int ret;

	if (!nodeport_enabled() || !nodeport_concerns(pkt) ||
	    (CTX_IS_XDP && CONFIG(host_policy_on_services)))
		return 0;
	ret = ct_parse_l4(ctx, pkt);
	if (ret)
		return ret;
	if (CONFIG(enable_nodeport)) {
		if (pkt->icmp_error) {
			ret = nodeport_request_error(ctx, pkt);
		} else {
			ret = lb_look_up(pkt, false);
			if (!ret && nodeport_is_proxys(pkt))
				return 0;
			if (ret > 0)
				ret = lb_choose(ctx, pkt);
			if (ret > 0)
				return nodeport_request(ctx, pkt);
		}
		if (ret)
			return ret < 0 || ret > 1 ? ret : 0;
		ret = nodeport_note(ctx, pkt);
		if (ret)
			return ret;
	}
	return nodeport_answer(ctx, pkt);
}

#endif
