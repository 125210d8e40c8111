/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What each node's maps hold besides policy and services: who has which address, who lives here, which
 * number a node has.
 */
#include <string.h>

#include "cluster/compile.h"
#include "cluster/config.h"
#include "cluster/entry.h"
#include "cluster/parts.h"
#include "cluster/service.h"
#include "scenario/values.h"

#define IPCACHE_STATIC_BITS 32 /* cluster id, padding, family */
#define FAMILY_IPV4	    1
#define FAMILY_IPV6	    2
#define ENDPOINT_F_HOST	    1

void add_entry(struct cluster *c, struct cluster_node *node, const char *map, struct value *key,
	       struct value *value)
{
	entry_add(c, node, arena_strdup(c->arena, map), key, value);
}

static struct value *family_of(struct cluster *c, const struct ip_addr *ip)
{
	return entry_number(c, ip->family == 4 ? FAMILY_IPV4 : FAMILY_IPV6);
}

/* {ip4: 10.0.0.1} or {ip6: fd00::1}, between other fields. */
static struct value *if_family(struct cluster *c, const struct ip_addr *ip, unsigned family)
{
	return ip->family == family ? entry_address(c, ip) : NULL;
}

struct ipcache_entry {
	struct ip_addr ip;
	unsigned prefix;
	uint32_t identity;
	const struct ip_addr *tunnel; /* NULL: no tunnel leads there */
	bool skip_tunnel; /* known, but routed to */
};

static struct value *ipcache_key(struct cluster *c, const struct ipcache_entry *e)
{
	static const struct shape lpm = SHAPE("prefixlen"),
				  key = SHAPE("lpm_key", "family", "ip4", "ip6");
	struct value *bits = entry_number(c, IPCACHE_STATIC_BITS + e->prefix);

	return entry_struct(c, &key,
			    (struct value *[]){ entry_struct(c, &lpm, &bits), family_of(c, &e->ip),
						if_family(c, &e->ip, 4), if_family(c, &e->ip, 6) });
}

static struct value *ipcache_value(struct cluster *c, const struct ipcache_entry *e)
{
	static const struct shape plain = SHAPE("sec_identity"), endpoint = SHAPE("ip4", "ip6"),
				  tunnelled = SHAPE("sec_identity", "tunnel_endpoint",
						    "flag_skip_tunnel", "flag_has_tunnel_ep",
						    "flag_ipv6_tunnel_ep");
	struct value *identity = entry_number(c, e->identity), *to;

	if (!e->tunnel)
		return entry_struct(c, &plain, &identity);
	to = entry_struct(
		c, &endpoint,
		(struct value *[]){ if_family(c, e->tunnel, 4), if_family(c, e->tunnel, 6) });
	return entry_struct(c, &tunnelled,
			    (struct value *[]){ identity, to, entry_flag(c, e->skip_tunnel),
						entry_flag(c, true),
						entry_flag(c, e->tunnel->family == 6) });
}

static void add_ipcache(struct cluster *c, struct cluster_node *node, const struct ipcache_entry *e)
{
	entry_add(c, node, "cilium_ipcache_v2", ipcache_key(c, e), ipcache_value(c, e));
}

static unsigned full_prefix(const struct ip_addr *ip)
{
	return ip->family == 4 ? 32 : 128;
}

/* A tunnel to a node is known wherever there are tunnels: DSR takes it to backends in a host's network. But
 * packets to nodes are routed, unless the host firewall wants them to carry their sender's identity; only what
 * goes to nodes' routers always goes through it.
 */
static void add_node(struct cluster *c, struct cluster_node *node, const struct cluster_node *other)
{
	bool firewall = values_bool(c->manifests.values, "hostFirewall.enabled"),
	     here = other == node;
	struct ipcache_entry e = {
		.identity = here ? IDENTITY_HOST : other->remote_identity,
		.tunnel = config_has_tunnel_device(c) && !here ? tunnel_address(c, other) : NULL,
		.skip_tunnel = !config_tunnels(c) || !firewall,
	};
	const struct k8s_node *k = other->manifest;

	for (size_t i = 0; i < other->n_ips + k->n_external_ips; i++) {
		e.ip = i < other->n_ips ? other->ips[i] : k->external_ips[i - other->n_ips];
		e.prefix = full_prefix(&e.ip);
		add_ipcache(c, node, &e);
	}
	e.skip_tunnel = !config_tunnels(c);
	for (size_t i = 0; i < other->n_router_ips; i++) {
		e.ip = other->router_ips[i];
		e.prefix = full_prefix(&e.ip);
		add_ipcache(c, node, &e);
	}
}

/* Where pods of other nodes live is known in any case; only where nodes tunnel it is the way there. */
static void add_pods_of(struct cluster *c, struct cluster_node *node,
			const struct cluster_node *home)
{
	for (size_t i = 0; i < home->n_endpoints; i++) {
		const struct cluster_endpoint *ep = &home->endpoints[i];
		struct ipcache_entry e = {
			.identity = ep->identity,
			.tunnel = home != node ? tunnel_address(c, home) : NULL,
			.skip_tunnel = !config_tunnels(c),
		};

		for (size_t j = 0; j < ep->n_ips; j++) {
			e.ip = ep->ips[j];
			e.prefix = full_prefix(&e.ip);
			add_ipcache(c, node, &e);
		}
	}
}

/* The networks that policies name. */
struct networks {
	const struct ident **list;
	size_t n;
};

static struct networks named_networks(struct cluster *c)
{
	struct networks all = { NULL, 0 };

	for (size_t i = 0; i < c->idents->n; i++) {
		if (!c->idents->list[i].is_cidr)
			continue;
		all.list = arena_grow(c->arena, all.list, all.n, sizeof(*all.list));
		all.list[all.n++] = &c->idents->list[i];
	}
	return all;
}

/* The narrowest one around it; NULL: none. */
static const struct ident *network_around(const struct networks *all, const struct cidr *net)
{
	const struct ident *best = NULL;

	for (size_t i = 0; i < all->n; i++) {
		const struct ident *id = all->list[i];

		if ((!best || id->prefix > best->prefix) &&
		    cidr_contains(&id->addr, id->prefix, &net->addr, net->prefix))
			best = id;
	}
	return best;
}

/* For pods that are not known yet: the tunnel leads to whatever is of the node's networks. */
static void add_pod_networks(struct cluster *c, struct cluster_node *node,
			     const struct cluster_node *other, const struct networks *named)
{
	const struct k8s_node *k = other->manifest;

	for (size_t i = 0; i < k->n_pod_cidrs && config_tunnels(c) && other != node; i++) {
		const struct cidr *net = &k->pod_cidrs[i];
		const struct ident *in = network_around(named, net);

		if (!in || in->prefix != net->prefix)
			add_ipcache(c, node,
				    &(struct ipcache_entry){
					    .ip = net->addr,
					    .prefix = net->prefix,
					    .identity = in ? in->id
							   : world_identity(c, net->addr.family),
					    .tunnel = tunnel_address(c, other),
				    });
	}
}

static void add_world(struct cluster *c, struct cluster_node *node, const struct networks *named)
{
	struct ipcache_entry e = { 0 };

	for (uint8_t family = 4; family <= 6; family += 2) {
		e.ip.family = family;
		e.identity = world_identity(c, family);
		add_ipcache(c, node, &e);
	}
	for (size_t i = 0; i < named->n; i++)
		add_ipcache(c, node,
			    &(struct ipcache_entry){ .ip = named->list[i]->addr,
						     .prefix = named->list[i]->prefix,
						     .identity = named->list[i]->id });
}

static struct value *lxc_key(struct cluster *c, const struct ip_addr *ip)
{
	static const struct shape key = SHAPE("family", "ip4", "ip6");

	return entry_struct(
		c, &key,
		(struct value *[]){ family_of(c, ip), if_family(c, ip, 4), if_family(c, ip, 6) });
}

static void add_host(struct cluster *c, struct cluster_node *node, const struct ip_addr *ips,
		     size_t n)
{
	static const struct shape host = SHAPE("flags");
	struct value *flags = entry_number(c, ENDPOINT_F_HOST);

	for (size_t i = 0; i < n; i++)
		entry_add(c, node, "cilium_lxc", lxc_key(c, &ips[i]),
			  entry_struct(c, &host, &flags));
}

static void add_endpoint(struct cluster *c, struct cluster_node *node,
			 const struct cluster_endpoint *ep)
{
	static const struct shape pod = SHAPE("ifindex", "lxc_id", "mac", "node_mac", "sec_id");
	struct value *v = entry_struct(
		c, &pod,
		(struct value *[]){ entry_number(c, ep->device->ifindex), entry_number(c, ep->id),
				    entry_mac(c, ep->mac), entry_mac(c, ep->device->mac),
				    entry_number(c, ep->identity) });

	for (size_t i = 0; i < ep->n_ips; i++)
		entry_add(c, node, "cilium_lxc", lxc_key(c, &ep->ips[i]), v);
}

/* Numbers of other nodes, for what is agreed on with them; each of a node's addresses stands for it. */
static void add_node_number(struct cluster *c, struct cluster_node *node,
			    const struct cluster_node *other)
{
	static const struct shape number = SHAPE("id");
	struct value *id = entry_number(c, other->index + 1);

	for (size_t i = 0; i < other->n_ips && other != node; i++)
		entry_add(c, node, "cilium_node_map_v2", lxc_key(c, &other->ips[i]),
			  entry_struct(c, &number, &id));
}

int compile_entries(struct cluster *c, struct cluster_node *node, struct err *err)
{
	struct networks named = named_networks(c);

	for (size_t i = 0; i < c->n_nodes; i++)
		add_node(c, node, &c->nodes[i]);
	for (size_t i = 0; i < c->n_nodes; i++)
		add_pods_of(c, node, &c->nodes[i]);
	for (size_t i = 0; i < c->n_nodes; i++)
		add_pod_networks(c, node, &c->nodes[i], &named);
	add_world(c, node, &named);
	add_host(c, node, node->ips, node->n_ips);
	add_host(c, node, node->router_ips, node->n_router_ips);
	for (size_t i = 0; i < node->n_endpoints; i++)
		if (!node->endpoints[i].is_host)
			add_endpoint(c, node, &node->endpoints[i]);
	for (size_t i = 0; i < c->n_nodes; i++)
		add_node_number(c, node, &c->nodes[i]);
	add_masquerade(c, node);
	add_bandwidth(c, node);
	return compile_services(c, node, err);
}
