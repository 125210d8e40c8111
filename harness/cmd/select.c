// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From arguments to scenarios that were read. */
#include "cmd/select.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"

#define BEGINNING_LEAST 3 /* letters */

static bool is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

/* The last folder of "scenarios/x/scenario.yaml" or "scenarios/x/". */
static const char *folder_name(struct arena *a, const char *path)
{
	size_t len = strlen(path);
	const char *slash;
	char *dir;

	while (len > 1 && path[len - 1] == '/')
		len--;
	dir = arena_strndup(a, path, len);
	if (!is_dir(dir))
		dir = file_dir(a, dir);
	slash = strrchr(dir, '/');
	return slash ? slash + 1 : dir;
}

static bool name_meant(const char *const *patterns, const char *name)
{
	for (const char *const *p = patterns; *p; p++)
		if (strpbrk(*p, "*?[") ? fnmatch(*p, name, 0) == 0 : strstr(name, *p) != NULL)
			return true;
	return !*patterns;
}

static bool is_same_file(const char *a, const char *b)
{
	struct stat sa, sb;

	return stat(a, &sa) == 0 && stat(b, &sb) == 0 && sa.st_dev == sb.st_dev &&
	       sa.st_ino == sb.st_ino;
}

static const struct selected *namesake(const struct selection *s, const struct selected *item)
{
	for (size_t i = 0; i < s->n && item->scenario; i++)
		if (s->items[i].scenario && strcmp(s->items[i].name, item->name) == 0)
			return &s->items[i];
	return NULL;
}

/* Reports and captures are called by the name: of two that share one, the second would stand for both. */
static void refuse(const struct selection *s, struct selected *item, const struct selected *other,
		   struct err *err)
{
	err_input(err, NULL, "%s: the name %s is already that of %s", item->path, item->name,
		  other->path);
	err_hint(err, "give one of them another `name:`, or run them one at a time");
	item->name = arena_strdup(s->arena, item->name);
	item->err = err;
	scenario_free(item->scenario);
	item->scenario = NULL;
}

static void add(struct selection *s, const char *path, const char *const *patterns)
{
	struct err *err = arena_new_of(s->arena, struct err);
	struct selected item = { .path = arena_strdup(s->arena, path) };
	const struct selected *other;

	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->items[i].path, path) == 0)
			return;
	item.name = folder_name(s->arena, path);
	if (scenario_load(path, &item.scenario, err) == 0)
		item.name = item.scenario->name;
	else
		item.err = err;
	other = namesake(s, &item);
	if (!name_meant(patterns, item.name) || (other && is_same_file(other->path, path))) {
		scenario_free(item.scenario);
		return;
	}
	if (other)
		refuse(s, &item, other, err);
	s->items = arena_grow(s->arena, s->items, s->n, sizeof(*s->items));
	s->items[s->n++] = item;
}

static const char *shared_beginning(struct arena *a, const char *x, const char *y)
{
	size_t n = 0;

	while (x[n] && x[n] == y[n])
		n++;
	while (n && x[n - 1] == '-')
		n--;
	return arena_strndup(a, x, n);
}

/* Names are long and told by their ends: who types the beginning of one means those that begin so. */
static const char *beginning_like(struct arena *a, const char *arg, const char *const *names,
				  size_t n, size_t *n_so)
{
	const char **heads = arena_alloc(a, (n + 1) * sizeof(*heads)), *near, *common = NULL;

	for (size_t i = 0; i < n; i++)
		heads[i] = arena_strndup(a, names[i], strnlen(names[i], strlen(arg)));
	near = strlen(arg) < BEGINNING_LEAST ? NULL : nearest_name(arg, heads, n);
	*n_so = 0;
	for (size_t i = 0; near && i < n; i++) {
		if (strcmp(heads[i], near) != 0)
			continue;
		common = common ? shared_beginning(a, common, names[i]) : names[i];
		(*n_so)++;
	}
	return common;
}

static const char *advice(struct arena *a, const char *arg, const char *const *names, size_t n)
{
	const char *near = nearest_name(arg, names, n);
	size_t n_so;

	if (near)
		return arena_printf(a, "; did you mean %s?", near);
	near = beginning_like(a, arg, names, n, &n_so);
	if (near && n_so == 1)
		return arena_printf(a, "; did you mean %s?", near);
	if (near)
		return arena_printf(a, "; %zu begin with %s: `verdict list -k %s`", n_so, near,
				    near);
	return "; `verdict list` names them";
}

static int unknown(const char *arg, struct err *err)
{
	struct arena *a = arena_new();
	const char *text = "";
	char **paths = NULL;
	size_t n = 0;

	if (is_dir(SCENARIO_ROOT) && !strchr(arg, '/') &&
	    scenario_find(a, SCENARIO_ROOT, &paths, &n, err) == 0) {
		const char **names = arena_alloc(a, (n + 1) * sizeof(*names));

		for (size_t i = 0; i < n; i++)
			names[i] = folder_name(a, paths[i]);
		text = advice(a, arg, names, n);
	}
	if (!is_dir(SCENARIO_ROOT) && !strchr(arg, '/'))
		text = ", for there is none here";
	err_input(err, NULL, "no scenario %s: neither a path nor a folder of %s/%s", arg,
		  SCENARIO_ROOT, text);
	arena_free(a);
	return -err->no;
}

static int add_folder(struct selection *s, const char *dir, const char *const *patterns,
		      struct err *err)
{
	char **paths = NULL;
	size_t n = 0;
	int ret;

	if (exists(arena_printf(s->arena, "%s/scenario.yaml", dir))) {
		add(s, arena_printf(s->arena, "%s/scenario.yaml", dir), patterns);
		return 0;
	}
	ret = scenario_find(s->arena, dir, &paths, &n, err);
	for (size_t i = 0; ret == 0 && i < n; i++)
		add(s, paths[i], patterns);
	return ret;
}

static int add_argument(struct selection *s, const char *arg, const char *const *patterns,
			struct err *err)
{
	const char *named = arena_printf(s->arena, SCENARIO_ROOT "/%s", arg);
	char *path = arena_strdup(s->arena, arg);
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		path[--len] = '\0';
	if (is_dir(path))
		return add_folder(s, path, patterns, err);
	if (exists(path)) {
		add(s, path, patterns);
		return 0;
	}
	if (is_dir(named))
		return add_folder(s, named, patterns, err);
	return unknown(arg, err);
}

int select_scenarios(char **args, int n_args, const char *const *patterns, struct selection *out,
		     struct err *err)
{
	int ret = 0;

	*out = (struct selection){ .arena = arena_new() };
	if (n_args == 0) {
		if (!is_dir(SCENARIO_ROOT))
			return err_input(err, NULL,
					 "no folder %s/ here: name a scenario's path, or run this "
					 "where the scenarios are",
					 SCENARIO_ROOT);
		return add_folder(out, SCENARIO_ROOT, patterns, err);
	}
	for (int i = 0; i < n_args && ret == 0; i++)
		ret = add_argument(out, args[i], patterns, err);
	return ret;
}

/* Fisher and Yates, with numbers of xorshift64* (Marsaglia; Vigna): good enough to disturb an order. */
void selection_shuffle(struct selection *s, uint64_t seed)
{
	uint64_t x = seed * 2 + 1; /* never 0, which stays 0 */

	for (size_t i = s->n; i > 1; i--) {
		struct selected kept = s->items[i - 1];
		size_t j;

		x ^= x >> 12;
		x ^= x << 25;
		x ^= x >> 27;
		j = (size_t)(((x * 0x2545f4914f6cdd1dull) >> 33) % i);
		s->items[i - 1] = s->items[j];
		s->items[j] = kept;
	}
}

void selection_free(struct selection *s)
{
	for (size_t i = 0; i < s->n; i++)
		scenario_free(s->items[i].scenario);
	arena_free(s->arena);
	*s = (struct selection){ .arena = NULL };
}
