// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `seen:`: other vantage points of a send. */
#include <errno.h>
#include <string.h>

#include "scenario/parts.h"

/* ---- out is a struct vantage ---- */

static int sn_at(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct vantage *s = out;
	const char *slash;
	int rc = read_string(ctx, v, &s->at);

	s->at_loc = v->loc;
	slash = rc ? NULL : strchr(s->at, '/');
	if (rc || strcmp(s->at, "world") == 0 || (slash && slash > s->at && slash[1]))
		return rc;
	return err_input(ctx->err, &v->loc,
			 "expected a place such as node-0/eth0, default/web-0 or world, found '%s'",
			 s->at);
}

static int sn_capture(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct vantage *s = out;

	s->capture_loc = v->loc;
	return find_capture(ctx, v, &s->capture);
}

static int sn_interface(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_string(ctx, v, &((struct vantage *)out)->interface);
}

static int sn_packets(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_packet_set(ctx, v, &((struct vantage *)out)->packets);
}

static int read_free(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct vantage *s = out;
	const char *name;
	const struct field *f;

	if (read_string(ctx, v, &name))
		return -EINVAL;
	f = field_find(name);
	if (!f)
		return err_input(ctx->err, &v->loc, "unknown packet field '%s'", name);
	s->free = arena_grow(ctx->arena, s->free, s->n_free, sizeof(*s->free));
	s->free[s->n_free++] = f;
	return 0;
}

static int sn_free(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_each(ctx, v, "fields", read_free, out);
}

/* clang-format off */
const struct schema schema_seen = {
	"seen", "The same packets as they were captured elsewhere on their way, before or after addresses and ports\n"
	"were translated: nothing of it is sent. In their order, each must come by at `at` with the fields that\n"
	"it was captured with; which addresses and ports of the one stand for which of the other is told by a\n"
	"flow's first packet. MACs may differ.",
	(const struct schema_key[]){
	{ "at", true, "`NODE/DEVICE`, pod or `world`", NULL, "where that is: a device at which a program saw them, or where they ended", "node-1/eth0", sn_at },
	{ "capture", false, "file", "that of the `send`", "what was captured there", "etcd.pcapng", sn_capture },
	{ "interface", false, "pattern", "all", "of the capture's interfaces", "eth1", sn_interface },
	{ "packets", false, "packet numbers", "all", "of that capture", "2-8", sn_packets },
	{ "free", false, "list of [fields](fields.md)", "none", "what may differ; with `ip.ttl` the header's checksum may, too", "[ip.ttl]", sn_free },
	{ 0 } } };
/* clang-format on */

int read_seen(struct schema_ctx *ctx, const struct value *v, struct send_step *send)
{
	if (v->kind != VALUE_LIST || !v->n)
		return err_input(ctx->err, &v->loc,
				 "seen: expected a list such as [{at: node-1/eth0, capture: "
				 "node-1.pcapng}]");
	for (size_t i = 0; i < v->n; i++) {
		struct vantage s = { .loc = v->items[i]->loc };

		if (schema_bind(ctx, &schema_seen, v->items[i], &s))
			return -EINVAL;
		send->seen = arena_grow(ctx->arena, send->seen, send->n_seen, sizeof(s));
		send->seen[send->n_seen++] = s;
	}
	return 0;
}
