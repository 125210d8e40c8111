/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a `verdict run` has to do: jobs in the order of the report, and which of them belong together. */
#ifndef VERDICT_CMD_RUN_PLAN_H
#define VERDICT_CMD_RUN_PLAN_H

#include "cmd/run_job.h"

/* Jobs that share what is loaded: one worker does them, in this order. */
struct run_group {
	const char *key; /* what they share; NULL: nothing */
	size_t *jobs; /* indices */
	size_t n_jobs;
	unsigned cost; /* about, in tenths of a second */
};

struct run_plan {
	struct arena *arena;
	struct run_job *jobs; /* those of a scenario stand together */
	size_t n_jobs;
	unsigned n_pairs; /* jobs on the target's objects behind one on Verdict's own */
	struct run_group *groups; /* the costliest first; jobs that need no engine are in none */
	size_t n_groups;
};

struct run_plan_opts {
	unsigned engines; /* of enum engine_kind */
	const struct target_desc *target;
	bool beside_own; /* each scenario on Verdict's own objects first, then on the target's */
};

/* Asks whether the engines work on this machine. */
void run_plan_make(const struct selection *sel, const struct run_plan_opts *opts,
		   struct run_plan *out);
void run_plan_free(struct run_plan *p);

/* True where nothing has to run for it. */
bool run_job_is_idle(const struct run_job *j);

#endif
