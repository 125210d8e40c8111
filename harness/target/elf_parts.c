/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Small questions about an object's sections and symbols, and the two rewrites that concern symbols
 * only: which functions libbpf takes for programs.
 */
#include <linux/bpf.h>
#include <string.h>

#include "target/elf_internal.h"

#ifndef SHT_LLVM_ADDRSIG
#define SHT_LLVM_ADDRSIG 0x6fff4c03
#endif

void elf_note(struct elf_work *w, const char *what, const char *where, const char *was,
	      const char *is)
{
	struct elf_image *m = w->image;

	m->changes = arena_grow(w->arena, m->changes, m->n_changes, sizeof(*m->changes));
	m->changes[m->n_changes++] = (struct elf_change){ what, where, was, is };
}

const char *elf_sym_name(const struct elf_work *w, const Elf64_Sym *sym)
{
	const char *name = elf_strptr(w->elf, w->secs[w->symtab].shdr->sh_link, sym->st_name);

	return name ? arena_strdup(w->arena, name) : "";
}

bool elf_is_program_section(const struct elf_work *w, size_t sec)
{
	const struct elf_scn *s = &w->secs[sec];

	return sec && sec < w->n_secs && s->shdr && s->shdr->sh_type == SHT_PROGBITS &&
	       s->shdr->sh_flags & SHF_EXECINSTR && s->data && s->data->d_buf && s->data->d_size;
}

bool elf_is_function(const struct elf_work *w, const Elf64_Sym *sym)
{
	return ELF64_ST_TYPE(sym->st_info) == STT_FUNC && elf_is_program_section(w, sym->st_shndx);
}

const Elf64_Rel *elf_relocations(const struct elf_work *w, size_t sec, size_t *n)
{
	*n = 0;
	for (size_t i = 1; i < w->n_secs; i++) {
		const struct elf_scn *s = &w->secs[i];

		if (!s->shdr || s->shdr->sh_type != SHT_REL || s->shdr->sh_info != sec ||
		    !s->data || !s->data->d_buf)
			continue;
		*n = s->data->d_size / sizeof(Elf64_Rel);
		return s->data->d_buf;
	}
	return NULL;
}

void elf_replace_data(const struct elf_work *w, size_t sec, void *data, size_t size)
{
	struct elf_scn *s = &w->secs[sec];

	s->data->d_buf = data;
	s->data->d_size = size;
	elf_flagdata(s->data, ELF_C_SET, ELF_F_DIRTY);
	s->shdr->sh_size = size;
	elf_flagshdr(s->scn, ELF_C_SET, ELF_F_DIRTY);
}

/* By relocation: to a function's symbol with -1 in imm, or to a section's with the distance in it.
 * Without one the call stays in its section.
 */
bool elf_follow_call(const struct elf_work *w, size_t sec, size_t at, const struct bpf_insn *insn,
		     const uint32_t *symbols, struct elf_callee *out)
{
	const Elf64_Sym *sym = &w->syms[symbols[at]];

	if (!symbols[at]) {
		*out = (struct elf_callee){ sec, ((int64_t)at + 1 + insn->imm) * 8 };
		return true;
	}
	if (sym->st_shndx == SHN_UNDEF)
		return false; /* a kernel function */
	*out = (struct elf_callee){ sym->st_shndx,
				    (int64_t)sym->st_value + ((int64_t)insn->imm + 1) * 8 };
	return true;
}

const char *elf_function_at(const struct elf_work *w, size_t sec, int64_t offset)
{
	for (size_t i = 1; i < w->n_syms; i++) {
		const Elf64_Sym *s = &w->syms[i];

		if (s->st_shndx == sec && elf_is_function(w, s) && offset >= (int64_t)s->st_value &&
		    offset < (int64_t)(s->st_value + s->st_size))
			return elf_sym_name(w, s);
	}
	return NULL;
}

uint32_t *elf_symbols_by_insn(const struct elf_work *w, size_t sec, size_t n_insns)
{
	uint32_t *symbols = arena_alloc(w->arena, (n_insns + 1) * sizeof(*symbols));
	size_t n;
	const Elf64_Rel *rel = elf_relocations(w, sec, &n);

	for (size_t i = 0; i < n; i++)
		if (rel[i].r_offset / 8 < n_insns)
			symbols[rel[i].r_offset / 8] = (uint32_t)ELF64_R_SYM(rel[i].r_info);
	return symbols;
}

static int check_calls_of(const struct elf_work *w, size_t sec, struct err *err)
{
	const struct elf_scn *s = &w->secs[sec];
	size_t n = s->data->d_size / sizeof(struct bpf_insn);
	const uint32_t *symbols = elf_symbols_by_insn(w, sec, n);

	for (size_t i = 0; i < n; i++) {
		struct bpf_insn insn;
		struct elf_callee to;

		memcpy(&insn, (const char *)s->data->d_buf + i * sizeof(insn), sizeof(insn));
		if (insn.code != (BPF_JMP | BPF_CALL) || insn.src_reg != BPF_PSEUDO_CALL ||
		    !elf_follow_call(w, sec, i, &insn, symbols, &to) || to.sec == w->text)
			continue;
		err_input(err, NULL,
			  "%s: %s in section %s calls %s in section %s, and libbpf links "
			  "subprograms from .text only",
			  w->image->path, elf_function_at(w, sec, (int64_t)i * 8) ?: "a function",
			  s->name, elf_function_at(w, to.sec, to.offset) ?: "a function",
			  to.sec < w->n_secs ? w->secs[to.sec].name : "?");
		return err_hint(err, "compile the called function without a section of its own");
	}
	return 0;
}

/* libbpf looks a call up in .text by its distance alone, and would link whatever lies there. */
int elf_check_calls(const struct elf_work *w, struct err *err)
{
	int ret = 0;

	for (size_t i = 1; !ret && i < w->n_secs; i++)
		if (elf_is_program_section(w, i))
			ret = check_calls_of(w, i, err);
	return ret;
}

static bool is_local(const Elf64_Sym *s)
{
	return ELF64_ST_BIND(s->st_info) == STB_LOCAL;
}

/* Every symbol index in the relocations, after the symbols have moved. */
static void renumber(struct elf_work *w, const uint32_t *now_at)
{
	for (size_t i = 1; i < w->n_secs; i++) {
		struct elf_scn *s = &w->secs[i];
		Elf64_Rel *rel = s->data ? s->data->d_buf : NULL;

		if (!s->shdr || !rel)
			continue;
		/* a hint for linkers only, in symbol numbers of variable length: emptied */
		if (s->shdr->sh_type == SHT_LLVM_ADDRSIG)
			elf_replace_data(w, i, NULL, 0);
		if (s->shdr->sh_type != SHT_REL)
			continue;
		for (size_t r = 0; r < s->data->d_size / sizeof(*rel); r++)
			rel[r].r_info = ELF64_R_INFO((uint64_t)now_at[ELF64_R_SYM(rel[r].r_info)],
						     ELF64_R_TYPE(rel[r].r_info));
		elf_flagdata(s->data, ELF_C_SET, ELF_F_DIRTY);
	}
}

/* ELF wants local symbols first, and sh_info to say how many they are. */
static void sort_symbols(struct elf_work *w)
{
	uint32_t *now_at = arena_alloc(w->arena, w->n_syms * sizeof(*now_at));
	Elf64_Sym *was = arena_memdup(w->arena, w->syms, w->n_syms * sizeof(*was));
	struct elf_scn *table = &w->secs[w->symtab];
	uint32_t n = 0;

	for (size_t i = 0; i < w->n_syms; i++)
		if (is_local(&was[i]))
			now_at[i] = n++;
	table->shdr->sh_info = n;
	for (size_t i = 0; i < w->n_syms; i++)
		if (!is_local(&was[i]))
			now_at[i] = n++;
	for (size_t i = 0; i < w->n_syms; i++)
		w->syms[now_at[i]] = was[i];
	elf_flagdata(table->data, ELF_C_SET, ELF_F_DIRTY);
	elf_flagshdr(table->scn, ELF_C_SET, ELF_F_DIRTY);
	renumber(w, now_at);
}

/* Linked objects (bpftool gen object) do not keep to the rule as they come. */
static bool in_order(const struct elf_work *w)
{
	for (size_t i = 0; i < w->n_syms; i++)
		if (is_local(&w->syms[i]) != (i < w->secs[w->symtab].shdr->sh_info))
			return false;
	return true;
}

void elf_bind_programs(struct elf_work *w)
{
	for (size_t i = 1; i < w->n_syms; i++) {
		Elf64_Sym *s = &w->syms[i];

		if (!is_local(s) || !elf_is_function(w, s) || s->st_shndx == w->text)
			continue;
		s->st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC);
		elf_flagdata(w->secs[w->symtab].data, ELF_C_SET, ELF_F_DIRTY);
		elf_note(w, "static program", elf_sym_name(w, s), "local", "global");
	}
	if (w->image->n_changes && !in_order(w))
		sort_symbols(w);
}
