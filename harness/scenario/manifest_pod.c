/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Pod: where it is, its addresses, ports and readiness, and how much it may send. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "scenario/kinds.h"

/* A pod that ran to its end keeps its addresses in its status while another pod may have them. */
static bool is_over(const struct value *doc)
{
	const char *phase = value_text(object_field(doc, "status.phase"));

	return phase && (strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0);
}

/* Kubernetes' quantity: digits and a unit, a power of 1000 or, with an i, of 1024. Fractions are
 * cut off.
 */
static bool parse_quantity(const char *text, uint64_t *out)
{
	static const char units[] = "kMGTPE";
	size_t digits = strspn(text, "0123456789"), fraction = 0;
	const char *unit = text + digits, *at;
	double n = 0;
	unsigned base;

	if (*unit == '.')
		fraction = 1 + strspn(unit + 1, "0123456789");
	unit += fraction;
	if (!digits)
		return false;
	for (size_t i = 0; i < digits; i++)
		n = n * 10 + (text[i] - '0');
	for (size_t i = 1, place = 10; i < fraction; i++, place *= 10)
		n += (double)(text[digits + i] - '0') / (double)place;
	base = *unit && unit[1] == 'i' ? 1024 : 1000;
	at = *unit ? strchr(units, *unit == 'K' && base == 1024 ? 'k' : *unit) : NULL;
	for (const char *u = units; at && u <= at; u++)
		n *= base;
	if ((*unit && !at) || (at && unit[base == 1024 ? 2 : 1]) || n > (double)(UINT64_MAX / 2))
		return false;
	*out = (uint64_t)n;
	return true;
}

static int read_bandwidth(struct schema_ctx *ctx, const struct value *doc, const char *key,
			  uint64_t *out)
{
	const struct value *v = value_get(value_path(doc, "metadata.annotations"), key);

	if (!v || v->kind == VALUE_NULL)
		return 0;
	if (value_text(v) && parse_quantity(v->text, out) && *out)
		return 0;
	return err_input(ctx->err, &v->loc,
			 "%s: expected bits per second such as 10M or 1Gi, found '%s'", key,
			 value_text(v) ? v->text : "");
}

static int read_port(struct schema_ctx *ctx, const struct value *v, struct k8s_pod *pod)
{
	const struct value *ip = object_field(v, "hostIP");
	struct container_port p = { .loc = v->loc };

	if (object_text(ctx, v, "name", &p.name) || object_port(ctx, v, "containerPort", &p.port) ||
	    object_port(ctx, v, "hostPort", &p.host_port) ||
	    read_protocol(ctx, value_get(v, "protocol"), &p.proto))
		return -EINVAL;
	if (ip && *value_text(ip) && !ip_addr_parse(value_text(ip), &p.host_ip))
		return err_input(ctx->err, &ip->loc, "'%s' is no IP address", value_text(ip));
	pod->ports = arena_grow(ctx->arena, pod->ports, pod->n_ports, sizeof(p));
	pod->ports[pod->n_ports++] = p;
	return 0;
}

/* Sidecars are init containers that go on running; ports of the others matter to nobody. */
static int read_containers(struct schema_ctx *ctx, const struct value *doc, const char *path,
			   bool sidecars, struct k8s_pod *pod)
{
	const struct value *list;

	if (object_list(ctx, doc, path, &list))
		return -EINVAL;
	for (size_t i = 0; list && i < list->n; i++) {
		const char *policy = value_text(value_get(list->items[i], "restartPolicy"));
		const struct value *ports;

		if (sidecars && !(policy && strcmp(policy, "Always") == 0))
			continue;
		if (object_list(ctx, list->items[i], "ports", &ports))
			return -EINVAL;
		for (size_t j = 0; ports && j < ports->n; j++)
			if (read_port(ctx, ports->items[j], pod))
				return -EINVAL;
	}
	return 0;
}

static int read_ready(struct schema_ctx *ctx, const struct value *doc, struct k8s_pod *pod)
{
	const struct value *list;

	pod->ready = true;
	if (object_list(ctx, doc, "status.conditions", &list))
		return -EINVAL;
	for (size_t i = 0; list && i < list->n; i++) {
		const char *type = value_text(value_get(list->items[i], "type")),
			   *status = value_text(value_get(list->items[i], "status"));

		if (type && status && strcmp(type, "Ready") == 0)
			pod->ready = strcmp(status, "True") == 0;
	}
	return 0;
}

static int read_addresses(struct schema_ctx *ctx, const struct value *doc, struct k8s_pod *pod)
{
	const struct value *ips;

	if (object_address(ctx, doc, "status.podIP", &pod->ips, &pod->n_ips) ||
	    object_list(ctx, doc, "status.podIPs", &ips))
		return -EINVAL;
	for (size_t i = 0; ips && i < ips->n; i++)
		if (object_address(ctx, ips->items[i], "ip", &pod->ips, &pod->n_ips))
			return -EINVAL;
	return 0;
}

int read_pod(struct schema_ctx *ctx, const struct value *doc, struct k8s_meta *meta,
	     struct manifests *out)
{
	const struct value *node = object_field(doc, "spec.nodeName");
	struct k8s_pod pod = { .meta = *meta };

	if (is_over(doc))
		return 0;
	if (node)
		pod.node_loc = node->loc;
	pod.deleting = object_field(doc, "metadata.deletionTimestamp") != NULL;
	if (object_text(ctx, doc, "spec.nodeName", &pod.node) ||
	    object_text(ctx, doc, "spec.serviceAccountName", &pod.service_account) ||
	    object_bool(ctx, doc, "spec.hostNetwork", &pod.host_network) ||
	    read_addresses(ctx, doc, &pod) || read_ready(ctx, doc, &pod) ||
	    read_containers(ctx, doc, "spec.containers", false, &pod) ||
	    read_containers(ctx, doc, "spec.initContainers", true, &pod) ||
	    read_bandwidth(ctx, doc, "kubernetes.io/egress-bandwidth", &pod.egress_bits) ||
	    read_bandwidth(ctx, doc, "kubernetes.io/ingress-bandwidth", &pod.ingress_bits))
		return -EINVAL;
	out->pods = arena_grow(ctx->arena, out->pods, out->n_pods, sizeof(pod));
	out->pods[out->n_pods++] = pod;
	return 0;
}
