// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The nodes of a testrun engine: namespace and agent of each, from its start to its end, when it restarts, when
 * the cluster changes, and when it goes and comes back.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/ns.h"
#include "engine/pins.h"
#include "engine/release.h"
#include "engine/sim_net.h"
#include "engine/sock_lb.h"
#include "engine/testrun_internal.h"
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

void testrun_make_room(struct engine *e, size_t n)
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
	struct sink_ctx ctx = { log, testrun_node_name(e, node) };
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

/* They are made for the maps and the namespace that there are. */
static void close_sockets(struct engine *e, unsigned node)
{
	sock_lb_close(e->nodes[node].sock);
	e->nodes[node].sock = NULL;
}

static void drop_net(struct engine *e, unsigned node)
{
	struct sim_node *n = &e->sim.nodes[node];

	close_sockets(e, node);
	fib_close(n->fib);
	n->fib = NULL;
	fd_cleanup(&n->ns_fd);
	n->ns_fd = -1;
	free(e->nodes[node].net);
	e->nodes[node].net = NULL;
}

/* Only where devices, addresses or routes are others than before. */
static int make_net(struct engine *e, unsigned node, struct err *err)
{
	const struct cluster_node *c = &e->opts.cluster->nodes[node];
	char *net = sim_net_text(e->opts.cluster, c), *had = e->nodes[node].net;
	struct sim_node *n = &e->sim.nodes[node];
	int ret;

	if (had && strcmp(had, net) == 0) {
		free(net);
		return 0;
	}
	drop_net(e, node);
	e->nodes[node].net = net;
	ret = sim_net_make(e->opts.cluster, c, &n->ns_fd, err);
	return ret ? ret : fib_open(n->ns_fd, &n->fib, err);
}

/* A machine that comes back remembers nothing. 1: there is none of that name. */
static int unpark(struct engine *e, unsigned node, const char *pin_dir, struct err *err)
{
	struct node_state *state = &e->nodes[node];
	struct agent *agent = state->parked;
	int ret;

	state->parked = NULL;
	if (!agent || strcmp(state->pin_dir, pin_dir) != 0) {
		agent_stop(agent);
		return 1;
	}
	e->sim.nodes[node].agent = agent;
	ret = agent_reset(agent, err);
	if (!ret)
		ret = agent_update(agent, &e->opts.cluster->nodes[node], err);
	if (state->real_time)
		aging_start(&state->aging, e->now_ns);
	return ret;
}

static int start_node(struct engine *e, unsigned node, const struct log_sink *log, struct err *err)
{
	const char *pin_dir = pins_node_dir(e->arena, e->opts.pin_root, testrun_node_name(e, node));
	int ret = cluster_compile_node(e->opts.cluster, node, err);

	if (!ret)
		ret = make_net(e, node, err);
	if (!ret)
		ret = unpark(e, node, pin_dir, err);
	if (ret <= 0)
		return ret;
	e->nodes[node].pin_dir = pin_dir;
	e->nodes[node].real_time = false;
	ret = file_mkdir_p(pin_dir, err);
	if (!ret)
		ret = make_agent(e, node, log, err);
	return ret ? err_wrap(err, "node %s", testrun_node_name(e, node)) : 0;
}

int testrun_start_node(void *engine, unsigned node, struct err *err)
{
	return start_node(engine, node, NULL, err);
}

static void park(struct engine *e, unsigned node)
{
	e->nodes[node].parked = e->sim.nodes[node].agent;
	e->sim.nodes[node].agent = NULL;
	drop_net(e, node);
}

void testrun_stop_node(struct engine *e, unsigned node)
{
	agent_stop(e->sim.nodes[node].agent);
	agent_stop(e->nodes[node].parked);
	drop_net(e, node);
}

static bool is_there(const struct engine *e, size_t node)
{
	return node < e->opts.cluster->n_nodes && !e->opts.cluster->nodes[node].is_gone;
}

static bool is_started_early(const struct engine *e, size_t node)
{
	return is_there(e, node) && e->opts.cluster->n_nodes <= FEW_NODES;
}

int testrun_start_nodes(struct engine *e, const struct log_sink *log, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; i < e->sim.n_nodes && !ret; i++)
		if (is_started_early(e, i))
			ret = start_node(e, (unsigned)i, log, err);
	return ret;
}

static int restart(struct engine *e, unsigned node, const struct restart_step *how,
		   const struct log_sink *log, struct err *err)
{
	struct sink_ctx ctx = { log, testrun_node_name(e, node) };
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

	close_sockets(e, node);
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

int testrun_restart_node(struct engine *e, unsigned node, const struct restart_step *how,
			 const struct log_sink *log, struct err *err)
{
	int ret = 0;

	if (!e->sim.nodes[node].agent)
		ret = start_node(e, node, NULL, err);
	if (!ret)
		ret = restart(e, node, how, log, err);
	if (!ret)
		ret = sim_leave(&e->sim, err);
	return ret ? err_wrap(err, "node %s", testrun_node_name(e, node)) : 0;
}

static int update_node(struct engine *e, unsigned node, const struct log_sink *log, struct err *err)
{
	struct sink_ctx ctx = { log, testrun_node_name(e, node) };
	struct sim_node *n = &e->sim.nodes[node];
	int ret = cluster_compile_node(e->opts.cluster, node, err);

	close_sockets(e, node);
	if (!ret)
		ret = make_net(e, node, err);
	agent_set_log(n->agent, forward_line, &ctx);
	if (!ret)
		ret = agent_update(n->agent, &e->opts.cluster->nodes[node], err);
	agent_set_log(n->agent, NULL, NULL);
	return ret ? err_wrap(err, "node %s", testrun_node_name(e, node)) : 0;
}

int testrun_update_nodes(struct engine *e, const struct log_sink *log, struct err *err)
{
	int ret = sim_leave(&e->sim, err);

	if (e->opts.cluster->n_nodes > e->sim.n_nodes)
		testrun_make_room(e, e->opts.cluster->n_nodes);
	for (size_t i = 0; i < e->sim.n_nodes && !ret; i++) {
		bool runs = e->sim.nodes[i].agent;

		if (runs && !is_there(e, i))
			park(e, (unsigned)i);
		else if (runs)
			ret = update_node(e, (unsigned)i, log, err);
		else if (is_started_early(e, i))
			ret = start_node(e, (unsigned)i, log, err);
	}
	return ret ? ret : sim_leave(&e->sim, err);
}
