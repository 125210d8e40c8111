/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The jobs of a run in processes of their own, side by side. Each worker has a sandbox of its own
 * (base/ns.h), takes group after group, and dies with this process. One that dies takes with it the job that
 * it was at, which becomes a harness error; another process goes on behind it.
 *
 * Signals are for this process to note (cmd/stop.h): workers end the job they are at, and no other is begun.
 */
#ifndef VERDICT_CMD_RUN_WORKERS_H
#define VERDICT_CMD_RUN_WORKERS_H

#include "cmd/run_plan.h"

struct run_workers_opts {
	const struct run_plan *plan;
	const struct run_settings *settings;
	unsigned n; /* how many at most */
	/* The job at that index is over, in any order; NULL: a signal broke it off. */
	void (*done)(void *arg, size_t job, struct run_outcome *o);
	void (*progress)(void *arg, const char *what); /* what all of them do, in one line */
	void *arg;
};

/* How many are worth having: 0 asked for is one a processor. */
unsigned run_workers_wanted(const struct run_plan *plan, unsigned asked);
/* System error where no worker can be had at all; what was done until then was told. */
int run_workers(const struct run_workers_opts *opts, struct err *err);

#endif
