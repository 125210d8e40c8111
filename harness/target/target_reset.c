/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The maps of loaded objects, made again what they were when the load was done: what programs, agents
 * and tests wrote is gone, and what the objects themselves put there is back.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "target/maps_io.h"
#include "target/target_internal.h"

/* How a map gets empty. */
enum reset {
	RESET_PLAIN, /* entries that are data */
	RESET_PROGRAMS, /* a prog array: but for what the loads' own slots hold */
	RESET_INNER, /* maps: but for those that the object put there */
	RESET_KEYS, /* entries of kernel objects: deleted one by one */
	RESET_DRAIN, /* a queue: popped */
	RESET_RING, /* a ring: read to its end */
	RESET_NOTHING, /* it never changes */
	RESET_CANNOT,
};

static enum reset how_to_reset(uint32_t type)
{
	switch (type) {
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_ARRAY:
	case BPF_MAP_TYPE_PERCPU_HASH:
	case BPF_MAP_TYPE_PERCPU_ARRAY:
	case BPF_MAP_TYPE_LRU_HASH:
	case BPF_MAP_TYPE_LRU_PERCPU_HASH:
	case BPF_MAP_TYPE_LPM_TRIE:
		return RESET_PLAIN;
	case BPF_MAP_TYPE_PROG_ARRAY:
		return RESET_PROGRAMS;
	case BPF_MAP_TYPE_ARRAY_OF_MAPS:
	case BPF_MAP_TYPE_HASH_OF_MAPS:
		return RESET_INNER;
	case BPF_MAP_TYPE_PERF_EVENT_ARRAY:
	case BPF_MAP_TYPE_CGROUP_ARRAY:
	case BPF_MAP_TYPE_STACK_TRACE:
	case BPF_MAP_TYPE_DEVMAP:
	case BPF_MAP_TYPE_DEVMAP_HASH:
	case BPF_MAP_TYPE_CPUMAP:
	case BPF_MAP_TYPE_XSKMAP:
	case BPF_MAP_TYPE_SOCKMAP:
	case BPF_MAP_TYPE_SOCKHASH:
		return RESET_KEYS;
	case BPF_MAP_TYPE_QUEUE:
	case BPF_MAP_TYPE_STACK:
		return RESET_DRAIN;
	case BPF_MAP_TYPE_RINGBUF:
		return RESET_RING;
	default:
		return RESET_CANNOT;
	}
}

static enum reset reset_of(const struct set_map *m)
{
	/* frozen by libbpf */
	if (m->is_data && m->map->flags & BPF_F_RDONLY_PROG)
		return RESET_NOTHING;
	if (m->map->flags & (BPF_F_RDONLY | BPF_F_WRONLY))
		return RESET_CANNOT;
	return how_to_reset(m->map->type);
}

bool set_is_resettable(const struct target_set *s)
{
	for (size_t i = 0; i < s->n_all_maps; i++)
		if (reset_of(s->all_maps[i]) == RESET_CANNOT)
			return false;
	return true;
}

/* Calls fn for each key there is; fn may delete it. */
static int each_key(const struct target_set *s, const struct set_map *m,
		    int (*fn)(const struct target_set *s, const struct set_map *m, const void *key))
{
	size_t size = m->map->key_size;
	uint8_t *keys = malloc(2 * size), *key = keys, *next = keys + size;
	int ret = keys ? bpf_map_get_next_key(m->map->fd, NULL, key) : -ENOMEM;

	/* the next is asked for first: from a deleted key the kernel would start over */
	while (!ret) {
		bool last = bpf_map_get_next_key(m->map->fd, key, next) != 0;

		ret = fn(s, m, key);
		if (last)
			break;
		memcpy(key, next, size);
	}
	free(keys);
	return ret == -ENOENT ? 0 : ret;
}

/* Arrays list slots that hold nothing too. */
static int delete_key(const struct target_set *s, const struct set_map *m, const void *key)
{
	int ret = bpf_map_delete_elem(m->map->fd, key);

	(void)s;
	return ret == -ENOENT || ret == -EINVAL ? 0 : ret;
}

static int drain(const struct map *m)
{
	uint8_t *value = malloc(m->value_size);
	int ret = value ? 0 : -ENOMEM;

	while (!ret)
		ret = bpf_map_lookup_and_delete_elem(m->fd, NULL, value);
	free(value);
	return ret == -ENOENT ? 0 : ret;
}

static int ignore_record(void *ctx, void *data, size_t size)
{
	(void)ctx;
	(void)data;
	(void)size;
	return 0;
}

static int read_ring(const struct map *m)
{
	struct ring_buffer *ring = ring_buffer__new(m->fd, ignore_record, NULL, NULL);
	int ret = ring ? ring_buffer__consume(ring) : -errno;

	ring_buffer__free(ring);
	return ret < 0 ? ret : 0;
}

/* ---- what the objects put there ---- */

static int keep_entry(struct target_set *s, struct set_map *m, const void *key, const void *value,
		      size_t size)
{
	m->initial = arena_grow(s->arena, m->initial, m->n_initial, sizeof(*m->initial));
	m->initial[m->n_initial].key = arena_memdup(s->arena, key, m->map->key_size);
	m->initial[m->n_initial++].value = arena_memdup(s->arena, value, size);
	return 0;
}

static int keep_data(struct target_set *s, struct set_map *m, struct err *err)
{
	struct arena *a = arena_new();
	struct map_item *items;
	size_t n = 0;
	int ret = map_read_all(m->map, a, false, &items, &n, err);

	for (size_t i = 0; i < n && !ret; i++)
		ret = keep_entry(s, m, items[i].key, items[i].value, map_io_size(m->map));
	arena_free(a);
	return ret;
}

/* Inner maps are written as descriptors, which a set holds as long as it lives, and read as ids. */
struct inner {
	int fd;
	uint32_t id;
};

static uint32_t id_in_slot(const struct map *m, const void *key)
{
	uint32_t id = 0;

	return bpf_map_lookup_elem(m->fd, key, &id) ? 0 : id;
}

static int fd_of_map(const struct target_set *s, uint32_t id)
{
	for (size_t i = 0; i < s->n_all_maps; i++)
		if (s->all_maps[i]->id == id)
			return s->all_maps[i]->map->fd;
	return -1;
}

static int keep_inner(struct target_set *s, struct set_map *m, struct err *err)
{
	uint8_t *key = arena_alloc(s->arena, m->map->key_size);
	const void *from = NULL;

	while (bpf_map_get_next_key(m->map->fd, from, key) == 0) {
		struct inner inner = { .id = id_in_slot(m->map, key) };

		from = key;
		if (!inner.id)
			continue;
		inner.fd = fd_of_map(s, inner.id);
		if (inner.fd < 0)
			return err_system(err, ENOENT, "map %s holds a map that no object has",
					  m->own_name);
		keep_entry(s, m, key, &inner, sizeof(inner));
	}
	return 0;
}

/* Nothing but data sections, maps of maps and prog arrays is filled by an object itself. The slots of
 * prog arrays: struct loaded.
 */
int set_keep_initial(struct target_set *s, struct set_map *m, struct err *err)
{
	enum reset how = reset_of(m);

	if (how == RESET_PLAIN && m->is_data)
		return keep_data(s, m, err);
	return how == RESET_INNER ? keep_inner(s, m, err) : 0;
}

/* ---- and back ---- */

/* What stands in a slot when just the loads that are shown were done, in their order. NULL: nothing. */
static const struct load_slot *expected(const struct target_set *s, const struct set_map *m,
					uint32_t index)
{
	for (size_t i = s->n_shown; i-- > 0;) {
		const struct loaded *l = s->shown[i];

		for (size_t j = 0; j < l->n_slots; j++)
			if (l->slots[j].map_id == m->id && l->slots[j].index == index)
				return &l->slots[j];
	}
	return NULL;
}

/* Slots that are as they were are left alone: a write changes the code of programs that jump there. */
static int delete_program(const struct target_set *s, const struct set_map *m, const void *key)
{
	uint32_t id = id_in_slot(m->map, key), index;
	const struct load_slot *own;

	if (!id)
		return 0;
	memcpy(&index, key, sizeof(index));
	own = expected(s, m, index);
	return own && own->program_id == id ? 0 : delete_key(s, m, key);
}

static int put_programs(const struct target_set *s, const struct set_map *m)
{
	for (size_t i = 0; i < s->n_shown; i++) {
		for (size_t j = 0; j < s->shown[i]->n_slots; j++) {
			const struct load_slot *own = &s->shown[i]->slots[j];

			if (own->map_id == m->id && own == expected(s, m, own->index) &&
			    id_in_slot(m->map, &own->index) != own->program_id &&
			    bpf_map_update_elem(m->map->fd, &own->index, &own->fd, BPF_ANY))
				return -errno;
		}
	}
	return 0;
}

static int reset_programs(const struct target_set *s, const struct set_map *m)
{
	int ret = each_key(s, m, delete_program);

	return ret ? ret : put_programs(s, m);
}

static int put_initial(const struct set_map *m)
{
	for (size_t i = 0; i < m->n_initial; i++)
		if (bpf_map_update_elem(m->map->fd, m->initial[i].key, m->initial[i].value,
					BPF_ANY))
			return -errno;
	return 0;
}

static int reset_map(const struct target_set *s, const struct set_map *m, struct err *err)
{
	int ret = 0;

	switch (reset_of(m)) {
	case RESET_PLAIN:
		ret = map_clear(m->map, err);
		if (ret)
			return ret;
		ret = put_initial(m);
		break;
	case RESET_PROGRAMS:
		ret = reset_programs(s, m);
		break;
	case RESET_INNER:
		ret = each_key(s, m, delete_key);
		if (!ret)
			ret = put_initial(m);
		break;
	case RESET_KEYS:
		ret = each_key(s, m, delete_key);
		break;
	case RESET_DRAIN:
		ret = drain(m->map);
		break;
	case RESET_RING:
		ret = read_ring(m->map);
		break;
	case RESET_NOTHING:
		break;
	case RESET_CANNOT:
		ret = -EOPNOTSUPP;
		break;
	}
	return ret ? err_system(err, -ret, "map %s: making it as new", m->own_name) : 0;
}

int set_reset(struct target_set *s, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; i < s->n_all_maps && !ret; i++) {
		struct set_map *m = s->all_maps[i];

		if (!m->is_dirty || !(m->users & s->visible))
			continue;
		ret = reset_map(s, m, err);
		m->is_dirty = ret != 0;
	}
	if (s->env_id == ENV_OWN) {
		helper_env_set_tunnel(s->env, NULL);
		helper_env_set_clock(s->env, 0);
		helper_env_seed(s->env, 0);
		helper_env_begin(s->env);
	}
	return ret;
}
