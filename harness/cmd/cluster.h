/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The parts of `verdict cluster show`. */
#ifndef VERDICT_CMD_CLUSTER_H
#define VERDICT_CMD_CLUSTER_H

#include "cluster/policy.h"

struct cluster_show {
	struct arena *arena;
	struct cluster *cluster;
	const struct cluster_node *node; /* NULL: all */
};

/* What an identity is: "host", "10.0.0.0/8", "s: app=web". */
const char *ident_text(const struct cluster_show *s, const struct ident *id);
const char *address_text(const struct cluster_show *s, const struct ip_addr *ip);

void cluster_print_services(const struct cluster_show *s);
/* All of it as one JSON document; maps: with the entries. */
int cluster_print_json(const struct cluster_show *s, bool maps, struct err *err);
/* Each endpoint's policy of one node. */
int cluster_print_policies(const struct cluster_show *s, const struct cluster_node *node,
			   struct err *err);

#endif
