/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which backend a new flow gets. */
#ifndef VERDICT_LIB_LB_CHOICE_H
#define VERDICT_LIB_LB_CHOICE_H

#include <lib/lb_affinity.h>
#include <lib/lb_lookup.h>
#include <lib/lb_maglev.h>

/* Neighbours that are asked when the first choice doesn't take new flows. */
#define LB_TRIES 16

static __always_inline bool lb_by_hash(const struct lb_frontend *f)
{
	return (f->algorithm ? f->algorithm : CONFIG(lb_algorithm)) == LB_MAGLEV;
}

/* The i-th of those to be asked: of the table or, without one, of the slots. 0: none. */
static __always_inline __u32 lb_candidate(const struct lb_frontend *f, const __u32 *table, __u32 i)
{
	const struct lb4_service *slot;

	if (table)
		return maglev_entry(table, i);
	slot = lb_slot(f, i % f->count + 1);
	return slot ? slot->backend_id : 0;
}

/* The one at that place. False: there is none. */
__verified_alone bool lb_try(const struct lb_frontend *f, __u32 place, bool by_hash,
			     struct lb_backend *be)
{
	__u32 id;

	if (!f || !be || !f->count)
		return false;
	id = lb_candidate(f, by_hash ? maglev_table(f) : NULL, place);
	return id && lb_backend_find(be, id, f->is_ipv6);
}

/* Beginning at a place that is random or, with Maglev, a hash: the first active backend, else a terminating
 * one. An agent lists no others than that, unless it is about to change the list.
 */
__verified_alone bool lb_pick(const struct lb_frontend *f, __u32 begin, bool by_hash,
			      struct lb_backend *be)
{
	__u32 last = 0;

	if (!f || !be)
		return false;
	for (__u32 i = 0; i < LB_TRIES; i++) {
		if (!lb_try(f, begin + i, by_hash, be))
			continue;
		if (be->state == LB_ACTIVE)
			return true;
		if (be->state == LB_TERMINATING && !last)
			last = be->id;
	}
	return last && lb_backend_find(be, last, f->is_ipv6);
}

/* The one that the client had last, if it still takes new flows. */
static __always_inline bool lb_pick_by_affinity(const struct lb_frontend *f,
						const struct lb_client *client,
						struct lb_backend *be)
{
	__u32 id = f->flags & LB_F_AFFINITY ? lb_affinity_backend(f, client) : 0;

	return id && lb_backend_find(be, id, f->is_ipv6) && be->state == LB_ACTIVE;
}

#endif
