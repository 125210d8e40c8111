/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where a scenario's capture and cluster lie: beside it, or above it in its tree. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "scenario/parts.h"

static bool is_kind(const char *path, mode_t kind)
{
	struct stat st;

	return stat(path, &st) == 0 && (st.st_mode & S_IFMT) == kind;
}

/* Messages and reports show paths as a person at the prompt would type them. */
static const char *shown(struct arena *a, const char *path)
{
	char cwd[PATH_MAX];
	size_t len;

	if (!getcwd(cwd, sizeof(cwd)))
		return path;
	len = strlen(cwd);
	if (strncmp(path, cwd, len) == 0 && path[len] == '/')
		return arena_strdup(a, path + len + 1);
	return path;
}

static const char *absolute(struct arena *a, const char *dir)
{
	char path[PATH_MAX];

	return realpath(dir, path) ? arena_strdup(a, path) : arena_strdup(a, dir);
}

/* The folder above, NULL above the root. */
static const char *above(struct arena *a, const char *dir)
{
	return strcmp(dir, "/") == 0 || strcmp(dir, ".") == 0 ? NULL : file_dir(a, dir);
}

static const char *look_above(struct arena *a, const char *dir, const char *name, mode_t kind)
{
	for (; dir; dir = above(a, dir)) {
		char *path = arena_printf(a, "%s/%s", strcmp(dir, "/") == 0 ? "" : dir, name);

		if (is_kind(path, kind))
			return shown(a, path);
	}
	return NULL;
}

int find_capture(struct schema_ctx *ctx, const struct value *v, const char **out)
{
	const char *dir = absolute(ctx->arena, ctx->dir), *name, *beside, *shared;
	int rc = read_string(ctx, v, &name);

	if (rc)
		return rc;
	beside = file_join(ctx->arena, ctx->dir, name);
	if (is_kind(beside, S_IFREG)) {
		*out = beside;
		return 0;
	}
	if (name[0] == '/')
		return err_input(ctx->err, &v->loc, "no capture '%s'", name);
	*out = look_above(ctx->arena, dir, arena_printf(ctx->arena, "fixtures/captures/%s", name),
			  S_IFREG);
	if (*out)
		return 0;
	err_input(ctx->err, &v->loc, "no capture '%s'", name);
	err_hint(ctx->err, "looked in %s", ctx->dir);
	shared = look_above(ctx->arena, dir, "fixtures/captures", S_IFDIR);
	if (shared)
		return err_hint(ctx->err, "looked in %s", shared);
	return err_hint(ctx->err, "and there is no fixtures/captures in any folder above it");
}

int find_manifests(struct schema_ctx *ctx, const struct value *v, const char **out)
{
	const char *name, *beside;
	int rc = read_string(ctx, v, &name);

	if (rc)
		return rc;
	beside = file_join(ctx->arena, ctx->dir, name);
	*out = is_kind(beside, S_IFREG) || is_kind(beside, S_IFDIR) ? beside : NULL;
	if (!*out && name[0] != '/')
		*out = look_above(ctx->arena, absolute(ctx->arena, ctx->dir), name, S_IFREG);
	if (!*out && name[0] != '/')
		*out = look_above(ctx->arena, absolute(ctx->arena, ctx->dir), name, S_IFDIR);
	if (*out)
		return 0;
	err_input(ctx->err, &v->loc, "no manifest '%s'", name);
	return err_hint(ctx->err, "looked for a file or a folder of that name in %s%s", ctx->dir,
			name[0] == '/' ? "" : " and every folder above it");
}

int find_cluster(struct schema_ctx *ctx, const struct value *v, const char **out)
{
	const char *name, *beside;
	int rc = read_string(ctx, v, &name);

	if (rc)
		return rc;
	beside = file_join(ctx->arena, ctx->dir, name);
	*out = is_kind(beside, S_IFDIR) ? beside
	       : name[0] == '/'
		       ? NULL
		       : look_above(ctx->arena, absolute(ctx->arena, ctx->dir), name, S_IFDIR);
	if (!*out && is_kind(name, S_IFDIR))
		*out = name;
	if (*out)
		return 0;
	err_input(ctx->err, &v->loc, "no cluster folder '%s'", name);
	if (name[0] == '/')
		return -EINVAL;
	return err_hint(ctx->err, "looked in %s, in every folder above it, and where verdict runs",
			ctx->dir);
}
