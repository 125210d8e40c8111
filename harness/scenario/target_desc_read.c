/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The keys of a target file: tables for reading, for suggestions, and for docs/targets.md. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "scenario/parts.h"
#include "scenario/target_desc_parts.h"

#define N_OF(list) (sizeof(list) / sizeof((list)[0]))

/* Hooks that the kernel has no test run for: a target may have programs there all the same. */
static const struct word live_hooks[] = {
	{ -1, "connect4", NULL },     { -1, "connect6", NULL },	    { -1, "sendmsg4", NULL },
	{ -1, "sendmsg6", NULL },     { -1, "recvmsg4", NULL },	    { -1, "recvmsg6", NULL },
	{ -1, "getpeername4", NULL }, { -1, "getpeername6", NULL }, { -1, "getsockname4", NULL },
	{ -1, "getsockname6", NULL }, { -1, "bind4", NULL },	    { -1, "bind6", NULL },
	{ -1, "post_bind4", NULL },   { -1, "post_bind6", NULL },   { -1, "sock_create", NULL },
	{ -1, "sock_release", NULL }, { -1, "sock_ops", NULL },
};
const struct word_table words_live_hook = { "hook", live_hooks, N_OF(live_hooks) };

int target_expect_map(struct schema_ctx *ctx, const struct value *v, const char *what)
{
	if (v->kind == VALUE_MAP)
		return 0;
	return err_input(ctx->err, &v->loc, "expected a map of %s", what);
}

const char *target_read_name(struct schema_ctx *ctx, const char *text, bool *may_lack)
{
	size_t len = strlen(text);

	*may_lack = len > 1 && text[len - 1] == '?';
	return *may_lack ? arena_strndup(ctx->arena, text, len - 1) : text;
}

int target_read_settings(struct schema_ctx *ctx, const struct value *v, struct settings *out)
{
	int rc = target_expect_map(ctx, v, "constants, such as {cluster_id: 0}");

	if (rc)
		return rc;
	out->list = arena_alloc(ctx->arena, v->n * sizeof(*out->list));
	out->n = v->n;
	for (size_t i = 0; i < v->n; i++) {
		if (v->items[i]->kind == VALUE_NULL)
			return err_input(ctx->err, &v->keys[i]->loc,
					 "the constant '%s' is given no value", v->keys[i]->text);
		out->list[i] = (struct setting){ .value = v->items[i], .loc = v->keys[i]->loc };
		out->list[i].name = target_read_name(ctx, v->keys[i]->text, &out->list[i].may_lack);
	}
	return 0;
}

int target_read_ref(struct schema_ctx *ctx, const struct value *v, struct program_ref *out)
{
	const char *text, *slash;
	int rc = read_string(ctx, v, &text);

	if (rc)
		return rc;
	slash = strrchr(text, '/');
	if (!slash || slash == text || !slash[1]) {
		err_input(ctx->err, &v->loc,
			  "expected an object and its program, such as "
			  "bpf_lxc.o/cil_from_container, found '%s'",
			  text);
		return -EINVAL;
	}
	out->object = arena_strndup(ctx->arena, text, (size_t)(slash - text));
	out->program = target_read_name(ctx, slash + 1, &out->may_lack);
	out->loc = v->loc;
	return 0;
}

/* ---- objects ---- */

static int ob_path(struct schema_ctx *ctx, const struct value *v, void *out)
{
	const char *path;
	int rc = read_string(ctx, v, &path);

	if (!rc)
		((struct desc_object *)out)->path = file_join(ctx->arena, ctx->dir, path);
	return rc;
}

static int ob_config(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return target_read_settings(ctx, v, &((struct desc_object *)out)->config);
}

static int ob_types(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct desc_object *o = out;
	int rc = target_expect_map(ctx, v, "sections and their types, such as {prog: xdp}");

	if (rc)
		return rc;
	o->types = arena_alloc(ctx->arena, v->n * sizeof(*o->types));
	for (size_t i = 0; i < v->n && !rc; i++) {
		o->types[i].section = v->keys[i]->text;
		o->types[i].loc = v->keys[i]->loc;
		rc = read_string(ctx, v->items[i], &o->types[i].type);
	}
	o->n_types = v->n;
	return rc;
}

static int ob_interpose(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_bool(ctx, v, &((struct desc_object *)out)->interpose);
}

/* clang-format off */
const struct schema schema_target_object = {
	"file", "What differs from the defaults for one object, under `files` by the object's name.",
	(const struct schema_key[]){
	{ "path", false, "file", "the name, in the folder of the objects", "where it is, relative to the target file", "../../build/bpf/bpf_host.o", ob_path },
	{ "config", false, "map of constants", "nothing", "constants of this object alone, over those of all", "{enable_ipv6: false}", ob_config },
	{ "types", false, "map of sections", "as the sections' names say", "program types of sections whose name says none: a name libbpf knows as a section, or a program type", "{prog: xdp}", ob_types },
	{ "interpose", false, "`true` or `false`", "as for the target", "`false`: loaded as shipped, with no helper call replaced", "false", ob_interpose },
	{ 0 } } };
/* clang-format on */

struct desc_object *target_object_named(struct schema_ctx *ctx, struct target_desc *d,
					const char *name, const struct loc *loc)
{
	for (size_t i = 0; i < d->n_objects; i++)
		if (!strcmp(d->objects[i].name, name))
			return &d->objects[i];
	d->objects = arena_grow(ctx->arena, d->objects, d->n_objects, sizeof(*d->objects));
	d->objects[d->n_objects] =
		(struct desc_object){ .name = name, .interpose = true, .loc = *loc };
	return &d->objects[d->n_objects++];
}

static int os_dir(struct schema_ctx *ctx, const struct value *v, void *out)
{
	const char *dir;
	int rc = read_string(ctx, v, &dir);

	if (!rc)
		((struct target_desc *)out)->objects_dir = file_join(ctx->arena, ctx->dir, dir);
	return rc;
}

static int os_env(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_string(ctx, v, &((struct target_desc *)out)->objects_env);
}

static int os_settings(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_string(ctx, v, &((struct target_desc *)out)->objects_settings);
}

static int os_hint(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_string(ctx, v, &((struct target_desc *)out)->objects_hint);
}

static int os_files(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct target_desc *d = out;
	int rc = target_expect_map(ctx, v, "objects, such as {filter.o: {types: {prog: xdp}}}");

	for (size_t i = 0; i < v->n && !rc; i++) {
		struct desc_object *o =
			target_object_named(ctx, d, v->keys[i]->text, &v->keys[i]->loc);

		if (v->items[i]->kind != VALUE_NULL)
			rc = schema_bind(ctx, &schema_target_object, v->items[i], o);
	}
	return rc;
}

/* clang-format off */
const struct schema schema_target_objects = {
	"objects", "Where the objects are. `--objects DIR` goes before all of it. Where neither `dir` nor `env` stands, they are Verdict's own, as built or installed.",
	(const struct schema_key[]){
	{ "dir", false, "folder", "none", "the folder they are in, relative to the target file", "../../build/bpf", os_dir },
	{ "env", false, "name", "none", "a variable of the environment that names the folder; goes before `dir`", "VERDICT_CILIUM_OBJECTS", os_env },
	{ "settings", false, "file", "none", "objects have a node's settings compiled in, and this header, beside them, says which. In a cluster the folder, or one in it, is taken whose settings fit the node best; `verdict cluster show --node-config` prints what fits", "node_config.h", os_settings },
	{ "hint", false, "text", "none", "what to do where they are missing, for the message", "\"copy them out of the image\"", os_hint },
	{ "files", false, "map of [files](#file)", "nothing", "objects that need more than their name; those that `hooks` and `tail_calls` name need no line here", "{filter.o: {types: {prog: xdp}}}", os_files },
	{ 0 } } };
/* clang-format on */

/* ---- hooks ---- */

static int read_hook_name(struct schema_ctx *ctx, const struct value *key, struct desc_hook *h)
{
	bool is_word = !isdigit((unsigned char)key->text[0]) && key->text[0] != '-';
	const char *near;
	int number;

	if (is_word && word_parse(&words_live_hook, key->text, &number)) {
		h->hook = -1;
		h->name = word_nearest(&words_live_hook, key->text);
		return 0;
	}
	if (is_word && word_parse(&words_hook, key->text, &h->hook)) {
		h->name = word_name(&words_hook, h->hook);
		return 0;
	}
	near = word_nearest(&words_hook, key->text);
	if (!near)
		near = word_nearest(&words_live_hook, key->text);
	if (near)
		return err_input(ctx->err, &key->loc, "unknown hook '%s'; did you mean '%s'?",
				 key->text, near);
	err_input(ctx->err, &key->loc, "unknown hook '%s'", key->text);
	return err_hint(ctx->err, "hooks of packets are ingress, egress, xdp and others: see "
				  "docs/targets.md");
}

static int read_role(struct schema_ctx *ctx, struct target_desc *d, const char *role,
		     const struct value *v)
{
	int rc =
		target_expect_map(ctx, v, "hooks, such as {ingress: bpf_lxc.o/cil_from_container}");

	for (size_t i = 0; i < v->n && !rc; i++) {
		struct desc_hook h = { .role = role, .loc = v->keys[i]->loc };

		rc = read_hook_name(ctx, v->keys[i], &h);
		if (!rc)
			rc = target_read_ref(ctx, v->items[i], &h.ref);
		if (rc)
			break;
		target_object_named(ctx, d, h.ref.object, &h.ref.loc);
		d->hooks = arena_grow(ctx->arena, d->hooks, d->n_hooks, sizeof(*d->hooks));
		d->hooks[d->n_hooks++] = h;
	}
	return rc;
}

static int td_hooks(struct schema_ctx *ctx, const struct value *v, void *out)
{
	int rc = target_expect_map(ctx, v, "roles and their hooks");

	for (size_t i = 0; i < v->n && !rc; i++)
		rc = read_role(ctx, out, v->keys[i]->text, v->items[i]);
	return rc;
}

/* ---- the top ---- */

/* It may become part of a file's name in reports. */
static int td_name(struct schema_ctx *ctx, const struct value *v, void *out)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	struct target_desc *d = out;
	int rc = read_string(ctx, v, &d->name);

	if (!rc && (d->name[0] == '.' || d->name[strspn(d->name, allowed)]))
		return err_input(ctx->err, &v->loc,
				 "a name is made of letters, digits, '-', '_' and '.'");
	return rc;
}

static int td_summary(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct target_desc *d = out;
	int rc = read_string(ctx, v, &d->summary);

	if (!rc && strchr(d->summary, '\n'))
		return err_input(ctx->err, &v->loc, "the summary is one line");
	return rc;
}

static int td_objects(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return schema_bind(ctx, &schema_target_objects, v, out);
}

static int td_config(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return target_read_settings(ctx, v, &((struct target_desc *)out)->config);
}

static int td_interpose(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_bool(ctx, v, &((struct target_desc *)out)->interpose);
}

/* clang-format off */
const struct schema schema_target_file = {
	"target", "The top of the file.",
	(const struct schema_key[]){
	{ "name", false, "name", "the file's name", "what it is called in reports", "cilium-1.19", td_name },
	{ "summary", false, "one line", "empty", "what it is", "Cilium 1.19 as its agent compiles it", td_summary },
	{ "objects", false, "map, see [objects](#objects)", "Verdict's own", "where the objects are, and which need more than their name", "{dir: ../../build/bpf}", td_objects },
	{ "config", false, "map of constants", "nothing", "constants by name, with or without `__config_`, or any global variable; set in every object that has one of that name", "{cluster_id: 0}", td_config },
	{ "hooks", false, "map of roles", "none", "which program sits where, by the role of a device: `{ROLE: {HOOK: OBJECT/PROGRAM}}`. The role's name is free; [hooks](#hooks)", "{native: {ingress: bpf_host.o/cil_from_netdev}}", td_hooks },
	{ "maps", false, "map of [maps](#map)", "as the objects say", "sizes, and who shares them", "{cilium_ct4_global: {max_entries: 4096}}", target_read_maps },
	{ "tail_calls", false, "list of [tail calls](#tail-call)", "none", "slots that the objects leave to their agent", "[{map: calls, index: 7, program: bpf_lxc.o/policy}]", target_read_tail_calls },
	{ "events", false, "map, see [events](#events)", "none", "where programs report what they did", "{map: cilium_events}", target_read_events },
	{ "interpose", false, "`true` or `false`", "`true`", "`false`: no object has its helper calls replaced; time, random numbers and redirects are the kernel's", "false", td_interpose },
	{ "devices", false, "list of [devices](#device)", "none", "the node's devices; a cluster has its own, of which roles are looked up in `hooks`: `native`, `host`, `net`, `overlay`, `endpoint`", "[{name: eth0, ifindex: 2, role: native}]", target_read_devices },
	{ "known", false, "list of [known](#known) differences", "none", "where it does otherwise than Verdict's own datapath", "[{scenario: node-port-snat, cause: limit, why: \"no model\"}]", target_read_known },
	{ 0 } } };

const struct schema *const schema_target_parts[] = {
	&schema_target_file, &schema_target_objects, &schema_target_object, &schema_target_map,
	&schema_target_tail_call, &schema_target_events, &schema_target_device,
	&schema_target_known, NULL };
/* clang-format on */
