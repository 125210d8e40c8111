/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A cluster from its folder: nodes, who lives on them, and what each one's agent writes. */
#include "cluster/cluster.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cluster/compile.h"
#include "scenario/values.h"

#define HOST_ENDPOINT_ID 1
#define NODE_NAME_MAX	 200 /* a namespace's name holds more than the node's */

const struct cluster_node *cluster_node_by_name(const struct cluster *c, const char *name)
{
	for (size_t i = 0; i < c->n_nodes; i++)
		if (strcmp(c->nodes[i].name, name) == 0)
			return &c->nodes[i];
	return NULL;
}

const struct cluster_node *cluster_node_by_ip(const struct cluster *c, const struct ip_addr *ip)
{
	for (size_t i = 0; i < c->n_nodes; i++)
		for (size_t j = 0; j < c->nodes[i].n_ips; j++)
			if (ip_addr_equal(&c->nodes[i].ips[j], ip))
				return &c->nodes[i];
	return NULL;
}

static const struct k8s_pod *pod_by_name(const struct cluster *c, const char *ns, const char *name)
{
	for (size_t i = 0; i < c->manifests.n_pods; i++) {
		const struct k8s_pod *pod = &c->manifests.pods[i];

		if (strcmp(pod->meta.ns, ns) == 0 && strcmp(pod->meta.name, name) == 0)
			return pod;
	}
	return NULL;
}

static int unknown_node(const struct cluster *c, const char *name, const struct loc *at,
			struct err *err)
{
	const char **names = arena_alloc(c->arena, c->n_nodes * sizeof(*names));
	const char *near;

	for (size_t i = 0; i < c->n_nodes; i++)
		names[i] = c->nodes[i].name;
	near = nearest_name(name, names, c->n_nodes);
	if (near)
		return err_input(err, at, "no node '%s' in the cluster %s; did you mean '%s'?",
				 name, c->dir, near);
	return err_input(err, at, "no node '%s' in the cluster %s", name, c->dir);
}

static int unknown_pod(const struct cluster *c, const struct member *m, struct err *err)
{
	const char **names = arena_alloc(c->arena, (c->manifests.n_pods + 1) * sizeof(*names));
	const char *full = arena_printf(c->arena, "%s/%s", m->ns, m->name), *near;

	for (size_t i = 0; i < c->manifests.n_pods; i++)
		names[i] = arena_printf(c->arena, "%s/%s", c->manifests.pods[i].meta.ns,
					c->manifests.pods[i].meta.name);
	near = nearest_name(full, names, c->manifests.n_pods);
	if (near)
		return err_input(err, &m->loc, "no pod '%s' in the cluster %s; did you mean '%s'?",
				 full, c->dir, near);
	return err_input(err, &m->loc, "no pod '%s' in the cluster %s", full, c->dir);
}

struct cluster_place cluster_place_by_ip(const struct cluster *c, const struct ip_addr *ip)
{
	const struct cluster_node *node = cluster_node_by_ip(c, ip);

	if (node)
		return (struct cluster_place){ .node = (int)node->index };
	for (size_t i = 0; i < c->n_nodes; i++) {
		for (size_t j = 0; j < c->nodes[i].n_endpoints; j++) {
			const struct cluster_endpoint *ep = &c->nodes[i].endpoints[j];

			for (size_t k = 0; k < ep->n_ips; k++)
				if (ip_addr_equal(&ep->ips[k], ip))
					return (struct cluster_place){ (int)i, ep };
		}
	}
	return (struct cluster_place){ .node = -1 };
}

static int place_of_pod(const struct cluster *c, const struct member *m, struct cluster_place *out,
			struct err *err)
{
	const struct k8s_pod *pod = pod_by_name(c, m->ns, m->name);
	const struct cluster_node *node;

	if (!pod)
		return unknown_pod(c, m, err);
	if (!pod->node)
		return err_input(err, &m->loc, "pod '%s/%s' is on no node", m->ns, m->name);
	node = cluster_node_by_name(c, pod->node);
	*out = (struct cluster_place){ .node = (int)node->index };
	for (size_t i = 0; i < node->n_endpoints; i++)
		if (node->endpoints[i].pod == pod)
			out->endpoint = &node->endpoints[i];
	return 0;
}

int cluster_place_of(const struct cluster *c, const struct member *m, struct cluster_place *out,
		     struct err *err)
{
	const struct cluster_node *node;

	*out = (struct cluster_place){ .node = -1 };
	switch (m->kind) {
	case MEMBER_WORLD:
		return 0;
	case MEMBER_POD:
		return place_of_pod(c, m, out, err);
	case MEMBER_NODE:
		break;
	}
	node = cluster_node_by_name(c, m->name);
	if (!node)
		return unknown_node(c, m->name, &m->loc, err);
	out->node = (int)node->index;
	return 0;
}

int cluster_member_address(const struct cluster *c, const struct member *m,
			   const struct ip_addr *like, struct ip_addr *out, struct err *err)
{
	const struct cluster_node *node = NULL;
	const struct k8s_pod *pod = NULL;
	const struct ip_addr *ips;
	size_t n;

	if (m->kind == MEMBER_WORLD) {
		*out = *like;
		return 0;
	}
	if (m->kind == MEMBER_NODE)
		node = cluster_node_by_name(c, m->name);
	else
		pod = pod_by_name(c, m->ns, m->name);
	if (!node && !pod)
		return m->kind == MEMBER_NODE ? unknown_node(c, m->name, &m->loc, err)
					      : unknown_pod(c, m, err);
	if (pod && pod->host_network && pod->node)
		node = cluster_node_by_name(c, pod->node);
	ips = node ? node->ips : pod->ips;
	n = node ? node->n_ips : pod->n_ips;
	for (size_t i = 0; i < n; i++) {
		if (ips[i].family == like->family) {
			*out = ips[i];
			return 0;
		}
	}
	return err_input(err, &m->loc, "%s '%s' has no IPv%u address", node ? "node" : "pod",
			 node ? node->name : pod->meta.name, like->family);
}

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

static int make_nodes(struct cluster *c, struct err *err)
{
	c->nodes = arena_alloc(c->arena, c->manifests.n_nodes * sizeof(*c->nodes));
	for (size_t i = 0; i < c->manifests.n_nodes; i++) {
		const struct k8s_node *k = &c->manifests.nodes[i];
		struct cluster_node *n = &c->nodes[i];

		if (check_node(k, err))
			return -EINVAL;
		n->name = k->meta.name;
		n->index = (unsigned)i;
		n->manifest = k;
		n->ips = k->internal_ips;
		n->n_ips = k->n_internal_ips;
		n->device = values_get(c->manifests.values, "devices");
		for (size_t j = 0; j < n->n_ips; j++) {
			const struct cluster_node *other = cluster_node_by_ip(c, &n->ips[j]);

			if (other)
				return err_input(err, &k->meta.loc,
						 "node %s has an address of node %s", n->name,
						 other->name);
		}
		c->n_nodes++;
	}
	for (size_t i = 0; i < c->n_nodes; i++)
		c->nodes[i].remote_identity = node_has_api_server(c, &c->nodes[i])
						      ? IDENTITY_KUBE_APISERVER
						      : IDENTITY_REMOTE_NODE;
	return 0;
}

/* Two owners of one address would make its identity depend on the order of files. */
static int check_addresses(const struct cluster *c, const struct k8s_pod *pod, size_t before,
			   struct err *err)
{
	for (size_t i = 0; i < pod->n_ips; i++) {
		if (cluster_node_by_ip(c, &pod->ips[i]))
			return err_input(err, &pod->meta.loc,
					 "pod %s/%s has a node's address but is not hostNetwork",
					 pod->meta.ns, pod->meta.name);
		for (size_t j = 0; j < before; j++) {
			const struct k8s_pod *o = &c->manifests.pods[j];

			for (size_t k = 0; pod_has_endpoint(o) && k < o->n_ips; k++)
				if (ip_addr_equal(&o->ips[k], &pod->ips[i]))
					return err_input(err, &pod->meta.loc,
							 "pod %s/%s has the address of pod %s/%s",
							 pod->meta.ns, pod->meta.name, o->meta.ns,
							 o->meta.name);
		}
	}
	return 0;
}

static int check_pods(const struct cluster *c, struct err *err)
{
	for (size_t i = 0; i < c->manifests.n_pods; i++) {
		const struct k8s_pod *pod = &c->manifests.pods[i];

		if (pod->node && !cluster_node_by_name(c, pod->node))
			return unknown_node(c, pod->node, &pod->node_loc, err);
		if (pod_has_endpoint(pod) && check_addresses(c, pod, i, err))
			return -EINVAL;
	}
	return 0;
}

static int by_pod_name(const void *a, const void *b)
{
	const struct k8s_pod *x = *(const struct k8s_pod *const *)a,
			     *y = *(const struct k8s_pod *const *)b;
	int d = strcmp(x->meta.ns, y->meta.ns);

	return d ? d : strcmp(x->meta.name, y->meta.name);
}

/* The pods with an endpoint on this node, by name: the place decides the endpoint's id. */
static const struct k8s_pod **local_pods(const struct cluster *c, const struct cluster_node *node,
					 size_t *n)
{
	const struct k8s_pod **list =
		arena_alloc(c->arena, (c->manifests.n_pods + 1) * sizeof(*list));

	*n = 0;
	for (size_t i = 0; i < c->manifests.n_pods; i++) {
		const struct k8s_pod *pod = &c->manifests.pods[i];

		if (pod_has_endpoint(pod) && strcmp(pod->node, node->name) == 0)
			list[(*n)++] = pod;
	}
	qsort(list, *n, sizeof(*list), by_pod_name);
	return list;
}

static void make_endpoint(struct cluster *c, struct cluster_node *node, const struct idents *idents,
			  const struct k8s_pod *pod)
{
	struct cluster_endpoint *ep = &node->endpoints[node->n_endpoints];

	ep->id = (uint16_t)(HOST_ENDPOINT_ID + node->n_endpoints++);
	ep->is_host = !pod;
	ep->name = pod ? arena_printf(c->arena, "%s/%s", pod->meta.ns, pod->meta.name) : "host";
	ep->identity = pod ? pod_identity(c, idents, pod) : IDENTITY_HOST;
	ep->policy_map = arena_printf(c->arena, "cilium_policy_v2_%05u", ep->id);
	ep->ips = pod ? pod->ips : NULL;
	ep->n_ips = pod ? pod->n_ips : 0;
	ep->pod = pod;
}

static int compile_node(struct cluster *c, struct cluster_node *node, struct err *err)
{
	struct idents idents = node_idents(c, node);
	const struct k8s_pod **pods;
	size_t n;

	pods = local_pods(c, node, &n);
	if (n > 65000)
		return err_input(err, &node->manifest->meta.loc, "too many pods on node %s",
				 node->name);
	node->endpoints = arena_alloc(c->arena, (n + 1) * sizeof(*node->endpoints));
	make_endpoint(c, node, &idents, NULL);
	for (size_t i = 0; i < n; i++)
		make_endpoint(c, node, &idents, pods[i]);
	if (make_devices(c, node, err))
		return -EINVAL;
	compile_entries(c, node, &idents);
	compile_config(c, node);
	for (size_t i = 0; i < node->n_endpoints; i++)
		if (compile_policy(c, node, &idents, &node->endpoints[i], i ? pods[i - 1] : NULL,
				   err))
			return -EINVAL;
	return 0;
}

static int load(struct cluster *c, const struct value *overrides, struct err *err)
{
	if (manifests_load(c->arena, c->dir, overrides, &c->manifests, err) || make_nodes(c, err) ||
	    check_pods(c, err))
		return -EINVAL;
	for (size_t i = 0; i < c->n_nodes; i++)
		if (compile_node(c, &c->nodes[i], err))
			return -EINVAL;
	return 0;
}

int cluster_load(const char *dir, const struct value *overrides, struct cluster **out,
		 struct err *err)
{
	struct arena *a = arena_new();
	struct cluster *c = arena_new_of(a, struct cluster);
	int rc;

	c->arena = a;
	c->dir = arena_strdup(a, dir);
	rc = load(c, overrides, err);
	if (rc) {
		arena_free(a);
		return rc;
	}
	*out = c;
	return 0;
}

void cluster_free(struct cluster *c)
{
	if (c)
		arena_free(c->arena);
}
