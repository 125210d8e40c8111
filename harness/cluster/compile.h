/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the parts of the cluster compiler share; of this room only. */
#ifndef VERDICT_CLUSTER_COMPILE_H
#define VERDICT_CLUSTER_COMPILE_H

#include "cluster/cluster.h"

/* An identity and its labels as a policy sees them. Reserved ones carry "reserved:host" and the
 * like; a CIDR's own is local to the node and belongs to the world.
 */
struct ident {
	uint32_t id;
	struct labels labels;
	bool is_cidr;
	struct ip_addr addr; /* CIDR */
	uint8_t prefix;
};

struct idents {
	struct ident *list;
	size_t n;
};

#define LABEL_NAMESPACE "io.kubernetes.pod.namespace"

/* Identity of a pod with an endpoint: the same for the same security labels. */
uint32_t pod_identity(struct cluster *c, const struct idents *idents, const struct k8s_pod *pod);
/* A pod whose address belongs to itself: scheduled, with an address, not on the host's network. */
bool pod_has_endpoint(const struct k8s_pod *pod);
/* Its labels that make the identity: without those Cilium leaves out, with namespace, cluster and
 * service account.
 */
struct labels pod_labels(struct cluster *c, const struct k8s_pod *pod);

/* The identities that exist as seen from one node. */
struct idents node_idents(struct cluster *c, const struct cluster_node *node);
bool is_api_server(const struct cluster *c, const struct ip_addr *ip);
bool node_has_api_server(const struct cluster *c, const struct cluster_node *node);
bool cidr_contains(const struct ip_addr *net, uint8_t prefix, const struct ip_addr *addr,
		   uint8_t addr_prefix);

/* Needs the endpoints. */
int make_devices(struct cluster *c, struct cluster_node *node, struct err *err);
void add_entry(struct cluster *c, struct cluster_node *node, const char *map, struct value *key,
	       struct value *value);
/* The policy map of one endpoint of the node, from all policies that select it. pod is NULL for the
 * host endpoint.
 */
int compile_policy(struct cluster *c, struct cluster_node *node, const struct idents *idents,
		   const struct cluster_endpoint *ep, const struct k8s_pod *pod, struct err *err);
/* ipcache, endpoints, configuration. */
void compile_entries(struct cluster *c, struct cluster_node *node, const struct idents *idents);
void compile_config(struct cluster *c, struct cluster_node *node);

#endif
