/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the policies of one generation come to; of the policy compiler only. */
#ifndef VERDICT_CLUSTER_POLICY_PARTS_H
#define VERDICT_CLUSTER_POLICY_PARTS_H

#include "cluster/policy.h"

struct policy_list {
	const struct k8s_policy **items;
	size_t n;
};

struct policies {
	struct table by_ns; /* namespace to struct policy_list */
	struct policy_list clusterwide, for_nodes;
	struct table selections; /* by rule: struct peer_set */
};

#endif
