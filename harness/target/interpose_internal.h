/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Between interpose.c, which puts calls to subprograms into programs, interpose_subprogs.c, which has
 * the subprograms, interpose_lookups.c, which has those of map helpers, and interpose_hooks.c, which gets at programs while libbpf loads them.
 */
#ifndef VERDICT_TARGET_INTERPOSE_INTERNAL_H
#define VERDICT_TARGET_INTERPOSE_INTERNAL_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "target/helper_env.h"
#include "target/insns.h"
#include "target/interpose.h"

struct bpf_program;
struct bpf_prog_load_opts;

/* What the constants inside subprograms are made of. */
struct subprog_env {
	int env_fd; /* helper_env_fd() */
	unsigned hz; /* jiffies a second */
};

/* A helper and the subprogram that its calls are turned into. */
struct interposed {
	int helper;
	const char *name;
	bool clock; /* it tells the time */
	void (*write)(struct insns *out, const struct subprog_env *env, const struct interposed *i);
	uint32_t note; /* enum note_kind, for those that note */
};

extern const struct interposed interposed[];
#define N_INTERPOSED 15

/* What calls are turned into: rows of that table first; then, where lookups are noted, for each of three
 * helpers of maps one subprogram for each length of key.
 */
#define N_MAP_HELPERS 3
#define N_ROWS	      (N_INTERPOSED + N_MAP_HELPERS * LOOKUP_KEY_MAX)

const char *row_name(size_t row); /* of the helper */
int row_helper(size_t row);
bool row_is_clock(size_t row);
void row_write(size_t row, struct insns *out, const struct subprog_env *env);
/* The row of a map helper's call: R1's map is the one that the instructions before the call name. -1: it is no
 * such call, or they do not.
 */
int row_of_map_call(const struct bpf_insn *insns, size_t call);

/* A program as libbpf was about to give it to the kernel. */
struct hooked {
	const char *name;
	unsigned calls[N_ROWS]; /* to be replaced */
	bool asks_time;
	bool shipped; /* its calls stay */
};

struct interposer {
	struct arena *arena; /* what libbpf reads during the load: instructions, records */
	const char **shipped;
	size_t n_shipped;
	bool real_time;
	bool lookups; /* are noted */
	struct subprog_env env;
	int *handlers;
	size_t n_handlers;
	bool has_types; /* the object has BTF, which has these: */
	uint32_t func_types[N_ROWS]; /* BTF_FUNC_STATIC */
	uint32_t file_off, line_off; /* strings for the line records */
	struct hooked *programs;
	size_t n_programs;
};

typedef int prepare_load_fn(struct bpf_program *prog, struct bpf_prog_load_opts *opts, long cookie);

/* Before each load of a program of the image's sections, fn is called with the interposer as cookie,
 * until interpose_done().
 */
int interpose_hook(struct interposer *ip, const struct elf_image *image, prepare_load_fn *fn,
		   struct err *err);

#endif
