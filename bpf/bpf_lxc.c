/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A pod: cil_from_container at tc ingress of its device on the host sees what leaves it, cil_lxc_policy what
 * other programs deliver to it, cil_to_container at tc egress of that device what the stack does.
 *
 * Out: ARP and neighbour discovery are answered; the source must be the pod's; services are translated. Then,
 * in a program of its own: conntrack, policy, and the way on: to a proxy, to a pod of this node, to the
 * stack, into the tunnel, or by the node's routes.
 * In: conntrack, policy, answers of services translated back; to a proxy or into the pod.
 */
#include <linux/if_ether.h>

#include <lib/arp.h>
#include <lib/bandwidth.h>
#include <lib/config.h>
#include <lib/conntrack.h>
#include <lib/drop.h>
#include <lib/encap.h>
#include <lib/endpoint.h>
#include <lib/endpoint_policy.h>
#include <lib/eth.h>
#include <lib/fib.h>
#include <lib/icmp6.h>
#include <lib/ipcache.h>
#include <lib/ipv4.h>
#include <lib/ipv6.h>
#include <lib/lb_pod.h>
#include <lib/local_delivery.h>
#include <lib/mark.h>
#include <lib/nat.h>
#include <lib/nodeport_reply.h>
#include <lib/proxy.h>
#include <lib/trace.h>

#define ETH_P_MIN 1536 /* below it the field is a length, IEEE 802.3 */

/* What is done with a packet that its pod may have. */
enum pod_verdict {
	POD_DELIVER = 0,
	POD_TO_PROXY = 1,
};

/* Fills *pkt up to the network layer. 0, or the reason to drop. */
static __always_inline int parse(ctx_t *ctx, struct packet *pkt)
{
	switch (eth_parse(ctx, pkt)) {
	case ETH_TRUNCATED:
		return DROP(pkt, DROP_UNSUPPORTED_L2);
	case ETH_TOO_MANY_TAGS:
		return DROP(pkt, DROP_VLAN_FILTERED);
	case ETH_OK:
		break;
	}
	if (pkt->ethertype < ETH_P_MIN)
		return DROP(pkt, DROP_UNSUPPORTED_L2);
	if (pkt->ethertype == ETH_P_ARP)
		return 0;
	if (!is_ip(pkt))
		return DROP(pkt, DROP_UNKNOWN_L3);
	return pkt->ethertype == ETH_P_IP ? ipv4_parse(ctx, pkt) : ipv6_parse(ctx, pkt);
}

static __always_inline void trace(ctx_t *ctx, const struct packet *pkt, enum trace_point point)
{
	if (trace_wanted(point, pkt->ct.report))
		trace_packet(ctx, pkt, point, pkt->ct.status);
}

static __always_inline void trace_begin(ctx_t *ctx, const struct packet *pkt,
					enum trace_point point)
{
	if (trace_wanted(point, false))
		trace_packet(ctx, pkt, point, TRACE_REASON_UNKNOWN);
}

static __always_inline bool is_answer(const struct packet *pkt)
{
	return pkt->ct.status == CT_REPLY || pkt->ct.status == CT_RELATED;
}

/* Policy is asked about what begins a flow, and, for the port of its proxy, about what a proxy sees. */
static __always_inline bool policy_is_asked(const struct packet *pkt)
{
	return pkt->ct.status == CT_NEW || pkt->ct.proxy_redirect || CONFIG(policy_on_established);
}

/* ---- out of the pod ---- */

static __always_inline bool source_is_own(const struct packet *pkt)
{
	union v6addr own = CONFIG_IP6(endpoint_ipv6);

	if (pkt->is_ipv6)
		return addr6_equal(&pkt->saddr.ip6, &own);
	return pkt->saddr.ip4 == CONFIG(endpoint_ipv4).be32;
}

/* 1: neighbour discovery, *verdict is final; 0: goes on; or the reason to drop. What the stack would forward is
 * policy's business, whatever it says it is.
 */
static __always_inline int discovery(ctx_t *ctx, struct packet *pkt, int *verdict)
{
	__u8 type;

	if (!nd_is_discovery(pkt) || !packet_load(ctx, pkt, pkt->l4_off, &type, sizeof(type)))
		return 0;
	if (type != ND_ROUTER_SOLICITATION && type != ICMP6_NEIGHBOUR_SOLICITATION &&
	    type != ICMP6_NEIGHBOUR_ADVERTISEMENT)
		return 0;
	if (!source_is_own(pkt) && !addr6_is_link_local(&pkt->saddr.ip6) &&
	    !addr6_is_none(&pkt->saddr.ip6))
		return DROP(pkt, DROP_INVALID_SIP);
	*verdict = TC_ACT_OK;
	if (type == ICMP6_NEIGHBOUR_SOLICITATION)
		*verdict = nd_solicited(ctx, pkt);
	if (*verdict == TC_ACT_OK && !nd_is_on_link(pkt))
		return 0;
	return *verdict < 0 ? *verdict : 1;
}

/* The service may be one that a proxy serves: it chooses the backend. */
static __always_inline int translate(ctx_t *ctx, struct packet *pkt)
{
	int ret = lb_service_of_pod(ctx, pkt);

	if (ret < 0)
		return ret;
	if (pkt->lb.frontend.flags2 & LB_F2_L7)
		pkt->proxy_port = (__be16)pkt->lb.frontend.affinity_timeout;
	return 0;
}

/* The verdict, or the reason to drop. */
static __always_inline int from_pod(ctx_t *ctx, struct packet *pkt)
{
	int verdict = 0, ret;

	if (pkt->ethertype == ETH_P_ARP)
		return arp_answer(ctx, pkt);
	ret = discovery(ctx, pkt, &verdict);
	if (ret)
		return ret < 0 ? ret : verdict;
	if (CONFIG(enable_sip_verification) && !source_is_own(pkt))
		return DROP(pkt, DROP_INVALID_SIP);
	ret = ct_parse_l4(ctx, pkt);
	if (!ret)
		ret = translate(ctx, pkt);
	return ret ? ret : CALL(ctx, pkt, CALL_IP_CONT);
}

/* At tc ingress of the pod's device: what leaves the pod. */
SEC("tc")
int cil_from_container(ctx_t *ctx)
{
	struct packet *pkt = packet_begin();
	int ret;

	if (!pkt)
		return CTX_DROP;
	ctx->queue_mapping = 0; /* veth notes its own queue: every flow would leave by the first */
	ctx->tc_index = 0; /* a filter in the pod's namespace may have set it */
	bandwidth_mark(ctx, CONFIG(endpoint_id));
	pkt->src_identity = CONFIG(security_label);
	ret = packet_so_far(pkt, parse(ctx, pkt));
	trace_begin(ctx, pkt, TRACE_FROM_LXC);
	if (!ret)
		ret = from_pod(ctx, pkt);
	return ret < 0 ? drop_packet(ctx, pkt, ret, DIR_EGRESS) : ret;
}

/* Called by the endpoint's id: what a proxy sends for the pod, already to a backend. */
SEC("tc")
int cil_lxc_policy_egress(ctx_t *ctx)
{
	struct packet *pkt = packet_begin();
	int ret;

	if (!pkt)
		return CTX_DROP;
	pkt->src_identity = CONFIG(security_label);
	pkt->from_proxy = true;
	ret = packet_so_far(pkt, parse(ctx, pkt));
	trace_begin(ctx, pkt, TRACE_FROM_PROXY);
	if (!ret && pkt->ethertype == ETH_P_ARP)
		ret = DROP(pkt, DROP_UNKNOWN_L3);
	if (!ret)
		ret = ct_parse_l4(ctx, pkt);
	if (!ret)
		ret = CALL(ctx, pkt, CALL_IP_CONT);
	return drop_packet(ctx, pkt, ret, DIR_EGRESS);
}

/* What a proxy serves is the proxy's to judge; a pod that reaches itself needs nobody's leave. */
static __always_inline int judge_out(ctx_t *ctx, struct packet *pkt)
{
	int ret;

	if (pkt->proxy_port || pkt->lb.loopback || pkt->ct.loopback || !policy_is_asked(pkt))
		return 0;
	ret = endpoint_policy(ctx, pkt, DIR_EGRESS);
	return ret ? DROP(pkt, ret) : 0;
}

/* An entry made before the flow went to this service, or before a proxy had it, would send answers the
 * wrong way.
 */
static __always_inline bool entry_is_stale(const struct packet *pkt)
{
	return pkt->ct.status == CT_ESTABLISHED &&
	       (pkt->ct.rev_nat_index != pkt->lb.frontend.rev_nat_index ||
		(pkt->lb.any_address && !lb_called_is(&pkt->ct, pkt)) ||
		pkt->ct.proxy_redirect != (pkt->proxy_port != 0));
}

static __always_inline int track_out(ctx_t *ctx, struct packet *pkt)
{
	int ret = ct_lookup(ctx, pkt, DIR_EGRESS);

	if (ret || is_answer(pkt))
		return ret;
	ret = judge_out(ctx, pkt);
	if (ret)
		return ret;
	if (pkt->from_proxy)
		pkt->proxy_port = 0;
	if (pkt->ct.status != CT_NEW && !entry_is_stale(pkt))
		return 0;
	lb_tell_ct(pkt);
	pkt->ct.proxy_redirect = pkt->proxy_port != 0;
	pkt->ct.from_l7lb = pkt->from_proxy;
	return ct_create(ctx, pkt, DIR_EGRESS);
}

static __always_inline int to_proxy(ctx_t *ctx, struct packet *pkt)
{
	trace(ctx, pkt, TRACE_TO_PROXY);
	return proxy_pass(ctx, pkt);
}

static __always_inline int to_stack(ctx_t *ctx, struct packet *pkt)
{
	trace(ctx, pkt, TRACE_TO_STACK);
	return TC_ACT_OK;
}

/* The host has a policy of its own where it has a firewall. */
static __always_inline int to_host(ctx_t *ctx, struct packet *pkt)
{
	if (!CONFIG(enable_host_firewall))
		return to_stack(ctx, pkt);
	trace(ctx, pkt, TRACE_TO_HOST);
	deliver_to_policy(ctx, pkt, CONFIG(host_ep_id));
	return DROP(pkt, DROP_HOST_NOT_READY);
}

static __always_inline int by_route(ctx_t *ctx, struct packet *pkt)
{
	int ret = forward_fib(ctx, pkt);

	if (ret == TC_ACT_OK)
		return to_stack(ctx, pkt);
	if (ret == TC_ACT_REDIRECT && !pkt->answer.reason)
		trace(ctx, pkt, TRACE_TO_NETWORK);
	return ret;
}

/* A pod that answers itself sends to the loopback address, which is no endpoint's. */
static __always_inline const struct endpoint_info *local_target(const struct packet *pkt)
{
	bool to_itself = pkt->ct.loopback && is_answer(pkt);

	return endpoint_lookup(to_itself ? &pkt->saddr : &pkt->daddr, pkt->is_ipv6);
}

static __always_inline bool tunnelled(const struct packet *pkt,
				      const struct remote_endpoint_info *info)
{
	return CONFIG(tunnel_ifindex) && info && info->flag_has_tunnel_ep &&
	       (!info->flag_skip_tunnel || pkt->ct.from_tunnel);
}

static __always_inline int forward(ctx_t *ctx, struct packet *pkt,
				   const struct remote_endpoint_info *info)
{
	const struct endpoint_info *ep = NULL;

	ctx->mark = mark_with_identity(MARK_IDENTITY, pkt->src_identity);
	/* where pods have routes the stack brings packets to them, but back to a pod itself */
	if (!CONFIG(enable_endpoint_routes) || CONFIG(enable_host_routing) || pkt->ct.loopback)
		ep = local_target(pkt);
	if ((ep && endpoint_is_host(ep)) || pkt->dst_identity == IDENTITY_HOST)
		return to_host(ctx, pkt);
	if (ep)
		return deliver_local(ctx, pkt, ep);
	if (tunnelled(pkt, info))
		return encap(ctx, pkt, info, pkt->src_identity);
	return CONFIG(enable_host_routing) ? by_route(ctx, pkt) : to_stack(ctx, pkt);
}

static __always_inline int pod_out(ctx_t *ctx, struct packet *pkt)
{
	const struct remote_endpoint_info *info = ipcache_lookup(&pkt->daddr, pkt->is_ipv6);
	int ret;

	pkt->dst_identity = info && info->sec_identity ? info->sec_identity : IDENTITY_WORLD;
	debug_identity(ctx, &pkt->daddr, pkt->is_ipv6, pkt->dst_identity);
	ret = track_out(ctx, pkt);
	if (ret)
		return ret;
	if (!pkt->from_proxy && (pkt->proxy_port || (is_answer(pkt) && pkt->ct.proxy_redirect)))
		return to_proxy(ctx, pkt);
	if (is_answer(pkt))
		ret = nodeport_reply_of_pod(ctx, pkt);
	if (ret < 0)
		return ret;
	if (!ret)
		return forward(ctx, pkt, info);
	if (pkt->dst_identity == IDENTITY_HOST)
		return CALL(ctx, pkt, CALL_NAT_INGRESS);
	/* what came by the node's edge is answered by it, and not through a tunnel or a pod's policy;
	 * where it leaves the node it is not the host's, though it has the host's address
	 */
	ctx->mark = MARK_SNAT_DONE;
	return by_route(ctx, pkt);
}

static __always_inline int went_out(ctx_t *ctx, struct packet *pkt, int ret)
{
	if (ret < 0)
		return drop_packet(ctx, pkt, ret, DIR_EGRESS);
	metrics_add(REASON_FORWARDED, DIR_EGRESS, SOURCE_FILE, SOURCE_LINE, ctx_len(ctx));
	return ret;
}

/* An answer of a service's to this node's own address: a pod's that has asked as the node, by what another
 * node balanced, or the host's.
 */
static __always_inline int answer_here(ctx_t *ctx, struct packet *pkt)
{
	const struct endpoint_info *ep;
	int ret = nat_reverse(ctx, pkt);

	if (ret < 0)
		return ret;
	ctx->mark = mark_with_identity(MARK_IDENTITY, pkt->src_identity);
	ep = ret ? endpoint_lookup(&pkt->daddr, pkt->is_ipv6) : NULL;
	return ep && !endpoint_is_host(ep) ? deliver_local(ctx, pkt, ep) : to_host(ctx, pkt);
}

SEC("tc")
__call(36) int tail_answer_here(ctx_t *ctx)
{
	struct packet *pkt = packet_resume();

	return pkt ? went_out(ctx, pkt, answer_here(ctx, pkt)) : CTX_DROP;
}

SEC("tc")
__call(26) int tail_pod_out(ctx_t *ctx)
{
	struct packet *pkt = packet_resume();

	return pkt ? went_out(ctx, pkt, pod_out(ctx, pkt)) : CTX_DROP;
}

/* ---- into the pod ---- */

/* Of the pod to itself, by the entry that its way out has left. */
static __always_inline bool comes_from_itself(struct packet *pkt)
{
	struct flow flow = packet_flow(pkt);
	union addr loopback = {};
	const struct ct_entry *entry;

	lb_loopback_address(pkt->is_ipv6, &loopback);
	if (!addr_equal(&pkt->saddr, &loopback))
		return false;
	entry = ct_find(pkt, &flow, TUPLE_F_OUT);
	return entry && entry->lb_loopback;
}

static __always_inline int judge_in(ctx_t *ctx, struct packet *pkt)
{
	int ret;

	if (proxy_was_ingress(ctx) || pkt->ct.loopback || !policy_is_asked(pkt))
		return 0;
	if (pkt->ct.status == CT_NEW && comes_from_itself(pkt)) {
		pkt->ct.loopback = true;
		return 0;
	}
	ret = endpoint_policy(ctx, pkt, DIR_INGRESS);
	return ret ? DROP(pkt, ret) : 0;
}

/* An answer: to the proxy that has asked for the pod, or from the service that the pod has asked. */
static __always_inline int answer_in(ctx_t *ctx, struct packet *pkt)
{
	if (pkt->ct.from_l7lb || (pkt->ct.proxy_redirect && !proxy_was_egress(ctx)))
		return POD_TO_PROXY;
	return lb_reverse(ctx, pkt);
}

/* enum pod_verdict, or the reason to drop. */
static __always_inline int pod_in(ctx_t *ctx, struct packet *pkt)
{
	int ret = ct_parse_l4(ctx, pkt);

	if (!ret)
		ret = ct_lookup(ctx, pkt, DIR_INGRESS);
	if (ret)
		return ret;
	pkt->orig_saddr = pkt->saddr;
	if (is_answer(pkt))
		return answer_in(ctx, pkt);
	ret = judge_in(ctx, pkt);
	if (!ret && pkt->ct.status == CT_NEW) {
		pkt->ct.proxy_redirect = pkt->proxy_port != 0;
		pkt->ct.from_tunnel = pkt->from_tunnel;
		ret = ct_create(ctx, pkt, DIR_INGRESS);
	}
	if (ret)
		return ret;
	return pkt->proxy_port ? POD_TO_PROXY : POD_DELIVER;
}

static __always_inline void pod_is_target(struct packet *pkt)
{
	pkt->dst_identity = CONFIG(security_label);
	pkt->dst_endpoint = CONFIG(endpoint_id);
}

static __always_inline void trace_in(ctx_t *ctx, struct packet *pkt, enum pod_verdict verdict)
{
	trace(ctx, pkt, verdict == POD_TO_PROXY ? TRACE_TO_PROXY : TRACE_TO_LXC);
	metrics_add(REASON_FORWARDED, DIR_INGRESS, SOURCE_FILE, SOURCE_LINE, ctx_len(ctx));
}

/* Called by the endpoint's id: what other programs deliver to the pod, see local_delivery.h. */
SEC("tc")
int cil_lxc_policy(ctx_t *ctx)
{
	struct packet *pkt = packet_begin();
	bool redirect = ctx->cb[DELIVERY_REDIRECT];
	int ret;

	if (!pkt)
		return CTX_DROP;
	pkt->src_identity = ctx->cb[DELIVERY_SRC_IDENTITY];
	pkt->from_host = ctx->cb[DELIVERY_FROM_HOST];
	pkt->from_tunnel = ctx->cb[DELIVERY_FROM_TUNNEL];
	pod_is_target(pkt);
	ret = parse(ctx, pkt);
	if (!ret && pkt->ethertype == ETH_P_ARP)
		ret = DROP(pkt, DROP_UNKNOWN_L3);
	if (!ret)
		ret = pod_in(ctx, pkt);
	if (ret < 0)
		return drop_packet(ctx, pkt, ret, DIR_INGRESS);
	trace_in(ctx, pkt, ret);
	if (ret == POD_TO_PROXY)
		return proxy_pass(ctx, pkt);
	return redirect ? deliver_redirect(ctx, CONFIG(interface_ifindex), pkt->from_host,
					   pkt->from_tunnel)
			: TC_ACT_OK;
}

/* Who has sent it: what the mark says; where that is vague, the address. SNAT gives the world's packets the
 * host's address, but only the mark makes them the host's.
 */
static __always_inline void identify_sender(ctx_t *ctx, struct packet *pkt)
{
	__u32 mark = ctx->mark, kind = mark & MARK_KIND_MASK, known;

	pkt->src_identity = IDENTITY_WORLD;
	switch (kind) {
	case MARK_PROXY_INGRESS:
		ctx->tc_index |= TC_INDEX_FROM_INGRESS_PROXY;
		pkt->src_identity = mark_identity(mark);
		break;
	case MARK_PROXY_EGRESS:
		ctx->tc_index |= TC_INDEX_FROM_EGRESS_PROXY;
		pkt->src_identity = mark_identity(mark);
		break;
	case MARK_IDENTITY:
		pkt->src_identity = mark_identity(mark);
		break;
	case MARK_HOST:
		pkt->src_identity = IDENTITY_HOST;
		break;
	}
	ctx->mark = 0;
	if (pkt->src_identity >= IDENTITY_RESERVED_END || pkt->ethertype == ETH_P_ARP)
		return;
	known = ipcache_identity(&pkt->saddr, pkt->is_ipv6);
	if (known == IDENTITY_HOST)
		return;
	/* which world it is, the address says: policies may name that of one family */
	if (!identity_is_world(known) || identity_is_world(pkt->src_identity))
		pkt->src_identity = known;
}

/* ARP and neighbour discovery are between the pod and the stack, which forwards neither as it came. */
static __always_inline bool is_discovery(ctx_t *ctx, const struct packet *pkt)
{
	__u8 type;

	if (pkt->ethertype == ETH_P_ARP)
		return true;
	return nd_is_discovery(pkt) && nd_is_of_link(ctx, pkt) &&
	       packet_load(ctx, pkt, pkt->l4_off, &type, sizeof(type)) &&
	       (type == ICMP6_NEIGHBOUR_SOLICITATION || type == ICMP6_NEIGHBOUR_ADVERTISEMENT);
}

/* The host's policy on its way out comes first; the program that has it calls cil_lxc_policy. */
static __always_inline int through_host_policy(ctx_t *ctx, struct packet *pkt)
{
	ctx->cb[DELIVERY_SRC_IDENTITY] = CONFIG(endpoint_id);
	ctx->cb[DELIVERY_REDIRECT] = 0;
	ctx->cb[DELIVERY_FROM_HOST] = 1;
	bpf_tail_call(ctx, &cilium_call_policy, CONFIG(host_ep_id));
	return DROP(pkt, DROP_HOST_NOT_READY);
}

static __always_inline int to_pod(ctx_t *ctx, struct packet *pkt)
{
	int ret;

	if (is_discovery(ctx, pkt))
		return TC_ACT_OK;
	if (CONFIG(enable_host_firewall) && CONFIG(enable_endpoint_routes) &&
	    pkt->src_identity == IDENTITY_HOST)
		return through_host_policy(ctx, pkt);
	ret = pod_in(ctx, pkt);
	if (ret < 0)
		return ret;
	trace_in(ctx, pkt, ret);
	return ret == POD_TO_PROXY ? proxy_turn(ctx, pkt) : TC_ACT_OK;
}

/* What a proxy sends for this pod has gone out of its device: it is judged as the pod's. */
static __always_inline int for_a_pod(ctx_t *ctx, struct packet *pkt)
{
	__u32 endpoint_id = ctx->mark >> 16;

	ctx->mark = 0;
	bpf_tail_call(ctx, &cilium_egresscall_policy, endpoint_id);
	return DROP(pkt, DROP_EP_NOT_READY);
}

/* At tc egress of the pod's device, where pods have routes: what the stack brings. */
SEC("tc")
int cil_to_container(ctx_t *ctx)
{
	__u32 kind = ctx->mark & MARK_KIND_MASK;
	struct packet *pkt = packet_begin();
	int ret;

	if (!pkt)
		return CTX_DROP;
	pod_is_target(pkt);
	ret = parse(ctx, pkt);
	if (!ret && kind == MARK_PROXY_EGRESS_EPID)
		ret = for_a_pod(ctx, pkt);
	if (!ret)
		identify_sender(ctx, pkt);
	trace_begin(ctx, pkt,
		    kind == MARK_PROXY_INGRESS || kind == MARK_PROXY_EGRESS ? TRACE_FROM_PROXY
									    : TRACE_FROM_STACK);
	if (!ret)
		ret = to_pod(ctx, pkt);
	return ret < 0 ? drop_packet(ctx, pkt, ret, DIR_INGRESS) : ret;
}

DEFINE_ICMP_ERROR_PROGRAM()

char _license[] SEC("license") = "Dual BSD/GPL";
