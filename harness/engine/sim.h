/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A packet's whole way through a cluster: from whoever sends it, through every program, device and node,
 * to whoever would receive it. Programs run by BPF_PROG_TEST_RUN in the namespace of their node; what lies
 * between them is concluded from their verdicts, from what they asked helpers, and from the node's own
 * routes. What cannot be known ends the way as unmodelled, with the reason.
 */
#ifndef VERDICT_ENGINE_SIM_H
#define VERDICT_ENGINE_SIM_H

#include "cluster/cluster.h"
#include "engine/engine.h"
#include "engine/fib.h"
#include "target/agent.h"

struct sim_node {
	int ns_fd; /* its network namespace, see engine/sim_net.h */
	struct agent *agent;
	struct fib *fib;
};

struct sim {
	const struct cluster *cluster;
	struct helper_env *env; /* NULL: programs run as shipped, redirects are not seen */
	struct sim_node *nodes;
	size_t n_nodes;
	/* Makes node's agent and fib, the first time a packet comes there. */
	int (*start_node)(void *arg, unsigned node, struct err *err);
	void *arg;
	int home_ns; /* where the caller was */
	int in_node; /* node whose namespace the thread is in, -1: home */
	uint8_t *out; /* SIM_OUT_SIZE bytes */
	struct sim_tagger *tagger; /* see engine/sim_vlan.c; NULL: not needed yet */
	uint64_t lost; /* events, of all packets */
};

#define SIM_OUT_SIZE (64 * 1024)

/* Fills hops, outcome, at, final, place and why of *t; memory from a. */
int sim_walk(struct sim *s, const struct injection *in, struct arena *a, struct trace *t,
	     struct err *err);
void sim_free_tagger(struct sim *s);
/* The thread is where it was before the first packet. */
int sim_leave(struct sim *s, struct err *err);

#endif
