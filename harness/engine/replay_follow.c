/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where a packet goes after a program: by its verdict, and by what it asked the helpers. Devices are
 * those of the target file; what lies behind them is not modelled.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include "engine/replay_internal.h"

#define MAX_HOPS 16

static bool ends(struct trace *t, enum outcome outcome, const char *at, const char *why)
{
	t->outcome = outcome;
	t->at = at;
	t->why = why;
	return false;
}

/* The program at the device's hook is next; without one, or if nothing is followed, the packet ends
 * as said.
 */
static bool goes_to(const struct replay *r, const struct replay_device *device, enum hook hook,
		    struct place *at)
{
	struct target_program p;

	if (!r->opts.follow || !device || target_at(r->target, device->name, hook, &p))
		return false;
	at->program = p;
	at->hook = hook;
	at->device = device;
	return true;
}

static const char *device_name(const struct hop_redirect *to, struct arena *a)
{
	return to->device ? to->device : arena_printf(a, "ifindex %u", to->ifindex);
}

static bool into_map(const struct replay *r, struct trace *t, const struct hop_redirect *to,
		     struct arena *a)
{
	const struct map *m = to->map ? target_find_map(r->target, to->map) : NULL;

	if (to->ifindex)
		return ends(t, OUTCOME_SENT, device_name(to, a), NULL);
	if (m && m->type == BPF_MAP_TYPE_CPUMAP)
		return ends(t, OUTCOME_CONSUMED, arena_printf(a, "CPU %u", to->key), NULL);
	if (m && m->type == BPF_MAP_TYPE_XSKMAP)
		return ends(t, OUTCOME_CONSUMED, arena_printf(a, "AF_XDP socket %u", to->key),
			    NULL);
	return ends(t, OUTCOME_UNMODELLED, NULL,
		    arena_printf(a, "a redirect by map %s, key %u, whose target is not known",
				 to->map ? to->map : "?", to->key));
}

static bool redirected(const struct replay *r, struct trace *t, struct arena *a, struct place *at)
{
	const struct hop *hop = &t->hops[t->n_hops - 1];
	const struct hop_redirect *to = NULL;
	const struct replay_device *device;
	enum hook hook = HOOK_TC_EGRESS;

	/* a clone goes its own way; of the others the last call counts (struct bpf_redirect_info) */
	for (size_t i = 0; i < hop->n_redirects; i++)
		if (hop->redirects[i].kind != NOTE_CLONE_REDIRECT)
			to = &hop->redirects[i];
	if (!to)
		return ends(t, OUTCOME_UNMODELLED, hop->at,
			    hop->observed ? "a redirect that no helper was asked for"
					  : "the program ran as shipped: where it redirected to "
					    "cannot be seen");
	if (to->kind == NOTE_REDIRECT_MAP)
		return into_map(r, t, to, a);
	if (to->kind == NOTE_REDIRECT_PEER)
		return ends(t, OUTCOME_DELIVERED,
			    arena_printf(a, "the peer of %s", device_name(to, a)), NULL);
	if (hop->hook == HOOK_XDP)
		return ends(t, OUTCOME_SENT, device_name(to, a), NULL);
	if (to->kind == NOTE_REDIRECT && (to->flags & BPF_F_INGRESS))
		hook = HOOK_TC_INGRESS;
	device = replay_device_by_ifindex(r, to->ifindex);
	at->mark = hop->out_mark;
	at->tunnel = NULL;
	if (goes_to(r, device, hook, at))
		return true;
	return ends(t, hook == HOOK_TC_INGRESS ? OUTCOME_DELIVERED : OUTCOME_SENT,
		    device_name(to, a), NULL);
}

static bool after_xdp(const struct replay *r, struct trace *t, struct arena *a, struct place *at)
{
	const struct hop *hop = &t->hops[t->n_hops - 1];

	switch (hop->verdict) {
	case XDP_PASS:
		at->mark = 0;
		return goes_to(r, at->device, HOOK_TC_INGRESS, at) ||
		       ends(t, OUTCOME_DELIVERED, hop->at, NULL);
	case XDP_TX:
		return ends(t, OUTCOME_SENT, hop->at, NULL);
	case XDP_REDIRECT:
		return redirected(r, t, a, at);
	case XDP_DROP:
	case XDP_ABORTED:
		return ends(t, OUTCOME_DROPPED, hop->at, NULL);
	default: /* bpf_warn_invalid_xdp_action(): the driver drops it */
		return ends(t, OUTCOME_DROPPED, hop->at, "the verdict is no XDP action");
	}
}

static bool after_tc(const struct replay *r, struct trace *t, struct arena *a, struct place *at)
{
	const struct hop *hop = &t->hops[t->n_hops - 1];

	switch (hop->verdict) {
	case TC_ACT_UNSPEC:
	case TC_ACT_OK:
	case TC_ACT_PIPE:
	case TC_ACT_RECLASSIFY:
		return ends(t, hop->hook == HOOK_TC_INGRESS ? OUTCOME_DELIVERED : OUTCOME_SENT,
			    hop->at, NULL);
	case TC_ACT_SHOT:
		return ends(t, OUTCOME_DROPPED, hop->at, NULL);
	case TC_ACT_STOLEN:
	case TC_ACT_QUEUED:
	case TC_ACT_TRAP:
		return ends(t, OUTCOME_CONSUMED, hop->at, NULL);
	case TC_ACT_REDIRECT:
		return redirected(r, t, a, at);
	default: /* net/sched/cls_bpf.c, cls_bpf_exec_opcode(): as TC_ACT_UNSPEC */
		return ends(t, hop->hook == HOOK_TC_INGRESS ? OUTCOME_DELIVERED : OUTCOME_SENT,
			    hop->at, "the verdict is no tc action: taken as TC_ACT_UNSPEC");
	}
}

static bool after_others(struct trace *t)
{
	const struct hop *hop = &t->hops[t->n_hops - 1];

	if (!hop->out.data)
		return ends(t, OUTCOME_DROPPED, hop->at, NULL);
	return ends(t,
		    hop->hook == HOOK_CGROUP_INGRESS || hop->hook == HOOK_SOCKET_FILTER ||
				    hop->hook == HOOK_LWT_IN
			    ? OUTCOME_DELIVERED
			    : OUTCOME_SENT,
		    hop->at, NULL);
}

bool replay_next(const struct replay *r, struct trace *t, struct arena *a, struct place *at)
{
	bool on;

	switch (t->hops[t->n_hops - 1].hook) {
	case HOOK_XDP:
		on = after_xdp(r, t, a, at);
		break;
	case HOOK_TC_INGRESS:
	case HOOK_TC_EGRESS:
		on = after_tc(r, t, a, at);
		break;
	default:
		on = after_others(t);
	}
	if (on && t->n_hops >= MAX_HOPS)
		return ends(t, OUTCOME_UNMODELLED, at->device->name,
			    "the packet goes round in a loop");
	return on;
}
