/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Policy verdict events: what policy said about the first packet of a flow, and by which rule. */
#ifndef VERDICT_LIB_POLICY_LOG_H
#define VERDICT_LIB_POLICY_LOG_H

#include <lib/metrics.h>
#include <lib/notify.h>
#include <lib/policy.h>

struct policy_verdict_notify {
	struct notify_header hdr;
	__u32 remote_label;
	__s32 verdict; /* 0 allowed, positive a proxy's port, negative the drop reason */
	__u16 dst_port; /* host order */
	__u8 proto;
	__u8 dir : 2;
	__u8 ipv6 : 1;
	__u8 match_type : 3;
	__u8 audited : 1;
	__u8 l3 : 1;
	__u8 auth_type;
	__u8 pad1[3];
	__u32 cookie;
	__u32 pad2;
};

_Static_assert(sizeof(struct policy_verdict_notify) == 40, "readers rely on the layout");

static __always_inline __s32 policy_log_verdict(const struct policy_verdict *verdict, bool audited)
{
	if (!audited && verdict->verdict)
		return verdict->verdict;
	return audited ? 0 : bpf_ntohs(verdict->proxy_port);
}

static __always_inline void policy_log(ctx_t *ctx, const struct packet *pkt, __be16 dport,
				       enum direction dir, const struct policy_verdict *verdict,
				       bool audited)
{
	struct policy_verdict_notify msg;

	if (!(CONFIG(policy_verdict_log_filter) & metrics_dir_of(dir)) ||
	    !notify_wanted(NOTIFY_POLICY_VERDICT))
		return;
	msg = (struct policy_verdict_notify){
		.hdr = notify_header(ctx, NOTIFY_POLICY_VERDICT, 0, NOTIFY_POLICY_VERDICT_VERSION),
		.remote_label = dir == DIR_INGRESS ? pkt->src_identity : pkt->dst_identity,
		.verdict = policy_log_verdict(verdict, audited),
		.dst_port = bpf_ntohs(dport),
		.proto = pkt->protocol,
		.dir = metrics_dir_of(dir),
		.ipv6 = pkt->is_ipv6,
		.match_type = verdict->match,
		.audited = audited,
		.l3 = CONFIG(eth_header_length) == 0,
		.auth_type = verdict->auth_type,
		.cookie = verdict->cookie,
	};
	notify_send(ctx, NOTIFY_POLICY_VERDICT, msg.hdr.len_cap, &msg, sizeof(msg));
}

#endif
