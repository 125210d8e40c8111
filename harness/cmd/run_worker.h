/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A worker process's own side, and what it and its parent tell each other: one datagram a message, over a pair
 * of sockets.
 */
#ifndef VERDICT_CMD_RUN_WORKER_H
#define VERDICT_CMD_RUN_WORKER_H

#include <stdint.h>

#include "cmd/run_plan.h"

/* Parent to worker: these jobs of a group, in order. The end of the stream: no more. */
struct worker_order {
	size_t group, first;
};

/* Worker to parent. */
struct worker_report {
	size_t job;
	bool is_done; /* else how far it is */
	struct run_outcome *outcome; /* NULL: a signal broke it off */
	unsigned step, steps;
	uint64_t packets;
};

struct worker_setup {
	const struct run_plan *plan;
	const struct run_settings *settings;
	unsigned index; /* of its slice of shared memory, and its processor */
	int parent; /* pid */
	int socket;
	int said; /* a file that takes standard error */
};

/* After the fork; never comes back. */
_Noreturn void run_worker(const struct worker_setup *setup);
/* What stands in the file so far, which is empty afterwards; NULL: nothing. */
char *run_worker_said(struct arena *a, int fd);

#endif
