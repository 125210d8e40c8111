// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A map of any type as a tree: entries by field name, values of each CPU, inner maps within their
 * entry, programs by name and id.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "target/maps_file.h"
#include "target/maps_handles.h"
#include "target/maps_io.h"
#include "target/maps_table.h"

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

struct value *map_shape_value(const struct map *m, struct arena *a)
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
static struct value *pair(struct arena *a, const struct map *m, const char *what,
			  const uint32_t *raw)
{
	struct value *v = value_map(a);
	char name[64];

	value_setf(a, v, what, "%u", raw[0]);
	if (m->value_size < 8 || !raw[1])
		return v;
	if (map_program_name(raw[1], name, sizeof(name)) == 0)
		value_setf(a, v, "program", "%s", name);
	value_setf(a, v, "prog_id", "%u", raw[1]);
	return v;
}

static int inner_value(struct arena *a, uint32_t id, struct value **out, struct err *err)
{
	struct map *inner = NULL;
	int ret = map_inner_open(id, &inner, err);

	if (ret || !inner)
		return ret;
	ret = maps_file_dump(inner, a, out, err);
	map_close(inner);
	return ret;
}

static struct value *program_value(struct arena *a, uint32_t id)
{
	struct value *v = value_map(a);
	char name[64];

	if (map_program_name(id, name, sizeof(name)) == 0)
		value_setf(a, v, "program", "%s", name);
	value_setf(a, v, "id", "%u", id);
	return v;
}

/* Indices and interfaces are numbers; what else has no type is bytes. */
static struct value *handle_key(struct arena *a, const struct map *m, const void *key)
{
	uint32_t number;

	if (m->key_type || m->key_size != 4 || m->type == BPF_MAP_TYPE_HASH_OF_MAPS)
		return map_key_value(a, m, key);
	memcpy(&number, key, sizeof(number));
	return value_scalar(a, "%u", number);
}

int map_row_value(struct map *m, struct arena *a, const void *key, const void *io,
		  struct value **out, struct err *err)
{
	struct value *v = NULL;
	uint32_t raw[2] = { 0 };
	int ret = 0;

	if (map_holds(m) == HOLDS_DATA) {
		*out = map_entry_value(m, a, key, io);
		return 0;
	}
	memcpy(raw, io, m->value_size < sizeof(raw) ? m->value_size : sizeof(raw));
	switch (map_holds(m)) {
	case HOLDS_PROGRAMS:
		v = program_value(a, raw[0]);
		break;
	case HOLDS_MAPS:
		ret = inner_value(a, raw[0], &v, err);
		break;
	case HOLDS_DEVICES:
		v = pair(a, m, "ifindex", raw);
		break;
	default:
		v = pair(a, m, "qsize", raw);
	}
	if (ret)
		return ret;
	*out = value_map(a);
	value_set(a, *out, "key", handle_key(a, m, key));
	value_set(a, *out, "value", v);
	return 0;
}

int maps_file_dump(struct map *m, struct arena *a, struct value **out, struct err *err)
{
	struct value *entries = value_list(a), *entry;
	struct map_table t;
	int ret;

	*out = map_shape_value(m, a);
	if (map_holds(m) == HOLDS_NOTHING_LISTED)
		return 0;
	ret = map_table_read(m, &t, err);
	if (ret)
		return ret;
	for (size_t i = 0; i < t.n && !ret; i++) {
		ret = map_row_value(m, a, map_table_key(&t, i), map_table_value(&t, i), &entry,
				    err);
		if (!ret)
			value_push(a, entries, entry);
	}
	map_table_free(&t);
	value_set(a, *out, "entries", entries);
	return ret;
}
