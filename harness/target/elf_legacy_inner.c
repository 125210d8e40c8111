/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Maps of maps of the old kind. iproute2's bpf_elf_map tells what one holds by the id of another map of
 * the same object (inner_id), and that other one stands in it from the start under its own inner_idx,
 * unless that is -1 (lib/bpf_legacy.c, bpf_maps_attach_all). Today's definition has both in `values`.
 */
#include <bpf/btf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>

#include "target/elf_internal.h"

#define NOT_IN_IT UINT32_MAX /* inner_idx -1 */
#define SLOTS_MAX 4096 /* room for them stands in the file that libbpf gets */
#define R_ABS64	  2 /* R_BPF_64_ABS64: a pointer in data */

#define REFUSED(w, err, fmt, ...)                                                                  \
	err_input(err, NULL, "%s: old map definitions (section \"maps\"): " fmt, (w)->image->path, \
		  ##__VA_ARGS__)

static bool holds_maps(const struct elf_legacy *m)
{
	return m->type == BPF_MAP_TYPE_ARRAY_OF_MAPS || m->type == BPF_MAP_TYPE_HASH_OF_MAPS;
}

static int check_slot(const struct elf_work *w, const struct elf_legacy *m,
		      const struct elf_legacy *inner, struct err *err)
{
	if (inner->inner_idx >= SLOTS_MAX)
		return REFUSED(w, err,
			       "%s stands in %s from the start under key %u; up to %u works",
			       inner->name, m->name, inner->inner_idx, SLOTS_MAX - 1);
	if (m->key_size != 4)
		return REFUSED(w, err,
			       "%s stands in %s from the start, whose keys have %u bytes; 4 work",
			       inner->name, m->name, m->key_size);
	return 0;
}

static int find_inner(struct elf_work *w, struct elf_legacy *m, struct err *err)
{
	for (size_t i = 0; i < w->n_legacy; i++) {
		const struct elf_legacy *inner = &w->legacy[i];

		if (!m->inner_id || inner->id != m->inner_id || inner == m || inner->inner_id)
			continue;
		if (!m->inner)
			m->inner = inner;
		if (inner->inner_idx == NOT_IN_IT)
			continue;
		if (check_slot(w, m, inner, err))
			return -EINVAL;
		if (inner->inner_idx >= m->n_slots)
			m->n_slots = inner->inner_idx + 1;
	}
	if (m->inner)
		return 0;
	REFUSED(w, err, "%s is a map of maps, and nothing tells what it holds", m->name);
	return err_hint(err,
			"give it by `inner_id` the `id` of another one (struct bpf_elf_map), or "
			"define it by BTF (section .maps, __array(values, ...))");
}

/* libbpf makes maps in their order, and fills the slots of each at once. */
static void put_outer_last(struct elf_work *w)
{
	struct elf_legacy *was = arena_memdup(w->arena, w->legacy, w->n_legacy * sizeof(*was));
	size_t n = 0;

	for (int outer = 0; outer <= 1; outer++)
		for (size_t i = 0; i < w->n_legacy; i++)
			if (holds_maps(&was[i]) == outer)
				w->legacy[n++] = was[i];
}

int elf_find_inner_maps(struct elf_work *w, struct err *err)
{
	int ret = 0;

	put_outer_last(w);
	for (size_t i = 0; i < w->n_legacy && !ret; i++)
		if (holds_maps(&w->legacy[i]))
			ret = find_inner(w, &w->legacy[i], err);
	return ret;
}

struct relocations {
	Elf64_Rel *list;
	size_t n;
};

static void fill(const struct elf_work *w, const struct elf_legacy *m, struct relocations *r)
{
	for (size_t i = 0; i < w->n_legacy && m->n_slots; i++) {
		const struct elf_legacy *inner = &w->legacy[i];

		if (inner->id != m->inner_id || inner == m || inner->inner_id ||
		    inner->inner_idx == NOT_IN_IT)
			continue;
		r->list = arena_grow(w->arena, r->list, r->n, sizeof(*r->list));
		r->list[r->n++] = (Elf64_Rel){
			.r_offset = m->offset + m->struct_size + 8ull * inner->inner_idx,
			.r_info = ELF64_R_INFO((uint64_t)(inner->sym - w->syms), R_ABS64),
		};
	}
}

int elf_relocate_inner_maps(struct elf_work *w, struct err *err)
{
	struct relocations r = { .n = 0 };
	size_t sec;

	for (size_t i = 0; i < w->n_legacy; i++)
		fill(w, &w->legacy[i], &r);
	if (!r.n)
		return 0;
	sec = elf_add_section(w, ".rel.maps", SHT_REL, ELF_T_REL);
	if (!sec)
		return err_system(err, ENOMEM, "cannot describe the maps of %s", w->image->path);
	w->secs[sec].shdr->sh_link = (uint32_t)w->symtab;
	w->secs[sec].shdr->sh_info = (uint32_t)w->maps;
	w->secs[sec].shdr->sh_entsize = sizeof(*r.list);
	elf_replace_data(w, sec, r.list, r.n * sizeof(*r.list));
	return 0;
}

/* A section of BTF and a struct have parts of the same size: each variable becomes a member without a
 * name, all at offset 0.
 */
static void make_struct(struct btf_type *t, uint32_t int_type)
{
	uint32_t n = btf_vlen(t);

	t->info = (uint32_t)BTF_KIND_STRUCT << 24 | n;
	t->name_off = 0;
	t->size = 4;
	for (uint32_t i = 0; i < n; i++)
		btf_members(t)[i] = (struct btf_member){ .type = int_type };
}

/* From id on; 0 if there is none. */
static uint32_t next_legacy_datasec(const struct btf *btf, uint32_t id)
{
	for (; btf && id < btf__type_cnt(btf); id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);

		if (btf_is_datasec(t) &&
		    strncmp(btf__name_by_offset(btf, t->name_off), "maps/", 5) == 0)
			return id;
	}
	return 0;
}

void elf_drop_legacy_datasecs(struct elf_work *w)
{
	struct btf *btf = w->image->btf;
	uint32_t id = next_legacy_datasec(btf, 1);
	int int_type = id ? btf__add_int(btf, "int", 4, BTF_INT_SIGNED) : -1; /* moves all types */

	for (; id && int_type > 0; id = next_legacy_datasec(btf, id))
		make_struct((struct btf_type *)btf__type_by_id(btf, id), (uint32_t)int_type);
}
