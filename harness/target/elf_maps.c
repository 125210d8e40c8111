/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Maps defined by BTF: what the section .maps says of them, and values of `pinning` that libbpf
 * does not know.
 */
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "target/elf_internal.h"

uint32_t elf_find_datasec(const struct btf *btf, const char *name)
{
	int id = btf ? btf__find_by_name_kind(btf, name, BTF_KIND_DATASEC) : -1;

	return id > 0 ? (uint32_t)id : 0;
}

static uint32_t skip(const struct btf *btf, uint32_t id)
{
	for (unsigned depth = 0; depth < 32; depth++) {
		const struct btf_type *t = btf__type_by_id(btf, id);

		if (!t || (!btf_is_mod(t) && !btf_is_typedef(t)))
			break;
		id = t->type;
	}
	return id;
}

/* __uint(name, 7) is a pointer to an array of 7. */
static bool member_number(const struct btf *btf, const struct btf_member *m, uint32_t *out)
{
	const struct btf_type *t = btf__type_by_id(btf, skip(btf, m->type));

	t = t && btf_is_ptr(t) ? btf__type_by_id(btf, skip(btf, t->type)) : NULL;
	if (!t || !btf_is_array(t))
		return false;
	*out = btf_array(t)->nelems;
	return true;
}

/* __type(name, T) is a pointer to T. */
static void member_type(const struct btf *btf, const struct btf_member *m, uint32_t *id,
			uint32_t *size)
{
	const struct btf_type *t = btf__type_by_id(btf, skip(btf, m->type));
	int64_t bytes;

	if (!t || !btf_is_ptr(t))
		return;
	bytes = btf__resolve_size(btf, t->type);
	if (bytes < 0)
		return;
	*id = t->type;
	*size = (uint32_t)bytes;
}

/* __array(values, struct {...}) is an array of no elements, pointers to the struct. */
static uint32_t inner_struct(const struct btf *btf, const struct btf_member *m)
{
	const struct btf_type *t = btf__type_by_id(btf, skip(btf, m->type));
	uint32_t id;

	t = t && btf_is_array(t) ? btf__type_by_id(btf, skip(btf, btf_array(t)->type)) : NULL;
	id = t && btf_is_ptr(t) ? skip(btf, t->type) : 0;
	t = btf__type_by_id(btf, id);
	return t && btf_is_struct(t) ? id : 0;
}

static void read_member(const struct elf_work *w, const struct btf_member *m, const char *name,
			bool is_inner, struct elf_map *out)
{
	const struct btf *btf = w->image->btf;
	struct elf_map *inner;
	const struct {
		const char *name;
		uint32_t *to;
	} numbers[] = {
		{ "type", &out->type },
		{ "key_size", &out->key_size },
		{ "value_size", &out->value_size },
		{ "max_entries", &out->max_entries },
		{ "map_flags", &out->flags },
		{ "pinning", &out->pinning },
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (strcmp(name, numbers[i].name) == 0)
			member_number(btf, m, numbers[i].to);
	if (strcmp(name, "key") == 0)
		member_type(btf, m, &out->key_type, &out->key_size);
	if (strcmp(name, "value") == 0)
		member_type(btf, m, &out->value_type, &out->value_size);
	if (strcmp(name, "values") != 0 || is_inner || !inner_struct(btf, m))
		return;
	inner = arena_new_of(w->arena, struct elf_map);
	elf_read_map(w, arena_printf(w->arena, "%s.inner", out->name), inner_struct(btf, m), true,
		     inner);
	out->inner = inner;
}

void elf_read_map(const struct elf_work *w, const char *name, uint32_t struct_id, bool is_inner,
		  struct elf_map *out)
{
	const struct btf *btf = w->image->btf;
	const struct btf_type *def = btf__type_by_id(btf, struct_id);

	*out = (struct elf_map){ .name = name };
	for (uint32_t i = 0; i < btf_vlen(def); i++) {
		const struct btf_member *m = btf_members(def) + i;

		read_member(w, m, btf__name_by_offset(btf, m->name_off), is_inner, out);
	}
	/* programs and maps are numbers in an array of them */
	if (!out->value_size && (out->inner || out->type == BPF_MAP_TYPE_PROG_ARRAY))
		out->value_size = 4;
}

/* The struct behind the i-th map of the section; 0 if it is none. */
static uint32_t map_struct(const struct btf *btf, uint32_t datasec, uint32_t i, const char **name)
{
	const struct btf_type *sec = btf__type_by_id(btf, datasec);
	const struct btf_type *var = btf__type_by_id(btf, btf_var_secinfos(sec)[i].type);
	uint32_t id;

	if (!btf_is_var(var))
		return 0;
	*name = btf__name_by_offset(btf, var->name_off);
	id = skip(btf, var->type);
	return btf_is_struct(btf__type_by_id(btf, id)) ? id : 0;
}

/* A pointer to an array of none, of the same kind as the one there. Invalidates all btf_type. */
static int add_none(struct btf *btf, uint32_t pointer)
{
	const struct btf_type *t = btf__type_by_id(btf, skip(btf, pointer));
	const struct btf_array *a = btf_array(btf__type_by_id(btf, skip(btf, t->type)));
	int array = btf__add_array(btf, (int)a->index_type, (int)a->type, 0);

	return array < 0 ? array : btf__add_ptr(btf, array);
}

static int unpin(struct elf_work *w, uint32_t struct_id, struct err *err)
{
	struct btf *btf = w->image->btf;

	for (uint32_t i = 0; i < btf_vlen(btf__type_by_id(btf, struct_id)); i++) {
		const struct btf_member *m = btf_members(btf__type_by_id(btf, struct_id)) + i;
		uint32_t pinning = 0;
		int none;

		if (strcmp(btf__name_by_offset(btf, m->name_off), "pinning") != 0 ||
		    !member_number(btf, m, &pinning) || pinning <= ELF_PIN_BY_NAME)
			continue;
		none = add_none(btf, m->type);
		if (none < 0)
			return err_system(err, -none, "cannot change the BTF of %s",
					  w->image->path);
		btf_members((struct btf_type *)btf__type_by_id(btf, struct_id))[i].type =
			(uint32_t)none;
		w->btf_changed = true;
	}
	return 0;
}

static void add_map(struct elf_work *w, uint32_t datasec, uint32_t i)
{
	struct elf_image *image = w->image;
	const char *name = "";
	uint32_t id = map_struct(image->btf, datasec, i, &name);
	struct elf_map map;

	if (!id)
		return;
	elf_read_map(w, arena_strdup(w->arena, name), id, false, &map);
	if (map.pinning > ELF_PIN_BY_NAME)
		elf_note(w, "pinning", map.name, arena_printf(w->arena, "%u", map.pinning), "none");
	elf_complete_legacy(w, &map);
	image->maps = arena_grow(w->arena, image->maps, image->n_maps, sizeof(map));
	image->maps[image->n_maps++] = map;
}

/* All maps are read before the first is changed: they may share one definition. */
int elf_fix_pinning(struct elf_work *w, struct err *err)
{
	struct btf *btf = w->image->btf;
	uint32_t sec = w->maps ? elf_find_datasec(btf, ".maps") : 0;
	uint32_t n = sec ? btf_vlen(btf__type_by_id(btf, sec)) : 0;
	const char *name;
	int ret = 0;

	for (uint32_t i = 0; i < n; i++)
		add_map(w, sec, i);
	for (uint32_t i = 0; !ret && i < n; i++) {
		uint32_t id = map_struct(btf, sec, i, &name);

		ret = id ? unpin(w, id, err) : 0;
	}
	return ret;
}
