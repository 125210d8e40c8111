/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Helm values: reading, merging, asking. */
#include "scenario/values.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/words.h"
#include "scenario/kinds.h"
#include "scenario/values_known.h"
#include "scenario/yaml.h"

static int check_values(struct schema_ctx *ctx, const struct value *v)
{
	for (size_t i = 0; i < values_n_known; i++) {
		const struct value *item = value_path(v, values_known[i].path);

		if (item && item->kind != VALUE_NULL &&
		    values_check_known(ctx, &values_known[i], item))
			return -EINVAL;
	}
	return 0;
}

/* The names that known paths have at the place "prefix", without repeats. */
static size_t known_names(struct arena *a, const char *prefix, const char **names)
{
	size_t n = 0, len = strlen(prefix);

	for (size_t i = 0; i < values_n_known; i++) {
		const char *rest = values_known[i].path + len;
		char *name;

		if (strncmp(values_known[i].path, prefix, len) != 0)
			continue;
		name = arena_strndup(a, rest, strcspn(rest, "."));
		if (!n || strcmp(names[n - 1], name) != 0)
			names[n++] = name;
	}
	return n;
}

static int check_misspelt(struct schema_ctx *ctx, const struct value *v, const char *prefix)
{
	const char **names = arena_alloc(ctx->arena, values_n_known * sizeof(*names));
	size_t n = known_names(ctx->arena, prefix, names);

	if (!n || v->kind == VALUE_NULL)
		return 0;
	if (v->kind != VALUE_MAP)
		return err_input(ctx->err, &v->loc,
				 "the Helm values %s* are a map, such as {%s: ...}", prefix,
				 names[0]);
	for (size_t i = 0; i < v->n; i++) {
		const char *near = nearest_name(v->keys[i]->text, names, n);
		int rc;

		if (near && strcmp(near, v->keys[i]->text) != 0)
			return err_input(ctx->err, &v->keys[i]->loc,
					 "unknown Helm value '%s%s'; did you mean '%s%s'?", prefix,
					 v->keys[i]->text, prefix, near);
		rc = check_misspelt(ctx, v->items[i],
				    arena_printf(ctx->arena, "%s%s.", prefix, v->keys[i]->text));
		if (rc)
			return rc;
	}
	return 0;
}

static void put(struct arena *a, struct value *map, struct value *key, struct value *v)
{
	map->keys = arena_grow(a, map->keys, map->n, sizeof(*map->keys));
	map->keys[map->n] = key;
	value_push(a, map, v);
}

static struct value *merge(struct arena *a, const struct value *base, const struct value *over)
{
	struct value *out = value_map(a);

	out->loc = base->loc;
	for (size_t i = 0; i < base->n; i++) {
		struct value *mine = base->items[i], *other = value_get(over, base->keys[i]->text);

		if (!other)
			put(a, out, base->keys[i], mine);
		else if (mine->kind == VALUE_MAP && other->kind == VALUE_MAP)
			put(a, out, base->keys[i], merge(a, mine, other));
		else if (other->kind != VALUE_NULL)
			put(a, out, base->keys[i], other);
	}
	for (size_t i = 0; i < over->n; i++)
		if (!value_get(base, over->keys[i]->text) && over->items[i]->kind != VALUE_NULL)
			put(a, out, over->keys[i], over->items[i]);
	return out;
}

static int load_file(struct schema_ctx *ctx, const struct value **out)
{
	const char *path = file_join(ctx->arena, ctx->dir, "values.yaml");
	struct value **docs;
	size_t n;

	*out = NULL;
	if (access(path, F_OK) != 0)
		return 0;
	if (yaml_load(ctx->arena, path, &docs, &n, ctx->err))
		return -EINVAL;
	if (n > 1)
		return err_input(ctx->err, &docs[1]->loc, "a second document in values.yaml");
	if (n == 1 && docs[0]->kind != VALUE_MAP)
		return err_input(ctx->err, &docs[0]->loc, "expected a map of Helm values");
	if (n == 1)
		*out = docs[0];
	return *out ? check_values(ctx, *out) : 0;
}

int values_load(struct arena *a, const char *dir, const struct value *overrides,
		const struct value **out, struct err *err)
{
	struct schema_ctx ctx = { a, dir, err };

	if (load_file(&ctx, out))
		return -EINVAL;
	if (!overrides)
		return 0;
	if (overrides->kind != VALUE_MAP)
		return err_input(err, &overrides->loc, "expected a map of Helm values");
	if (check_values(&ctx, overrides) || check_misspelt(&ctx, overrides, ""))
		return -EINVAL;
	*out = *out ? merge(a, *out, value_copy(a, overrides)) : value_copy(a, overrides);
	return 0;
}

const char *values_get(const struct value *v, const char *path)
{
	const struct known *k = values_find_known(path);
	const struct value *item = value_path(v, path);
	const char *text;

	if (item && item->kind == VALUE_LIST && item->n)
		item = item->items[0];
	text = value_text(item);
	return text ? text : k ? k->otherwise : NULL;
}

bool values_bool(const struct value *v, const char *path)
{
	const char *text = values_get(v, path);

	return text && (text[0] == 't' || text[0] == 'T');
}

unsigned values_seconds(const struct value *v, const char *path)
{
	struct value text = { .kind = VALUE_SCALAR, .text = values_get(v, path) };
	struct schema_ctx ctx = { 0 };
	uint64_t ns = 0;

	if (!text.text || read_duration_ns(&ctx, &text, &ns))
		return 0;
	return (unsigned)(ns / 1000000000ull);
}

uint32_t values_number(const struct value *v, const char *path)
{
	const char *text = values_get(v, path);

	return text ? (uint32_t)strtoul(text, NULL, 10) : 0;
}

bool values_is(const struct value *v, const char *path, const char *word)
{
	const char *text = values_get(v, path);

	return text && strcmp(text, word) == 0;
}

bool values_cidr(const struct value *v, const char *path, struct cidr *out)
{
	const struct value *item = value_path(v, path);
	struct arena *a;
	bool ok;

	if (!value_text(item))
		return false;
	a = arena_new();
	ok = read_cidr(&(struct schema_ctx){ .arena = a }, item, out) == 0;
	arena_free(a);
	return ok;
}

void values_vlans(const struct value *v, const char *path, struct vlan_bypass *out)
{
	const struct value *list = value_path(v, path);
	uint16_t id;

	*out = (struct vlan_bypass){ 0 };
	for (size_t i = 0; list && i < list->n; i++) {
		id = (uint16_t)strtoul(value_text(list->items[i]), NULL, 0);
		if (id)
			out->ids[out->n++] = id;
		out->all |= !id;
	}
}

bool values_cidrs(struct arena *a, const struct value *v, const char *path, struct cidr **list,
		  size_t *n)
{
	const struct value *item = value_path(v, path);

	*list = NULL;
	*n = 0;
	return item && item->kind == VALUE_LIST &&
	       read_cidrs(&(struct schema_ctx){ .arena = a }, item, path, list, n) == 0;
}
