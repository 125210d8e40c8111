// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How a map of each type gets empty. */
#include "target/map_reset.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum map_reset map_how_to_reset(uint32_t type)
{
	switch (type) {
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_ARRAY:
	case BPF_MAP_TYPE_PERCPU_HASH:
	case BPF_MAP_TYPE_PERCPU_ARRAY:
	case BPF_MAP_TYPE_LRU_HASH:
	case BPF_MAP_TYPE_LRU_PERCPU_HASH:
	case BPF_MAP_TYPE_LPM_TRIE:
		return MAP_RESET_PLAIN;
	case BPF_MAP_TYPE_PROG_ARRAY:
		return MAP_RESET_PROGRAMS;
	case BPF_MAP_TYPE_ARRAY_OF_MAPS:
	case BPF_MAP_TYPE_HASH_OF_MAPS:
		return MAP_RESET_INNER;
	case BPF_MAP_TYPE_PERF_EVENT_ARRAY:
	case BPF_MAP_TYPE_CGROUP_ARRAY:
	case BPF_MAP_TYPE_STACK_TRACE:
	case BPF_MAP_TYPE_DEVMAP:
	case BPF_MAP_TYPE_DEVMAP_HASH:
	case BPF_MAP_TYPE_CPUMAP:
	case BPF_MAP_TYPE_XSKMAP:
	case BPF_MAP_TYPE_SOCKMAP:
	case BPF_MAP_TYPE_SOCKHASH:
		return MAP_RESET_KEYS;
	case BPF_MAP_TYPE_QUEUE:
	case BPF_MAP_TYPE_STACK:
		return MAP_RESET_DRAIN;
	case BPF_MAP_TYPE_RINGBUF:
		return MAP_RESET_RING;
	default:
		return MAP_RESET_CANNOT;
	}
}

int map_each_key(const struct map *m, int (*fn)(void *arg, const struct map *m, const void *key),
		 void *arg)
{
	size_t size = m->key_size;
	uint8_t *keys = malloc(2 * size), *key = keys, *next = keys + size;
	int ret = keys ? bpf_map_get_next_key(m->fd, NULL, key) : -ENOMEM;

	/* the next is asked for first: from a deleted key the kernel would start over */
	while (!ret) {
		bool last = bpf_map_get_next_key(m->fd, key, next) != 0;

		ret = fn(arg, m, key);
		if (last)
			break;
		memcpy(key, next, size);
	}
	free(keys);
	return ret == -ENOENT ? 0 : ret;
}

/* Arrays list slots that hold nothing too. */
static int delete_key(void *arg, const struct map *m, const void *key)
{
	int ret = bpf_map_delete_elem(m->fd, key);

	(void)arg;
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

static int empty(const struct map *m)
{
	switch (map_how_to_reset(m->type)) {
	case MAP_RESET_PROGRAMS:
	case MAP_RESET_INNER:
	case MAP_RESET_KEYS:
		return map_each_key(m, delete_key, NULL);
	case MAP_RESET_DRAIN:
		return drain(m);
	case MAP_RESET_RING:
		return read_ring(m);
	default:
		return -EOPNOTSUPP;
	}
}

int map_make_empty(struct map *m, struct err *err)
{
	int ret;

	if (map_how_to_reset(m->type) == MAP_RESET_PLAIN)
		return map_clear(m, err);
	ret = empty(m);
	return ret ? err_system(err, -ret, "map %s: making it empty", m->name) : 0;
}
