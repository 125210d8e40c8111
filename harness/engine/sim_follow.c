/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* After a program: by its verdict, and by what it asked the redirecting helpers. */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <string.h>

#include "engine/sim_internal.h"

static const struct hop *last_hop(const struct walk *w)
{
	return &w->trace->hops[w->trace->n_hops - 1];
}

/* A clone goes its own way; of the others the last call counts (struct bpf_redirect_info). */
static const struct hop_redirect *asked(const struct hop *hop)
{
	const struct hop_redirect *to = NULL;

	for (size_t i = 0; i < hop->n_redirects; i++)
		if (hop->redirects[i].kind != NOTE_CLONE_REDIRECT)
			to = &hop->redirects[i];
	return to;
}

static int no_device(struct walk *w, const struct hop_redirect *to)
{
	return walk_end(w, OUTCOME_DROPPED, walk_at(w),
			arena_printf(w->a,
				     "%s redirected it to ifindex %u, and node %s has no such "
				     "device",
				     last_hop(w)->program, to->ifindex, walk_node(w)->name));
}

/* Into the namespace behind a pod's device, past its own hooks (net/core/filter.c, skb_do_redirect()). */
static int into_peer(struct walk *w, const struct cluster_device *dev)
{
	if (!dev->endpoint)
		return walk_unmodelled(w, arena_printf(w->a,
						       "bpf_redirect_peer to %s, which is no "
						       "pod's device",
						       dev->name));
	return sim_into_pod(w, dev->endpoint);
}

static int redirected(struct walk *w, struct err *err)
{
	const struct hop *hop = last_hop(w);
	const struct hop_redirect *to = asked(hop);
	const struct cluster_device *dev;

	if (!to)
		return walk_unmodelled(w, hop->observed ? "a redirect that no helper was asked for"
							: "the program ran as shipped: where it "
							  "redirected to cannot be seen");
	dev = cluster_device_by_ifindex(walk_node(w), to->ifindex);
	if (!dev)
		return no_device(w, to);
	w->dev = dev;
	switch (to->kind) {
	case NOTE_REDIRECT_PEER:
		return into_peer(w, dev);
	case NOTE_REDIRECT_NEIGH:
		return sim_neigh_output(w, to->has_next_hop ? &to->next_hop : NULL, err);
	case NOTE_REDIRECT:
		w->step = to->flags & BPF_F_INGRESS ? SIM_INGRESS : SIM_EGRESS;
		if (w->step == SIM_INGRESS)
			w->iif = dev->ifindex;
		return 0;
	default:
		return walk_unmodelled(w, "a redirect that no tc program can ask for");
	}
}

/* XDP sends on the wire at once: no qdisc, no tc program there. */
static int xdp_redirected(struct walk *w)
{
	const struct hop *hop = last_hop(w);
	const struct hop_redirect *to = asked(hop);
	const struct cluster_device *dev;

	if (!to)
		return walk_unmodelled(w, "an XDP redirect that no helper was asked for");
	if (to->kind == NOTE_REDIRECT_MAP && to->flags & BPF_F_BROADCAST)
		return walk_unmodelled(w, "an XDP program sends copies to all devices of a map "
					  "(BPF_F_BROADCAST): one packet has one way here");
	dev = cluster_device_by_ifindex(walk_node(w), to->ifindex);
	if (!dev)
		return no_device(w, to);
	w->dev = dev;
	w->step = SIM_TRANSMIT;
	return 0;
}

int sim_after_xdp(struct walk *w, struct err *err)
{
	const struct hop *hop = last_hop(w);

	(void)err;
	switch (hop->verdict) {
	case XDP_PASS:
		if (hop->metadata)
			return walk_unmodelled(w,
					       "the XDP program left a word for the tc program in "
					       "the packet's metadata, and BPF_PROG_TEST_RUN "
					       "cannot hand it on");
		w->step = SIM_INGRESS;
		return 0;
	case XDP_TX:
		w->step = SIM_TRANSMIT;
		return 0;
	case XDP_REDIRECT:
		return xdp_redirected(w);
	case XDP_DROP:
		return walk_end(w, OUTCOME_DROPPED, hop->at, NULL);
	case XDP_ABORTED:
		return walk_end(w, OUTCOME_DROPPED, hop->at, "the XDP program aborted");
	default: /* bpf_warn_invalid_xdp_action() */
		return walk_end(w, OUTCOME_DROPPED, hop->at, "the verdict is no XDP action");
	}
}

int sim_after_tc(struct walk *w, enum sim_step otherwise, struct err *err)
{
	const struct hop *hop = last_hop(w);

	switch (hop->verdict) {
	case TC_ACT_SHOT:
		return walk_end(w, OUTCOME_DROPPED, hop->at, NULL);
	case TC_ACT_STOLEN:
	case TC_ACT_QUEUED:
	case TC_ACT_TRAP:
		return walk_end(w, OUTCOME_CONSUMED, hop->at, NULL);
	case TC_ACT_REDIRECT:
		return redirected(w, err);
	default: /* cls_bpf and tcx take what is no action as "next", and there is none */
		w->step = otherwise;
		return 0;
	}
}
