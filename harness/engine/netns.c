/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The netns engine: the programs are attached to real devices, packets move by themselves, and what
 * became of one is concluded from where it shows up and from the programs' events.
 *
 * One packet is under way at a time. A node's packet enters by its own device, the world's by the
 * far end of the receiver's; it is seen when it leaves (far end of the sender's device) and when it
 * is handed to the receiver's stack.
 */
#include <errno.h>
#include <linux/pkt_cls.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/log.h"
#include "base/ns.h"
#include "engine/aging.h"
#include "engine/engine.h"
#include "engine/hop.h"
#include "engine/hop_events.h"
#include "engine/netns_agent.h"
#include "engine/netns_attach.h"
#include "engine/packet_io.h"
#include "engine/pins.h"
#include "engine/release.h"
#include "engine/stack.h"
#include "scenario/target_desc.h"
#include "target/agent.h"

#define ETH_P_IPV4  0x0800
#define NSEC	    1000000000ULL
#define PATIENCE_NS NSEC /* what shows up nowhere for that long is lost */

struct node_state {
	const struct topo_node *topo;
	const char *pin_dir;
	const char *objects; /* folder of its release */
	struct agent_proc agent;
	struct aging aging;
	struct packet_io *far; /* far end of the device: sees what leaves, sends what arrives */
	struct packet_io **stack; /* what the stack gets, one an ethertype; [0] IPv4, sends too */
	size_t n_stack;
};

struct engine {
	struct arena *arena;
	struct engine_opts opts;
	struct log_sink log;
	const char *objects;
	struct node_state *nodes;
	size_t n_nodes;
};

/* A packet under way. */
struct flight {
	struct engine *e;
	struct arena *a;
	struct trace *trace;
	struct hop *egress, *ingress; /* NULL where it has not been */
	int from, to; /* nodes, -1: the world */
	struct packet_io *stack; /* of `to`, where it would be delivered; NULL if to is the world */
	bool refused; /* dropped at egress, by what send() said */
	bool left, delivered;
	const char *ignored; /* by the stack, after all programs: why */
	struct err *err;
	int failed; /* negative errno of a callback */
};

static uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NSEC + (uint64_t)ts.tv_nsec;
}

static int start_agent(struct engine *e, struct node_state *n, const struct restart_step *how,
		       struct err *err)
{
	struct agent_proc_opts o = {
		.cluster = e->opts.cluster,
		.topo = n->topo,
		.target = e->opts.target ? e->opts.target->path : NULL,
		.objects = release_objects(e->arena, e->objects, how),
		.pin_dir = n->pin_dir,
		.how = how,
	};

	n->objects = o.objects;
	return agent_proc_start(&n->agent, &o, err);
}

static int open_sockets(struct engine *e, struct node_state *n, struct err *err)
{
	int ret = packet_io_open(e->opts.topology->fabric_fd, n->topo->fabric_device,
				 PACKET_IO_ARRIVALS, &n->far, err);

	n->stack = arena_grow(e->arena, n->stack, n->n_stack, sizeof(*n->stack));
	if (!ret)
		ret = packet_io_open(n->topo->ns_fd, n->topo->device, ETH_P_IPV4, &n->stack[0],
				     err);
	if (!ret)
		n->n_stack = 1;
	return ret ? err_wrap(err, "node %s", n->topo->name) : 0;
}

/* The socket that sees deliveries of that ethertype, opened when first asked for. */
static int stack_socket(struct engine *e, struct node_state *n, uint16_t ethertype,
			struct packet_io **out, struct err *err)
{
	int ret;

	for (size_t i = 0; i < n->n_stack; i++) {
		*out = n->stack[i];
		if (packet_io_ethertype(*out) == ethertype)
			return 0;
	}
	ret = packet_io_open(n->topo->ns_fd, n->topo->device, ethertype, out, err);
	if (ret)
		return err_wrap(err, "node %s", n->topo->name);
	n->stack = arena_grow(e->arena, n->stack, n->n_stack, sizeof(*n->stack));
	n->stack[n->n_stack++] = *out;
	return 0;
}

static int set_up(struct engine *e, struct err *err)
{
	int ret = release_base(e->arena, e->opts.objects, &e->objects, err);

	for (size_t i = 0; i < e->n_nodes && !ret; i++) {
		struct node_state *n = &e->nodes[i];

		n->topo = &e->opts.topology->nodes[i];
		n->pin_dir = pins_node_dir(e->arena, e->opts.pin_root, n->topo->name);
		ret = file_mkdir_p(n->pin_dir, err);
		if (!ret)
			ret = start_agent(e, n, NULL, err);
	}
	if (!ret) /* while the agents load */
		ret = topology_quiet(e->opts.topology, err);
	for (size_t i = 0; i < e->n_nodes && !ret; i++)
		ret = open_sockets(e, &e->nodes[i], err);
	for (size_t i = 0; i < e->n_nodes && !ret; i++)
		ret = agent_proc_ready(&e->nodes[i].agent, &e->log, err);
	for (size_t i = 0; i < e->n_nodes; i++)
		aging_start(&e->nodes[i].aging, 0);
	return ret;
}

/* Programs of the next run must not meet this run's on a device that is used again. */
static void detach(struct engine *e)
{
	struct err err = { 0 };
	__cleanup_fd int home = ns_current(&err);

	if (home < 0)
		return;
	for (size_t i = 0; i < e->n_nodes; i++) {
		const struct topo_node *n = e->nodes[i].topo;

		if (n && (ns_enter(n->ns_fd, &err) || netns_detach(n->ifindex, &err)))
			log_warn("node %s: %s", n->name, err.text);
	}
	if (ns_enter(home, &err))
		log_warn("%s", err.text);
}

static void netns_close(struct engine *e)
{
	struct err ignored;

	if (!e)
		return;
	for (size_t i = 0; i < e->n_nodes; i++) /* all die at once, then each is waited for */
		if (e->nodes[i].agent.pid)
			kill(e->nodes[i].agent.pid, SIGKILL);
	for (size_t i = 0; i < e->n_nodes; i++) {
		struct node_state *n = &e->nodes[i];

		agent_proc_stop(&n->agent, false, NULL, &ignored);
		packet_io_close(n->far);
		for (size_t j = 0; j < n->n_stack; j++)
			packet_io_close(n->stack[j]);
	}
	detach(e);
	arena_free(e->arena);
	free(e);
}

static int netns_open(const struct engine_opts *opts, const struct log_sink *log,
		      struct engine **out, struct err *err)
{
	struct engine *e = calloc(1, sizeof(*e));
	int ret;

	if (!e)
		return err_system(err, ENOMEM, "the netns engine");
	e->arena = arena_new();
	e->opts = *opts;
	if (log)
		e->log = *log;
	e->n_nodes = opts->topology->n_nodes;
	e->nodes = arena_alloc(e->arena, e->n_nodes * sizeof(*e->nodes));
	for (size_t i = 0; i < e->n_nodes; i++)
		e->nodes[i].agent.fd = -1;
	ret = set_up(e, err);
	if (ret) {
		netns_close(e);
		return ret;
	}
	*out = e;
	return 0;
}

static int catch_up(struct engine *e, uint64_t now_ns, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; i < e->n_nodes && !ret; i++)
		ret = aging_catch_up(&e->nodes[i].aging, e->nodes[i].pin_dir, now_ns, err);
	return ret;
}

static struct hop *add_hop(struct flight *f, int node, enum hook hook, const struct frame *in)
{
	struct hop *hop = hop_add(f->trace, f->e->nodes[node].topo, hook, in, f->a);

	hop->verdict = TC_ACT_UNSPEC;
	hop->verdict_inferred = true;
	return hop;
}

static int receiver_of(const struct flight *f, const struct frame *frame)
{
	return f->to < 0 ? -1 : hop_receiver(f->e->opts.topology, frame);
}

/* It is about to reach node f->to: watch that node's stack. */
static int expect_arrival(struct flight *f, const struct frame *frame, struct err *err)
{
	int ret = stack_socket(f->e, &f->e->nodes[f->to], packet_io_delivered_as(frame), &f->stack,
			       err);

	if (!ret)
		f->ingress = add_hop(f, f->to, HOOK_TC_INGRESS, frame);
	return ret;
}

/* Frames and events of a packet that was given up are not taken for this one's. */
static int forget_earlier(struct flight *f, const struct injection *in, struct err *err)
{
	struct packet_io *stack;
	int ret = 0;

	if (in->from >= 0)
		packet_io_flush(f->e->nodes[in->from].far);
	if (in->to >= 0) {
		ret = stack_socket(f->e, &f->e->nodes[in->to], packet_io_delivered_as(&in->frame),
				   &stack, err);
		if (!ret)
			packet_io_flush(stack);
	}
	return ret;
}

static int launch(struct flight *f, const struct injection *in, struct err *err)
{
	struct packet_io *way;
	int ret = forget_earlier(f, in, err);

	if (ret)
		return ret;
	if (in->from >= 0) {
		way = f->e->nodes[in->from].stack[0];
		f->egress = add_hop(f, in->from, HOOK_TC_EGRESS, &in->frame);
	} else {
		way = f->e->nodes[in->to].far;
		ret = expect_arrival(f, &in->frame, err);
	}
	if (!ret)
		ret = packet_io_send(way, &in->frame, err);
	f->refused = ret == 1;
	return ret < 0 ? ret : 0;
}

/* Takes what has shown up so far. */
static int look(struct flight *f, struct err *err)
{
	int ret;

	if (f->egress && !f->left) {
		ret = packet_io_recv(f->e->nodes[f->from].far, f->a, &f->egress->out, err);
		if (ret < 0)
			return ret;
		if (ret == 1) {
			f->left = true;
			f->to = receiver_of(f, &f->egress->out);
			ret = f->to >= 0 ? expect_arrival(f, &f->egress->out, err) : 0;
			if (ret)
				return ret;
		}
	}
	if (f->ingress && !f->delivered) {
		ret = packet_io_recv(f->stack, f->a, &f->ingress->out, err);
		if (ret < 0)
			return ret;
		f->delivered = ret > 0;
		if (ret ==
		    2) /* asked of the frame that arrived: the kernel has taken the tag off */
			f->ignored = stack_ignores(&f->ingress->in, f->e->nodes[f->to].topo->mac);
	}
	return 0;
}

struct event_target {
	struct flight *f;
	struct hop *hop;
};

static void take_record(void *arg, const void *record, uint32_t size)
{
	struct event_target *t = arg;
	struct hop *hop = t->hop;
	struct event e;

	if (event_decode(record, size, &e, t->f->err)) {
		t->f->failed = -EINVAL;
		return;
	}
	if (e.data)
		e.data = arena_memdup(t->f->a, e.data, e.caplen);
	hop->events = arena_grow(t->f->a, hop->events, hop->n_events, sizeof(*hop->events));
	hop->events[hop->n_events++] = e;
}

static int drain(struct flight *f, uint64_t *lost, struct err *err)
{
	struct hop *hops[] = { f->egress, f->ingress };
	int nodes[] = { f->from, f->to };
	int ret = 0;

	for (int i = 0; i < 2 && !ret; i++)
		if (hops[i])
			ret = agent_proc_ask(&f->e->nodes[nodes[i]].agent, err);
	for (int i = 0; i < 2 && !ret; i++) {
		struct event_target target = { f, hops[i] };
		uint64_t more = 0;

		if (!hops[i])
			continue;
		ret = agent_proc_take(&f->e->nodes[nodes[i]].agent, &f->e->log, take_record,
				      &target, &more, err);
		hops[i]->lost += more;
		*lost += more;
		hop_take_events(hops[i], hops[i]->events, hops[i]->n_events);
	}
	return ret ? ret : f->failed;
}

static void conclude_hop(struct hop *hop, bool passed, bool refused)
{
	if (!hop)
		return;
	if (passed)
		hop->verdict = TC_ACT_OK;
	else if (hop->drop_reason || refused)
		hop->verdict = TC_ACT_SHOT;
}

/* True once the packet's fate is known; then the trace says it. */
static bool conclude(struct flight *f)
{
	struct trace *t = f->trace;
	const struct hop *last = f->ingress ? f->ingress : f->egress;

	conclude_hop(f->egress, f->left, f->refused);
	conclude_hop(f->ingress, f->delivered, false);
	t->at = last->at;
	if (f->delivered) {
		t->outcome = f->ignored ? OUTCOME_UNMODELLED : OUTCOME_DELIVERED;
		t->why = f->ignored;
	} else if (last->verdict == TC_ACT_SHOT) {
		t->outcome = OUTCOME_DROPPED;
	} else if (f->left && f->to < 0) {
		t->outcome = OUTCOME_SENT;
		t->at = "world";
	} else {
		return false;
	}
	return true;
}

static void give_up(struct flight *f)
{
	struct trace *t = f->trace;

	t->outcome = OUTCOME_UNMODELLED;
	if (f->ingress)
		t->why = arena_printf(
			f->a,
			"lost: it reached %s, and within 1 s was neither handed to the "
			"stack nor reported as dropped",
			f->ingress->at);
	else
		t->why = arena_printf(
			f->a, "lost: within 1 s it neither left %s nor was reported as dropped",
			f->egress->at);
}

static int wait_more(struct flight *f, struct err *err)
{
	struct pollfd p[2];
	nfds_t n = 0;

	if (f->egress && !f->left)
		p[n++] = (struct pollfd){ .fd = packet_io_fd(f->e->nodes[f->from].far),
					  .events = POLLIN };
	if (f->ingress && !f->delivered)
		p[n++] = (struct pollfd){ .fd = packet_io_fd(f->stack), .events = POLLIN };
	if (poll(p, n, 1) < 0 && errno != EINTR)
		return err_system(err, errno, "cannot wait for a packet");
	return 0;
}

/* Events of a packet come before the packet shows up, so what is drained after that is all. */
static int follow(struct flight *f, uint64_t *lost, struct err *err)
{
	uint64_t deadline = clock_ns() + PATIENCE_NS;

	for (;;) {
		int ret = look(f, err);

		if (!ret)
			ret = drain(f, lost, err);
		if (ret || conclude(f))
			return ret;
		if (clock_ns() >= deadline) {
			give_up(f);
			return 0;
		}
		ret = wait_more(f, err);
		if (ret)
			return ret;
	}
}

static int netns_inject(struct engine *e, const struct injection *in, struct arena *a,
			struct trace *trace, uint64_t *lost, struct err *err)
{
	struct flight f = {
		.e = e, .a = a, .trace = trace, .from = in->from, .to = in->to, .err = err
	};
	int ret = catch_up(e, in->now_ns, err);

	trace->hops = NULL;
	trace->n_hops = 0;
	if (in->from < 0 && in->to < 0)
		return err_system(err, EINVAL, "a packet from the world to the world");
	if (!ret)
		ret = launch(&f, in, err);
	return ret ? ret : follow(&f, lost, err);
}

static int netns_restart(struct engine *e, unsigned node, const struct restart_step *how,
			 const struct log_sink *log, struct err *err)
{
	struct node_state *n = &e->nodes[node];
	int ret = agent_proc_stop(&n->agent, how->graceful, log, err);

	if (!ret)
		ret = start_agent(e, n, how, err);
	return ret ? ret : agent_proc_ready(&n->agent, log, err);
}

static int netns_advance(struct engine *e, uint64_t now_ns, struct err *err)
{
	return catch_up(e, now_ns, err);
}

static unsigned netns_interposed(const struct engine *e)
{
	(void)e;
	return 0;
}

static int add_loaded(const struct engine *e, const struct target_desc *target,
		      struct loaded_list *list, struct err *err)
{
	const char *name;
	int ret = 0;

	for (size_t i = 0; i < e->n_nodes; i++)
		for (size_t j = 0; !ret && (name = agent_object_name(target, "native", j)); j++)
			ret = loaded_add_file(list, file_join(e->arena, e->nodes[i].objects, name),
					      err);
	return ret;
}

/* The agents are other processes: what they did to the same files is found out once more. */
static int netns_loaded(const struct engine *e, struct loaded_list *list, struct err *err)
{
	struct target_desc *own = NULL;
	int ret = e->opts.target ? 0 : target_desc_load(AGENT_DEFAULT_TARGET, &own, err);

	if (!ret)
		ret = add_loaded(e, own ? own : e->opts.target, list, err);
	target_desc_free(own);
	return ret;
}

const struct engine_ops engine_netns = {
	.name = "netns",
	.kind = ENGINE_NETNS,
	.open = netns_open,
	.inject = netns_inject,
	.restart = netns_restart,
	.advance = netns_advance,
	.interposed = netns_interposed,
	.loaded = netns_loaded,
	.close = netns_close,
};
