/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The nodes of a scenario's cluster once more, to have their programs timed: in the state that the scenario's
 * packets make, hop by hop as a run has seen them.
 */
#ifndef VERDICT_CMD_BENCH_STAGE_H
#define VERDICT_CMD_BENCH_STAGE_H

#include "cmd/bench_figures.h"
#include "cmd/bench_race.h"
#include "engine/trace.h"
#include "scenario/target_desc.h"

struct bench_stage;

struct bench_stage_opts {
	const struct scenario *scenario;
	const struct target_desc *target; /* outlives the stage */
	bool is_ours; /* it is Verdict's own datapath */
	const char *objects; /* folder; NULL: the target's own */
	/* Helpers are replaced: for programs that look at a tunnel's metadata, which the kernel's test run knows
	 * none of.
	 */
	bool interposed;
	const struct run_trace *seen; /* what the scenario's run saw; outlives the stage */
};

/* In the sandbox. The scenario applies manifests before its first packet, or none. */
int bench_stage_open(const struct bench_stage_opts *opts, struct bench_stage **out,
		     struct err *err);
void bench_stage_close(struct bench_stage *s); /* NULL is fine */

/* A hop of the run. */
struct bench_hop {
	const struct trace *packet;
	const struct hop *hop;
	bool begins_flow; /* and each time it is run, another one */
};

/* Fits a lane for it; *lane lives no longer than the stage. */
int bench_stage_lane(struct bench_stage *s, const struct bench_hop *at, struct race_lane *lane,
		     struct err *err);
/* Of the programs that it met. */
int bench_stage_figures(struct bench_stage *s, const struct bench_hop *at, struct bench_figures *f,
			struct bench_way *way, struct err *err);
/* It comes out of a tunnel. */
bool bench_stage_is_tunnelled(const struct bench_hop *at);

#endif
