/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* NetworkPolicy (networking.k8s.io/v1): read into the same rules as Cilium's kinds.
 *
 * podSelectors get a term for the policy's namespace, namespaceSelectors become terms on the labels of
 * namespaces that identities carry. Semantics: Kubernetes API reference, NetworkPolicySpec.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "scenario/policy_parts.h"

static void add_terms(struct schema_ctx *ctx, struct selector *to, const struct selector *from,
		      const char *prefix)
{
	for (size_t i = 0; i < from->n; i++) {
		struct selector_term t = from->terms[i];

		t.key = arena_printf(ctx->arena, "%s%s", prefix, t.key);
		to->terms = arena_grow(ctx->arena, to->terms, to->n, sizeof(t));
		to->terms[to->n++] = t;
	}
}

static void add_namespace(struct schema_ctx *ctx, struct selector *s, const char *ns)
{
	struct selector_term t = { .key = POD_NAMESPACE_LABEL,
				   .op = ns ? SELECT_IN : SELECT_EXISTS };

	if (ns) {
		t.values = arena_memdup(ctx->arena, &ns, sizeof(ns));
		t.n_values = 1;
	}
	s->terms = arena_grow(ctx->arena, s->terms, s->n, sizeof(t));
	s->terms[s->n++] = t;
}

/* ---- peers ---- */

struct peer {
	const struct value *pods, *namespaces, *block;
	const char *ns; /* of the policy */
	struct policy_rule *rule;
};

static int peer_pods(struct schema_ctx *ctx, const struct value *v, void *out)
{
	(void)ctx;
	((struct peer *)out)->pods = v->kind == VALUE_NULL ? NULL : v;
	return 0;
}

static int peer_namespaces(struct schema_ctx *ctx, const struct value *v, void *out)
{
	(void)ctx;
	((struct peer *)out)->namespaces = v->kind == VALUE_NULL ? NULL : v;
	return 0;
}

static int peer_block(struct schema_ctx *ctx, const struct value *v, void *out)
{
	(void)ctx;
	((struct peer *)out)->block = v->kind == VALUE_NULL ? NULL : v;
	return 0;
}

static const struct schema schema_peer = {
	"NetworkPolicyPeer", "",
	(const struct schema_key[]){
		{ "podSelector", false, "", "", "", "", peer_pods },
		{ "namespaceSelector", false, "", "", "", "", peer_namespaces },
		{ "ipBlock", false, "", "", "", "", peer_block },
		{ 0 } }
};

static int block_cidr(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_cidr(ctx, v, out);
}

static int block_except(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct cidr *c = out;

	return read_cidrs(ctx, v, "except", &c->except, &c->n_except);
}

static const struct schema schema_block = {
	"ipBlock", "",
	(const struct schema_key[]){ { "cidr", true, "", "", "such as 10.0.0.0/8", "", block_cidr },
				     { "except", false, "", "", "", "", block_except },
				     { 0 } }
};

static int add_block(struct schema_ctx *ctx, const struct peer *p)
{
	struct cidr *c = add_rule_cidr(ctx, p->rule);

	if (p->pods || p->namespaces)
		return err_input(ctx->err, &p->block->loc,
				 "a peer is an ipBlock or a selector, never both");
	return bind_spec(ctx, &schema_block, p->block, c) ? -EINVAL : check_excepts(ctx, c);
}

static int add_peer_selector(struct schema_ctx *ctx, const struct peer *p)
{
	struct selector s = { 0 }, part;

	if (p->pods) {
		if (read_selector(ctx, p->pods, &part))
			return -EINVAL;
		s.loc = part.loc;
		add_terms(ctx, &s, &part, "");
	}
	if (p->namespaces) {
		if (read_selector(ctx, p->namespaces, &part))
			return -EINVAL;
		s.loc = part.loc;
		add_terms(ctx, &s, &part, NAMESPACE_LABELS_PATH);
		if (!part.n) /* every namespace, and no one without */
			add_namespace(ctx, &s, NULL);
	} else {
		add_namespace(ctx, &s, p->ns);
	}
	add_rule_endpoint(ctx, p->rule, &s);
	return 0;
}

static int read_peer(struct schema_ctx *ctx, const struct value *v, const char *ns,
		     struct policy_rule *r)
{
	struct peer p = { .ns = ns, .rule = r };

	if (bind_spec(ctx, &schema_peer, v, &p))
		return -EINVAL;
	if (p.block)
		return add_block(ctx, &p);
	if (p.pods || p.namespaces)
		return add_peer_selector(ctx, &p);
	return err_input(ctx->err, &v->loc,
			 "this peer is empty: give podSelector, namespaceSelector or ipBlock");
}

/* ---- ports ---- */

static int port_port(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct port_rule *p = out;

	if (v->kind == VALUE_NULL)
		return 0;
	if (read_port_or_name(ctx, v, &p->port, &p->name))
		return -EINVAL;
	if (!p->port && !p->name)
		return err_input(ctx->err, &v->loc, "port 0: leave it out for every port");
	return 0;
}

static int port_end(struct schema_ctx *ctx, const struct value *v, void *out)
{
	uint64_t n;

	if (v->kind == VALUE_NULL)
		return 0;
	if (read_u64(ctx, v, UINT16_MAX, &n))
		return -EINVAL;
	((struct port_rule *)out)->end_port = (uint16_t)n;
	return 0;
}

static int port_protocol(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_protocol(ctx, v, &((struct port_rule *)out)->proto);
}

static const struct schema schema_port = {
	"NetworkPolicyPort", "",
	(const struct schema_key[]){ { "port", false, "", "", "", "", port_port },
				     { "endPort", false, "", "", "", "", port_end },
				     { "protocol", false, "", "", "", "", port_protocol },
				     { 0 } }
};

static int read_port(struct schema_ctx *ctx, const struct value *v, struct policy_rule *r)
{
	struct port_rule p = { .proto = IPPROTO_TCP, .loc = v->loc };

	if (bind_spec(ctx, &schema_port, v, &p) || finish_port(ctx, &p, value_get(v, "endPort")))
		return -EINVAL;
	add_port_rule(ctx, r, &p);
	return 0;
}

/* ---- rules ---- */

struct rule_lists {
	const struct value *peers, *ports;
};

static int rule_peers(struct schema_ctx *ctx, const struct value *v, void *out)
{
	((struct rule_lists *)out)->peers = v;
	return expect_list(ctx, v, "peers");
}

static int rule_port_list(struct schema_ctx *ctx, const struct value *v, void *out)
{
	((struct rule_lists *)out)->ports = v;
	return expect_list(ctx, v, "ports");
}

static const struct schema schema_ingress = { "ingress rule", "",
					      (const struct schema_key[]){
						      { "from", false, "", "", "", "", rule_peers },
						      { "ports", false, "", "", "", "",
							rule_port_list },
						      { 0 } } },
			   schema_egress = { "egress rule", "",
					     (const struct schema_key[]){
						     { "to", false, "", "", "", "", rule_peers },
						     { "ports", false, "", "", "", "",
						       rule_port_list },
						     { 0 } } };

/* No peers, or an empty list of them: anyone. */
static int read_rule(struct schema_ctx *ctx, const struct value *v, bool egress,
		     struct k8s_policy *p)
{
	struct policy_rule r = { .egress = egress, .loc = v->loc };
	struct rule_lists lists = { 0 };

	if (bind_spec(ctx, egress ? &schema_egress : &schema_ingress, v, &lists))
		return -EINVAL;
	r.has_peers = lists.peers && lists.peers->n;
	for (size_t i = 0; r.has_peers && i < lists.peers->n; i++)
		if (read_peer(ctx, lists.peers->items[i], p->meta.ns, &r))
			return -EINVAL;
	for (size_t i = 0; lists.ports && i < lists.ports->n; i++)
		if (read_port(ctx, lists.ports->items[i], &r))
			return -EINVAL;
	p->rules = arena_grow(ctx->arena, p->rules, p->n_rules, sizeof(r));
	p->rules[p->n_rules++] = r;
	return 0;
}

struct spec {
	struct k8s_policy policy;
	const struct value *ingress, *egress, *types;
	bool has_selector;
};

static int spec_pods(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct spec *s = out;

	s->has_selector = true;
	return read_selector(ctx, v, &s->policy.endpoint_selector);
}

static int spec_ingress(struct schema_ctx *ctx, const struct value *v, void *out)
{
	((struct spec *)out)->ingress = v;
	return expect_list(ctx, v, "ingress");
}

static int spec_egress(struct schema_ctx *ctx, const struct value *v, void *out)
{
	((struct spec *)out)->egress = v;
	return expect_list(ctx, v, "egress");
}

static int spec_types(struct schema_ctx *ctx, const struct value *v, void *out)
{
	((struct spec *)out)->types = v;
	return expect_list(ctx, v, "policyTypes");
}

static const struct schema schema_spec = {
	"NetworkPolicy spec", "",
	(const struct schema_key[]){ { "podSelector", false, "", "", "", "", spec_pods },
				     { "ingress", false, "", "", "", "", spec_ingress },
				     { "egress", false, "", "", "", "", spec_egress },
				     { "policyTypes", false, "", "", "", "", spec_types },
				     { 0 } }
};

/* Where policyTypes is left out, ingress is always isolated, egress if there is a rule of it. Rules of
 * a direction that policyTypes leaves out say nothing in Kubernetes, yet take effect in Cilium, which
 * does not look at the list where there are rules: refused, for the two would differ.
 */
static int read_types(struct schema_ctx *ctx, struct spec *s)
{
	struct k8s_policy *p = &s->policy;

	p->enforce_ingress = !(s->types && s->types->n);
	p->enforce_egress = p->enforce_ingress && s->egress && s->egress->n;
	for (size_t i = 0; s->types && i < s->types->n; i++) {
		const struct value *v = s->types->items[i];

		if (value_text(v) && strcmp(v->text, "Ingress") == 0)
			p->enforce_ingress = true;
		else if (value_text(v) && strcmp(v->text, "Egress") == 0)
			p->enforce_egress = true;
		else
			return err_input(ctx->err, &v->loc, "expected Ingress or Egress");
	}
	if (!p->enforce_ingress && s->ingress && s->ingress->n)
		return err_input(ctx->err, &s->ingress->loc,
				 "there are ingress rules, but policyTypes does not say Ingress");
	if (!p->enforce_egress && s->egress && s->egress->n)
		return err_input(ctx->err, &s->egress->loc,
				 "there are egress rules, but policyTypes does not say Egress");
	return 0;
}

int read_network_policy(struct schema_ctx *ctx, const struct value *doc, struct k8s_meta *meta,
			struct manifests *out)
{
	struct spec s = { .policy = { .meta = *meta, .kind = POLICY_KUBERNETES } };
	const struct value *spec = value_get(doc, "spec");

	if (!spec)
		return err_input(ctx->err, &meta->loc, "policy %s has no spec", meta->name);
	if (bind_spec(ctx, &schema_spec, spec, &s) || read_types(ctx, &s))
		return -EINVAL;
	if (!s.has_selector)
		return err_input(ctx->err, &spec->loc,
				 "podSelector is missing; {} selects every pod of the namespace");
	for (size_t i = 0; s.ingress && i < s.ingress->n; i++)
		if (read_rule(ctx, s.ingress->items[i], false, &s.policy))
			return -EINVAL;
	for (size_t i = 0; s.egress && i < s.egress->n; i++)
		if (read_rule(ctx, s.egress->items[i], true, &s.policy))
			return -EINVAL;
	out->policies = arena_grow(ctx->arena, out->policies, out->n_policies, sizeof(s.policy));
	out->policies[out->n_policies++] = s.policy;
	return 0;
}
