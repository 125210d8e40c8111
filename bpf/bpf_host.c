/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The edge between host and network: cil_from_netdev at tc ingress of a native device, cil_to_netdev
 * at its tc egress.
 *
 * IPv4 and IPv6, also below up to two VLAN tags, are identified, and tracked and filtered where they
 * are the host's own. ARP passes untouched if its header is whole; every other EtherType passes
 * as it is.
 */
#include <linux/if_ether.h>

#include <lib/config.h>
#include <lib/conntrack.h>
#include <lib/drop.h>
#include <lib/eth.h>
#include <lib/host_firewall.h>
#include <lib/ipcache.h>
#include <lib/ipv4.h>
#include <lib/ipv6.h>
#include <lib/trace.h>

#define ARP_IPV4_LEN 28 /* RFC 826 with 6-byte hardware and 4-byte protocol addresses */

/* Fills *pkt up to the network layer and its identities. 0, or the reason to drop. */
static __always_inline int identify(ctx_t *ctx, struct packet *pkt)
{
	int ret;

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
		ret = ipv4_parse(ctx, pkt);
		break;
	case ETH_P_IPV6:
		ret = ipv6_parse(ctx, pkt);
		break;
	case ETH_P_ARP:
		if (pkt->l3_off + ARP_IPV4_LEN > ctx_len(ctx))
			return DROP(pkt, DROP_INVALID);
		return 0;
	default:
		return 0;
	}
	if (ret)
		return ret;
	pkt->src_identity = ipcache_identity(&pkt->saddr, pkt->is_ipv6);
	pkt->dst_identity = ipcache_identity(&pkt->daddr, pkt->is_ipv6);
	return 0;
}

static __always_inline __u8 trace_reason(const struct packet *pkt, bool tracked)
{
	return tracked ? pkt->ct.status : TRACE_REASON_UNKNOWN;
}

static __always_inline int forward(ctx_t *ctx, enum direction dir, __u16 line)
{
	metrics_add(REASON_FORWARDED, dir, SOURCE_FILE, line, ctx_len(ctx));
	return TC_ACT_OK;
}

SEC("tc")
int cil_from_netdev(ctx_t *ctx)
{
	struct packet *pkt = packet_begin();
	bool tracked;
	int ret;

	if (!pkt)
		return CTX_DROP;
	ret = identify(ctx, pkt);
	tracked = CONFIG(enable_host_firewall) && pkt->dst_identity == IDENTITY_HOST;
	if (trace_wanted(TRACE_FROM_NETWORK, false))
		trace_packet(ctx, pkt, TRACE_FROM_NETWORK, TRACE_REASON_UNKNOWN);
	if (!ret && tracked)
		ret = host_firewall(ctx, pkt, DIR_INGRESS);
	if (ret)
		return drop_packet(ctx, pkt, ret, DIR_INGRESS);
	if (pkt->dst_identity == IDENTITY_HOST && trace_wanted(TRACE_TO_HOST, pkt->ct.report))
		trace_packet(ctx, pkt, TRACE_TO_HOST, trace_reason(pkt, tracked));
	return forward(ctx, DIR_INGRESS, SOURCE_LINE);
}

SEC("tc")
int cil_to_netdev(ctx_t *ctx)
{
	struct packet *pkt = packet_begin();
	bool tracked;
	int ret;

	if (!pkt)
		return CTX_DROP;
	ret = identify(ctx, pkt);
	tracked = CONFIG(enable_host_firewall) && pkt->src_identity == IDENTITY_HOST;
	if (!ret && tracked)
		ret = host_firewall(ctx, pkt, DIR_EGRESS);
	if (ret)
		return drop_packet(ctx, pkt, ret, DIR_EGRESS);
	if (trace_wanted(TRACE_TO_NETWORK, pkt->ct.report))
		trace_packet(ctx, pkt, TRACE_TO_NETWORK, trace_reason(pkt, tracked));
	return forward(ctx, DIR_EGRESS, SOURCE_LINE);
}

char _license[] SEC("license") = "Dual BSD/GPL";
