/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Hops as all engines write them down. */
#include "engine/hop.h"

#include <string.h>

const char *hop_program(enum hook hook)
{
	return hook == HOOK_TC_INGRESS ? "cil_from_netdev" : "cil_to_netdev";
}

struct hop *hop_add(struct trace *t, const struct topo_node *node, enum hook hook,
		    const struct frame *in, struct arena *a)
{
	struct hop *hop;

	t->hops = arena_grow(a, t->hops, t->n_hops, sizeof(*t->hops));
	hop = &t->hops[t->n_hops++];
	memset(hop, 0, sizeof(*hop));
	hop->at = arena_strdup(a, node->at);
	hop->node = arena_strdup(a, node->name);
	hop->device = hop->at + strlen(hop->node) + 1;
	hop->program = hop_program(hook);
	hop->hook = hook;
	hop->ifindex = node->ifindex;
	hop->ct = CT_STATE_UNKNOWN;
	hop->in = *in;
	return hop;
}

int hop_receiver(const struct topology *t, const struct frame *f)
{
	/* a group address, broadcast included, is no node's */
	return f->len < 6 || f->data[0] & 1 ? -1 : topology_node_by_mac(t, f->data);
}
