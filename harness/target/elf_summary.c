/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What an object holds: programs, variables, tail-call slots, license, compiler. Maps: elf_maps.c. */
#include <bpf/btf.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "target/elf_internal.h"
#include "target/tailcalls.h"

#define HELPER_NAME(x) #x
static const char *const helper_names[] = { __BPF_FUNC_MAPPER(HELPER_NAME) };
#define N_HELPERS (sizeof(helper_names) / sizeof(helper_names[0]))

const char *elf_helper_name(int id)
{
	return id > 0 && (size_t)id < N_HELPERS ? helper_names[id] : NULL;
}

static int compare_ints(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

static void find_helpers(const struct elf_work *w, const Elf64_Sym *sym, struct elf_program *p)
{
	const char *code = (const char *)w->secs[sym->st_shndx].data->d_buf + sym->st_value;
	int *ids = arena_alloc(w->arena, (p->insns + 1) * sizeof(*ids));
	size_t n = 0, kept = 0;

	for (uint32_t i = 0; i < p->insns; i++) {
		struct bpf_insn insn;

		memcpy(&insn, code + (size_t)i * sizeof(insn), sizeof(insn));
		if (insn.code == (BPF_JMP | BPF_CALL) && insn.src_reg == 0)
			ids[n++] = insn.imm;
	}
	qsort(ids, n, sizeof(*ids), compare_ints);
	for (size_t i = 0; i < n; i++)
		if (!kept || ids[i] != ids[kept - 1])
			ids[kept++] = ids[i];
	p->helpers = ids;
	p->n_helpers = kept;
}

static bool was_static(const struct elf_image *m, const char *name)
{
	for (size_t i = 0; i < m->n_changes; i++)
		if (!strcmp(m->changes[i].what, "static program") &&
		    !strcmp(m->changes[i].where, name))
			return true;
	return false;
}

static void add_program(struct elf_work *w, const Elf64_Sym *sym, const uint32_t *symbols)
{
	struct elf_image *m = w->image;
	const char *section = w->secs[sym->st_shndx].name;
	const struct elf_section *s = elf_find_section(m, section + (section[0] == '?'));
	struct elf_program p = {
		.section = section + (section[0] == '?'),
		.name = elf_sym_name(w, sym),
		.prog_type = s ? s->prog_type : BPF_PROG_TYPE_UNSPEC,
		.is_entry = s != NULL,
		.insns = (uint32_t)(sym->st_size / sizeof(struct bpf_insn)),
	};

	p.was_static = was_static(m, p.name);
	find_helpers(w, sym, &p);
	elf_find_calls(w, sym, symbols, &p);
	m->programs = arena_grow(w->arena, m->programs, m->n_programs, sizeof(p));
	m->programs[m->n_programs++] = p;
}

static const Elf64_Sym *const *by_place(const struct elf_work *w, size_t sec, size_t *n)
{
	const Elf64_Sym **found = arena_alloc(w->arena, (w->n_syms + 1) * sizeof(*found));

	*n = 0;
	for (size_t i = 1; i < w->n_syms; i++) {
		const Elf64_Sym *s = &w->syms[i];
		size_t at = *n;

		if (s->st_shndx != sec || !elf_is_function(w, s))
			continue;
		for (; at && found[at - 1]->st_value > s->st_value; at--)
			found[at] = found[at - 1];
		found[at] = s;
		++*n;
	}
	return found;
}

static void list_programs(struct elf_work *w)
{
	for (size_t sec = 1; sec < w->n_secs; sec++) {
		const Elf64_Sym *const *in;
		const uint32_t *symbols;
		size_t n;

		if (!elf_is_program_section(w, sec))
			continue;
		in = by_place(w, sec, &n);
		symbols = elf_symbols_by_insn(w, sec,
					      w->secs[sec].data->d_size / sizeof(struct bpf_insn));
		for (size_t i = 0; i < n; i++)
			add_program(w, in[i], symbols);
	}
}

static bool is_data_section(const char *name)
{
	static const char *const kinds[] = { ".data", ".rodata", ".bss" };

	for (size_t i = 0; i < 3; i++) {
		size_t len = strlen(kinds[i]);

		if (!strncmp(name, kinds[i], len) && (!name[len] || name[len] == '.'))
			return true;
	}
	return false;
}

/* The BTF variable of a section; 0 if BTF does not know it. */
static uint32_t find_var(const struct btf *btf, const char *section, const char *name)
{
	uint32_t id = elf_find_datasec(btf, section);
	const struct btf_type *sec = id ? btf__type_by_id(btf, id) : NULL;

	for (uint32_t i = 0; sec && i < btf_vlen(sec); i++) {
		uint32_t var = btf_var_secinfos(sec)[i].type;
		const struct btf_type *t = btf__type_by_id(btf, var);

		if (btf_is_var(t) && !strcmp(btf__name_by_offset(btf, t->name_off), name))
			return var;
	}
	return 0;
}

static void find_tags(struct elf_work *w, uint32_t var, struct elf_variable *v)
{
	const struct btf *btf = w->image->btf;
	const char **tags = NULL;

	for (uint32_t id = 1; var && id < btf__type_cnt(btf); id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);

		if (!btf_is_decl_tag(t) || t->type != var || btf_decl_tag(t)->component_idx != -1)
			continue;
		tags = arena_grow(w->arena, tags, v->n_tags, sizeof(*tags));
		tags[v->n_tags++] = btf__name_by_offset(btf, t->name_off);
	}
	v->tags = tags;
}

static void add_variable(struct elf_work *w, const Elf64_Sym *sym)
{
	const struct elf_scn *s = &w->secs[sym->st_shndx];
	struct elf_image *m = w->image;
	struct elf_variable v = {
		.section = s->name,
		.name = elf_sym_name(w, sym),
		.offset = (uint32_t)sym->st_value,
		.size = (uint32_t)sym->st_size,
	};
	uint32_t var = find_var(m->btf, v.section, v.name);

	v.type = var ? btf__type_by_id(m->btf, var)->type : 0;
	find_tags(w, var, &v);
	if (s->shdr->sh_type == SHT_PROGBITS && s->data->d_buf)
		v.initial = arena_memdup(w->arena, (char *)s->data->d_buf + v.offset, v.size);
	m->variables = arena_grow(w->arena, m->variables, m->n_variables, sizeof(v));
	m->variables[m->n_variables++] = v;
}

static void list_variables(struct elf_work *w)
{
	for (size_t i = 1; i < w->n_syms; i++) {
		const Elf64_Sym *s = &w->syms[i];

		if (ELF64_ST_TYPE(s->st_info) == STT_OBJECT && s->st_size &&
		    s->st_shndx < w->n_secs && w->secs[s->st_shndx].data &&
		    is_data_section(w->secs[s->st_shndx].name))
			add_variable(w, s);
	}
}

static void add_slot(struct elf_work *w, const char *program, const char *map, uint32_t index,
		     const char *how)
{
	struct elf_image *m = w->image;

	m->slots = arena_grow(w->arena, m->slots, m->n_slots, sizeof(*m->slots));
	m->slots[m->n_slots++] = (struct elf_tail_slot){ program, map, index, how };
}

static int slots_by_tag(struct elf_work *w, struct err *err)
{
	struct tail_slot *tagged = NULL;
	size_t n = 0;
	int ret = w->image->btf ? tail_slots(w->arena, w->image->btf, &tagged, &n, err) : 0;

	for (size_t i = 0; i < n; i++)
		add_slot(w, tagged[i].program, tagged[i].map, tagged[i].index, "tag");
	return ret ? err_wrap(err, "%s", w->image->path) : 0;
}

static void slots_by_section(struct elf_work *w)
{
	const struct elf_image *m = w->image;

	for (size_t i = 0; i < m->n_programs; i++) {
		uint32_t id, slot;

		if (!elf_parse_slot_name(m->programs[i].section, &id, &slot))
			continue;
		for (size_t k = 0; k < m->n_maps; k++)
			if (m->maps[k].is_legacy && m->maps[k].id == id)
				add_slot(w, m->programs[i].name, m->maps[k].name, slot, "section");
	}
}

/* The prog array whose definition holds a place of .maps, with the place in it. */
static const Elf64_Sym *array_at(const struct elf_work *w, uint64_t at)
{
	for (size_t i = 1; i < w->n_syms; i++) {
		const Elf64_Sym *s = &w->syms[i];

		if (s->st_shndx == w->maps && ELF64_ST_TYPE(s->st_info) == STT_OBJECT &&
		    at >= s->st_value && at < s->st_value + s->st_size)
			return s;
	}
	return NULL;
}

/* `values` comes last in a definition and has no size itself: slot 0 is at the struct's end. */
static void slots_by_initialiser(struct elf_work *w)
{
	const Elf64_Rel *rel;
	size_t n = 0;

	rel = w->maps ? elf_relocations(w, w->maps, &n) : NULL;
	for (size_t i = 0; i < n; i++) {
		const Elf64_Sym *program = &w->syms[ELF64_R_SYM(rel[i].r_info)];
		const Elf64_Sym *array = array_at(w, rel[i].r_offset);
		const char *name = array ? elf_sym_name(w, array) : NULL;
		uint32_t var = name ? find_var(w->image->btf, ".maps", name) : 0;
		int64_t size = var ? btf__resolve_size(w->image->btf, var) : -1;

		if (size < 0 || !elf_is_function(w, program) ||
		    rel[i].r_offset < array->st_value + (uint64_t)size)
			continue;
		add_slot(w, elf_sym_name(w, program), name,
			 (uint32_t)((rel[i].r_offset - array->st_value - (uint64_t)size) / 8),
			 "initialiser");
	}
}

static const Elf_Data *content_of(const struct elf_work *w, const char *section)
{
	for (size_t i = 1; i < w->n_secs; i++)
		if (w->secs[i].data && w->secs[i].data->d_buf && w->secs[i].data->d_size &&
		    w->secs[i].shdr->sh_type == SHT_PROGBITS && !strcmp(w->secs[i].name, section))
			return w->secs[i].data;
	return NULL;
}

static const char *license_of(const struct elf_work *w)
{
	const Elf_Data *d = content_of(w, "license");

	return d ? arena_strndup(w->arena, d->d_buf, strnlen(d->d_buf, d->d_size)) : NULL;
}

/* Compilers put DW_AT_producer's string into .debug_str before all others. It has words in it, which
 * no name has that could come before it.
 */
static const char *producer_of(const struct elf_work *w)
{
	const Elf_Data *d = content_of(w, ".debug_str");
	size_t at = 0;

	while (d && at < d->d_size) {
		const char *s = (const char *)d->d_buf + at;
		size_t len = strnlen(s, d->d_size - at);
		char *text = arena_strndup(w->arena, s, len < 256 ? len : 256);

		if (strstr(text, "clang version ") || !strncmp(text, "GNU C", 5))
			return text;
		at += len + 1;
		if (at > 4096)
			break;
	}
	return NULL;
}

int elf_summarise(struct elf_work *w, struct err *err)
{
	int ret;

	w->image->license = license_of(w);
	w->image->producer = producer_of(w);
	list_programs(w);
	list_variables(w);
	ret = slots_by_tag(w, err);
	if (ret)
		return ret;
	slots_by_section(w);
	slots_by_initialiser(w);
	return 0;
}
