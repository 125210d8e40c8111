// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A map of any type as a tree: entries by field name, values of each CPU, inner maps within their
 * entry, programs by name and id.
 */
#include <bpf/bpf.h>
#include <errno.h>

#include "base/file.h"
#include "target/maps_file.h"
#include "target/maps_handles.h"
#include "target/maps_io.h"

enum map_holds map_holds(const struct map *m)
{
	switch (m->type) {
	case BPF_MAP_TYPE_PROG_ARRAY:
		return HOLDS_PROGRAMS;
	case BPF_MAP_TYPE_ARRAY_OF_MAPS:
	case BPF_MAP_TYPE_HASH_OF_MAPS:
		return HOLDS_MAPS;
	case BPF_MAP_TYPE_DEVMAP:
	case BPF_MAP_TYPE_DEVMAP_HASH:
		return HOLDS_DEVICES;
	case BPF_MAP_TYPE_CPUMAP:
		return HOLDS_CPUS;
	}
	return map_check_plain(m, NULL, NULL) ? HOLDS_NOTHING_LISTED : HOLDS_DATA;
}

static struct value *describe(const struct map *m, struct arena *a)
{
	struct value *desc = value_map(a);

	value_setf(a, desc, "type", "%s", map_type_name(m->type));
	value_setf(a, desc, "key_size", "%u", m->key_size);
	value_setf(a, desc, "value_size", "%u", m->value_size);
	value_setf(a, desc, "max_entries", "%u", m->max_entries);
	if (m->flags)
		value_setf(a, desc, "flags", "%u", m->flags);
	return desc;
}

struct value *map_entry_value(const struct map *m, struct arena *a, const void *key, const void *io)
{
	struct value *entry = value_map(a), *list;
	size_t cpus = map_cpus(m);

	value_set(a, entry, "key", map_key_value(a, m, key));
	if (!map_is_per_cpu(m)) {
		value_set(a, entry, "value", map_value_value(a, m, io));
		return entry;
	}
	list = value_list(a);
	for (size_t i = 0; i < cpus; i++)
		value_push(a, list, map_value_value(a, m, (const uint8_t *)io + i * map_stride(m)));
	value_set(a, entry, "values", list);
	return entry;
}

static int dump_data(struct map *m, struct arena *a, struct value *entries, struct err *err)
{
	struct map_item *items;
	size_t n;
	int ret = map_read_all(m, a, false, &items, &n, err);

	for (size_t i = 0; i < n && !ret; i++)
		value_push(a, entries, map_entry_value(m, a, items[i].key, items[i].value));
	return ret;
}

int map_program_name(uint32_t id, char *name, size_t size)
{
	__cleanup_fd int fd = bpf_prog_get_fd_by_id(id);
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	if (fd < 0)
		return -errno;
	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return -errno;
	snprintf(name, size, "%s", info.name);
	return 0;
}

int map_inner_open(uint32_t id, struct map **out, struct err *err)
{
	__cleanup_fd int fd = bpf_map_get_fd_by_id(id);
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
		return err_system(err, errno, "opening the inner map with id %u", id);
	return map_open_fd(fd, info.name, out, err);
}

/* A value of two numbers: the thing and the program that runs there, if it has one. */
static struct value *pair(struct arena *a, const struct map *m, const char *name,
			  const uint32_t *raw)
{
	struct value *v = value_map(a);

	value_setf(a, v, name, "%u", raw[0]);
	if (m->value_size >= 8 && raw[1])
		value_setf(a, v, "prog_id", "%u", raw[1]);
	return v;
}

static int handle_value(struct map *m, struct arena *a, const uint32_t *raw, struct value **out,
			struct err *err)
{
	struct map *inner = NULL;
	char name[64] = "";
	int ret = 0;

	switch (map_holds(m)) {
	case HOLDS_PROGRAMS:
		*out = value_map(a);
		if (map_program_name(raw[0], name, sizeof(name)) == 0)
			value_setf(a, *out, "program", "%s", name);
		value_setf(a, *out, "id", "%u", raw[0]);
		break;
	case HOLDS_MAPS:
		ret = map_inner_open(raw[0], &inner, err);
		if (!ret && inner)
			ret = maps_file_dump(inner, a, out, err);
		map_close(inner);
		break;
	case HOLDS_DEVICES:
		*out = pair(a, m, "ifindex", raw);
		break;
	default:
		*out = pair(a, m, "qsize", raw);
	}
	return ret;
}

static int dump_handle(struct map *m, struct arena *a, const void *key, struct value *entries,
		       struct err *err)
{
	uint32_t *raw = arena_alloc(a, m->value_size + 8);
	struct value *entry = value_map(a), *v = NULL;
	struct value *k = map_key_value(a, m, key);
	int ret = bpf_map_lookup_elem(m->fd, key, raw);

	if (ret == -ENOENT || (!ret && !raw[0]))
		return 0; /* an empty slot */
	if (ret)
		return map_fail(m, key, -ret, "reading", err);
	ret = handle_value(m, a, raw, &v, err);
	if (ret)
		return ret;
	if (!m->key_type && m->key_size == 4 && m->type != BPF_MAP_TYPE_HASH_OF_MAPS)
		k = value_scalar(a, "%u", *(const uint32_t *)key);
	value_set(a, entry, "key", k);
	value_set(a, entry, "value", v);
	value_push(a, entries, entry);
	return 0;
}

/* Slots in the kernel's order, which for arrays is that of their index. */
static int dump_handles(struct map *m, struct arena *a, struct value *entries, struct err *err)
{
	void *key = NULL, *next;
	int ret;

	for (uint64_t left = 2 * (uint64_t)m->max_entries + 16; left; left--) {
		next = arena_alloc(a, m->key_size);
		ret = bpf_map_get_next_key(m->fd, key, next);
		if (ret == -ENOENT)
			return 0;
		if (ret)
			return map_fail(m, NULL, -ret, "reading keys", err);
		ret = dump_handle(m, a, next, entries, err);
		if (ret)
			return ret;
		key = next;
	}
	return map_fail(m, NULL, EBUSY, "changes faster than it can be read", err);
}

int maps_file_dump(struct map *m, struct arena *a, struct value **out, struct err *err)
{
	enum map_holds holds = map_holds(m);
	struct value *entries = value_list(a);
	int ret;

	*out = describe(m, a);
	if (holds == HOLDS_NOTHING_LISTED)
		return 0;
	ret = holds == HOLDS_DATA ? dump_data(m, a, entries, err)
				  : dump_handles(m, a, entries, err);
	if (!ret)
		value_set(a, *out, "entries", entries);
	return ret;
}
