/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Services as a pod calls them. A pod that is its own backend of a local redirect service may be one that
 * wants what is behind the redirect.
 *
 * Node ports are reached at any node's address: other nodes' have no entries here, the one with address 0
 * stands for them. The packet need not go there: its answer, which might not, would not come from there
 * (#41962).
 */
#ifndef VERDICT_LIB_LB_POD_H
#define VERDICT_LIB_LB_POD_H

#include <lib/ipcache.h>
#include <lib/lb.h>
#include <lib/lb_skip.h>

DECLARE_CONFIG(__u16, nodeport_port_min, 30000, "First node port");
DECLARE_CONFIG(__u64, endpoint_netns_cookie, 0, "Network namespace of the pod; 0: not known");

static __always_inline bool lb_pod_skips(const struct packet *pkt)
{
	return CONFIG(endpoint_netns_cookie) && addr_equal(&pkt->saddr, &pkt->lb.backend.address) &&
	       lb_skips(&pkt->lb.frontend, CONFIG(endpoint_netns_cookie));
}

static __always_inline bool lb_is_a_nodes(const struct packet *pkt)
{
	const struct remote_endpoint_info *info = ipcache_lookup(&pkt->daddr, pkt->is_ipv6);

	if (!info)
		return false;
	return info->sec_identity == IDENTITY_HOST ||
	       (identity_is_remote_node(info->sec_identity) && !info->flag_remote_cluster);
}

/* 1: pkt->lb.frontend is the service that is at this node port of every node; 0: none is. */
static __always_inline int lb_look_up_any_address(struct packet *pkt)
{
	__u16 port = bpf_ntohs(pkt->dport);
	struct lb_frontend *f = &pkt->lb.frontend;

	if (!CONFIG(enable_nodeport) || !lb_is_service_protocol(pkt->protocol) ||
	    f->flags2 & LB_F2_L7 || port < CONFIG(nodeport_port_min) ||
	    port > CONFIG(nodeport_port_max) || !lb_is_a_nodes(pkt))
		return 0;
	f->address = addr_ip4(0);
	pkt->lb.any_address =
		lb_find(f, LB_INTERNAL) && f->flags & LB_F_NODE_PORT && !(f->flags2 & LB_F2_L7);
	if (!pkt->lb.any_address)
		__builtin_memset(&pkt->lb, 0, sizeof(pkt->lb));
	return pkt->lb.any_address;
}

/* As lb_service() of an endpoint. */
static __always_inline int lb_service_of_pod(ctx_t *ctx, struct packet *pkt)
{
	int ret;

	if (pkt->icmp_error)
		return lb_error_to_backend(ctx, pkt);
	ret = lb_look_up(pkt, true);
	if (!ret)
		ret = lb_look_up_any_address(pkt);
	if (ret > 0)
		ret = lb_choose(ctx, pkt);
	if (ret <= 0)
		return ret;
	if (lb_pod_skips(pkt)) {
		__builtin_memset(&pkt->lb, 0, sizeof(pkt->lb));
		return 0;
	}
	return lb_finish(ctx, pkt, true);
}

#endif
