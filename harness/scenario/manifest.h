/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Kubernetes objects as `kubectl get -o yaml` prints them, as pure data; and values.yaml.
 *
 * Unknown fields are ignored where they cannot change a verdict; inside a policy's spec they are
 * errors, for there they would. `List` objects are unfolded. A kind we do not read is an error
 * that names the known ones, save for those listed as harmless in manifest.c.
 */
#ifndef VERDICT_SCENARIO_MANIFEST_H
#define VERDICT_SCENARIO_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/value.h"
#include "packet/rewrite.h"

struct label {
	const char *key, *value;
};

struct labels {
	struct label *items;
	size_t n;
};

const char *labels_get(const struct labels *l, const char *key); /* NULL if absent */

struct k8s_meta {
	const char *ns; /* "default" where namespaced and not said; NULL for cluster-scoped kinds */
	const char *name;
	struct labels labels;
	struct labels annotations;
	struct loc loc;
};

struct k8s_node {
	struct k8s_meta meta;
	struct ip_addr *internal_ips; /* status.addresses, type InternalIP */
	size_t n_internal_ips;
	const char **pod_cidrs;
	size_t n_pod_cidrs;
};

struct k8s_pod {
	struct k8s_meta meta;
	const char *node; /* spec.nodeName, NULL if not scheduled */
	struct loc node_loc;
	const char *service_account; /* NULL if not said */
	bool host_network;
	struct ip_addr *ips; /* status.podIPs or podIP */
	size_t n_ips;
};

/* EndpointSlice or Endpoints: the addresses behind a Service. default/kubernetes names the API
 * servers, from which identity 7 comes.
 */
struct k8s_endpoints {
	struct k8s_meta meta;
	const char *service; /* kubernetes.io/service-name, or the Endpoints' own name */
	struct ip_addr *addresses;
	size_t n_addresses;
};

enum selector_op { SELECT_IN, SELECT_NOT_IN, SELECT_EXISTS, SELECT_NOT_EXISTS };

struct selector_term {
	const char *key;
	enum selector_op op;
	const char **values;
	size_t n_values;
};

/* A label selector: all terms must hold; none at all selects everything. */
struct selector {
	struct selector_term *terms;
	size_t n;
	struct loc loc;
};

bool selector_matches(const struct selector *s, const struct labels *l);

struct port_rule {
	uint16_t port, end_port; /* host order; end_port == port for one; 0,0: all ports */
	uint8_t proto; /* IPPROTO_*; 0: any */
	struct loc loc;
};

struct icmp_rule {
	uint8_t family; /* 4 or 6 */
	uint8_t type;
	struct loc loc;
};

struct cidr {
	struct ip_addr addr;
	uint8_t prefix;
	struct cidr *except;
	size_t n_except;
	struct loc loc;
};

/* One rule of a CiliumClusterwideNetworkPolicy. has_peers false: from anyone; has_peers and no
 * peer: from nobody.
 */
struct policy_rule {
	bool egress, deny;
	bool has_peers;
	const char **entities; /* checked against the known ones when read */
	struct loc *entity_locs;
	size_t n_entities;
	struct cidr *cidrs;
	size_t n_cidrs;
	struct selector *endpoints; /* fromEndpoints / toEndpoints */
	size_t n_endpoints;
	struct port_rule *ports; /* none and no icmps: all traffic */
	size_t n_ports;
	struct icmp_rule *icmps;
	size_t n_icmps;
	struct loc loc;
};

struct k8s_policy { /* CiliumClusterwideNetworkPolicy (and CiliumNetworkPolicy, with meta.ns) */
	struct k8s_meta meta;
	bool has_node_selector;
	struct selector node_selector;
	struct selector endpoint_selector;
	struct policy_rule *rules;
	size_t n_rules;
	/* which directions are enforced although no rule of them is written: an empty
	 * `ingress: []` does not enforce, `ingress: [{}]` does and allows nothing
	 */
	bool enforce_ingress, enforce_egress;
};

struct manifests {
	struct k8s_node *nodes;
	size_t n_nodes;
	struct k8s_pod *pods;
	size_t n_pods;
	struct k8s_endpoints *endpoints;
	size_t n_endpoints;
	struct k8s_policy *policies;
	size_t n_policies;
	const struct value
		*values; /* values.yaml merged with the scenario's `values:`; may be NULL */
};

/* Reads every *.yaml, *.yml of a cluster folder (values.yaml apart), in name order. overrides, if
 * not NULL, is laid over values.yaml. All memory from the arena.
 */
int manifests_load(struct arena *a, const char *dir, const struct value *overrides,
		   struct manifests *out, struct err *err);

#endif
