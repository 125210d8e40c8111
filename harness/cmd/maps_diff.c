// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Two sides, each a file or live maps, held against each other map by map. */
#include "cmd/maps_diff.h"

#include <stdio.h>
#include <string.h>

#include "cmd/maps_open.h"
#include "target/maps_rows.h"

struct diff_side {
	const char *what;
	struct open_maps live; /* none if it is a file */
	struct maps_source *file; /* NULL if it is none */
	size_t n_maps;
	struct maps_side said;
};

static int count_name(void *arg, const struct value *name, bool from_bpftool, struct err *err)
{
	size_t *n = arg;

	(void)name;
	(void)from_bpftool;
	(void)err;
	++*n;
	return 0;
}

static int no_end(void *arg, const struct value *desc, struct err *err)
{
	(void)arg;
	(void)desc;
	(void)err;
	return 0;
}

static int open_side(struct diff_side *s, const char *what, struct arena *a, struct err *err)
{
	struct maps_listener names = { count_name, NULL, no_end, &s->n_maps };
	int ret;

	s->what = what;
	s->live.arena = s->said.arena = a;
	if (maps_is_live(what)) {
		ret = maps_open(&s->live, what, err);
		s->n_maps = s->live.n;
		return ret;
	}
	ret = maps_source_open(what, &s->file, err);
	return ret ? ret : maps_source_tell(s->file, &names, err);
}

struct other {
	const struct diff_side *side;
	bool alone; /* either side has one map: they are compared whatever their names are */
};

/* A file beside a live map is said in that map's words. */
static int find_live(void *arg, const struct value *name, struct map **out, struct err *err)
{
	const struct other *o = arg;

	(void)err;
	*out = !o->side->live.n ? NULL
	       : o->alone	? o->side->live.list[0]
				: maps_find_open(&o->side->live, name->text);
	return 0;
}

static int say(struct diff_side *s, const struct diff_side *other, struct maps_load *load,
	       struct err *err)
{
	struct other o = { other, s->n_maps == 1 && other->n_maps == 1 };
	struct maps_finder as = { find_live, &o };
	int ret = 0;

	if (s->file)
		return maps_side_add_file(&s->said, s->file, &as, load, err);
	for (size_t i = 0; i < s->live.n && !ret; i++)
		ret = maps_side_add_map(&s->said, s->live.list[i], err);
	return ret;
}

static struct maps_rows *rows_of(struct diff_side *s, const char *name)
{
	for (size_t i = 0; i < s->said.n; i++)
		if (strcmp(s->said.maps[i].name, name) == 0)
			return &s->said.maps[i];
	return NULL;
}

static size_t diff_maps(struct diff_side *was, struct diff_side *is)
{
	size_t n = 0;

	if (was->said.n == 1 && is->said.n == 1)
		return maps_rows_diff(stdout, &was->said.maps[0], &is->said.maps[0]);
	for (size_t i = 0; i < was->said.n; i++) {
		struct maps_rows *r = rows_of(is, was->said.maps[i].name);

		if (r)
			n += maps_rows_diff(stdout, &was->said.maps[i], r);
		else
			n += (size_t)(printf("- map %s\n", was->said.maps[i].name) > 0);
	}
	for (size_t i = 0; i < is->said.n; i++)
		if (!rows_of(was, is->said.maps[i].name))
			n += (size_t)(printf("+ map %s\n", is->said.maps[i].name) > 0);
	return n;
}

static void close_side(struct diff_side *s)
{
	maps_close_all(&s->live);
	maps_source_close(s->file);
	maps_side_free(&s->said);
}

int maps_diff(const char *a, const char *b, struct maps_load *load, size_t *n, struct err *err)
{
	struct diff_side was = { .what = a }, is = { .what = b };
	int ret = open_side(&was, a, load->arena, err);

	*n = 0;
	if (!ret)
		ret = open_side(&is, b, load->arena, err);
	if (!ret)
		ret = say(&was, &is, load, err);
	if (!ret)
		ret = say(&is, &was, load, err);
	if (!ret)
		*n = diff_maps(&was, &is);
	close_side(&was);
	close_side(&is);
	return ret;
}
