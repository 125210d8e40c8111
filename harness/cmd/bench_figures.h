/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The verifier's figures for the programs that a packet met, of objects as shipped and as configured. An
 * object is verified once for each configuration.
 */
#ifndef VERDICT_CMD_BENCH_FIGURES_H
#define VERDICT_CMD_BENCH_FIGURES_H

#include "engine/replay.h"

struct bench_figures;

struct bench_figures *bench_figures_new(struct arena *a); /* lives in a */
/* "a: 1, b: true" as constants. */
int bench_settings(struct arena *a, const char *text, struct setting **out, size_t *n,
		   struct err *err);
/* The program that a packet entered and those it went on to. */
struct bench_way {
	unsigned programs;
	uint64_t instructions; /* that the verifier processed, for all of them */
	unsigned stack; /* bytes, the most that one of them needs; 0: not known */
};

/* config: over desc's, as for bench_settings(); "": none. */
int bench_figures_of_way(struct bench_figures *f, const struct target *t,
			 const struct target_desc *desc, const char *config,
			 const struct target_program *entry, const struct hop *hop,
			 struct bench_way *way, struct err *err);

#endif
