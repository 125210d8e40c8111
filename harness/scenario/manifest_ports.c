/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The ports and ICMP types of a rule of Cilium's policies. */
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "scenario/icmp_types.h"
#include "scenario/policy_parts.h"

/* ---- ports; out is a struct port_rule ---- */

static bool is_service_name(const char *s)
{
	size_t len = strlen(s);
	bool letter = false;

	if (!len || len > 15 || *s == '-' || s[len - 1] == '-' || strstr(s, "--"))
		return false;
	for (; *s; s++) {
		if (!isalnum((unsigned char)*s) && *s != '-')
			return false;
		letter |= isalpha((unsigned char)*s) != 0;
	}
	return letter;
}

int read_port_or_name(struct schema_ctx *ctx, const struct value *v, uint16_t *port,
		      const char **name)
{
	uint64_t n;

	if (value_text(v) && is_service_name(v->text)) {
		*name = v->text;
		return 0;
	}
	if (read_u64(ctx, v, UINT16_MAX, &n))
		return -EINVAL;
	*port = (uint16_t)n;
	return 0;
}

static int port_port(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct port_rule *p = out;

	return read_port_or_name(ctx, v, &p->port, &p->name);
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

int finish_port(struct schema_ctx *ctx, struct port_rule *p, const struct value *end)
{
	/* endPort 0 is how Cilium writes "none" */
	if (p->end_port && p->name)
		return err_input(ctx->err, &end->loc, "endPort needs a port's number, not a name");
	if (p->end_port && (!p->port || p->end_port < p->port))
		return err_input(ctx->err, &end->loc, "endPort %u is before port %u", p->end_port,
				 p->port);
	if (!p->end_port)
		p->end_port = p->port;
	return 0;
}

void add_port_rule(struct schema_ctx *ctx, struct policy_rule *r, const struct port_rule *p)
{
	r->ports = arena_grow(ctx->arena, r->ports, r->n_ports, sizeof(*p));
	r->ports[r->n_ports++] = *p;
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
	(const struct schema_key[]){
		{ "port", true, "", "", "a number or a name; 0 is all", "", port_port },
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

		if (bind_spec(ctx, &schema_port, v->items[i], &p) || finish_port(ctx, &p, end))
			return -EINVAL;
		add_port_rule(ctx, r, &p);
	}
	return 0;
}

static const struct schema schema_ports = {
	"toPorts", "",
	(const struct schema_key[]){ { "ports", true, "", "", "a list", "", ports_ports }, { 0 } }
};

int rule_ports(struct schema_ctx *ctx, const struct value *v, void *out)
{
	if (v->kind != VALUE_LIST || !v->n)
		return err_input(ctx->err, &v->loc, "toPorts: expected a list");
	for (size_t i = 0; i < v->n; i++)
		if (bind_spec(ctx, &schema_ports, v->items[i], out))
			return -EINVAL;
	return 0;
}

/* ---- ICMP; out is a struct icmp_rule ---- */

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
				     { "type", true, "", "", "a number or a name", "", ignore_key },
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

int rule_icmps(struct schema_ctx *ctx, const struct value *v, void *out)
{
	if (v->kind != VALUE_LIST || !v->n)
		return err_input(ctx->err, &v->loc, "icmps: expected a list");
	for (size_t i = 0; i < v->n; i++)
		if (bind_spec(ctx, &schema_icmps, v->items[i], out))
			return -EINVAL;
	return 0;
}
