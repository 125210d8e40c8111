// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Snapshots of a map and what changed between two of them. */
#include <string.h>

#include "target/maps.h"
#include "target/maps_io.h"

int map_snapshot(struct map *m, struct arena *a, struct map_snapshot *out, struct err *err)
{
	int ret;

	*out = (struct map_snapshot){ .map = m };
	ret = map_read_all(m, a, false, &out->items, &out->n, err);
	if (ret || map_cpus(m) == 1)
		return ret;
	for (size_t i = 0; i < out->n; i++) {
		void *value = arena_alloc(a, m->value_size);

		map_fold_cpus(m, out->items[i].value, value);
		out->items[i].value = value;
	}
	return 0;
}

struct differ {
	struct arena *arena;
	const struct map *before, *after;
	struct map_change *changes;
	size_t n;
};

static void note(struct differ *d, const void *key, const struct map_item *was,
		 const struct map_item *is)
{
	struct map_change *c;

	d->changes = arena_grow(d->arena, d->changes, d->n, sizeof(*d->changes));
	c = &d->changes[d->n++];
	c->kind = !was ? CHANGE_ADDED : !is ? CHANGE_REMOVED : CHANGE_CHANGED;
	c->key = key;
	c->was = was ? was->value : NULL;
	c->is = is ? is->value : NULL;
}

/* Values of another size have been migrated: what their fields say counts. */
static bool same_value(struct differ *d, const struct map_item *was, const struct map_item *is)
{
	if (d->before->value_size == d->after->value_size)
		return memcmp(was->value, is->value, d->after->value_size) == 0;
	return value_equal(map_value_value(d->arena, d->before, was->value),
			   map_value_value(d->arena, d->after, is->value));
}

/* Keys of another size never meet: all of the one is gone, all of the other is new. */
static int order(const struct differ *d, const struct map_item *was, const struct map_item *is)
{
	if (d->before->key_size != d->after->key_size)
		return -1;
	return memcmp(was->key, is->key, d->after->key_size);
}

void map_diff(struct arena *a, const struct map_snapshot *before, const struct map_snapshot *after,
	      struct map_change **changes, size_t *n)
{
	struct differ d = { .arena = a, .before = before->map, .after = after->map };
	size_t i = 0, j = 0;

	while (i < before->n || j < after->n) {
		const struct map_item *was = &before->items[i], *is = &after->items[j];
		int cmp = j == after->n ? -1 : i == before->n ? 1 : order(&d, was, is);

		if (cmp < 0) {
			note(&d, was->key, was, NULL);
		} else if (cmp > 0) {
			note(&d, is->key, NULL, is);
		} else if (!same_value(&d, was, is)) {
			note(&d, is->key, was, is);
		}
		i += cmp <= 0;
		j += cmp >= 0;
	}
	*changes = d.changes;
	*n = d.n;
}
