/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Target files: found by name, read, checked. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/file.h"
#include "scenario/target_desc_parts.h"
#include "scenario/yaml.h"

#define FOLDER "fixtures/targets"
#define ENDING ".yaml"

static bool ends_in(const char *s, const char *end)
{
	size_t len = strlen(s), n = strlen(end);

	return len > n && !strcmp(s + len - n, end);
}

static bool is_path(const char *what)
{
	return strchr(what, '/') || ends_in(what, ENDING) || ends_in(what, ".yml");
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

struct names {
	struct arena *arena;
	const char **list;
	size_t n;
};

static void add_names(struct names *known, const char *folder)
{
	DIR *d = folder ? opendir(folder) : NULL;
	const struct dirent *e;

	while (d && (e = readdir(d))) {
		size_t len = strlen(e->d_name) - strlen(ENDING);
		const char *name;
		bool twice = false;

		if (!ends_in(e->d_name, ENDING))
			continue;
		name = arena_strndup(known->arena, e->d_name, len);
		for (size_t i = 0; i < known->n; i++)
			twice |= !strcmp(known->list[i], name);
		if (twice)
			continue;
		known->list = arena_grow(known->arena, known->list, known->n, sizeof(*known->list));
		known->list[known->n++] = name;
	}
	if (d)
		closedir(d);
}

static int unknown_target(struct arena *a, const char *what, const char *installed, struct err *err)
{
	__cleanup_buf struct buf list = BUF_INIT;
	struct names known = { .arena = a };
	const char *near;

	add_names(&known, FOLDER);
	add_names(&known, installed);
	if (known.n)
		qsort(known.list, known.n, sizeof(*known.list), by_name);
	for (size_t i = 0; i < known.n; i++)
		buf_printf(&list, "%s%s", i ? ", " : "", known.list[i]);
	near = nearest_name(what, known.list, known.n);
	if (near)
		err_input(err, NULL, "no target '%s'; did you mean '%s'?", what, near);
	else
		err_input(err, NULL, "no target '%s'", what);
	if (!known.n)
		return err_hint(err, "there is no folder " FOLDER " here; give a target file by "
				     "its path");
	return err_hint(err, "known: %s; or the path of a target file", buf_str(&list));
}

static bool exists(const char *path)
{
	struct stat st;

	return path && stat(path, &st) == 0;
}

static int find(struct arena *a, const char *what, const char **path, struct err *err)
{
	const char *installed = file_installed(a, FOLDER);

	*path = what;
	if (is_path(what))
		return 0;
	*path = arena_printf(a, FOLDER "/%s" ENDING, what);
	if (exists(*path))
		return 0;
	*path = installed ? arena_printf(a, "%s/%s" ENDING, installed, what) : NULL;
	return exists(*path) ? 0 : unknown_target(a, what, installed, err);
}

/* The file's name without its ending. */
static const char *default_name(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	const char *dot = strrchr(base, '.');

	return arena_strndup(a, base, dot ? (size_t)(dot - base) : strlen(base));
}

/* A device that a tail call names is loaded for. */
static void mark_own_loads(struct target_desc *d)
{
	for (size_t i = 0; i < d->n_tail_calls; i++)
		for (size_t j = 0; j < d->n_devices; j++)
			if (d->tail_calls[i].device &&
			    !strcmp(d->tail_calls[i].device, d->devices[j].name))
				d->devices[j].own_load = true;
}

static int read_file(struct target_desc *d, struct err *err)
{
	struct schema_ctx ctx = { d->arena, file_dir(d->arena, d->path), err };
	struct loc whole = { d->path, 0, 0 };
	struct value **docs;
	size_t n;
	int ret = yaml_load(d->arena, d->path, &docs, &n, err);

	if (ret)
		return ret;
	if (n == 0)
		return err_input(err, &whole, "the file is empty");
	if (n > 1)
		return err_input(err, &docs[1]->loc, "a second document: one target a file");
	ret = schema_bind(&ctx, &schema_target_file, docs[0], d);
	if (!ret)
		ret = target_desc_check(d, err);
	if (!ret)
		mark_own_loads(d);
	return ret;
}

int target_desc_load(const char *what, struct target_desc **out, struct err *err)
{
	struct target_desc *d = target_desc_new();
	int ret = find(d->arena, what, &d->path, err);

	if (!ret) {
		d->path = arena_strdup(d->arena, d->path);
		d->name = default_name(d->arena, d->path);
		ret = read_file(d, err);
	}
	if (ret)
		target_desc_free(d);
	else
		*out = d;
	return ret;
}
