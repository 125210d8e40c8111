/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An object file as libbpf can take it: read, checked, and where other loaders are more lenient
 * than libbpf, rewritten in memory. The file is never written.
 *
 * Rewritten are
 *  - static functions in program sections: bound global, for libbpf refuses them ("is static and not
 *    supported"). In .text they are subprograms and stay as they are;
 *  - `pinning` values of BTF-defined maps other than none and by name: none;
 *  - maps of the old kind, struct bpf_map_def or iproute2's bpf_elf_map in a section "maps", or
 *    gobpf's, a section "maps/NAME" each: defined by BTF, which is made if the object has none. An
 *    iproute2 map of maps begins with the inner maps its object gives it.
 * Sections whose name tells libbpf no program type get one by elf_apply().
 * Refused is what libbpf would link wrongly: calls of functions that lie outside .text.
 */
#ifndef VERDICT_TARGET_ELF_H
#define VERDICT_TARGET_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

struct bpf_object;
struct btf;

/* The user's word on a section: the type is a name libbpf knows as a section ("xdp", "tc",
 * "cgroup/connect4") or as a program type ("sched_cls").
 */
struct elf_type_override {
	const char *section, *type;
};

struct elf_opts {
	const struct elf_type_override *types;
	size_t n_types;
};

/* One thing that is not as in the file. */
struct elf_change {
	const char *what; /* "static program", "pinning", "map definition", "program type" */
	const char *where; /* the program, map or section */
	const char *was, *is;
};

/* How a section's program type was found. */
enum elf_how {
	ELF_UNKNOWN, /* not at all: elf_apply() is an input error */
	ELF_LIBBPF, /* by libbpf, from the section's name */
	ELF_OVERRIDE, /* by elf_opts */
	ELF_BY_NAME, /* the name begins with one that libbpf knows, or is one of older loaders */
	ELF_BY_CONTEXT, /* by the programs' argument: struct xdp_md *, struct __sk_buff * */
	ELF_BY_OTHERS, /* "2/7": like the object's other programs */
};

struct elf_section {
	const char *name; /* without libbpf's '?' for programs not loaded by default */
	unsigned prog_type, attach_type; /* enum bpf_prog_type, enum bpf_attach_type */
	enum elf_how how;
	const char *why; /* "like xdp", "its argument is a struct __sk_buff" */
};

/* A tail call, as far as its instructions tell where it leads. */
struct elf_tail_call {
	const char *map; /* NULL: any prog array */
	uint32_t index;
	bool is_any_slot;
};

struct elf_program {
	const char *section, *name;
	unsigned prog_type;
	bool is_entry; /* false: a subprogram, in .text */
	bool was_static;
	uint32_t insns;
	const int *helpers; /* that it calls itself: enum bpf_func_id, ascending */
	size_t n_helpers;
	const char **calls; /* subprograms that it calls itself, or whose address it takes */
	size_t n_calls;
	struct elf_tail_call *tail_calls; /* its own */
	size_t n_tail_calls;
};

struct elf_map {
	const char *name;
	uint32_t type, key_size, value_size, max_entries, flags;
	uint32_t pinning; /* as in the file */
	uint32_t key_type, value_type; /* in elf_image.btf; 0: not known */
	uint32_t id; /* bpf_elf_map's, which sections like "2/7" name; 0: none */
	bool is_legacy;
	const struct elf_map *inner; /* of a map of maps; NULL: none, or not said */
};

/* A global variable. */
struct elf_variable {
	const char *section; /* ".rodata.config", ".data" */
	const char *name;
	uint32_t type, offset, size; /* type in elf_image.btf, offset in the section */
	const void *initial; /* size bytes; NULL: zero */
	const char *const *tags; /* btf_decl_tag: Cilium's "kind:node" and the description */
	size_t n_tags;
};

/* A program that stands in a prog array. */
struct elf_tail_slot {
	const char *program, *map;
	uint32_t index;
	const char *how; /* "tag", "initialiser" (libbpf fills it), "section" ("2/7") */
};

struct elf_image {
	const char *path;
	const void *data; /* what libbpf gets: bpf_object__open_mem() */
	size_t size;
	bool is_rewritten; /* data is not the file's */
	size_t file_size;
	char sha256[65]; /* of the file */
	const char *producer; /* "clang version 16.0.6"; NULL: it has no debug information */
	const char *license; /* NULL: none */
	struct btf *btf; /* of data; NULL: none */
	struct elf_change *changes;
	size_t n_changes;
	struct elf_section *sections;
	size_t n_sections;
	struct elf_program *programs;
	size_t n_programs;
	struct elf_map *maps;
	size_t n_maps;
	struct elf_variable *variables;
	size_t n_variables;
	struct elf_tail_slot *slots;
	size_t n_slots;
	struct arena *arena; /* all of the above */
};

/* opts may be NULL. Input error for a file that is no BPF object of this byte order, is damaged, or
 * holds what libbpf can't take even so. Everything libbpf will follow blindly has been checked.
 */
int elf_load(const char *path, const struct elf_opts *opts, struct elf_image **out,
	     struct err *err);
/* Between bpf_object__open_mem() and the load: gives the programs the types found. Input error for
 * a program without one that is to be loaded.
 */
int elf_apply(const struct elf_image *image, struct bpf_object *obj, struct err *err);
const struct elf_section *elf_find_section(const struct elf_image *image, const char *name);
/* What may run once the programs named are entered, by index in image->programs: they, what they call, and what
 * stands in slots that any of those may tail-call.
 */
void elf_reach(const struct elf_image *image, const char *const *from, size_t n, bool *reached);
/* "redirect_map" for 51; NULL if the kernel's headers know none. */
const char *elf_helper_name(int id);
void elf_free(struct elf_image *image); /* NULL is fine */

#endif
