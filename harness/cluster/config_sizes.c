/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sizes of maps from Helm's values. Those that nobody names have the size that their object gives them. */
#include "cluster/config.h"
#include "scenario/values.h"

static const struct {
	const char *path;
	const char *maps[13];
} sizes[] = {
	{ "bpf.authMapMax", { "cilium_auth_map" } },
	{ "bpf.ctAnyMax", { "cilium_ct_any4_global", "cilium_ct_any6_global" } },
	{ "bpf.ctTcpMax", { "cilium_ct4_global", "cilium_ct6_global" } },
	{ "bpf.lbMapMax",
	  { "cilium_lb4_services_v2", "cilium_lb6_services_v2", "cilium_lb4_backends_v3",
	    "cilium_lb6_backends_v3", "cilium_lb4_reverse_nat", "cilium_lb6_reverse_nat",
	    "cilium_lb4_affinity", "cilium_lb6_affinity", "cilium_lb_affinity_match",
	    "cilium_lb4_source_range", "cilium_lb6_source_range" } },
	{ "bpf.natMax", { "cilium_snat_v4_external", "cilium_snat_v6_external" } },
	{ "bpf.neighMax", { "cilium_nodeport_neigh4", "cilium_nodeport_neigh6" } },
	{ "bpf.nodeMapMax", { "cilium_node_map_v2" } },
	{ "bpf.policyMapMax", { "cilium_policy_v2" } },
};

void make_map_sizes(struct cluster *c)
{
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint32_t n = values_number(c->manifests.values, sizes[i].path);

		for (size_t j = 0; n && sizes[i].maps[j]; j++) {
			c->map_sizes = arena_grow(c->arena, c->map_sizes, c->n_map_sizes,
						  sizeof(*c->map_sizes));
			c->map_sizes[c->n_map_sizes++] =
				(struct cluster_map_size){ sizes[i].maps[j], n };
		}
	}
}
