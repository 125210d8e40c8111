/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The tunnel between nodes: cil_from_overlay at tc ingress of the tunnel device, where packets come out of
 * it, cil_to_overlay at its tc egress, where they are about to be wrapped.
 *
 * The VNI says who has sent a packet. What is neither IPv4 nor IPv6 passes untouched.
 */
#include <linux/if_ether.h>

#include <lib/bandwidth.h>
#include <lib/config.h>
#include <lib/drop.h>
#include <lib/encap.h>
#include <lib/endpoint.h>
#include <lib/eth.h>
#include <lib/icmp_error.h>
#include <lib/ipcache.h>
#include <lib/ipv4.h>
#include <lib/ipv6.h>
#include <lib/local_delivery.h>
#include <lib/mark.h>
#include <lib/nodeport.h>
#include <lib/proxy.h>
#include <lib/trace.h>

/* 0, or the reason to drop. */
static __always_inline int parse_link(ctx_t *ctx, struct packet *pkt)
{
	switch (eth_parse(ctx, pkt)) {
	case ETH_TRUNCATED:
		return DROP(pkt, DROP_INVALID);
	case ETH_TOO_MANY_TAGS:
		return DROP(pkt, DROP_VLAN_FILTERED);
	case ETH_OK:
		break;
	}
	return 0;
}

static __always_inline int parse_network(ctx_t *ctx, struct packet *pkt)
{
	if (!is_ip(pkt))
		return DROP(pkt, DROP_UNKNOWN_L3);
	return pkt->ethertype == ETH_P_IP ? ipv4_parse(ctx, pkt) : ipv6_parse(ctx, pkt);
}

/* Who has sent the packet, by the VNI. No peer speaks for this node. */
static __always_inline int identify_sender(ctx_t *ctx, struct packet *pkt)
{
	struct bpf_tunnel_key key = {};
	bool is_ipv6;

	if (!tunnel_get_key(ctx, &key, &is_ipv6))
		return DROP(pkt, DROP_NO_TUNNEL_KEY);
	pkt->src_identity = key.tunnel_id;
	if (pkt->src_identity == IDENTITY_ANY)
		return DROP(pkt, DROP_INVALID_VNI);
	if (pkt->src_identity == IDENTITY_HOST)
		return DROP(pkt, DROP_INVALID_IDENTITY);
	pkt->from_tunnel = true;
	return 0;
}

static __always_inline bool is_dsr_geneve(void)
{
	return CONFIG(enable_nodeport) && CONFIG(lb_mode) != LB_SNAT &&
	       CONFIG(dsr_dispatch) == DSR_GENEVE;
}

/* Where the address says more than the VNI: nodes call all that is theirs remote-node, and what they hand
 * on unchanged for the world, world. The address may not say that this is the host, which would get any
 * sender past policy.
 */
static __always_inline int refine_sender(struct packet *pkt)
{
	bool world = is_dsr_geneve() && identity_is_world(pkt->src_identity);
	const struct remote_endpoint_info *info;

	if (pkt->src_identity != IDENTITY_REMOTE_NODE && !world)
		return 0;
	info = ipcache_lookup(&pkt->saddr, pkt->is_ipv6);
	if (!info || !info->sec_identity)
		return 0;
	if (info->sec_identity == IDENTITY_HOST)
		return DROP(pkt, DROP_INVALID_IDENTITY);
	if (!world || info->sec_identity & IDENTITY_SCOPE_CIDR)
		pkt->src_identity = info->sec_identity;
	return 0;
}

/* Services of this node, and answers to what left it translated. 0: the packet goes on here; positive: the
 * verdict; negative: drop.
 */
static __always_inline int services(ctx_t *ctx, struct packet *pkt)
{
	int ret = nodeport_ingress(ctx, pkt);

	if (ret || !is_dsr_geneve() || !nodeport_concerns(pkt))
		return ret;
	return dsr_learn_geneve(ctx, pkt);
}

/* Up the stack as what cilium_host received, where the host's firewall is; or as what this device did. The
 * frame was made for a pod's gateway and not for either.
 */
static __always_inline int to_host(ctx_t *ctx, struct packet *pkt)
{
	union macaddr src = CONFIG_MAC(interface_mac), dst = CONFIG_MAC(cilium_host_mac);
	int ret;

	ctx->mark = mark_with_identity(MARK_IDENTITY, pkt->src_identity);
	if (!CONFIG(cilium_host_ifindex)) {
		bpf_skb_change_type(ctx, PACKET_HOST);
		return CTX_PASS;
	}
	ret = rewrite_macs(ctx, pkt, &src, &dst);
	return ret ? ret : (int)bpf_redirect(CONFIG(cilium_host_ifindex), BPF_F_INGRESS);
}

static __always_inline int deliver(ctx_t *ctx, struct packet *pkt)
{
	const struct endpoint_info *ep;
	int ret = refine_sender(pkt);

	if (!ret)
		ret = services(ctx, pkt);
	if (ret)
		return ret;
	if (pkt->proxy_port)
		return proxy_pass(ctx, pkt);
	ep = endpoint_lookup(&pkt->daddr, pkt->is_ipv6);
	if (!ep || endpoint_is_host(ep))
		return to_host(ctx, pkt);
	ret = bandwidth_ingress(ctx, pkt, ep->lxc_id);
	return ret ? ret : deliver_local(ctx, pkt, ep);
}

static __always_inline int received(ctx_t *ctx, struct packet *pkt, int ret)
{
	if (ret < 0)
		return drop_packet(ctx, pkt, ret, DIR_INGRESS);
	metrics_add(REASON_FORWARDED, DIR_INGRESS, SOURCE_FILE, SOURCE_LINE, ctx_len(ctx));
	return ret;
}

/* In a program of its own: services need what stack there is. */
SEC("tc") __call(7) int tail_handle_ip(ctx_t *ctx)
{
	struct packet *pkt = packet_resume();

	return pkt ? received(ctx, pkt, deliver(ctx, pkt)) : CTX_DROP;
}

SEC("tc")
int cil_from_overlay(ctx_t *ctx)
{
	struct packet *pkt = packet_begin();
	int ret;

	if (!pkt)
		return CTX_DROP;
	ctx->tc_index = 0;
	ret = parse_link(ctx, pkt);
	if (!ret && pkt->ethertype != ETH_P_IP && pkt->ethertype != ETH_P_IPV6)
		return CTX_PASS;
	if (!ret)
		ret = identify_sender(ctx, pkt);
	if (!ret)
		ret = parse_network(ctx, pkt);
	ret = packet_so_far(pkt, ret);
	if (trace_wanted(TRACE_FROM_OVERLAY, false))
		trace_packet(ctx, pkt, TRACE_FROM_OVERLAY, TRACE_REASON_UNKNOWN);
	if (!ret)
		ret = CALL(ctx, pkt, CALL_IP);
	return received(ctx, pkt, ret);
}

/* What has no tunnel key (neighbour discovery of the device itself) the device drops. */
static __always_inline void mark_as_tunnelled(ctx_t *ctx)
{
	struct bpf_tunnel_key key = {};
	bool is_ipv6;

	tunnel_get_key(ctx, &key, &is_ipv6);
	ctx->mark = mark_with_identity(MARK_OVERLAY, key.tunnel_id);
}

/* Who has sent the packet here has counted it. */
static __always_inline int into_tunnel(ctx_t *ctx)
{
	mark_as_tunnelled(ctx);
	return CTX_PASS;
}

/* Translated by a program before this one, of which nothing is left to find out. */
static __always_inline bool is_settled(ctx_t *ctx)
{
	return (ctx->mark & MARK_KIND_MASK) == MARK_SNAT_DONE &&
	       !CONFIG(enable_bandwidth_manager) && is_ip_protocol(ctx_protocol(ctx));
}

/* A pod's answer to who came by a node port and sits behind the tunnel. */
static __always_inline int answers(ctx_t *ctx, struct packet *pkt)
{
	int ret;

	if (!CONFIG(enable_nodeport) || !nodeport_concerns(pkt) ||
	    (ctx->mark & MARK_KIND_MASK) == MARK_SNAT_DONE)
		return 0;
	ret = ct_parse_l4(ctx, pkt);
	if (!ret)
		ret = nodeport_reply(ctx, pkt);
	return ret < 0 ? ret : 0;
}

SEC("tc")
int cil_to_overlay(ctx_t *ctx)
{
	struct packet *pkt;
	int ret;

	if (is_settled(ctx))
		return into_tunnel(ctx);
	pkt = packet_begin();
	if (!pkt)
		return CTX_DROP;
	ret = parse_link(ctx, pkt);
	if (!ret && is_ip(pkt))
		ret = parse_network(ctx, pkt);
	if (!ret && is_ip(pkt))
		ret = answers(ctx, pkt);
	/* here and not at the device below: the tunnel forgets whose packet it is */
	if (!ret)
		ret = bandwidth_egress(ctx, pkt);
	if (ret < 0)
		return drop_packet(ctx, pkt, ret, DIR_EGRESS);
	return into_tunnel(ctx);
}

DEFINE_ICMP_ERROR_PROGRAM()

char _license[] SEC("license") = "Dual BSD/GPL";
