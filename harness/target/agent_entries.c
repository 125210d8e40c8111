/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The node's map entries, written as an agent does at start and when the cluster changes: no map is empty for
 * a moment.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "target/agent_internal.h"
#include "target/map_reset.h"
#include "target/maps_file.h"
#include "target/maps_handles.h"
#include "target/maps_io.h"
#include "target/typed.h"

/* A node's entries of one map. */
struct group {
	const char *map;
	const struct map_entry **entries;
	size_t n;
};

struct groups {
	struct arena *arena;
	struct table by_map;
	struct group **list; /* in the order of their first entries */
	size_t n;
};

/* Maps of which the agent is the only writer, so that what it does not want is stale; those that end in
 * '*' by how they begin.
 */
static bool owned_whole(const char *map)
{
	static const char *const owned[] = {
		"cilium_ipcache_v2",	   "cilium_lxc",
		"cilium_policy_v2*",	   "cilium_lb4_services_v2",
		"cilium_lb6_services_v2",  "cilium_lb4_backends_v3",
		"cilium_lb6_backends_v3",  "cilium_lb4_reverse_nat",
		"cilium_lb6_reverse_nat",  "cilium_lb4_source_range",
		"cilium_lb6_source_range", "cilium_lb_affinity_match",
		"cilium_lb4_maglev",	   "cilium_lb6_maglev",
		"cilium_ipmasq_v4",	   "cilium_ipmasq_v6",
		"cilium_node_map_v2",	   "cilium_throttle",
		"cilium_cidr_v4_*",	   "cilium_cidr_v6_*",
	};

	for (size_t i = 0; i < sizeof(owned) / sizeof(owned[0]); i++) {
		size_t len = strcspn(owned[i], "*");

		if (owned[i][len] ? !strncmp(map, owned[i], len) : !strcmp(map, owned[i]))
			return true;
	}
	return false;
}

void raw_free(struct raw_entries *raw)
{
	free(raw->keys);
	free(raw->values);
	*raw = (struct raw_entries){ .keys = NULL };
}

static void make_groups(struct groups *g, const struct cluster_node *node)
{
	g->by_map = (struct table)TABLE_INIT(g->arena);
	for (size_t i = 0; i < node->n_entries; i++) {
		const struct map_entry *e = &node->entries[i];
		void **slot = table_slot_text(&g->by_map, e->map);
		struct group *of = *slot;

		if (!of) {
			*slot = of = arena_new_of(g->arena, struct group);
			of->map = e->map;
			g->list = arena_grow(g->arena, g->list, g->n, sizeof(*g->list));
			g->list[g->n++] = of;
		}
		of->entries = arena_grow(g->arena, of->entries, of->n, sizeof(*of->entries));
		of->entries[of->n++] = e;
	}
}

/* ---- one map ---- */

static int encode(struct map *m, const struct group *g, struct raw_entries *raw, struct err *err)
{
	size_t size = map_io_size(m);
	uint8_t *value = calloc(1, m->value_size + 1);
	int ret = map_check_plain(m, g->n ? &g->entries[0]->key->loc : NULL, err);

	raw->keys = calloc(g->n + 1, m->key_size);
	raw->values = calloc(g->n + 1, size);
	if (!value || !raw->keys || !raw->values)
		ret = err_system(err, ENOMEM, "entries of map %s", m->name);
	for (; raw->n < g->n && !ret; raw->n++) {
		const struct map_entry *e = g->entries[raw->n];

		ret = typed_encode(m->btf, m->key_type, e->key, raw->keys + raw->n * m->key_size,
				   m->key_size, err);
		if (ret) {
			err_wrap(err, "map %s: key", m->name);
			break;
		}
		ret = typed_encode(m->btf, m->value_type, e->value, value, m->value_size, err);
		if (ret) {
			err_wrap(err, "map %s: value", m->name);
			break;
		}
		map_spread_cpus(m, value, raw->values + raw->n * size);
	}
	free(value);
	return ret;
}

/* In one go where the kernel has that for the map's type, one by one where not, or where it stops. */
int raw_put(struct map *m, const struct raw_entries *raw, struct err *err)
{
	size_t size = map_io_size(m);
	uint32_t done = (uint32_t)raw->n;

	if (!raw->n)
		return 0;
	if (!bpf_map_update_batch(m->fd, raw->keys, raw->values, &done, NULL))
		return 0;
	for (size_t i = done < raw->n ? done : 0; i < raw->n; i++) {
		const uint8_t *key = raw->keys + i * m->key_size;

		if (bpf_map_update_elem(m->fd, key, raw->values + i * size, BPF_ANY))
			return map_fail(m, key, errno, "writing", err);
	}
	return 0;
}

static int compare_keys(const void *a, const void *b, void *size)
{
	return memcmp(a, b, *(size_t *)size);
}

static bool has_key(const uint8_t *keys, size_t n, size_t size, const void *key)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = memcmp(keys + mid * size, key, size);

		if (c == 0)
			return true;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

static int delete_stale(struct map *m, const struct raw_entries *raw, uint64_t *deleted,
			struct err *err)
{
	struct arena *scratch = arena_new();
	size_t size = m->key_size, n = 0;
	uint8_t *keys = arena_memdup(scratch, raw->keys, raw->n * size);
	struct map_item *all = NULL;
	int ret = map_read_all(m, scratch, false, &all, &n, err);

	qsort_r(keys, raw->n, size, compare_keys, &size);
	for (size_t i = 0; !ret && i < n; i++) {
		if (has_key(keys, raw->n, size, all[i].key))
			continue;
		if (bpf_map_delete_elem(m->fd, all[i].key) < 0 && errno != ENOENT)
			ret = map_fail(m, all[i].key, errno, "deleting", err);
		++*deleted;
	}
	arena_free(scratch);
	return ret;
}

static bool is_empty(const struct map *m)
{
	uint8_t *key = malloc(m->key_size);
	bool empty = key && bpf_map_get_next_key(m->fd, NULL, key) == -ENOENT;

	free(key);
	return empty;
}

/* Nobody but the agent writes to it: what it wrote last is there still. */
static bool is_there(const struct agent_pin *pin, const struct raw_entries *raw)
{
	const struct raw_entries *was = &pin->wanted;

	return pin->is_written && pin->map->flags & BPF_F_RDONLY_PROG && was->n == raw->n &&
	       !memcmp(was->keys, raw->keys, raw->n * pin->map->key_size) &&
	       !memcmp(was->values, raw->values, raw->n * map_io_size(pin->map));
}

static int sync_plain(struct agent_pin *pin, const struct group *g, uint64_t *deleted,
		      struct err *err)
{
	struct raw_entries raw = { .n = 0 };
	bool had_none = is_empty(pin->map);
	int ret = encode(pin->map, g, &raw, err);

	if (!ret && is_there(pin, &raw)) {
		raw_free(&raw);
		return 0;
	}
	if (!ret)
		ret = raw_put(pin->map, &raw, err);
	if (!ret && !had_none && owned_whole(pin->name))
		ret = delete_stale(pin->map, &raw, deleted, err);
	raw_free(&pin->wanted);
	pin->wanted = raw;
	pin->is_written = !ret;
	return ret;
}

/* ---- maps of maps: as a file of entries has them ---- */

struct stale {
	const uint8_t *wanted; /* keys, sorted */
	size_t n;
	uint64_t deleted;
};

static int delete_unwanted(void *arg, const struct map *m, const void *key)
{
	struct stale *s = arg;

	if (has_key(s->wanted, s->n, m->key_size, key))
		return 0;
	s->deleted++;
	return bpf_map_delete_elem(m->fd, key) && errno != ENOENT ? -errno : 0;
}

static int delete_stale_inner(struct map *m, const struct group *g, uint64_t *deleted,
			      struct err *err)
{
	struct arena *scratch = arena_new();
	size_t size = m->key_size, n = 0;
	uint8_t *keys = arena_alloc(scratch, (g->n + 1) * size);
	struct stale stale = { .wanted = keys };
	int ret = 0;

	for (; n < g->n && !ret; n++)
		ret = typed_encode(m->btf, m->key_type, g->entries[n]->key, keys + n * size,
				   (uint32_t)size, err);
	stale.n = n;
	qsort_r(keys, n, size, compare_keys, &size);
	if (!ret) {
		ret = map_each_key(m, delete_unwanted, &stale);
		if (ret)
			err_system(err, -ret, "map %s: deleting what is not wanted", m->name);
	}
	*deleted += stale.deleted;
	arena_free(scratch);
	return ret;
}

static int sync_inner(struct agent_pin *pin, const struct group *g, uint64_t *deleted,
		      struct err *err)
{
	struct arena *scratch = arena_new();
	struct maps_load load = { .arena = scratch };
	struct value *desc = value_map(scratch), *list = value_list(scratch);
	int ret;

	for (size_t i = 0; i < g->n; i++) {
		struct value *e = value_map(scratch);

		value_set(scratch, e, "key", (struct value *)g->entries[i]->key);
		value_set(scratch, e, "value", (struct value *)g->entries[i]->value);
		value_push(scratch, list, e);
	}
	value_set(scratch, desc, "entries", list);
	ret = maps_file_load(pin->map, desc, &load, err);
	if (!ret)
		ret = delete_stale_inner(pin->map, g, deleted, err);
	pin->is_written = !ret;
	arena_free(scratch);
	return ret;
}

/* ---- all of them ---- */

static int sync_map(const struct agent *a, struct agent_pin *pin, const struct group *g,
		    struct err *err)
{
	uint64_t deleted = 0;
	int ret = pin_open(a->now, pin, err);

	if (ret)
		return ret;
	ret = map_holds(pin->map) == HOLDS_MAPS ? sync_inner(pin, g, &deleted, err)
						: sync_plain(pin, g, &deleted, err);
	if (!ret)
		agent_log(a, "debug", "agent",
			  "\"Wrote map entries\" map=%s entries=%zu staleDeleted=%llu", pin->name,
			  g->n, (unsigned long long)deleted);
	return ret;
}

/* A map for which nothing is wanted any more is emptied too. */
static int sync_unnamed(const struct agent *a, const struct groups *g, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; i < a->now->n_pins && !ret; i++) {
		struct agent_pin *pin = a->now->pins[i];
		const struct group none = { .map = pin->name };

		if (owned_whole(pin->name) && !table_get_text(&g->by_map, pin->name))
			ret = sync_map(a, pin, &none, err);
	}
	return ret;
}

int agent_write_entries(struct agent *a, struct err *err)
{
	struct groups g = { .arena = arena_new() };
	int ret = 0;

	make_groups(&g, a->node);
	for (size_t i = 0; i < g.n && !ret; i++) {
		struct agent_pin *pin = release_find_pin(a->now, g.list[i]->map);

		if (pin)
			ret = sync_map(a, pin, g.list[i], err);
		else
			agent_log(a, "debug", "agent", "\"No object has this map\" map=%s",
				  g.list[i]->map);
	}
	if (!ret)
		ret = sync_unnamed(a, &g, err);
	arena_free(g.arena);
	return ret ? err_wrap(err, "writing map entries") : 0;
}
