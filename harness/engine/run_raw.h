/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The steps of a raw scenario: packets through one target, without a cluster. */
#ifndef VERDICT_ENGINE_RUN_RAW_H
#define VERDICT_ENGINE_RUN_RAW_H

#include "engine/run.h"

/* As run_scenario(), for one whose target is set. */
int run_raw(const struct scenario *s, const struct run_opts *opts, struct arena *a,
	    struct run_trace *out, struct err *err);

#endif
