/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One program run of a replay, and all that can be seen of it. */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <string.h>
#include <sys/socket.h>

#include "engine/hop_events.h"
#include "engine/prog_run.h"
#include "engine/replay_internal.h"

const struct replay_device *replay_device_by_ifindex(const struct replay *r, uint32_t ifindex)
{
	for (size_t i = 0; i < r->n_devices; i++)
		if (r->devices[i]->ifindex == ifindex)
			return r->devices[i];
	return NULL;
}

/* ---- what helpers noted ---- */

/* A devmap's entry begins with the ifindex (struct bpf_devmap_val); the values of other maps that
 * redirect are no devices.
 */
static uint32_t ifindex_in_map(const struct replay *r, const char *name, uint32_t key)
{
	struct bpf_devmap_val val = { 0 };
	const struct map *m = name ? target_find_map(r->target, name) : NULL;

	if (!m || (m->type != BPF_MAP_TYPE_DEVMAP && m->type != BPF_MAP_TYPE_DEVMAP_HASH) ||
	    m->value_size > sizeof(val) || bpf_map_lookup_elem(m->fd, &key, &val))
		return 0;
	return val.ifindex;
}

static void take_redirect(const struct replay *r, struct hop *hop, const struct helper_note *n,
			  struct arena *a)
{
	const struct replay_device *device;
	struct hop_redirect *to;

	hop->redirects = arena_grow(a, hop->redirects, hop->n_redirects, sizeof(*to));
	to = &hop->redirects[hop->n_redirects++];
	*to = (struct hop_redirect){
		.kind = (enum note_kind)n->kind,
		.ifindex = n->ifindex,
		.flags = n->flags,
		.key = n->key,
		.ret = n->ret,
	};
	if (n->kind == NOTE_REDIRECT_MAP) {
		to->map = arena_strdup(a, target_map_name(r->target, n->map_id));
		to->ifindex = ifindex_in_map(r, to->map, n->key);
	}
	if (n->family) {
		to->has_next_hop = true;
		to->next_hop.family = n->family == AF_INET6 ? 6 : 4;
		memcpy(to->next_hop.bytes, n->next_hop, sizeof(to->next_hop.bytes));
	}
	device = to->ifindex ? replay_device_by_ifindex(r, to->ifindex) : NULL;
	to->device = device ? arena_strdup(a, device->name) : NULL;
}

static bool take_tail_call(const struct replay *r, struct hop *hop, const struct helper_note *n,
			   struct arena *a)
{
	hop->tail_calls =
		arena_grow(a, hop->tail_calls, hop->n_tail_calls, sizeof(*hop->tail_calls));
	hop->tail_calls[hop->n_tail_calls++] = (struct hop_tail_call){
		.map = arena_strdup(a, target_map_name(r->target, n->map_id)),
		.index = n->key,
		.program = arena_strdup(a, replay_slot_program(r, n->map_id, n->key)),
	};
	return n->ret != -ELOOP;
}

/* False: the trace of tail calls cut them short, and the verdict is its own. */
static bool take_notes(const struct replay *r, struct hop *hop, struct arena *a)
{
	const struct helper_note *notes;
	struct tunnel_meta tunnel;
	bool whole = true;
	size_t n, lost;

	if (!r->env)
		return true;
	notes = helper_env_notes(r->env, &n, &lost);
	for (size_t i = 0; i < n; i++) {
		switch ((enum note_kind)notes[i].kind) {
		case NOTE_TAIL_CALL:
			whole = take_tail_call(r, hop, &notes[i], a) && whole;
			break;
		case NOTE_SET_TUNNEL_KEY:
		case NOTE_SET_TUNNEL_OPT:
			break;
		default:
			take_redirect(r, hop, &notes[i], a);
		}
	}
	if (helper_env_tunnel(r->env, &tunnel))
		hop->tunnel = arena_memdup(a, &tunnel, sizeof(tunnel));
	hop->observed = hop->observed && !lost;
	return whole;
}

/* ---- events ---- */

struct event_sink {
	struct arena *a;
	struct hop *hop;
	enum event_decoder decoder;
};

static void take_raw(struct event_sink *s, const void *record, uint32_t size)
{
	struct hop *hop = s->hop;

	hop->raw_events =
		arena_grow(s->a, hop->raw_events, hop->n_raw_events, sizeof(*hop->raw_events));
	hop->raw_events[hop->n_raw_events++] = (struct raw_event){
		.data = arena_memdup(s->a, record, size),
		.size = size,
	};
}

static void take_event(void *arg, const void *record, uint32_t size)
{
	struct event_sink *s = arg;
	struct hop *hop = s->hop;
	struct event e;

	if (s->decoder == DECODER_NONE || event_decode(record, size, &e, NULL)) {
		take_raw(s, record, size);
		return;
	}
	e.data = arena_memdup(s->a, e.data, e.caplen);
	hop->events = arena_grow(s->a, hop->events, hop->n_events, sizeof(*hop->events));
	hop->events[hop->n_events++] = e;
}

static int take_events(const struct replay *r, struct hop *hop, struct arena *a, struct err *err)
{
	struct event_sink sink = { a, hop, r->desc->decoder };
	struct event_ring *ring = target_events(r->target);
	int ret;

	if (!ring)
		return 0;
	ret = event_ring_read(ring, take_event, &sink, &hop->lost, err);
	if (ret)
		return err_wrap(err, "reading events of %s", hop->program);
	hop_take_events(hop, hop->events, hop->n_events);
	return 0;
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
	whole = take_notes(r, hop, a);
	ret = take_events(r, hop, a, err);
	if (!ret)
		ret = take_changes(r, hop, a, err);
	if (ret || whole)
		return ret;
	replay_end_trace(r);
	return refused(t,
		       "more than 16 tail calls in a row are too many to be traced; from the next "
		       "packet on they are not");
}
