/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One job of a `verdict run`: a scenario on an engine, run and judged. */
#ifndef VERDICT_CMD_RUN_JOB_H
#define VERDICT_CMD_RUN_JOB_H

#include "cmd/select.h"
#include "engine/run.h"
#include "judge/judge.h"

/* The same for all jobs of a run. */
struct run_settings {
	const char *objects; /* folder; NULL: installed */
	const char *out; /* folder for pcapng */
	bool pristine;
	unsigned sweep; /* variants of --sweep, bits of enum variant_kind; 0: what scenarios say */
};

struct run_job {
	const struct selected
		*item; /* a scenario that could not be read has one job, without engine */
	enum engine_kind kind;
	const char *engine; /* what reports call it: "testrun", "testrun-cilium-1.19" */
	const struct target_desc *target; /* NULL: Verdict's own */
	bool is_own; /* on Verdict's own objects, beside the target's */
	bool is_second; /* the job before it is the same on Verdict's own objects */
	const char *skip_reason; /* NULL: it is to run */
};

/* What came of it: all of it in the arena, in the scenario or in literals, so that another process can read it
 * (base/arena_shared.h).
 */
struct run_outcome {
	struct arena *arena;
	struct scenario_result res;
	struct err *unwritten; /* its pcapng could not be written; NULL: it was, or there is none */
	const char *said; /* what it wrote to standard error; NULL: nothing that was caught */
};

/* How far a job is; step from 1, packets so far. */
typedef void run_job_progress(void *arg, unsigned step, unsigned steps, uint64_t packets);

/* NULL without a result: a signal broke it off, and that says nothing of the scenario. The caller frees the
 * arena.
 */
struct run_outcome *run_job(const struct run_job *job, const struct run_settings *settings,
			    struct run_cache *cache, run_job_progress *progress, void *arg);
/* Of a job that could not be run, for a reason outside of it. */
struct run_outcome *run_job_failed(const struct run_job *job, const struct err *err);

#endif
