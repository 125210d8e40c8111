/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What testrun.c (life, steps) and testrun_time.c (whose clock runs where) share. */
#ifndef VERDICT_ENGINE_TESTRUN_INTERNAL_H
#define VERDICT_ENGINE_TESTRUN_INTERNAL_H

#include "base/table.h"
#include "engine/aging.h"
#include "engine/sim.h"
#include "engine/testrun.h"

/* Programs see CLOCK_MONOTONIC; a machine that has just booted would make young timestamps special. */
#define BOOT_NS (86400ULL * 1000000000ULL)
struct node_state {
	const char *pin_dir;
	char *net; /* what its namespace was made from; NULL: there is none */
	struct agent *parked; /* of a node that went: what it has loaded, in case it comes back */
	struct sock_lb *sock; /* socket programs; NULL: none asked for yet */
	bool real_time; /* its programs read the kernel's clock */
	struct aging aging; /* where they do */
};

struct engine {
	struct arena *arena;
	struct engine_opts opts;
	const char *objects;
	struct sim sim;
	struct node_state *nodes; /* of the same order as the cluster's */
	uint64_t now_ns; /* the scenario's time */
	struct table udp_sockets; /* see testrun_connect() */
};

static inline const char *testrun_node_name(const struct engine *e, unsigned node)
{
	return e->opts.cluster->nodes[node].name;
}

/* testrun_nodes.c. Room for n nodes; those that there are keep what they have. */
void testrun_make_room(struct engine *e, size_t n);
/* Those that are started before a packet comes there. */
int testrun_start_nodes(struct engine *e, const struct log_sink *log, struct err *err);
int testrun_start_node(void *engine, unsigned node, struct err *err);
void testrun_stop_node(struct engine *e, unsigned node);
int testrun_restart_node(struct engine *e, unsigned node, const struct restart_step *how,
			 const struct log_sink *log, struct err *err);
/* Each node to what the cluster says now; nodes may have come and gone. */
int testrun_update_nodes(struct engine *e, const struct log_sink *log, struct err *err);

/* testrun_sock.c. Before a packet is sent: where socketLB has it, its sender's connect() makes it one to a backend,
 * in in->frame and t->frame. 1: connect() fails, t says so, and nothing is sent.
 */
int testrun_connect(struct engine *e, struct injection *in, struct arena *a, struct trace *t,
		    struct err *err);

/* Maps that an agent is about to read: of a node with real time, by the clock it is given. real:
 * aging_real_ns().
 */
int testrun_time_before_start(struct engine *e, unsigned node, uint64_t real, struct err *err);
/* Programs that the verifier takes only as shipped may turn up with any load. */
int testrun_time_after_loads(struct engine *e, unsigned node, uint64_t real, struct err *err);
/* The scenario's time is now_ns on all nodes. */
int testrun_move_time(struct engine *e, uint64_t now_ns, struct err *err);

#endif
