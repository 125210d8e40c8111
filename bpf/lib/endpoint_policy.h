/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A pod's policy, on its packets out and in. */
#ifndef VERDICT_LIB_ENDPOINT_POLICY_H
#define VERDICT_LIB_ENDPOINT_POLICY_H

#include <lib/auth.h>
#include <lib/policy.h>
#include <lib/policy_log.h>

/* Path MTU discovery (RFC 1191) is nobody's to forbid, where the agent says so. */
static __always_inline bool policy_is_frag_needed(const struct packet *pkt)
{
	return CONFIG(allow_icmp_frag_needed) && !pkt->is_ipv6 && is_icmp(pkt) &&
	       !pkt->later_fragment && pkt->icmp_type == ICMP_DEST_UNREACH && pkt->icmp_code == 4;
}

static __always_inline int endpoint_policy_ask(ctx_t *ctx, const struct packet *pkt,
					       enum direction dir, __be16 dport,
					       struct policy_verdict *verdict)
{
	bool out = dir == DIR_EGRESS;
	__u32 remote = out ? pkt->dst_identity : pkt->src_identity;
	int ret = policy_lookup(remote, out, pkt->protocol, dport, verdict);

	if (ret == DROP_POLICY_AUTH_REQUIRED)
		ret = auth_lookup(ctx, out ? &pkt->daddr : &pkt->saddr, pkt->is_ipv6,
				  CONFIG(security_label), remote, verdict->auth_type);
	verdict->verdict = ret;
	return ret;
}

/* 0: it passes, and pkt->proxy_port says whether through a proxy; or the reason to drop. Told are
 * refusals, and what flows may begin.
 */
__subprogram int endpoint_policy(ctx_t *ctx, struct packet *pkt, enum direction dir)
{
	struct policy_verdict verdict = {};
	__be16 dport = policy_dport(pkt);
	bool audited = false;
	int ret = 0;

	if (!policy_is_frag_needed(pkt))
		ret = endpoint_policy_ask(ctx, pkt, dir, dport, &verdict);
	if (ret && CONFIG(policy_audit_mode)) {
		audited = true;
		ret = 0;
	}
	if (ret || pkt->ct.status == CT_NEW)
		policy_log(ctx, pkt, dport, dir, &verdict, audited);
	if (ret || audited)
		debug_policy_denied(ctx, pkt);
	pkt->proxy_port = ret || audited ? 0 : verdict.proxy_port;
	return ret;
}

#endif
