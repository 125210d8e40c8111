/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which functions and tail-call slots an object's functions name, and so what runs where only some of
 * its programs are attached.
 */
#include <linux/bpf.h>
#include <string.h>

#include "target/elf_internal.h"
#include "target/insns.h"

/* A function's instructions while they are looked through. */
struct code {
	const struct elf_work *w;
	struct elf_program *of;
	const struct bpf_insn *insns; /* a copy */
	const uint32_t *symbols; /* of the relocation at each; 0: none */
	size_t sec, first; /* where they stand in their section */
	bool *is_target; /* of a jump */
};

static bool is_jump(const struct bpf_insn *i)
{
	uint8_t class = BPF_CLASS(i->code), op = BPF_OP(i->code);

	return (class == BPF_JMP || class == BPF_JMP32) && op != BPF_CALL && op != BPF_EXIT;
}

static void mark_targets(struct code *c)
{
	c->is_target = arena_alloc(c->w->arena, c->of->insns + 1);
	for (size_t i = 0; i < c->of->insns; i++) {
		int64_t to = (int64_t)i + 1 + c->insns[i].off;

		if (is_jump(&c->insns[i]) && to >= 0 && to < c->of->insns)
			c->is_target[to] = true;
	}
}

static void note_function(struct code *c, const struct elf_callee *to)
{
	const char *name = elf_function_at(c->w, to->sec, to->offset);
	struct elf_program *p = c->of;

	for (size_t i = 0; name && i < p->n_calls; i++)
		if (!strcmp(p->calls[i], name))
			return;
	if (!name)
		return;
	p->calls = arena_grow(c->w->arena, p->calls, p->n_calls, sizeof(*p->calls));
	p->calls[p->n_calls++] = name;
}

static void note_call(struct code *c, size_t at)
{
	struct elf_callee to;

	if (elf_follow_call(c->w, c->sec, c->first + at, &c->insns[at], c->symbols, &to))
		note_function(c, &to);
}

/* A function whose address is taken, as a callback's. */
static void note_address(struct code *c, size_t at)
{
	const Elf64_Sym *sym = &c->w->syms[c->symbols[c->first + at]];

	if (c->symbols[c->first + at])
		note_function(c, &(struct elf_callee){ sym->st_shndx,
						       (int64_t)sym->st_value + c->insns[at].imm });
}

/* The map whose address the instruction loads; NULL: it cannot be told. */
static const char *map_loaded(const struct code *c, size_t at)
{
	const Elf64_Sym *sym = &c->w->syms[c->symbols[c->first + at]];

	if (c->insns[at].code != INSN_LD_IMM64 || !c->symbols[c->first + at] ||
	    ELF64_ST_TYPE(sym->st_info) != STT_OBJECT)
		return NULL;
	return elf_sym_name(c->w, sym);
}

static bool sets(const struct bpf_insn *i, unsigned reg)
{
	uint8_t class = BPF_CLASS(i->code);

	return i->dst_reg == reg && (class == BPF_ALU || class == BPF_ALU64 || class == BPF_LDX ||
				     i->code == INSN_LD_IMM64);
}

static bool is_constant(const struct bpf_insn *i)
{
	return i->code == (BPF_ALU64 | BPF_MOV | BPF_K) || i->code == (BPF_ALU | BPF_MOV | BPF_K);
}

/* The instruction that sets a helper's argument on the only way to its call; `call`: there is none. */
static size_t argument(const struct code *c, size_t call, unsigned reg)
{
	for (size_t i = call; i > 0 && !c->is_target[i]; i--) {
		const struct bpf_insn *insn = &c->insns[i - 1];

		if (BPF_CLASS(insn->code) == BPF_JMP || BPF_CLASS(insn->code) == BPF_JMP32)
			return call;
		if (sets(insn, reg))
			return i - 1;
	}
	return call;
}

static void note_tail_call(struct code *c, size_t at)
{
	size_t map = argument(c, at, BPF_REG_2), index = argument(c, at, BPF_REG_3);
	struct elf_tail_call t = { .is_any_slot = !is_constant(&c->insns[index]) };
	struct elf_program *p = c->of;

	t.map = map_loaded(c, map);
	t.index = t.is_any_slot ? 0 : (uint32_t)c->insns[index].imm;
	p->tail_calls = arena_grow(c->w->arena, p->tail_calls, p->n_tail_calls, sizeof(t));
	p->tail_calls[p->n_tail_calls++] = t;
}

void elf_find_calls(const struct elf_work *w, const Elf64_Sym *sym, const uint32_t *symbols,
		    struct elf_program *p)
{
	const char *code = (const char *)w->secs[sym->st_shndx].data->d_buf + sym->st_value;
	struct code c = {
		.w = w,
		.of = p,
		.insns = arena_memdup(w->arena, code, (size_t)p->insns * sizeof(*c.insns)),
		.symbols = symbols,
		.sec = sym->st_shndx,
		.first = sym->st_value / sizeof(*c.insns),
	};

	mark_targets(&c);
	for (size_t i = 0; i < p->insns; i++) {
		const struct bpf_insn *insn = &c.insns[i];
		bool is_call = insn->code == (BPF_JMP | BPF_CALL);

		if (is_call && !insn->src_reg && insn->imm == BPF_FUNC_tail_call)
			note_tail_call(&c, i);
		else if (is_call && insn->src_reg == BPF_PSEUDO_CALL)
			note_call(&c, i);
		else if (insn->code == INSN_LD_IMM64)
			note_address(&c, i);
	}
}

static bool leads_to(const struct elf_program *p, const struct elf_tail_slot *slot)
{
	for (size_t i = 0; i < p->n_tail_calls; i++) {
		const struct elf_tail_call *t = &p->tail_calls[i];

		if ((!t->map || !strcmp(t->map, slot->map)) &&
		    (t->is_any_slot || t->index == slot->index))
			return true;
	}
	return false;
}

static bool reach(const struct elf_image *m, const char *name, bool *reached)
{
	bool is_new = false;

	for (size_t i = 0; i < m->n_programs; i++) {
		if (strcmp(m->programs[i].name, name) != 0 || reached[i])
			continue;
		reached[i] = true;
		is_new = true;
	}
	return is_new;
}

static bool reach_from(const struct elf_image *m, const struct elf_program *p, bool *reached)
{
	bool is_more = false;

	for (size_t i = 0; i < p->n_calls; i++)
		is_more |= reach(m, p->calls[i], reached);
	for (size_t i = 0; i < m->n_slots; i++)
		if (leads_to(p, &m->slots[i]))
			is_more |= reach(m, m->slots[i].program, reached);
	return is_more;
}

void elf_reach(const struct elf_image *image, const char *const *from, size_t n, bool *reached)
{
	bool is_more = true;

	memset(reached, 0, image->n_programs * sizeof(*reached));
	for (size_t i = 0; i < n; i++)
		reach(image, from[i], reached);
	while (is_more) {
		is_more = false;
		for (size_t i = 0; i < image->n_programs; i++)
			if (reached[i])
				is_more |= reach_from(image, &image->programs[i], reached);
	}
}
