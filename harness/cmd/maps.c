// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `verdict maps`: entries of pinned maps as YAML or JSON, back into maps, and what differs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "cmd/cmd.h"
#include "cmd/maps_diff.h"
#include "cmd/maps_open.h"
#include "target/maps_print.h"

struct options {
	bool json, dry_run;
	const char *into;
};

static int dump(struct arena *a, const struct options *o, char **args, int n, struct err *err)
{
	struct open_maps maps = { .arena = a };
	struct maps_printer p;
	int ret = 0;

	for (int i = 0; i < n && !ret; i++)
		ret = maps_open(&maps, args[i], err);
	if (!ret) {
		maps_print_begin(&p, stdout, o->json);
		for (size_t i = 0; i < maps.n && !ret; i++)
			ret = maps_print_map(&p, maps.list[i], err);
		if (ret)
			maps_print_drop(&p);
		else
			ret = maps_print_end(&p, err);
	}
	maps_close_all(&maps);
	return ret ? err_exit_code(err) : EXIT_AS_EXPECTED;
}

/* Where a file's maps go: --into names the folder of the pins, or the one map that its one map goes to. */
struct target {
	struct open_maps open;
	const char **names; /* of them in the file */
	const char *into;
};

static int open_target(struct target *t, const struct value *name, struct map **out,
		       struct err *err)
{
	bool by_id = strncmp(t->into, "id:", 3) == 0;
	struct stat st = { .st_mode = 0 };

	if (!by_id && stat(t->into, &st)) {
		err_input(err, NULL, "%s: %s", t->into, strerror(errno));
		return err_hint(err, "--into names the folder of the pins, or one pin");
	}
	if (!by_id && S_ISDIR(st.st_mode))
		return maps_open_pin(file_join(t->open.arena, t->into, name->text), out, err);
	if (t->open.n)
		return err_input(err, &name->loc,
				 "%s is one map, but the file has more: give --into a folder",
				 t->into);
	return by_id ? maps_open_id(t->into, out, err) : maps_open_pin(t->into, out, err);
}

/* Asked once for checking and once for writing. */
static int find_target(void *arg, const struct value *name, struct map **out, struct err *err)
{
	struct target *t = arg;
	int ret;

	for (size_t i = 0; i < t->open.n; i++) {
		*out = t->open.list[i];
		if (strcmp(t->names[i], name->text) == 0)
			return 0;
	}
	ret = open_target(t, name, out, err);
	if (ret)
		return ret;
	t->names = arena_grow(t->open.arena, t->names, t->open.n, sizeof(*t->names));
	t->names[t->open.n] = arena_strdup(t->open.arena, name->text);
	t->open.list = arena_grow(t->open.arena, t->open.list, t->open.n, sizeof(*t->open.list));
	t->open.list[t->open.n++] = *out;
	return 0;
}

static void print_notes(const struct maps_load *l)
{
	for (size_t i = 0; i < l->n_notes; i++)
		fprintf(stderr, "verdict: note: %s\n", l->notes[i]);
}

static int load(struct arena *a, const struct options *o, const char *path, struct err *err)
{
	struct target t = { .open.arena = a, .into = o->into };
	struct maps_load l = { .arena = a, .dry_run = o->dry_run };
	struct maps_finder finder = { find_target, &t };
	int ret;

	if (!t.into)
		t.into = "/sys/fs/bpf/tc/globals";
	ret = maps_file_load_all(path, &finder, &l, err);
	print_notes(&l);
	if (!ret && o->dry_run)
		printf("%zu map%s: all entries fit, nothing was written\n", l.maps,
		       l.maps == 1 ? "" : "s");
	else if (!ret)
		printf("%zu entr%s loaded into %zu map%s\n", l.loaded, l.loaded == 1 ? "y" : "ies",
		       l.maps, l.maps == 1 ? "" : "s");
	maps_close_all(&t.open);
	return ret ? err_exit_code(err) : EXIT_AS_EXPECTED;
}

static int diff(struct arena *a, char **args, struct err *err)
{
	struct maps_load l = { .arena = a };
	size_t n;
	int ret = maps_diff(args[0], args[1], &l, &n, err);

	print_notes(&l);
	return ret ? err_exit_code(err) : n ? EXIT_UNEXPECTED : EXIT_AS_EXPECTED;
}

static int got(void *arg, const char *name, const char *value)
{
	struct options *o = arg;

	o->json |= strcmp(name, "--json") == 0;
	o->dry_run |= strcmp(name, "--dry-run") == 0;
	if (strcmp(name, "--into") == 0)
		o->into = value;
	return value && !*value ? EXIT_USAGE : 0;
}

static int do_verb(const struct options *o, char **rest, int n, struct err *err)
{
	const char *verb = n ? rest[0] : "";
	struct arena *a = arena_new();
	int ret;

	if (strcmp(verb, "dump") == 0 && n >= 2)
		ret = dump(a, o, rest + 1, n - 1, err);
	else if (strcmp(verb, "load") == 0 && n == 2)
		ret = load(a, o, rest[1], err);
	else if (strcmp(verb, "diff") == 0 && n == 3)
		ret = diff(a, rest + 1, err);
	else
		ret = cmd_usage_says(&cmd_maps,
				     "it is `verdict maps dump MAP...`, `maps load FILE` or "
				     "`maps diff A B`");
	arena_free(a);
	return ret;
}

static int maps_main(int argc, char **argv)
{
	struct options o = { .json = false };
	struct err *err;
	char **rest;
	int n, ret = cmd_parse(&cmd_maps, argc, argv, got, &o, &rest, &n);

	if (ret)
		return ret < 0 ? EXIT_AS_EXPECTED : ret;
	err = calloc(1, sizeof(*err));
	if (!err)
		return EXIT_HARNESS;
	ret = do_verb(&o, rest, n, err);
	if (err->kind != ERR_NONE)
		cmd_error("%s", err->text);
	free(err);
	return ret;
}

static const struct cmd_option options[] = {
	{ "--json", NULL, "dump: as JSON (reports/maps.schema.json)" },
	{ "--into", "DIR",
	  "load: folder of the pins, or one pin or id:N; the default is /sys/fs/bpf/tc/globals" },
	{ "--dry-run", NULL, "load: check every entry against the map's types, write nothing" },
	{ NULL, NULL, NULL },
};

const struct command cmd_maps = {
	.name = "maps",
	.args = "dump MAP... | load FILE | diff A B",
	.summary = "BPF maps by field name: dump, load, diff",
	.text = "A MAP is a pin, id:N, or a folder: every map pinned in it. `dump` prints the "
		"entries by field name, values of per-CPU maps one a CPU, inner maps within their "
		"entry, and hex where a map has no BTF. `load` takes what `dump` printed, or what "
		"`bpftool map dump -j` did: of the latter, fields that the map lacks are named and "
		"left out, and missing ones are zero. All is checked before anything is written; "
		"entries that the file lacks stay, inner maps that are not there are made. `diff` "
		"compares files or MAPs, with exit status "
		"1 "
		"where they differ.",
	.options = options,
	.run = maps_main,
};
