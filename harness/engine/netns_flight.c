/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A packet under way between real devices: sent, looked for where it may show up, and what became of it concluded
 * from that and from the programs' events.
 */
#include <errno.h>
#include <linux/pkt_cls.h>
#include <poll.h>
#include <time.h>

#include "engine/hop.h"
#include "engine/hop_events.h"
#include "engine/netns_internal.h"
#include "engine/stack.h"

#define NSEC	    1000000000ULL
#define PATIENCE_NS NSEC /* what shows up nowhere for that long is lost */

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
	if (!ret && in->shape.is_nonlinear)
		ret = packet_io_send_paged(way, err);
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

int netns_fly(struct engine *e, const struct injection *in, struct arena *a, struct trace *trace,
	      uint64_t *lost, struct err *err)
{
	struct flight f = {
		.e = e, .a = a, .trace = trace, .from = in->from, .to = in->to, .err = err
	};
	int ret = launch(&f, in, err);

	return ret ? ret : follow(&f, lost, err);
}
