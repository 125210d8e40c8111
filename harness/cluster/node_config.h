/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What Cilium 1.19 has its compiler put into a node's objects, by the names of the header node_config.h that its
 * agent writes: settings that no loader can change later. The header's names and values are facts of Cilium
 * 1.19.4; Verdict's own objects have a constant for each of them and need none of this.
 */
#ifndef VERDICT_CLUSTER_NODE_CONFIG_H
#define VERDICT_CLUSTER_NODE_CONFIG_H

#include "cluster/cluster.h"

struct node_define {
	const char *name; /* "ENABLE_IPV4"; of a macro with an argument "IS_L3_DEV(ifindex)" */
	const char *value; /* NULL: the node has it not set */
	bool is_free; /* sets the size of a map, which loaders choose, or is no setting */
};

struct node_defines {
	struct node_define *list; /* by name */
	size_t n;
};

/* The same on every node of every cluster; the last has no name. Of this room only. */
extern const struct node_define node_defines_fixed[];

/* Memory from a. The node is compiled for it. */
int cluster_node_defines(const struct cluster *c, unsigned node, struct arena *a,
			 struct node_defines *out, struct err *err);
/* All of the header. It stands for the agent's ep_config.h, netdev_config.h and filter_config.h too, which are
 * empty then.
 */
int cluster_print_node_config(const struct cluster *c, unsigned node, struct buf *out,
			      struct err *err);

#endif
