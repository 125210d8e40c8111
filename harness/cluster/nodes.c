/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The nodes of a cluster, and the addresses they have. */
#include <errno.h>
#include <string.h>

#include "cluster/compile.h"
#include "cluster/parts.h"
#include "scenario/values.h"

#define NODE_NAME_MAX 200 /* a namespace's name holds more than the node's */

/* What can be a node's own address: not of networks 0 and 127, no group, no broadcast. */
static bool can_be_a_nodes(const struct ip_addr *ip)
{
	if (ip->family == 4)
		return ip->bytes[0] != 0 && ip->bytes[0] != 127 && ip->bytes[0] < 224;
	return ip->bytes[0] != 0xff && !(ip->bytes[0] == 0xfe && (ip->bytes[1] & 0xc0) == 0x80);
}

static int check_node_address(const struct k8s_node *k, const struct ip_addr *ip, struct err *err)
{
	__cleanup_buf struct buf text = BUF_INIT;

	if (can_be_a_nodes(ip))
		return 0;
	ip_addr_print(&text, ip);
	return err_input(err, &k->meta.loc, "no node can have the address %s that %s is given",
			 buf_str(&text), k->meta.name);
}

/* The name becomes that of a namespace and of a folder. */
static int check_node(const struct k8s_node *k, struct err *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-.";
	const char *name = k->meta.name;
	int ret = 0;

	if (!*name || name[strspn(name, allowed)] || *name == '.' || *name == '-' ||
	    strstr(name, "..") || strlen(name) > NODE_NAME_MAX)
		return err_input(
			err, &k->meta.loc,
			"'%s' is no name for a node: letters, digits, '-' and '.', at most "
			"%d of them, beginning with a letter or digit (RFC 1123)",
			name, NODE_NAME_MAX);
	for (size_t i = 0; i < k->n_internal_ips && !ret; i++)
		ret = check_node_address(k, &k->internal_ips[i], err);
	return ret;
}

/* The address after ip. */
static void next_address(struct ip_addr *ip)
{
	int i = ip->family == 4 ? 3 : 15;

	while (i >= 0 && ++ip->bytes[i] == 0)
		i--;
}

/* What an agent says of itself on its Node object; empty: nothing. */
static int annotated_router(const struct k8s_node *k, unsigned family, struct ip_addr *out,
			    struct err *err)
{
	const char *key = family == 4 ? "network.cilium.io/ipv4-cilium-host"
				      : "network.cilium.io/ipv6-cilium-host";
	const char *text = labels_get(&k->meta.annotations, key);

	if (!text || !*text)
		return 0;
	if (!ip_addr_parse(text, out) || out->family != family)
		return err_input(err, &k->meta.loc, "%s of node %s: '%s' is no IPv%u address", key,
				 k->meta.name, text, family);
	return 1;
}

static bool has_pod(const struct table *pods, const struct ip_addr *ip)
{
	struct ip_key key = ip_key(ip);

	return table_get(pods, &key, sizeof(key));
}

/* The first address of the node's network for pods that no pod has: agents take one of it. */
static bool free_router(const struct k8s_node *k, unsigned family, const struct table *pods,
			struct ip_addr *out)
{
	for (size_t i = 0; i < k->n_pod_cidrs; i++) {
		const struct cidr *net = &k->pod_cidrs[i];

		if (net->addr.family != family)
			continue;
		*out = net->addr;
		do
			next_address(out);
		while (has_pod(pods, out));
		return cidr_contains(&net->addr, net->prefix, out, family == 4 ? 32 : 128);
	}
	return false;
}

/* What cilium_host has already, as long as it is of the node's networks: an agent keeps it. */
static bool kept_router(const struct cluster_node *n, const struct ip_addr *had, size_t n_had,
			unsigned family, struct ip_addr *out)
{
	const struct k8s_node *k = n->manifest;

	for (size_t i = 0; i < n_had; i++) {
		if (had[i].family != family)
			continue;
		for (size_t j = 0; j < k->n_pod_cidrs; j++) {
			const struct cidr *net = &k->pod_cidrs[j];

			*out = had[i];
			if (cidr_contains(&net->addr, net->prefix, out, family == 4 ? 32 : 128))
				return true;
		}
	}
	return false;
}

static int set_routers(struct cluster *c, struct cluster_node *n, const struct table *pods,
		       struct err *err)
{
	const struct ip_addr *had = n->router_ips;
	size_t n_had = n->n_router_ips;

	n->router_ips = arena_alloc(c->arena, 2 * sizeof(*n->router_ips));
	n->n_router_ips = 0;
	for (unsigned family = 4; family <= 6; family += 2) {
		struct ip_addr ip = { 0 };
		int ret = annotated_router(n->manifest, family, &ip, err);

		if (ret < 0)
			return ret;
		if (ret > 0 || kept_router(n, had, n_had, family, &ip) ||
		    free_router(n->manifest, family, pods, &ip))
			n->router_ips[n->n_router_ips++] = ip;
	}
	return 0;
}

static void set_manifest(struct cluster *c, struct cluster_node *n, const struct k8s_node *k)
{
	n->manifest = k;
	n->name = k->meta.name;
	n->ips = k->internal_ips;
	n->n_ips = k->n_internal_ips;
	n->device = values_get(c->manifests.values, "devices");
}

static struct table addresses_of_pods(const struct cluster *c)
{
	struct table t = TABLE_INIT(c->arena);

	for (size_t i = 0; i < c->manifests.n_pods; i++) {
		struct k8s_pod *pod = &c->manifests.pods[i];

		for (size_t j = 0; j < pod->n_ips && !pod->host_network; j++) {
			struct ip_key key = ip_key(&pod->ips[j]);

			*table_slot(&t, &key, sizeof(key)) = pod;
		}
	}
	return t;
}

/* The nodes that there are keep their place. */
static void make_room(struct cluster *c, size_t n)
{
	struct cluster_node *nodes = arena_alloc(c->arena, n * sizeof(*nodes));
	struct node_parts *parts = arena_alloc(c->arena, n * sizeof(*parts));

	if (c->n_nodes) {
		memcpy(nodes, c->nodes, c->n_nodes * sizeof(*nodes));
		memcpy(parts, c->parts->nodes, c->n_nodes * sizeof(*parts));
	}
	c->nodes = nodes;
	c->parts->nodes = parts;
}

static struct cluster_node *add_node(struct cluster *c)
{
	struct cluster_node *n = &c->nodes[c->n_nodes];
	struct node_parts *p = &c->parts->nodes[c->n_nodes];

	n->index = (unsigned)c->n_nodes++;
	p->endpoints = ids_from(c->arena, 1);
	p->services = ids_from(c->arena, 1);
	return n;
}

static int fill_node(struct cluster *c, struct cluster_node *n, const struct k8s_node *k,
		     const struct table *pods, struct err *err)
{
	if (check_node(k, err))
		return -EINVAL;
	n->is_gone = false;
	set_manifest(c, n, k);
	return set_routers(c, n, pods, err);
}

int make_nodes(struct cluster *c, struct err *err)
{
	struct table pods = addresses_of_pods(c);

	make_room(c, c->manifests.n_nodes);
	for (size_t i = 0; i < c->manifests.n_nodes; i++)
		if (fill_node(c, add_node(c), &c->manifests.nodes[i], &pods, err))
			return -EINVAL;
	return 0;
}

/* Its numbers stay, for it may come back; no address leads to it. */
static void empty_node(struct cluster *c, struct cluster_node *n)
{
	struct k8s_node *nothing = arena_new_of(c->arena, struct k8s_node);

	nothing->meta = n->manifest->meta;
	nothing->meta.labels = (struct labels){ 0 };
	n->manifest = nothing;
	n->n_ips = n->n_router_ips = 0;
	n->is_gone = true;
}

static struct table slots_by_name(const struct cluster *c)
{
	struct table t = TABLE_INIT(c->arena);

	for (size_t i = 0; i < c->n_nodes; i++)
		*table_slot_text(&t, c->nodes[i].name) = &c->nodes[i];
	return t;
}

int renew_nodes(struct cluster *c, struct err *err)
{
	struct table pods = addresses_of_pods(c), slots;
	const struct manifests *m = &c->manifests;
	size_t n_before = c->n_nodes;
	bool *is_there = arena_alloc(c->arena, (n_before + 1) * sizeof(*is_there));

	make_room(c, n_before + m->n_nodes);
	slots = slots_by_name(c);
	for (size_t i = 0; i < m->n_nodes; i++) {
		const struct k8s_node *k = &m->nodes[i];
		struct cluster_node *n = table_get_text(&slots, k->meta.name);

		if (n)
			is_there[n->index] = true;
		if (fill_node(c, n ?: add_node(c), k, &pods, err))
			return -EINVAL;
	}
	for (size_t i = 0; i < n_before; i++)
		if (!is_there[i])
			empty_node(c, &c->nodes[i]);
	return 0;
}
