/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A node's network namespace for test runs: its devices with their ifindexes, addresses, routes and permanent
 * neighbours, so that bpf_fib_lookup() and the stack's own routing answer as on a real node. Nothing is
 * ever sent in it.
 */
#ifndef VERDICT_ENGINE_SIM_NET_H
#define VERDICT_ENGINE_SIM_NET_H

#include "cluster/cluster.h"

/* The world's router, next to all nodes. */
extern const uint8_t sim_gateway_mac[6];

/* *ns_fd: the namespace, which lives as long as it is open. The calling thread stays where it is. */
int sim_net_make(const struct cluster *c, const struct cluster_node *node, int *ns_fd,
		 struct err *err);

/* What would be made, as text; free() it. Another cluster with the same values and the same text has the same
 * namespace.
 */
char *sim_net_text(const struct cluster *c, const struct cluster_node *node);

#endif
