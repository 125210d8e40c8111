// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Entries as text, one row each: of a live map or of a file. */
#include "target/maps_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "target/maps_handles.h"
#include "target/maps_loading.h"
#include "target/maps_print.h"
#include "target/maps_rows_internal.h"
#include "target/maps_table.h"

static struct maps_rows *new_map(struct maps_side *s, const char *name)
{
	s->maps = arena_grow(s->arena, s->maps, s->n, sizeof(*s->maps));
	s->maps[s->n] = (struct maps_rows){ .name = arena_strdup(s->arena, name) };
	return &s->maps[s->n++];
}

static const struct value *value_of(const struct value *entry)
{
	const struct value *v = value_get(entry, "value");

	return v ? v : value_get(entry, "values");
}

static void put_text(struct buf *out, const struct value *v)
{
	if (v)
		maps_print_value(out, v, false);
	buf_putc(out, '\0');
}

static int add_row(struct maps_rows *r, const struct value *entry, struct err *err)
{
	if (r->n == r->room) {
		size_t room = r->room ? 2 * r->room : 64;
		struct maps_row *rows = reallocarray(r->rows, room, sizeof(*rows));

		if (!rows)
			return err_system(err, ENOMEM, "map %s: its entries", r->name);
		r->rows = rows;
		r->room = room;
	}
	r->rows[r->n].key = r->text.len;
	put_text(&r->text, value_get(entry, "key"));
	r->rows[r->n++].value = r->text.len;
	put_text(&r->text, value_of(entry));
	return 0;
}

int maps_side_add_map(struct maps_side *s, struct map *m, struct err *err)
{
	struct maps_rows *r = new_map(s, m->name);
	struct arena *scratch;
	struct map_table t;
	struct value *entry;
	int ret = 0;

	if (map_holds(m) == HOLDS_NOTHING_LISTED)
		return 0;
	ret = map_table_read(m, &t, err);
	if (ret)
		return ret;
	scratch = arena_new();
	for (size_t i = 0; i < t.n && !ret; i++) {
		arena_reset(scratch);
		ret = map_row_value(m, scratch, map_table_key(&t, i), map_table_value(&t, i),
				    &entry, err);
		if (!ret)
			ret = add_row(r, entry, err);
	}
	arena_free(scratch);
	map_table_free(&t);
	return ret;
}

/* ---- a file ---- */

struct reading {
	struct maps_side *side;
	const struct maps_finder *as;
	struct maps_load *load;
	struct loading l; /* l.m is NULL where the file's own words stay */
};

static int begin(void *arg, const struct value *name, bool from_bpftool, struct err *err)
{
	struct reading *r = arg;
	struct map *m = NULL;
	int ret = r->as ? r->as->find(r->as->arg, name, &m, err) : 0;

	new_map(r->side, name->text);
	if (ret || !m || map_holds(m) != HOLDS_DATA)
		return ret;
	return loading_begin(&r->l, m, from_bpftool, r->load, err);
}

static int add_entry(void *arg, const struct value *e, struct arena *scratch, struct err *err)
{
	struct reading *r = arg;
	int ret = 0;

	if (r->l.m) {
		arena_reset(r->l.scratch);
		ret = loading_entry(&r->l, e, false);
		if (!ret)
			e = map_entry_value(r->l.m, scratch, r->l.key, r->l.io);
	}
	return ret ? ret : add_row(&r->side->maps[r->side->n - 1], e, err);
}

static int end(void *arg, const struct value *desc, struct err *err)
{
	struct reading *r = arg;

	(void)desc;
	(void)err;
	if (r->l.m)
		loading_end(&r->l);
	return 0;
}

int maps_side_add_file(struct maps_side *s, struct maps_source *file, const struct maps_finder *as,
		       struct maps_load *load, struct err *err)
{
	struct reading r = { .side = s, .as = as, .load = load };
	struct maps_listener listener = { begin, add_entry, end, &r };
	int ret = maps_source_tell(file, &listener, err);

	if (r.l.m)
		loading_end(&r.l);
	return ret;
}

void maps_side_free(struct maps_side *s)
{
	for (size_t i = 0; i < s->n; i++) {
		buf_free(&s->maps[i].text);
		free(s->maps[i].rows);
	}
}
