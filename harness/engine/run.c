/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Walks the steps of a scenario on an engine and writes down what was seen. */
#include "engine/run.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/ns.h"
#include "engine/flow.h"
#include "engine/flow_make.h"
#include "engine/map_watch.h"
#include "engine/one_cpu.h"
#include "engine/pins.h"
#include "engine/prepare.h"
#include "engine/release.h"
#include "engine/run_raw.h"
#include "engine/run_variant.h"
#include "engine/sends.h"
#include "engine/session.h"
#include "engine/timeline.h"
#include "scenario/target_desc.h"
#include "target/agent.h"

struct run {
	const struct scenario *scenario;
	const struct run_opts *opts;
	const struct engine_ops *ops;
	struct session *session;
	struct arena *a;
	struct timeline time;
	struct release *releases; /* one a node */
	size_t n_releases;
	struct flows *flows;
	struct flow_maker *made;
	struct run_trace *trace;
	struct step_trace *step; /* being filled; NULL before the first */
	struct sends sends;
	struct run_variant variant;
	uint64_t sent;
};

/* Engines that do not follow packets have been tried with IPv4 nodes alone. */
static int check_families(const struct cluster *c, struct err *err)
{
	for (size_t i = 0; i < c->n_nodes; i++) {
		const struct cluster_node *n = &c->nodes[i];
		bool ipv4 = false;

		for (size_t j = 0; j < n->n_ips; j++)
			ipv4 |= n->ips[j].family == 4;
		if (!ipv4)
			return err_input(
				err, &n->manifest->meta.loc,
				"node %s has no IPv4 InternalIP: engine netns builds nodes "
				"that have one; write `engines: [testrun]`",
				n->name);
	}
	return 0;
}

static void take_log(void *arg, const char *node, const char *text)
{
	struct run *r = arg;
	struct step_trace *st = r->step;

	log_debug("%s: %s", node, text);
	if (!st)
		return;
	st->log = arena_grow(r->a, st->log, st->n_log, sizeof(*st->log));
	st->log[st->n_log++] =
		(struct log_line){ arena_strdup(r->a, node), arena_strdup(r->a, text) };
}

static int node_index(const struct run *r, const char *name, const struct loc *at, struct err *err)
{
	const struct cluster_node *n = cluster_node_by_name(r->session->cluster, name);

	if (!n) {
		err_input(err, at, "the cluster %s has no node \"%s\"", r->scenario->cluster, name);
		for (size_t i = 0; i < r->session->cluster->n_nodes; i++)
			if (!r->session->cluster->nodes[i].is_gone)
				err_hint(err, "it has %s", r->session->cluster->nodes[i].name);
		return -EINVAL;
	}
	return (int)n->index;
}

/* 1: not sent, the trace says why. */
static int prepare(struct run *r, const struct send_step *send, const struct capture_packet *p,
		   struct injection *in, struct flow_pass *pass, struct trace *t, struct err *err)
{
	struct prepare with = {
		.cluster = r->session->cluster,
		.topology = r->ops->follows ? NULL : r->session->topology,
		.follows = r->ops->follows,
		.flows = r->flows,
		.family = run_variant_is_ipv6(&r->variant) ? &r->variant.family : NULL,
	};
	int ret = prepare_packet(&with, send, p, r->a, in, pass, t, err);

	if (ret || !send->flow || !flow_may_send(r->made, send->flow, p->number, &t->why))
		return ret;
	t->outcome = OUTCOME_NONE;
	return 1;
}

static int send_packet(struct run *r, const struct send_step *send, const struct capture_packet *p,
		       struct err *err)
{
	struct step_trace *st = r->step;
	struct injection in = { .from = -1, .to = -1 };
	struct flow_pass pass;
	struct trace *t;
	int ret;

	st->packets = arena_grow(r->a, st->packets, st->n_packets, sizeof(*st->packets));
	t = &st->packets[st->n_packets++];
	memset(t, 0, sizeof(*t));
	if (p->ts_ns > r->sends.first_ts_ns)
		t->rel_ns = p->ts_ns - r->sends.first_ts_ns;
	in.now_ns = timeline_packet(&r->time, send->capture, p->ts_ns);
	ret = prepare(r, send, p, &in, &pass, t, err);
	if (ret == 0) {
		run_variant_change(&r->variant, st->step->index, &in, t);
		ret = r->ops->inject(r->session->engine, &in, r->a, t, &st->lost, err);
		if (!ret)
			flows_sent(r->flows, &pass, &in, t);
		run_variant_note(&r->variant, &t->final);
	}
	if (ret < 0)
		return ret;
	if (send->flow)
		flow_note_sent(r->made, send->flow, p->number, t->outcome);
	if (t->truncated)
		log_info("packet %u of %s was cut to %u of %u bytes by the capture; zeros fill it "
			 "up",
			 p->number, send->capture, p->caplen, p->len);
	r->sent++;
	if (r->opts->progress && (r->sent & 63) == 0)
		r->opts->progress(r->opts->progress_arg, st->step->index,
				  (unsigned)r->scenario->n_steps, r->sent);
	return 0;
}

static int send_step(struct run *r, const struct send_step *send, struct err *err)
{
	struct sends *s = &r->sends;
	int ret;

	if (send->flow) {
		s->loaded = NULL;
		s->first_ts_ns = 0;
		ret = flow_make(r->made, send->flow, &s->packets, &s->n, err);
	} else {
		ret = sends_load(s, send, err);
	}
	for (size_t i = 0; i < s->n && !ret; i++)
		if (sends_wants(send, &s->packets[i]))
			ret = send_packet(r, send, &s->packets[i], err);
	return ret || send->flow ? ret : sends_load_seen(s, send, r->step, err);
}

/* Again after each start: an upgrade brings other files. */
static int note_loaded(struct run *r, struct err *err)
{
	struct loaded_list list = { r->a, r->trace->objects, r->trace->n_objects, r->trace->notes,
				    r->trace->n_notes };
	int ret = r->ops->loaded(r->session->engine, &list, err);

	r->trace->objects = list.items;
	r->trace->n_objects = list.n;
	r->trace->notes = list.notes;
	r->trace->n_notes = list.n_notes;
	return ret;
}

/* Nodes may come while the scenario runs. */
static struct release *release_of(struct run *r, unsigned node)
{
	while (r->n_releases <= node) {
		r->releases = arena_grow(r->a, r->releases, r->n_releases, sizeof(*r->releases));
		r->releases[r->n_releases++] = (struct release){ 0 };
	}
	return &r->releases[node];
}

static int restart_step(struct run *r, const struct step *step, struct err *err)
{
	struct log_sink log = { take_log, r };
	int node = node_index(r, step->restart.node, &step->restart.node_loc, err);
	struct restart_step how;
	int ret;

	if (node < 0)
		return node;
	how = release_apply(release_of(r, (unsigned)node), step, r->a);
	ret = r->ops->restart(r->session->engine, (unsigned)node, &how, &log, err);
	return ret ? ret : note_loaded(r, err);
}

/* The cluster is another one then, and the agents are told. */
static int change_cluster(const struct run *r, const struct step *step, struct err *err)
{
	struct cluster *c = r->session->cluster;

	if (step->kind == STEP_APPLY)
		return cluster_apply(c, step->apply.path, err);
	return cluster_delete(c, step->del.kind, step->del.ns, step->del.name, &step->del.loc, err);
}

static int change_step(struct run *r, const struct step *step, struct err *err)
{
	const struct loc *at = step->kind == STEP_APPLY ? &step->apply.loc : &step->del.loc;
	struct log_sink log = { take_log, r };
	int ret;

	if (!r->ops->update)
		return err_input(err, at,
				 "engine %s cannot change a cluster while it runs: write `engines: "
				 "[testrun]`",
				 r->ops->name);
	r->session->changed = true;
	ret = change_cluster(r, step, err);
	return ret ? ret : r->ops->update(r->session->engine, &log, err);
}

static int do_step(struct run *r, const struct step *step, struct err *err)
{
	switch (step->kind) {
	case STEP_SEND:
		return send_step(r, &step->send, err);
	case STEP_RESTART:
	case STEP_UPGRADE:
		return restart_step(r, step, err);
	case STEP_ADVANCE:
		return r->ops->advance(r->session->engine,
				       timeline_advance(&r->time, step->advance_ns), err);
	case STEP_APPLY:
	case STEP_DELETE:
		return change_step(r, step, err);
	case STEP_CHECK:
		return 0;
	}
	return 0;
}

/* No event comes from a node that is not there, so "none" would hold of it. */
static int check_nodes(const struct run *r, const struct expect *e, struct err *err)
{
	for (size_t i = 0; i < e->n_maps; i++)
		if (node_index(r, e->maps[i].node, &e->maps[i].loc, err) < 0)
			return -EINVAL;
	for (size_t i = 0; i < e->n_counts; i++)
		if (e->counts[i].node &&
		    node_index(r, e->counts[i].node, &e->counts[i].loc, err) < 0)
			return -EINVAL;
	return 0;
}

static int open_pinned(void *arg, const char *node, const char *name, struct map **out,
		       struct err *err)
{
	struct run *r = arg;

	return map_open_pinned(pins_node_dir(r->a, r->session->pin_root, node), name, out, err);
}

static void no_pinned(void *arg, const char *node, const char *name, const struct loc *at,
		      struct err *err)
{
	struct run *r = arg;

	err_input(err, at, "node %s has no map \"%s\" (looked under %s)", node, name,
		  pins_node_dir(r->a, r->session->pin_root, node));
}

static int run_step(struct run *r, const struct step *step, struct err *err)
{
	const struct map_finder finder = { open_pinned, no_pinned, r };
	struct map_watch *watch;
	int ret;

	r->step = &r->trace->steps[r->trace->n_steps++];
	r->step->step = step;
	for (size_t i = 0; i < step->n_expects; i++)
		if (check_nodes(r, &step->expects[i], err))
			return -EINVAL;
	watch = map_watch_new(step, &finder, NULL, r->a);
	ret = map_watch_begin(watch, err);
	if (!ret)
		ret = do_step(r, step, err);
	if (!ret)
		ret = map_watch_end(watch, r->step, err);
	map_watch_free(watch);
	return ret;
}

static int run_steps(struct run *r, struct err *err)
{
	const struct scenario *s = r->scenario;
	int ret = 0;

	r->trace->steps = arena_alloc(r->a, s->n_steps * sizeof(*r->trace->steps));
	for (size_t i = 0; i < s->n_steps && !ret; i++) {
		ret = run_step(r, &s->steps[i], err);
		if (ret)
			err_wrap(err, "step %u (%s:%d)", s->steps[i].index, s->path,
				 s->steps[i].loc.line);
	}
	return ret;
}

/* Every node's maps, programs and rings are descriptors: many nodes are more than the usual 1024. */
static void raise_file_limit(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

static uint64_t loading_ns(const struct run *r)
{
	return r->ops->loading_ns ? r->ops->loading_ns(r->session->engine) : 0;
}

static int run_opened(struct run *r, struct err *err)
{
	uint64_t loaded_before = loading_ns(r);
	struct one_cpu cpu;
	int ret;

	r->trace->interposed = r->ops->interposed(r->session->engine);
	ret = note_loaded(r, err);
	if (ret)
		return ret;
	if (r->ops->follows)
		one_cpu_stay(&cpu);
	ret = run_steps(r, err);
	if (r->ops->follows)
		one_cpu_leave(&cpu);
	if (loading_ns(r) > loaded_before)
		r->trace->loading_ns += loading_ns(r) - loaded_before;
	/* and what packets asked for on their way */
	return ret ? ret : note_loaded(r, err);
}

/* A tree is told of Verdict's own programs, and by what they look up. */
static bool needs_no_lookups(const struct scenario *s, const struct target_desc *target,
			     struct arena *a, struct run_trace *t)
{
	t->foreign = target && strcmp(target->name, AGENT_DEFAULT_TARGET) != 0;
	if (!t->foreign || !s->wants_lookups)
		return !s->wants_lookups;
	t->notes = arena_grow(a, t->notes, t->n_notes, sizeof(*t->notes));
	t->notes[t->n_notes++] = arena_printf(
		a,
		"`explain:` was not held against target %s: it tells the way through Verdict's own "
		"programs",
		target->name);
	return true;
}

static int run_on_cluster(const struct scenario *s, enum engine_kind kind,
			  const struct run_opts *opts, struct arena *a, struct run_trace *out,
			  struct err *err)
{
	struct run r = {
		.scenario = s,
		.opts = opts,
		.ops = opts->ops ? opts->ops : engine_by_kind(kind),
		.a = a,
		.trace = out,
		.sends = { .arena = a },
	};
	struct log_sink log = { take_log, &r };
	struct engine_opts eo = {
		.objects = opts->objects,
		.pristine = opts->pristine,
		.lookups = opts->lookups || !needs_no_lookups(s, opts->target, a, out),
		.target = opts->target,
		.seed = s->seed,
	};
	uint64_t began = clock_ns();
	int ret;

	timeline_init(&r.time, a);
	ret = sandbox_enter(err);
	if (!ret)
		ret = session_get(opts->cache, s, &r.session, err);
	if (!ret && !r.ops->follows)
		ret = check_families(r.session->cluster, err);
	if (ret)
		return ret;
	if (opts->variant)
		out->refused = variant_refused(opts->variant, r.ops, r.session->cluster, a);
	if (out->refused)
		return 0;
	r.variant = (struct run_variant){
		.how = opts->variant,
		.family = { .cluster = r.session->cluster, .scenario = s, .a = a },
		.trace = out,
	};
	r.flows = flows_new(a, r.session->cluster);
	r.made = flow_maker_new(a, r.session->cluster, s);
	ret = session_open(opts->cache, r.session, r.ops, &eo, &log, err);
	out->loading_ns += clock_ns() - began;
	if (!ret)
		ret = run_opened(&r, err);
	began = clock_ns();
	ret = session_close(opts->cache, r.session, s, ret, err) ?: ret;
	out->loading_ns += clock_ns() - began;
	return ret;
}

int run_scenario(const struct scenario *s, enum engine_kind kind, const struct run_opts *opts,
		 struct arena *a, struct run_trace *out, struct err *err)
{
	memset(out, 0, sizeof(*out));
	raise_file_limit();
	return s->target ? run_raw(s, opts, a, out, err)
			 : run_on_cluster(s, kind, opts, a, out, err);
}
