/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* XDP on native devices: what is from a network on the list is dropped here, before it costs anything;
 * requests to node ports and their answers are translated and sent on, by the code that does it at tc.
 *
 * What is not IP, or not whole, passes: cil_from_netdev, which sees it next, names the reason to drop it. So
 * does what is for this node.
 */
#define CTX_XDP
#include <lib/ctx.h>

#include <linux/if_ether.h>

#include <lib/config.h>
#include <lib/drop.h>
#include <lib/eth.h>
#include <lib/ipcache.h>
#include <lib/ipv4.h>
#include <lib/ipv6.h>
#include <lib/nodeport.h>
#include <lib/prefilter.h>

DECLARE_CONFIG(bool, enable_nodeport_acceleration, false, "Serve node ports at XDP");

/* False: not IP, or no packet that anyone would take. */
static __always_inline bool parse(ctx_t *ctx, struct packet *pkt)
{
	if (eth_parse(ctx, pkt) != ETH_OK)
		return false;
	switch (pkt->ethertype) {
	case ETH_P_IP:
		return !ipv4_parse(ctx, pkt);
	case ETH_P_IPV6:
		return !ipv6_parse(ctx, pkt);
	default:
		return false;
	}
}

/* A flood is what the list is for: unless all events are wanted its packets are only counted. */
static __always_inline int drop_listed(ctx_t *ctx, struct packet *pkt, int reason)
{
	if (CONFIG(monitor_aggregation) == AGGREGATE_NONE)
		return drop_packet(ctx, pkt, reason, DIR_INGRESS);
	metrics_add(-reason, DIR_INGRESS, pkt->drop_file, pkt->drop_line, ctx_len(ctx));
	return CTX_DROP;
}

/* In a program of its own: services need what stack there is. */
SEC("xdp") __call(7) int tail_accelerate(ctx_t *ctx)
{
	struct packet *pkt = packet_resume();
	int ret;

	if (!pkt)
		return CTX_DROP;
	pkt->src_identity = ipcache_identity(&pkt->saddr, pkt->is_ipv6);
	ret = nodeport_ingress(ctx, pkt);
	if (ret < 0)
		return drop_packet(ctx, pkt, ret, DIR_INGRESS);
	return ret ? ret : CTX_PASS;
}

static __always_inline int accelerate(ctx_t *ctx, struct packet *pkt)
{
	if (!CONFIG(enable_nodeport_acceleration))
		return CTX_PASS;
	return drop_packet(ctx, pkt, CALL(ctx, pkt, CALL_IP), DIR_INGRESS);
}

SEC("xdp")
int cil_xdp_entry(ctx_t *ctx)
{
	struct packet *pkt = packet_begin();
	int ret;

	if (!pkt || !parse(ctx, pkt))
		return CTX_PASS;
	ret = prefilter(pkt);
	return ret ? drop_listed(ctx, pkt, ret) : accelerate(ctx, pkt);
}

DEFINE_ICMP_ERROR_PROGRAM()

char _license[] SEC("license") = "Dual BSD/GPL";
