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

/* "10.0.0.0/8"; bits behind the prefix are zero. */
struct cidr {
	struct ip_addr addr;
	uint8_t prefix;
	struct cidr *except;
	size_t n_except;
	struct loc loc;
};

struct k8s_node {
	struct k8s_meta meta;
	struct ip_addr *internal_ips; /* status.addresses, type InternalIP; at least one */
	size_t n_internal_ips;
	struct ip_addr *external_ips; /* type ExternalIP */
	size_t n_external_ips;
	struct cidr *pod_cidrs; /* spec.podCIDRs, or podCIDR */
	size_t n_pod_cidrs;
};

struct k8s_namespace {
	struct k8s_meta meta;
};

struct container_port {
	const char *name; /* NULL: unnamed */
	uint8_t proto; /* IPPROTO_* */
	uint16_t port; /* host order */
	uint16_t host_port; /* 0: none */
	struct ip_addr host_ip; /* family 0: every address of the node */
	struct loc loc;
};

struct k8s_pod {
	struct k8s_meta meta;
	const char *node; /* spec.nodeName, NULL if not scheduled */
	struct loc node_loc;
	const char *service_account; /* NULL if not said */
	bool host_network;
	bool ready; /* condition Ready; true where the status says nothing of it */
	bool deleting; /* metadata.deletionTimestamp is set */
	struct ip_addr *ips; /* status.podIPs or podIP */
	size_t n_ips;
	struct container_port *ports; /* of all containers, in order */
	size_t n_ports;
	/* annotations kubernetes.io/egress-bandwidth and ingress-bandwidth; 0: no limit */
	uint64_t egress_bits, ingress_bits; /* per second */
};

/* ---- services and what is behind them ---- */

enum service_type {
	SERVICE_CLUSTER_IP,
	SERVICE_NODE_PORT,
	SERVICE_LOAD_BALANCER,
	SERVICE_EXTERNAL_NAME, /* a name in DNS: nothing of it reaches the datapath */
};

struct service_port {
	const char *name; /* NULL: unnamed, matches the unnamed port of the endpoints */
	uint8_t proto; /* IPPROTO_TCP, _UDP, _SCTP */
	uint16_t port, node_port; /* host order; node_port 0: none */
	uint16_t target_port; /* 0 where targetPort is a name */
	const char *target_name;
	struct loc loc;
};

enum service_forwarding { FORWARD_DEFAULT, FORWARD_SNAT, FORWARD_DSR };
enum service_algorithm { ALGORITHM_DEFAULT, ALGORITHM_RANDOM, ALGORITHM_MAGLEV };

/* Bits of k8s_service.expose: which frontends are made. */
#define EXPOSE_CLUSTER_IP    1u /* ClusterIP and external IPs */
#define EXPOSE_NODE_PORT     2u
#define EXPOSE_LOAD_BALANCER 4u

struct k8s_service {
	struct k8s_meta meta;
	enum service_type type;
	bool headless; /* clusterIP: None */
	struct ip_addr *cluster_ips; /* none if headless */
	size_t n_cluster_ips;
	bool ipv4, ipv6; /* ipFamilies; where not said, those of the cluster IPs; else both */
	struct ip_addr *external_ips; /* spec.externalIPs */
	size_t n_external_ips;
	struct ip_addr *lb_ips; /* status.loadBalancer.ingress[].ip of ipMode VIP */
	size_t n_lb_ips;
	struct service_port *ports;
	size_t n_ports;
	struct labels selector; /* none: endpoints are made by hand */
	bool affinity; /* sessionAffinity: ClientIP */
	uint32_t affinity_seconds; /* 10800 where not said */
	struct cidr *source_ranges; /* loadBalancerSourceRanges */
	size_t n_source_ranges;
	bool external_local, internal_local; /* traffic policies Local */
	uint16_t health_check_node_port; /* 0: none */
	bool publish_not_ready;
	bool topology_aware; /* trafficDistribution or topology annotations: hints are followed */
	bool no_node_ports; /* allocateLoadBalancerNodePorts: false */
	const char
		*proxy_name; /* label service.kubernetes.io/service-proxy-name: another proxy's */
	/* annotations service.cilium.io/... */
	unsigned expose; /* /type: EXPOSE_*, all where not said */
	enum service_forwarding forwarding; /* /forwarding-mode */
	enum service_algorithm algorithm; /* /lb-algorithm */
	bool source_ranges_deny; /* /src-ranges-policy: deny */
	const char *node_label_key, *node_label_value; /* /node-selector, /node; NULL: every node */
	bool proxy_delegation; /* /proxy-delegation: delegate-if-local */
};

struct endpoint_port {
	const char *name; /* NULL: unnamed */
	uint8_t proto;
	uint16_t port; /* host order; 0: every port */
};

struct endpoint {
	struct ip_addr
		addr; /* a slice's endpoint of several addresses: the first (the API says so) */
	/* Kubernetes' conditions: ready null counts as true, serving null as ready */
	bool ready, serving, terminating;
	const char *node; /* nodeName, NULL: not said */
	const char *zone;
	const char *target_kind, *target_ns, *target_name; /* targetRef; NULL: none */
	const char **hint_zones, **hint_nodes; /* hints.forZones, forNodes */
	size_t n_hint_zones, n_hint_nodes;
	struct loc loc;
};

/* An EndpointSlice, or one subset of Endpoints. Endpoints of a service that has slices are left
 * out, for slices mirror them. default/kubernetes names the API servers, from which identity 7
 * comes.
 */
struct k8s_endpoints {
	struct k8s_meta meta;
	const char *service; /* kubernetes.io/service-name, or the Endpoints' own name */
	bool is_slice;
	struct endpoint_port *ports;
	size_t n_ports;
	struct endpoint *list; /* ready or not */
	size_t n;
	struct ip_addr *addresses; /* of the ready ones */
	size_t n_addresses;
};

/* ---- policies ---- */

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
	const char *name; /* a named port; NULL: by number */
	uint8_t proto; /* IPPROTO_*; 0: any */
	struct loc loc;
};

struct icmp_rule {
	uint8_t family; /* 4 or 6 */
	uint8_t type;
	struct loc loc;
};

/* toServices: by name, or by a selector of the services' labels. */
struct service_peer {
	const char *ns; /* NULL: every namespace */
	const char *name; /* NULL: by selector */
	struct selector selector;
	struct loc loc;
};

enum policy_auth { AUTH_NONE, AUTH_DISABLED, AUTH_ALWAYS_FAIL };

/* One rule of any kind of policy. has_peers false: from anyone; has_peers and no peer: from nobody.
 * Selectors of endpoints see the labels of identities (cluster/identity.h): what a namespaceSelector
 * or a policy's own namespace say is among their terms.
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
	struct service_peer *services; /* toServices */
	size_t n_services;
	struct port_rule *ports; /* none and no icmps: all traffic */
	size_t n_ports;
	struct icmp_rule *icmps;
	size_t n_icmps;
	enum policy_auth auth;
	struct loc loc;
};

enum policy_kind { POLICY_KUBERNETES, POLICY_CILIUM, POLICY_CLUSTERWIDE };

/* NetworkPolicy, or one spec of a CiliumNetworkPolicy or CiliumClusterwideNetworkPolicy. */
struct k8s_policy {
	struct k8s_meta meta; /* ns NULL: clusterwide */
	enum policy_kind kind;
	bool has_node_selector;
	struct selector node_selector;
	struct selector endpoint_selector;
	struct policy_rule *rules;
	size_t n_rules;
	/* The default is deny: a NetworkPolicy's policyTypes; for Cilium's kinds, that a rule of that
	 * direction is written (`ingress: []` does not count, `ingress: [{}]` does and allows
	 * nothing), unless enableDefaultDeny says otherwise.
	 */
	bool enforce_ingress, enforce_egress;
};

struct manifests {
	struct k8s_node *nodes;
	size_t n_nodes;
	struct k8s_pod *pods;
	size_t n_pods;
	struct k8s_namespace *namespaces;
	size_t n_namespaces;
	struct k8s_service *services;
	size_t n_services;
	struct k8s_endpoints *endpoints;
	size_t n_endpoints;
	struct k8s_policy *policies;
	size_t n_policies;
	const struct value
		*values; /* values.yaml merged with the scenario's `values:`; may be NULL */
};

/* Reads every *.yaml, *.yml and *.json of a cluster folder (values.yaml apart). overrides, if not NULL, is
 * laid over values.yaml. All memory from the arena. Objects are sorted by namespace and name, whatever file
 * they come from; the same object twice is an input error.
 */
int manifests_load(struct arena *a, const char *dir, const struct value *overrides,
		   struct manifests *out, struct err *err);

/* Adds the objects of one file, in its order. For changes: see manifest_change.h. */
int manifests_read(struct arena *a, const char *path, struct manifests *out, struct err *err);
/* Sorts, and leaves out Endpoints that slices mirror. Input error for an object given twice. */
int manifests_arrange(struct arena *a, struct manifests *m, struct err *err);

#endif
