/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Service: the core/v1 spec and Cilium's annotations that change how packets are forwarded.
 *
 * Defaults are the API server's (kubectl prints them, files written by hand may not): type ClusterIP,
 * policies Cluster, protocol TCP, affinity for 10800 s.
 */
#include <errno.h>
#include <string.h>

#include "scenario/kinds.h"

#define AFFINITY_SECONDS 10800

static bool text_is(const struct value *v, const char *text)
{
	return value_text(v) && strcmp(v->text, text) == 0;
}

static int read_type(struct schema_ctx *ctx, const struct value *spec, struct k8s_service *s)
{
	static const char *const names[] = { "ClusterIP", "NodePort", "LoadBalancer",
					     "ExternalName" };
	const struct value *v = object_field(spec, "type");

	if (!v)
		return 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (text_is(v, names[i])) {
			s->type = (enum service_type)i;
			return 0;
		}
	}
	return err_input(ctx->err, &v->loc,
			 "expected the type ClusterIP, NodePort, LoadBalancer or ExternalName");
}

/* A traffic policy is Cluster or Local. */
static int read_traffic_policy(struct schema_ctx *ctx, const struct value *spec, const char *key,
			       bool *local)
{
	const struct value *v = object_field(spec, key);

	*local = v && text_is(v, "Local");
	if (!v || *local || text_is(v, "Cluster"))
		return 0;
	return err_input(ctx->err, &v->loc, "%s: expected Cluster or Local", key);
}

static int read_port(struct schema_ctx *ctx, const struct value *v, struct k8s_service *s)
{
	struct service_port p = { .loc = v->loc };
	const struct value *target = object_field(v, "targetPort");

	if (object_text(ctx, v, "name", &p.name) || object_port(ctx, v, "port", &p.port) ||
	    object_port(ctx, v, "nodePort", &p.node_port) ||
	    read_protocol(ctx, value_get(v, "protocol"), &p.proto))
		return -EINVAL;
	if (!p.port)
		return err_input(ctx->err, &v->loc, "service %s: the port has no number",
				 s->meta.name);
	p.target_port = p.port;
	if (value_text(target) && target->text[strspn(target->text, "0123456789")]) {
		p.target_name = target->text;
		p.target_port = 0;
	} else if (object_port(ctx, v, "targetPort", &p.target_port)) {
		return -EINVAL;
	}
	s->ports = arena_grow(ctx->arena, s->ports, s->n_ports, sizeof(p));
	s->ports[s->n_ports++] = p;
	return 0;
}

static int read_ports(struct schema_ctx *ctx, const struct value *spec, struct k8s_service *s)
{
	const struct value *list;

	if (object_list(ctx, spec, "ports", &list))
		return -EINVAL;
	for (size_t i = 0; list && i < list->n; i++)
		if (read_port(ctx, list->items[i], s))
			return -EINVAL;
	return 0;
}

static int read_ip_list(struct schema_ctx *ctx, const struct value *spec, const char *key,
			struct ip_addr **ips, size_t *n)
{
	const struct value *list;

	if (object_list(ctx, spec, key, &list))
		return -EINVAL;
	for (size_t i = 0; list && i < list->n; i++)
		if (!text_is(list->items[i], "None") && read_address(ctx, list->items[i], ips, n))
			return -EINVAL;
	return 0;
}

static int read_cluster_ips(struct schema_ctx *ctx, const struct value *spec, struct k8s_service *s)
{
	const struct value *ip = object_field(spec, "clusterIP");

	s->headless = text_is(ip, "None") ||
		      labels_get(&s->meta.labels, "service.kubernetes.io/headless");
	if (s->headless)
		return 0;
	if (value_text(ip) && *ip->text &&
	    read_address(ctx, ip, &s->cluster_ips, &s->n_cluster_ips))
		return -EINVAL;
	return read_ip_list(ctx, spec, "clusterIPs", &s->cluster_ips, &s->n_cluster_ips);
}

static int read_families(struct schema_ctx *ctx, const struct value *spec, struct k8s_service *s)
{
	const struct value *list;

	if (object_list(ctx, spec, "ipFamilies", &list))
		return -EINVAL;
	for (size_t i = 0; list && i < list->n; i++) {
		s->ipv4 |= text_is(list->items[i], "IPv4");
		s->ipv6 |= text_is(list->items[i], "IPv6");
	}
	for (size_t i = 0; !(list && list->n) && i < s->n_cluster_ips; i++)
		*(s->cluster_ips[i].family == 4 ? &s->ipv4 : &s->ipv6) = true;
	if (!s->ipv4 && !s->ipv6)
		s->ipv4 = s->ipv6 = true;
	return 0;
}

static int read_affinity(struct schema_ctx *ctx, const struct value *spec, struct k8s_service *s)
{
	const struct value *v = object_field(spec, "sessionAffinity"),
			   *t = object_field(spec, "sessionAffinityConfig.clientIP.timeoutSeconds");
	uint64_t n = AFFINITY_SECONDS;

	if (!v || text_is(v, "None"))
		return 0;
	if (!text_is(v, "ClientIP"))
		return err_input(ctx->err, &v->loc, "sessionAffinity: expected None or ClientIP");
	s->affinity = true;
	if (t && read_u64(ctx, t, 86400, &n))
		return -EINVAL;
	s->affinity_seconds = n ? (uint32_t)n : AFFINITY_SECONDS;
	return 0;
}

/* With ipMode Proxy the balancer ends connections itself: no packet comes with that address. */
static int read_ingress(struct schema_ctx *ctx, const struct value *doc, struct k8s_service *s)
{
	const struct value *list;

	if (object_list(ctx, doc, "status.loadBalancer.ingress", &list))
		return -EINVAL;
	for (size_t i = 0; list && i < list->n; i++)
		if (!text_is(value_get(list->items[i], "ipMode"), "Proxy") &&
		    object_address(ctx, list->items[i], "ip", &s->lb_ips, &s->n_lb_ips))
			return -EINVAL;
	return 0;
}

/* ---- annotations ---- */

struct choice {
	const char *name;
	unsigned value;
};

static int read_choice(struct schema_ctx *ctx, const struct value *notes, const char *key,
		       const struct choice *choices, unsigned *out)
{
	const struct value *v = value_get(notes, key);
	struct buf known = BUF_INIT;

	if (!v || v->kind == VALUE_NULL)
		return 0;
	for (const struct choice *c = choices; c->name; c++) {
		if (value_text(v) && strcasecmp(v->text, c->name) == 0) {
			*out = c->value;
			buf_free(&known);
			return 0;
		}
		buf_printf(&known, "%s%s", c == choices ? "" : ", ", c->name);
	}
	err_input(ctx->err, &v->loc, "%s: expected one of %s", key, buf_str(&known));
	buf_free(&known);
	return -EINVAL;
}

/* Of Cilium's annotations those that would change what happens to a packet and cannot be had: they
 * speak of other clusters or of a proxy.
 */
static int refuse_annotations(struct schema_ctx *ctx, const struct value *notes)
{
	static const struct {
		const char *key, *harmless;
	} refused[] = { { "service.cilium.io/affinity", "none" },
			{ "io.cilium/service-affinity", "none" },
			{ "service.cilium.io/global", "false" },
			{ "io.cilium/global-service", "false" },
			{ "service.cilium.io/lb-l7", "disabled" } };

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		const struct value *v = value_get(notes, refused[i].key);

		if (v && v->kind != VALUE_NULL && !text_is(v, refused[i].harmless))
			return err_input(
				ctx->err, &v->loc,
				"%s is not supported: leaving it out would change verdicts",
				refused[i].key);
	}
	return 0;
}

/* "key=value" or "key in (value)": one requirement; what else a selector may say is refused. */
static int read_node_selector(struct schema_ctx *ctx, const struct value *notes,
			      struct k8s_service *s)
{
	const struct value *v = value_get(notes, "service.cilium.io/node-selector"),
			   *name = value_get(notes, "service.cilium.io/node");
	const char *eq;

	if (value_text(name)) {
		s->node_label_key = "service.cilium.io/node";
		s->node_label_value = name->text;
	}
	if (!value_text(v))
		return 0;
	eq = strchr(v->text, '=');
	if (!eq || eq == v->text || strpbrk(v->text, " ,!()") || strchr(eq + 1, '=') == eq + 1)
		return err_input(ctx->err, &v->loc,
				 "service.cilium.io/node-selector: only key=value is read");
	s->node_label_key = arena_strndup(ctx->arena, v->text, (size_t)(eq - v->text));
	s->node_label_value = eq + 1;
	return 0;
}

static int read_annotations(struct schema_ctx *ctx, const struct value *doc, struct k8s_service *s)
{
	static const struct choice exposures[] = { { "ClusterIP", EXPOSE_CLUSTER_IP },
						   { "NodePort", EXPOSE_NODE_PORT },
						   { "LoadBalancer", EXPOSE_LOAD_BALANCER },
						   { NULL, 0 } },
				   modes[] = { { "snat", FORWARD_SNAT },
					       { "dsr", FORWARD_DSR },
					       { NULL, 0 } },
				   algorithms[] = { { "random", ALGORITHM_RANDOM },
						    { "maglev", ALGORITHM_MAGLEV },
						    { NULL, 0 } },
				   policies[] = { { "allow", 0 }, { "deny", 1 }, { NULL, 0 } },
				   delegations[] = { { "none", 0 },
						     { "delegate-if-local", 1 },
						     { NULL, 0 } };
	const struct value *notes = value_path(doc, "metadata.annotations");
	unsigned mode = 0, algorithm = 0, deny = 0, delegate = 0;

	s->expose = EXPOSE_CLUSTER_IP | EXPOSE_NODE_PORT | EXPOSE_LOAD_BALANCER;
	if (refuse_annotations(ctx, notes) || read_node_selector(ctx, notes, s) ||
	    read_choice(ctx, notes, "service.cilium.io/type", exposures, &s->expose) ||
	    read_choice(ctx, notes, "service.cilium.io/forwarding-mode", modes, &mode) ||
	    read_choice(ctx, notes, "service.cilium.io/lb-algorithm", algorithms, &algorithm) ||
	    read_choice(ctx, notes, "service.cilium.io/src-ranges-policy", policies, &deny) ||
	    read_choice(ctx, notes, "service.cilium.io/proxy-delegation", delegations, &delegate))
		return -EINVAL;
	s->forwarding = (enum service_forwarding)mode;
	s->algorithm = (enum service_algorithm)algorithm;
	s->source_ranges_deny = deny;
	s->proxy_delegation = delegate;
	return 0;
}

/* trafficDistribution, or the annotations that came before it. */
static bool follows_hints(const struct value *doc)
{
	const struct value *notes = value_path(doc, "metadata.annotations"), *v;

	v = value_get(notes, "service.kubernetes.io/topology-mode");
	if (!v)
		v = value_get(notes, "service.kubernetes.io/topology-aware-hints");
	if (value_text(v) && strcasecmp(v->text, "auto") == 0)
		return true;
	return object_field(doc, "spec.trafficDistribution") != NULL;
}

/* ---- the whole ---- */

static int read_spec(struct schema_ctx *ctx, const struct value *spec, struct k8s_service *s)
{
	bool node_ports = true;

	if (read_type(ctx, spec, s) || read_cluster_ips(ctx, spec, s) ||
	    read_families(ctx, spec, s) || read_ports(ctx, spec, s) ||
	    read_ip_list(ctx, spec, "externalIPs", &s->external_ips, &s->n_external_ips) ||
	    read_labels(ctx, value_get(spec, "selector"), &s->selector) ||
	    read_affinity(ctx, spec, s) ||
	    read_cidrs(ctx, value_get(spec, "loadBalancerSourceRanges"), "loadBalancerSourceRanges",
		       &s->source_ranges, &s->n_source_ranges) ||
	    read_traffic_policy(ctx, spec, "externalTrafficPolicy", &s->external_local) ||
	    read_traffic_policy(ctx, spec, "internalTrafficPolicy", &s->internal_local) ||
	    object_port(ctx, spec, "healthCheckNodePort", &s->health_check_node_port) ||
	    object_bool(ctx, spec, "publishNotReadyAddresses", &s->publish_not_ready) ||
	    object_bool(ctx, spec, "allocateLoadBalancerNodePorts", &node_ports))
		return -EINVAL;
	s->no_node_ports = !node_ports;
	return 0;
}

int read_service(struct schema_ctx *ctx, const struct value *doc, struct k8s_meta *meta,
		 struct manifests *out)
{
	const struct value *spec = value_get(doc, "spec");
	struct k8s_service s = { .meta = *meta };

	if (!spec || spec->kind != VALUE_MAP)
		return err_input(ctx->err, &meta->loc, "service %s has no spec", meta->name);
	if (read_spec(ctx, spec, &s) || read_ingress(ctx, doc, &s) ||
	    read_annotations(ctx, doc, &s))
		return -EINVAL;
	s.topology_aware = follows_hints(doc);
	s.proxy_name = labels_get(&meta->labels, "service.kubernetes.io/service-proxy-name");
	out->services = arena_grow(ctx->arena, out->services, out->n_services, sizeof(s));
	out->services[out->n_services++] = s;
	return 0;
}
