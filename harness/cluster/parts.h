/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a cluster knows besides what it shows: who is found by name and address, and the numbers given out.
 * Of this room only.
 */
#ifndef VERDICT_CLUSTER_PARTS_H
#define VERDICT_CLUSTER_PARTS_H

#include "base/table.h"
#include "cluster/cluster.h"
#include "cluster/entry.h"
#include "cluster/ids.h"

struct services;

struct node_parts {
	struct ids endpoints; /* by "ns/pod" */
	struct ids services; /* by frontend: what a flow's rev_nat_index says */
	unsigned compiled; /* generation of its entries; 0: none */
};

struct cluster_parts {
	struct cluster *cluster;
	/* Made anew with each generation. */
	struct table nodes_by_name, nodes_by_ip, nodes_by_mac, pods_by_name, pods_by_ip;
	struct cluster_endpoint **endpoint_of; /* by the pod's place in the manifests; NULL: none */
	const struct services *services; /* NULL: not looked at yet in this generation */

	struct node_parts *nodes;
	struct ids backends; /* by address, port and protocol */
	struct table backend_at; /* the same of this generation: struct backend */
	unsigned stamp; /* of compilations, see struct backend */
	struct entry_words words;
};

/* An address as a key: 17 bytes, the same for the same address. */
struct ip_key {
	uint8_t bytes[17];
};

struct ip_key ip_key(const struct ip_addr *ip);
const char *pod_full_name(struct arena *a, const struct k8s_pod *pod); /* "ns/name" */

/* cluster/places.c: fills the tables of this generation. Input error where an address has two owners. */
int make_places(struct cluster *c, struct err *err);
/* Input error for a pod that is said to be on a node that is not there. */
int unknown_node(const struct cluster *c, const char *name, const struct loc *at, struct err *err);

#endif
