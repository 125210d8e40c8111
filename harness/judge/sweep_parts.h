/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What sweep.c and sweep_headers.c share. */
#ifndef VERDICT_JUDGE_SWEEP_PARTS_H
#define VERDICT_JUDGE_SWEEP_PARTS_H

#include "judge/sweep.h"

/* One variant being compared; the packet at hand. */
struct sweeping {
	struct arena *a;
	const struct variant *v;
	const struct run_trace *t; /* the variant's */
	struct scenario_result *res;
	struct sweep_result *out;
	size_t index; /* of the step */
	size_t packet; /* index in the step */
	const struct trace *was, *is; /* NULL: of the step as a whole */
	bool other_family; /* IPv6 in place of IPv4 */
	struct loc loc;
};

void sweep_differs(struct sweeping *s, const struct hop *hop, const char *field,
		   const char *expected, const char *actual);
/* The headers that arrived. */
bool sweep_same_headers(struct sweeping *s, const struct trace *was, const struct trace *is);

#endif
