/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a map is not as an object defines it, in words. */
#include <bpf/libbpf.h>
#include <string.h>

#include "target/layout.h"
#include "target/object_internal.h"

bool object_map_takes_no_btf(uint32_t type)
{
	switch (type) {
	case BPF_MAP_TYPE_PERF_EVENT_ARRAY:
	case BPF_MAP_TYPE_CGROUP_ARRAY:
	case BPF_MAP_TYPE_STACK_TRACE:
	case BPF_MAP_TYPE_ARRAY_OF_MAPS:
	case BPF_MAP_TYPE_HASH_OF_MAPS:
	case BPF_MAP_TYPE_DEVMAP:
	case BPF_MAP_TYPE_DEVMAP_HASH:
	case BPF_MAP_TYPE_CPUMAP:
	case BPF_MAP_TYPE_XSKMAP:
	case BPF_MAP_TYPE_SOCKMAP:
	case BPF_MAP_TYPE_SOCKHASH:
	case BPF_MAP_TYPE_PROG_ARRAY:
		return true;
	default:
		return false;
	}
}

/* The kernel rounds the size of an LRU with lists per CPU to a multiple of the CPUs. */
static uint32_t kernel_max_entries(const struct bpf_map *map)
{
	uint32_t n = bpf_map__max_entries(map), cpus = (uint32_t)libbpf_num_possible_cpus();
	uint32_t up;

	if (!(bpf_map__map_flags(map) & BPF_F_NO_COMMON_LRU))
		return n;
	up = (n + cpus - 1) / cpus * cpus;
	return up < n ? n / cpus * cpus : up;
}

static void say_change(struct buf *why, const char *what, uint32_t was, uint32_t is)
{
	if (was != is)
		buf_printf(why, "%s%s %u -> %u", why->len ? ", " : "", what, was, is);
}

static void say_layout(struct buf *why, const char *what, const struct map *was, uint32_t was_id,
		       const struct btf *btf, uint32_t is_id)
{
	__cleanup_buf struct buf a = BUF_INIT, b = BUF_INIT;

	if (!was->btf || !was_id || !btf || !is_id)
		return;
	layout_text(&a, was->btf, was_id);
	layout_text(&b, btf, is_id);
	if (strcmp(buf_str(&a), buf_str(&b)) != 0)
		buf_printf(why, "%s%s layout changed", why->len ? ", " : "", what);
}

void object_say_differences(struct buf *why, const struct map *was, const struct bpf_map *map,
			    const struct btf *btf)
{
	say_change(why, "type", was->type, bpf_map__type(map));
	say_change(why, "key_size", was->key_size, bpf_map__key_size(map));
	say_change(why, "value_size", was->value_size, bpf_map__value_size(map));
	say_change(why, "max_entries", was->max_entries, kernel_max_entries(map));
	say_change(why, "flags", was->flags, bpf_map__map_flags(map));
	if (object_map_takes_no_btf(was->type))
		return;
	say_layout(why, "key", was, was->key_type, btf, bpf_map__btf_key_type_id(map));
	say_layout(why, "value", was, was->value_type, btf, bpf_map__btf_value_type_id(map));
}

void object_say_mismatch(const struct object *o, const char *map, const struct map *was,
			 struct buf *why)
{
	const struct bpf_map *of = bpf_object__find_map_by_name(o->bpf, map);

	if (of)
		object_say_differences(why, was, of, bpf_object__btf(o->bpf));
}
