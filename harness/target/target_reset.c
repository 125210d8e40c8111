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
	RESET_SLOTS, /* programs or maps: deleted slot by slot */
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
	case BPF_MAP_TYPE_ARRAY_OF_MAPS:
	case BPF_MAP_TYPE_HASH_OF_MAPS:
		return RESET_SLOTS;
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
	for (size_t i = 0; i < s->n_all; i++)
		if (reset_of(&s->all[i]) == RESET_CANNOT)
			return false;
	return true;
}

/* Calls fn for each key there is; fn may delete it. */
static int each_key(const struct set_map *m, int (*fn)(const struct set_map *m, const void *key))
{
	size_t size = m->map->key_size;
	uint8_t *keys = malloc(2 * size), *key = keys, *next = keys + size;
	int ret = keys ? bpf_map_get_next_key(m->map->fd, NULL, key) : -ENOMEM;

	/* the next is asked for first: from a deleted key the kernel would start over */
	while (!ret) {
		bool last = bpf_map_get_next_key(m->map->fd, key, next) != 0;

		ret = fn(m, key);
		if (last)
			break;
		memcpy(key, next, size);
	}
	free(keys);
	return ret == -ENOENT ? 0 : ret;
}

/* Arrays list slots that hold nothing too. */
static int delete_key(const struct set_map *m, const void *key)
{
	int ret = bpf_map_delete_elem(m->map->fd, key);

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

/* The descriptor of a program or map of ours with that id. */
static int fd_of_id(const struct target_set *s, const struct set_map *m, uint32_t id)
{
	for (size_t i = 0; m->map->type == BPF_MAP_TYPE_PROG_ARRAY && i < s->n_programs; i++)
		if (s->programs[i].id == id)
			return s->programs[i].fd;
	for (size_t i = 0; m->map->type != BPF_MAP_TYPE_PROG_ARRAY && i < s->n_all; i++)
		if (s->all[i].id == id)
			return s->all[i].map->fd;
	return -1;
}

/* Slots are written as descriptors, which a set holds as long as it lives, and read as ids. */
struct slot {
	int fd;
	uint32_t id;
};

static uint32_t id_in_slot(const struct map *m, const void *key)
{
	uint32_t id = 0;

	return bpf_map_lookup_elem(m->fd, key, &id) ? 0 : id;
}

static int keep_slots(struct target_set *s, struct set_map *m, struct err *err)
{
	uint8_t *key = arena_alloc(s->arena, m->map->key_size);
	const void *from = NULL;

	while (bpf_map_get_next_key(m->map->fd, from, key) == 0) {
		struct slot slot = { .id = id_in_slot(m->map, key) };

		from = key;
		if (!slot.id)
			continue;
		slot.fd = fd_of_id(s, m, slot.id);
		if (slot.fd < 0)
			return err_system(err, ENOENT, "map %s holds what no object of it has",
					  m->name);
		keep_entry(s, m, key, &slot, sizeof(slot));
	}
	return 0;
}

static bool is_initial(const struct set_map *m, const void *key, uint32_t id)
{
	for (size_t i = 0; i < m->n_initial; i++)
		if (!memcmp(m->initial[i].key, key, m->map->key_size))
			return ((const struct slot *)m->initial[i].value)->id == id;
	return false;
}

int set_keep_initial(struct target_set *s, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; i < s->n_all && !ret; i++) {
		struct set_map *m = &s->all[i];
		enum reset how = reset_of(m);

		/* nothing but its data sections is filled by an object itself */
		if (how == RESET_PLAIN && m->is_data)
			ret = keep_data(s, m, err);
		else if (how == RESET_SLOTS)
			ret = keep_slots(s, m, err);
	}
	return ret;
}

/* ---- and back ---- */

/* Slots that are as they were are left alone: a write changes the code of programs that jump there. */
static int delete_slot(const struct set_map *m, const void *key)
{
	uint32_t id = id_in_slot(m->map, key);

	return !id || is_initial(m, key, id) ? 0 : delete_key(m, key);
}

static int empty(const struct set_map *m, struct err *err)
{
	int ret = 0;

	switch (reset_of(m)) {
	case RESET_PLAIN:
		return map_clear(m->map, err);
	case RESET_SLOTS:
		ret = each_key(m, delete_slot);
		break;
	case RESET_KEYS:
		ret = each_key(m, delete_key);
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
	return ret ? err_system(err, -ret, "map %s: emptying it", m->name) : 0;
}

static int fill(const struct set_map *m, struct err *err)
{
	bool is_slots = reset_of(m) == RESET_SLOTS;

	for (size_t i = 0; i < m->n_initial; i++) {
		const struct map_item *was = &m->initial[i];

		if (is_slots && is_initial(m, was->key, id_in_slot(m->map, was->key)))
			continue;
		if (bpf_map_update_elem(m->map->fd, was->key, was->value, BPF_ANY))
			return err_system(err, errno, "map %s: writing what the object put there",
					  m->name);
	}
	return 0;
}

int set_reset(struct target_set *s, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; i < s->n_all && !ret; i++) {
		ret = empty(&s->all[i], err);
		if (!ret)
			ret = fill(&s->all[i], err);
	}
	if (s->own_env) {
		helper_env_set_tunnel(s->env, NULL);
		helper_env_set_clock(s->env, 0);
		helper_env_seed(s->env, 0);
		helper_env_begin(s->env);
	}
	return ret;
}
