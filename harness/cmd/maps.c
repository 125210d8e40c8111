// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `verdict maps`: entries of pinned maps as YAML or JSON, back into maps, and what differs. */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cmd/cmd.h"
#include "target/maps_file.h"

struct options {
	bool json, dry_run;
	const char *into;
};

/* One side: maps by name; open ones where it is a pin, a folder of pins or an id. */
struct side {
	struct value *file; /* {maps: {...}} */
	struct map **maps; /* as many as are in file, in its order; NULL if it is a file */
	size_t n;
};

static int open_id(const char *text, struct map **out, struct err *err)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	__cleanup_fd int fd = -1;
	char *end, name[64];
	unsigned long id = strtoul(text + 3, &end, 10);

	if (*end || end == text + 3 || id > UINT32_MAX)
		return err_input(err, NULL, "%s: id: and a number were expected", text);
	fd = bpf_map_get_fd_by_id((uint32_t)id);
	if (fd < 0 && errno == ENOENT)
		return err_input(err, NULL, "%s: there is no such map", text);
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
		return err_system(err, errno, "%s: opening the map", text);
	snprintf(name, sizeof(name), "%s", info.name);
	return map_open_fd(fd, *name ? name : text, out, err);
}

/* Pins of programs and links lie beside those of maps. */
static bool is_map(int fd)
{
	char path[64], what[64] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return readlink(path, what, sizeof(what) - 1) > 0 && strstr(what, "bpf-map");
}

static int open_pin(const char *path, struct map **out, struct err *err)
{
	const char *slash = strrchr(path, '/');
	__cleanup_fd int fd = bpf_obj_get(path);

	if (fd < 0)
		return err_system(err, errno, "%s: opening the pinned map", path);
	if (!is_map(fd))
		return err_input(err, NULL, "%s: what is pinned there is no map", path);
	return map_open_fd(fd, slash ? slash + 1 : path, out, err);
}

static int add_map(struct arena *a, struct side *s, struct map *m, struct err *err)
{
	struct value *maps = value_get(s->file, "maps"), *desc;
	int ret;

	s->maps = arena_grow(a, s->maps, s->n, sizeof(*s->maps));
	s->maps[s->n++] = m;
	if (value_get(maps, m->name))
		return err_input(err, NULL, "two maps are called %s: take one at a time", m->name);
	ret = maps_file_dump(m, a, &desc, err);
	if (!ret)
		value_set(a, maps, m->name, desc);
	return ret;
}

static int visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static int add_folder(struct arena *a, struct side *s, const char *dir, struct err *err)
{
	struct dirent **list;
	int n = scandir(dir, &list, visible, alphasort), ret = 0;

	if (n < 0)
		return err_system(err, errno, "%s: reading the folder", dir);
	for (int i = 0; i < n; i++) {
		const char *path = file_join(a, dir, list[i]->d_name);
		int fd = ret ? -1 : bpf_obj_get(path);
		struct map *m;

		if (fd >= 0 && is_map(fd)) {
			ret = map_open_fd(fd, list[i]->d_name, &m, err);
			if (!ret)
				ret = add_map(a, s, m, err);
		}
		fd_cleanup(&fd);
		free(list[i]);
	}
	free(list);
	if (!ret && !s->n)
		return err_input(err, NULL, "%s: no map is pinned in this folder", dir);
	return ret;
}

static int add_live(struct arena *a, struct side *s, const char *what, struct err *err)
{
	struct map *m = NULL;
	struct stat st;
	int ret;

	if (!s->file) {
		s->file = value_map(a);
		value_set(a, s->file, "maps", value_map(a));
	}
	if (strncmp(what, "id:", 3) == 0) {
		ret = open_id(what, &m, err);
		return ret ? ret : add_map(a, s, m, err);
	}
	if (stat(what, &st))
		return err_input(err, NULL, "%s: %s", what, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return add_folder(a, s, what, err);
	ret = open_pin(what, &m, err);
	return ret ? ret : add_map(a, s, m, err);
}

static void side_close(struct side *s)
{
	for (size_t i = 0; i < s->n; i++)
		map_close(s->maps[i]);
}

static int dump(struct arena *a, const struct options *o, char **args, int n, struct err *err)
{
	struct side s = { .n = 0 };
	struct buf out = BUF_INIT;
	int ret = 0;

	for (int i = 0; i < n && !ret; i++)
		ret = add_live(a, &s, args[i], err);
	if (!ret) {
		maps_file_print(&out, s.file, o->json);
		fputs(buf_str(&out), stdout);
	}
	buf_free(&out);
	side_close(&s);
	return ret ? err_exit_code(err) : EXIT_AS_EXPECTED;
}

/* --into names the folder of the pins; or the one map that the file's one map goes to. */
static int open_target(struct arena *a, const char *into, const char *name, size_t n_maps,
		       struct map **out, struct err *err)
{
	bool by_id = strncmp(into, "id:", 3) == 0;
	struct stat st = { .st_mode = 0 };

	if (!by_id && stat(into, &st))
		return err_input(err, NULL, "%s: %s", into, strerror(errno));
	if (!by_id && S_ISDIR(st.st_mode))
		return open_pin(file_join(a, into, name), out, err);
	if (n_maps != 1)
		return err_input(err, NULL,
				 "%s is one map, but the file has %zu: give --into a folder", into,
				 n_maps);
	return by_id ? open_id(into, out, err) : open_pin(into, out, err);
}

static void print_notes(const struct maps_load *l)
{
	for (size_t i = 0; i < l->n_notes; i++)
		fprintf(stderr, "verdict: note: %s\n", l->notes[i]);
}

/* Every map is checked before any is written. */
static int load_all(const struct side *s, struct map **maps, struct maps_load *l, bool dry_run,
		    struct err *err)
{
	const struct value *list = value_get(s->file, "maps");
	int ret = 0;

	for (int write = 0; write <= !dry_run && !ret; write++) {
		l->dry_run = !write;
		for (size_t i = 0; i < list->n && !ret; i++)
			ret = maps_file_load(maps[i], list->items[i], l, err);
	}
	return ret;
}

static int load(struct arena *a, const struct options *o, const char *path, struct err *err)
{
	const char *into = o->into ? o->into : "/sys/fs/bpf/tc/globals";
	struct maps_load l = { .arena = a };
	struct side s = { .n = 0 };
	const struct value *list;
	int ret = maps_file_read(a, path, &s.file, err);

	if (ret)
		return err_exit_code(err);
	list = value_get(s.file, "maps");
	s.maps = arena_alloc(a, (list->n + 1) * sizeof(*s.maps));
	for (; s.n < list->n && !ret; s.n += !ret)
		ret = open_target(a, into, list->keys[s.n]->text, list->n, &s.maps[s.n], err);
	if (!ret)
		ret = load_all(&s, s.maps, &l, o->dry_run, err);
	print_notes(&l);
	if (!ret && o->dry_run)
		printf("%zu maps: all entries fit, nothing was written\n", list->n);
	else if (!ret)
		printf("%zu entries loaded into %zu maps\n", l.loaded, list->n);
	side_close(&s);
	return ret ? err_exit_code(err) : EXIT_AS_EXPECTED;
}

static bool is_live(const char *what)
{
	int fd = -1;
	struct stat st;
	bool live = strncmp(what, "id:", 3) == 0 || (stat(what, &st) == 0 && S_ISDIR(st.st_mode));

	if (!live)
		fd = bpf_obj_get(what);
	live |= fd >= 0;
	fd_cleanup(&fd);
	return live;
}

static int read_side(struct arena *a, struct side *s, const char *what, struct err *err)
{
	return is_live(what) ? add_live(a, s, what, err) : maps_file_read(a, what, &s->file, err);
}

static size_t index_of(const struct value *maps, const char *name)
{
	size_t i = 0;

	while (i < maps->n && strcmp(maps->keys[i]->text, name))
		i++;
	return i;
}

/* A file beside a live map is said in that map's words: numbers, order of fields, another version. */
static int canonical(struct side *file, size_t i, struct side *live, size_t j, struct maps_load *l,
		     struct err *err)
{
	struct value *maps = value_get(file->file, "maps");

	if (file->maps || !live->maps)
		return 0;
	return maps_file_canonical(live->maps[j], maps->items[i], l, &maps->items[i], err);
}

static int diff_pair(struct side *s, size_t i, size_t j, struct maps_load *l, size_t *n,
		     struct err *err)
{
	struct value *x = value_get(s[0].file, "maps"), *y = value_get(s[1].file, "maps");
	struct buf out = BUF_INIT;
	size_t found;
	int ret = canonical(&s[0], i, &s[1], j, l, err);

	if (!ret)
		ret = canonical(&s[1], j, &s[0], i, l, err);
	if (ret)
		return ret;
	found = maps_file_diff(l->arena, &out, x->items[i], y->items[j]);
	if (found)
		printf("map %s\n%s", y->keys[j]->text, buf_str(&out));
	*n += found;
	buf_free(&out);
	return 0;
}

static int diff_sides(struct side *s, struct maps_load *l, size_t *n, struct err *err)
{
	struct value *x = value_get(s[0].file, "maps"), *y = value_get(s[1].file, "maps");
	int ret = 0;

	if (x->n == 1 && y->n == 1)
		return diff_pair(s, 0, 0, l, n, err);
	for (size_t i = 0; i < x->n && !ret; i++) {
		size_t j = index_of(y, x->keys[i]->text);

		if (j < y->n)
			ret = diff_pair(s, i, j, l, n, err);
		else
			*n += (size_t)(printf("- map %s\n", x->keys[i]->text) > 0);
	}
	for (size_t j = 0; j < y->n && !ret; j++)
		if (index_of(x, y->keys[j]->text) == x->n)
			*n += (size_t)(printf("+ map %s\n", y->keys[j]->text) > 0);
	return ret;
}

static int diff(struct arena *a, char **args, struct err *err)
{
	struct maps_load l = { .arena = a };
	struct side s[2] = { { .n = 0 }, { .n = 0 } };
	size_t n = 0;
	int ret = read_side(a, &s[0], args[0], err);

	if (!ret)
		ret = read_side(a, &s[1], args[1], err);
	if (!ret)
		ret = diff_sides(s, &l, &n, err);
	print_notes(&l);
	side_close(&s[0]);
	side_close(&s[1]);
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
		ret = cmd_usage_error(&cmd_maps,
				      !n ? "dump, load or diff was expected"
					 : "wanted: dump MAP..., load FILE, or diff A B");
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
	{ "--json", NULL, "dump: as JSON instead of YAML" },
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
		"entries that the file lacks stay. `diff` compares files or MAPs, with exit status "
		"1 "
		"where they differ.",
	.options = options,
	.run = maps_main,
};
