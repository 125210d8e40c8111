/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Entries of policy against a question of a program: the same of those that a map holds and of those that the
 * manifests make.
 */
#ifndef VERDICT_ENGINE_POLICY_MATCH_H
#define VERDICT_ENGINE_POLICY_MATCH_H

#include "cluster/policy.h"

/* What a program asked policy for: may that endpoint send to, or receive from, that identity? */
struct question {
	const struct cluster_endpoint *endpoint;
	uint32_t remote;
	bool egress;
	uint8_t proto;
	uint16_t port; /* host order; ICMP: the type */
};

/* Is it about that? Whoever the entry's peer is. */
bool policy_covers_port(const struct policy_entry *e, const struct question *q);
/* And about that peer. */
bool policy_covers(const struct policy_entry *e, const struct question *q);
/* Do both name the same peer, ports and verdict? */
bool policy_same_entry(const struct policy_entry *a, const struct policy_entry *b);
/* Of n entries that allow something in the question's direction the one that came nearest to allowing that: the
 * same peer at another port, the same port for another peer, others. Those with skip[] are passed over. NULL: none.
 */
const struct policy_entry *policy_nearest(const struct policy_entry *e, size_t n,
					  const struct question *q, const bool *skip);

#endif
