/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Inside `verdict inspect`: what is known of an object, and its two forms. */
#ifndef VERDICT_CMD_INSPECT_H
#define VERDICT_CMD_INSPECT_H

#include "target/elf.h"
#include "target/figures.h"

struct inspection {
	const struct elf_image *image;
	const char *program; /* the only one to show; NULL: all */
	bool is_tried;
	const char *untried; /* why not */
	const char *failure; /* why it does not load here; NULL: it does, or was not tried */
	struct figures *figures;
	size_t n_figures;
	struct arena *arena;
};

void inspect_print_text(const struct inspection *in);
void inspect_print_json(const struct inspection *in);

/* Texts out of a file: without what would steer a terminal or is no UTF-8. NULL stays NULL. */
const char *inspect_clean(struct arena *a, const char *text);
/* "struct ipv4_ct_tuple", "__u32", "char[16]"; NULL for 0. */
const char *inspect_type_name(struct arena *a, const struct btf *btf, uint32_t id);
/* "hash" for BPF_MAP_TYPE_HASH, "type 99" for one that libbpf has no name for. */
const char *inspect_map_type(struct arena *a, uint32_t type);
const char *inspect_program_type(struct arena *a, unsigned type);
const char *inspect_pinning(struct arena *a, uint32_t pinning);
const char *inspect_helper(struct arena *a, int id);
/* What the variable begins with, on one line; NULL if it is too large to say. */
const char *inspect_default(const struct inspection *in, const struct elf_variable *v);
/* A constant once loaded, which is how objects are configured. */
bool inspect_is_constant(const struct elf_variable *v);
bool inspect_shows(const struct inspection *in, const char *program);
const struct figures *inspect_figures(const struct inspection *in, const char *program);

#endif
