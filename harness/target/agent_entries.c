/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The node's map entries, written as an agent does at start: no map is empty for a moment. */
#include <bpf/bpf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "target/agent_internal.h"
#include "target/maps_io.h"
#include "target/typed.h"

/* The wanted keys of one map, encoded. */
struct keys {
	uint8_t *bytes;
	size_t n, size;
};

/* Maps of which the agent is the only writer, so that what it does not want is stale. */
static bool owned_whole(const char *map)
{
	return strcmp(map, "cilium_ipcache_v2") == 0 || strcmp(map, "cilium_lxc") == 0 ||
	       strncmp(map, "cilium_policy_v2", strlen("cilium_policy_v2")) == 0;
}

static bool is_pinned(const struct agent *a, const char *name)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s/%s", a->opts.pin_dir, name) < PATH_MAX &&
	       access(path, F_OK) == 0;
}

static int compare_keys(const void *a, const void *b, void *size)
{
	return memcmp(a, b, *(size_t *)size);
}

static bool has_key(const struct keys *k, const void *key)
{
	size_t lo = 0, hi = k->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = memcmp(k->bytes + mid * k->size, key, k->size);

		if (c == 0)
			return true;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

static int write_map(const struct agent *a, struct map *m, struct keys *k, struct err *err)
{
	for (size_t i = 0; i < a->opts.node->n_entries; i++) {
		const struct map_entry *e = &a->opts.node->entries[i];
		int ret;

		if (strcmp(e->map, m->name) != 0)
			continue;
		ret = map_set(m, e->key, e->value, err);
		if (!ret)
			ret = typed_encode(m->btf, m->key_type, e->key, k->bytes + k->n * k->size,
					   k->size, err);
		if (ret)
			return ret;
		k->n++;
	}
	return 0;
}

static int delete_stale(struct map *m, struct keys *k, uint64_t *deleted, struct err *err)
{
	struct arena *scratch = arena_new();
	struct map_snapshot all;
	int ret = map_snapshot(m, scratch, &all, err);

	qsort_r(k->bytes, k->n, k->size, compare_keys, &k->size);
	for (size_t i = 0; !ret && i < all.n; i++) {
		if (has_key(k, all.items[i].key))
			continue;
		if (bpf_map_delete_elem(m->fd, all.items[i].key) < 0 && errno != ENOENT)
			ret = map_fail(m, all.items[i].key, errno, "deleting", err);
		++*deleted;
	}
	arena_free(scratch);
	return ret;
}

static int sync_map(const struct agent *a, const char *name, struct err *err)
{
	struct arena *scratch = arena_new();
	uint64_t deleted = 0;
	struct keys k = { 0 };
	struct map *m;
	int ret = map_open_pinned(a->opts.pin_dir, name, &m, err);

	if (!ret) {
		k.size = m->key_size;
		k.bytes = arena_alloc(scratch, (a->opts.node->n_entries + 1) * k.size);
		ret = write_map(a, m, &k, err);
		if (!ret && owned_whole(name))
			ret = delete_stale(m, &k, &deleted, err);
		map_close(m);
	}
	arena_free(scratch);
	if (!ret)
		agent_log(a, "debug", "agent",
			  "\"Wrote map entries\" map=%s entries=%zu staleDeleted=%llu", name, k.n,
			  (unsigned long long)deleted);
	return ret;
}

/* Every map is written once, where its first entry stands. */
static bool seen_before(const struct cluster_node *n, size_t entry)
{
	for (size_t i = 0; i < entry; i++)
		if (strcmp(n->entries[i].map, n->entries[entry].map) == 0)
			return true;
	return false;
}

static bool has_entries(const struct cluster_node *n, const char *map)
{
	for (size_t i = 0; i < n->n_entries; i++)
		if (strcmp(n->entries[i].map, map) == 0)
			return true;
	return false;
}

/* A map for which nothing is wanted any more is emptied too. */
static int sync_unnamed(const struct agent *a, const char *map, struct err *err)
{
	if (!map || has_entries(a->opts.node, map) || !is_pinned(a, map))
		return 0;
	return sync_map(a, map, err);
}

int agent_write_entries(struct agent *a, struct err *err)
{
	const struct cluster_node *n = a->opts.node;
	int ret = 0;

	for (size_t i = 0; !ret && i < n->n_entries; i++) {
		if (seen_before(n, i))
			continue;
		if (is_pinned(a, n->entries[i].map))
			ret = sync_map(a, n->entries[i].map, err);
		else
			agent_log(a, "debug", "agent", "\"No object has this map\" map=%s",
				  n->entries[i].map);
	}
	if (!ret)
		ret = sync_unnamed(a, "cilium_ipcache_v2", err);
	if (!ret)
		ret = sync_unnamed(a, "cilium_lxc", err);
	for (size_t i = 0; !ret && i < n->n_endpoints; i++)
		ret = sync_unnamed(a, n->endpoints[i].policy_map, err);
	return ret ? err_wrap(err, "writing map entries") : 0;
}
