/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The variants of a scenario that held: which, on which engine, and what they gave. */
#ifndef VERDICT_CMD_SWEEP_H
#define VERDICT_CMD_SWEEP_H

#include "engine/run.h"
#include "judge/judge.h"
#include "scenario/sweep.h"

/* Fills res->sweeps and, where a variant differs, the differences of the steps and the status. asked: bits of
 * --sweep; 0: what the scenario says. opts: as for the run that *res is of, on the same engine. All memory
 * from a. An error of a variant is the result's, as if the scenario had it.
 */
void sweep_run(const struct scenario *s, enum engine_kind kind, unsigned asked,
	       const struct run_opts *opts, struct arena *a, struct scenario_result *res);

#endif
