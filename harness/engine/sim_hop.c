/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One program run on a packet's way, and what can be seen of it. */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <string.h>
#include <sys/socket.h>

#include "base/ns.h"
#include "engine/hop_events.h"
#include "engine/prog_run.h"
#include "engine/sim_internal.h"
#include "target/maps.h"

int sim_leave(struct sim *s, struct err *err)
{
	int ret = 0;

	if (s->in_node >= 0)
		ret = ns_enter(s->home_ns, err);
	s->in_node = -1;
	return ret;
}

static int enter_node(struct sim *s, unsigned node, struct err *err)
{
	int ret = 0;

	if (s->in_node != (int)node)
		ret = ns_enter(s->nodes[node].ns_fd, err);
	if (!ret)
		s->in_node = (int)node;
	return ret;
}

/* ---- what helpers noted ---- */

/* A devmap's entry begins with the ifindex (struct bpf_devmap_val). */
static uint32_t ifindex_in_map(struct agent *agent, const char *name, uint32_t key)
{
	struct map *m = name ? agent_map(agent, name) : NULL;
	struct bpf_devmap_val val = { 0 };

	if (!m || (m->type != BPF_MAP_TYPE_DEVMAP && m->type != BPF_MAP_TYPE_DEVMAP_HASH) ||
	    m->value_size > sizeof(val) || bpf_map_lookup_elem(m->fd, &key, &val))
		return 0;
	return val.ifindex;
}

static void take_redirect(const struct walk *w, struct hop *hop, const struct helper_note *n)
{
	struct agent *agent = w->sim->nodes[w->node].agent;
	const struct cluster_device *device;
	struct hop_redirect *to;

	hop->redirects = arena_grow(w->a, hop->redirects, hop->n_redirects, sizeof(*to));
	to = &hop->redirects[hop->n_redirects++];
	*to = (struct hop_redirect){
		.kind = (enum note_kind)n->kind,
		.ifindex = n->ifindex,
		.flags = n->flags,
		.key = n->key,
		.ret = n->ret,
	};
	if (n->kind == NOTE_REDIRECT_MAP) {
		to->map = arena_strdup(w->a, agent_map_name(agent, n->map_id));
		to->ifindex = ifindex_in_map(agent, to->map, n->key);
	}
	if (n->family) {
		to->has_next_hop = true;
		to->next_hop.family = n->family == AF_INET6 ? 6 : 4;
		memcpy(to->next_hop.bytes, n->next_hop, sizeof(to->next_hop.bytes));
	}
	device = cluster_device_by_ifindex(walk_node(w), to->ifindex);
	to->device = device ? arena_strdup(w->a, device->name) : NULL;
}

static void take_tail_call(const struct walk *w, struct hop *hop, const struct helper_note *n)
{
	const struct agent *agent = w->sim->nodes[w->node].agent;

	hop->tail_calls =
		arena_grow(w->a, hop->tail_calls, hop->n_tail_calls, sizeof(*hop->tail_calls));
	hop->tail_calls[hop->n_tail_calls++] = (struct hop_tail_call){
		.map = arena_strdup(w->a, agent_map_name(agent, n->map_id)),
		.index = n->key,
		.program = arena_strdup(w->a, agent_slot_program(agent, n->map_id, n->key)),
	};
}

static void take_notes(const struct walk *w, struct hop *hop)
{
	const struct helper_note *notes;
	struct tunnel_meta tunnel;
	size_t n, lost;

	if (!w->sim->env)
		return;
	notes = helper_env_notes(w->sim->env, &n, &lost);
	for (size_t i = 0; i < n; i++) {
		switch ((enum note_kind)notes[i].kind) {
		case NOTE_TAIL_CALL:
			take_tail_call(w, hop, &notes[i]);
			break;
		case NOTE_SET_TUNNEL_KEY:
		case NOTE_SET_TUNNEL_OPT:
			break;
		default:
			take_redirect(w, hop, &notes[i]);
		}
	}
	if (helper_env_tunnel(w->sim->env, &tunnel))
		hop->tunnel = arena_memdup(w->a, &tunnel, sizeof(tunnel));
	hop->observed = hop->observed && !lost;
}

/* Notes that programs make for themselves, and counters, are no answers to anything. */
static bool is_asked(const struct map *m)
{
	return m->type != BPF_MAP_TYPE_PERCPU_ARRAY && m->type != BPF_MAP_TYPE_PERCPU_HASH &&
	       m->type != BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

/* As it is now: what the program changed in it since is seen, too. */
static struct value *entry_now(const struct walk *w, const struct map *m, const void *key)
{
	uint8_t *value = arena_alloc(w->a, m->value_size);

	if (bpf_map_lookup_elem(m->fd, key, value))
		return NULL;
	return map_value_value(w->a, m, value);
}

static void take_lookup(const struct walk *w, struct hop *hop, const struct helper_lookup *l)
{
	struct agent *agent = w->sim->nodes[w->node].agent;
	const char *name = agent_map_name(agent, l->map_id);
	const struct map *m = name ? agent_map(agent, name) : NULL;
	struct hop_lookup *to;

	if (!m || l->key_len < m->key_size || !is_asked(m))
		return;
	hop->lookups = arena_grow(w->a, hop->lookups, hop->n_lookups, sizeof(*to));
	to = &hop->lookups[hop->n_lookups++];
	*to = (struct hop_lookup){
		.kind = l->kind,
		.map = arena_strdup(w->a, name),
		.key = map_key_value(w->a, m, l->key),
		.found = l->ok,
	};
	if (l->ok && l->kind != LOOKUP_DELETE)
		to->value = entry_now(w, m, l->key);
}

static void take_lookups(const struct walk *w, struct hop *hop)
{
	const struct helper_lookup *all;
	size_t n, lost;

	if (!w->sim->env || !helper_env_notes_lookups(w->sim->env))
		return;
	all = helper_env_lookups(w->sim->env, &n, &lost);
	for (size_t i = 0; i < n; i++)
		take_lookup(w, hop, &all[i]);
}

/* ---- events ---- */

struct event_sink {
	struct arena *a;
	struct hop *hop;
	struct err *err;
	int ret;
};

static void take_record(void *arg, const void *record, uint32_t size)
{
	struct event_sink *s = arg;
	struct hop *hop = s->hop;
	struct event e;

	if (event_decode(record, size, &e, s->err)) {
		s->ret = -EINVAL;
		return;
	}
	e.data = arena_memdup(s->a, e.data, e.caplen);
	hop->events = arena_grow(s->a, hop->events, hop->n_events, sizeof(*hop->events));
	hop->events[hop->n_events++] = e;
}

static int take_events(const struct walk *w, struct hop *hop, struct err *err)
{
	struct event_ring *ring = agent_events(w->sim->nodes[w->node].agent);
	struct event_sink sink = { w->a, hop, err, 0 };
	int ret;

	if (!ring)
		return 0;
	ret = event_ring_read(ring, take_record, &sink, &hop->lost, err);
	if (ret || sink.ret)
		return err_wrap(err, "reading events of %s", hop->at);
	hop_take_events(hop, hop->events, hop->n_events);
	w->sim->lost += hop->lost;
	return 0;
}

/* ---- the run ---- */

static struct hop *add_hop(const struct walk *w, enum hook hook, const struct agent_program *p)
{
	struct trace *t = w->trace;
	struct hop *hop;

	t->hops = arena_grow(w->a, t->hops, t->n_hops, sizeof(*t->hops));
	hop = &t->hops[t->n_hops++];
	*hop = (struct hop){
		.node = arena_strdup(w->a, walk_node(w)->name),
		.at = walk_at(w),
		.program = arena_strdup(w->a, p->name),
		.hook = hook,
		.ifindex = w->dev->ifindex,
		.ct = CT_STATE_UNKNOWN,
		.in = w->frame,
		.mark = w->mark,
		.observed = p->interposed,
	};
	hop->device = hop->at + strlen(hop->node) + 1;
	return hop;
}

static bool keeps_packet(enum hook hook, int verdict)
{
	if (hook == HOOK_XDP)
		return verdict != XDP_DROP && verdict != XDP_ABORTED;
	return verdict != TC_ACT_SHOT;
}

static void take_result(struct walk *w, struct hop *hop, const struct prog_run *run)
{
	hop->verdict = run->verdict;
	hop->out_mark = run->out_mark;
	hop->metadata = run->metadata;
	if (!keeps_packet(hop->hook, run->verdict))
		return;
	hop->out = hop->in;
	hop->out.len = hop->out.wire_len = run->out_len;
	hop->out.data = arena_memdup(w->a, run->out, run->out_len);
	w->frame = hop->out;
	w->mark = run->out_mark;
}

static int test_run(void *arg, int fd, struct bpf_test_run_opts *opts, struct err *err)
{
	return agent_test_run(arg, fd, opts, err);
}

static int refused(struct walk *w, struct hop *hop, const char *why)
{
	hop->not_run = true;
	walk_unmodelled(w, arena_printf(w->a, "%s; engine netns takes them", why));
	return 2;
}

static int run(struct walk *w, enum hook hook, const struct agent_program *p, struct err *err)
{
	struct hop *hop = add_hop(w, hook, p);
	struct prog_run r = {
		.fd = p->fd,
		.hook = hook,
		.data = w->frame.data,
		.len = w->frame.len,
		.ifindex = w->dev->ifindex,
		.ingress_ifindex = w->iif,
		.mark = w->mark,
		.out = w->sim->out,
		.out_size = SIM_OUT_SIZE,
		.test_run = test_run,
		.test_run_arg = w->sim->nodes[w->node].agent,
	};
	const char *why;
	int ret;

	if (w->sim->env) {
		helper_env_begin(w->sim->env);
		helper_env_set_tunnel(w->sim->env, w->tunnel);
	}
	ret = prog_run(&r, &why, err);
	if (ret)
		return ret < 0 ? err_wrap(err, "%s at %s", hop->program, hop->at)
			       : refused(w, hop, why);
	take_result(w, hop, &r);
	take_notes(w, hop);
	take_lookups(w, hop);
	if (hop->tunnel)
		w->tunnel = hop->tunnel;
	return take_events(w, hop, err);
}

int sim_hop(struct walk *w, enum hook hook, struct err *err)
{
	struct agent_program p;
	int ret;

	if (!sim_attached(w->sim->cluster, w->dev, hook))
		return 1;
	ret = enter_node(w->sim, w->node, err);
	if (!ret)
		ret = agent_program_at(w->sim->nodes[w->node].agent, w->dev, hook, &p, err);
	if (ret == -ENOENT)
		return 1;
	return ret ? ret : run(w, hook, &p, err);
}
