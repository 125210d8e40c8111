/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From manifests to what an agent would write: nodes, identities, ipcache, endpoints, services, policy maps,
 * configuration constants. Typed entries by field name; no BTF and no kernel here.
 *
 * Loading is cheap. What a node's agent writes is made when that node is first asked for, since each node of a
 * big cluster has an entry for every pod of it.
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

struct cluster_device;

struct cluster_endpoint {
	const char *name; /* "host" or "ns/pod" */
	uint16_t id;
	uint32_t identity;
	bool is_host;
	const char *policy_map; /* "cilium_policy_v2_00001" */
	struct ip_addr *ips; /* none for the host endpoint: its addresses are the node's */
	size_t n_ips;
	const struct k8s_pod *pod; /* NULL: the host */
	uint8_t mac[6]; /* of the pod's own eth0 */
	const struct cluster_device *device; /* the pod's end on the node; NULL: the host */
};

/* A device of a node at which programs sit. Roles are those of target files: "native" (eth0), "host"
 * (cilium_host), "net" (cilium_net), "overlay" (cilium_vxlan, cilium_geneve), "endpoint" (a pod's end on
 * the node).
 */
struct cluster_device {
	const char *name; /* unique in its node */
	const char *role;
	uint32_t
		ifindex; /* unique in its node; below 1000 or from 10000 on: the rest is the fabric's */
	uint8_t mac[6]; /* unique in the cluster */
	uint16_t mtu;
	const struct cluster_endpoint *endpoint; /* role endpoint; else NULL */
	/* Constants of the programs at this device, beside the node's. */
	struct config_value *config;
	size_t n_config;
};

struct cluster_node {
	const char *name;
	unsigned index; /* position in the cluster, from 0, ever the same; decides MACs */
	/* Its Node object was deleted: of no address, no pod, no network; found under no name. */
	bool is_gone;
	const struct k8s_node *manifest;
	struct ip_addr *ips;
	size_t n_ips;
	/* Of cilium_host (CiliumInternalIP): pods route by it, overlay traffic of the host comes from it. */
	struct ip_addr *router_ips;
	size_t n_router_ips;
	uint32_t remote_identity; /* as other nodes see it: 6, or 7 where an API server runs */
	const char *device; /* native device, from values `devices`, default eth0 */
	struct cluster_device *devices; /* the native one first */
	size_t n_devices;
	struct cluster_endpoint *endpoints; /* the host endpoint first */
	size_t n_endpoints;
	/* None before cluster_compile_node(). */
	struct map_entry *entries;
	size_t n_entries;
	struct config_value *config; /* those that depend on no device */
	size_t n_config;
};

struct idents;
struct policies;
struct cluster_parts;

/* How many entries a map is to have, where values.yaml says so. */
struct cluster_map_size {
	const char *map;
	uint32_t max_entries;
};

struct cluster {
	struct arena *arena; /* owns everything below */
	const char *dir;
	struct manifests manifests;
	struct cluster_node *nodes;
	size_t n_nodes;
	struct cluster_map_size *map_sizes; /* bpf.ctTcpMax and the like; by the maps' names */
	size_t n_map_sizes;
	unsigned generation; /* from 1; one more with each cluster_rebuild() */
	struct idents *idents; /* cluster/identity.h */
	struct policies *policies; /* cluster/policy.h */
	struct cluster_parts *parts; /* of this room */
};

/* Reads the manifests; makes nodes, endpoints and devices. overrides may be NULL: the scenario's `values:`. */
int cluster_load(const char *dir, const struct value *overrides, struct cluster **out,
		 struct err *err);
/* The entries, policies and constants of one node, as its agent would write them: to be called before they
 * are looked at. Does nothing where they are of this generation. The cluster is the same afterwards, but for
 * that; two threads must not do it to one cluster at once.
 */
int cluster_compile_node(const struct cluster *c, unsigned index, struct err *err);
/* After a change of c->manifests: endpoints and devices anew, each of which keeps its number, and a new
 * generation. Nodes keep their index, those that went included; c->nodes may lie elsewhere. On an error the
 * cluster is of no more use.
 */
int cluster_rebuild(struct cluster *c, struct err *err);
/* What `kubectl apply -f` and `kubectl delete` do, and the rebuild after it: objects of the file take the place
 * of those of their kind and name or are added; one object goes, a Namespace with all in it, a Node with the
 * pods on it. Identities of
 * unchanged labels, networks and endpoints keep their numbers, so what an agent has to write is the difference
 * of two compilations. Input error for what is wrong in the file, or for an object that is not there (at `at`);
 * where the manifests could not be changed the cluster is as it was.
 */
int cluster_apply(struct cluster *c, const char *path, struct err *err);
int cluster_delete(struct cluster *c, const char *kind, const char *ns, const char *name,
		   const struct loc *at, struct err *err);
void cluster_free(struct cluster *c);

/* Who has an address. */
struct cluster_place {
	int node; /* index; -1: the world */
	const struct cluster_endpoint *endpoint; /* a pod's with an address of its own; NULL: the
						  * node's own namespace, or the world
						  */
};

/* A node's own address, a pod's, else the world. */
struct cluster_place cluster_place_by_ip(const struct cluster *c, const struct ip_addr *ip);
/* Input error at m->loc for a member that is not there, or a pod that is on no node. */
int cluster_place_of(const struct cluster *c, const struct member *m, struct cluster_place *out,
		     struct err *err);
const struct cluster_device *cluster_device_by_ifindex(const struct cluster_node *n,
						       uint32_t ifindex); /* NULL: none */
const struct cluster_device *cluster_device_of_role(const struct cluster_node *n,
						    const char *role); /* the first; NULL: none */
const struct cluster_node *cluster_node_by_name(const struct cluster *c, const char *name);
/* The node one of whose own addresses this is, else NULL. */
const struct cluster_node *cluster_node_by_ip(const struct cluster *c, const struct ip_addr *ip);
/* The node whose native device has this MAC address, NULL: none. */
const struct cluster_node *cluster_node_by_mac(const struct cluster *c, const uint8_t mac[6]);
/* Resolves the address a member has (first of the same family as `like`). Input error at m.loc. */
int cluster_member_address(const struct cluster *c, const struct member *m,
			   const struct ip_addr *like, struct ip_addr *out, struct err *err);

#endif
