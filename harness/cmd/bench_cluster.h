/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Clusters made for measuring. */
#ifndef VERDICT_CMD_BENCH_CLUSTER_H
#define VERDICT_CMD_BENCH_CLUSTER_H

#include <stdbool.h>

#include "base/err.h"

#define BENCH_PODS_OF_A_SERVICE 10

/* Service i, team-(i % 100)/app-i at 100.64.(i / 250).(i % 250 + 1) port 80, has the pods app-i-(10 i) to
 * app-i-(10 i + 9), pod j on node-(j % nodes).
 */
struct bench_scale {
	unsigned nodes, services;
};

/* Into a new folder, whose name goes into dir. */
int bench_write_cluster(const struct bench_scale *s, char dir[64], double *mib, struct err *err);
void bench_remove_cluster(const char *dir);

/* What a packet from a pod to a pod of another node through a service costs in the testrun engine, in a small
 * cluster and in the one of dir; prints the figures.
 */
int bench_cluster_packets(const char *dir, const char *objects, struct err *err);

static inline const char *bench_met(bool is_met)
{
	return is_met ? "met" : "NOT met";
}

#endif
