/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From manifests to what an agent would write: nodes, identities, ipcache, endpoints, policy maps,
 * configuration constants. Typed entries by field name; no BTF and no kernel here.
 */
#ifndef VERDICT_CLUSTER_CLUSTER_H
#define VERDICT_CLUSTER_CLUSTER_H

#include "base/err.h"
#include "base/value.h"
#include "base/words.h"
#include "scenario/manifest.h"
#include "scenario/scenario.h"

/* One entry of one map, fields by name as BTF names them; numbers as text, addresses as text. */
struct map_entry {
	const char
		*map; /* "cilium_ipcache_v2"; a per-endpoint policy map: "cilium_policy_v2_00001" */
	const struct value *key, *value;
};

/* A constant of the datapath: `__config_<name>` in .rodata.config. */
struct config_value {
	const char *name; /* without the prefix */
	const struct value *value;
};

struct cluster_endpoint {
	const char *name; /* "host" or "ns/pod" */
	uint16_t id;
	uint32_t identity;
	bool is_host;
	const char *policy_map; /* "cilium_policy_v2_00001" */
	struct ip_addr *ips; /* none for the host endpoint: its addresses are the node's */
	size_t n_ips;
};

struct cluster_node {
	const char *name;
	unsigned index; /* position in the cluster, from 0; decides MACs */
	const struct k8s_node *manifest;
	struct ip_addr *ips;
	size_t n_ips;
	uint32_t remote_identity; /* as other nodes see it: 6, or 7 where an API server runs */
	const char *device; /* native device, from values `devices`, default eth0 */
	struct cluster_endpoint *endpoints; /* the host endpoint first */
	size_t n_endpoints;
	struct map_entry *entries;
	size_t n_entries;
	struct config_value
		*config; /* those that depend on no device: see target/agent.h for the rest */
	size_t n_config;
};

struct cluster {
	struct arena *arena; /* owns everything below */
	const char *dir;
	struct manifests manifests;
	struct cluster_node *nodes;
	size_t n_nodes;
};

/* overrides may be NULL: the scenario's `values:`. */
int cluster_load(const char *dir, const struct value *overrides, struct cluster **out,
		 struct err *err);
void cluster_free(struct cluster *c);

const struct cluster_node *cluster_node_by_name(const struct cluster *c, const char *name);
/* The node one of whose own addresses this is, else NULL. */
const struct cluster_node *cluster_node_by_ip(const struct cluster *c, const struct ip_addr *ip);
/* Resolves the address a member has (first of the same family as `like`). Input error at m.loc. */
int cluster_member_address(const struct cluster *c, const struct member *m,
			   const struct ip_addr *like, struct ip_addr *out, struct err *err);

#endif
