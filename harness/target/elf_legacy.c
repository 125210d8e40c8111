/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Maps of the old kind, which libbpf 1.0 ceased to take: a section "maps" of struct bpf_map_def, or
 * of iproute2's struct bpf_elf_map, or sections "maps/NAME" as gobpf has them, with pinning and a
 * namespace behind bpf_map_def's fields. They are defined anew in BTF, as a compiler would today.
 */
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "target/elf_internal.h"

#define MAP_DEF_WORDS 5 /* type, key_size, value_size, max_entries, flags */
#define GOBPF_WORDS   6 /* and pinning; then perhaps 256 bytes of namespace */
#define ELF_MAP_WORDS 9 /* and id, pinning, inner_id, inner_idx (iproute2's bpf_elf.h) */
#define LEGACY_MAX    4096
#define PIN_GLOBAL_NS 2 /* iproute2: pinned by name, for all */

#define REFUSED(w, err, fmt, ...)                                                                  \
	err_input(err, NULL, "%s: old map definitions (section \"maps\"): " fmt, (w)->image->path, \
		  ##__VA_ARGS__)

bool elf_is_legacy_maps(const struct elf_scn *s)
{
	return s->shdr && s->shdr->sh_type == SHT_PROGBITS &&
	       !(s->shdr->sh_flags & SHF_EXECINSTR) &&
	       (!strcmp(s->name, "maps") || !strncmp(s->name, "maps/", 5));
}

/* gobpf: a section a map. */
static bool is_gobpf(const struct elf_work *w)
{
	return w->secs[w->legacy_maps].name[4] == '/';
}

static int collect(struct elf_work *w, struct err *err)
{
	for (size_t i = 1; i < w->n_syms; i++) {
		Elf64_Sym *s = &w->syms[i];
		unsigned type = ELF64_ST_TYPE(s->st_info);
		const char *name = elf_sym_name(w, s);

		if (s->st_shndx >= w->n_secs || !elf_is_legacy_maps(&w->secs[s->st_shndx]) ||
		    !*name || (type != STT_OBJECT && type != STT_NOTYPE))
			continue;
		w->legacy = arena_grow(w->arena, w->legacy, w->n_legacy, sizeof(*w->legacy));
		w->legacy[w->n_legacy++] = (struct elf_legacy){ .sym = s, .name = name };
	}
	if (w->n_legacy > LEGACY_MAX)
		return REFUSED(w, err, "%zu of them are more than any loader takes", w->n_legacy);
	return w->n_legacy ? 0 : REFUSED(w, err, "none has a name");
}

/* All definitions have the same size: the section's, shared out. What lies behind the known fields
 * belongs to loaders of its own and must be zero, as libbpf asked for while it took such maps.
 */
static int decode(const struct elf_work *w, struct elf_legacy *m, size_t size, struct err *err)
{
	const Elf_Data *d = w->secs[m->sym->st_shndx].data;
	const uint8_t *at = (const uint8_t *)d->d_buf + m->sym->st_value;
	uint32_t word[ELF_MAP_WORDS] = { 0 };
	size_t known = size == sizeof(word) ? sizeof(word) : MAP_DEF_WORDS * 4;

	if (is_gobpf(w) && size >= GOBPF_WORDS * 4)
		known = GOBPF_WORDS * 4;
	if (m->sym->st_value % size || m->sym->st_value > d->d_size ||
	    size > d->d_size - m->sym->st_value)
		return REFUSED(w, err, "%s does not lie where a definition of %zu bytes could",
			       m->name, size);
	memcpy(word, at, known);
	/* a namespace says where gobpf pins; here each object has a folder of its own */
	for (size_t i = known; i < size && !is_gobpf(w); i++)
		if (at[i])
			return REFUSED(w, err, "%s has fields beyond the known ones", m->name);
	m->type = word[0];
	m->key_size = word[1];
	m->value_size = word[2];
	m->max_entries = word[3];
	m->flags = word[4];
	m->id = is_gobpf(w) ? 0 : word[5];
	m->pinning = word[is_gobpf(w) ? 5 : 6];
	m->inner_id = word[7];
	m->inner_idx = word[8];
	return 0;
}

/* How many of them share a section. */
static size_t beside(const struct elf_work *w, const struct elf_legacy *m)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n_legacy; i++)
		n += w->legacy[i].sym->st_shndx == m->sym->st_shndx;
	return n;
}

static int decode_all(struct elf_work *w, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < w->n_legacy; i++) {
		const Elf_Data *d = w->secs[w->legacy[i].sym->st_shndx].data;
		size_t n = beside(w, &w->legacy[i]), size = d->d_buf ? d->d_size / n : 0;

		if (size < MAP_DEF_WORDS * 4 || size * n != d->d_size)
			return REFUSED(w, err, "%zu bytes are no %zu definitions", d->d_size, n);
		ret = decode(w, &w->legacy[i], size, err);
	}
	return ret ? ret : elf_find_inner_maps(w, err);
}

/* Appends to the section names; the offset of the new one. */
uint32_t elf_add_section_name(struct elf_work *w, const char *name)
{
	size_t names = 0, len = strlen(name) + 1;
	const Elf_Data *d;
	char *grown;

	elf_getshdrstrndx(w->elf, &names);
	d = w->secs[names].data;
	grown = arena_alloc(w->arena, d->d_size + len);
	memcpy(grown, d->d_buf, d->d_size);
	memcpy(grown + d->d_size, name, len);
	elf_replace_data(w, names, grown, d->d_size + len);
	return (uint32_t)(d->d_size - len);
}

size_t elf_add_section(struct elf_work *w, const char *name, uint32_t sh_type, Elf_Type type)
{
	struct elf_scn *s = &w->secs[w->n_secs];

	s->scn = elf_newscn(w->elf);
	s->shdr = s->scn ? elf64_getshdr(s->scn) : NULL;
	s->data = s->scn ? elf_newdata(s->scn) : NULL;
	if (!s->data || !s->shdr)
		return 0;
	s->name = name;
	s->data->d_version = EV_CURRENT;
	s->data->d_align = 8;
	s->data->d_type = type;
	s->shdr->sh_type = sh_type;
	s->shdr->sh_addralign = 8;
	s->shdr->sh_name = elf_add_section_name(w, name);
	return w->n_secs++;
}

static int add_btf_section(struct elf_work *w, struct err *err)
{
	w->image->btf = btf__new_empty();
	w->btf_sec = elf_add_section(w, ".BTF", SHT_PROGBITS, ELF_T_BYTE);
	if (!w->image->btf || !w->btf_sec)
		return err_system(err, ENOMEM, "cannot give BTF to %s", w->image->path);
	btf__set_pointer_size(w->image->btf, 8);
	return 0;
}

struct definition {
	struct btf *btf;
	int int_type, failed; /* the first error, negative */
	int members[8]; /* type, key, value, max_entries, map_flags, pinning, values */
	const char *names[8];
	unsigned n;
};

static int checked(struct definition *d, int id)
{
	if (id < 0 && !d->failed)
		d->failed = id;
	return id;
}

static void add_pointer(struct definition *d, const char *name, int to)
{
	d->members[d->n] = checked(d, btf__add_ptr(d->btf, to));
	d->names[d->n++] = name;
}

static void add_number(struct definition *d, const char *name, uint32_t number)
{
	add_pointer(d, name, checked(d, btf__add_array(d->btf, d->int_type, d->int_type, number)));
}

/* BPF_ANNOTATE_KV_PAIR: struct ____btf_map_NAME { K key; V value; }. 0 if there is none that fits. */
static int annotated(const struct btf *btf, const struct elf_legacy *m, const char *which,
		     uint32_t size)
{
	const struct btf_type *t;
	char name[256];
	int id;

	snprintf(name, sizeof(name), "____btf_map_%s", m->name);
	id = btf__find_by_name_kind(btf, name, BTF_KIND_STRUCT);
	t = id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;
	for (uint32_t i = 0; t && i < btf_vlen(t); i++) {
		const struct btf_member *k = btf_members(t) + i;

		if (strcmp(btf__name_by_offset(btf, k->name_off), which) == 0 &&
		    btf__resolve_size(btf, k->type) == (int64_t)size)
			return (int)k->type;
	}
	return 0;
}

static void add_part(struct definition *d, const struct elf_legacy *m, const char *typed,
		     const char *sized, uint32_t size)
{
	int type = annotated(d->btf, m, typed, size);

	if (type)
		add_pointer(d, typed, type);
	else
		add_number(d, sized, size);
}

static void add_parts(struct definition *d, const struct elf_legacy *m)
{
	d->n = 0;
	add_number(d, "type", m->type);
	add_part(d, m, "key", "key_size", m->key_size);
	add_part(d, m, "value", "value_size", m->value_size);
	add_number(d, "max_entries", m->max_entries);
	if (m->flags)
		add_number(d, "map_flags", m->flags);
}

/* All members but `values` are pointers. */
static int add_struct(struct definition *d, uint32_t size)
{
	int id = checked(d, btf__add_struct(d->btf, NULL, size));

	for (unsigned i = 0; i < d->n; i++)
		checked(d, btf__add_field(d->btf, d->names[i], d->members[i], 64 * i, 0));
	return id;
}

/* What __array(values, struct {...}) compiles to: an array of no elements, pointers to the struct. */
static int inner_values(struct definition *d, const struct elf_legacy *inner)
{
	int pointer;

	add_parts(d, inner);
	pointer = checked(d, btf__add_ptr(d->btf, add_struct(d, 8 * d->n)));
	return checked(d, btf__add_array(d->btf, d->int_type, pointer, 0));
}

static void define(struct definition *d, struct elf_legacy *m)
{
	int values = m->inner ? inner_values(d, m->inner) : 0;

	add_parts(d, m);
	if (m->pinning == PIN_GLOBAL_NS)
		add_number(d, "pinning", ELF_PIN_BY_NAME);
	m->struct_size = 8 * d->n;
	m->size = m->struct_size + 8 * m->n_slots;
	if (m->inner) {
		d->members[d->n] = values;
		d->names[d->n++] = "values";
	}
	m->struct_id = (uint32_t)add_struct(d, m->struct_size);
}

static struct elf_legacy *find(const struct elf_work *w, const char *name)
{
	for (size_t i = 0; i < w->n_legacy; i++)
		if (strcmp(w->legacy[i].name, name) == 0)
			return &w->legacy[i];
	return NULL;
}

static void add_datasec(struct elf_work *w, struct definition *d, uint32_t size)
{
	int *vars = arena_alloc(w->arena, w->n_legacy * sizeof(*vars));

	for (size_t i = 0; i < w->n_legacy; i++)
		vars[i] =
			checked(d, btf__add_var(d->btf, w->legacy[i].name, BTF_VAR_GLOBAL_ALLOCATED,
						(int)w->legacy[i].struct_id));
	checked(d, btf__add_datasec(d->btf, ".maps", size));
	for (size_t i = 0; i < w->n_legacy; i++)
		checked(d, btf__add_datasec_var_info(d->btf, vars[i], w->legacy[i].offset,
						     w->legacy[i].size));
}

/* The object has BTF: its variables of the section are given their new type. */
static int rewrite_datasec(struct elf_work *w, uint32_t id, uint32_t size, struct err *err)
{
	struct btf *btf = w->image->btf;
	int name = btf__add_str(btf, ".maps"); /* may move all types */
	struct btf_type *sec = (struct btf_type *)btf__type_by_id(btf, id);

	if (name < 0)
		return err_system(err, -name, "cannot change the BTF of %s", w->image->path);
	if (btf_vlen(sec) != w->n_legacy)
		return REFUSED(w, err, "BTF knows %u of them, the symbol table %zu", btf_vlen(sec),
			       w->n_legacy);
	sec->name_off = (uint32_t)name;
	sec->size = size;
	for (uint32_t i = 0; i < btf_vlen(sec); i++) {
		struct btf_var_secinfo *v = btf_var_secinfos(sec) + i;
		struct btf_type *var = (struct btf_type *)btf__type_by_id(btf, v->type);
		const struct elf_legacy *m = find(w, btf__name_by_offset(btf, var->name_off));

		if (!m || !btf_is_var(var))
			return REFUSED(w, err, "BTF and symbol table name different ones");
		var->type = m->struct_id;
		btf_var(var)->linkage = BTF_VAR_GLOBAL_ALLOCATED;
		v->offset = m->offset;
		v->size = m->size;
	}
	return 0;
}

static int define_all(struct elf_work *w, uint32_t *size, struct err *err)
{
	struct definition d = { .btf = w->image->btf };
	uint32_t datasec = elf_find_datasec(d.btf, "maps");
	int ret = 0;

	elf_drop_legacy_datasecs(w);

	d.int_type = checked(&d, btf__add_int(d.btf, "int", 4, BTF_INT_SIGNED));
	*size = 0;
	for (size_t i = 0; i < w->n_legacy; i++) {
		define(&d, &w->legacy[i]);
		w->legacy[i].offset = *size;
		*size += w->legacy[i].size;
	}
	if (!datasec)
		add_datasec(w, &d, *size);
	if (d.failed)
		return err_system(err, -d.failed, "cannot describe the maps of %s by BTF",
				  w->image->path);
	if (datasec)
		ret = rewrite_datasec(w, datasec, *size, err);
	w->btf_changed = true;
	return ret;
}

/* The section's content has no meaning in the new kind, only its places do. */
static void move_section(struct elf_work *w, uint32_t size)
{
	struct elf_scn *s = &w->secs[w->legacy_maps];

	elf_replace_data(w, w->legacy_maps, arena_alloc(w->arena, size), size);
	s->shdr->sh_name = elf_add_section_name(w, ".maps");
	for (size_t i = 0; i < w->n_legacy; i++) {
		Elf64_Sym *sym = w->legacy[i].sym;

		elf_note(w, "map definition", w->legacy[i].name,
			 arena_printf(w->arena, "in the section %s", w->secs[sym->st_shndx].name),
			 "by BTF in the section .maps");
		sym->st_shndx = (Elf64_Section)w->legacy_maps;
		sym->st_value = w->legacy[i].offset;
		sym->st_size = w->legacy[i].size;
		sym->st_info = ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT);
	}
	s->name = ".maps";
	elf_flagdata(w->secs[w->symtab].data, ELF_C_SET, ELF_F_DIRTY);
	w->maps = w->legacy_maps;
}

int elf_convert_maps(struct elf_work *w, struct err *err)
{
	uint32_t size;
	int ret;

	if (!w->legacy_maps)
		return 0;
	if (w->maps)
		return REFUSED(w, err, "it has the new kind (section .maps) as well");
	ret = collect(w, err);
	if (!ret)
		ret = decode_all(w, err);
	if (!ret && !w->image->btf)
		ret = add_btf_section(w, err);
	if (!ret)
		ret = define_all(w, &size, err);
	if (ret)
		return ret;
	move_section(w, size);
	return elf_relocate_inner_maps(w, err);
}

void elf_complete_legacy(const struct elf_work *w, struct elf_map *map)
{
	const struct elf_legacy *m = find(w, map->name);

	if (!m)
		return;
	map->is_legacy = true;
	map->id = m->id;
	map->pinning = m->pinning;
}
