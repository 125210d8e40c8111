/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One program run on a packet's way, and what can be seen of it. */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <string.h>

#include "base/ns.h"
#include "engine/hop_events.h"
#include "engine/hop_notes.h"
#include "engine/prog_run.h"
#include "engine/sim_internal.h"

int sim_leave(struct sim *s, struct err *err)
{
	int ret = 0;

	if (s->in_node >= 0)
		ret = ns_enter(s->home_ns, err);
	s->in_node = -1;
	return ret;
}

static int enter_node(struct sim *s, unsigned node, struct err *err)
{
	int ret = 0;

	if (s->in_node != (int)node)
		ret = ns_enter(s->nodes[node].ns_fd, err);
	if (!ret)
		s->in_node = (int)node;
	return ret;
}

/* ---- names of what helpers noted, and its events ---- */

static struct agent *agent_of(const struct walk *w)
{
	return w->sim->nodes[w->node].agent;
}

static const char *map_name(void *of, uint32_t map_id)
{
	return agent_map_name(agent_of(of), map_id);
}

static const struct map *map_named(void *of, const char *name)
{
	return agent_map(agent_of(of), name);
}

static const char *slot_program(void *of, uint32_t map_id, uint32_t slot)
{
	return agent_slot_program(agent_of(of), map_id, slot);
}

static const char *device_name(void *of, uint32_t ifindex)
{
	const struct cluster_device *device = cluster_device_by_ifindex(walk_node(of), ifindex);

	return device ? device->name : NULL;
}

static int take_events(const struct walk *w, struct hop *hop, struct err *err)
{
	int ret = hop_read_events(hop, agent_events(agent_of(w)), DECODER_CILIUM, w->a, err);
	struct event e;

	/* of our own datapath there is none that is not known: this says what is wrong with it */
	if (!ret && hop->n_raw_events)
		ret = event_decode(hop->raw_events[0].data, hop->raw_events[0].size, &e, err);
	if (ret)
		return err_wrap(err, "reading events of %s", hop->at);
	w->sim->lost += hop->lost;
	return 0;
}

/* ---- the run ---- */

static struct hop *add_hop(const struct walk *w, enum hook hook, const struct agent_program *p)
{
	struct trace *t = w->trace;
	struct hop *hop;

	t->hops = arena_grow(w->a, t->hops, t->n_hops, sizeof(*t->hops));
	hop = &t->hops[t->n_hops++];
	*hop = (struct hop){
		.node = arena_strdup(w->a, walk_node(w)->name),
		.at = walk_at(w),
		.program = arena_strdup(w->a, p->name),
		.hook = hook,
		.ifindex = w->dev->ifindex,
		.ct = CT_STATE_UNKNOWN,
		.in = w->frame,
		.mark = w->mark,
		.observed = p->interposed,
	};
	hop->device = hop->at + strlen(hop->node) + 1;
	return hop;
}

static bool keeps_packet(enum hook hook, int verdict)
{
	if (hook == HOOK_XDP)
		return verdict != XDP_DROP && verdict != XDP_ABORTED;
	return verdict != TC_ACT_SHOT;
}

static void take_result(struct walk *w, struct hop *hop, const struct prog_run *run)
{
	hop->verdict = run->verdict;
	hop->out_mark = run->out_mark;
	hop->metadata = run->metadata;
	if (!keeps_packet(hop->hook, run->verdict))
		return;
	hop->out = hop->in;
	hop->out.len = hop->out.wire_len = run->out_len;
	hop->out.data = arena_memdup(w->a, run->out, run->out_len);
	w->frame = hop->out;
	w->mark = run->out_mark;
}

static int test_run(void *arg, int fd, struct bpf_test_run_opts *opts, struct err *err)
{
	return agent_test_run(arg, fd, opts, err);
}

static int refused(struct walk *w, struct hop *hop, const char *why)
{
	hop->not_run = true;
	walk_unmodelled(w, arena_printf(w->a, "%s; engine netns takes them", why));
	return 2;
}

/* Who receives a packet with such a sum takes it for broken. What the program told is of this hop all the same. */
static int sum_is_wrong(struct walk *w, struct hop *hop, struct err *err)
{
	int ret;

	err_clear(err);
	ret = take_events(w, hop, err);
	if (ret)
		return ret;
	hop->not_run = true;
	walk_unmodelled(w, arena_printf(w->a,
					"%s changed the packet, and the sum of its bytes "
					"(CHECKSUM_COMPLETE) is not true any more",
					hop->program));
	return 2;
}

/* Devices sum up what comes in from a wire, and for what a tunnel held that sum is made smaller. What pods and the
 * node itself send nobody has summed up.
 */
static bool is_summed(const struct walk *w)
{
	const struct cluster_device *by = cluster_device_by_ifindex(walk_node(w), w->iif);

	return w->shape.is_summed && by && (is_role(by, "native") || is_role(by, "overlay"));
}

static void set_shape(const struct walk *w, struct prog_run *r)
{
	uint32_t data = (uint32_t)w->shape.gso_size * w->shape.gso_segs;

	r->is_summed = is_summed(w);
	r->linear = w->shape.is_nonlinear ? ETH_HLEN : 0;
	if (!data || r->len <= data)
		return;
	r->gso_size = w->shape.gso_size;
	r->gso_segs = w->shape.gso_segs;
	/* each segment has the headers (qdisc_pkt_len_init()) */
	r->wire_len = r->len + (r->len - data) * (r->gso_segs - 1);
}

static int run(struct walk *w, enum hook hook, const struct agent_program *p, struct err *err)
{
	struct hop *hop = add_hop(w, hook, p);
	struct prog_run r = {
		.fd = p->fd,
		.hook = hook,
		.data = w->frame.data,
		.len = w->frame.len,
		.ifindex = w->dev->ifindex,
		.ingress_ifindex = w->iif,
		.mark = w->mark,
		.out = w->sim->out,
		.out_size = SIM_OUT_SIZE,
		.test_run = test_run,
		.test_run_arg = agent_of(w),
	};
	struct hop_names names = { w, map_name, map_named, slot_program, device_name };
	const char *why;
	int ret;

	set_shape(w, &r);
	hop->summed = r.is_summed;
	if (w->sim->env) {
		helper_env_begin(w->sim->env);
		helper_env_set_tunnel(w->sim->env, w->tunnel);
	}
	ret = hook == HOOK_XDP ? prog_run(&r, &why, err)
			       : sim_run_tagged(w->sim, &r, &w->frame, &why, err);
	if (ret < 0 && r.is_summed && err->no == EBADMSG)
		return sum_is_wrong(w, hop, err);
	if (ret)
		return ret < 0 ? err_wrap(err, "%s at %s", hop->program, hop->at)
			       : refused(w, hop, why);
	take_result(w, hop, &r);
	hop_take_notes(hop, w->sim->env, &names, w->a);
	hop_take_lookups(hop, w->sim->env, &names, w->a);
	if (hop->tunnel)
		w->tunnel = hop->tunnel;
	return take_events(w, hop, err);
}

int sim_hop(struct walk *w, enum hook hook, struct err *err)
{
	struct agent_program p;
	int ret;

	if (!sim_attached(w->sim->cluster, w->dev, hook))
		return 1;
	ret = enter_node(w->sim, w->node, err);
	if (!ret)
		ret = agent_program_at(w->sim->nodes[w->node].agent, w->dev, hook, &p, err);
	if (ret == -ENOENT)
		return 1;
	return ret ? ret : run(w, hook, &p, err);
}
