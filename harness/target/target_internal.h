/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of a target share: target_plan.c (what to load), target_names.c (checked against what
 * the objects hold), target_set.c (loaded and wired), target_cache.c (kept), target.c (asked).
 */
#ifndef VERDICT_TARGET_TARGET_INTERNAL_H
#define VERDICT_TARGET_TARGET_INTERNAL_H

#include "base/arena.h"
#include "base/buf.h"
#include "cluster/cluster.h"
#include "target/object.h"
#include "target/target.h"

/* A description's object that is loaded, once or more. */
struct planned_object {
	const struct desc_object *desc;
	const char *path;
	struct elf_image *image; /* for the checks; a load reads its own */
};

/* One load, before it is done. */
struct planned_load {
	const struct planned_object *object;
	const struct desc_device *device; /* whose own; NULL: the common one */
	struct config_value *config; /* that the object has; a later one goes before an earlier */
	size_t n_config;
	struct elf_type_override *types;
	size_t n_types;
	struct map_override *maps;
	size_t n_maps;
	struct map_sharing *sharing;
	size_t n_sharing;
	const char **asked; /* programs that hooks and tail calls name */
	size_t n_asked;
};

struct plan {
	struct arena *arena;
	const struct target_opts *opts;
	const struct target_desc *desc;
	const char *folder; /* of the objects; NULL until one is looked for there */
	struct planned_object *objects;
	size_t n_objects;
	struct planned_load *loads;
	size_t n;
};

/* All of opts and of its description that can be checked without the kernel. Strings and values are the
 * description's, the options', or of the plan's arena. To be freed in all cases.
 */
int plan_make(struct plan *p, const struct target_opts *opts, struct err *err);
void plan_free(struct plan *p);
/* The planned object of that name; NULL: it is not loaded. */
const struct planned_object *plan_object(const struct plan *p, const char *name);
/* The file of a description's object, and what it holds. */
int plan_open_object(struct plan *p, const struct desc_object *o, const char **path,
		     struct elf_image **image, struct err *err);

/* Settings, types and sizes go to the loads whose objects have them. Input error for one that no object
 * has, and for a hook's or tail call's program that its object lacks.
 */
int plan_names(struct plan *p, struct err *err);

struct loaded {
	const char *object, *device;
	struct object *o;
};

struct set_map {
	struct map *map; /* owned */
	uint32_t id;
	const char *own_name; /* the object's name for it */
	const char *name; /* the same, or OBJECT/NAME, DEVICE/NAME where several have it */
	const char *object, *device; /* of the first load that has it */
	bool is_data; /* a data section */
	/* What the objects put there: data, or descriptors of programs and maps. For set_reset(). */
	struct map_item *initial;
	size_t n_initial;
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
	const char *key; /* of the plan, see plan_key(); NULL while it is not whole */
	const char *pins; /* folder in the sandbox's bpffs */
	struct helper_env *env; /* NULL: none */
	bool own_env;
	struct loaded *loads;
	size_t n_loads;
	struct set_map *all; /* n_maps that the target shows, then data sections */
	size_t n_maps, n_all;
	struct set_program *programs;
	size_t n_programs;
	const char **pristine; /* "name (why)" */
	size_t n_pristine;
};

/* All that decides what is loaded, as text: two plans with the same are served by the same set. */
void plan_key(const struct plan *p, struct buf *key);

int set_load(const struct plan *p, struct target_set **out, struct err *err);
/* target_wire.c: the description's own tail calls, into maps of any of the loads. */
int set_wire(struct target_set *s, const struct plan *p, struct err *err);
/* The name most like that; of those that only differ in whose they are, the first. NULL: none is. */
const char *set_nearest_map(const struct target_set *s, const char *name);
/* target_reset.c: the maps as they were after the load. */
bool set_is_resettable(const struct target_set *s);
int set_keep_initial(struct target_set *s, struct err *err); /* right after the load */
int set_reset(struct target_set *s, struct err *err);
/* target_cache.c: a set nobody uses, taken over and kept, or let go of; NULL is fine. */
void cache_put(struct target_set *s);
struct target_set *cache_take(const char *key); /* not reset yet; NULL: none is kept */
void set_free(struct target_set *s); /* NULL is fine */
/* object and device NULL: any. */
const struct set_program *set_program(const struct target_set *s, const char *object,
				      const char *name, const char *device);
/* By set_map.name; NULL: none. */
struct set_map *set_find_map(const struct target_set *s, const char *name);

#endif
