/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The cluster as real namespaces and devices, built by netns/topology; used by every engine.
 *
 * A node is a namespace with its native device (chosen ifindex and MAC), its addresses, a route and
 * a permanent neighbour for every other node, and a default route to the world by a gateway. The other
 * ends of the veth pairs lie in the fabric namespace, joined by a bridge with static forwarding.
 */
#ifndef VERDICT_ENGINE_TOPOLOGY_H
#define VERDICT_ENGINE_TOPOLOGY_H

#include "base/err.h"
#include "cluster/cluster.h"

struct topo_node {
	const char *name;
	const struct cluster_node *node;
	char ns_name[256];
	int ns_fd;
	const char *device; /* "eth0" */
	const char *at; /* "master-0/eth0" */
	uint32_t ifindex;
	uint8_t mac[6];
	uint16_t mtu;
	char fabric_device[16]; /* the far end in the fabric */
	uint32_t fabric_ifindex;
};

struct topology {
	struct arena *arena;
	char id[32];
	char fabric_ns[64];
	int fabric_fd;
	uint8_t gateway_mac[6]; /* the world's router */
	struct topo_node *nodes; /* same order as the cluster's */
	size_t n_nodes;
	bool *quiet; /* topology_quiet() was called; set through topologies that are const, too */
};

/* Needs sandbox_enter() first. id tells topologies of one process apart: letters, digits, '_', '.';
 * a '-' becomes '_'. Returns once every device can carry packets.
 */
int topology_up(const struct cluster *cluster, const char *id, struct topology **out,
		struct err *err);
void topology_down(struct topology *t); /* NULL is fine; removes the namespaces */
/* From now on the nodes' kernels answer nothing by themselves (netns/quiet): no RST, no ICMP error for
 * packets whose answers are in the capture. Once a topology; later calls do nothing.
 */
int topology_quiet(const struct topology *t, struct err *err);
/* Index of the node with that MAC, -1 if none. */
int topology_node_by_mac(const struct topology *t, const uint8_t mac[6]);

#endif
