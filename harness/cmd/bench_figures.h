/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The verifier's figures for the programs that a packet met, of objects as shipped and as configured. An
 * object is verified once for each configuration.
 */
#ifndef VERDICT_CMD_BENCH_FIGURES_H
#define VERDICT_CMD_BENCH_FIGURES_H

#include "engine/replay.h"
#include "target/object.h"

struct bench_figures;

struct bench_figures *bench_figures_new(struct arena *a); /* lives in a */

/* How objects are loaded to be verified. */
struct bench_load {
	const char *key; /* a configuration: of another key are other figures */
	/* Path and constants of an object; the rest is filled in. Path NULL: it has none of that name. */
	int (*options)(const void *arg, struct arena *a, const char *object,
		       struct object_opts *opts, struct err *err);
	const void *arg;
};

/* Adds a constant where the object has one of that name; room: of opts->config. */
void bench_load_constant(struct object_opts *opts, struct config_value *room,
			 const struct elf_image *image, const char *name,
			 const struct value *value);
/* "a: 1, b: true" as constants. */
int bench_settings(struct arena *a, const char *text, struct setting **out, size_t *n,
		   struct err *err);
/* The image of that object ("bpf_lxc.o"), by the file's name. */
bool bench_is_image(const struct elf_image *image, const char *object);

/* The program that a packet entered and those it went on to. */
struct bench_way {
	unsigned programs;
	uint64_t instructions; /* that the verifier processed, for all of them */
	unsigned stack; /* bytes, the most that one of them needs; 0: not known */
};

/* object: of the hop's program. */
int bench_figures_of_way(struct bench_figures *f, const struct bench_load *how, const char *object,
			 const struct hop *hop, struct bench_way *way, struct err *err);

/* All programs of the nth object (from 0) that figures were asked of, as it was loaded under *key. False: there is none. */
bool bench_figures_of_object(const struct bench_figures *f, size_t nth, const char **object,
			     const char **key, struct bench_way *way);

#endif
