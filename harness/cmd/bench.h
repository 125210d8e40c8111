/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The parts of `verdict bench`. */
#ifndef VERDICT_CMD_BENCH_H
#define VERDICT_CMD_BENCH_H

#include <stdint.h>

#include "base/err.h"

/* What `verdict replay --quiet --expect verdicts` adds to a bare loop over the same packets, on the
 * datapath's cil_from_netdev; prints the figures. packets: how many the capture has.
 */
int bench_replay(const char *objects, uint32_t packets, struct err *err);

/* What events cost on a capture of etcd's connection at each level of aggregation; prints the figures. */
int bench_events(const char *objects, const char *capture, struct err *err);

/* What packets of many kinds cost in the datapath, and in Cilium's where VERDICT_CILIUM_OBJECTS is set; prints a
 * table. mode: of those only the ones whose name has it; NULL: all.
 */
int bench_datapath(const char *objects, const char *mode, struct err *err);

#define BENCH_NODES	1000
#define BENCH_NODES_MIN 20
#define BENCH_NODES_MAX 5000

/* How long a cluster of that many nodes, ten times as many services and a hundred times as many pods takes to be
 * read, and a node of it to be compiled, and what a packet costs in it and in a small one; prints the figures,
 * and whether they are what is aimed at.
 */
int bench_cluster(const char *objects, unsigned nodes, struct err *err);

#endif
