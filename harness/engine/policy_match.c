/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "engine/policy_match.h"

#include "engine/policy_words.h"

static bool covers_proto(const struct policy_entry *e, const struct question *q)
{
	return e->bits < 8 || e->proto == q->proto;
}

bool policy_covers_port(const struct policy_entry *e, const struct question *q)
{
	return e->egress == q->egress && covers_proto(e, q) &&
	       ((e->port ^ q->port) & policy_port_mask(e->bits)) == 0;
}

bool policy_covers(const struct policy_entry *e, const struct question *q)
{
	return (!e->label || e->label == q->remote) && policy_covers_port(e, q);
}

bool policy_same_entry(const struct policy_entry *a, const struct policy_entry *b)
{
	return a->label == b->label && a->egress == b->egress && a->deny == b->deny &&
	       a->bits == b->bits && (a->bits < 8 || a->proto == b->proto) &&
	       ((a->port ^ b->port) & policy_port_mask(a->bits)) == 0;
}

static int nearness(const struct policy_entry *e, const struct question *q)
{
	return (e->label == q->remote ? 8
		: e->label == 0	      ? 6
				      : 0) +
	       (policy_covers_port(e, q) ? 5 : 0) + (covers_proto(e, q) ? 2 : 0);
}

/* From the entry's ports to that one. */
static unsigned ports_between(const struct policy_entry *e, const struct question *q)
{
	uint16_t mask = policy_port_mask(e->bits), low = e->port & mask;
	uint16_t high = low | (uint16_t)~mask;

	if (q->port < low)
		return low - q->port;
	return q->port > high ? q->port - high : 0;
}

static bool is_nearer(const struct policy_entry *e, const struct policy_entry *than,
		      const struct question *q)
{
	int near = nearness(e, q), other = nearness(than, q);

	return near != other ? near > other : ports_between(e, q) < ports_between(than, q);
}

const struct policy_entry *policy_nearest(const struct policy_entry *e, size_t n,
					  const struct question *q, const bool *skip)
{
	const struct policy_entry *best = NULL;

	for (size_t i = 0; i < n; i++)
		if (!skip[i] && !e[i].deny && e[i].egress == q->egress &&
		    (!best || is_nearer(&e[i], best, q)))
			best = &e[i];
	return best;
}
