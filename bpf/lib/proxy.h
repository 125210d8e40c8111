/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* To an L7 proxy on this node: the stack's rules take packets with its mark to the proxy's socket. */
#ifndef VERDICT_LIB_PROXY_H
#define VERDICT_LIB_PROXY_H

#include <linux/if_packet.h>

#include <lib/config.h>
#include <lib/mark.h>
#include <lib/rewrite.h>

/* The packet is on its way up: pkt->proxy_port is where to; 0: to the socket that has this flow already. */
static __always_inline int proxy_pass(ctx_t *ctx, const struct packet *pkt)
{
	ctx->mark = MARK_TO_PROXY | (__u32)pkt->proxy_port << 16;
	bpf_skb_change_type(ctx, PACKET_HOST);
	return TC_ACT_OK;
}

/* The packet is on its way down, out of a pod's device: it turns round at the host's own. */
static __always_inline int proxy_turn(ctx_t *ctx, struct packet *pkt)
{
	union macaddr src = CONFIG_MAC(interface_mac), dst = CONFIG_MAC(cilium_host_mac);
	int ret = rewrite_macs(ctx, pkt, &src, &dst);

	if (ret)
		return ret;
	ctx->mark = MARK_TO_PROXY | (__u32)pkt->proxy_port << 16;
	return (int)bpf_redirect(CONFIG(cilium_host_ifindex), BPF_F_INGRESS);
}

/* What comes from a proxy is not to go there again. */
static __always_inline bool proxy_was_ingress(ctx_t *ctx)
{
	return ctx->tc_index & TC_INDEX_FROM_INGRESS_PROXY;
}

static __always_inline bool proxy_was_egress(ctx_t *ctx)
{
	return ctx->tc_index & TC_INDEX_FROM_EGRESS_PROXY;
}

#endif
