/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A cluster from its folder: nodes, who lives on them, and what each one's agent writes. */
#include "cluster/cluster.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cluster/compile.h"
#include "cluster/config.h"
#include "cluster/parts.h"
#include "cluster/policy.h"
#include "scenario/values.h"

#define HOST_ENDPOINT_ID 1
#define MAX_ENDPOINTS	 65000 /* of one node: ids are 16 bits wide */

static void make_endpoint(struct cluster *c, struct cluster_node *node, const struct k8s_pod *pod)
{
	struct cluster_endpoint *ep = &node->endpoints[node->n_endpoints++];
	struct ids *ids = &c->parts->nodes[node->index].endpoints;

	*ep = (struct cluster_endpoint){
		.name = pod ? pod_full_name(c->arena, pod) : "host",
		.is_host = !pod,
		.identity = pod ? pod_identity(c, pod) : IDENTITY_HOST,
		.ips = pod ? pod->ips : NULL,
		.n_ips = pod ? pod->n_ips : 0,
		.pod = pod,
	};
	ep->id = (uint16_t)ids_give(ids, ep->name, strlen(ep->name));
	ep->policy_map = arena_printf(c->arena, "cilium_policy_v2_%05u", ep->id);
	if (pod)
		c->parts->endpoint_of[pod - c->manifests.pods] = ep;
}

static int by_pod_name(const void *a, const void *b)
{
	const struct k8s_pod *x = *(const struct k8s_pod *const *)a,
			     *y = *(const struct k8s_pod *const *)b;
	int d = strcmp(x->meta.ns, y->meta.ns);

	return d ? d : strcmp(x->meta.name, y->meta.name);
}

/* In the order of their names, so that ids do not depend on the order of files. */
static void make_endpoints_of(struct cluster *c, struct cluster_node *node,
			      const struct k8s_pod **pods, size_t n)
{
	if (n)
		qsort(pods, n, sizeof(*pods), by_pod_name);
	node->endpoints = arena_alloc(c->arena, (n + 1) * sizeof(*node->endpoints));
	node->n_endpoints = 0;
	make_endpoint(c, node, NULL);
	for (size_t i = 0; i < n; i++)
		make_endpoint(c, node, pods[i]);
}

struct pod_list {
	const struct k8s_pod **pods;
	size_t n;
};

static struct pod_list *pods_by_node(struct cluster *c)
{
	struct pod_list *lists = arena_alloc(c->arena, c->n_nodes * sizeof(*lists));

	for (size_t i = 0; i < c->manifests.n_pods; i++) {
		const struct k8s_pod *pod = &c->manifests.pods[i];
		struct pod_list *l;

		if (!pod_has_endpoint(pod))
			continue;
		l = &lists[cluster_node_by_name(c, pod->node)->index];
		l->pods = arena_grow(c->arena, l->pods, l->n, sizeof(*l->pods));
		l->pods[l->n++] = pod;
	}
	return lists;
}

static int make_endpoints(struct cluster *c, struct err *err)
{
	struct pod_list *lists = pods_by_node(c);

	c->parts->endpoint_of =
		arena_alloc(c->arena, (c->manifests.n_pods + 1) * sizeof(*c->parts->endpoint_of));
	for (size_t i = 0; i < c->n_nodes; i++) {
		struct cluster_node *node = &c->nodes[i];

		if (lists[i].n > MAX_ENDPOINTS)
			return err_input(err, &node->manifest->meta.loc, "too many pods on node %s",
					 node->name);
		make_endpoints_of(c, node, lists[i].pods, lists[i].n);
		if (make_devices(c, node, err))
			return -EINVAL;
		if (!node->is_gone)
			*table_slot(&c->parts->nodes_by_mac,
				    cluster_device_of_role(node, "native")->mac, 6) = node;
		device_config(c, node);
	}
	return 0;
}

/* All that one generation has, but for what single nodes' agents write. */
static int make_generation(struct cluster *c, struct err *err)
{
	int ret = make_places(c, err);

	if (!ret)
		ret = make_identities(c, err);
	if (!ret)
		ret = make_policies(c, err);
	if (ret)
		return ret;
	for (size_t i = 0; i < c->n_nodes; i++)
		c->nodes[i].remote_identity = node_has_api_server(c, &c->nodes[i])
						      ? IDENTITY_KUBE_APISERVER
						      : IDENTITY_REMOTE_NODE;
	ret = make_endpoints(c, err);
	c->parts->services = NULL;
	c->generation++;
	return ret;
}

static int compile(struct cluster *c, struct cluster_node *node, struct err *err)
{
	node->entries = NULL;
	node->n_entries = 0;
	node->config = NULL;
	node->n_config = 0;
	compile_config(c, node);
	if (compile_entries(c, node, err))
		return -EINVAL;
	for (size_t i = 0; i < node->n_endpoints; i++)
		if (compile_policy(c, node, &node->endpoints[i], err))
			return -EINVAL;
	return 0;
}

int cluster_compile_node(const struct cluster *c, unsigned index, struct err *err)
{
	struct node_parts *parts = &c->parts->nodes[index];
	int ret;

	if (parts->compiled == c->generation)
		return 0;
	ret = compile(c->parts->cluster, &c->nodes[index], err);
	if (!ret)
		parts->compiled = c->generation;
	return ret;
}

static int load(struct cluster *c, const struct value *overrides, struct err *err)
{
	int ret = manifests_load(c->arena, c->dir, overrides, &c->manifests, err);

	if (!ret)
		ret = check_config(c, err);
	if (ret)
		return ret;
	make_map_sizes(c);
	ret = make_nodes(c, err);
	return ret ? ret : make_generation(c, err);
}

static struct cluster_parts *new_parts(struct cluster *c)
{
	struct cluster_parts *p = arena_new_of(c->arena, struct cluster_parts);

	p->cluster = c;
	p->words.keys = (struct table)TABLE_INIT(c->arena);
	p->backends = ids_from(c->arena, 1);
	return p;
}

int cluster_load(const char *dir, const struct value *overrides, struct cluster **out,
		 struct err *err)
{
	struct arena *a = arena_new();
	struct cluster *c = arena_new_of(a, struct cluster);
	int rc;

	c->arena = a;
	c->dir = arena_strdup(a, dir);
	c->parts = new_parts(c);
	rc = load(c, overrides, err);
	if (rc) {
		arena_free(a);
		return rc;
	}
	*out = c;
	return 0;
}

int cluster_rebuild(struct cluster *c, struct err *err)
{
	int ret = renew_nodes(c, err);

	return ret ? ret : make_generation(c, err);
}

void cluster_free(struct cluster *c)
{
	if (c)
		arena_free(c->arena);
}
