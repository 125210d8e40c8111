/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One program run of a replay, and all that can be seen of it. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <string.h>

#include "engine/hop_events.h"
#include "engine/hop_notes.h"
#include "engine/prog_run.h"
#include "engine/replay_internal.h"

const struct replay_device *replay_device_by_ifindex(const struct replay *r, uint32_t ifindex)
{
	for (size_t i = 0; i < r->n_devices; i++)
		if (r->devices[i]->ifindex == ifindex)
			return r->devices[i];
	return NULL;
}

/* ---- names of what helpers noted ---- */

static const char *map_name(void *of, uint32_t map_id)
{
	const struct replay *r = of;

	return target_map_name(r->target, map_id);
}

static const struct map *map_named(void *of, const char *name)
{
	const struct replay *r = of;

	return target_find_map(r->target, name);
}

static const char *slot_program(void *of, uint32_t map_id, uint32_t slot)
{
	return replay_slot_program(of, map_id, slot);
}

static const char *device_name(void *of, uint32_t ifindex)
{
	const struct replay_device *device = replay_device_by_ifindex(of, ifindex);

	return device ? device->name : NULL;
}

/* ---- maps ---- */

int replay_start_watches(struct replay *r, struct err *err)
{
	size_t n = target_n_maps(r->target);
	int ret = 0;

	r->watched = arena_alloc(r->arena, (n + 1) * sizeof(*r->watched));
	for (size_t i = 0; i < n && !ret; i++) {
		struct watched *w = &r->watched[r->n_watched];

		w->map = target_map(r->target, i);
		if (!maps_watch_wanted(w->map) || replay_is_scratch(r, w->map))
			continue;
		ret = maps_watch_new(w->map, &w->watch, err);
		r->n_watched += !ret;
	}
	return ret;
}

static enum map_change_kind kind_of(const struct map_change *c)
{
	return c->kind == CHANGE_ADDED	   ? MAP_ADDED
	       : c->kind == CHANGE_REMOVED ? MAP_REMOVED
					   : MAP_CHANGED;
}

static void take_change(struct hop *hop, const struct map *m, const struct map_change *c,
			struct arena *a)
{
	hop->changes = arena_grow(a, hop->changes, hop->n_changes, sizeof(*hop->changes));
	hop->changes[hop->n_changes++] = (struct node_map_change){
		.node = hop->node,
		.map = arena_strdup(a, m->name),
		.kind = kind_of(c),
		.key = map_key_value(a, m, c->key),
		.was = c->was ? map_value_value(a, m, c->was) : NULL,
		.is = c->is ? map_value_value(a, m, c->is) : NULL,
	};
}

static int take_changes(const struct replay *r, struct hop *hop, struct arena *a, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; i < r->n_watched && !ret; i++) {
		struct map_change *changes;
		size_t n;

		ret = maps_watch_read(r->watched[i].watch, r->scratch, &changes, &n, err);
		for (size_t j = 0; j < n && !ret; j++)
			take_change(hop, r->watched[i].map, &changes[j], a);
	}
	return ret;
}

/* ---- the run ---- */

static struct hop *add_hop(const struct replay *r, struct trace *t, const struct place *at,
			   const struct frame *in, struct arena *a)
{
	struct hop *hop;

	t->hops = arena_grow(a, t->hops, t->n_hops, sizeof(*t->hops));
	hop = &t->hops[t->n_hops++];
	memset(hop, 0, sizeof(*hop));
	hop->node = arena_strdup(a, r->desc->name);
	hop->device = arena_strdup(a, at->device->name);
	hop->at = hop->device;
	hop->program = arena_strdup(a, at->program.name);
	hop->hook = at->hook;
	hop->ifindex = at->device->ifindex;
	hop->ct = CT_STATE_UNKNOWN;
	hop->in = *in;
	hop->mark = at->mark;
	hop->observed = at->program.interposed;
	return hop;
}

static bool keeps_packet(enum hook hook, int verdict)
{
	switch (hook) {
	case HOOK_TC_INGRESS:
	case HOOK_TC_EGRESS:
		return verdict != TC_ACT_SHOT;
	case HOOK_XDP:
		return verdict != XDP_DROP && verdict != XDP_ABORTED;
	case HOOK_CGROUP_INGRESS:
	case HOOK_CGROUP_EGRESS:
		return verdict & 1;
	case HOOK_SOCKET_FILTER:
		return verdict != 0;
	default:
		return verdict != BPF_DROP;
	}
}

static void take_result(struct hop *hop, const struct prog_run *run, struct arena *a)
{
	hop->verdict = run->verdict;
	hop->out_mark = run->out_mark;
	if (!keeps_packet(hop->hook, run->verdict))
		return;
	hop->out = hop->in;
	hop->out.len = run->out_len;
	hop->out.data = arena_memdup(a, run->out, run->out_len);
}

static int refused(struct trace *t, const char *why)
{
	t->hops[t->n_hops - 1].not_run = true;
	t->outcome = OUTCOME_UNMODELLED;
	t->at = t->hops[t->n_hops - 1].at;
	t->why = why;
	return 1;
}

int replay_hop(struct replay *r, const struct place *at, const struct frame *in, struct arena *a,
	       struct trace *t, uint32_t *mark, struct err *err)
{
	struct hop *hop = add_hop(r, t, at, in, a);
	struct prog_run run = {
		.fd = at->program.fd,
		.hook = at->hook,
		.data = in->data,
		.len = in->len,
		.ifindex = at->device->ifindex,
		.ingress_ifindex = at->hook == HOOK_TC_INGRESS ? at->device->ifindex : 0,
		.mark = at->mark,
		.rx_queue = r->place.rx_queue,
		.is_summed = r->opts.summed,
		.out = r->out,
		.out_size = REPLAY_OUT_SIZE,
	};
	struct hop_names names = { r, map_name, map_named, slot_program, device_name };
	const char *why;
	bool whole;
	int ret;

	if (r->env) {
		helper_env_begin(r->env);
		helper_env_set_tunnel(r->env, at->tunnel);
	}
	ret = prog_run(&run, &why, err);
	if (ret)
		return ret < 0 ? err_wrap(err, "%s at %s", hop->program, hop->at) : refused(t, why);
	take_result(hop, &run, a);
	*mark = run.out_mark;
	whole = hop_take_notes(hop, r->env, &names, a);
	ret = hop_read_events(hop, target_events(r->target), r->desc->decoder, a, err);
	if (ret)
		return err_wrap(err, "reading events of %s", hop->program);
	ret = take_changes(r, hop, a, err);
	if (ret || whole)
		return ret;
	replay_end_trace(r);
	return refused(t,
		       "more than 16 tail calls in a row are too many to be traced; from the next "
		       "packet on they are not");
}
