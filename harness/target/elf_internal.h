/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the elf_*.c files share: the object while it is taken apart. */
#ifndef VERDICT_TARGET_ELF_INTERNAL_H
#define VERDICT_TARGET_ELF_INTERNAL_H

#include <gelf.h>

#include "target/elf.h"

#ifndef EM_BPF
#define EM_BPF 247
#endif

/* The one value of `pinning` but 0 that libbpf knows (enum libbpf_pin_type, bpf_helpers.h). */
#define ELF_PIN_BY_NAME 1

struct bpf_insn;

struct elf_scn {
	Elf_Scn *scn;
	Elf64_Shdr *shdr; /* libelf's: may be changed, then elf_flagshdr() */
	Elf_Data *data; /* libelf's; d_buf NULL without content */
	const char *name;
};

struct elf_work {
	struct arena *arena; /* the image's */
	struct elf_image *image;
	const struct elf_opts *opts; /* never NULL */
	int fd; /* a memfd with a copy of the file, which libelf works on */
	Elf *elf;
	struct elf_scn *secs; /* by section number; [0] is empty */
	size_t n_secs;
	/* Section numbers, 0: none. Of maps of the old kind the first, which becomes ".maps". */
	size_t symtab, text, maps, legacy_maps, btf_sec;
	Elf64_Sym *syms;
	size_t n_syms;
	bool btf_changed;
	struct elf_legacy *legacy; /* maps that were converted */
	size_t n_legacy;
};

/* A map of the old kind. */
struct elf_legacy {
	Elf64_Sym *sym;
	const char *name;
	uint32_t type, key_size, value_size, max_entries, flags;
	uint32_t id, pinning; /* bpf_elf_map's, and gobpf's pinning */
	uint32_t inner_id; /* bpf_elf_map's, of a map of maps: the id of what it holds; 0: none */
	uint32_t inner_idx; /* under which key an inner map stands in it at first */
	const struct elf_legacy *inner; /* the map that inner_id names */
	uint32_t n_slots; /* inner maps that it may begin with: room behind its definition */
	uint32_t offset, size; /* of its new definition in .maps */
	uint32_t struct_size, struct_id; /* its new definition in BTF */
};

/* Input error unless every offset, size and index of the tables lies inside the file. */
int elf_check(const void *data, size_t size, const char *path, struct err *err);

void elf_note(struct elf_work *w, const char *what, const char *where, const char *was,
	      const char *is);
const char *elf_sym_name(const struct elf_work *w, const Elf64_Sym *sym); /* never NULL */
bool elf_is_program_section(const struct elf_work *w, size_t sec);
/* A function in a section of instructions. */
bool elf_is_function(const struct elf_work *w, const Elf64_Sym *sym);
/* The relocations that apply to a section; n 0 if there are none. */
const Elf64_Rel *elf_relocations(const struct elf_work *w, size_t sec, size_t *n);
/* The symbol of the relocation at each instruction of a section; 0: none. */
uint32_t *elf_symbols_by_insn(const struct elf_work *w, size_t sec, size_t n_insns);
/* Where a call leads. */
struct elf_callee {
	size_t sec;
	int64_t offset; /* bytes */
};
/* insn: number `at` of its section, a call of a subprogram. False: it leads into the kernel. */
bool elf_follow_call(const struct elf_work *w, size_t sec, size_t at, const struct bpf_insn *insn,
		     const uint32_t *symbols, struct elf_callee *out);
/* NULL: none lies there. */
const char *elf_function_at(const struct elf_work *w, size_t sec, int64_t offset);
/* What the function of that symbol calls, into *p, whose name and size are known; symbols: of its section,
 * by instruction.
 */
void elf_find_calls(const struct elf_work *w, const Elf64_Sym *sym, const uint32_t *symbols,
		    struct elf_program *p);
/* The section's bytes from now on; memory is the arena's. */
void elf_replace_data(const struct elf_work *w, size_t sec, void *data, size_t size);

/* A section at the end; 0 if there is no memory. `type` is its data's for libelf. */
size_t elf_add_section(struct elf_work *w, const char *name, uint32_t sh_type, Elf_Type type);
uint32_t elf_add_section_name(struct elf_work *w, const char *name);
/* "maps", or one section a map as gobpf has them: "maps/NAME". */
bool elf_is_legacy_maps(const struct elf_scn *s);
/* Of maps of maps: which map says what they hold, and how many slots begin filled. */
int elf_find_inner_maps(struct elf_work *w, struct err *err);
/* Once the definitions have their places: the slots that begin filled, as libbpf wants them told. */
int elf_relocate_inner_maps(struct elf_work *w, struct err *err);
/* BTF's sections "maps/NAME", which no kernel takes by that name, lose their meaning. */
void elf_drop_legacy_datasecs(struct elf_work *w);

/* The passes, in this order. */
int elf_check_calls(const struct elf_work *w, struct err *err);
int elf_convert_maps(struct elf_work *w, struct err *err); /* "maps" to ".maps" */
int elf_fix_pinning(struct elf_work *w, struct err *err);
void elf_bind_programs(struct elf_work *w);
int elf_find_types(struct elf_work *w, struct err *err);
int elf_summarise(struct elf_work *w, struct err *err);

/* The definition of a BTF map, or of one inside it. */
void elf_read_map(const struct elf_work *w, const char *name, uint32_t struct_id, bool is_inner,
		  struct elf_map *out);
/* id, pinning and is_legacy of a map that was converted. */
void elf_complete_legacy(const struct elf_work *w, struct elf_map *map);
/* "2/7" or "1/0xcafe": a program's place in a prog array, by iproute2's custom. */
bool elf_parse_slot_name(const char *name, uint32_t *map_id, uint32_t *slot);
uint32_t elf_find_datasec(const struct btf *btf, const char *name); /* 0: none */

#endif
