/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The known Helm values: one table of name, type and default; checking, merging, asking. */
#include "scenario/values.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/words.h"
#include "scenario/schema.h"
#include "scenario/yaml.h"

enum known_type { KNOWN_BOOL, KNOWN_WORD, KNOWN_TEXT, KNOWN_NUMBER, KNOWN_DURATION, KNOWN_DEVICES };

struct known {
	const char *path;
	enum known_type type;
	const char *otherwise; /* Helm's default, or the agent's where Helm says nothing */
	const char *words[6]; /* KNOWN_WORD: what may stand there */
	const char *only; /* other values would change verdicts and are refused */
};

/* extraConfig holds the agent's own option names; Helm copies it into the agent's configuration. */
static const struct known known[] = {
	{ "bpf.monitorAggregation",
	  KNOWN_WORD,
	  "medium",
	  { "none", "lowest", "low", "medium", "maximum" },
	  NULL },
	{ "bpf.monitorInterval", KNOWN_DURATION, "5s", { 0 }, NULL },
	{ "cluster.name", KNOWN_TEXT, "default", { 0 }, NULL },
	{ "devices", KNOWN_DEVICES, "eth0", { 0 }, NULL },
	{ "egressGateway.enabled", KNOWN_BOOL, "false", { 0 }, "false" },
	{ "encryption.enabled", KNOWN_BOOL, "false", { 0 }, "false" },
	{ "extraConfig.bpf-ct-timeout-regular-any", KNOWN_DURATION, "1m0s", { 0 }, NULL },
	{ "extraConfig.bpf-ct-timeout-regular-tcp", KNOWN_DURATION, "2h13m20s", { 0 }, NULL },
	{ "extraConfig.bpf-ct-timeout-regular-tcp-fin", KNOWN_DURATION, "10s", { 0 }, NULL },
	{ "extraConfig.bpf-ct-timeout-regular-tcp-syn", KNOWN_DURATION, "1m0s", { 0 }, NULL },
	{ "extraConfig.enable-icmp-rules", KNOWN_BOOL, "true", { 0 }, NULL },
	{ "extraConfig.trace-payloadlen", KNOWN_NUMBER, "128", { 0 }, NULL },
	{ "hostFirewall.enabled", KNOWN_BOOL, "false", { 0 }, NULL },
	{ "ipv4.enabled", KNOWN_BOOL, "true", { 0 }, "true" },
	{ "ipv6.enabled", KNOWN_BOOL, "false", { 0 }, NULL },
	{ "nodeSelectorLabels", KNOWN_BOOL, "false", { 0 }, "false" },
	{ "policyAuditMode", KNOWN_BOOL, "false", { 0 }, NULL },
	{ "policyEnforcementMode", KNOWN_WORD, "default", { "default", "never" }, NULL },
	{ "routingMode", KNOWN_WORD, "tunnel", { "native", "tunnel" }, NULL },
};

#define N_KNOWN (sizeof(known) / sizeof(known[0]))

static const struct known *find_known(const char *path)
{
	for (size_t i = 0; i < N_KNOWN; i++)
		if (strcmp(known[i].path, path) == 0)
			return &known[i];
	return NULL;
}

static int check_word(struct schema_ctx *ctx, const struct known *k, const struct value *v)
{
	struct buf list = BUF_INIT;

	for (size_t i = 0; k->words[i]; i++) {
		if (value_text(v) && strcmp(k->words[i], v->text) == 0) {
			buf_free(&list);
			return 0;
		}
		buf_printf(&list, "%s%s", i ? ", " : "", k->words[i]);
	}
	err_input(ctx->err, &v->loc, "%s: expected one of %s", k->path, buf_str(&list));
	buf_free(&list);
	return -EINVAL;
}

static int check_devices(struct schema_ctx *ctx, const struct value *v)
{
	if (v->kind == VALUE_LIST && v->n == 1)
		v = v->items[0];
	if (!value_text(v) || !*v->text || strlen(v->text) > 15 || strpbrk(v->text, "+/ ,"))
		return err_input(ctx->err, &v->loc,
				 "devices: expected the name of one device, such as eth0");
	return 0;
}

static int check_known(struct schema_ctx *ctx, const struct known *k, const struct value *v)
{
	struct value plain = *v;
	uint64_t n;
	bool b = false;
	int rc = 0;

	/* the agent's own options are texts in a ConfigMap: "true" is right there */
	if (strncmp(k->path, "extraConfig.", 12) == 0)
		plain.quoted = false;
	switch (k->type) {
	case KNOWN_BOOL:
		rc = read_bool(ctx, &plain, &b);
		break;
	case KNOWN_NUMBER:
		rc = read_u64(ctx, v, UINT32_MAX, &n);
		break;
	case KNOWN_DURATION:
		rc = read_duration_ns(ctx, v, &n);
		break;
	case KNOWN_WORD:
		return check_word(ctx, k, v);
	case KNOWN_DEVICES:
		return check_devices(ctx, v);
	case KNOWN_TEXT:
		return v->kind == VALUE_SCALAR
			       ? 0
			       : err_input(ctx->err, &v->loc, "%s: expected text", k->path);
	}
	if (!rc && k->only && k->type == KNOWN_BOOL && b != (strcmp(k->only, "true") == 0))
		return err_input(ctx->err, &v->loc,
				 "%s: %s is not supported: leaving it out would change verdicts",
				 k->path, v->text);
	return rc;
}

static int check_values(struct schema_ctx *ctx, const struct value *v)
{
	for (size_t i = 0; i < N_KNOWN; i++) {
		const struct value *item = value_path(v, known[i].path);

		if (item && item->kind != VALUE_NULL && check_known(ctx, &known[i], item))
			return -EINVAL;
	}
	return 0;
}

/* The names that known paths have at the place "prefix", without repeats. */
static size_t known_names(struct arena *a, const char *prefix, const char *names[N_KNOWN])
{
	size_t n = 0, len = strlen(prefix);

	for (size_t i = 0; i < N_KNOWN; i++) {
		const char *rest = known[i].path + len;
		char *name;

		if (strncmp(known[i].path, prefix, len) != 0)
			continue;
		name = arena_strndup(a, rest, strcspn(rest, "."));
		if (!n || strcmp(names[n - 1], name) != 0)
			names[n++] = name;
	}
	return n;
}

static int check_misspelt(struct schema_ctx *ctx, const struct value *v, const char *prefix)
{
	const char *names[N_KNOWN];
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
	const struct known *k = find_known(path);
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
