/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A target under test, loaded: its objects with their maps, tail calls wired, events open. */
#ifndef VERDICT_TARGET_TARGET_H
#define VERDICT_TARGET_TARGET_H

#include "scenario/target_desc.h"
#include "target/elf.h"
#include "target/events.h"
#include "target/helper_env.h"
#include "target/maps.h"

struct object;
struct target;

struct target_opts {
	const struct target_desc *desc; /* outlives the target */
	const char *objects; /* folder that goes before the description's own; NULL */
	/* Load only what these need, by the description's object names; none: all that hooks name. */
	const char *const *only;
	size_t n_only;
	/* Of each load only the programs that hooks and tail calls of the description put to use there, and what those
	 * may tail-call; no other can be asked for then.
	 */
	bool hooks_only;
	/* Over the description's; each must exist in an object that is loaded. */
	const struct setting *config;
	size_t n_config;
	const struct elf_type_override *types; /* over the description's */
	size_t n_types;
	const struct map_override *maps; /* over the description's */
	size_t n_maps;
	/* Of interposed helpers. NULL: the target's own, see target_env(), or, unless `interpose` asks for it,
	 * none: objects are loaded as shipped. What is kept for the next target holds the environment it was
	 * loaded with: only with the target's own, or with the same `env` once more, is it found again.
	 */
	struct helper_env *env;
	bool interpose;
	void (*log)(void *arg, const char *line); /* may be NULL */
	void *log_arg;
};

struct target_program {
	const char *object, *name;
	const char *device; /* whose load; NULL: the common one */
	int fd; /* owned by the target */
	unsigned type; /* enum bpf_prog_type */
	unsigned attach_type; /* enum bpf_attach_type */
	bool interposed; /* false: loaded as shipped, what it asks of helpers is not noted */
};

/* sandbox_enter() comes first: maps pinned by name are shared through a folder of its bpffs. An
 * object with the same contents and options as one that is kept from an earlier target of this
 * process is not verified again; its maps are as new.
 */
int target_open(const struct target_opts *opts, struct target **out, struct err *err);
void target_close(struct target *t); /* NULL is fine; loaded objects are kept for the next */
/* Lets go of what target_close() kept. */
void target_forget(void);
/* The folder of a description's objects: `given`, which may be NULL, or what the description says. */
int target_folder(struct arena *a, const struct target_desc *d, const char *given, const char **out,
		  struct err *err);

/* opts->env or the target's own, then as new but for its time and seed, which are 0; NULL: nothing is
 * interposed.
 */
struct helper_env *target_env(const struct target *t);

/* object and device NULL: any. Input error with the nearest name. */
int target_program(const struct target *t, const char *object, const char *name, const char *device,
		   struct target_program *out, struct err *err);
/* The program at a device's hook, or at that of a role (of the load that is no device's own, if there is
 * one). -ENOENT, without err, if there is none.
 */
int target_at(const struct target *t, const char *device_or_role, enum hook hook,
	      struct target_program *out);

/* Every map once, however many objects share it; data sections (.rodata, .bss) left out. Where several
 * loads have one of the same name for themselves, it is called OBJECT/NAME or DEVICE/NAME: the bare name
 * finds none then, and the nearest is the first of them.
 */
size_t target_n_maps(const struct target *t);
struct map *target_map(const struct target *t, size_t i);
struct map *target_find_map(const struct target *t, const char *name); /* NULL: none */
const char *target_nearest_map(const struct target *t, const char *name);
const char *target_map_name(const struct target *t, uint32_t map_id); /* NULL: not ours */
/* The program in a slot of a prog array, by name; NULL: not known. */
const char *target_slot_program(const struct target *t, uint32_t map_id, uint32_t slot);
/* The slots of prog arrays that the objects themselves and the target file fill, some named twice; memory from a.
 * Others may have been filled, or these emptied, since.
 */
struct target_slot {
	int array; /* descriptor */
	uint32_t map_id, index;
};
struct target_slot *target_slots(const struct target *t, struct arena *a, size_t *n);

struct event_ring *target_events(const struct target *t); /* NULL: it has no event map */

/* What was loaded, in the order of loading. */
size_t target_n_images(const struct target *t);
const struct elf_image *target_image(const struct target *t, size_t i);
const struct object *target_object(const struct target *t, size_t i);
unsigned target_interposed(const struct target *t); /* helper calls replaced, in all */
/* Programs that were loaded as shipped because the verifier refused them interposed: "name (why)". */
const char *const *target_pristine(const struct target *t, size_t *n);

#endif
