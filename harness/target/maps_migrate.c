// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* All entries of a map into its successor, whatever changed: size, type, the layout of key or value.
 * What the successor already has is newer and stays.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <string.h>

#include "target/maps.h"
#include "target/maps_io.h"
#include "target/typed.h"
#include "target/typed_type.h"

struct migration {
	const struct map *from, *to;
	bool same_keys, same_values;
	/* Scratch: key and value of an entry in the new layout, what the new map has there. Values are
	 * in their kernel form.
	 */
	uint8_t *key, *value, *there;
	uint8_t *was_one, *is_one; /* a value for all CPUs, old and new layout */
	uint64_t room; /* free entries of an evicting map */
	struct migrate_report *report;
	struct err *err;
};

static int convert_one(struct migration *g, const void *src, void *dst)
{
	if (!g->same_values)
		return typed_convert(g->from->btf, g->from->value_type, src, g->from->value_size,
				     g->to->btf, g->to->value_type, dst, g->to->value_size, g->err);
	memcpy(dst, src, g->to->value_size);
	return 0;
}

static int convert_value(struct migration *g, const uint8_t *io)
{
	size_t cpus = map_cpus(g->to);
	int ret = 0;

	if (map_is_per_cpu(g->from) != map_is_per_cpu(g->to)) {
		map_fold_cpus(g->from, io, g->was_one);
		ret = convert_one(g, g->was_one, g->is_one);
		map_spread_cpus(g->to, g->is_one, g->value);
		return ret;
	}
	for (size_t i = 0; i < cpus && !ret; i++)
		ret = convert_one(g, io + i * map_stride(g->from),
				  g->value + i * map_stride(g->to));
	return ret;
}

static int convert_key(struct migration *g, const struct map_item *item)
{
	if (!g->same_keys)
		return typed_convert(g->from->btf, g->from->key_type, item->key, g->from->key_size,
				     g->to->btf, g->to->key_type, g->key, g->to->key_size, g->err);
	memcpy(g->key, item->key, g->to->key_size);
	return 0;
}

static bool is_there(const struct migration *g)
{
	return bpf_map_lookup_elem(g->to->fd, g->key, g->there) == 0;
}

static bool is_zero(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (data[i])
			return false;
	return true;
}

/* An element of an array always exists: one that is zero counts as free. */
static int put_in_array(struct migration *g, const struct map_item *item)
{
	int ret;

	if (is_zero(item->value, map_io_size(g->from)))
		return 0;
	ret = bpf_map_lookup_elem(g->to->fd, g->key, g->there);
	if (ret == 0 && !is_zero(g->there, map_io_size(g->to))) {
		g->report->kept++;
		return 0;
	}
	if (ret == 0)
		ret = bpf_map_update_elem(g->to->fd, g->key, g->value, BPF_ANY);
	if (ret == -ENOENT || ret == -E2BIG)
		g->report->lost++;
	else if (ret)
		return map_fail(g->to, g->key, -ret, "migrating", g->err);
	else
		g->report->copied++;
	return 0;
}

static int put(struct migration *g, const struct map_item *item)
{
	int ret;

	if (map_is_array(g->to))
		return put_in_array(g, item);
	/* An old entry must not push a newer one out. */
	if (map_evicts(g->to) && g->report->copied >= g->room) {
		g->report->lost++;
		return 0;
	}
	ret = bpf_map_update_elem(g->to->fd, g->key, g->value, BPF_NOEXIST);
	if (ret == 0)
		g->report->copied++;
	else if (ret == -EEXIST)
		g->report->kept++;
	else if (ret == -E2BIG || ret == -ENOSPC) /* ENOSPC: LPM tries */
		g->report->lost++;
	else
		return map_fail(g->to, g->key, -ret, "migrating", g->err);
	return 0;
}

/* An LRU map may drop entries before it is full, without a word: ask which are still there. */
static int count_evicted(struct migration *g, const struct map_item *items, size_t n)
{
	struct migrate_report *r = g->report;
	uint64_t present = 0;

	for (size_t i = 0; i < n; i++) {
		int ret = convert_key(g, &items[i]);

		if (ret && ret != -ERANGE)
			return ret;
		present += !ret && is_there(g);
	}
	present = present > r->kept ? present - r->kept : 0;
	if (present < r->copied) {
		r->lost += r->copied - present;
		r->copied = present;
	}
	return 0;
}

/* What is there already is not converted: a second pass costs little. */
static int migrate_item(struct migration *g, const struct map_item *item)
{
	int ret = convert_key(g, item);

	if (ret)
		return ret;
	/* a trie finds shorter prefixes, too */
	if (!map_is_array(g->to) && g->to->type != BPF_MAP_TYPE_LPM_TRIE && is_there(g)) {
		g->report->kept++;
		return 0;
	}
	ret = convert_value(g, item->value);
	return ret ? ret : put(g, item);
}

static int migrate_items(struct migration *g, const struct map_item *items, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int ret = migrate_item(g, &items[i]);

		/* A value too large for a narrower field: the entry cannot be said in the new layout. */
		if (ret == -ERANGE) {
			g->report->lost++;
			continue;
		}
		if (ret)
			return ret;
	}
	if (map_evicts(g->to))
		return count_evicted(g, items, n);
	if (g->report->lost)
		return err_system(g->err, E2BIG,
				  "%lu of %zu entries do not fit its successor (max_entries %u)",
				  (unsigned long)g->report->lost, n, g->to->max_entries);
	return 0;
}

static bool same_layout(const struct map *from, uint32_t from_id, const struct map *to,
			uint32_t to_id)
{
	struct slot f, t;

	return slot_of_type(from->btf, from_id, &f) == 0 && slot_of_type(to->btf, to_id, &t) == 0 &&
	       slot_same_layout(&f, &t);
}

static int migrate(struct map *from, struct map *to, struct arena *a, struct migration *g)
{
	struct map_item *items, *there;
	size_t n, n_there = 0;
	int ret;

	g->same_keys = from->key_size == to->key_size &&
		       same_layout(from, from->key_type, to, to->key_type);
	g->same_values = from->value_size == to->value_size &&
			 same_layout(from, from->value_type, to, to->value_type);
	g->key = arena_alloc(a, to->key_size);
	g->value = arena_alloc(a, map_io_size(to));
	g->there = arena_alloc(a, map_io_size(to));
	g->was_one = arena_alloc(a, from->value_size);
	g->is_one = arena_alloc(a, to->value_size);
	ret = map_read_all(from, a, false, &items, &n, g->err);
	if (!ret && map_evicts(to))
		ret = map_read_all(to, a, false, &there, &n_there, g->err);
	if (ret)
		return ret;
	g->room = n_there < to->max_entries ? to->max_entries - n_there : 0;
	return migrate_items(g, items, n);
}

int map_migrate(struct map *from, struct map *to, struct migrate_report *report, struct err *err)
{
	struct migration g = { .from = from, .to = to, .report = report, .err = err };
	struct arena *a;
	int ret;

	*report = (struct migrate_report){ 0 };
	ret = map_check_plain(from, NULL, err);
	if (!ret)
		ret = map_check_plain(to, NULL, err);
	if (ret)
		return ret;
	a = arena_new();
	ret = migrate(from, to, a, &g);
	arena_free(a);
	return ret ? err_wrap(err, "migrating map %s", from->name), ret : 0;
}
