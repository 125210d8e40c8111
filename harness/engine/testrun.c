/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The testrun engine: an agent a node, started when a packet first comes there (of a small cluster all at
 * once), and packets that engine/sim.h leads through. Time and random numbers are the scenario's own.
 */
#include "engine/testrun_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/ns.h"
#include "engine/pins.h"
#include "engine/release.h"
#include "engine/sim_net.h"
#include "target/agent.h"

/* Clusters up to that many nodes are started whole: expectations may ask for any node's maps. */
#define FEW_NODES 16

struct sink_ctx {
	const struct log_sink *sink;
	const char *node;
};

static void forward_line(void *arg, const char *line)
{
	const struct sink_ctx *ctx = arg;

	if (ctx->sink && ctx->sink->line)
		ctx->sink->line(ctx->sink->arg, ctx->node, line);
}

static const char *node_name(const struct engine *e, unsigned node)
{
	return e->opts.cluster->nodes[node].name;
}

/* ---- nodes ---- */

/* So that no load falls into the first packet's time, and warnings come before it. */
static int load_native(struct engine *e, unsigned node, struct err *err)
{
	const struct cluster_device *native =
		cluster_device_of_role(&e->opts.cluster->nodes[node], "native");
	struct agent_program p;
	int ret = agent_program_at(e->sim.nodes[node].agent, native, HOOK_TC_INGRESS, &p, err);

	return ret == -ENOENT ? 0 : ret;
}

static int make_agent(struct engine *e, unsigned node, const struct log_sink *log, struct err *err)
{
	struct sink_ctx ctx = { log, node_name(e, node) };
	struct sim_node *n = &e->sim.nodes[node];
	struct agent_opts opts = {
		.cluster = e->opts.cluster,
		.node = &e->opts.cluster->nodes[node],
		.target = e->opts.target,
		.objects = e->objects,
		.pin_dir = e->nodes[node].pin_dir,
		.gc = AGENT_GC_EXPIRED,
		.on_map_mismatch = MAP_MISMATCH_MIGRATE,
		.env = e->sim.env,
		.on_demand = true,
		.trace_tail_calls = e->sim.env != NULL,
		.log = forward_line,
		.log_arg = &ctx,
	};
	uint64_t real = aging_real_ns();
	int ret = ns_enter(n->ns_fd, err);

	if (ret)
		return ret;
	e->sim.in_node = (int)node;
	ret = agent_start(&opts, &n->agent, err);
	if (!ret)
		ret = load_native(e, node, err);
	if (n->agent)
		agent_set_log(n->agent, NULL, NULL);
	return ret ? ret : testrun_time_after_loads(e, node, real, err);
}

static int start_node(struct engine *e, unsigned node, const struct log_sink *log, struct err *err)
{
	struct sim_node *n = &e->sim.nodes[node];
	struct node_state *state = &e->nodes[node];
	int ret = cluster_compile_node(e->opts.cluster, node, err);

	if (ret)
		return ret;
	state->pin_dir = pins_node_dir(e->arena, e->opts.pin_root, node_name(e, node));
	ret = file_mkdir_p(state->pin_dir, err);
	if (!ret)
		ret = sim_net_make(e->opts.cluster, &e->opts.cluster->nodes[node], &n->ns_fd, err);
	if (!ret)
		ret = fib_open(n->ns_fd, &n->fib, err);
	if (!ret)
		ret = make_agent(e, node, log, err);
	return ret ? err_wrap(err, "node %s", node_name(e, node)) : 0;
}

static int start_on_demand(void *arg, unsigned node, struct err *err)
{
	return start_node(arg, node, NULL, err);
}

static void stop_node(struct sim_node *n)
{
	agent_stop(n->agent);
	fib_close(n->fib);
	fd_cleanup(&n->ns_fd);
}

/* ---- life ---- */

static void testrun_close(struct engine *e)
{
	struct err ignored = { 0 };

	if (!e)
		return;
	sim_leave(&e->sim, &ignored);
	for (size_t i = 0; i < e->sim.n_nodes; i++)
		stop_node(&e->sim.nodes[i]);
	helper_env_free(e->sim.env);
	fd_cleanup(&e->sim.home_ns);
	free(e->sim.out);
	arena_free(e->arena);
	free(e);
}

static void set_start(struct engine *e, uint64_t seed)
{
	e->now_ns = 0;
	if (!e->sim.env)
		return;
	helper_env_set_clock(e->sim.env, BOOT_NS);
	helper_env_seed(e->sim.env, seed);
}

static int set_up(struct engine *e, const struct log_sink *log, struct err *err)
{
	int ret = 0;

	e->objects = e->opts.objects;
	if (!e->opts.target)
		ret = release_base(e->arena, e->opts.objects, &e->objects, err);
	if (ret)
		return ret;
	e->sim.home_ns = ns_current(err);
	if (e->sim.home_ns < 0)
		return e->sim.home_ns;
	if (!e->opts.pristine)
		ret = helper_env_new(&e->sim.env, err);
	if (ret)
		return ret;
	if (e->sim.env && e->opts.lookups)
		helper_env_note_lookups(e->sim.env);
	set_start(e, e->opts.seed);
	for (size_t i = 0; e->sim.n_nodes <= FEW_NODES && i < e->sim.n_nodes && !ret; i++)
		ret = start_node(e, (unsigned)i, log, err);
	return ret ? ret : sim_leave(&e->sim, err);
}

static void make_room(struct engine *e, size_t n)
{
	struct sim_node *sims = arena_alloc(e->arena, (n + 1) * sizeof(*sims));
	struct node_state *states = arena_alloc(e->arena, (n + 1) * sizeof(*states));

	for (size_t i = 0; i < n; i++)
		sims[i].ns_fd = -1;
	if (e->sim.n_nodes) {
		memcpy(sims, e->sim.nodes, e->sim.n_nodes * sizeof(*sims));
		memcpy(states, e->nodes, e->sim.n_nodes * sizeof(*states));
	}
	e->sim.nodes = sims;
	e->nodes = states;
	e->sim.n_nodes = n;
}

static int testrun_open(const struct engine_opts *opts, const struct log_sink *log,
			struct engine **out, struct err *err)
{
	struct engine *e = calloc(1, sizeof(*e));
	int ret;

	e->arena = arena_new();
	e->opts = *opts;
	e->sim = (struct sim){
		.cluster = opts->cluster,
		.start_node = start_on_demand,
		.arg = e,
		.home_ns = -1,
		.in_node = -1,
		.out = malloc(SIM_OUT_SIZE),
	};
	make_room(e, opts->cluster->n_nodes);
	ret = set_up(e, log, err);
	if (ret) {
		testrun_close(e);
		return ret;
	}
	*out = e;
	return 0;
}

/* ---- steps ---- */

static int testrun_inject(struct engine *e, const struct injection *in, struct arena *a,
			  struct trace *trace, uint64_t *lost, struct err *err)
{
	int ret = testrun_move_time(e, in->now_ns, err);

	if (ret)
		return ret;
	e->sim.lost = 0;
	ret = sim_walk(&e->sim, in, a, trace, err);
	*lost += e->sim.lost;
	for (size_t i = 0; i < e->sim.n_nodes && !ret; i++)
		if (e->sim.nodes[i].agent && !e->nodes[i].real_time)
			ret = testrun_time_after_loads(e, (unsigned)i, aging_real_ns(), err);
	/* other engines of this thread have namespaces of their own */
	return ret ? ret : sim_leave(&e->sim, err);
}

static int restart(struct engine *e, unsigned node, const struct restart_step *how,
		   const struct log_sink *log, struct err *err)
{
	struct sink_ctx ctx = { log, node_name(e, node) };
	struct agent *agent = e->sim.nodes[node].agent;
	struct agent_how again = {
		.objects = release_objects(e->arena, e->objects, how),
		.gc = how->gc,
		.on_map_mismatch = how->on_map_mismatch,
		.maps = how->maps,
		.n_maps = how->n_maps,
	};
	uint64_t real = aging_real_ns();
	int ret = testrun_time_before_start(e, node, real, err);

	agent_set_log(agent, forward_line, &ctx);
	if (!ret)
		ret = agent_restart(agent, &again, err);
	if (!ret)
		ret = load_native(e, node, err);
	if (!ret)
		ret = agent_attached(agent, err);
	agent_set_log(agent, NULL, NULL);
	return ret ? ret : testrun_time_after_loads(e, node, real, err);
}

static int testrun_restart(struct engine *e, unsigned node, const struct restart_step *how,
			   const struct log_sink *log, struct err *err)
{
	int ret = 0;

	if (!e->sim.nodes[node].agent)
		ret = start_node(e, node, NULL, err);
	if (!ret)
		ret = restart(e, node, how, log, err);
	if (!ret)
		ret = sim_leave(&e->sim, err);
	return ret ? err_wrap(err, "node %s", node_name(e, node)) : 0;
}

static int testrun_advance(struct engine *e, uint64_t now_ns, struct err *err)
{
	return testrun_move_time(e, now_ns, err);
}

/* Devices and routes may be others: the namespace is built anew. */
static int update_node(struct engine *e, unsigned node, const struct log_sink *log, struct err *err)
{
	struct sink_ctx ctx = { log, node_name(e, node) };
	struct sim_node *n = &e->sim.nodes[node];
	int ret = cluster_compile_node(e->opts.cluster, node, err);

	if (!ret)
		ret = sim_leave(&e->sim, err);
	if (ret)
		return ret;
	fib_close(n->fib);
	n->fib = NULL;
	fd_cleanup(&n->ns_fd);
	n->ns_fd = -1;
	ret = sim_net_make(e->opts.cluster, &e->opts.cluster->nodes[node], &n->ns_fd, err);
	if (!ret)
		ret = fib_open(n->ns_fd, &n->fib, err);
	agent_set_log(n->agent, forward_line, &ctx);
	if (!ret)
		ret = agent_update(n->agent, &e->opts.cluster->nodes[node], err);
	agent_set_log(n->agent, NULL, NULL);
	return ret ? err_wrap(err, "node %s", node_name(e, node)) : 0;
}

static int testrun_update(struct engine *e, const struct log_sink *log, struct err *err)
{
	size_t n = e->opts.cluster->n_nodes;
	int ret = 0;

	if (n > e->sim.n_nodes)
		make_room(e, n);
	for (size_t i = 0; i < n && !ret; i++)
		if (e->sim.nodes[i].agent)
			ret = update_node(e, (unsigned)i, log, err);
	return ret;
}

static int testrun_rebase(struct engine *e, struct cluster *cluster, struct err *err)
{
	e->opts.cluster = cluster;
	e->sim.cluster = cluster;
	return testrun_update(e, NULL, err);
}

static int testrun_reset(struct engine *e, uint64_t seed, const struct log_sink *log,
			 struct err *err)
{
	int ret = 0;

	(void)log;
	set_start(e, seed);
	for (size_t i = 0; i < e->sim.n_nodes && !ret; i++) {
		if (!e->sim.nodes[i].agent)
			continue;
		ret = agent_reset(e->sim.nodes[i].agent, err);
		if (e->nodes[i].real_time)
			aging_start(&e->nodes[i].aging, 0);
	}
	return ret;
}

/* ---- what there is ---- */

static unsigned testrun_interposed(const struct engine *e)
{
	unsigned n = 0;

	for (size_t i = 0; i < e->sim.n_nodes; i++)
		if (e->sim.nodes[i].agent)
			n += agent_interposed(e->sim.nodes[i].agent);
	return n;
}

static int testrun_loaded(const struct engine *e, struct loaded_list *list, struct err *err)
{
	(void)err;
	for (size_t i = 0; i < e->sim.n_nodes; i++) {
		const struct agent *agent = e->sim.nodes[i].agent;
		const struct object *o;

		for (size_t j = 0; agent && (o = agent_object(agent, j)); j++)
			loaded_add_object(list, o);
	}
	return 0;
}

int testrun_program_fd(const struct engine *e, unsigned node, enum hook hook)
{
	const struct cluster_device *native =
		cluster_device_of_role(&e->opts.cluster->nodes[node], "native");
	struct agent_program p;
	struct err err = { 0 };

	return agent_program_at(e->sim.nodes[node].agent, native, hook, &p, &err) ? -1 : p.fd;
}

static void drop_record(void *arg, const void *record, uint32_t size)
{
	(void)arg;
	(void)record;
	(void)size;
}

int testrun_drop_events(struct engine *e, struct err *err)
{
	uint64_t lost = 0;
	int ret = 0;

	for (size_t i = 0; i < e->sim.n_nodes && !ret; i++)
		if (e->sim.nodes[i].agent)
			ret = event_ring_read(agent_events(e->sim.nodes[i].agent), drop_record,
					      NULL, &lost, err);
	return ret;
}

int testrun_enter(struct engine *e, unsigned node, struct err *err)
{
	e->sim.in_node = (int)node;
	return ns_enter(e->sim.nodes[node].ns_fd, err);
}

void testrun_leave(struct engine *e)
{
	e->sim.in_node = -1;
}

const struct engine_ops engine_testrun = {
	.name = "testrun",
	.kind = ENGINE_TESTRUN,
	.follows = true,
	.open = testrun_open,
	.inject = testrun_inject,
	.restart = testrun_restart,
	.update = testrun_update,
	.rebase = testrun_rebase,
	.reset = testrun_reset,
	.advance = testrun_advance,
	.interposed = testrun_interposed,
	.loaded = testrun_loaded,
	.close = testrun_close,
};
