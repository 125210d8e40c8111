/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a packet costs on its way through a cluster: the scenarios of fixtures/bench, each run on Verdict's own
 * datapath and, where VERDICT_CILIUM_OBJECTS has Cilium's objects of the nodes' settings, on theirs.
 */
#ifndef VERDICT_CMD_BENCH_FLOWS_H
#define VERDICT_CMD_BENCH_FLOWS_H

#include <stddef.h>

#include "base/err.h"

/* name: only scenarios whose name has it; NULL: all. Returns how many there were, or a negative errno. */
int bench_flows(const char *objects, const char *name, struct err *err);

#endif
