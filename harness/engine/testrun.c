/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The testrun engine: every hop is one BPF_PROG_TEST_RUN in the namespace of its node, so that
 * __sk_buff.ifindex names a real device and bpf_fib_lookup asks a real FIB. Packets never move by
 * themselves; where one goes next is concluded from the verdict and the bytes that came out.
 */
#include "engine/testrun.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/ns.h"
#include "engine/aging.h"
#include "engine/hop.h"
#include "engine/hop_events.h"
#include "engine/pins.h"
#include "engine/release.h"
#include "engine/stack.h"
#include "target/agent.h"

/* Programs see CLOCK_MONOTONIC; a machine that has just booted would make young timestamps special. */
#define BOOT_NS	     (86400ULL * 1000000000ULL)
#define OUT_SIZE     (64 * 1024)
#define TEST_RUN_MIN 54 /* Ethernet and IPv6 */

struct node_state {
	const struct topo_node *topo;
	struct agent *agent;
	int program[2]; /* by enum hook; owned by the agent */
	const char *pin_dir;
	bool real_time; /* its programs read the kernel's clock */
	struct aging aging; /* where they do */
};

struct engine {
	struct arena *arena;
	struct engine_opts opts;
	const char *objects;
	struct helper_env *env; /* NULL when pristine */
	uint64_t now_ns; /* the scenario's time */
	struct node_state *nodes;
	size_t n_nodes;
	int home_ns; /* where the caller was */
	int in_node; /* node whose namespace the thread is in, -1: home */
	uint8_t *out;
};

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

static int leave_node(struct engine *e, struct err *err)
{
	int ret = 0;

	if (e->in_node >= 0)
		ret = ns_enter(e->home_ns, err);
	e->in_node = -1;
	return ret;
}

static int find_programs(struct node_state *n, struct err *err)
{
	for (int hook = HOOK_TC_INGRESS; hook <= HOOK_TC_EGRESS; hook++) {
		n->program[hook] = agent_program_fd(n->agent, hop_program((enum hook)hook), err);
		if (n->program[hook] < 0)
			return n->program[hook];
	}
	return agent_attached(n->agent, err);
}

/* An agent reads the maps by the clock it is given. */
static int time_before_start(struct engine *e, struct node_state *n, uint64_t real, struct err *err)
{
	if (!e->env || !n->real_time)
		return 0;
	return aging_real_to_clock(n->pin_dir, helper_env_clock(e->env), real, err);
}

static int time_after_start(struct engine *e, struct node_state *n, uint64_t real, struct err *err)
{
	bool was_real = n->real_time;

	n->real_time = !e->env || agent_pristine(n->agent);
	if (!n->real_time || (was_real && !e->env))
		return 0;
	if (!was_real)
		aging_start(&n->aging, e->now_ns);
	if (!e->env)
		return 0;
	log_warn("node %s: a program that asks for the time loads only as shipped: time is real "
		 "there, and the maps are aged to follow the scenario's",
		 n->topo->name);
	return aging_clock_to_real(n->pin_dir, helper_env_clock(e->env), real, err);
}

static int start_agent(struct engine *e, struct node_state *n, const struct restart_step *how,
		       const struct log_sink *log, struct err *err)
{
	struct sink_ctx ctx = { log, n->topo->name };
	struct agent_opts opts = {
		.cluster = e->opts.cluster,
		.node = n->topo->node,
		.objects = release_objects(e->arena, e->objects, how),
		.pin_dir = n->pin_dir,
		.device = n->topo->device,
		.ifindex = n->topo->ifindex,
		.mtu = n->topo->mtu,
		.gc = how ? how->gc : AGENT_GC_EXPIRED,
		.on_map_mismatch = how ? how->on_map_mismatch : MAP_MISMATCH_MIGRATE,
		.maps = how ? how->maps : NULL,
		.n_maps = how ? how->n_maps : 0,
		.env = e->env,
		.log = forward_line,
		.log_arg = &ctx,
	};
	uint64_t real = aging_real_ns();
	int ret = time_before_start(e, n, real, err);

	memcpy(opts.mac, n->topo->mac, sizeof(opts.mac));
	if (!ret)
		ret = cluster_compile_node(e->opts.cluster, n->topo->node->index, err);
	if (!ret)
		ret = agent_start(&opts, &n->agent, err);
	if (!ret)
		ret = find_programs(n, err);
	if (!ret)
		ret = time_after_start(e, n, real, err);
	return ret ? err_wrap(err, "node %s", n->topo->name) : 0;
}

static void testrun_close(struct engine *e)
{
	struct err ignored;

	if (!e)
		return;
	leave_node(e, &ignored);
	for (size_t i = 0; i < e->n_nodes; i++)
		agent_stop(e->nodes[i].agent);
	helper_env_free(e->env);
	fd_cleanup(&e->home_ns);
	free(e->out);
	arena_free(e->arena);
	free(e);
}

static int set_up(struct engine *e, const struct log_sink *log, struct err *err)
{
	int ret = release_base(e->arena, e->opts.objects, &e->objects, err);

	if (ret)
		return ret;
	e->home_ns = ns_current(err);
	if (e->home_ns < 0)
		return e->home_ns;
	if (!e->opts.pristine)
		ret = helper_env_new(&e->env, err);
	if (ret)
		return ret;
	if (e->env) {
		helper_env_set_clock(e->env, BOOT_NS);
		helper_env_seed(e->env, e->opts.seed);
	}
	for (size_t i = 0; i < e->n_nodes && !ret; i++) {
		struct node_state *n = &e->nodes[i];

		n->topo = &e->opts.topology->nodes[i];
		n->pin_dir = pins_node_dir(e->arena, e->opts.pin_root, n->topo->name);
		ret = file_mkdir_p(n->pin_dir, err);
		if (!ret)
			ret = start_agent(e, n, NULL, log, err);
	}
	return ret;
}

static int testrun_open(const struct engine_opts *opts, const struct log_sink *log,
			struct engine **out, struct err *err)
{
	struct engine *e = calloc(1, sizeof(*e));
	int ret;

	e->arena = arena_new();
	e->opts = *opts;
	e->home_ns = -1;
	e->in_node = -1;
	e->out = malloc(OUT_SIZE);
	e->n_nodes = opts->topology->n_nodes;
	e->nodes = arena_alloc(e->arena, e->n_nodes * sizeof(*e->nodes));
	ret = set_up(e, log, err);
	if (ret) {
		testrun_close(e);
		return ret;
	}
	*out = e;
	return 0;
}

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

static int read_events(struct node_state *n, struct hop *hop, struct arena *a, struct err *err)
{
	struct event_sink sink = { a, hop, err, 0 };
	int ret;

	ret = event_ring_read(agent_events(n->agent), take_record, &sink, &hop->lost, err);
	if (ret || sink.ret)
		return err_wrap(err, "reading events of %s", hop->at);
	hop_take_events(hop, hop->events, hop->n_events);
	return 0;
}

static int enter_node(struct engine *e, unsigned node, struct err *err)
{
	int ret;

	if (e->in_node == (int)node)
		return 0;
	ret = ns_enter(e->nodes[node].topo->ns_fd, err);
	if (!ret)
		e->in_node = (int)node;
	return ret;
}

/* The kernel's test run wants the whole network header that the EtherType promises
 * (net/bpf/test_run.c); a device would have handed the packet to the program.
 */
static int too_short(struct hop *hop, struct trace *trace, struct arena *a)
{
	hop->not_run = true;
	trace->outcome = OUTCOME_UNMODELLED;
	trace->at = hop->at;
	trace->why = arena_printf(a,
				  "BPF_PROG_TEST_RUN refuses packets shorter than their network "
				  "header (%u bytes); engine netns takes them",
				  hop->in.len);
	return 1;
}

/* 1: the kernel could not run it, the trace says why. */
static int run_program(struct engine *e, struct node_state *n, struct hop *hop, struct trace *trace,
		       struct arena *a, struct err *err)
{
	struct __sk_buff ctx = {
		.ifindex = n->topo->ifindex,
		/* the kernel's ingress_ifindex is the receiving device; at egress 0 stands for
		 * locally made
		 */
		.ingress_ifindex = hop->hook == HOOK_TC_INGRESS ? n->topo->ifindex : 0,
	};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = hop->in.data, .data_size_in = hop->in.len,
		    .data_out = e->out, .data_size_out = OUT_SIZE, .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .repeat = 1);
	int ret = bpf_prog_test_run_opts(n->program[hop->hook], &run);

	if (ret == -EINVAL && hop->in.len < TEST_RUN_MIN)
		return too_short(hop, trace, a);
	if (ret)
		return err_system(err, -ret,
				  "BPF_PROG_TEST_RUN of %s at %s with a packet of %u bytes",
				  hop->program, hop->at, hop->in.len);
	hop->verdict = (int)run.retval;
	if (hop->verdict != TC_ACT_SHOT) {
		hop->out = hop->in;
		hop->out.len = run.data_size_out;
		hop->out.data = arena_memdup(a, e->out, run.data_size_out);
	}
	return 0;
}

static int run_hop(struct engine *e, unsigned node, enum hook hook, struct trace *trace,
		   const struct frame *in, struct arena *a, uint64_t *lost, struct err *err)
{
	struct hop *hop = hop_add(trace, e->nodes[node].topo, hook, in, a);
	int ret = enter_node(e, node, err);

	if (!ret)
		ret = run_program(e, &e->nodes[node], hop, trace, a, err);
	if (!ret)
		ret = read_events(&e->nodes[node], hop, a, err);
	*lost += hop->lost;
	return ret;
}

/* True if the packet goes on; else the trace has its outcome. cls_bpf in direct-action mode takes
 * TC_ACT_UNSPEC as "next filter", and there is none.
 */
static bool goes_on(struct trace *trace, struct arena *a)
{
	const struct hop *hop = &trace->hops[trace->n_hops - 1];

	trace->at = hop->at;
	switch (hop->verdict) {
	case TC_ACT_OK:
	case TC_ACT_UNSPEC:
	case TC_ACT_PIPE:
		return true;
	case TC_ACT_SHOT:
		trace->outcome = OUTCOME_DROPPED;
		return false;
	case TC_ACT_STOLEN:
	case TC_ACT_QUEUED:
	case TC_ACT_TRAP:
		trace->outcome = OUTCOME_CONSUMED;
		return false;
	default:
		trace->outcome = OUTCOME_UNMODELLED;
		trace->why = arena_printf(
			a, "%s returned %s, and where that leads is not followed", hop->program,
			word_name(&words_tc_verdict, hop->verdict) ?: "an unknown verdict");
		return false;
	}
}

static int move_time(struct engine *e, uint64_t now_ns, struct err *err)
{
	int ret = 0;

	e->now_ns = now_ns;
	if (e->env)
		helper_env_set_clock(e->env, BOOT_NS + now_ns);
	for (size_t i = 0; i < e->n_nodes && !ret; i++)
		if (e->nodes[i].real_time)
			ret = aging_catch_up(&e->nodes[i].aging, e->nodes[i].pin_dir, now_ns, err);
	return ret;
}

static void hand_to_stack(const struct node_state *n, struct trace *trace)
{
	trace->why = stack_ignores(&trace->hops[trace->n_hops - 1].out, n->topo->mac);
	trace->outcome = trace->why ? OUTCOME_UNMODELLED : OUTCOME_DELIVERED;
}

static int testrun_inject(struct engine *e, const struct injection *in, struct arena *a,
			  struct trace *trace, uint64_t *lost, struct err *err)
{
	const struct frame *frame = &in->frame;
	int to = in->to, ret = move_time(e, in->now_ns, err);

	if (ret)
		return ret;
	if (in->from >= 0) {
		ret = run_hop(e, (unsigned)in->from, HOOK_TC_EGRESS, trace, frame, a, lost, err);
		if (ret || !goes_on(trace, a))
			return ret < 0 ? ret : 0;
		frame = &trace->hops[trace->n_hops - 1].out;
		to = in->to >= 0 ? hop_receiver(e->opts.topology, frame) : -1;
		if (to < 0) {
			trace->outcome = OUTCOME_SENT;
			trace->at = "world";
			return 0;
		}
	}
	ret = run_hop(e, (unsigned)to, HOOK_TC_INGRESS, trace, frame, a, lost, err);
	if (!ret && goes_on(trace, a))
		hand_to_stack(&e->nodes[to], trace);
	return ret < 0 ? ret : 0;
}

static int testrun_restart(struct engine *e, unsigned node, const struct restart_step *how,
			   const struct log_sink *log, struct err *err)
{
	struct node_state *n = &e->nodes[node];

	agent_stop(n->agent);
	n->agent = NULL;
	return start_agent(e, n, how, log, err);
}

static int testrun_advance(struct engine *e, uint64_t now_ns, struct err *err)
{
	return move_time(e, now_ns, err);
}

static unsigned testrun_interposed(const struct engine *e)
{
	unsigned n = 0;

	for (size_t i = 0; i < e->n_nodes; i++)
		n += agent_interposed(e->nodes[i].agent);
	return n;
}

static int testrun_loaded(const struct engine *e, struct loaded_list *list, struct err *err)
{
	(void)err;
	for (size_t i = 0; i < e->n_nodes; i++)
		for (size_t j = 0; agent_object_name(j); j++)
			loaded_add_object(list, agent_object(e->nodes[i].agent, j));
	return 0;
}

int testrun_program_fd(const struct engine *e, unsigned node, enum hook hook)
{
	return e->nodes[node].program[hook];
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

	for (size_t i = 0; i < e->n_nodes && !ret; i++)
		ret = event_ring_read(agent_events(e->nodes[i].agent), drop_record, NULL, &lost,
				      err);
	return ret;
}

void testrun_leave(struct engine *e)
{
	e->in_node = -1;
}

const struct engine_ops engine_testrun = {
	.name = "testrun",
	.kind = ENGINE_TESTRUN,
	.open = testrun_open,
	.inject = testrun_inject,
	.restart = testrun_restart,
	.advance = testrun_advance,
	.interposed = testrun_interposed,
	.loaded = testrun_loaded,
	.close = testrun_close,
};
