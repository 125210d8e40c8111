/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A replay's life, and its packets one by one. */
#include "engine/replay.h"

#include <sched.h>
#include <string.h>

#include "base/ns.h"
#include "engine/prog_run.h"
#include "engine/replay_internal.h"

/* Programs see CLOCK_MONOTONIC; a machine that has just booted would make young timestamps special. */
#define BOOT_NS (86400ULL * 1000000000ULL)

/* For as long as it lasts: what a program keeps per CPU stays in one place. */
static void stay_on_cpu(struct replay *r)
{
	int cpu = sched_getcpu();
	cpu_set_t one;

	CPU_ZERO(&one);
	if (cpu < 0 || cpu >= CPU_SETSIZE || sched_getaffinity(0, sizeof(r->cpus), &r->cpus))
		return;
	CPU_SET(cpu, &one);
	r->is_pinned = sched_setaffinity(0, sizeof(one), &one) == 0;
}

/* The environment is the target's: programs that are kept for a later replay go on using it. */
static void start_env(struct replay *r)
{
	r->env = target_env(r->target);
	if (!r->env)
		return;
	helper_env_seed(r->env, r->opts.seed);
	helper_env_set_clock(r->env, BOOT_NS);
}

static int set_up(struct replay *r, struct err *err)
{
	struct target_opts target = r->opts.target;
	int ret = sandbox_enter(err);

	target.interpose = !r->opts.pristine;
	if (!ret)
		ret = target_open(&target, &r->target, err);
	if (!ret)
		ret = replay_net_open(&r->net, err);
	if (ret)
		return ret;
	start_env(r);
	replay_plan_devices(r);
	ret = replay_net_add(r->net, (const struct replay_device *const *)r->devices, r->n_devices,
			     replay_any_xdp(r), err);
	if (!ret)
		ret = replay_at(r, &r->opts.place, err);
	if (!ret && r->opts.ip_batch)
		ret = replay_net_batch(r->opts.ip_batch, err);
	if (!ret)
		ret = replay_seed(r, err);
	if (!ret)
		ret = replay_trace_tails(r, err);
	if (!ret && !r->opts.verdicts_only && !r->opts.no_changes)
		ret = replay_start_watches(r, err);
	if (!ret)
		stay_on_cpu(r);
	return ret;
}

int replay_open(const struct replay_opts *opts, struct replay **out, struct err *err)
{
	struct arena *a = arena_new();
	struct replay *r = arena_new_of(a, struct replay);
	int ret;

	r->arena = a;
	r->scratch = arena_new();
	r->opts = *opts;
	r->desc = opts->target.desc;
	r->out = arena_alloc(a, REPLAY_OUT_SIZE);
	ret = set_up(r, err);
	if (ret) {
		replay_close(r);
		return ret;
	}
	*out = r;
	return 0;
}

void replay_close(struct replay *r)
{
	if (!r)
		return;
	if (r->is_pinned)
		sched_setaffinity(0, sizeof(r->cpus), &r->cpus);
	for (size_t i = 0; i < r->n_watched; i++)
		maps_watch_free(r->watched[i].watch);
	replay_end_trace(r);
	target_close(r->target);
	replay_net_close(r->net);
	arena_free(r->scratch);
	arena_free(r->arena);
}

/* ---- packets ---- */

/* Time does not go back, though the packets of a capture may. */
static void move_clock(struct replay *r, uint64_t ts_ns)
{
	uint64_t now;

	if (!r->env)
		return;
	if (!r->has_first) {
		r->has_first = true;
		r->first_ts = ts_ns;
	}
	now = BOOT_NS + r->advanced + (ts_ns > r->first_ts ? ts_ns - r->first_ts : 0);
	if (now > helper_env_clock(r->env))
		helper_env_set_clock(r->env, now);
}

void replay_advance(struct replay *r, uint64_t ns)
{
	r->advanced += ns;
	if (r->env)
		helper_env_set_clock(r->env, helper_env_clock(r->env) + ns);
}

int replay_packet(struct replay *r, const struct capture_packet *p, struct arena *a,
		  struct trace *t, struct err *err)
{
	struct place at = {
		.program = r->program,
		.hook = r->hook,
		.device = r->entry,
		.mark = r->place.mark,
		.tunnel = r->place.tunnel,
	};
	const struct frame *in = &t->frame;
	int ret;

	arena_reset(r->scratch);
	memset(t, 0, sizeof(*t));
	t->number = p->number;
	t->ts_ns = p->ts_ns;
	if (frame_from_capture(a, p, &t->frame, err)) {
		t->outcome = OUTCOME_UNMODELLED;
		t->why = arena_strdup(a, err->text);
		err_clear(err);
		return 0;
	}
	t->captured = t->frame;
	t->truncated = t->frame.padded;
	move_clock(r, p->ts_ns);
	t->rel_ns = p->ts_ns > r->first_ts ? p->ts_ns - r->first_ts : 0;
	do {
		uint32_t mark;

		ret = replay_hop(r, &at, in, a, t, &mark, err);
		in = &t->hops[t->n_hops - 1].out;
		at.mark = mark;
	} while (!ret && replay_next(r, t, a, &at));
	return ret < 0 ? ret : 0;
}

int replay_verdict(struct replay *r, const struct capture_packet *p, int *verdict, const char **why,
		   struct err *err)
{
	struct prog_run run = {
		.fd = r->program.fd,
		.hook = r->hook,
		.data = p->data,
		.len = p->caplen,
		.ifindex = r->entry->ifindex,
		.ingress_ifindex = r->hook == HOOK_TC_INGRESS ? r->entry->ifindex : 0,
		.mark = r->place.mark,
		.rx_queue = r->place.rx_queue,
	};
	struct frame frame;
	int ret;

	if (p->linktype != LINK_ETHERNET || p->caplen < p->len) {
		arena_reset(r->scratch);
		if (frame_from_capture(r->scratch, p, &frame, err)) {
			err_clear(err);
			*why = "the packet cannot be an Ethernet frame";
			return 1;
		}
		run.data = frame.data;
		run.len = frame.len;
	}
	move_clock(r, p->ts_ns);
	if (r->env) {
		helper_env_begin(r->env);
		helper_env_set_tunnel(r->env, r->place.tunnel);
	}
	ret = prog_run(&run, why, err);
	if (ret < 0)
		return err_wrap(err, "%s", r->program.name);
	*verdict = run.verdict;
	return ret;
}

enum hook replay_hook(const struct replay *r)
{
	return r->hook;
}

const struct replay_device *replay_device(const struct replay *r)
{
	return r->entry;
}

const struct target *replay_target(const struct replay *r)
{
	return r->target;
}

const struct target_program *replay_program(const struct replay *r)
{
	return &r->program;
}

const struct replay_seeded *replay_seeded(const struct replay *r)
{
	return &r->seeded;
}
