/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The edge between host and network: cil_from_netdev at tc ingress of a native device, cil_to_netdev
 * at its tc egress. And the edge between host and pods: cil_from_host at tc egress of cilium_host, cil_to_host
 * at tc ingress of cilium_net, cil_host_policy called by a pod's programs.
 *
 * IPv4 and IPv6, also below up to two VLAN tags, are identified; translated where they are for a service
 * or answer what was translated; tracked and filtered where they are the host's own; and brought to pods
 * past the host's stack where that is asked for. ARP passes untouched if its header is whole; every
 * other EtherType passes as it is.
 */
#include <linux/if_ether.h>

#include <lib/bandwidth.h>
#include <lib/config.h>
#include <lib/conntrack.h>
#include <lib/drop.h>
#include <lib/eth.h>
#include <lib/host_firewall.h>
#include <lib/ipcache.h>
#include <lib/ipv4.h>
#include <lib/ipv6.h>
#include <lib/local_delivery.h>
#include <lib/masquerade.h>
#include <lib/nodeport.h>
#include <lib/proxy.h>
#include <lib/trace.h>
#include <lib/vlan.h>

#define LET_BY	     1 /* of a VLAN that has a device of its own */
#define ARP_IPV4_LEN 28 /* RFC 826 with 6-byte hardware and 4-byte protocol addresses */

/* No policy could judge it: past the host firewall goes nothing of a family that is switched off. */
static __always_inline int family_off(struct packet *pkt)
{
	return CONFIG(enable_host_firewall) ? DROP(pkt, DROP_UNKNOWN_L3) : 0;
}

/* Fills *pkt up to the network layer. 0, or the reason to drop. */
static __always_inline int parse(ctx_t *ctx, struct packet *pkt)
{
	switch (eth_parse(ctx, pkt)) {
	case ETH_TRUNCATED:
		return DROP(pkt, DROP_INVALID);
	case ETH_TOO_MANY_TAGS:
		return DROP(pkt, DROP_VLAN_FILTERED);
	case ETH_OK:
		break;
	}
	switch (pkt->ethertype) {
	case ETH_P_IP:
		return CONFIG(enable_ipv4) ? ipv4_parse(ctx, pkt) : family_off(pkt);
	case ETH_P_IPV6:
		return CONFIG(enable_ipv6) ? ipv6_parse(ctx, pkt) : family_off(pkt);
	case ETH_P_ARP:
		if (pkt->l3_off + ARP_IPV4_LEN > ctx_len(ctx))
			return DROP(pkt, DROP_INVALID);
		return 0;
	default:
		return 0;
	}
}

static __always_inline void look_up_identities(ctx_t *ctx, struct packet *pkt)
{
	pkt->src_identity = ipcache_identity(&pkt->saddr, pkt->is_ipv6);
	pkt->dst_identity = ipcache_identity(&pkt->daddr, pkt->is_ipv6);
	debug_identity(ctx, &pkt->saddr, pkt->is_ipv6, pkt->src_identity);
	debug_identity(ctx, &pkt->daddr, pkt->is_ipv6, pkt->dst_identity);
}

/* Fills *pkt up to the network layer and its identities. 0, or the reason to drop. */
static __always_inline int identify(ctx_t *ctx, struct packet *pkt)
{
	int ret = parse(ctx, pkt);

	if (!ret && is_ip(pkt))
		look_up_identities(ctx, pkt);
	return ret;
}

/* The same of a parsed packet, identities only where they are asked for at once: one that a service takes, or that
 * just leaves, is sent on whosever it is, and to look up both costs as much as to translate it.
 */
static __always_inline int identify_late(ctx_t *ctx, struct packet *pkt, bool at_once)
{
	if (!is_ip(pkt))
		return 0;
	pkt->unidentified = !at_once;
	if (at_once)
		look_up_identities(ctx, pkt);
	return 0;
}

static __always_inline int identify_incoming(ctx_t *ctx, struct packet *pkt)
{
	bool at_once = CONFIG(debug) || CONFIG(host_policy_on_services) ||
		       trace_wanted(TRACE_FROM_NETWORK, false);
	int ret = parse(ctx, pkt);

	return ret ? ret : identify_late(ctx, pkt, at_once);
}

/* At a native device: what its VLAN makes of it, else parsed. */
static __always_inline int not_of_vlan(struct packet *pkt, int parsed)
{
	if (!pkt->vlan)
		return parsed;
	return vlan_is_let_by(pkt->vlan) ? LET_BY : DROP(pkt, DROP_VLAN_FILTERED);
}

/* What went on without. The destination is the one that services may have given it. */
static __always_inline void identify_now(struct packet *pkt)
{
	if (pkt->unidentified)
		pkt->src_identity = source_identity(pkt);
	if (pkt->unidentified || pkt->rewritten)
		pkt->dst_identity = ipcache_identity(&pkt->daddr, pkt->is_ipv6);
	pkt->unidentified = false;
}

static __always_inline __u8 trace_reason(const struct packet *pkt, bool tracked)
{
	return tracked ? pkt->ct.status : TRACE_REASON_UNKNOWN;
}

static __always_inline int forward(ctx_t *ctx, int verdict, enum direction dir, __u16 line)
{
	metrics_add(REASON_FORWARDED, dir, SOURCE_FILE, line, ctx_len(ctx));
	return verdict;
}

static __always_inline int to_pod(ctx_t *ctx, struct packet *pkt, const struct endpoint_info *ep)
{
	int ret = bandwidth_ingress(ctx, pkt, ep->lxc_id);

	return ret ? ret : deliver_local(ctx, pkt, ep);
}

static __always_inline int to_proxy(ctx_t *ctx, struct packet *pkt)
{
	if (trace_wanted(TRACE_TO_PROXY, pkt->ct.report))
		trace_packet(ctx, pkt, TRACE_TO_PROXY, TRACE_REASON_UNKNOWN);
	return proxy_pass(ctx, pkt);
}

/* What no service has taken goes to the host, to a pod, or on. */
static __always_inline int from_netdev(ctx_t *ctx, struct packet *pkt)
{
	const struct endpoint_info *ep;
	bool tracked, host;
	int ret;

	identify_now(pkt);
	if (pkt->proxy_port)
		return to_proxy(ctx, pkt);
	host = pkt->dst_identity == IDENTITY_HOST;
	tracked = CONFIG(enable_host_firewall) && host;
	if (tracked) {
		ret = host_firewall(ctx, pkt, DIR_INGRESS);
		if (ret)
			return ret;
	}
	/* Still received, not sent: told of at the levels at which its coming was, now with what is known of it. */
	if (host && trace_wanted(TRACE_FROM_NETWORK, false))
		trace_packet(ctx, pkt, TRACE_TO_HOST, trace_reason(pkt, tracked));
	if (host || !CONFIG(enable_host_routing))
		return CTX_PASS;
	ep = endpoint_lookup(&pkt->daddr, pkt->is_ipv6);
	if (!ep || endpoint_is_host(ep))
		return CTX_PASS;
	return to_pod(ctx, pkt, ep);
}

/* The host's policy about a request that a service will take. 0, or the reason to drop. */
static __always_inline int guard_services(ctx_t *ctx, struct packet *pkt)
{
	int ret;

	if (!CONFIG(enable_host_firewall) || !CONFIG(host_policy_on_services) ||
	    !CONFIG(enable_nodeport) || !nodeport_concerns(pkt))
		return 0;
	ret = ct_parse_l4(ctx, pkt);
	if (ret || pkt->icmp_error)
		return ret;
	/* what it drops, it drops again for the same reason */
	if (lb_look_up(pkt, false) <= 0 && !(pkt->lb.frontend.flags2 & LB_F2_L7))
		return 0;
	return host_firewall(ctx, pkt, DIR_INGRESS);
}

/* 0: the packet goes on here; positive: the verdict; negative: drop. */
static __always_inline int services(ctx_t *ctx, struct packet *pkt)
{
	int ret;

	if (CONFIG(enable_nodeport) && was_handed_on(ctx)) {
		pkt->hop_made = true;
		return nodeport_send(ctx, pkt, nodeport_tunnel(pkt));
	}
	ret = guard_services(ctx, pkt);
	return ret ? ret : nodeport_ingress(ctx, pkt);
}

/* In a program of its own where services come before it: neither takes the other's stack. */
SEC("tc") __call(7) int tail_from_netdev(ctx_t *ctx)
{
	struct packet *pkt = packet_resume();
	int ret = pkt ? from_netdev(ctx, pkt) : CTX_DROP;

	if (ret < 0)
		return drop_packet(ctx, pkt, ret, DIR_INGRESS);
	return forward(ctx, ret, DIR_INGRESS, SOURCE_LINE);
}

SEC("tc")
int cil_from_netdev(ctx_t *ctx)
{
	struct packet *pkt = packet_begin();
	int ret;

	if (!pkt)
		return CTX_DROP;
	ctx->tc_index = 0;
	ret = packet_so_far(pkt, not_of_vlan(pkt, identify_incoming(ctx, pkt)));
	if (ret == LET_BY)
		return CTX_PASS;
	if (trace_wanted(TRACE_FROM_NETWORK, false))
		trace_packet(ctx, pkt, TRACE_FROM_NETWORK, TRACE_REASON_UNKNOWN);
	if (!ret && is_ip(pkt)) {
		ret = services(ctx, pkt);
		if (!ret)
			ret = nodeport_enabled() ? CALL(ctx, pkt, 7) : from_netdev(ctx, pkt);
	}
	if (ret < 0)
		return drop_packet(ctx, pkt, ret, DIR_INGRESS);
	return forward(ctx, ret, DIR_INGRESS, SOURCE_LINE);
}

/* What is not translated yet: answers of services' backends, then pods that go out as the node. */
static __always_inline int nodeport_egress(ctx_t *ctx, struct packet *pkt)
{
	int ret = 0;

	if (nodeport_concerns(pkt)) {
		ret = ct_parse_l4(ctx, pkt);
		if (!ret && CONFIG(enable_nodeport))
			ret = nodeport_reply(ctx, pkt);
	}
	if (ret)
		return ret < 0 ? ret : 0;
	return masquerade(ctx, pkt);
}

/* What programs of this node have made of the packet before. */
static __always_inline enum mark_kind mark_kind(ctx_t *ctx)
{
	return ctx->mark & MARK_KIND_MASK;
}

/* It is what it is to be, and nobody asks what: translated by a program before this one, or the outer packet of a
 * tunnel, which the node's own stack has made. Of no VLAN: a tag in the data would be its protocol.
 */
static __always_inline bool is_settled(ctx_t *ctx)
{
	enum mark_kind kind = mark_kind(ctx);

	if (CONFIG(debug) || CONFIG(enable_bandwidth_manager) || vlan_beside(ctx) ||
	    trace_wanted(TRACE_TO_NETWORK, false) || !is_ip_protocol(ctx_protocol(ctx)))
		return false;
	return kind == MARK_SNAT_DONE || (kind == MARK_OVERLAY && !CONFIG(enable_host_firewall));
}

static __always_inline int identify_leaving(ctx_t *ctx, struct packet *pkt)
{
	bool at_once = CONFIG(debug) || CONFIG(enable_host_firewall) ||
		       trace_wanted(TRACE_TO_NETWORK, false);
	int ret = parse(ctx, pkt);

	return ret ? ret : identify_late(ctx, pkt, at_once);
}

static __always_inline bool is_tracked(const struct packet *pkt)
{
	return CONFIG(enable_host_firewall) && pkt->src_identity == IDENTITY_HOST;
}

/* Negative: drop. */
static __always_inline int leave(ctx_t *ctx, struct packet *pkt, int ret, __u16 line)
{
	bool tracked = mark_kind(ctx) != MARK_SNAT_DONE && is_tracked(pkt);

	if (!ret && is_ip(pkt))
		ret = bandwidth_egress(ctx, pkt);
	if (ret < 0)
		return drop_packet(ctx, pkt, ret, DIR_EGRESS);
	if (trace_wanted(TRACE_TO_NETWORK, pkt->ct.report)) {
		if (pkt->unidentified)
			identify_now(pkt);
		trace_packet(ctx, pkt, TRACE_TO_NETWORK, trace_reason(pkt, tracked));
	}
	return forward(ctx, CTX_PASS, DIR_EGRESS, line);
}

/* Where services or masquerade may have something to translate. */
SEC("tc") __call(20) int tail_to_netdev(ctx_t *ctx)
{
	struct packet *pkt = packet_resume();

	if (!pkt)
		return CTX_DROP;
	return leave(ctx, pkt, nodeport_egress(ctx, pkt), SOURCE_LINE);
}

static __always_inline int to_netdev(ctx_t *ctx, struct packet *pkt)
{
	enum mark_kind kind = mark_kind(ctx);
	int ret;

	if (kind == MARK_SNAT_DONE)
		return 0;
	ret = is_tracked(pkt) ? host_firewall(ctx, pkt, DIR_EGRESS) : 0;
	if (ret || kind == MARK_OVERLAY || !nodeport_enabled())
		return ret;
	return CALL(ctx, pkt, 20);
}

SEC("tc")
int cil_to_netdev(ctx_t *ctx)
{
	struct packet *pkt;
	int ret;

	if (is_settled(ctx))
		return CTX_PASS; /* who has made it so has counted it */
	pkt = packet_begin();
	if (!pkt)
		return CTX_DROP;
	ret = not_of_vlan(pkt, identify_leaving(ctx, pkt));
	if (ret == LET_BY)
		return CTX_PASS;
	if (!ret && is_ip(pkt))
		ret = to_netdev(ctx, pkt);
	return leave(ctx, pkt, ret, SOURCE_LINE);
}

/* Whose a packet of the host's stack is says its mark, if a proxy or a program has sent it; else its
 * address.
 */
static __always_inline void identify_sender(ctx_t *ctx, struct packet *pkt)
{
	__u32 mark = ctx->mark;

	switch (mark & MARK_KIND_MASK) {
	case MARK_PROXY_INGRESS:
		ctx->tc_index |= TC_INDEX_FROM_INGRESS_PROXY;
		break;
	case MARK_PROXY_EGRESS:
		ctx->tc_index |= TC_INDEX_FROM_EGRESS_PROXY;
		break;
	case MARK_IDENTITY:
		pkt->src_identity = mark_identity(mark);
		return;
	case MARK_HOST:
		pkt->src_identity = IDENTITY_HOST;
		return;
	default:
		return;
	}
	pkt->from_proxy = true;
	pkt->src_identity = mark_identity(mark);
}

/* What a proxy sends in a pod's name has to pass that pod's policy. */
static __always_inline int for_endpoint(ctx_t *ctx, struct packet *pkt)
{
	__u32 endpoint = ctx->mark >> 16;

	ctx->mark = 0;
	bpf_tail_call(ctx, &cilium_egresscall_policy, endpoint);
	return DROP(pkt, DROP_EP_NOT_READY);
}

/* The host's own packets pass its policy here, and then that of the pod they are for. */
static __always_inline int from_host(ctx_t *ctx, struct packet *pkt)
{
	const struct remote_endpoint_info *tunnel;
	const struct endpoint_info *ep;
	int ret;

	if (CONFIG(enable_host_firewall) && pkt->src_identity == IDENTITY_HOST) {
		ret = host_firewall(ctx, pkt, DIR_EGRESS);
		if (ret)
			return ret;
	}
	ep = endpoint_lookup(&pkt->daddr, pkt->is_ipv6);
	if (ep)
		return endpoint_is_host(ep) ? CTX_PASS : to_pod(ctx, pkt, ep);
	tunnel = nodeport_tunnel(pkt);
	return tunnel ? encap(ctx, pkt, tunnel, pkt->src_identity) : CTX_PASS;
}

SEC("tc")
int cil_from_host(ctx_t *ctx)
{
	struct packet *pkt = packet_begin();
	enum trace_point point;
	int ret;

	if (!pkt)
		return CTX_DROP;
	ctx->tc_index = 0;
	ret = packet_so_far(pkt, identify(ctx, pkt));
	pkt->from_host = true;
	identify_sender(ctx, pkt);
	point = pkt->from_proxy ? TRACE_FROM_PROXY : TRACE_FROM_HOST;
	if (trace_wanted(point, false))
		trace_packet(ctx, pkt, point, TRACE_REASON_UNKNOWN);
	if (!ret && is_ip(pkt)) {
		if ((ctx->mark & MARK_KIND_MASK) == MARK_PROXY_EGRESS_EPID) {
			ret = for_endpoint(ctx, pkt);
		} else {
			ctx->mark = 0;
			ret = from_host(ctx, pkt);
		}
	}
	if (ret < 0)
		return drop_packet(ctx, pkt, ret, DIR_EGRESS);
	return forward(ctx, ret, DIR_EGRESS, SOURCE_LINE);
}

/* What a pod's program has turned round for a proxy is not the host's. */
SEC("tc")
int cil_to_host(ctx_t *ctx)
{
	struct packet *pkt = packet_begin();
	bool tracked;
	int ret;

	if (!pkt)
		return CTX_DROP;
	if ((ctx->mark & 0xffff) == MARK_TO_PROXY)
		return CTX_PASS;
	ret = identify(ctx, pkt);
	identify_sender(ctx, pkt);
	tracked = CONFIG(enable_host_firewall) && pkt->dst_identity == IDENTITY_HOST;
	if (!ret && tracked)
		ret = host_firewall(ctx, pkt, DIR_INGRESS);
	if (ret < 0)
		return drop_packet(ctx, pkt, ret, DIR_INGRESS);
	if (trace_wanted(TRACE_TO_STACK, pkt->ct.report))
		trace_packet(ctx, pkt, TRACE_TO_STACK, trace_reason(pkt, tracked));
	return forward(ctx, CTX_PASS, DIR_INGRESS, SOURCE_LINE);
}

/* From the host to a pod whose own program has asked for the host's policy first. */
static __always_inline int host_to_pod(ctx_t *ctx, struct packet *pkt, __u32 endpoint)
{
	int ret;

	pkt->src_identity = IDENTITY_HOST;
	ret = CONFIG(enable_host_firewall) ? host_firewall(ctx, pkt, DIR_EGRESS) : 0;
	if (ret)
		return ret;
	ctx->cb[DELIVERY_SRC_IDENTITY] = IDENTITY_HOST;
	ctx->cb[DELIVERY_REDIRECT] = 0;
	ctx->cb[DELIVERY_FROM_HOST] = 1;
	ctx->cb[DELIVERY_FROM_TUNNEL] = 0;
	bpf_tail_call(ctx, &cilium_call_policy, endpoint);
	return DROP(pkt, DROP_EP_NOT_READY);
}

static __always_inline int pod_to_host(ctx_t *ctx, struct packet *pkt, __u32 identity)
{
	pkt->src_identity = identity;
	return CONFIG(enable_host_firewall) ? host_firewall(ctx, pkt, DIR_INGRESS) : 0;
}

SEC("tc")
int cil_host_policy(ctx_t *ctx)
{
	__u32 whose = ctx->cb[DELIVERY_SRC_IDENTITY];
	bool to_pod = ctx->cb[DELIVERY_FROM_HOST];
	struct packet *pkt = packet_begin();
	int ret;

	if (!pkt)
		return CTX_DROP;
	ret = identify(ctx, pkt);
	if (!ret && is_ip(pkt))
		ret = to_pod ? host_to_pod(ctx, pkt, whose) : pod_to_host(ctx, pkt, whose);
	if (ret < 0)
		return drop_packet(ctx, pkt, ret, to_pod ? DIR_EGRESS : DIR_INGRESS);
	return forward(ctx, CTX_PASS, to_pod ? DIR_EGRESS : DIR_INGRESS, SOURCE_LINE);
}

DEFINE_ICMP_ERROR_PROGRAM()

char _license[] SEC("license") = "Dual BSD/GPL";
