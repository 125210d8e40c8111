/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The table of the datapath's benchmark: a row a program's run, ours and Cilium's side by side. */
#ifndef VERDICT_CMD_BENCH_ROWS_H
#define VERDICT_CMD_BENCH_ROWS_H

#include "cmd/bench_figures.h"
#include "cmd/bench_timing.h"

struct bench_result {
	bool is_measured;
	double ns; /* 0: not known */
	struct quartiles to_theirs; /* of ours */
	int verdict;
	enum hook hook;
	const char *said; /* instead of the verdict; NULL */
	struct bench_way way;
};

void bench_rows_head(bool cilium);
/* r: ours, Cilium's. */
void bench_rows_print(const char *name, const struct bench_result r[2]);
/* A packet's whole way: ns alone, ours and, where it is not 0, Cilium's. */
void bench_rows_print_way(const char *name, const double ns[2]);
/* All programs of an object; Cilium's has none: ours alone. */
void bench_rows_print_object(const char *name, const struct bench_way way[2]);
void bench_rows_legend(bool cilium);

#endif
