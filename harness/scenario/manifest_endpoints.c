/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* EndpointSlice and Endpoints: the addresses behind a service, ready or not. */
#include <errno.h>
#include <string.h>

#include "scenario/kinds.h"

static int add_endpoint(struct schema_ctx *ctx, struct k8s_endpoints *eps, const struct value *addr,
			struct endpoint e)
{
	struct ip_addr *one = NULL;
	size_t n = 0;

	if (read_address(ctx, addr, &one, &n))
		return -EINVAL;
	e.addr = *one;
	e.loc = addr->loc;
	eps->list = arena_grow(ctx->arena, eps->list, eps->n, sizeof(e));
	eps->list[eps->n++] = e;
	return e.ready ? read_address(ctx, addr, &eps->addresses, &eps->n_addresses) : 0;
}

static int read_ports(struct schema_ctx *ctx, const struct value *v, struct k8s_endpoints *eps)
{
	const struct value *list;

	if (object_list(ctx, v, "ports", &list))
		return -EINVAL;
	for (size_t i = 0; list && i < list->n; i++) {
		struct endpoint_port p = { 0 };

		if (object_text(ctx, list->items[i], "name", &p.name) ||
		    object_port(ctx, list->items[i], "port", &p.port) ||
		    read_protocol(ctx, value_get(list->items[i], "protocol"), &p.proto))
			return -EINVAL;
		eps->ports = arena_grow(ctx->arena, eps->ports, eps->n_ports, sizeof(p));
		eps->ports[eps->n_ports++] = p;
	}
	return 0;
}

static int read_target(struct schema_ctx *ctx, const struct value *v, struct endpoint *e)
{
	if (object_text(ctx, v, "nodeName", &e->node) ||
	    object_text(ctx, v, "targetRef.kind", &e->target_kind) ||
	    object_text(ctx, v, "targetRef.namespace", &e->target_ns) ||
	    object_text(ctx, v, "targetRef.name", &e->target_name))
		return -EINVAL;
	return 0;
}

static int read_hints(struct schema_ctx *ctx, const struct value *v, const char *path,
		      const char ***names, size_t *n)
{
	const struct value *list;

	if (object_list(ctx, v, path, &list))
		return -EINVAL;
	for (size_t i = 0; list && i < list->n; i++) {
		*names = arena_grow(ctx->arena, *names, *n, sizeof(**names));
		if (object_text(ctx, list->items[i], "name", &(*names)[*n]))
			return -EINVAL;
		*n += (*names)[*n] != NULL;
	}
	return 0;
}

/* ready: null means unknown and is taken as true; serving is ready where nothing else is said; of
 * terminating null is false (discovery.k8s.io/v1, EndpointConditions).
 */
static int read_slice_endpoint(struct schema_ctx *ctx, const struct value *v,
			       struct k8s_endpoints *eps)
{
	struct endpoint e = { .ready = true };
	const struct value *addresses;

	if (object_bool(ctx, v, "conditions.ready", &e.ready))
		return -EINVAL;
	e.serving = e.ready;
	if (object_bool(ctx, v, "conditions.serving", &e.serving) ||
	    object_bool(ctx, v, "conditions.terminating", &e.terminating) ||
	    object_text(ctx, v, "zone", &e.zone) || read_target(ctx, v, &e) ||
	    read_hints(ctx, v, "hints.forZones", &e.hint_zones, &e.n_hint_zones) ||
	    read_hints(ctx, v, "hints.forNodes", &e.hint_nodes, &e.n_hint_nodes) ||
	    object_list(ctx, v, "addresses", &addresses))
		return -EINVAL;
	/* more than one address is one endpoint in the API: consumers take the first */
	return addresses && addresses->n ? add_endpoint(ctx, eps, addresses->items[0], e) : 0;
}

static void add_endpoints(struct schema_ctx *ctx, struct manifests *out,
			  const struct k8s_endpoints *eps)
{
	out->endpoints = arena_grow(ctx->arena, out->endpoints, out->n_endpoints, sizeof(*eps));
	out->endpoints[out->n_endpoints++] = *eps;
}

int read_endpoint_slice(struct schema_ctx *ctx, const struct value *doc, struct k8s_meta *meta,
			struct manifests *out)
{
	struct k8s_endpoints eps = { .meta = *meta, .is_slice = true };
	const char *type = value_text(object_field(doc, "addressType"));
	const struct value *list;

	eps.service = labels_get(&meta->labels, "kubernetes.io/service-name");
	if (!eps.service || (type && strcmp(type, "FQDN") == 0))
		return 0;
	if (object_list(ctx, doc, "endpoints", &list) || read_ports(ctx, doc, &eps))
		return -EINVAL;
	for (size_t i = 0; list && i < list->n; i++)
		if (read_slice_endpoint(ctx, list->items[i], &eps))
			return -EINVAL;
	add_endpoints(ctx, out, &eps);
	return 0;
}

static int read_subset_addresses(struct schema_ctx *ctx, const struct value *subset,
				 const char *path, bool ready, struct k8s_endpoints *eps)
{
	const struct value *list;

	if (object_list(ctx, subset, path, &list))
		return -EINVAL;
	for (size_t i = 0; list && i < list->n; i++) {
		struct endpoint e = { .ready = ready, .serving = ready };
		const struct value *ip = object_field(list->items[i], "ip");

		if (read_target(ctx, list->items[i], &e) || (ip && add_endpoint(ctx, eps, ip, e)))
			return -EINVAL;
	}
	return 0;
}

int read_endpoints(struct schema_ctx *ctx, const struct value *doc, struct k8s_meta *meta,
		   struct manifests *out)
{
	const struct value *subsets;

	if (object_list(ctx, doc, "subsets", &subsets))
		return -EINVAL;
	for (size_t i = 0; subsets && i < subsets->n; i++) {
		struct k8s_endpoints eps = { .meta = *meta, .service = meta->name };
		const struct value *v = subsets->items[i];

		if (read_ports(ctx, v, &eps) ||
		    read_subset_addresses(ctx, v, "addresses", true, &eps) ||
		    read_subset_addresses(ctx, v, "notReadyAddresses", false, &eps))
			return -EINVAL;
		add_endpoints(ctx, out, &eps);
	}
	return 0;
}
