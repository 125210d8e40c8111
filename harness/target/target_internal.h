/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of a target share: target_plan.c (what to load), target_names.c (checked against what
 * the objects hold), target_set.c (loaded), target_view.c (named), target_reset.c (as new),
 * target_cache.c (kept), target.c (asked).
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
	const char **only; /* of those, the ones that this load is for; with hooks_only */
	size_t n_only;
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

/* A slot of a prog array that an object's own tags, initialisers or section names fill. */
struct load_slot {
	uint32_t map_id, index;
	int fd; /* of the program, the object's */
	uint32_t program_id;
};

/* One load, done. */
struct loaded {
	const char *key; /* see load_key() */
	const char *object, *device;
	uint64_t bit; /* in set_map.users */
	struct object *o;
	struct load_slot *slots;
	size_t n_slots;
};

struct set_map {
	struct map *map; /* owned */
	uint32_t id;
	const char *own_name; /* the object's name for it */
	uint64_t users; /* loads that have it, by their bits */
	bool is_data; /* a data section */
	bool is_dirty; /* a target had it */
	/* What the object put there: data, or descriptors of maps. */
	struct map_item *initial;
	size_t n_initial;
	/* as the present target shows it: */
	const char *name; /* own_name, or OBJECT/NAME, DEVICE/NAME where several loads have it */
	const struct loaded *owner; /* the first of its loads */
};

struct set_program {
	const char *name;
	const struct loaded *load;
	int fd; /* the object's */
	uint32_t id;
	unsigned type, attach_type;
	bool interposed;
};

/* Loads that share maps, and what the present target shows of them: those of its plan. What is kept from one
 * target to the next; a target may add to it.
 */
struct target_set {
	struct arena *arena, *view; /* `view`: names and lists of the present target */
	const char *pins; /* folder in the sandbox's bpffs */
	struct helper_env *env; /* NULL: none */
	uint32_t env_id; /* see plan_env() */
	struct loaded **loads;
	size_t n_loads;
	struct set_map **all_maps;
	size_t n_all_maps;
	struct set_program **all_programs;
	size_t n_all_programs;
	/* the view: */
	struct loaded **shown; /* in the plan's order */
	size_t n_shown;
	uint64_t visible; /* their bits */
	struct set_map **maps;
	size_t n_maps;
	struct set_program **programs;
	size_t n_programs;
	const char **pristine; /* "name (why)" */
	size_t n_pristine;
	struct load_slot *wired; /* by set_wire() */
	size_t n_wired;
};

/* Loads have a bit each. */
#define SET_LOADS_MAX 64

/* All that decides how an object is loaded, as text. */
void load_key(const struct planned_load *l, struct buf *key);
/* Of interposed helpers: what the plan's objects are loaded with. */
#define ENV_NONE 0 /* nothing: as shipped */
#define ENV_OWN	 UINT32_MAX /* one of the set's own */
uint32_t plan_env(const struct plan *p); /* else the id of its map */

int set_new(const struct plan *p, struct target_set **out, struct err *err);
/* The loads of the plan that are not there yet. */
int set_extend(struct target_set *s, const struct plan *p, struct err *err);
const struct loaded *set_find_load(const struct target_set *s, const char *key);
void set_free(struct target_set *s); /* NULL is fine */

/* target_view.c: from now on it is the plan's loads that are seen, all of which must be there. */
void set_show(struct target_set *s, const struct plan *p);
/* object and device NULL: any. */
const struct set_program *set_program(const struct target_set *s, const char *object,
				      const char *name, const char *device);
/* By set_map.name; NULL: none. */
struct set_map *set_find_map(const struct target_set *s, const char *name);
/* The name most like that; of those that only differ in whose they are, the first. NULL: none is. */
const char *set_nearest_map(const struct target_set *s, const char *name);

/* target_wire.c: the description's own tail calls, into maps of any of the loads. */
int set_wire(struct target_set *s, const struct plan *p, struct err *err);

/* target_reset.c: the maps that are shown as they were when the loads that are shown were done. */
bool set_is_resettable(const struct target_set *s);
int set_keep_initial(struct target_set *s, struct set_map *m, struct err *err);
int set_reset(struct target_set *s, struct err *err);

/* target_cache.c: a set nobody uses, taken over and kept, or let go of; NULL is fine. */
void cache_put(struct target_set *s);
/* The one that has most of the plan's loads; its maps are not as new. NULL: none has any. */
struct target_set *cache_take(const struct plan *p);

#endif
