/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The order of steps on a packet's way, and its ends. */
#include "engine/sim.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <stdarg.h>
#include <string.h>

#include "engine/sim_internal.h"
#include "engine/sim_net.h"

#define MAX_STEPS 64 /* the longest way without a loop has fewer than 30 */
/* Cilium's iptables rules mark what the host's own sockets send (MARK_MAGIC_HOST). */
#define MARK_HOST 0x0c00

const struct cluster_node *walk_node(const struct walk *w)
{
	return &w->sim->cluster->nodes[w->node];
}

/* All segments but one are data alone. */
uint32_t walk_ip_len(const struct walk *w)
{
	uint32_t more = w->shape.gso_segs ? (w->shape.gso_segs - 1u) * w->shape.gso_size : 0;
	uint32_t len = w->frame.len > ETH_HLEN ? w->frame.len - ETH_HLEN : 0;

	return len > more ? len - more : len;
}

const char *walk_at(const struct walk *w)
{
	return arena_printf(w->a, "%s/%s", walk_node(w)->name, w->dev->name);
}

void walk_note(struct walk *w, const char *at, const char *fmt, ...)
{
	struct trace *t = w->trace;
	va_list ap;

	va_start(ap, fmt);
	t->notes = arena_grow(w->a, t->notes, t->n_notes, sizeof(*t->notes));
	t->notes[t->n_notes++] = (struct way_note){
		.before = t->n_hops,
		.at = arena_strdup(w->a, at ? at : walk_node(w)->name),
		.text = arena_vprintf(w->a, fmt, ap),
	};
	va_end(ap);
}

int walk_end(struct walk *w, enum outcome outcome, const char *at, const char *why)
{
	w->trace->outcome = outcome;
	w->trace->at = arena_strdup(w->a, at);
	w->trace->why = why;
	w->step = SIM_DONE;
	return 0;
}

int walk_unmodelled(struct walk *w, const char *why)
{
	return walk_end(w, OUTCOME_UNMODELLED, w->dev ? walk_at(w) : walk_node(w)->name, why);
}

int walk_deliver(struct walk *w, const struct cluster_endpoint *endpoint)
{
	struct layers l;
	struct frame inner;

	packet_parse(w->frame.data, w->frame.len, 1, &l);
	if (endpoint && sim_has_ipip(w->sim->cluster) && ipip_unwrap(&w->frame, &l, w->a, &inner))
		w->frame = inner;
	w->trace->final = w->frame;
	w->trace->place = (struct cluster_place){ (int)w->node, endpoint };
	return walk_end(w, OUTCOME_DELIVERED, endpoint ? endpoint->name : walk_at(w), NULL);
}

static int receive(struct walk *w, struct err *err)
{
	int ret = sim_hop(w, HOOK_XDP, err);

	if (ret == 1) {
		w->step = SIM_INGRESS;
		return 0;
	}
	return ret ? ret : sim_after_xdp(w, err);
}

static int tc(struct walk *w, enum hook hook, enum sim_step otherwise, struct err *err)
{
	int ret = sim_hop(w, hook, err);

	if (ret == 1) {
		w->step = otherwise;
		return 0;
	}
	return ret ? ret : sim_after_tc(w, otherwise, err);
}

static int step(struct walk *w, struct err *err)
{
	switch (w->step) {
	case SIM_RECEIVE:
		return receive(w, err);
	case SIM_INGRESS:
		return tc(w, HOOK_TC_INGRESS, SIM_STACK, err);
	case SIM_STACK:
		return sim_stack(w, err);
	case SIM_OUTPUT:
		return sim_output(w, err);
	case SIM_EGRESS:
		return tc(w, HOOK_TC_EGRESS, SIM_TRANSMIT, err);
	case SIM_TRANSMIT:
		return sim_transmit(w, err);
	case SIM_DONE:
		break;
	}
	return 0;
}

/* Each node the packet comes to is started by then. */
static int go(struct walk *w, struct err *err)
{
	int ret = 0;

	while (w->step != SIM_DONE && ret == 0) {
		if (++w->steps > MAX_STEPS)
			return walk_end(w, OUTCOME_UNMODELLED, walk_node(w)->name,
					"the packet goes round in a loop");
		if (!w->sim->nodes[w->node].agent)
			ret = w->sim->start_node(w->sim->arg, w->node, err);
		if (!ret)
			ret = step(w, err);
		while (!ret && w->step == SIM_DONE && w->cut)
			ret = sim_next_piece(w);
	}
	if (ret >= 0)
		ret = sim_tell(w, err);
	if (ret < 0)
		return ret;
	return w->trace->outcome == OUTCOME_DROPPED ? sim_advise(w, err) : 0;
}

/* Frames to a group keep where they go. */
static void set_macs(struct walk *w, const uint8_t src[6], const uint8_t dst[6])
{
	bool group = w->frame.len && w->frame.data[0] & 1;
	uint8_t to[6];

	if (w->frame.len < 12)
		return;
	memcpy(to, group ? w->frame.data : dst, sizeof(to));
	w->frame.data = arena_memdup(w->a, w->frame.data, w->frame.len);
	frame_set_macs(&w->frame, src, to);
}

static void start_at(struct walk *w, const struct injection *in)
{
	const struct cluster_place *from = &in->sender;

	if (from->node < 0) {
		w->node = (unsigned)in->to;
		w->dev = cluster_device_of_role(walk_node(w), "native");
		w->iif = w->dev->ifindex;
		w->step = SIM_RECEIVE;
		set_macs(w, sim_gateway_mac, w->dev->mac);
		sim_put_priority_tag(w);
		return;
	}
	w->node = (unsigned)from->node;
	if (from->endpoint) {
		w->dev = from->endpoint->device;
		set_macs(w, from->endpoint->mac, w->dev->mac);
		sim_put_priority_tag(w);
		w->iif = w->dev->ifindex;
		w->step = SIM_INGRESS;
		return;
	}
	if (in->raw) {
		w->dev = cluster_device_of_role(walk_node(w), "native");
		w->step = SIM_EGRESS;
		return;
	}
	w->mark = MARK_HOST;
	w->step = SIM_OUTPUT;
}

static int walk_answer(const struct walk *of, struct err *err)
{
	struct trace *t = arena_new_of(of->a, struct trace);
	struct walk w = {
		.sim = of->sim,
		.trace = t,
		.a = of->a,
		.frame = of->answer,
		.node = of->node,
		.mark = MARK_HOST,
		.step = SIM_OUTPUT,
	};

	t->number = of->trace->number;
	t->ts_ns = of->trace->ts_ns;
	t->rel_ns = of->trace->rel_ns;
	t->capture = of->trace->capture;
	t->captured = t->frame = of->answer;
	of->trace->answer = t;
	return go(&w, err); /* nobody answers an error */
}

int sim_walk(struct sim *s, const struct injection *in, struct arena *a, struct trace *t,
	     struct err *err)
{
	struct walk w = { .sim = s, .trace = t, .a = a, .frame = in->frame, .shape = in->shape };
	int ret;

	start_at(&w, in);
	ret = go(&w, err);
	return ret || !w.answer.data ? ret : walk_answer(&w, err);
}
