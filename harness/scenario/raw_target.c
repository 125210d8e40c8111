// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Raw scenarios: `target:` and `maps:`, which stand in the place of a cluster. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "scenario/object_path.h"
#include "scenario/parts.h"
#include "scenario/target_desc_parts.h"

#define SHA256_DIGITS 64
#define SHA256_LEAST  12

/* ---- target; out is a struct raw_target ---- */

static int tg_object(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct raw_target *t = out;

	t->object_loc = v->loc;
	if (read_string(ctx, v, &t->written))
		return -EINVAL;
	t->object = t->written;
	return 0;
}

static int tg_program(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_string(ctx, v, &((struct raw_target *)out)->program);
}

static int tg_file(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct raw_target *t = out;

	t->file_loc = v->loc;
	return read_string(ctx, v, &t->file);
}

static int tg_objects(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct raw_target *t = out;
	int rc = read_string(ctx, v, &t->objects);

	t->objects_written = t->objects;
	return rc;
}

static int tg_config(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct raw_target *t = out;
	struct settings settings = { 0 };
	int rc = target_read_settings(ctx, v, &settings);

	t->config = settings.list;
	t->n_config = settings.n;
	return rc;
}

static int tg_types(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct raw_target *t = out;

	if (v->kind != VALUE_MAP || !v->n)
		return err_input(ctx->err, &v->loc, "types: expected {SECTION: TYPE}");
	t->type_sections = arena_alloc(ctx->arena, v->n * sizeof(*t->type_sections));
	t->type_names = arena_alloc(ctx->arena, v->n * sizeof(*t->type_names));
	for (size_t i = 0; i < v->n; i++, t->n_types++) {
		t->type_sections[i] = v->keys[i]->text;
		if (read_string(ctx, v->items[i], &t->type_names[i]))
			return -EINVAL;
	}
	return 0;
}

static int tg_sha256(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct raw_target *t = out;
	const char *s;
	int rc = read_string(ctx, v, &s);

	if (rc)
		return rc;
	if (strlen(s) > SHA256_DIGITS || strlen(s) < SHA256_LEAST ||
	    s[strspn(s, "0123456789abcdef")])
		return err_input(ctx->err, &v->loc,
				 "expected the 64 hexadecimal digits that sha256sum prints, or the "
				 "first of them: at least 12");
	t->sha256 = s;
	t->sha256_loc = v->loc;
	return 0;
}

static int tg_map_sizes(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct raw_target *t = out;

	if (v->kind != VALUE_MAP || !v->n)
		return err_input(ctx->err, &v->loc, "map_sizes: expected {MAP: 8192}");
	t->sizes = arena_alloc(ctx->arena, v->n * sizeof(*t->sizes));
	for (size_t i = 0; i < v->n; i++) {
		struct map_override *m = &t->sizes[t->n_sizes++];
		uint64_t n = 0;

		if (read_u64(ctx, v->items[i], UINT32_MAX, &n))
			return -EINVAL;
		if (!n)
			return err_input(ctx->err, &v->items[i]->loc,
					 "a map holds at least one entry");
		*m = (struct map_override){ v->keys[i]->text, (uint32_t)n, v->keys[i]->loc };
	}
	return 0;
}

static int beside(struct schema_ctx *ctx, const struct value *v, const char **out)
{
	const char *name;
	struct stat st;
	int rc = read_string(ctx, v, &name);

	if (rc)
		return rc;
	*out = file_join(ctx->arena, ctx->dir, name);
	if (stat(*out, &st) == 0 && S_ISREG(st.st_mode))
		return 0;
	err_input(ctx->err, &v->loc, "no file '%s'", name);
	return err_hint(ctx->err, "looked in %s", ctx->dir);
}

static int tg_ip(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return beside(ctx, v, &((struct raw_target *)out)->ip_batch);
}

static int tg_interpose(struct schema_ctx *ctx, const struct value *v, void *out)
{
	bool interpose = true;
	int rc = read_bool(ctx, v, &interpose);

	((struct raw_target *)out)->pristine = !interpose;
	return rc;
}

static int tg_follow(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_bool(ctx, v, &((struct raw_target *)out)->follow);
}

/* clang-format off */
const struct schema schema_target = {
	"target",
	"What a raw scenario runs, in the place of a cluster: a program of one object, or a target file,\n"
	"of which the name alone will do. An object that is not there because its variable is not set, or\n"
	"its package not installed, makes the scenario skipped.",
	(const struct schema_key[]){
	{ "object", false, "file", "a target file", "the object: in the scenario's folder, from where `verdict` runs, among those the distribution ships, or behind a variable (`$VERDICT_CILIUM_OBJECTS/bpf_lxc.o`)", "xdpfilt_dny_udp.o", tg_object },
	{ "program", false, "name", "the object's only one", "which program; with a target file in the place of a `hook`", "xdpfilt_dny_udp", tg_program },
	{ "sha256", false, "digest, or the beginning of one", "any", "of the object when this was written; the result says if it is another one now", "8adb728810d47863", tg_sha256 },
	{ "types", false, "map of sections to types", "as the section's name says", "program types of sections that libbpf does not know", "{from-netdev: tc}", tg_types },
	{ "file", false, "name or file", "an object", "a [target file](targets.md): one of `fixtures/targets`, or a path", "cilium-1.19", tg_file },
	{ "objects", false, "folder", "the target file's own", "where the target file's objects lie: in the scenario's folder, from where `verdict` runs, or behind a variable", "$VERDICT_CILIUM_OBJECTS", tg_objects },
	{ "config", false, "map of constants", "as compiled", "constants in `.rodata`, by name", "{enable_debug: 1}", tg_config },
	{ "map_sizes", false, "map of numbers", "as compiled", "`max_entries` of maps, by name", "{filter_ports: 65536}", tg_map_sizes },
	{ "ip", false, "file", "nothing", "lines for `ip -batch` in the namespace of the packets: addresses, routes, neighbours; in the scenario's folder", "routes.ip", tg_ip },
	{ "interpose", false, "`true` or `false`", "`true`", "whether helper calls are replaced: without, time is real and redirects are not known", "false", tg_interpose },
	{ "follow", false, "`true` or `false`", "`false`", "with a target file: packets go on where a redirect sends them", "true", tg_follow },
	{ 0 } } };
/* clang-format on */

/* The error there is, at its place in the scenario. */
static int err_at(struct schema_ctx *ctx, const struct loc *at)
{
	char *text = strdup(ctx->err->text);

	err_clear(ctx->err);
	err_input(ctx->err, at, "%s", text);
	free(text);
	return -EINVAL;
}

/* 1: not on this machine, t->missing is set. */
static int resolve_object(struct schema_ctx *ctx, struct raw_target *t)
{
	int rc = object_path(ctx->arena, ctx->dir, t->object, &t->object, &t->missing, ctx->err);

	return rc < 0 ? err_at(ctx, &t->object_loc) : rc;
}

/* A path is meant from the scenario's folder first, as its other paths are. */
static void resolve_file(struct schema_ctx *ctx, struct raw_target *t)
{
	size_t len = strlen(t->file);
	const char *beside = file_join(ctx->arena, ctx->dir, t->file);
	struct stat st;

	if ((strchr(t->file, '/') || (len > 5 && !strcmp(t->file + len - 5, ".yaml"))) &&
	    stat(beside, &st) == 0)
		t->file = beside;
}

static int resolve_folder(struct schema_ctx *ctx, struct raw_target *t)
{
	const char *beside;
	struct stat st;
	int rc;

	if (!t->objects)
		return 0;
	rc = path_expand(ctx->arena, t->objects, &t->objects, &t->missing, ctx->err);
	if (rc)
		return rc < 0 ? err_at(ctx, &t->loc) : rc;
	beside = file_join(ctx->arena, ctx->dir, t->objects);
	if (stat(beside, &st) == 0 && S_ISDIR(st.st_mode))
		t->objects = beside;
	return 0;
}

static int load_object(struct schema_ctx *ctx, struct raw_target *t)
{
	int rc = resolve_object(ctx, t);

	if (rc)
		return rc < 0 ? rc : 0;
	rc = target_desc_of_object(t->object, &t->desc, ctx->err);
	return rc ? err_at(ctx, &t->object_loc) : 0;
}

static bool is_unset(const char *variable)
{
	const char *value = getenv(variable);

	return !value || !*value;
}

static int load_file(struct schema_ctx *ctx, struct raw_target *t)
{
	const char *env;
	int rc;

	resolve_file(ctx, t);
	rc = target_desc_load(t->file, &t->desc, ctx->err);
	if (rc && access(t->file, F_OK))
		return err_at(ctx, &t->file_loc);
	if (!rc)
		rc = resolve_folder(ctx, t);
	if (rc)
		return rc < 0 ? rc : 0;
	env = t->desc->objects_env;
	if (!t->objects && !t->desc->objects_dir && env && is_unset(env))
		t->missing = arena_printf(ctx->arena,
					  "the variable %s is not set: it names the folder of the "
					  "objects of target %s%s%s",
					  env, t->desc->name, t->desc->objects_hint ? "; " : "",
					  t->desc->objects_hint ? t->desc->objects_hint : "");
	return 0;
}

static int check_target(struct schema_ctx *ctx, const struct raw_target *t)
{
	if (!t->object == !t->file)
		return err_input(ctx->err, &t->loc,
				 "target: give an object or a target file, not %s",
				 t->file ? "both" : "neither");
	if (t->file && (t->sha256 || t->n_types))
		return err_input(ctx->err, &t->loc,
				 "target: sha256 and types belong to an object; a target file has "
				 "several");
	if (t->object && (t->objects || t->follow))
		return err_input(ctx->err, &t->loc,
				 "target: objects and follow need a target file, which knows what "
				 "lies beside this object");
	return 0;
}

int read_target(struct schema_ctx *ctx, const struct value *v, struct scenario *s)
{
	struct raw_target *t = s->target;
	int rc = 0;

	t->loc = v->loc;
	if (v->kind == VALUE_SCALAR)
		rc = tg_file(ctx, v, t);
	else
		rc = schema_bind(ctx, &schema_target, v, t);
	if (!rc)
		rc = check_target(ctx, t);
	if (rc)
		return rc;
	return t->object ? load_object(ctx, t) : load_file(ctx, t);
}

/* ---- maps ---- */

static int map_file(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct raw_target *t = out;
	const char *path;
	int rc = beside(ctx, v, &path);

	if (rc)
		return rc;
	t->maps = arena_grow(ctx->arena, t->maps, t->n_maps, sizeof(*t->maps));
	t->maps[t->n_maps++] = path;
	return 0;
}

static int check_seed(struct schema_ctx *ctx, const struct value *map, const struct value *entries)
{
	if (entries->kind != VALUE_LIST || !entries->n)
		return err_input(ctx->err, &entries->loc,
				 "maps: expected a list of entries of '%s': [{key: ..., value: "
				 "...}]",
				 map->text);
	for (size_t i = 0; i < entries->n; i++) {
		const struct value *e = entries->items[i];

		if (e->kind != VALUE_MAP || !value_get(e, "key") ||
		    (!value_get(e, "value") && !value_get(e, "values")))
			return err_input(ctx->err, &e->loc,
					 "an entry of '%s' has a key and a value: {key: ..., "
					 "value: ...}",
					 map->text);
	}
	return 0;
}

int read_raw_maps(struct schema_ctx *ctx, const struct value *v, struct scenario *s)
{
	if (!s->target)
		return err_input(ctx->err, &v->loc,
				 "maps: the cluster's agents write the maps; entries are given "
				 "where there is a target");
	if (v->kind != VALUE_MAP)
		return read_each(ctx, v, "files", map_file, s->target);
	for (size_t i = 0; i < v->n; i++)
		if (check_seed(ctx, v->keys[i], v->items[i]))
			return -EINVAL;
	s->target->entries = v;
	return 0;
}
