/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tail calls that a target file names: slots that the objects leave to their agent. */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>

#include "target/target_internal.h"

static int unknown_map(const struct target_set *s, const struct desc_tail_call *t, struct err *err)
{
	const char *near = set_nearest_map(s, t->map);

	if (near)
		return err_input(err, &t->loc,
				 "no prog array '%s' to put %s into; did you mean '%s'?", t->map,
				 t->ref.program, near);
	return err_input(err, &t->loc, "no prog array '%s' to put %s into", t->map, t->ref.program);
}

/* The description's word on "no device": the load that is no device's own. */
static const struct set_program *find_program(const struct target_set *s,
					      const struct desc_tail_call *t)
{
	for (size_t i = 0; i < s->n_programs; i++) {
		const struct set_program *p = s->programs[i];
		const char *device = p->load->device;

		if (!strcmp(p->name, t->ref.program) && !strcmp(p->load->object, t->ref.object) &&
		    (t->device ? device && !strcmp(device, t->device) : !device))
			return p;
	}
	return NULL;
}

static void note_slot(struct target_set *s, const struct set_map *m, const struct set_program *p,
		      uint32_t index)
{
	s->wired = arena_grow(s->view, s->wired, s->n_wired, sizeof(*s->wired));
	s->wired[s->n_wired++] = (struct load_slot){ m->id, index, p->fd, p->id };
}

static int fill_slot(struct set_map *m, const struct set_program *p, const struct desc_tail_call *t,
		     struct err *err)
{
	if (m->map->type != BPF_MAP_TYPE_PROG_ARRAY)
		return err_input(err, &t->loc, "%s is no prog array", t->map);
	if (t->index >= m->map->max_entries)
		return err_input(err, &t->loc, "slot %u is past the %u slots of %s", t->index,
				 m->map->max_entries, t->map);
	if (!bpf_map_update_elem(m->map->fd, &t->index, &p->fd, BPF_ANY))
		return 0;
	if (errno != EINVAL)
		return err_system(err, errno, "cannot put %s into slot %u of %s", p->name, t->index,
				  t->map);
	err_input(err, &t->loc, "%s does not fit into %s", p->name, t->map);
	return err_hint(err, "all programs of a prog array, and those that jump through it, are of "
			     "one type");
}

static int wire(struct target_set *s, const struct plan *p, const struct desc_tail_call *t,
		struct err *err)
{
	const struct set_program *prog = find_program(s, t);
	struct set_map *m = set_find_map(s, t->map);

	if (prog && m) {
		note_slot(s, m, prog, t->index);
		return fill_slot(m, prog, t, err);
	}
	if (!prog && t->ref.may_lack)
		return 0;
	/* of an object that is left out, as the user asked */
	if (p->opts->n_only && (!plan_object(p, t->ref.object) || !m))
		return 0;
	return unknown_map(s, t, err);
}

int set_wire(struct target_set *s, const struct plan *p, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; i < p->desc->n_tail_calls && !ret; i++)
		ret = wire(s, p, &p->desc->tail_calls[i], err);
	return ret;
}
