/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Two flat copies of a map, the last one and the present one. Where both are the same bytes, which is
 * nearly always, that is all there is to do.
 */
#include "target/maps_watch.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "target/maps_io.h"

struct copy {
	struct arena *arena;
	struct map_item *items; /* sorted by key; values in their kernel form */
	size_t n;
	uint8_t *values; /* of an array: one block, by index */
};

struct maps_watch {
	struct map *map;
	size_t io; /* bytes of a value in system calls */
	struct copy copies[2];
	int last; /* which of the two is the older one */
};

bool maps_watch_wanted(const struct map *m)
{
	return map_check_plain(m, NULL, NULL) == 0 && !(m->flags & BPF_F_RDONLY_PROG);
}

/* The kernel hands out an array in the order of its indexes. */
static int read_array(const struct maps_watch *w, struct copy *c, struct err *err)
{
	const struct map *m = w->map;
	uint32_t *keys, cursor = 0, next = 0, at = 0;
	int ret = 0;

	if (!c->values)
		c->values = malloc((size_t)m->max_entries * w->io);
	keys = malloc((size_t)m->max_entries * sizeof(*keys));
	while (c->values && keys && !ret && at < m->max_entries) {
		uint32_t n = m->max_entries - at;

		ret = bpf_map_lookup_batch(m->fd, at ? &cursor : NULL, &next, keys,
					   c->values + at * w->io, &n, NULL);
		cursor = next;
		at += n;
		if (ret == -ENOENT) {
			ret = 0;
			break;
		}
	}
	if (!c->values || !keys)
		ret = -ENOMEM;
	free(keys);
	c->n = at;
	return ret ? map_fail(m, NULL, -ret, "reading", err) : 0;
}

static int read_copy(const struct maps_watch *w, struct copy *c, struct err *err)
{
	if (map_is_array(w->map))
		return read_array(w, c, err);
	arena_reset(c->arena);
	c->items = NULL;
	c->n = 0;
	return map_read_all(w->map, c->arena, false, &c->items, &c->n, err);
}

void maps_watch_free(struct maps_watch *w)
{
	if (!w)
		return;
	for (int i = 0; i < 2; i++) {
		arena_free(w->copies[i].arena);
		free(w->copies[i].values);
	}
	free(w);
}

int maps_watch_new(struct map *m, struct maps_watch **out, struct err *err)
{
	struct maps_watch *w = calloc(1, sizeof(*w));
	int ret;

	if (!w)
		return err_system(err, ENOMEM, "map %s", m->name);
	w->map = m;
	w->io = map_io_size(m);
	w->copies[0].arena = arena_new();
	w->copies[1].arena = arena_new();
	ret = read_copy(w, &w->copies[0], err);
	if (ret) {
		maps_watch_free(w);
		return ret;
	}
	*out = w;
	return 0;
}

struct changes {
	const struct maps_watch *w;
	struct arena *a;
	struct map_change *list;
	size_t n;
};

/* The first CPU on which the two differ. */
static size_t changed_cpu(const struct map *m, const uint8_t *was, const uint8_t *is)
{
	size_t stride = map_stride(m), i = 0;

	while (i + 1 < map_cpus(m) && memcmp(was + i * stride, is + i * stride, stride) == 0)
		i++;
	return i;
}

/* A number that was written to all CPUs is a setting, and the sum over them means nothing: of a bare
 * number that changed, the changed one is told.
 */
static const void *one_value(const struct changes *c, const void *io, const void *was,
			     const void *is)
{
	const struct map *m = c->w->map;
	void *value;

	if (!io)
		return NULL;
	value = arena_alloc(c->a, m->value_size);
	if (was && is && map_is_per_cpu(m) && map_value_is_number(m))
		memcpy(value, (const uint8_t *)io + changed_cpu(m, was, is) * map_stride(m),
		       m->value_size);
	else
		map_fold_cpus(m, io, value);
	return value;
}

static void add(struct changes *c, const void *key, const void *was, const void *is)
{
	struct map_change *ch;

	c->list = arena_grow(c->a, c->list, c->n, sizeof(*c->list));
	ch = &c->list[c->n++];
	ch->kind = !was ? CHANGE_ADDED : !is ? CHANGE_REMOVED : CHANGE_CHANGED;
	ch->key = arena_memdup(c->a, key, c->w->map->key_size);
	ch->was = one_value(c, was, was, is);
	ch->is = one_value(c, is, was, is);
}

static void diff_arrays(struct changes *c, const struct copy *was, const struct copy *is)
{
	size_t io = c->w->io;

	if (was->n == is->n && memcmp(was->values, is->values, was->n * io) == 0)
		return;
	for (uint32_t i = 0; i < is->n; i++)
		if (memcmp(was->values + i * io, is->values + i * io, io) != 0)
			add(c, &i, was->values + i * io, is->values + i * io);
}

static void diff_keyed(struct changes *c, const struct copy *was, const struct copy *is)
{
	size_t i = 0, j = 0;

	while (i < was->n || j < is->n) {
		const struct map_item *x = &was->items[i], *y = &is->items[j];
		int order = i == was->n	 ? 1
			    : j == is->n ? -1
					 : memcmp(x->key, y->key, c->w->map->key_size);

		if (order < 0)
			add(c, x->key, x->value, NULL);
		else if (order > 0)
			add(c, y->key, NULL, y->value);
		else if (memcmp(x->value, y->value, c->w->io) != 0)
			add(c, x->key, x->value, y->value);
		i += order <= 0;
		j += order >= 0;
	}
}

int maps_watch_read(struct maps_watch *w, struct arena *a, struct map_change **changes, size_t *n,
		    struct err *err)
{
	struct copy *was = &w->copies[w->last], *is = &w->copies[!w->last];
	struct changes c = { .w = w, .a = a };
	int ret = read_copy(w, is, err);

	if (ret)
		return ret;
	if (map_is_array(w->map))
		diff_arrays(&c, was, is);
	else
		diff_keyed(&c, was, is);
	w->last = !w->last;
	*changes = c.list;
	*n = c.n;
	return 0;
}
