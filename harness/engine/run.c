/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Walks the steps of a scenario on an engine and writes down what was seen. */
#include "engine/run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "base/ns.h"
#include "engine/map_watch.h"
#include "engine/pins.h"
#include "engine/prepare.h"
#include "engine/release.h"
#include "engine/run_raw.h"
#include "engine/sends.h"
#include "engine/timeline.h"

struct session { /* one cluster, up */
	struct session *next;
	char *key;
	struct cluster *cluster;
	struct topology *topology;
};

struct run_cache {
	struct session *sessions;
	unsigned runs;
};

struct run {
	const struct scenario *scenario;
	const struct run_opts *opts;
	const struct engine_ops *ops;
	struct engine *engine;
	struct session *session;
	struct arena *a;
	struct timeline time;
	const char *pin_root;
	struct release *releases; /* one a node */
	struct run_trace *trace;
	struct step_trace *step; /* being filled; NULL before the first */
	struct sends sends;
	uint64_t sent;
};

struct run_cache *run_cache_new(void)
{
	return calloc(1, sizeof(struct run_cache));
}

static void session_free(struct session *s)
{
	topology_down(s->topology);
	cluster_free(s->cluster);
	free(s->key);
	free(s);
}

void run_cache_free(struct run_cache *c)
{
	if (!c)
		return;
	while (c->sessions) {
		struct session *next = c->sessions->next;

		session_free(c->sessions);
		c->sessions = next;
	}
	free(c);
}

static char *session_key(const struct scenario *s)
{
	struct buf b = BUF_INIT;

	buf_printf(&b, "%s\n", s->cluster);
	if (s->values)
		value_print(&b, s->values);
	return b.data;
}

/* The datapath passes IPv6 untouched: a run on such nodes would prove nothing. */
static int check_families(const struct cluster *c, struct err *err)
{
	for (size_t i = 0; i < c->n_nodes; i++) {
		const struct cluster_node *n = &c->nodes[i];
		bool ipv4 = false;

		for (size_t j = 0; j < n->n_ips; j++)
			ipv4 |= n->ips[j].family == 4;
		if (!ipv4)
			return err_input(err, &n->manifest->meta.loc,
					 "node %s has no IPv4 InternalIP: the datapath under test "
					 "tracks and filters IPv4 only",
					 n->name);
	}
	return 0;
}

static int session_make(struct run_cache *c, const struct scenario *s, char *key,
			struct session **out, struct err *err)
{
	struct session *n = calloc(1, sizeof(*n));
	char id[32];
	int ret;

	n->key = key;
	snprintf(id, sizeof(id), "%d-%u", (int)getpid(), c->runs);
	ret = cluster_load(s->cluster, s->values, &n->cluster, err);
	if (!ret)
		ret = check_families(n->cluster, err);
	if (!ret)
		ret = topology_up(n->cluster, id, &n->topology, err);
	if (ret) {
		session_free(n);
		return ret;
	}
	n->next = c->sessions;
	c->sessions = n;
	*out = n;
	return 0;
}

static int session_get(struct run_cache *c, const struct scenario *s, struct session **out,
		       struct err *err)
{
	char *key = session_key(s);

	for (struct session *i = c->sessions; i; i = i->next) {
		if (!strcmp(i->key, key)) {
			free(key);
			*out = i;
			return 0;
		}
	}
	return session_make(c, s, key, out, err);
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
			err_hint(err, "it has %s", r->session->cluster->nodes[i].name);
		return -EINVAL;
	}
	return (int)n->index;
}

static int send_packet(struct run *r, const struct send_step *send, const struct capture_packet *p,
		       struct err *err)
{
	struct step_trace *st = r->step;
	struct injection in = { .from = -1, .to = -1 };
	struct trace *t;
	int ret;

	st->packets = arena_grow(r->a, st->packets, st->n_packets, sizeof(*st->packets));
	t = &st->packets[st->n_packets++];
	memset(t, 0, sizeof(*t));
	if (p->ts_ns > r->sends.packets[0].ts_ns)
		t->rel_ns = p->ts_ns - r->sends.packets[0].ts_ns;
	in.now_ns = timeline_packet(&r->time, send->capture, p->ts_ns);
	ret = prepare_packet(r->session->cluster, r->session->topology, send, p, r->a, &in, t, err);
	if (ret == 0)
		ret = r->ops->inject(r->engine, &in, r->a, t, &st->lost, err);
	if (ret < 0)
		return ret;
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
	int ret = sends_load(&r->sends, send, err);

	for (size_t i = 0; i < r->sends.n && !ret; i++)
		if (packet_set_has(&send->packets, r->sends.packets[i].number))
			ret = send_packet(r, send, &r->sends.packets[i], err);
	return ret;
}

/* Again after each start: an upgrade brings other files. */
static int note_loaded(struct run *r, struct err *err)
{
	struct loaded_list list = { r->a, r->trace->objects, r->trace->n_objects };
	int ret = r->ops->loaded(r->engine, &list, err);

	r->trace->objects = list.items;
	r->trace->n_objects = list.n;
	return ret;
}

static int restart_step(struct run *r, const struct step *step, struct err *err)
{
	struct log_sink log = { take_log, r };
	int node = node_index(r, step->restart.node, &step->restart.node_loc, err);
	struct restart_step how;
	int ret;

	if (node < 0)
		return node;
	how = release_apply(&r->releases[node], step, r->a);
	ret = r->ops->restart(r->engine, (unsigned)node, &how, &log, err);
	return ret ? ret : note_loaded(r, err);
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
		return r->ops->advance(r->engine, timeline_advance(&r->time, step->advance_ns),
				       err);
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

	return map_open_pinned(pins_node_dir(r->a, r->pin_root, node), name, out, err);
}

static void no_pinned(void *arg, const char *node, const char *name, const struct loc *at,
		      struct err *err)
{
	struct run *r = arg;

	err_input(err, at, "node %s has no map \"%s\" (looked under %s)", node, name,
		  pins_node_dir(r->a, r->pin_root, node));
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

static int run_on_cluster(const struct scenario *s, enum engine_kind kind,
			  const struct run_opts *opts, struct arena *a, struct run_trace *out,
			  struct err *err)
{
	struct run r = {
		.scenario = s,
		.opts = opts,
		.ops = engine_by_kind(kind),
		.a = a,
		.trace = out,
		.sends = { .arena = a },
	};
	struct log_sink log = { take_log, &r };
	struct engine_opts eo = { .objects = opts->objects, .pristine = opts->pristine };
	struct err ignored;
	int ret;

	timeline_init(&r.time, a);
	ret = sandbox_enter(err);
	if (!ret)
		ret = session_get(opts->cache, s, &r.session, err);
	if (ret)
		return ret;
	r.pin_root = arena_printf(a, SANDBOX_BPFFS "/run-%u", ++opts->cache->runs);
	r.releases = arena_alloc(a, r.session->cluster->n_nodes * sizeof(*r.releases));
	eo.cluster = r.session->cluster;
	eo.topology = r.session->topology;
	eo.pin_root = r.pin_root;
	eo.seed = s->seed;
	ret = r.ops->open(&eo, &log, &r.engine, err);
	if (!ret) {
		out->interposed = r.ops->interposed(r.engine);
		ret = note_loaded(&r, err);
	}
	if (!ret)
		ret = run_steps(&r, err);
	r.ops->close(r.engine);
	pins_remove(r.pin_root, ret ? &ignored : err);
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
