/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of the netns engine share: netns.c (its life), netns_flight.c (a packet's way). */
#ifndef VERDICT_ENGINE_NETNS_INTERNAL_H
#define VERDICT_ENGINE_NETNS_INTERNAL_H

#include "engine/aging.h"
#include "engine/engine.h"
#include "engine/netns_agent.h"
#include "engine/packet_io.h"

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

/* netns_flight.c: the packet is sent and followed until the trace has its outcome. */
int netns_fly(struct engine *e, const struct injection *in, struct arena *a, struct trace *trace,
	      uint64_t *lost, struct err *err);

#endif
