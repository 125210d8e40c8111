/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The tail calls that a program takes: traced, and called by the name of the program they lead to. */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>

#include "base/log.h"
#include "engine/replay_internal.h"

/* Names must be read before the trace's own programs stand in the slots. */
static void read_slots(struct replay *r, const struct map *m)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info), id;

	if (bpf_obj_get_info_by_fd(m->fd, &info, &len))
		return;
	for (uint32_t slot = 0; slot < m->max_entries; slot++) {
		const char *name;

		if (bpf_map_lookup_elem(m->fd, &slot, &id))
			continue;
		name = target_slot_program(r->target, info.id, slot);
		r->slots = arena_grow(r->arena, r->slots, r->n_slots, sizeof(*r->slots));
		r->slots[r->n_slots++] =
			(struct tail_slot_name){ info.id, slot, arena_strdup(r->arena, name) };
	}
}

const char *replay_slot_program(const struct replay *r, uint32_t map_id, uint32_t slot)
{
	for (size_t i = 0; i < r->n_slots; i++)
		if (r->slots[i].map_id == map_id && r->slots[i].slot == slot)
			return r->slots[i].program;
	return NULL;
}

int replay_trace_tails(struct replay *r, struct err *err)
{
	size_t n = 0, untraced;
	const char *why;
	int *arrays, ret;

	if (!r->env || r->opts.verdicts_only)
		return 0;
	arrays = arena_alloc(r->arena, (target_n_maps(r->target) + 1) * sizeof(*arrays));
	for (size_t i = 0; i < target_n_maps(r->target); i++) {
		const struct map *m = target_map(r->target, i);

		if (m->type != BPF_MAP_TYPE_PROG_ARRAY)
			continue;
		read_slots(r, m);
		arrays[n++] = m->fd;
	}
	if (!r->n_slots)
		return 0;
	ret = tail_trace_install(r->env, arrays, n, &r->tails, err);
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
