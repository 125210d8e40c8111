// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `hosts:`: names of hosts outside the cluster. */
#include <errno.h>
#include <string.h>

#include "scenario/flow.h"
#include "scenario/parts.h"

static int read_host_address(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct world_host *h = out;
	struct ip_addr ip;

	if (!value_text(v) || !ip_addr_parse(v->text, &ip))
		return err_input(ctx->err, &v->loc, "hosts: expected an IP address%s%s%s",
				 value_text(v) ? ", found '" : "", value_text(v) ? v->text : "",
				 value_text(v) ? "'" : "");
	h->ips = arena_grow(ctx->arena, h->ips, h->n_ips, sizeof(ip));
	h->ips[h->n_ips++] = ip;
	return 0;
}

int read_hosts(struct schema_ctx *ctx, const struct value *v, struct scenario *s)
{
	if (v->kind != VALUE_MAP || !v->n)
		return err_input(ctx->err, &v->loc,
				 "hosts: expected names with their addresses: {client: "
				 "[192.0.2.10, \"2001:db8::10\"]}");
	s->hosts = arena_alloc(ctx->arena, v->n * sizeof(*s->hosts));
	for (size_t i = 0; i < v->n; i++) {
		struct world_host *h = &s->hosts[s->n_hosts++];

		h->name = v->keys[i]->text;
		h->loc = v->keys[i]->loc;
		if (strchr(h->name, '/') || strchr(h->name, ':') || !*h->name)
			return err_input(ctx->err, &h->loc,
					 "hosts: a name has no '/' and no ':', found '%s'",
					 h->name);
		if (read_each(ctx, v->items[i], "addresses", read_host_address, h))
			return -EINVAL;
	}
	return 0;
}
