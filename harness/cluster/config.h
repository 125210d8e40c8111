/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the Helm values come to for the whole cluster. Of this room only. */
#ifndef VERDICT_CLUSTER_CONFIG_H
#define VERDICT_CLUSTER_CONFIG_H

#include "cluster/cluster.h"

bool config_tunnels(const struct cluster *c); /* routingMode: tunnel */
/* Nodes have a tunnel device: they tunnel, or DSR takes its header. */
bool config_has_tunnel_device(const struct cluster *c);
bool config_uses_dsr(const struct cluster *c);
/* Node ports and host ports are served: kube-proxy is not there, or has no part in it. */
bool config_serves_node_ports(const struct cluster *c);
bool config_family(const struct cluster *c, unsigned family); /* ipv4.enabled, ipv6.enabled */
bool config_masquerades(const struct cluster *c, unsigned family); /* by BPF */

/* Input error for values that do not go together. */
int check_config(const struct cluster *c, struct err *err);
/* c->map_sizes. */
void make_map_sizes(struct cluster *c);
/* The node's first address of that family, NULL: none. */
const struct ip_addr *node_address(const struct cluster_node *n, unsigned family);
const struct ip_addr *router_address(const struct cluster_node *n, unsigned family);
/* Where other nodes send what they tunnel to it: of the underlay's family if it has one. */
const struct ip_addr *tunnel_address(const struct cluster *c, const struct cluster_node *n);

/* Where pods are known by their own addresses. Said by nobody: the node's own network for them. False: there is
 * none.
 */
bool native_network(const struct cluster *c, const struct cluster_node *node, unsigned family,
		    struct cidr *out);

/* Constants of the programs at single devices; needs endpoints and devices. */
void device_config(struct cluster *c, struct cluster_node *node);

#endif
