/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Services as a pod calls them. A pod that is its own backend of a local redirect service may be one that
 * wants what is behind the redirect.
 */
#ifndef VERDICT_LIB_LB_POD_H
#define VERDICT_LIB_LB_POD_H

#include <lib/lb.h>
#include <lib/lb_skip.h>

DECLARE_CONFIG(__u64, endpoint_netns_cookie, 0, "Network namespace of the pod; 0: not known");

static __always_inline bool lb_pod_skips(const struct packet *pkt)
{
	return CONFIG(endpoint_netns_cookie) && addr_equal(&pkt->saddr, &pkt->lb.backend.address) &&
	       lb_skips(&pkt->lb.frontend, CONFIG(endpoint_netns_cookie));
}

/* As lb_service() of an endpoint. */
static __always_inline int lb_service_of_pod(ctx_t *ctx, struct packet *pkt)
{
	int ret;

	if (pkt->icmp_error)
		return lb_error_to_backend(ctx, pkt);
	ret = lb_look_up(pkt, true);
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
