/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* CiliumClusterwideNetworkPolicy and CiliumNetworkPolicy. Inside `spec` every field decides about
 * packets, so what we do not know is an error, never passed over.
 *
 * Semantics: docs.cilium.io, "Layer 3/4 Policies", "Deny Policies", "Host Policies".
 */
#include <errno.h>
#include <string.h>

#include "scenario/policy_parts.h"

/* Fields of the policy API that cannot be had, and why. */
static const struct {
	const char *name, *why;
} unsupported[] = {
	{ "cidrGroupRef", "CiliumCIDRGroups are not read" },
	{ "cidrGroupSelector", "CiliumCIDRGroups are not read" },
	{ "fromGroups", "groups are looked up at a cloud provider" },
	{ "toGroups", "groups are looked up at a cloud provider" },
	{ "fromNodes", "nodes have no identities of their own by default" },
	{ "toNodes", "nodes have no identities of their own by default" },
	{ "fromRequires", "Cilium 1.19 has no such field" },
	{ "toRequires", "Cilium 1.19 has no such field" },
	{ "listener", "it hands packets to a proxy" },
	{ "originatingTLS", "it hands packets to a proxy" },
	{ "rules", "rules of layer 7 hand packets to a proxy, which is not modelled" },
	{ "serverNames", "it hands packets to a proxy" },
	{ "terminatingTLS", "it hands packets to a proxy" },
	{ "toFQDNs", "names come to addresses by the DNS proxy, which is not modelled" },
};

int bind_spec(struct schema_ctx *ctx, const struct schema *s, const struct value *v, void *out)
{
	for (size_t i = 0; v->kind == VALUE_MAP && i < v->n; i++)
		for (size_t j = 0; j < sizeof(unsupported) / sizeof(unsupported[0]); j++)
			if (strcmp(v->keys[i]->text, unsupported[j].name) == 0)
				return err_input(ctx->err, &v->keys[i]->loc,
						 "'%s' is not supported: leaving it out would "
						 "change verdicts (%s)",
						 unsupported[j].name, unsupported[j].why);
	return schema_bind(ctx, s, v, out);
}

int expect_list(struct schema_ctx *ctx, const struct value *v, const char *what)
{
	if (v->kind == VALUE_LIST || v->kind == VALUE_NULL)
		return 0;
	return err_input(ctx->err, &v->loc, "%s: expected a list", what);
}

int ignore_key(struct schema_ctx *ctx, const struct value *v, void *out)
{
	(void)ctx;
	(void)v;
	(void)out;
	return 0;
}

/* ---- authentication; out is a struct policy_rule ---- */

/* Of the modes, `required` lets packets pass once agents have shaken hands for the pair. */
static int auth_mode(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct policy_rule *r = out;

	if (value_text(v) && strcmp(v->text, "disabled") == 0)
		r->auth = AUTH_DISABLED;
	else if (value_text(v) && strcmp(v->text, "test-always-fail") == 0)
		r->auth = AUTH_ALWAYS_FAIL;
	else if (value_text(v) && strcmp(v->text, "required") == 0)
		return err_input(ctx->err, &v->loc,
				 "authentication mode 'required' is not supported: leaving it out "
				 "would change verdicts (agents' handshakes are not modelled)");
	else
		return err_input(ctx->err, &v->loc,
				 "expected the mode disabled, required or test-always-fail");
	return 0;
}

static const struct schema schema_auth = {
	"authentication", "",
	(const struct schema_key[]){ { "mode", true, "", "", "disabled", "", auth_mode }, { 0 } }
};

static int rule_auth(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return bind_spec(ctx, &schema_auth, v, out);
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
				     { "authentication", false, "", "", "", "", rule_auth },
				     { 0 } }
};

static const struct schema schema_egress = {
	"egress rule", "",
	(const struct schema_key[]){ { "toEntities", false, "", "", "", "", peer_entities },
				     { "toEndpoints", false, "", "", "", "", peer_endpoints },
				     { "toCIDR", false, "", "", "", "", peer_cidr },
				     { "toCIDRSet", false, "", "", "", "", peer_cidr_set },
				     { "toServices", false, "", "", "", "", peer_services },
				     { "toPorts", false, "", "", "", "", rule_ports },
				     { "icmps", false, "", "", "", "", rule_icmps },
				     { "authentication", false, "", "", "", "", rule_auth },
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
		if (deny && r.auth != AUTH_NONE)
			return err_input(ctx->err, &r.loc, "a deny rule takes no authentication");
		if (r.n_ports && r.n_icmps)
			return err_input(
				ctx->err, &r.icmps[0].loc,
				"icmps and toPorts in one rule: give each a rule of its own");
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
	(const struct schema_key[]){ { "description", false, "", "", "", "", ignore_key },
				     { "labels", false, "", "", "", "", ignore_key },
				     { "log", false, "", "", "", "", ignore_key },
				     { "endpointSelector", false, "", "", "", "", spec_endpoints },
				     { "nodeSelector", false, "", "", "", "", spec_nodes },
				     { "ingress", false, "", "", "", "", spec_ingress },
				     { "ingressDeny", false, "", "", "", "", spec_ingress_deny },
				     { "egress", false, "", "", "", "", spec_egress },
				     { "egressDeny", false, "", "", "", "", spec_egress_deny },
				     { "enableDefaultDeny", false, "", "", "", "", ignore_key },
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

/* A namespaced policy selects in its own namespace, whatever it says. */
static int check_own_namespace(struct schema_ctx *ctx, const struct k8s_policy *p)
{
	for (size_t i = 0; i < p->endpoint_selector.n; i++) {
		const struct selector_term *t = &p->endpoint_selector.terms[i];

		if (strcmp(t->key, POD_NAMESPACE_LABEL) == 0 &&
		    !(t->op == SELECT_IN && t->n_values == 1 &&
		      strcmp(t->values[0], p->meta.ns) == 0))
			return err_input(ctx->err, &p->endpoint_selector.loc,
					 "the endpointSelector of a CiliumNetworkPolicy is for the "
					 "policy's own namespace, %s: give no other",
					 p->meta.ns);
	}
	return 0;
}

static int read_spec(struct schema_ctx *ctx, const struct value *spec, const struct k8s_meta *meta,
		     struct manifests *out)
{
	struct k8s_policy p = { .meta = *meta,
				.kind = meta->ns ? POLICY_CILIUM : POLICY_CLUSTERWIDE };
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
	if (meta->ns && check_own_namespace(ctx, &p))
		return -EINVAL;
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
