/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Node and Namespace; and the pieces that all kinds are read from: addresses, labels, CIDRs, ports. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "scenario/kinds.h"

const struct value *object_field(const struct value *v, const char *path)
{
	const struct value *f = value_path(v, path);

	return f && f->kind == VALUE_NULL ? NULL : f;
}

int object_list(struct schema_ctx *ctx, const struct value *v, const char *path,
		const struct value **out)
{
	*out = object_field(v, path);
	if (*out && (*out)->kind != VALUE_LIST)
		return err_input(ctx->err, &(*out)->loc, "%s: expected a list", path);
	return 0;
}

int object_text(struct schema_ctx *ctx, const struct value *v, const char *path, const char **out)
{
	const struct value *f = object_field(v, path);

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
	const struct value *f = object_field(v, path);

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

int object_bool(struct schema_ctx *ctx, const struct value *v, const char *path, bool *out)
{
	const struct value *f = object_field(v, path);

	return f ? read_bool(ctx, f, out) : 0;
}

int object_port(struct schema_ctx *ctx, const struct value *v, const char *path, uint16_t *out)
{
	const struct value *f = object_field(v, path);
	uint64_t n;

	if (!f)
		return 0;
	if (read_u64(ctx, f, UINT16_MAX, &n))
		return -EINVAL;
	*out = (uint16_t)n;
	return 0;
}

int read_protocol(struct schema_ctx *ctx, const struct value *v, uint8_t *out)
{
	const char *name = value_text(v);

	if (!v || v->kind == VALUE_NULL || (name && strcasecmp(name, "TCP") == 0))
		*out = IPPROTO_TCP;
	else if (name && strcasecmp(name, "UDP") == 0)
		*out = IPPROTO_UDP;
	else if (name && strcasecmp(name, "SCTP") == 0)
		*out = IPPROTO_SCTP;
	else
		return err_input(ctx->err, &v->loc, "expected the protocol TCP, UDP or SCTP");
	return 0;
}

int read_cidr(struct schema_ctx *ctx, const struct value *v, struct cidr *out)
{
	const char *text, *slash;
	uint64_t bits;
	unsigned max;

	if (read_string(ctx, v, &text))
		return -EINVAL;
	slash = strchr(text, '/');
	out->loc = v->loc;
	if (!ip_addr_parse(slash ? arena_strndup(ctx->arena, text, (size_t)(slash - text)) : text,
			   &out->addr))
		return err_input(ctx->err, &v->loc, "'%s' is no CIDR", text);
	max = out->addr.family == 4 ? 32 : 128;
	bits = max;
	if (slash) {
		struct value len = { .kind = VALUE_SCALAR, .loc = v->loc, .text = slash + 1 };

		if (read_u64(ctx, &len, max, &bits))
			return err_input(ctx->err, &v->loc, "'%s' is no CIDR", text);
	}
	out->prefix = (uint8_t)bits;
	for (unsigned i = (unsigned)bits; i < max; i++)
		out->addr.bytes[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
	return 0;
}

int read_cidrs(struct schema_ctx *ctx, const struct value *v, const char *what, struct cidr **list,
	       size_t *n)
{
	if (!v || v->kind == VALUE_NULL)
		return 0;
	if (v->kind != VALUE_LIST)
		return err_input(ctx->err, &v->loc, "%s: expected a list", what);
	for (size_t i = 0; i < v->n; i++) {
		struct cidr c = { 0 };

		if (read_cidr(ctx, v->items[i], &c))
			return -EINVAL;
		*list = arena_grow(ctx->arena, *list, *n, sizeof(c));
		(*list)[(*n)++] = c;
	}
	return 0;
}

static int read_node_addresses(struct schema_ctx *ctx, const struct value *doc,
			       struct k8s_node *node)
{
	const struct value *list;

	if (object_list(ctx, doc, "status.addresses", &list))
		return -EINVAL;
	for (size_t i = 0; list && i < list->n; i++) {
		const char *type = value_text(value_get(list->items[i], "type"));
		int rc = 0;

		if (type && strcmp(type, "InternalIP") == 0)
			rc = object_address(ctx, list->items[i], "address", &node->internal_ips,
					    &node->n_internal_ips);
		else if (type && strcmp(type, "ExternalIP") == 0)
			rc = object_address(ctx, list->items[i], "address", &node->external_ips,
					    &node->n_external_ips);
		if (rc)
			return rc;
	}
	if (!node->n_internal_ips)
		return err_input(ctx->err, &node->meta.loc,
				 "node %s has no InternalIP in status.addresses", node->meta.name);
	return 0;
}

int read_node(struct schema_ctx *ctx, const struct value *doc, struct k8s_meta *meta,
	      struct manifests *out)
{
	const struct value *one = object_field(doc, "spec.podCIDR");
	struct k8s_node node = { .meta = *meta };

	if (read_node_addresses(ctx, doc, &node) ||
	    read_cidrs(ctx, object_field(doc, "spec.podCIDRs"), "spec.podCIDRs", &node.pod_cidrs,
		       &node.n_pod_cidrs))
		return -EINVAL;
	if (one && !node.n_pod_cidrs) {
		node.pod_cidrs = arena_new_of(ctx->arena, struct cidr);
		if (read_cidr(ctx, one, node.pod_cidrs))
			return -EINVAL;
		node.n_pod_cidrs = 1;
	}
	out->nodes = arena_grow(ctx->arena, out->nodes, out->n_nodes, sizeof(node));
	out->nodes[out->n_nodes++] = node;
	return 0;
}

int read_namespace(struct schema_ctx *ctx, const struct value *doc, struct k8s_meta *meta,
		   struct manifests *out)
{
	struct k8s_namespace ns = { *meta };

	(void)doc;
	out->namespaces = arena_grow(ctx->arena, out->namespaces, out->n_namespaces, sizeof(ns));
	out->namespaces[out->n_namespaces++] = ns;
	return 0;
}
