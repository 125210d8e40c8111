// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A map by its own description: opened from a pin or fd with the BTF the kernel keeps for it, entries
 * written, read and deleted by field name.
 */
#include "target/maps.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "target/maps_io.h"
#include "target/typed.h"

static int describe(struct map *m, bool typed, struct err *err)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(m->fd, &info, &len))
		return err_system(err, errno, "map %s: asking the kernel about it", m->name);
	m->type = info.type;
	m->key_size = info.key_size;
	m->value_size = info.value_size;
	m->max_entries = info.max_entries;
	m->flags = info.map_flags;
	if (!info.btf_id || !typed)
		return 0;
	m->btf = btf__load_from_kernel_by_id(info.btf_id);
	if (!m->btf)
		return err_system(err, errno, "map %s: reading its BTF (id %u)", m->name,
				  info.btf_id);
	m->key_type = info.btf_key_type_id;
	m->value_type = info.btf_value_type_id;
	return 0;
}

static int open_fd(int fd, const char *name, bool typed, struct map **out, struct err *err)
{
	struct map *m = calloc(1, sizeof(*m));
	int ret;

	if (!m)
		return err_system(err, ENOMEM, "map %s", name);
	snprintf(m->name, sizeof(m->name), "%s", name);
	m->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (m->fd < 0)
		ret = err_system(err, errno, "map %s: duplicating its descriptor", name);
	else
		ret = describe(m, typed, err);
	if (ret)
		map_close(m);
	else
		*out = m;
	return ret;
}

int map_open_fd(int fd, const char *name, struct map **out, struct err *err)
{
	return open_fd(fd, name, true, out, err);
}

int map_open_untyped(int fd, const char *name, struct map **out, struct err *err)
{
	return open_fd(fd, name, false, out, err);
}

int map_open_pinned(const char *dir, const char *name, struct map **out, struct err *err)
{
	__cleanup_fd int fd = -1;
	char path[4096];

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return err_system(err, ENAMETOOLONG, "map %s: its pin in %s", name, dir);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return err_system(err, errno, "map %s: opening its pin %s", name, path);
	return map_open_fd(fd, name, out, err);
}

void map_close(struct map *m)
{
	if (!m)
		return;
	if (m->fd >= 0)
		close(m->fd);
	btf__free(m->btf);
	free(m->inner);
	free(m);
}

void map_set_inner(struct map *m, const struct map_shape *inner)
{
	if (!m->inner)
		m->inner = malloc(sizeof(*m->inner));
	if (m->inner)
		*m->inner = *inner;
}

struct value *map_key_value(struct arena *a, const struct map *m, const void *key)
{
	return typed_decode(a, m->btf, m->key_type, key, m->key_size);
}

struct value *map_value_value(struct arena *a, const struct map *m, const void *value)
{
	return typed_decode(a, m->btf, m->value_type, value, m->value_size);
}

/* Room for a key, a value and the value in its kernel form. */
struct entry {
	uint8_t *key, *value, *io;
};

static void entry_cleanup(struct entry *e)
{
	free(e->key);
}

#define __cleanup_entry __attribute__((cleanup(entry_cleanup)))

static size_t align16(size_t n)
{
	return (n + 15) & ~(size_t)15;
}

static int entry_of_key(const struct map *m, const struct value *key, struct entry *e,
			struct err *err)
{
	int ret = map_check_plain(m, key ? &key->loc : NULL, err);

	if (ret)
		return ret;
	e->key = calloc(1, align16(m->key_size) + align16(m->value_size) + map_io_size(m));
	if (!e->key)
		return err_system(err, ENOMEM, "map %s", m->name);
	e->value = e->key + align16(m->key_size);
	e->io = e->value + align16(m->value_size);
	ret = typed_encode(m->btf, m->key_type, key, e->key, m->key_size, err);
	return ret ? err_wrap(err, "map %s: key", m->name) : 0;
}

int map_set(struct map *m, const struct value *key, const struct value *value, struct err *err)
{
	__cleanup_entry struct entry e = { 0 };
	int ret = entry_of_key(m, key, &e, err);

	if (ret)
		return ret;
	if (typed_encode(m->btf, m->value_type, value, e.value, m->value_size, err))
		return err_wrap(err, "map %s: value", m->name);
	map_spread_cpus(m, e.value, e.io);
	ret = bpf_map_update_elem(m->fd, e.key, e.io, BPF_ANY);
	return ret ? map_fail(m, e.key, -ret, "writing", err) : 0;
}

int map_get(struct map *m, struct arena *a, const struct value *key, struct value **value,
	    struct err *err)
{
	__cleanup_entry struct entry e = { 0 };
	int ret = entry_of_key(m, key, &e, err);

	if (ret)
		return ret;
	ret = bpf_map_lookup_elem(m->fd, e.key, e.io);
	if (ret == -ENOENT)
		return map_fail(m, e.key, ENOENT, "has no entry", err);
	if (ret)
		return map_fail(m, e.key, -ret, "reading", err);
	map_fold_cpus(m, e.io, e.value);
	*value = map_value_value(a, m, e.value);
	return 0;
}

int map_delete(struct map *m, const struct value *key, struct err *err)
{
	__cleanup_entry struct entry e = { 0 };
	int ret = entry_of_key(m, key, &e, err);

	if (ret)
		return ret;
	ret = bpf_map_delete_elem(m->fd, e.key);
	if (ret == 0)
		return 1;
	if (ret == -ENOENT)
		return 0;
	ret = map_fail(m, e.key, -ret, "deleting", err);
	if (map_is_array(m))
		err_hint(err, "the entries of an array always exist: write zeros instead");
	return ret;
}

static bool all_zero(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (data[i])
			return false;
	return true;
}

int map_clear(struct map *m, struct err *err)
{
	struct arena *a = arena_new();
	size_t n = 0, io = map_io_size(m);
	struct map_item *items = NULL;
	uint8_t *zeros = arena_alloc(a, io);
	int ret = map_read_all(m, a, false, &items, &n, err);

	for (size_t i = 0; i < n && !ret; i++) {
		int gone = 0;

		if (!map_is_array(m))
			gone = bpf_map_delete_elem(m->fd, items[i].key);
		else if (!all_zero(items[i].value, io))
			gone = bpf_map_update_elem(m->fd, items[i].key, zeros, BPF_ANY);
		if (gone && gone != -ENOENT)
			ret = map_fail(m, items[i].key, -gone, "clearing", err);
	}
	arena_free(a);
	return ret;
}
