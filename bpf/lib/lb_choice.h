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
	slot = lb_slot_here(f, i % f->count + 1);
	return slot ? slot->backend_id : 0;
}

/* The one at that place. False: there is none. */
static __always_inline bool lb_try_here(const struct lb_frontend *f, __u32 place, bool by_hash,
					struct lb_backend *be)
{
	__u32 id;

	if (!f->count)
		return false;
	id = lb_candidate(f, by_hash ? maglev_table(f) : NULL, place);
	return id && lb_backend_find_here(be, id, f->is_ipv6);
}

__verified_alone bool lb_try(const struct lb_frontend *f, __u32 place, bool by_hash,
			     struct lb_backend *be)
{
	return f && be && lb_try_here(f, place, by_hash, be);
}

/* Where lb_pick_any() is. */
struct lb_search {
	const struct lb_frontend *f;
	struct lb_backend *be;
	__u32 begin;
	bool by_hash;
	__u32 last; /* the first one that is terminating */
};

/* bpf_loop()'s: 1 ends it, *search->be is found. */
static long lb_search_next(__u32 i, struct lb_search *search)
{
	if (!lb_try(search->f, search->begin + i, search->by_hash, search->be))
		return 0;
	if (search->be->state == LB_TERMINATING && !search->last)
		search->last = search->be->id;
	return search->be->state == LB_ACTIVE;
}

/* Beginning at a place that is random or, with Maglev, a hash: the first active backend, else a terminating
 * one. An agent lists no others than that, unless it is about to change the list.
 */
__verified_alone bool lb_pick_any(const struct lb_frontend *f, __u32 begin, bool by_hash,
				  struct lb_backend *be)
{
	struct lb_search search = { .f = f, .be = be, .begin = begin, .by_hash = by_hash };

	if (!f || !be)
		return false;
	be->state = LB_TERMINATING;
	bpf_loop(LB_TRIES, lb_search_next, &search, 0);
	if (be->state == LB_ACTIVE)
		return true;
	return search.last && lb_backend_find(be, search.last, f->is_ipv6);
}

/* Most often the first one it is. */
static __always_inline bool lb_pick(const struct lb_frontend *f, __u32 begin, bool by_hash,
				    struct lb_backend *be)
{
	if (lb_try_here(f, begin, by_hash, be) && be->state == LB_ACTIVE)
		return true;
	return lb_pick_any(f, begin, by_hash, be);
}

__verified_alone bool lb_pick_had(const struct lb_frontend *f, const struct lb_client *client,
				  struct lb_backend *be)
{
	__u32 id;

	if (!f || !client || !be)
		return false;
	id = lb_affinity_backend(f, lb_affinity_find(f, client));
	return id && lb_backend_find_here(be, id, f->is_ipv6) && be->state == LB_ACTIVE;
}

/* The one that the client had last, if it still takes new flows. */
static __always_inline bool lb_pick_by_affinity(const struct lb_frontend *f,
						const struct lb_client *client,
						struct lb_backend *be)
{
	return f->flags & LB_F_AFFINITY && lb_pick_had(f, client, be);
}

#endif
