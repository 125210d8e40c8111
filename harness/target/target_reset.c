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
#include "target/map_reset.h"
#include "target/maps_io.h"
#include "target/target_internal.h"

static enum map_reset reset_of(const struct set_map *m)
{
	/* frozen by libbpf */
	if (m->is_data && m->map->flags & BPF_F_RDONLY_PROG)
		return MAP_RESET_NOTHING;
	if (m->map->flags & (BPF_F_RDONLY | BPF_F_WRONLY))
		return MAP_RESET_CANNOT;
	return map_how_to_reset(m->map->type);
}

bool set_is_resettable(const struct target_set *s)
{
	for (size_t i = 0; i < s->n_all_maps; i++)
		if (reset_of(s->all_maps[i]) == MAP_RESET_CANNOT)
			return false;
	return true;
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
	enum map_reset how = reset_of(m);

	if (how == MAP_RESET_PLAIN && m->is_data)
		return keep_data(s, m, err);
	return how == MAP_RESET_INNER ? keep_inner(s, m, err) : 0;
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
struct slots_of {
	const struct target_set *set;
	const struct set_map *map;
};

static int delete_program(void *arg, const struct map *prog_array, const void *key)
{
	const struct slots_of *of = arg;
	uint32_t id = id_in_slot(prog_array, key), index;
	const struct load_slot *own;

	if (!id)
		return 0;
	memcpy(&index, key, sizeof(index));
	own = expected(of->set, of->map, index);
	return own && own->program_id == id ? 0 : bpf_map_delete_elem(prog_array->fd, key);
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
	struct slots_of of = { s, m };
	int ret = map_each_key(m->map, delete_program, &of);

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
	case MAP_RESET_PROGRAMS:
		ret = reset_programs(s, m);
		break;
	case MAP_RESET_NOTHING:
		break;
	case MAP_RESET_CANNOT:
		ret = -EOPNOTSUPP;
		break;
	default:
		ret = map_make_empty(m->map, err);
		if (ret)
			return ret;
		ret = put_initial(m);
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
