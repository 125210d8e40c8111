/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A pod asks for the MAC of its gateway, and whatever address it asks for, the way there is by the node: its
 * device is the answer (RFC 826). Only the pod's own address is nobody else's: asking for that finds
 * duplicates (RFC 5227).
 */
#ifndef VERDICT_LIB_ARP_H
#define VERDICT_LIB_ARP_H

#include <linux/if_ether.h>

#include <lib/config.h>
#include <lib/ctx.h>
#include <lib/reasons.h>
#include <lib/rewrite.h>

#define ARP_ETHERNET 1
#define ARP_REQUEST  1
#define ARP_REPLY    2

struct arp_packet {
	__be16 hardware;
	__be16 protocol;
	__u8 hardware_len;
	__u8 protocol_len;
	__be16 op;
	__u8 sender_mac[ETH_ALEN];
	__be32 sender_ip;
	__u8 target_mac[ETH_ALEN];
	__be32 target_ip;
} __attribute__((packed));

_Static_assert(sizeof(struct arp_packet) == 28, "as on the wire");

static __always_inline bool arp_is_for_us(const union macaddr *dst)
{
	union macaddr all = { .addr = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };
	union macaddr own = CONFIG_MAC(interface_mac);

	return dst->pad == all.pad || dst->pad == own.pad;
}

static __always_inline bool arp_is_request(const struct arp_packet *arp)
{
	return arp->hardware == bpf_htons(ARP_ETHERNET) && arp->protocol == bpf_htons(ETH_P_IP) &&
	       arp->hardware_len == ETH_ALEN && arp->protocol_len == sizeof(arp->sender_ip) &&
	       arp->op == bpf_htons(ARP_REQUEST) && arp->target_ip != CONFIG(endpoint_ipv4).be32;
}

/* The verdict: the answer goes back to the pod, all else up to the stack; or the reason to drop. */
__subprogram int arp_answer(ctx_t *ctx, struct packet *pkt)
{
	union macaddr own = CONFIG_MAC(interface_mac), src = { .pad = 0 }, dst = { .pad = 0 };
	struct arp_packet arp, is;
	int ret;

	if (!ctx_load(ctx, 0, dst.addr, ETH_ALEN) || !ctx_load(ctx, ETH_ALEN, src.addr, ETH_ALEN) ||
	    !ctx_load(ctx, pkt->l3_off, &arp, sizeof(arp)))
		return DROP(pkt, DROP_INVALID);
	if (!arp_is_request(&arp) || !arp_is_for_us(&dst))
		return TC_ACT_OK;
	is = arp;
	is.op = bpf_htons(ARP_REPLY);
	is.sender_ip = arp.target_ip;
	is.target_ip = arp.sender_ip;
	__builtin_memcpy(is.sender_mac, own.addr, ETH_ALEN);
	__builtin_memcpy(is.target_mac, arp.sender_mac, ETH_ALEN);
	ret = rewrite_macs(ctx, pkt, &own, &src);
	if (ret)
		return ret;
	if (!ctx_store_summed(ctx, pkt->l3_off, &is, sizeof(is)))
		return DROP(pkt, DROP_WRITE_ERROR);
	return (int)bpf_redirect(ctx_ifindex(ctx), 0);
}

#endif
