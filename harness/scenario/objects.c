/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Node, Pod, Endpoints and EndpointSlice, and labels: what of them the datapath hears of. */
#include <errno.h>
#include <string.h>

#include "scenario/kinds.h"

static const struct value *field(const struct value *v, const char *path)
{
	const struct value *f = value_path(v, path);

	return f && f->kind == VALUE_NULL ? NULL : f;
}

int object_list(struct schema_ctx *ctx, const struct value *v, const char *path,
		const struct value **out)
{
	*out = field(v, path);
	if (*out && (*out)->kind != VALUE_LIST)
		return err_input(ctx->err, &(*out)->loc, "%s: expected a list", path);
	return 0;
}

int object_text(struct schema_ctx *ctx, const struct value *v, const char *path, const char **out)
{
	const struct value *f = field(v, path);

	*out = NULL;
	if (f && f->kind != VALUE_SCALAR)
		return err_input(ctx->err, &f->loc, "%s: expected text", path);
	if (f && *f->text)
		*out = f->text;
	return 0;
}

int read_address(struct schema_ctx *ctx, const struct value *v, struct ip_addr **list, size_t *n)
{
	struct ip_addr addr;

	if (!value_text(v) || !ip_addr_parse(v->text, &addr))
		return err_input(ctx->err, &v->loc, "'%s' is no IP address",
				 value_text(v) ? v->text : "");
	for (size_t i = 0; i < *n; i++)
		if (ip_addr_equal(&(*list)[i], &addr))
			return 0; /* podIP stands again in podIPs */
	*list = arena_grow(ctx->arena, *list, *n, sizeof(addr));
	(*list)[(*n)++] = addr;
	return 0;
}

int object_address(struct schema_ctx *ctx, const struct value *v, const char *path,
		   struct ip_addr **list, size_t *n)
{
	const struct value *f = field(v, path);

	return f ? read_address(ctx, f, list, n) : 0;
}

int read_labels(struct schema_ctx *ctx, const struct value *v, struct labels *out)
{
	if (!v || v->kind == VALUE_NULL)
		return 0;
	if (v->kind != VALUE_MAP)
		return err_input(ctx->err, &v->loc, "expected a map of texts");
	for (size_t i = 0; i < v->n; i++) {
		const struct value *item = v->items[i];

		if (item->kind != VALUE_SCALAR && item->kind != VALUE_NULL)
			return err_input(ctx->err, &item->loc, "%s: expected text",
					 v->keys[i]->text);
		out->items = arena_grow(ctx->arena, out->items, out->n, sizeof(*out->items));
		out->items[out->n++] =
			(struct label){ v->keys[i]->text, item->text ? item->text : "" };
	}
	return 0;
}

const char *labels_get(const struct labels *l, const char *key)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->items[i].key, key) == 0)
			return l->items[i].value;
	return NULL;
}

int read_node(struct schema_ctx *ctx, const struct value *doc, struct k8s_meta *meta,
	      struct manifests *out)
{
	struct k8s_node node = { .meta = *meta };
	const struct value *list;

	if (object_list(ctx, doc, "status.addresses", &list))
		return -EINVAL;
	for (size_t i = 0; list && i < list->n; i++) {
		const char *type = value_text(value_get(list->items[i], "type"));

		if (type && strcmp(type, "InternalIP") == 0 &&
		    object_address(ctx, list->items[i], "address", &node.internal_ips,
				   &node.n_internal_ips))
			return -EINVAL;
	}
	if (!node.n_internal_ips)
		return err_input(ctx->err, &meta->loc,
				 "node %s has no InternalIP in status.addresses", meta->name);
	if (object_list(ctx, doc, "spec.podCIDRs", &list))
		return -EINVAL;
	for (size_t i = 0; list && i < list->n; i++) {
		const char *cidr;

		if (read_string(ctx, list->items[i], &cidr))
			return -EINVAL;
		node.pod_cidrs = arena_grow(ctx->arena, node.pod_cidrs, node.n_pod_cidrs,
					    sizeof(*node.pod_cidrs));
		node.pod_cidrs[node.n_pod_cidrs++] = cidr;
	}
	out->nodes = arena_grow(ctx->arena, out->nodes, out->n_nodes, sizeof(node));
	out->nodes[out->n_nodes++] = node;
	return 0;
}

/* A pod that ran to its end keeps its addresses in its status while another pod may have them. */
static bool is_over(const struct value *doc)
{
	const char *phase = value_text(field(doc, "status.phase"));

	return phase && (strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0);
}

int read_pod(struct schema_ctx *ctx, const struct value *doc, struct k8s_meta *meta,
	     struct manifests *out)
{
	const struct value *host = field(doc, "spec.hostNetwork"), *ips,
			   *node = field(doc, "spec.nodeName");
	struct k8s_pod pod = { .meta = *meta };

	if (is_over(doc))
		return 0;
	if (node)
		pod.node_loc = node->loc;
	if (object_text(ctx, doc, "spec.nodeName", &pod.node) ||
	    object_text(ctx, doc, "spec.serviceAccountName", &pod.service_account) ||
	    (host && read_bool(ctx, host, &pod.host_network)) ||
	    object_address(ctx, doc, "status.podIP", &pod.ips, &pod.n_ips) ||
	    object_list(ctx, doc, "status.podIPs", &ips))
		return -EINVAL;
	for (size_t i = 0; ips && i < ips->n; i++)
		if (object_address(ctx, ips->items[i], "ip", &pod.ips, &pod.n_ips))
			return -EINVAL;
	out->pods = arena_grow(ctx->arena, out->pods, out->n_pods, sizeof(pod));
	out->pods[out->n_pods++] = pod;
	return 0;
}

static void add_endpoints(struct schema_ctx *ctx, struct manifests *out, struct k8s_endpoints ep)
{
	out->endpoints = arena_grow(ctx->arena, out->endpoints, out->n_endpoints, sizeof(ep));
	out->endpoints[out->n_endpoints++] = ep;
}

int read_endpoint_slice(struct schema_ctx *ctx, const struct value *doc, struct k8s_meta *meta,
			struct manifests *out)
{
	struct k8s_endpoints ep = { .meta = *meta };
	const char *type = value_text(field(doc, "addressType"));
	const struct value *list;

	ep.service = labels_get(&meta->labels, "kubernetes.io/service-name");
	if (!ep.service || (type && strcmp(type, "FQDN") == 0))
		return 0;
	if (object_list(ctx, doc, "endpoints", &list))
		return -EINVAL;
	for (size_t i = 0; list && i < list->n; i++) {
		const struct value *addresses;
		const char *ready = value_text(field(list->items[i], "conditions.ready"));

		if (object_list(ctx, list->items[i], "addresses", &addresses))
			return -EINVAL;
		if (ready && strcmp(ready, "false") == 0)
			continue;
		for (size_t j = 0; addresses && j < addresses->n; j++)
			if (read_address(ctx, addresses->items[j], &ep.addresses, &ep.n_addresses))
				return -EINVAL;
	}
	add_endpoints(ctx, out, ep);
	return 0;
}

int read_endpoints(struct schema_ctx *ctx, const struct value *doc, struct k8s_meta *meta,
		   struct manifests *out)
{
	struct k8s_endpoints ep = { .meta = *meta, .service = meta->name };
	const struct value *subsets;

	if (object_list(ctx, doc, "subsets", &subsets))
		return -EINVAL;
	for (size_t i = 0; subsets && i < subsets->n; i++) {
		const struct value *list;

		if (object_list(ctx, subsets->items[i], "addresses", &list))
			return -EINVAL;
		for (size_t j = 0; list && j < list->n; j++)
			if (object_address(ctx, list->items[j], "ip", &ep.addresses,
					   &ep.n_addresses))
				return -EINVAL;
	}
	add_endpoints(ctx, out, ep);
	return 0;
}
