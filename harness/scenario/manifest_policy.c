/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* CiliumClusterwideNetworkPolicy and CiliumNetworkPolicy. Inside `spec` every field decides about
 * packets, so what we do not know is an error, never passed over.
 *
 * Semantics: docs.cilium.io, "Layer 3/4 Policies", "Deny Policies", "Host Policies".
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/words.h"
#include "scenario/icmp_types.h"
#include "scenario/kinds.h"

/* Fields of the policy API that need parts of a cluster we do not have. */
static const char *const unsupported[] = {
	"authentication", "cidrGroupRef", "cidrGroupSelector", "fromGroups",
	"fromNodes",	  "fromRequires", "listener",	       "originatingTLS",
	"rules",	  "serverNames",  "terminatingTLS",    "toFQDNs",
	"toGroups",	  "toNodes",	  "toRequires",	       "toServices",
};

/* Binds a map of the policy API; names what is not supported before the binder calls it unknown. */
static int bind_spec(struct schema_ctx *ctx, const struct schema *s, const struct value *v,
		     void *out)
{
	for (size_t i = 0; v->kind == VALUE_MAP && i < v->n; i++)
		for (size_t j = 0; j < sizeof(unsupported) / sizeof(unsupported[0]); j++)
			if (strcmp(v->keys[i]->text, unsupported[j]) == 0)
				return err_input(ctx->err, &v->keys[i]->loc,
						 "'%s' is not supported: leaving it out would "
						 "change verdicts",
						 unsupported[j]);
	return schema_bind(ctx, s, v, out);
}

static int expect_list(struct schema_ctx *ctx, const struct value *v, const char *what)
{
	if (v->kind == VALUE_LIST || v->kind == VALUE_NULL)
		return 0;
	return err_input(ctx->err, &v->loc, "%s: expected a list", what);
}

static int ignore(struct schema_ctx *ctx, const struct value *v, void *out)
{
	(void)ctx;
	(void)v;
	(void)out;
	return 0;
}

/* ---- peers; out is a struct policy_rule ---- */

/* "cluster" stands for several identities, "all" for any: cluster/policy.c knows which. */
static const char *const entities[] = { "all",	       "cluster", "world",	   "host",
					"remote-node", "health",  "init",	   "ingress",
					"unmanaged",   "none",	  "kube-apiserver" };

static int peer_entities(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct policy_rule *r = out;

	r->has_peers = true;
	if (expect_list(ctx, v, "entities"))
		return -EINVAL;
	for (size_t i = 0; i < v->n; i++) {
		const char *name, *near;
		size_t n = sizeof(entities) / sizeof(entities[0]), j = 0;

		if (read_string(ctx, v->items[i], &name))
			return -EINVAL;
		while (j < n && strcmp(entities[j], name) != 0)
			j++;
		near = j == n ? nearest_name(name, entities, n) : NULL;
		if (near)
			return err_input(ctx->err, &v->items[i]->loc,
					 "unknown entity '%s'; did you mean '%s'?", name, near);
		if (j == n) {
			err_input(ctx->err, &v->items[i]->loc, "unknown entity '%s'", name);
			return err_hint(ctx->err, "known: all, cluster, world, host, remote-node, "
						  "kube-apiserver, health, init, ingress, "
						  "unmanaged, none");
		}
		r->entities =
			arena_grow(ctx->arena, r->entities, r->n_entities, sizeof(*r->entities));
		r->entity_locs = arena_grow(ctx->arena, r->entity_locs, r->n_entities,
					    sizeof(*r->entity_locs));
		r->entity_locs[r->n_entities] = v->items[i]->loc;
		r->entities[r->n_entities++] = entities[j];
	}
	return 0;
}

static int peer_endpoints(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct policy_rule *r = out;

	r->has_peers = true;
	if (expect_list(ctx, v, "endpoints"))
		return -EINVAL;
	for (size_t i = 0; i < v->n; i++) {
		struct selector s;

		if (read_selector(ctx, v->items[i], &s))
			return -EINVAL;
		r->endpoints = arena_grow(ctx->arena, r->endpoints, r->n_endpoints, sizeof(s));
		r->endpoints[r->n_endpoints++] = s;
	}
	return 0;
}

static struct cidr *add_cidr(struct schema_ctx *ctx, struct cidr **list, size_t *n)
{
	*list = arena_grow(ctx->arena, *list, *n, sizeof(**list));
	memset(&(*list)[*n], 0, sizeof(**list));
	return &(*list)[(*n)++];
}

static int peer_cidr(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct policy_rule *r = out;

	r->has_peers = true;
	if (expect_list(ctx, v, "CIDRs"))
		return -EINVAL;
	for (size_t i = 0; i < v->n; i++)
		if (read_cidr(ctx, v->items[i], add_cidr(ctx, &r->cidrs, &r->n_cidrs)))
			return -EINVAL;
	return 0;
}

static int set_cidr(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_cidr(ctx, v, out);
}

static int set_except(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct cidr *c = out;

	if (expect_list(ctx, v, "except"))
		return -EINVAL;
	for (size_t i = 0; i < v->n; i++)
		if (read_cidr(ctx, v->items[i], add_cidr(ctx, &c->except, &c->n_except)))
			return -EINVAL;
	return 0;
}

static const struct schema schema_cidr_set = {
	"CIDR set", "",
	(const struct schema_key[]){ { "cidr", true, "", "", "such as 10.0.0.0/8", "", set_cidr },
				     { "except", false, "", "", "", "", set_except },
				     { 0 } }
};

static int peer_cidr_set(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct policy_rule *r = out;

	r->has_peers = true;
	if (expect_list(ctx, v, "CIDR set"))
		return -EINVAL;
	for (size_t i = 0; i < v->n; i++)
		if (bind_spec(ctx, &schema_cidr_set, v->items[i],
			      add_cidr(ctx, &r->cidrs, &r->n_cidrs)))
			return -EINVAL;
	return 0;
}

/* ---- ports and ICMP; out is a struct port_rule, struct icmp_rule ---- */

static int port_number(struct schema_ctx *ctx, const struct value *v, uint16_t *out)
{
	uint64_t n;

	if (value_text(v) && *v->text && v->text[strspn(v->text, "0123456789")])
		return err_input(ctx->err, &v->loc,
				 "the port name '%s' is not supported: give its number", v->text);
	if (read_u64(ctx, v, UINT16_MAX, &n))
		return -EINVAL;
	*out = (uint16_t)n;
	return 0;
}

static int port_port(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return port_number(ctx, v, &((struct port_rule *)out)->port);
}

static int port_end(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return port_number(ctx, v, &((struct port_rule *)out)->end_port);
}

static int port_protocol(struct schema_ctx *ctx, const struct value *v, void *out)
{
	static const struct {
		const char *name;
		uint8_t proto;
	} protos[] = { { "ANY", 0 },
		       { "TCP", IPPROTO_TCP },
		       { "UDP", IPPROTO_UDP },
		       { "SCTP", IPPROTO_SCTP } };

	for (size_t i = 0; value_text(v) && i < sizeof(protos) / sizeof(protos[0]); i++) {
		if (strcasecmp(protos[i].name, v->text) == 0) {
			((struct port_rule *)out)->proto = protos[i].proto;
			return 0;
		}
	}
	if (value_text(v) && strncasecmp(v->text, "ICMP", 4) == 0)
		return err_input(ctx->err, &v->loc, "ICMP is given under 'icmps'");
	return err_input(ctx->err, &v->loc, "expected the protocol TCP, UDP, SCTP or ANY");
}

static const struct schema schema_port = {
	"port", "",
	(const struct schema_key[]){ { "port", true, "", "", "a number; 0 is all", "", port_port },
				     { "endPort", false, "", "", "", "", port_end },
				     { "protocol", false, "", "", "", "", port_protocol },
				     { 0 } }
};

static int ports_ports(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct policy_rule *r = out;

	if (v->kind != VALUE_LIST || !v->n)
		return err_input(ctx->err, &v->loc, "ports: expected a list of ports");
	for (size_t i = 0; i < v->n; i++) {
		struct port_rule p = { .loc = v->items[i]->loc };
		const struct value *end = value_get(v->items[i], "endPort");

		if (bind_spec(ctx, &schema_port, v->items[i], &p))
			return -EINVAL;
		/* endPort 0 is how Cilium writes "none" */
		if (end && p.end_port && (!p.port || p.end_port < p.port))
			return err_input(ctx->err, &end->loc, "endPort %u is before port %u",
					 p.end_port, p.port);
		if (!p.end_port)
			p.end_port = p.port;
		r->ports = arena_grow(ctx->arena, r->ports, r->n_ports, sizeof(p));
		r->ports[r->n_ports++] = p;
	}
	return 0;
}

static const struct schema schema_ports = {
	"toPorts", "",
	(const struct schema_key[]){ { "ports", true, "", "", "a list", "", ports_ports }, { 0 } }
};

static int rule_ports(struct schema_ctx *ctx, const struct value *v, void *out)
{
	if (v->kind != VALUE_LIST || !v->n)
		return err_input(ctx->err, &v->loc, "toPorts: expected a list");
	for (size_t i = 0; i < v->n; i++)
		if (bind_spec(ctx, &schema_ports, v->items[i], out))
			return -EINVAL;
	return 0;
}

static int icmp_family(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct icmp_rule *r = out;

	if (value_text(v) && strcmp(v->text, "IPv4") == 0)
		r->family = 4;
	else if (value_text(v) && strcmp(v->text, "IPv6") == 0)
		r->family = 6;
	else
		return err_input(ctx->err, &v->loc, "expected the family IPv4 or IPv6");
	return 0;
}

/* The name of a type means another number in each family, so `type` is read after `family`. */
static const struct schema schema_icmp = {
	"ICMP field", "",
	(const struct schema_key[]){ { "family", false, "", "", "", "", icmp_family },
				     { "type", true, "", "", "a number or a name", "", ignore },
				     { 0 } }
};

static int read_icmp(struct schema_ctx *ctx, const struct value *v, struct policy_rule *r)
{
	struct icmp_rule rule = { .family = 4, .loc = v->loc };
	const struct value *type;
	uint64_t n;

	if (bind_spec(ctx, &schema_icmp, v, &rule))
		return -EINVAL;
	type = value_get(v, "type");
	if (!value_text(type) || !icmp_type_parse(rule.family, type->text, &rule.type)) {
		if (value_text(type) && type->text[strspn(type->text, "0123456789")])
			return err_input(ctx->err, &type->loc, "unknown ICMPv%u type '%s'",
					 rule.family, type->text);
		if (read_u64(ctx, type, UINT8_MAX, &n))
			return -EINVAL;
		rule.type = (uint8_t)n;
	}
	r->icmps = arena_grow(ctx->arena, r->icmps, r->n_icmps, sizeof(rule));
	r->icmps[r->n_icmps++] = rule;
	return 0;
}

static int icmps_fields(struct schema_ctx *ctx, const struct value *v, void *out)
{
	if (v->kind != VALUE_LIST || !v->n)
		return err_input(ctx->err, &v->loc, "fields: expected a list");
	for (size_t i = 0; i < v->n; i++)
		if (read_icmp(ctx, v->items[i], out))
			return -EINVAL;
	return 0;
}

static const struct schema schema_icmps = {
	"icmps", "",
	(const struct schema_key[]){ { "fields", true, "", "", "a list", "", icmps_fields }, { 0 } }
};

static int rule_icmps(struct schema_ctx *ctx, const struct value *v, void *out)
{
	if (v->kind != VALUE_LIST || !v->n)
		return err_input(ctx->err, &v->loc, "icmps: expected a list");
	for (size_t i = 0; i < v->n; i++)
		if (bind_spec(ctx, &schema_icmps, v->items[i], out))
			return -EINVAL;
	return 0;
}

/* ---- rules and the spec; out is a struct k8s_policy ---- */

static const struct schema schema_ingress = {
	"ingress rule", "",
	(const struct schema_key[]){ { "fromEntities", false, "", "", "", "", peer_entities },
				     { "fromEndpoints", false, "", "", "", "", peer_endpoints },
				     { "fromCIDR", false, "", "", "", "", peer_cidr },
				     { "fromCIDRSet", false, "", "", "", "", peer_cidr_set },
				     { "toPorts", false, "", "", "", "", rule_ports },
				     { "icmps", false, "", "", "", "", rule_icmps },
				     { 0 } }
};

static const struct schema schema_egress = {
	"egress rule", "",
	(const struct schema_key[]){ { "toEntities", false, "", "", "", "", peer_entities },
				     { "toEndpoints", false, "", "", "", "", peer_endpoints },
				     { "toCIDR", false, "", "", "", "", peer_cidr },
				     { "toCIDRSet", false, "", "", "", "", peer_cidr_set },
				     { "toPorts", false, "", "", "", "", rule_ports },
				     { "icmps", false, "", "", "", "", rule_icmps },
				     { 0 } }
};

/* An empty list enforces nothing; an empty rule `{}` enforces the direction and allows nobody. */
static int read_rules(struct schema_ctx *ctx, const struct value *v, struct k8s_policy *p,
		      bool egress, bool deny)
{
	if (expect_list(ctx, v, egress ? "egress" : "ingress"))
		return -EINVAL;
	for (size_t i = 0; i < v->n; i++) {
		struct policy_rule r = { .egress = egress, .deny = deny, .loc = v->items[i]->loc };

		if (bind_spec(ctx, egress ? &schema_egress : &schema_ingress, v->items[i], &r))
			return -EINVAL;
		if (!r.n_ports && !r.n_icmps && !r.has_peers)
			r.has_peers = true;
		p->rules = arena_grow(ctx->arena, p->rules, p->n_rules, sizeof(r));
		p->rules[p->n_rules++] = r;
		*(egress ? &p->enforce_egress : &p->enforce_ingress) = true;
	}
	return 0;
}

#define RULES(name, egress, deny)                                                                  \
	static int spec_##name(struct schema_ctx *ctx, const struct value *v, void *out)           \
	{                                                                                          \
		return read_rules(ctx, v, out, egress, deny);                                      \
	}
RULES(ingress, false, false)
RULES(ingress_deny, false, true)
RULES(egress, true, false)
RULES(egress_deny, true, true)

static int spec_nodes(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct k8s_policy *p = out;

	p->has_node_selector = true;
	return read_selector(ctx, v, &p->node_selector);
}

static int spec_endpoints(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_selector(ctx, v, &((struct k8s_policy *)out)->endpoint_selector);
}

struct default_deny {
	const struct value *ingress, *egress;
};

static int deny_ingress(struct schema_ctx *ctx, const struct value *v, void *out)
{
	bool b;

	((struct default_deny *)out)->ingress = v;
	return read_bool(ctx, v, &b);
}

static int deny_egress(struct schema_ctx *ctx, const struct value *v, void *out)
{
	bool b;

	((struct default_deny *)out)->egress = v;
	return read_bool(ctx, v, &b);
}

static const struct schema schema_default_deny = {
	"enableDefaultDeny", "",
	(const struct schema_key[]){ { "ingress", false, "", "", "", "", deny_ingress },
				     { "egress", false, "", "", "", "", deny_egress },
				     { 0 } }
};

static const struct schema schema_spec = {
	"policy spec", "",
	(const struct schema_key[]){ { "description", false, "", "", "", "", ignore },
				     { "labels", false, "", "", "", "", ignore },
				     { "log", false, "", "", "", "", ignore },
				     { "endpointSelector", false, "", "", "", "", spec_endpoints },
				     { "nodeSelector", false, "", "", "", "", spec_nodes },
				     { "ingress", false, "", "", "", "", spec_ingress },
				     { "ingressDeny", false, "", "", "", "", spec_ingress_deny },
				     { "egress", false, "", "", "", "", spec_egress },
				     { "egressDeny", false, "", "", "", "", spec_egress_deny },
				     { "enableDefaultDeny", false, "", "", "", "", ignore },
				     { 0 } }
};

/* What the policy says itself stands above what follows from its rules. */
static int read_default_deny(struct schema_ctx *ctx, const struct value *spec, struct k8s_policy *p)
{
	const struct value *v = value_get(spec, "enableDefaultDeny");
	struct default_deny d = { 0 };

	if (!v || v->kind == VALUE_NULL)
		return 0;
	if (bind_spec(ctx, &schema_default_deny, v, &d))
		return -EINVAL;
	if ((d.ingress && read_bool(ctx, d.ingress, &p->enforce_ingress)) ||
	    (d.egress && read_bool(ctx, d.egress, &p->enforce_egress)))
		return -EINVAL;
	return 0;
}

static int read_spec(struct schema_ctx *ctx, const struct value *spec, const struct k8s_meta *meta,
		     struct manifests *out)
{
	struct k8s_policy p = { .meta = *meta };
	const struct value *nodes = value_get(spec, "nodeSelector"),
			   *pods = value_get(spec, "endpointSelector");

	if (bind_spec(ctx, &schema_spec, spec, &p) || read_default_deny(ctx, spec, &p))
		return -EINVAL;
	if (nodes && pods)
		return err_input(ctx->err, &pods->loc,
				 "a policy has an endpointSelector or a nodeSelector, never both");
	if (!nodes && !pods)
		return err_input(ctx->err, &spec->loc,
				 "the policy selects nothing: give endpointSelector%s",
				 meta->ns ? "" : " or nodeSelector");
	if (nodes && meta->ns)
		return err_input(ctx->err, &nodes->loc,
				 "nodeSelector belongs into a CiliumClusterwideNetworkPolicy");
	out->policies = arena_grow(ctx->arena, out->policies, out->n_policies, sizeof(p));
	out->policies[out->n_policies++] = p;
	return 0;
}

int read_policy(struct schema_ctx *ctx, const struct value *doc, struct k8s_meta *meta,
		struct manifests *out)
{
	const struct value *spec = value_get(doc, "spec"), *specs = value_get(doc, "specs");

	if (specs && expect_list(ctx, specs, "specs"))
		return -EINVAL;
	if (!spec && !(specs && specs->n))
		return err_input(ctx->err, &meta->loc, "policy %s has no spec", meta->name);
	if (spec && read_spec(ctx, spec, meta, out))
		return -EINVAL;
	for (size_t i = 0; specs && i < specs->n; i++)
		if (read_spec(ctx, specs->items[i], meta, out))
			return -EINVAL;
	return 0;
}
