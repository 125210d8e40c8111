/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The tail calls that a program takes: traced, and called by the name of the program they lead to. */
#include "base/log.h"
#include "engine/replay_internal.h"

const char *replay_slot_program(const struct replay *r, uint32_t map_id, uint32_t slot)
{
	for (size_t i = 0; i < r->n_slots; i++)
		if (r->slots[i].map_id == map_id && r->slots[i].slot == slot)
			return r->slots[i].program;
	return NULL;
}

/* Names must be read before the trace's own programs stand in the slots. */
int replay_trace_tails(struct replay *r, struct err *err)
{
	struct tail_place *places;
	struct target_slot *slots;
	size_t n, untraced;
	const char *why;
	int ret;

	if (!r->env || r->opts.verdicts_only)
		return 0;
	slots = target_slots(r->target, r->arena, &n);
	places = arena_alloc(r->arena, (n + 1) * sizeof(*places));
	r->slots = arena_alloc(r->arena, (n + 1) * sizeof(*r->slots));
	for (size_t i = 0; i < n; i++) {
		const struct target_slot *s = &slots[i];
		const char *name = target_slot_program(r->target, s->map_id, s->index);

		places[i] = (struct tail_place){ s->array, s->index };
		r->slots[r->n_slots++] = (struct tail_slot_name){ s->map_id, s->index,
								  arena_strdup(r->arena, name) };
	}
	if (!n)
		return 0;
	ret = tail_trace_install(r->env, places, n, &r->tails, err);
	if (ret)
		return err_wrap(err, "tracing tail calls");
	untraced = tail_trace_untraced(r->tails, &why);
	if (untraced)
		log_info("%zu slots of prog arrays cannot be traced: %s", untraced, why);
	return 0;
}

/* A chain that is too long for the trace is run as it is from the next packet on. */
void replay_end_trace(struct replay *r)
{
	struct err ignored;

	tail_trace_remove(r->tails, &ignored);
	r->tails = NULL;
}
