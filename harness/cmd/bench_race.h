/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Programs timed in turns: on a machine that has other things to do, figures taken one after another compare
 * its load and not the programs. Each lane runs a short block, then the next lane, then from the other
 * end; what the lanes say of each other is the median of the turns' ratios.
 */
#ifndef VERDICT_CMD_BENCH_RACE_H
#define VERDICT_CMD_BENCH_RACE_H

#include "cmd/bench_packet.h"
#include "cmd/bench_timing.h"
#include "target/events.h"
#include "target/helper_env.h"

#define RACE_TURNS     100
#define RACE_TURNS_FEW 30 /* where there are many lanes */
#define RACE_BLOCK     100 /* runs of a lane in a turn */
#define RACE_LANES     3

struct race_lane {
	struct timed_run run;
	struct bench_packet packet; /* what run.data points to */
	int ns_fd; /* network namespace it runs in */
	struct event_ring *events; /* read after each block, or it would be full; NULL: none */
	struct helper_env *env; /* of interposed helpers, made ready before each run; NULL: none */
	bool fresh; /* another source port each run, from `port` on */
	uint16_t port;
	size_t turns; /* 0: RACE_TURNS, of which there are at most so many */
	double ns[RACE_TURNS]; /* out: of a run, that of an empty program subtracted */
};

/* The thread is in the last lane's namespace afterwards. */
int race(struct race_lane *const lanes[], size_t n, struct err *err);
double race_ns(const struct race_lane *l);
struct quartiles race_ratio(const struct race_lane *a,
			    const struct race_lane *b); /* over the turns */

#endif
