// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Expectations of what a step does to maps. */
#include <errno.h>

#include "scenario/expect_parts.h"

struct map_place { /* what the readers of added, changed ... fill */
	struct expect *e;
	const char *node, *map;
};

static void add_map_expect(struct schema_ctx *ctx, struct map_place *p, struct map_expect m)
{
	struct expect *e = p->e;

	m.node = p->node;
	m.map = p->map;
	e->maps = arena_grow(ctx->arena, e->maps, e->n_maps, sizeof(m));
	e->maps[e->n_maps++] = m;
}

static int read_map_change(struct schema_ctx *ctx, const struct value *v, struct map_place *p,
			   enum map_change_kind kind)
{
	struct map_expect m = { .kind = kind, .has_count = true, .loc = v->loc };

	if (v->kind == VALUE_SCALAR && kind != MAP_ABSENT) {
		if (read_count(ctx, v, &m.min, &m.max))
			return -EINVAL;
		add_map_expect(ctx, p, m);
		return 0;
	}
	if (v->kind != VALUE_LIST || !v->n)
		return err_input(ctx->err, &v->loc,
				 kind == MAP_ABSENT
					 ? "expected a list of entries {key: {...}, value: {...}}"
					 : "expected a count, or a list of entries {key: {...}, "
					   "value: {...}}");
	for (size_t i = 0; i < v->n; i++) {
		const struct value *entry = v->items[i];

		if (schema_bind(ctx, &schema_entry, entry, NULL))
			return -EINVAL;
		if (!entry->n)
			return err_input(ctx->err, &entry->loc,
					 "map entry: give key, value or both");
		add_map_expect(
			ctx, p,
			(struct map_expect){ .kind = kind, .entry = entry, .loc = entry->loc });
	}
	return 0;
}

#define MAP_CHANGE(name, kind)                                                                     \
	static int mp_##name(struct schema_ctx *ctx, const struct value *v, void *out)             \
	{                                                                                          \
		return read_map_change(ctx, v, out, kind);                                         \
	}
MAP_CHANGE(added, MAP_ADDED)
MAP_CHANGE(changed, MAP_CHANGED)
MAP_CHANGE(removed, MAP_REMOVED)
MAP_CHANGE(present, MAP_PRESENT)
MAP_CHANGE(absent, MAP_ABSENT)

static int en_any(struct schema_ctx *ctx, const struct value *v, void *out)
{
	(void)out;
	if (v->kind == VALUE_NULL || (v->kind == VALUE_MAP && !v->n))
		return err_input(ctx->err, &v->loc, "map entry: no fields given");
	return 0;
}

static int read_node_maps(struct schema_ctx *ctx, const struct value *node, struct map_place *p)
{
	for (size_t j = 0; j < node->n; j++) {
		p->map = node->keys[j]->text;
		if (node->items[j]->kind == VALUE_MAP && !node->items[j]->n)
			return err_input(ctx->err, &node->items[j]->loc,
					 "maps: nothing expected of '%s'", p->map);
		if (schema_bind(ctx, &schema_maps, node->items[j], p))
			return -EINVAL;
	}
	return 0;
}

int ex_maps(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct map_place p = { .e = out };

	if (v->kind != VALUE_MAP || !v->n)
		return err_input(ctx->err, &v->loc, "maps: expected %s",
				 p.e->raw ? "{MAP: {added: 1}}" : "{NODE: {MAP: {added: 1}}}");
	if (p.e->raw)
		return read_node_maps(ctx, v, &p);
	for (size_t i = 0; i < v->n; i++) {
		const struct value *node = v->items[i];

		p.node = v->keys[i]->text;
		if (node->kind != VALUE_MAP || !node->n)
			return err_input(ctx->err, &node->loc,
					 "maps: expected the maps of node '%s': {MAP: {added: 1}}",
					 p.node);
		if (read_node_maps(ctx, node, &p))
			return -EINVAL;
	}
	return 0;
}

/* clang-format off */
const struct schema schema_maps = {
	"maps", "Changes of one map over the step. Each item of a list must match an entry; the fields it\n"
	"leaves out may be anything.",
	(const struct schema_key[]){
	{ "added", false, "count or list of [entries](#map-entry)", "any", "entries that are new", "1", mp_added },
	{ "changed", false, "count or list of [entries](#map-entry)", "any", "entries with another value than before", "[{value: {rx_closing: 1}}]", mp_changed },
	{ "removed", false, "count or list of [entries](#map-entry)", "any", "entries that are gone", "0", mp_removed },
	{ "present", false, "count or list of [entries](#map-entry)", "any", "entries that are there after the step", "[{key: {dport: 2379}}]", mp_present },
	{ "absent", false, "list of [entries](#map-entry)", "any", "entries that must not be there after the step", "[{key: {dport: 22}}]", mp_absent },
	{ 0 } } };

const struct schema schema_entry = {
	"map entry", "Fields by the names of the map's BTF; `bpftool btf dump file build/bpf/bpf_host.o` lists them.",
	(const struct schema_key[]){
	{ "key", false, "map of BTF fields", "any", "fields of the key", "{daddr: 10.160.128.34, dport: 2379}", en_any },
	{ "value", false, "map of BTF fields", "any", "fields of the value", "{seen_non_syn: 1}", en_any },
	{ 0 } } };
/* clang-format on */
