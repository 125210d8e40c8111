/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which backend serves a flow, remembered: conntrack's entry under TUPLE_F_SERVICE.
 *
 * Its key is that of an answer of the service's. It only sees what the client sends. A client that has
 * closed its side may listen for long, so its entry lives on as that of a datagram flow would, and longer
 * with each packet.
 */
#ifndef VERDICT_LIB_LB_CT_H
#define VERDICT_LIB_LB_CT_H

#include <lib/conntrack.h>

/* What answers the packet: the key of its entry. */
static __always_inline struct flow lb_answer(const struct packet *pkt)
{
	struct flow answer = packet_flow(pkt);

	flow_turn(&answer);
	return answer;
}

/* A port that is used again: what was known of the flow is of the one before. */
static __always_inline bool lb_ct_begins_anew(const struct ct_entry *entry,
					      const struct packet *pkt)
{
	return pkt->protocol == IPPROTO_TCP && TCP_BEGINS(pkt->tcp_flags) && ct_closing(entry);
}

static __always_inline void lb_ct_update(ctx_t *ctx, struct ct_entry *entry, struct packet *pkt)
{
	__u32 now = packet_now(pkt);

	ct_update(entry, pkt, DIR_EGRESS, now);
	if (ct_closing(entry) && !ct_closed(entry))
		entry->lifetime = now + CONFIG(ct_lifetime_nontcp);
	ct_count(entry, ctx_len(ctx));
}

/* Of pkt->lb. */
__subprogram int lb_ct_create(ctx_t *ctx, struct packet *pkt, const struct flow *answer)
{
	struct ct_entry entry = {
		.backend_id = pkt->lb.backend.id,
		.rev_nat_index = pkt->lb.frontend.rev_nat_index,
		.dsr_internal = pkt->lb.midway,
	};

	if (pkt->later_fragment)
		entry.seen_non_syn = 1;
	lb_ct_update(ctx, &entry, pkt);
	return ct_store(answer, TUPLE_F_SERVICE, &entry);
}

#endif
