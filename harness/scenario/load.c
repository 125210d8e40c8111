/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A scenario.yaml into struct scenario, and finding scenarios in a tree of folders. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "scenario/parts.h"
#include "scenario/sweep.h"
#include "scenario/target_desc.h"
#include "scenario/yaml.h"

#define FILE_NAME	 "scenario.yaml"
#define MAX_FOLDER_DEPTH 16

/* The name becomes a file name in reports. */
static int sc_name(struct schema_ctx *ctx, const struct value *v, void *out)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	struct scenario *s = out;
	int rc = read_string(ctx, v, &s->name);

	if (!rc &&
	    (s->name[0] == '.' || s->name[strspn(s->name, allowed)] || strlen(s->name) > 100))
		return err_input(ctx->err, &v->loc,
				 "a name is made of letters, digits, '-', '_' and '.'");
	return rc;
}

static int sc_summary(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct scenario *s = out;
	int rc = read_string(ctx, v, &s->summary);

	if (!rc && strchr(s->summary, '\n'))
		return err_input(ctx->err, &v->loc, "the summary is one line");
	return rc;
}

static int sc_origin(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_string(ctx, v, &((struct scenario *)out)->origin);
}

static int sc_cluster(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct scenario *s = out;

	s->cluster_loc = v->loc;
	return find_cluster(ctx, v, &s->cluster);
}

static int sc_values(struct schema_ctx *ctx, const struct value *v, void *out)
{
	if (v->kind != VALUE_MAP)
		return err_input(ctx->err, &v->loc,
				 "values: expected a map of Helm values such as {hostFirewall: "
				 "{enabled: true}}");
	((struct scenario *)out)->values = v;
	return 0;
}

static const struct word engine_list[] = { { ENGINE_TESTRUN, "testrun", NULL },
					   { ENGINE_NETNS, "netns", NULL } };
static const struct word_table words_engine = { "engine", engine_list, 2 };

static int read_engine(struct schema_ctx *ctx, const struct value *v, void *out)
{
	int n = 0, rc = read_word(ctx, v, &words_engine, &n);

	((struct scenario *)out)->engines |= (unsigned)n;
	return rc;
}

static int sc_engines(struct schema_ctx *ctx, const struct value *v, void *out)
{
	((struct scenario *)out)->engines = 0;
	return read_each(ctx, v, "engines", read_engine, out);
}

static int sc_seed(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_u64(ctx, v, UINT64_MAX, &((struct scenario *)out)->seed);
}

static int sc_target(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_target(ctx, v, out);
}

static int sc_maps(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_raw_maps(ctx, v, out);
}

static int sc_hosts(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_hosts(ctx, v, out);
}

static int sc_unreviewed(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct scenario *s = out;

	s->unreviewed_loc = v->loc;
	return read_bool(ctx, v, &s->unreviewed);
}

static int sc_sweep(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct sweep *s = arena_new_of(ctx->arena, struct sweep);

	((struct scenario *)out)->sweep = s;
	return read_sweep(ctx, v, s);
}

static int sc_steps(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_steps(ctx, v, out);
}

/* clang-format off */
const struct schema schema_scenario = {
	"scenario", "The top of the file.",
	(const struct schema_key[]){
	{ "name", false, "name", "the folder's name", "what it is called: letters, digits, `-`, `_`, `.`", "etcd-restart", sc_name },
	{ "summary", false, "one line", "empty", "what the scenario shows", "Replies survive a restart", sc_summary },
	{ "origin", false, "text", "none", "where it comes from: an issue, a report, a standard", "cilium/cilium#19367", sc_origin },
	{ "cluster", false, "folder", "a target", "the cluster's manifests and `values.yaml`; relative to the scenario's folder, to one above it, or to where `verdict` runs", "fixtures/clusters/two-masters", sc_cluster },
	{ "target", false, "name or [target](#target)", "a cluster", "what a raw scenario runs, in the place of a cluster", "{object: xdpfilt_dny_udp.o, program: xdpfilt_dny_udp}", sc_target },
	{ "maps", false, "map of maps to [entries](#map-entry), or list of files", "the object's", "raw scenarios: entries that are written before the first step; a file in the scenario's folder is one that `verdict maps dump` wrote", "{filter_ports: [{key: 53, value: 10}]}", sc_maps },
	{ "values", false, "map", "nothing", "Helm values laid over those of the cluster's `values.yaml`", "{bpf: {monitorAggregation: none}}", sc_values },
	{ "engines", false, "list of `testrun`, `netns`", "both; `testrun` with a target", "which engines can run it", "[testrun]", sc_engines },
	{ "seed", false, "number", "`1`", "where random numbers start", "7", sc_seed },
	{ "hosts", false, "map of names to addresses", "none", "hosts outside the cluster, for flows written by hand", "{client: [192.0.2.10, \"2001:db8::10\"]}", sc_hosts },
	{ "sweep", false, "`all`, list of [variants](#variants), or [sweep](#sweep)", "nothing", "the scenario again with what must not matter changed: nothing else may change", "[vlan, gso]", sc_sweep },
	{ "unreviewed", false, "`true` or `false`", "`false`", "`verdict record` wrote down what it saw: no pass until somebody has looked and run `verdict run --bless`", "true", sc_unreviewed },
	{ "steps", true, "list of steps", NULL, "what happens, in order", "[{advance: 1s}, {check: {}}]", sc_steps },
	{ 0 } } };

const struct schema *const schema_parts[] = {
	&schema_scenario, &schema_sweep, &schema_target, &schema_step, &schema_send, &schema_seen, &schema_flow, &schema_tunnel, &schema_restart, &schema_upgrade,
	&schema_override, &schema_expect, &schema_identity, &schema_redirect, &schema_hop, &schema_maps, &schema_entry,
	NULL };
/* clang-format on */

static bool is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The folder's own name even where it was typed as "." */
static const char *default_name(struct arena *a, const char *dir)
{
	char *real = realpath(dir, NULL);
	const char *name = arena_strdup(a, base_name(real ? real : dir));

	free(real);
	return name;
}

static int load(struct scenario *s, struct err *err)
{
	struct schema_ctx ctx = { s->arena, s->dir, err };
	struct loc whole = { s->path, 0, 0 };
	struct value **docs;
	size_t n;
	int rc = yaml_load(s->arena, s->path, &docs, &n, err);

	if (rc)
		return rc;
	if (n == 0)
		return err_input(err, &whole, "the file is empty");
	if (n > 1)
		return err_input(err, &docs[1]->loc, "a second document: one scenario a file");
	s->loc = docs[0]->loc;
	/* before all keys: steps mean other things then, wherever they stand in the file */
	if (value_get(docs[0], "target"))
		s->target = arena_new_of(s->arena, struct raw_target);
	rc = schema_bind(&ctx, &schema_scenario, docs[0], s);
	if (!rc)
		rc = check_raw(&ctx, docs[0], s);
	return rc ? rc : check_trees(&ctx, s);
}

int scenario_load(const char *path, struct scenario **out, struct err *err)
{
	struct arena *a = arena_new();
	struct scenario *s = arena_new_of(a, struct scenario);
	size_t len = strlen(path);
	int rc;

	while (len > 1 && path[len - 1] == '/')
		len--;
	path = arena_strndup(a, path, len);
	s->arena = a;
	s->path = is_dir(path) ? arena_printf(a, "%s/" FILE_NAME, path) : path;
	s->dir = file_dir(a, s->path);
	s->name = default_name(a, s->dir);
	s->summary = "";
	s->engines = ENGINES_ALL;
	s->seed = 1;
	rc = load(s, err);
	if (rc) {
		scenario_free(s);
		return rc;
	}
	*out = s;
	return 0;
}

void scenario_free(struct scenario *s)
{
	if (!s)
		return;
	if (s->target)
		target_desc_free(s->target->desc);
	arena_free(s->arena);
}

struct finder {
	struct arena *a;
	char **paths;
	size_t n;
	struct err *err;
};

static int find_below(struct finder *f, const char *dir, int depth)
{
	char *file = file_join(f->a, dir, FILE_NAME);
	struct dirent *e;
	struct stat st;
	int rc = 0;
	DIR *d;

	if (stat(file, &st) == 0 && S_ISREG(st.st_mode)) {
		f->paths = arena_grow(f->a, f->paths, f->n, sizeof(*f->paths));
		f->paths[f->n++] = file;
		return 0;
	}
	d = opendir(dir);
	if (!d)
		return err_input(f->err, NULL, "cannot read the folder %s: %s", dir,
				 strerror(errno));
	while (!rc && (e = readdir(d))) {
		char *sub = file_join(f->a, dir, e->d_name);

		/* links are not followed: a loop of them would have no end */
		if (e->d_name[0] != '.' && lstat(sub, &st) == 0 && S_ISDIR(st.st_mode) &&
		    depth < MAX_FOLDER_DEPTH)
			rc = find_below(f, sub, depth + 1);
	}
	closedir(d);
	return rc;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int scenario_find(struct arena *a, const char *root, char ***paths, size_t *n, struct err *err)
{
	struct finder f = { .a = a, .err = err };
	size_t len = strlen(root);
	int rc;

	while (len > 1 && root[len - 1] == '/')
		len--;
	rc = find_below(&f, arena_strndup(a, root, len), 0);
	if (f.n)
		qsort(f.paths, f.n, sizeof(*f.paths), by_path);
	*paths = f.paths;
	*n = f.n;
	return rc;
}
