/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Host policy: the host's own flows are tracked, and new ones pass the host endpoint's policy. */
#ifndef VERDICT_LIB_HOST_FIREWALL_H
#define VERDICT_LIB_HOST_FIREWALL_H

#include <lib/conntrack.h>
#include <lib/policy.h>
#include <lib/policy_log.h>

__subprogram int host_policy(ctx_t *ctx, struct packet *pkt, enum direction dir)
{
	__u32 remote = dir == DIR_INGRESS ? pkt->src_identity : pkt->dst_identity;
	__be16 dport = policy_dport(pkt);
	struct policy_verdict verdict;
	bool audited;
	int ret;

	ret = policy_lookup(remote, dir == DIR_EGRESS, pkt->protocol, dport, &verdict);
	if (!ret && verdict.proxy_port) /* no proxy can take the host's own traffic over */
		ret = verdict.verdict = DROP_PROXY_UNKNOWN_PROTO;
	audited = ret && CONFIG(policy_audit_mode);
	policy_log(ctx, pkt, dport, dir, &verdict, audited);
	if (ret)
		debug_policy_denied(ctx, pkt);
	return audited ? 0 : ret;
}

/* RFC 4890, 4.4: what a host cannot do without (neighbour and router discovery, multicast listeners) is no
 * policy's business and belongs to no flow; what a host is not to hear from a network (redirects, node
 * information, renumbering, reserved types) is dropped. 1: the message passes; 0: policy decides.
 */
static __always_inline int host_icmp6(struct packet *pkt)
{
	if (!pkt->is_ipv6 || !is_icmp(pkt) || pkt->later_fragment)
		return 0;
	switch (pkt->icmp_type) {
	case 130 ... 136: /* multicast listeners, router and neighbour discovery */
	case 141 ... 143: /* inverse discovery, multicast listeners */
	case 148 ... 149: /* secure discovery */
	case 151 ... 153: /* multicast routers */
		return 1;
	case 100 ... 101: /* private use */
	case 127: /* reserved */
	case 137 ... 140: /* redirect, renumbering, node information */
	case 200 ... 201: /* private use */
	case 255: /* reserved */
		return DROP(pkt, DROP_FORBIDDEN_ICMP6);
	default:
		return 0;
	}
}

/* Only for packets to the host (ingress) or from it (egress). 0, or the reason to drop. */
static __always_inline int host_firewall(ctx_t *ctx, struct packet *pkt, enum direction dir)
{
	int ret = ct_parse_l4(ctx, pkt);

	if (!ret)
		ret = host_icmp6(pkt);
	if (ret)
		return ret < 0 ? ret : 0;
	ret = ct_lookup(ctx, pkt, dir);
	if (ret || pkt->ct.status != CT_NEW)
		return ret;
	ret = host_policy(ctx, pkt, dir);
	if (ret)
		return DROP(pkt, ret);
	return ct_create(ctx, pkt, dir);
}

#endif
