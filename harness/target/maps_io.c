// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reading a whole map: in batches where the kernel has them for its type, key by key elsewhere.
 * Programs and garbage collection may write meanwhile; neither way loops for ever.
 */
#include "target/maps_io.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BATCH	       1024
#define __cleanup_free __attribute__((cleanup(free_p)))

static void free_p(void *p)
{
	free(*(void **)p);
}

const char *map_type_name(uint32_t type)
{
	const char *name = libbpf_bpf_map_type_str((enum bpf_map_type)type);

	return name ? name : "unknown";
}

bool map_is_per_cpu(const struct map *m)
{
	return m->type == BPF_MAP_TYPE_PERCPU_HASH || m->type == BPF_MAP_TYPE_PERCPU_ARRAY ||
	       m->type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

bool map_is_array(const struct map *m)
{
	return m->type == BPF_MAP_TYPE_ARRAY || m->type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

bool map_is_indexed(const struct map *m)
{
	return map_is_array(m) || m->type == BPF_MAP_TYPE_PROG_ARRAY ||
	       m->type == BPF_MAP_TYPE_ARRAY_OF_MAPS || m->type == BPF_MAP_TYPE_DEVMAP ||
	       m->type == BPF_MAP_TYPE_CPUMAP;
}

bool map_evicts(const struct map *m)
{
	return m->type == BPF_MAP_TYPE_LRU_HASH || m->type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

size_t map_cpus(const struct map *m)
{
	int n = map_is_per_cpu(m) ? libbpf_num_possible_cpus() : 1;

	return n > 0 ? (size_t)n : 1;
}

size_t map_stride(const struct map *m)
{
	return map_is_per_cpu(m) ? ((size_t)m->value_size + 7) & ~(size_t)7 : m->value_size;
}

size_t map_io_size(const struct map *m)
{
	return map_stride(m) * map_cpus(m);
}

static const char *why_not(uint32_t type)
{
	switch (type) {
	case BPF_MAP_TYPE_XSKMAP:
	case BPF_MAP_TYPE_SOCKMAP:
	case BPF_MAP_TYPE_SOCKHASH:
	case BPF_MAP_TYPE_REUSEPORT_SOCKARRAY:
		return "its entries are sockets of running processes, which nothing written can "
		       "stand for; the process that owns a socket puts it in";
	case BPF_MAP_TYPE_PERF_EVENT_ARRAY:
	case BPF_MAP_TYPE_RINGBUF:
	case BPF_MAP_TYPE_USER_RINGBUF:
		return "it carries events and holds no entries";
	case BPF_MAP_TYPE_QUEUE:
	case BPF_MAP_TYPE_STACK:
	case BPF_MAP_TYPE_BLOOM_FILTER:
		return "its values have no keys to be found by";
	case BPF_MAP_TYPE_SK_STORAGE:
	case BPF_MAP_TYPE_INODE_STORAGE:
	case BPF_MAP_TYPE_TASK_STORAGE:
		return "its values belong to sockets, files or tasks, not to keys";
	default:
		return "its values are handles of the kernel, not data that can be read or written "
		       "here";
	}
}

int map_check_plain(const struct map *m, const struct loc *at, struct err *err)
{
	switch (m->type) {
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_LRU_HASH:
	case BPF_MAP_TYPE_ARRAY:
	case BPF_MAP_TYPE_PERCPU_HASH:
	case BPF_MAP_TYPE_PERCPU_ARRAY:
	case BPF_MAP_TYPE_LRU_PERCPU_HASH:
	case BPF_MAP_TYPE_LPM_TRIE:
		return 0;
	}
	err_input(err, at, "map %s is a %s: %s", m->name, map_type_name(m->type), why_not(m->type));
	if (err)
		err->no = EOPNOTSUPP;
	return -EOPNOTSUPP;
}

int map_fail(const struct map *m, const void *key, int no, const char *what, struct err *err)
{
	struct arena *a = arena_new();
	struct buf text = BUF_INIT;
	int ret;

	if (key)
		value_print(&text, map_key_value(a, m, key));
	ret = err_system(err, no, "map %s: %s%s%s", m->name, what, key ? " " : "", buf_str(&text));
	if (err && (no == E2BIG || no == ENOSPC) && !map_is_array(m))
		err_hint(err, "the map is full: max_entries is %u", m->max_entries);
	buf_free(&text);
	arena_free(a);
	return ret;
}

/* Who gets the entries as they come in. */
struct taker {
	const struct map *m;
	void (*take)(void *arg, const void *key, const void *io);
	void *arg;
};

static bool has_no_batch(int no)
{
	/* 524: the kernel's own ENOTSUPP, which it lets out here. */
	return no == EINVAL || no == EOPNOTSUPP || no == 524 || no == EPERM;
}

/* -EAGAIN: this type has no batches; nothing was read. */
static int read_batches(const struct taker *g, struct err *err)
{
	const struct map *m = g->m;
	size_t cursor_size = m->key_size > 4 ? m->key_size : 4, io = map_io_size(m);
	__cleanup_free void *in = calloc(1, cursor_size), *next = calloc(1, cursor_size);
	uint32_t room = m->max_entries < BATCH ? m->max_entries : BATCH;
	__cleanup_free uint8_t *keys = malloc((size_t)room * m->key_size);
	__cleanup_free uint8_t *values = malloc((size_t)room * io);
	bool first = true;

	for (;;) {
		uint32_t n = room;
		int ret;

		if (!in || !next || !keys || !values)
			return map_fail(m, NULL, ENOMEM, "reading", err);
		ret = bpf_map_lookup_batch(m->fd, first ? NULL : in, next, keys, values, &n, NULL);
		/* A bucket that holds more than there is room for. */
		if (ret == -ENOSPC && room < (1u << 24)) {
			room *= 2;
			free(keys);
			free(values);
			keys = malloc((size_t)room * m->key_size);
			values = malloc((size_t)room * io);
			continue;
		}
		if (ret && ret != -ENOENT) {
			if (first && has_no_batch(-ret))
				return -EAGAIN;
			return map_fail(m, NULL, -ret, "reading", err);
		}
		for (uint32_t i = 0; i < n && i < room; i++)
			g->take(g->arg, keys + (size_t)i * m->key_size, values + i * io);
		if (ret)
			return 0;
		memcpy(in, next, cursor_size);
		first = false;
	}
}

/* The kernel starts over when the key it should go on from has been deleted; so a bound on steps. */
static int read_keys(const struct taker *g, struct err *err)
{
	const struct map *m = g->m;
	__cleanup_free uint8_t *key = calloc(1, m->key_size), *next = calloc(1, m->key_size);
	__cleanup_free uint8_t *value = calloc(1, map_io_size(m));
	uint64_t left = 4 * (uint64_t)m->max_entries + 1024;
	bool first = true;
	int ret;

	if (!key || !next || !value)
		return map_fail(m, NULL, ENOMEM, "reading", err);
	while (left--) {
		ret = bpf_map_get_next_key(m->fd, first ? NULL : key, next);
		if (ret == -ENOENT)
			return 0;
		if (ret)
			return map_fail(m, NULL, -ret, "reading keys", err);
		ret = bpf_map_lookup_elem(m->fd, next, value);
		if (ret && ret != -ENOENT)
			return map_fail(m, next, -ret, "reading", err);
		if (!ret)
			g->take(g->arg, next, value);
		memcpy(key, next, m->key_size);
		first = false;
	}
	return map_fail(m, NULL, EBUSY, "changes faster than it can be read", err);
}

int map_each(struct map *m, bool by_key, void (*take)(void *arg, const void *key, const void *io),
	     void *arg, struct err *err)
{
	struct taker t = { m, take, arg };
	int ret = by_key ? -EAGAIN : read_batches(&t, err);

	return ret == -EAGAIN ? read_keys(&t, err) : ret;
}

/* Entries as they come in: two growing arrays, turned into items at the end. */
struct gather {
	const struct map *m;
	struct arena *arena;
	struct map_item *items;
	size_t n;
};

static void gather(void *arg, const void *key, const void *io)
{
	struct gather *g = arg;

	g->items = arena_grow(g->arena, g->items, g->n, sizeof(*g->items));
	g->items[g->n].key = arena_memdup(g->arena, key, g->m->key_size);
	g->items[g->n].value = arena_memdup(g->arena, io, map_io_size(g->m));
	g->n++;
}

static int by_key_bytes(const void *a, const void *b, void *size)
{
	const struct map_item *x = a, *y = b;

	return memcmp(x->key, y->key, *(const uint32_t *)size);
}

/* A key read twice keeps one of its values. */
static size_t sort_unique(const struct map *m, struct map_item *items, size_t n)
{
	uint32_t size = m->key_size;
	size_t kept = 0;

	if (!n)
		return 0;
	qsort_r(items, n, sizeof(*items), by_key_bytes, &size);
	for (size_t i = 1; i < n; i++) {
		if (memcmp(items[kept].key, items[i].key, size))
			kept++;
		items[kept] = items[i];
	}
	return kept + 1;
}

int map_read_all(struct map *m, struct arena *a, bool by_key, struct map_item **items, size_t *n,
		 struct err *err)
{
	struct gather g = { .m = m, .arena = a };
	int ret = map_check_plain(m, NULL, err);

	if (!ret)
		ret = map_each(m, by_key, gather, &g, err);
	if (ret)
		return ret;
	*n = sort_unique(m, g.items, g.n);
	*items = g.items;
	return 0;
}
