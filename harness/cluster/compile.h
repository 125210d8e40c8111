/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the parts of the cluster compiler share; of this room only. */
#ifndef VERDICT_CLUSTER_COMPILE_H
#define VERDICT_CLUSTER_COMPILE_H

#include "cluster/identity.h"

/* cluster/nodes.c: from the manifests. */
int make_nodes(struct cluster *c, struct err *err);
/* From changed manifests: nodes that are there keep their places. */
int renew_nodes(struct cluster *c, struct err *err);
/* Needs the endpoints. */
int make_devices(struct cluster *c, struct cluster_node *node, struct err *err);
void add_entry(struct cluster *c, struct cluster_node *node, const char *map, struct value *key,
	       struct value *value);
/* The policy map of one endpoint of the node: cluster/policy.h's entries as the map has them. */
int compile_policy(struct cluster *c, struct cluster_node *node, const struct cluster_endpoint *ep,
		   struct err *err);
/* ipcache, endpoints, services, masquerade, bandwidth. */
int compile_entries(struct cluster *c, struct cluster_node *node, struct err *err);
void compile_config(struct cluster *c, struct cluster_node *node);

#endif
