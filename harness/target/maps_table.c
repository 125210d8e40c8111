// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A map's entries read into rows of one size, sorted where they lie. */
#include "target/maps_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "target/maps_handles.h"
#include "target/maps_io.h"

#define FIRST_ROOM 64

static size_t align8(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

struct reading {
	const struct map *map;
	struct map_table *table;
	bool is_short; /* of memory */
};

static void take(void *arg, const void *key, const void *io)
{
	struct reading *r = arg;
	struct map_table *t = r->table;
	uint32_t first = 0;
	uint8_t *row;

	/* cpumap shows a slot without a queue so */
	memcpy(&first, io, r->map->value_size < sizeof(first) ? r->map->value_size : sizeof(first));
	if (map_holds(r->map) != HOLDS_DATA && !first)
		return;
	if (t->n == t->room) {
		size_t room = t->room ? 2 * t->room : FIRST_ROOM;
		uint8_t *rows = r->is_short ? NULL : reallocarray(t->rows, room, t->stride);

		if (!rows) {
			r->is_short = true;
			return;
		}
		t->rows = rows;
		t->room = room;
	}
	row = t->rows + t->n++ * t->stride;
	memset(row, 0, t->stride);
	memcpy(row, key, r->map->key_size);
	memcpy(row + t->value_at, io, map_io_size(r->map));
}

struct order {
	uint32_t key_size;
	bool by_index;
};

static int compare(const void *a, const void *b, void *arg)
{
	const struct order *o = arg;
	uint32_t x, y;

	if (!o->by_index)
		return memcmp(a, b, o->key_size);
	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x < y ? -1 : x > y;
}

/* A key read twice, for the map changed meanwhile, keeps one of its values. */
static void sort_unique(const struct map *m, struct map_table *t)
{
	struct order order = { m->key_size, map_is_indexed(m) };
	size_t kept = 0;

	if (!t->n)
		return;
	qsort_r(t->rows, t->n, t->stride, compare, &order);
	for (size_t i = 1; i < t->n; i++) {
		if (memcmp(map_table_key(t, kept), map_table_key(t, i), m->key_size))
			kept++;
		if (kept != i)
			memcpy(t->rows + kept * t->stride, t->rows + i * t->stride, t->stride);
	}
	t->n = kept + 1;
}

int map_table_read(struct map *m, struct map_table *out, struct err *err)
{
	bool has_batches = map_holds(m) == HOLDS_DATA;
	struct reading r = { m, out, false };
	int ret;

	*out = (struct map_table){ .value_at = align8(m->key_size) };
	out->stride = out->value_at + align8(map_io_size(m));
	ret = map_each(m, !has_batches, take, &r, err);
	if (!ret && r.is_short)
		ret = map_fail(m, NULL, ENOMEM, "reading", err);
	if (ret)
		map_table_free(out);
	else
		sort_unique(m, out);
	return ret;
}

const void *map_table_key(const struct map_table *t, size_t i)
{
	return t->rows + i * t->stride;
}

const void *map_table_value(const struct map_table *t, size_t i)
{
	return t->rows + i * t->stride + t->value_at;
}

void map_table_free(struct map_table *t)
{
	free(t->rows);
	*t = (struct map_table){ .rows = NULL };
}
