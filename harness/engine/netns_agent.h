/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The agent process of one node, as the netns engine sees it: started, asked for events, ended. */
#ifndef VERDICT_ENGINE_NETNS_AGENT_H
#define VERDICT_ENGINE_NETNS_AGENT_H

#include <sys/types.h>

#include "engine/engine.h"

struct agent_proc {
	const char *node; /* its name */
	pid_t pid; /* 0: none runs */
	int fd; /* control socket; -1: none */
	struct buf message;
};

struct agent_proc_opts {
	const struct cluster *cluster;
	const struct topo_node *topo;
	const char *target; /* file; NULL: the default */
	const char *objects, *pin_dir;
	const struct restart_step *how; /* NULL: the first start */
};

/* Starts the process in the node's namespace and returns; agents of several nodes start side by side. */
int agent_proc_start(struct agent_proc *p, const struct agent_proc_opts *o, struct err *err);
/* Until its programs are attached. The error it failed with, or a timeout. */
int agent_proc_ready(struct agent_proc *p, const struct log_sink *log, struct err *err);
/* Asks for the events that wait; ask all agents first, then take the answers. */
int agent_proc_ask(struct agent_proc *p, struct err *err);
int agent_proc_take(struct agent_proc *p, const struct log_sink *log,
		    void (*fn)(void *arg, const void *record, uint32_t size), void *arg,
		    uint64_t *lost, struct err *err);
/* SIGTERM and time to end, or SIGKILL. Reaps it; none running is fine. An agent that does not end on
 * SIGTERM is killed, which is an error.
 */
int agent_proc_stop(struct agent_proc *p, bool graceful, const struct log_sink *log,
		    struct err *err);

#endif
