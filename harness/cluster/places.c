/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who is found under a name or an address. */
#include <errno.h>
#include <string.h>

#include "base/words.h"
#include "cluster/compile.h"
#include "cluster/parts.h"

struct ip_key ip_key(const struct ip_addr *ip)
{
	struct ip_key key = { { ip->family } };

	memcpy(key.bytes + 1, ip->bytes, ip->family == 4 ? 4 : 16);
	return key;
}

const char *pod_full_name(struct arena *a, const struct k8s_pod *pod)
{
	return arena_printf(a, "%s/%s", pod->meta.ns, pod->meta.name);
}

const struct cluster_node *cluster_node_by_name(const struct cluster *c, const char *name)
{
	return table_get_text(&c->parts->nodes_by_name, name);
}

const struct cluster_node *cluster_node_by_ip(const struct cluster *c, const struct ip_addr *ip)
{
	struct ip_key key = ip_key(ip);

	return table_get(&c->parts->nodes_by_ip, &key, sizeof(key));
}

const struct cluster_node *cluster_node_by_mac(const struct cluster *c, const uint8_t mac[6])
{
	return table_get(&c->parts->nodes_by_mac, mac, 6);
}

static const struct k8s_pod *pod_by_name(const struct cluster *c, const char *ns, const char *name)
{
	__cleanup_buf struct buf full = BUF_INIT;

	buf_printf(&full, "%s/%s", ns, name);
	return table_get_text(&c->parts->pods_by_name, buf_str(&full));
}

static struct cluster_endpoint *endpoint_of(const struct cluster *c, const struct k8s_pod *pod)
{
	return c->parts->endpoint_of[pod - c->manifests.pods];
}

int unknown_node(const struct cluster *c, const char *name, const struct loc *at, struct err *err)
{
	const char **names = arena_alloc(c->arena, (c->n_nodes + 1) * sizeof(*names));
	const char *near;
	size_t n = 0;

	for (size_t i = 0; i < c->n_nodes; i++)
		if (!c->nodes[i].is_gone)
			names[n++] = c->nodes[i].name;
	near = nearest_name(name, names, n);
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
		names[i] = pod_full_name(c->arena, &c->manifests.pods[i]);
	near = nearest_name(full, names, c->manifests.n_pods);
	if (near)
		return err_input(err, &m->loc, "no pod '%s' in the cluster %s; did you mean '%s'?",
				 full, c->dir, near);
	return err_input(err, &m->loc, "no pod '%s' in the cluster %s", full, c->dir);
}

struct cluster_place cluster_place_by_ip(const struct cluster *c, const struct ip_addr *ip)
{
	const struct cluster_node *node = cluster_node_by_ip(c, ip);
	struct ip_key key = ip_key(ip);
	const struct k8s_pod *pod;

	if (node)
		return (struct cluster_place){ .node = (int)node->index };
	pod = table_get(&c->parts->pods_by_ip, &key, sizeof(key));
	if (!pod)
		return (struct cluster_place){ .node = -1 };
	node = cluster_node_by_name(c, pod->node);
	return (struct cluster_place){ (int)node->index, endpoint_of(c, pod) };
}

static int place_of_pod(const struct cluster *c, const struct member *m, struct cluster_place *out,
			struct err *err)
{
	const struct k8s_pod *pod = pod_by_name(c, m->ns, m->name);

	if (!pod)
		return unknown_pod(c, m, err);
	if (!pod->node)
		return err_input(err, &m->loc, "pod '%s/%s' is on no node", m->ns, m->name);
	*out = (struct cluster_place){ (int)cluster_node_by_name(c, pod->node)->index,
				       endpoint_of(c, pod) };
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

static int add_node_address(struct cluster *c, struct cluster_node *node, const struct ip_addr *ip,
			    struct err *err)
{
	struct ip_key key = ip_key(ip);
	void **slot = table_slot(&c->parts->nodes_by_ip, &key, sizeof(key));
	const struct cluster_node *other = *slot;

	if (other && other != node)
		return err_input(err, &node->manifest->meta.loc,
				 "node %s has an address of node %s", node->name, other->name);
	*slot = node;
	return 0;
}

static int add_node(struct cluster *c, struct cluster_node *node, struct err *err)
{
	int ret = 0;

	if (node->is_gone)
		return 0;
	*table_slot_text(&c->parts->nodes_by_name, node->name) = node;
	for (size_t i = 0; i < node->n_ips && !ret; i++)
		ret = add_node_address(c, node, &node->ips[i], err);
	for (size_t i = 0; i < node->n_router_ips && !ret; i++)
		ret = add_node_address(c, node, &node->router_ips[i], err);
	return ret;
}

/* Two owners of one address would make its identity depend on the order of files. */
static int add_pod_address(struct cluster *c, struct k8s_pod *pod, const struct ip_addr *ip,
			   struct err *err)
{
	struct ip_key key = ip_key(ip);
	void **slot = table_slot(&c->parts->pods_by_ip, &key, sizeof(key));
	const struct k8s_pod *other = *slot;

	if (cluster_node_by_ip(c, ip))
		return err_input(err, &pod->meta.loc,
				 "pod %s/%s has a node's address but is not hostNetwork",
				 pod->meta.ns, pod->meta.name);
	if (other)
		return err_input(err, &pod->meta.loc, "pod %s/%s has the address of pod %s/%s",
				 pod->meta.ns, pod->meta.name, other->meta.ns, other->meta.name);
	*slot = pod;
	return 0;
}

static int add_pod(struct cluster *c, struct k8s_pod *pod, struct err *err)
{
	__cleanup_buf struct buf full = BUF_INIT;
	int ret = 0;

	if (pod->node && !cluster_node_by_name(c, pod->node))
		return unknown_node(c, pod->node, &pod->node_loc, err);
	buf_printf(&full, "%s/%s", pod->meta.ns, pod->meta.name);
	*table_slot_text(&c->parts->pods_by_name, buf_str(&full)) = pod;
	for (size_t i = 0; i < pod->n_ips && pod_has_endpoint(pod) && !ret; i++)
		ret = add_pod_address(c, pod, &pod->ips[i], err);
	return ret;
}

int make_places(struct cluster *c, struct err *err)
{
	struct cluster_parts *p = c->parts;
	int ret = 0;

	p->nodes_by_name = p->nodes_by_ip = p->nodes_by_mac = p->pods_by_name = p->pods_by_ip =
		(struct table)TABLE_INIT(c->arena);
	for (size_t i = 0; i < c->n_nodes && !ret; i++)
		ret = add_node(c, &c->nodes[i], err);
	for (size_t i = 0; i < c->manifests.n_pods && !ret; i++)
		ret = add_pod(c, &c->manifests.pods[i], err);
	return ret;
}
