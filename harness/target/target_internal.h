/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of a target share: target_plan.c (what to load, checked against what the objects
 * hold), target_set.c (loaded and wired), target.c (asked).
 */
#ifndef VERDICT_TARGET_TARGET_INTERNAL_H
#define VERDICT_TARGET_TARGET_INTERNAL_H

#include "base/arena.h"
#include "base/buf.h"
#include "cluster/cluster.h"
#include "target/object.h"
#include "target/target.h"

struct bpf_map;
struct bpf_program;

/* One load of one object, before it is done. */
struct planned_load {
	const struct desc_object *object;
	const struct desc_device *device; /* whose own load; NULL: the common one */
	const char *path;
	struct elf_image *image; /* for the checks; the load reads its own */
	struct config_value *config;
	size_t n_config;
	struct elf_type_override *types;
	size_t n_types;
	struct map_override *maps;
	size_t n_maps;
};

struct plan {
	struct arena *arena;
	const struct target_opts *opts;
	const struct target_desc *desc;
	const char *folder; /* of the objects; NULL until one is looked for there */
	struct planned_load *loads;
	size_t n;
};

/* All of opts and of its description that can be checked without the kernel. Strings and values are the
 * description's, the options', or of the plan's arena.
 */
int plan_make(struct plan *p, const struct target_opts *opts, struct err *err);
void plan_free(struct plan *p);

struct loaded {
	const char *object, *device;
	struct object *o;
};

struct set_map {
	struct map *map; /* owned */
	uint32_t id;
	const char *object, *device; /* of the first load that has it */
};

struct set_program {
	const char *name, *object, *device;
	int fd; /* the object's */
	uint32_t id;
	unsigned type, attach_type;
	bool interposed;
};

/* Objects loaded together, that share maps: what is kept for the next target. */
struct target_set {
	struct arena *arena;
	const char *pins; /* folder in the sandbox's bpffs */
	struct loaded *loads;
	size_t n_loads;
	struct set_map *maps;
	size_t n_maps;
	struct set_program *programs;
	size_t n_programs;
};

int set_load(const struct plan *p, struct target_set **out, struct err *err);
void set_free(struct target_set *s); /* NULL is fine */

#endif
