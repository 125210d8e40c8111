/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The link layer: finds the EtherType and the network header. */
#ifndef VERDICT_LIB_ETH_H
#define VERDICT_LIB_ETH_H

#include <linux/if_ether.h>

#include <lib/config.h>
#include <lib/ctx.h>

#define VLAN_TAGS_MAX 2
#define VLAN_HLEN     4
#define VLAN_ID	      0x0fff

enum eth_result {
	ETH_OK,
	ETH_TRUNCATED,
	ETH_TOO_MANY_TAGS,
};

static __always_inline bool is_vlan(__u16 ethertype)
{
	return ethertype == ETH_P_8021Q || ethertype == ETH_P_8021AD;
}

/* False for other EtherTypes, and for a family that is switched off. */
static __always_inline bool is_ip(const struct packet *pkt)
{
	return (CONFIG(enable_ipv4) && pkt->ethertype == ETH_P_IP) ||
	       (CONFIG(enable_ipv6) && pkt->ethertype == ETH_P_IPV6);
}

/* The same of what the stack says, network order. */
static __always_inline bool is_ip_protocol(__be16 protocol)
{
	return (CONFIG(enable_ipv4) && protocol == bpf_htons(ETH_P_IP)) ||
	       (CONFIG(enable_ipv6) && protocol == bpf_htons(ETH_P_IPV6));
}

/* VLAN of the tag that the kernel has taken off before tc ingress, or puts on behind tc egress. */
static __always_inline __u16 vlan_beside(ctx_t *ctx)
{
#ifdef CTX_XDP
	(void)ctx;
	return 0;
#else
	return ctx->vlan_present ? ctx->vlan_tci & VLAN_ID : 0;
#endif
}

/* Tags in the data are looked through: the kernel accepts several of VLAN 0 and delivers what is under them to
 * the device itself. The first of another VLAN is the frame's.
 */
static __always_inline enum eth_result eth_parse(ctx_t *ctx, struct packet *pkt)
{
	__be16 type = ctx_protocol(ctx), tag[2]; /* TCI and the EtherType behind it */
	__u32 off = CONFIG(eth_header_length);

	pkt->vlan = vlan_beside(ctx);
	if (off && !ctx_load_header(ctx, off - sizeof(type), &type, sizeof(type)))
		return ETH_TRUNCATED;
#pragma unroll
	for (int i = 0; i < VLAN_TAGS_MAX; i++) {
		if (!is_vlan(bpf_ntohs(type)))
			break;
		if (!ctx_load(ctx, off, tag, sizeof(tag)))
			return ETH_TRUNCATED;
		if (!pkt->vlan)
			pkt->vlan = bpf_ntohs(tag[0]) & VLAN_ID;
		type = tag[1];
		off += VLAN_HLEN;
	}
	pkt->ethertype = bpf_ntohs(type);
	pkt->l3_off = off;
	return is_vlan(pkt->ethertype) ? ETH_TOO_MANY_TAGS : ETH_OK;
}

#endif
