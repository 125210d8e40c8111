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
	if (!is_ip(pkt))
		return false;
	return pkt->ethertype == ETH_P_IP ? !ipv4_parse(ctx, pkt) : !ipv6_parse(ctx, pkt);
}

/* A flood is what the list is for: unless all events are wanted its packets are only counted. Then none is
 * quiet, so that in a flood not even the setting is read.
 */
static __always_inline int drop_listed(ctx_t *ctx)
{
	struct packet *pkt;

	if (prefilter_count(ctx))
		return CTX_DROP;
	pkt = packet_begin();
	if (!pkt)
		return CTX_DROP;
	parse(ctx, pkt);
	return prefilter_tell(ctx, pkt);
}

/* Its options may be those of DSR: tc must not take a client's own for another node's. */
static __always_inline bool has_options(const struct packet *pkt)
{
	__u32 fixed = pkt->is_ipv6 ? sizeof(struct ipv6_header) : sizeof(struct iphdr);

	return CONFIG(lb_mode) != LB_SNAT && CONFIG(dsr_dispatch) == DSR_OPTION &&
	       pkt->l4_off != pkt->l3_off + fixed;
}

/* tc answers it, as it may not be sent on to the pod it is for. Where the stack brings packets to pods, the stack does,
 * and its answers are translated as they leave.
 */
static __always_inline bool ends_here(ctx_t *ctx, const struct packet *pkt)
{
	return CONFIG(enable_host_routing) && rewrite_ttl_ends(ctx, pkt);
}

/* Translated for this node: where tc has to know how it came, tc gets it so, and does the same again. */
static __always_inline int leave_to_tc(ctx_t *ctx, struct packet *pkt)
{
	if (!pkt->rewritten || pkt->icmp_error || !(has_options(pkt) || ends_here(ctx, pkt)))
		return 0;
	return rewrite_undo(ctx, pkt);
}

/* Services, and the list for frames with a VLAN tag. In a program of its own: it needs what stack there is,
 * and a packet that the list drops does not pay for it.
 */
SEC("xdp") __call(7) int tail_accelerate(ctx_t *ctx)
{
	struct packet *pkt = packet_begin();
	int ret;

	if (!pkt || !parse(ctx, pkt))
		return CTX_PASS;
	if (CONFIG(enable_prefilter) && pkt->l3_off != ETH_HLEN && prefilter_has(pkt))
		return drop_listed(ctx);
	if (!CONFIG(enable_nodeport_acceleration) || pkt->vlan)
		return CTX_PASS;
	ret = nodeport_ingress(ctx, pkt);
	if (!ret)
		ret = leave_to_tc(ctx, pkt);
	if (ret < 0)
		return drop_packet(ctx, pkt, ret, DIR_INGRESS);
	return ret ? ret : CTX_PASS;
}

/* Of an unlisted packet nothing is known but that it may concern services. */
static __always_inline int pass_on(ctx_t *ctx)
{
	bpf_tail_call_static(ctx, &cilium_calls, CALL_IP);
	metrics_add(-DROP_MISSED_TAIL_CALL, DIR_INGRESS, SOURCE_FILE, SOURCE_LINE, ctx_len(ctx));
	return CTX_DROP;
}

/* What the list or services may have to do with. */
static __always_inline bool concerns(__be16 type)
{
	bool ip = type == bpf_htons(ETH_P_IP) || type == bpf_htons(ETH_P_IPV6);

	return (CONFIG(enable_nodeport_acceleration) && ip) || is_vlan(bpf_ntohs(type));
}

/* What is shorter than the shortest header is for cil_from_netdev to name. */
SEC("xdp")
int cil_xdp_entry(ctx_t *ctx)
{
	const __u8 *data = (const __u8 *)(long)ctx->data;
	__be16 type;

	if (data + ETH_HLEN + sizeof(struct iphdr) > (const __u8 *)(long)ctx->data_end)
		return CTX_PASS;
	type = *(const __be16 *)(data + offsetof(struct ethhdr, h_proto));
	if (CONFIG(enable_prefilter) && prefilter_has_untagged(ctx, data, type))
		return drop_listed(ctx);
	return concerns(type) ? pass_on(ctx) : CTX_PASS;
}

DEFINE_ICMP_ERROR_PROGRAM()

char _license[] SEC("license") = "Dual BSD/GPL";
