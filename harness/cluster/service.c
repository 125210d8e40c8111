/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Under which addresses and ports a node serves each service, and the host ports of its pods. */
#include "cluster/service.h"

#include <string.h>

#include "cluster/config.h"
#include "cluster/identity.h"
#include "cluster/parts.h"
#include "scenario/values.h"

/* One port of one service on its way to frontends. */
struct serving {
	struct lb_out *o;
	const struct service *svc;
	size_t port;
};

static const struct ip_addr any4 = { .family = 4 }, any6 = { .family = 6 };

static bool is_local(const struct k8s_service *svc, enum frontend_type type, uint8_t scope)
{
	if (type == FRONTEND_CLUSTER_IP || scope == SCOPE_INTERNAL)
		return svc->internal_local;
	return svc->external_local;
}

static int serve(struct serving *s, enum frontend_type type, const struct ip_addr *addr,
		 uint16_t port, uint8_t scope)
{
	const struct k8s_service *svc = s->svc->k;
	struct frontend f = {
		.type = type,
		.addr = *addr,
		.port = port,
		.proto = svc->ports[s->port].proto,
		.scope = scope,
		.svc = svc,
		.loc = &svc->meta.loc,
		.only_local = is_local(svc, type, scope),
		.backends = &s->svc->ports[s->port],
	};

	return config_family(s->o->c, addr->family) ? write_frontend(s->o, &f) : 0;
}

/* Where the traffic policies differ, those inside the cluster have backends of their own. */
static int serve_scopes(struct serving *s, enum frontend_type type, const struct ip_addr *addr,
			uint16_t port)
{
	const struct k8s_service *svc = s->svc->k;
	int ret = serve(s, type, addr, port, SCOPE_EXTERNAL);

	if (ret || svc->external_local == svc->internal_local)
		return ret;
	return serve(s, type, addr, port, SCOPE_INTERNAL);
}

static int serve_list(struct serving *s, enum frontend_type type, const struct ip_addr *ips,
		      size_t n)
{
	uint16_t port = s->svc->k->ports[s->port].port;
	int ret = 0;

	for (size_t i = 0; i < n && !ret; i++)
		ret = type == FRONTEND_CLUSTER_IP ? serve(s, type, &ips[i], port, SCOPE_EXTERNAL)
						  : serve_scopes(s, type, &ips[i], port);
	return ret;
}

/* Each address of the node, and an entry that stands for all of them: sockets of this node and others find
 * node ports by it.
 */
static int serve_node_port(struct serving *s)
{
	const struct k8s_service *svc = s->svc->k;
	const struct cluster_node *n = s->o->node;
	uint16_t port = svc->ports[s->port].node_port;
	int ret = 0;

	if (svc->type == SERVICE_CLUSTER_IP || !port || !config_serves_node_ports(s->o->c))
		return 0;
	if (svc->ipv4)
		ret = serve_scopes(s, FRONTEND_NODE_PORT, &any4, port);
	if (svc->ipv6 && !ret)
		ret = serve_scopes(s, FRONTEND_NODE_PORT, &any6, port);
	for (size_t i = 0; i < n->n_ips && !ret; i++)
		if (n->ips[i].family == 4 ? svc->ipv4 : svc->ipv6)
			ret = serve_scopes(s, FRONTEND_NODE_PORT, &n->ips[i], port);
	return ret;
}

static int serve_port(struct serving *s)
{
	const struct k8s_service *k = s->svc->k;
	int ret = 0;

	if (k->expose & EXPOSE_CLUSTER_IP)
		ret = serve_list(s, FRONTEND_CLUSTER_IP, k->cluster_ips, k->n_cluster_ips);
	if (!ret && k->expose & EXPOSE_NODE_PORT)
		ret = serve_node_port(s);
	if (!ret && k->expose & EXPOSE_LOAD_BALANCER && k->type == SERVICE_LOAD_BALANCER)
		ret = serve_list(s, FRONTEND_LOAD_BALANCER, k->lb_ips, k->n_lb_ips);
	if (!ret)
		ret = serve_list(s, FRONTEND_EXTERNAL_IP, k->external_ips, k->n_external_ips);
	return ret;
}

/* A service may be meant for nodes with a label only. */
static bool is_for_node(const struct k8s_service *k, const struct cluster_node *n)
{
	const char *has;

	if (!k->node_label_key)
		return true;
	has = labels_get(&n->manifest->meta.labels, k->node_label_key);
	return has && k->node_label_value && strcmp(has, k->node_label_value) == 0;
}

static int serve_services(struct lb_out *o)
{
	const struct services *all = cluster_services(o->c);
	int ret = 0;

	for (size_t i = 0; i < all->n && !ret; i++) {
		struct serving s = { .o = o, .svc = &all->list[i] };

		if (!is_for_node(s.svc->k, o->node))
			continue;
		for (; s.port < s.svc->k->n_ports && !ret; s.port++)
			ret = serve_port(&s);
	}
	return ret;
}

/* ---- host ports ---- */

static bool is_zero(const struct ip_addr *ip)
{
	return ip_addr_equal(ip, ip->family == 4 ? &any4 : &any6);
}

static bool is_loopback(const struct ip_addr *ip)
{
	static const uint8_t one[16] = { [15] = 1 };

	return ip->family == 4 ? ip->bytes[0] == 127 : memcmp(ip->bytes, one, 16) == 0;
}

struct host_port {
	struct lb_out *o;
	const struct cluster_endpoint *ep;
	const struct container_port *port;
};

static int serve_host_port_at(struct host_port *h, const struct ip_addr *addr,
			      const struct backend_list *backends)
{
	struct frontend f = {
		.type = FRONTEND_HOST_PORT,
		.addr = *addr,
		.port = h->port->host_port,
		.proto = h->port->proto,
		.loc = &h->port->loc,
		.loopback = h->port->host_ip.family && is_loopback(&h->port->host_ip),
		.backends = backends,
	};

	return write_frontend(h->o, &f);
}

/* A host port of one address is served at that one only, others at every address of the node. */
static int serve_host_port_of(struct host_port *h, const struct ip_addr *pod_ip)
{
	const struct ip_addr *host = &h->port->host_ip;
	const struct cluster_node *n = h->o->node;
	struct backend_ref *ref = arena_new_of(h->o->scratch, struct backend_ref);
	struct backend_list *list = arena_new_of(h->o->scratch, struct backend_list);
	int ret;

	ref->backend = backend_of(h->o->c, pod_ip, h->port->port, h->port->proto, BACKEND_ACTIVE);
	ref->node = n->name;
	*list = (struct backend_list){ ref, 1 };
	if (host->family && !is_zero(host) && !is_loopback(host))
		return serve_host_port_at(h, host, list);
	ret = serve_host_port_at(h, pod_ip->family == 4 ? &any4 : &any6, list);
	for (size_t i = 0; i < n->n_ips && !ret; i++)
		if (n->ips[i].family == pod_ip->family)
			ret = serve_host_port_at(h, &n->ips[i], list);
	return ret;
}

/* An agent leaves out what lies among the node ports. */
static bool is_served_port(const struct lb_out *o, const struct container_port *p)
{
	struct value_range range = { 0 };

	values_parse_range(values_get(o->c->manifests.values, "nodePort.range"), &range);
	return p->host_port && (p->host_port < range.first || p->host_port > range.last);
}

static int serve_host_ports(struct lb_out *o, const struct cluster_endpoint *ep)
{
	bool done[2] = { false, false };
	int ret = 0;

	for (size_t i = 0; i < ep->pod->n_ports; i++) {
		struct host_port h = { o, ep, &ep->pod->ports[i] };

		if (!is_served_port(o, h.port))
			continue;
		done[0] = done[1] = false;
		for (size_t j = 0; j < ep->n_ips && !ret; j++) {
			unsigned family = ep->ips[j].family;
			bool *is_done = &done[family == 6];

			if (*is_done || !config_family(o->c, family) ||
			    (h.port->host_ip.family && h.port->host_ip.family != family))
				continue;
			*is_done = true;
			ret = serve_host_port_of(&h, &ep->ips[j]);
		}
	}
	return ret;
}

static int serve_pods(struct lb_out *o)
{
	const struct cluster_node *n = o->node;
	int ret = 0;

	for (size_t i = 0; i < n->n_endpoints && !ret; i++) {
		const struct k8s_pod *pod = n->endpoints[i].pod;

		if (pod && !pod->deleting && config_serves_node_ports(o->c))
			ret = serve_host_ports(o, &n->endpoints[i]);
	}
	return ret;
}

int compile_services(struct cluster *c, struct cluster_node *node, struct err *err)
{
	const struct value *v = c->manifests.values;
	struct lb_out o = {
		.c = c,
		.node = node,
		.scratch = arena_new(),
		.stamp = ++c->parts->stamp,
		.maglev = values_is(v, "loadBalancer.algorithm", "maglev"),
		.maglev_inside = values_bool(v, "bpf.lbExternalClusterIP"),
		.maglev_size = values_number(v, "maglev.tableSize"),
		.err = err,
	};
	uint8_t seed[12] = { 0 };
	int ret;

	values_parse_seed(values_get(v, "maglev.hashSeed"), seed);
	o.maglev_seed = (uint32_t)seed[0] << 24 | (uint32_t)seed[1] << 16 | (uint32_t)seed[2] << 8 |
			seed[3];
	o.frontends = (struct table)TABLE_INIT(o.scratch);
	ret = serve_services(&o);
	if (!ret)
		ret = serve_pods(&o);
	arena_free(o.scratch);
	return ret;
}
