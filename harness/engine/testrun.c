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

/* ---- life ---- */

static void testrun_close(struct engine *e)
{
	struct err ignored = { 0 };

	if (!e)
		return;
	sim_leave(&e->sim, &ignored);
	for (size_t i = 0; i < e->sim.n_nodes; i++)
		testrun_stop_node(e, (unsigned)i);
	sim_free_tagger(&e->sim);
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
	ret = testrun_start_nodes(e, log, err);
	return ret ? ret : sim_leave(&e->sim, err);
}

static int testrun_open(const struct engine_opts *opts, const struct log_sink *log,
			struct engine **out, struct err *err)
{
	struct engine *e = calloc(1, sizeof(*e));
	int ret;

	e->arena = arena_new();
	e->opts = *opts;
	e->udp_sockets = (struct table)TABLE_INIT(e->arena);
	e->sim = (struct sim){
		.cluster = opts->cluster,
		.start_node = testrun_start_node,
		.arg = e,
		.home_ns = -1,
		.in_node = -1,
		.out = malloc(SIM_OUT_SIZE),
	};
	testrun_make_room(e, opts->cluster->n_nodes);
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
	struct injection sent = *in;
	int ret = testrun_move_time(e, in->now_ns, err);

	if (!ret)
		ret = testrun_connect(e, &sent, a, trace, err);
	if (ret)
		return ret < 0 ? ret : 0;
	e->sim.lost = 0;
	ret = sim_walk(&e->sim, &sent, a, trace, err);
	*lost += e->sim.lost;
	for (size_t i = 0; i < e->sim.n_nodes && !ret; i++)
		if (e->sim.nodes[i].agent && !e->nodes[i].real_time)
			ret = testrun_time_after_loads(e, (unsigned)i, aging_real_ns(), err);
	/* other engines of this thread have namespaces of their own */
	return ret ? ret : sim_leave(&e->sim, err);
}

static int testrun_advance(struct engine *e, uint64_t now_ns, struct err *err)
{
	return testrun_move_time(e, now_ns, err);
}

static int testrun_rebase(struct engine *e, struct cluster *cluster, struct err *err)
{
	e->opts.cluster = cluster;
	e->sim.cluster = cluster;
	return testrun_update_nodes(e, NULL, err);
}

static int testrun_reset(struct engine *e, uint64_t seed, const struct log_sink *log,
			 struct err *err)
{
	int ret = 0;

	(void)log;
	set_start(e, seed);
	e->udp_sockets = (struct table)TABLE_INIT(e->arena);
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

static uint64_t testrun_loading_ns(const struct engine *e)
{
	uint64_t ns = 0;

	for (size_t i = 0; i < e->sim.n_nodes; i++)
		if (e->sim.nodes[i].agent)
			ns += agent_loading_ns(e->sim.nodes[i].agent);
	return ns;
}

static int testrun_loaded(const struct engine *e, struct loaded_list *list, struct err *err)
{
	(void)err;
	for (size_t i = 0; i < e->sim.n_nodes; i++) {
		const struct agent *agent = e->sim.nodes[i].agent;
		const struct object *o;

		for (size_t j = 0; agent && (o = agent_object(agent, j)); j++)
			loaded_add_object(list, o);
		if (agent)
			loaded_add_otherwise(list, testrun_node_name(e, (unsigned)i),
					     agent_otherwise(agent));
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

static int enter(struct engine *e, unsigned node, struct err *err)
{
	e->sim.in_node = (int)node;
	return ns_enter(e->sim.nodes[node].ns_fd, err);
}

int testrun_at(struct engine *e, unsigned node, const char *device, enum hook hook,
	       struct testrun_place *out, struct err *err)
{
	const struct cluster_node *n = &e->opts.cluster->nodes[node];
	int ret = enter(e, node, err);

	*out = (struct testrun_place){ .agent = e->sim.nodes[node].agent,
				       .ns_fd = e->sim.nodes[node].ns_fd,
				       .env = e->sim.env };
	for (size_t i = 0; i < n->n_devices && !ret; i++)
		if (!strcmp(n->devices[i].name, device))
			return agent_program_at(out->agent, &n->devices[i], hook, &out->program,
						err);
	return ret ? ret : -ENOENT;
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
	.restart = testrun_restart_node,
	.update = testrun_update_nodes,
	.rebase = testrun_rebase,
	.reset = testrun_reset,
	.advance = testrun_advance,
	.interposed = testrun_interposed,
	.loading_ns = testrun_loading_ns,
	.loaded = testrun_loaded,
	.close = testrun_close,
};
