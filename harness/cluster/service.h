/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Services and their backends on the way to map entries. Of this room only. */
#ifndef VERDICT_CLUSTER_SERVICE_H
#define VERDICT_CLUSTER_SERVICE_H

#include "base/table.h"
#include "cluster/cluster.h"

/* In the order in which a service's slots name them; what a map has for it is backend_flag(). */
enum backend_state {
	BACKEND_ACTIVE,
	BACKEND_TERMINATING, /* serves on, and takes new flows where none is active */
	BACKEND_TERMINATING_IDLE, /* not serving any more: only what flows it has */
	BACKEND_MAINTENANCE, /* not ready: only what flows it has, and in no slot */
};

/* One address, port and protocol: the same for all services that lead there. */
struct backend {
	struct ip_addr addr;
	uint16_t port; /* host order */
	uint8_t proto;
	enum backend_state state; /* the best that any service says */
	uint32_t id;
	unsigned written; /* stamp of the compilation that last wrote it */
};

/* As one service has it. */
struct backend_ref {
	struct backend *backend;
	enum backend_state state;
	const char *node; /* NULL: not known, which counts as here */
};

/* Of one port of a service; both families. By state, address, port. */
struct backend_list {
	struct backend_ref *refs;
	size_t n;
};

struct service {
	const struct k8s_service *k;
	struct backend_list *ports; /* as k->ports */
};

/* Those that the datapath serves, by namespace and name. */
struct services {
	struct service *list;
	size_t n;
};

/* cluster/service_backends.c: once a generation. */
const struct services *cluster_services(struct cluster *c);
/* That of a pod's port; NULL in refs->backend: no such family. */
struct backend *backend_of(struct cluster *c, const struct ip_addr *addr, uint16_t port,
			   uint8_t proto, enum backend_state state);

enum frontend_type {
	FRONTEND_CLUSTER_IP,
	FRONTEND_NODE_PORT,
	FRONTEND_LOAD_BALANCER,
	FRONTEND_EXTERNAL_IP,
	FRONTEND_HOST_PORT,
};

enum { SCOPE_EXTERNAL = 0, SCOPE_INTERNAL = 1 };

struct frontend {
	enum frontend_type type;
	struct ip_addr addr; /* all zero: stands for every address of the node (a surrogate) */
	uint16_t port; /* host order */
	uint8_t proto, scope;
	const struct k8s_service *svc; /* NULL: a pod's host port */
	const struct loc *loc; /* where it is asked for */
	bool loopback; /* a host port of a loopback address */
	bool only_local; /* backends of this node only */
	const struct backend_list *backends;
};

/* What all frontends of one node share while they are written. */
struct lb_out {
	struct cluster *c;
	struct cluster_node *node;
	struct arena *scratch;
	struct table frontends; /* written so far: frontend_key to struct frontend */
	unsigned stamp;
	bool maglev, maglev_inside; /* tables for services; also for cluster IPs */
	uint32_t maglev_seed, maglev_size;
	struct err *err;
};

/* cluster/service_entries.c: the entries of one frontend. Input error where two services have it. */
int write_frontend(struct lb_out *o, const struct frontend *f);

/* cluster/service_table.c: the value of a service's entry in a map of tables. n is at least 1. */
struct value *table_value(const struct lb_out *o, const struct backend_ref *const *refs, size_t n);

/* Of one node: all services, host ports of its pods. */
int compile_services(struct cluster *c, struct cluster_node *node, struct err *err);
/* Networks that see pods' own addresses; limits of pods. */
void add_masquerade(struct cluster *c, struct cluster_node *node);
void add_bandwidth(struct cluster *c, struct cluster_node *node);

#endif
