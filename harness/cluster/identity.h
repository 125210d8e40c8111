/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Security identities: who a policy can speak of.
 *
 * Reserved ones, one for each set of pod labels, one for each network that a policy or the API server's
 * address names. Numbers are Cilium's ranges: 256 on for pods, bit 24 set for networks. They depend on
 * the manifests alone, never on the order of files: new sets of labels are numbered in their sorted
 * order, and a number once given stays with its labels for as long as the cluster lives, whatever is
 * applied or deleted.
 */
#ifndef VERDICT_CLUSTER_IDENTITY_H
#define VERDICT_CLUSTER_IDENTITY_H

#include "base/table.h"
#include "cluster/cluster.h"

#define LABEL_NAMESPACE	       "io.kubernetes.pod.namespace"
#define LABEL_NAMESPACE_LABELS "io.cilium.k8s.namespace.labels."

struct ident {
	uint32_t id;
	/* By key. Reserved labels have keys such as "reserved:host" and no value; those of a pod's
	 * namespace carry LABEL_NAMESPACE_LABELS before theirs.
	 */
	struct labels labels;
	bool is_cidr; /* a network of the world, each node's own number */
	struct ip_addr addr;
	uint8_t prefix;
};

struct idents {
	struct ident *list; /* reserved, pods', networks; each by number */
	size_t n;
	uint32_t *of_pod; /* place in list, by the pod's place in the manifests */
	struct table members; /* addresses of nodes and pods */
	struct table api_servers; /* addresses of default/kubernetes */
	/* numbers given, over all generations: labels or network to number */
	struct table sets, nets;
	uint32_t n_sets, n_nets;
};

/* Makes c->idents from the manifests, keeping the numbers of an earlier call. Input error: more sets of
 * labels than identities.
 */
int make_identities(struct cluster *c, struct err *err);

/* NULL: the pod has no endpoint (pod_has_endpoint). */
const struct ident *pod_ident(const struct cluster *c, const struct k8s_pod *pod);
uint32_t pod_identity(const struct cluster *c, const struct k8s_pod *pod); /* 0: no endpoint */
/* A pod whose address belongs to itself: scheduled, with an address, not on the host's network. */
bool pod_has_endpoint(const struct k8s_pod *pod);

/* The world's identity for a family: 2, or in a dual-stack cluster 9 for IPv4 and 10 for IPv6. */
uint32_t world_identity(const struct cluster *c, uint8_t family);
bool is_api_server(const struct cluster *c, const struct ip_addr *ip);
bool node_has_api_server(const struct cluster *c, const struct cluster_node *node);
bool cidr_contains(const struct ip_addr *net, uint8_t prefix, const struct ip_addr *addr,
		   uint8_t addr_prefix);

#endif
