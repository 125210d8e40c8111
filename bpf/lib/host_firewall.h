/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Host policy: the host's own flows are tracked, and new ones pass the host endpoint's policy. */
#ifndef VERDICT_LIB_HOST_FIREWALL_H
#define VERDICT_LIB_HOST_FIREWALL_H

#include <lib/conntrack.h>
#include <lib/policy.h>
#include <lib/policy_log.h>

/* What policy takes for the port of an ICMP message: its type, where rules may name types. */
static __always_inline __be16 policy_dport(const struct packet *pkt)
{
	if (pkt->protocol != IPPROTO_ICMP)
		return pkt->dport;
	return CONFIG(enable_icmp_rule) ? bpf_htons(pkt->icmp_type) : 0;
}

__subprogram int host_policy(struct __sk_buff *ctx, struct packet *pkt, enum direction dir)
{
	__u32 remote = dir == DIR_INGRESS ? pkt->src_identity : pkt->dst_identity;
	__be16 dport = policy_dport(pkt);
	struct policy_verdict verdict;
	bool audited;
	int ret;

	ret = policy_lookup(remote, dir == DIR_EGRESS, pkt->protocol, dport, &verdict);
	audited = ret && CONFIG(policy_audit_mode);
	policy_log(ctx, pkt, dport, dir, &verdict, audited);
	return audited ? 0 : ret;
}

/* Only for packets to the host (ingress) or from it (egress). 0, or the reason to drop. */
static __always_inline int host_firewall(struct __sk_buff *ctx, struct packet *pkt,
					 enum direction dir, struct ct_result *ct)
{
	int ret = ct_parse_l4(ctx, pkt);

	if (!ret)
		ret = ct_lookup(ctx, pkt, dir, ct);
	if (ret || ct->status != CT_NEW)
		return ret;
	ret = host_policy(ctx, pkt, dir);
	if (ret)
		return DROP(pkt, ret);
	return ct_create(ctx, pkt, dir);
}

#endif
