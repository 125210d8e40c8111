/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The peers of a rule of Cilium's policies: entities, endpoints, CIDRs, services. */
#include <errno.h>
#include <string.h>

#include "base/words.h"
#include "scenario/policy_parts.h"

/* "cluster" stands for several identities, "all" for any: cluster/policy.c knows which. */
static const char *const entities[] = { "all",	       "cluster", "world",	    "host",
					"remote-node", "health",  "init",	    "ingress",
					"unmanaged",   "none",	  "kube-apiserver", "world-ipv4",
					"world-ipv6" };

int peer_entities(struct schema_ctx *ctx, const struct value *v, void *out)
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
						  "unmanaged, world-ipv4, world-ipv6, none");
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

int peer_endpoints(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct policy_rule *r = out;

	r->has_peers = true;
	if (expect_list(ctx, v, "endpoints"))
		return -EINVAL;
	for (size_t i = 0; i < v->n; i++) {
		struct selector s;

		if (read_selector(ctx, v->items[i], &s))
			return -EINVAL;
		add_rule_endpoint(ctx, r, &s);
	}
	return 0;
}

struct cidr *add_rule_cidr(struct schema_ctx *ctx, struct policy_rule *r)
{
	r->cidrs = arena_grow(ctx->arena, r->cidrs, r->n_cidrs, sizeof(*r->cidrs));
	memset(&r->cidrs[r->n_cidrs], 0, sizeof(*r->cidrs));
	return &r->cidrs[r->n_cidrs++];
}

void add_rule_endpoint(struct schema_ctx *ctx, struct policy_rule *r, const struct selector *s)
{
	r->endpoints = arena_grow(ctx->arena, r->endpoints, r->n_endpoints, sizeof(*s));
	r->endpoints[r->n_endpoints++] = *s;
}

int peer_cidr(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct policy_rule *r = out;

	r->has_peers = true;
	if (expect_list(ctx, v, "CIDRs"))
		return -EINVAL;
	for (size_t i = 0; i < v->n; i++)
		if (read_cidr(ctx, v->items[i], add_rule_cidr(ctx, r)))
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

	return read_cidrs(ctx, v, "except", &c->except, &c->n_except);
}

static bool cidr_inside(const struct cidr *c, const struct cidr *e)
{
	struct ip_addr a = e->addr;

	if (e->addr.family != c->addr.family || e->prefix < c->prefix)
		return false;
	for (unsigned i = c->prefix; i < e->prefix; i++)
		a.bytes[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
	return ip_addr_equal(&a, &c->addr);
}

int check_excepts(struct schema_ctx *ctx, const struct cidr *c)
{
	for (size_t i = 0; i < c->n_except; i++) {
		const struct cidr *e = &c->except[i];

		if (!cidr_inside(c, e))
			return err_input(
				ctx->err, &e->loc,
				"this exception is not inside its CIDR: it excepts nothing");
	}
	return 0;
}

static const struct schema schema_cidr_set = {
	"CIDR set", "",
	(const struct schema_key[]){ { "cidr", true, "", "", "such as 10.0.0.0/8", "", set_cidr },
				     { "except", false, "", "", "", "", set_except },
				     { 0 } }
};

int peer_cidr_set(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct policy_rule *r = out;

	r->has_peers = true;
	if (expect_list(ctx, v, "CIDR set"))
		return -EINVAL;
	for (size_t i = 0; i < v->n; i++) {
		struct cidr *c = add_rule_cidr(ctx, r);

		if (bind_spec(ctx, &schema_cidr_set, v->items[i], c) || check_excepts(ctx, c))
			return -EINVAL;
	}
	return 0;
}

/* ---- toServices ---- */

static int service_ns(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_string(ctx, v, &((struct service_peer *)out)->ns);
}

static int service_name(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_string(ctx, v, &((struct service_peer *)out)->name);
}

static int service_selector(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_selector(ctx, v, &((struct service_peer *)out)->selector);
}

static const struct schema
	schema_service_name = { "k8sService", "",
				(const struct schema_key[]){
					{ "serviceName", true, "", "", "the service's name", "",
					  service_name },
					{ "namespace", false, "", "", "", "", service_ns },
					{ 0 } } },
	schema_service_selector = { "k8sServiceSelector", "",
				    (const struct schema_key[]){
					    { "selector", true, "", "", "of the services' labels",
					      "", service_selector },
					    { "namespace", false, "", "", "", "", service_ns },
					    { 0 } } };

static int service_by_name(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return bind_spec(ctx, &schema_service_name, v, out);
}

static int service_by_selector(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return bind_spec(ctx, &schema_service_selector, v, out);
}

static const struct schema schema_service = {
	"toServices", "",
	(const struct schema_key[]){
		{ "k8sService", false, "", "", "", "", service_by_name },
		{ "k8sServiceSelector", false, "", "", "", "", service_by_selector },
		{ 0 } }
};

int peer_services(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct policy_rule *r = out;

	r->has_peers = true;
	if (expect_list(ctx, v, "toServices"))
		return -EINVAL;
	for (size_t i = 0; i < v->n; i++) {
		struct service_peer p = { .loc = v->items[i]->loc };

		if (bind_spec(ctx, &schema_service, v->items[i], &p))
			return -EINVAL;
		if (!v->items[i]->n)
			return err_input(ctx->err, &p.loc,
					 "toServices: give k8sService or k8sServiceSelector");
		r->services = arena_grow(ctx->arena, r->services, r->n_services, sizeof(p));
		r->services[r->n_services++] = p;
	}
	return 0;
}
