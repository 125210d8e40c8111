/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One BPF object as shipped: opened, configured by name, its maps found under a pin directory or
 * made there, loaded, its programs handed out by name.
 */
#ifndef VERDICT_TARGET_OBJECT_H
#define VERDICT_TARGET_OBJECT_H

#include "base/buf.h"
#include "base/err.h"
#include "cluster/cluster.h"
#include "scenario/scenario.h"
#include "target/elf.h"
#include "target/helper_env.h"

struct bpf_object;
struct btf;

/* The user's word on a map: pinned by its name, or the object's own, whatever its definition says. */
struct map_sharing {
	const char *map;
	bool is_shared;
};

struct object_opts {
	const char *path; /* the .o */
	const char *pin_dir; /* maps that ask for pinning by name lie here; NULL: there are none */
	/* Tells several loads of one object apart (a device), NULL: only one */
	const char *instance;
	const char *policy_map; /* pin name of cilium_policy_v2: the endpoint's own, NULL: as is */
	const struct config_value *config;
	size_t n_config;
	const struct map_override *maps; /* other max_entries */
	size_t n_maps;
	const struct map_sharing *sharing;
	size_t n_sharing;
	const struct elf_type_override *types; /* of sections whose name does not tell */
	size_t n_types;
	/* Programs to load though their sections begin with '?', which leaves that to the loader */
	const char *const *asked;
	size_t n_asked;
	/* Programs that are wanted: they, and what they may tail-call, are loaded and nothing else. None: all */
	const char *const *only;
	size_t n_only;
	/* Opened in the same start: what they migrated is theirs to finish */
	struct object *const *together;
	size_t n_together;
	bool unattached; /* nothing will run it once it is freed: its prog arrays are not pinned */
	enum map_mismatch on_map_mismatch; /* a pinned map that does not fit the object */
	bool refuse_mismatch; /* such a map is an input error instead */
	struct helper_env *env; /* of interposed helpers; NULL: none is, all are the kernel's */
	/* what was reused, migrated, replaced, a line each; may be NULL */
	void (*log)(void *arg, const char *line);
	void *log_arg;
};

struct object;

/* A pinned map is reused where it fits. Where its properties changed it is migrated: a new map takes
 * the entries, and takes the pin's name by rename once all are in (a reader never finds the path
 * empty); or replaced empty, if asked for. System error with the verifier's last lines and the source line where
 * a program is rejected; input error for an object that is none.
 */
int object_load(const struct object_opts *opts, struct object **out, struct err *err);
/* The same in two steps, for what must happen to the maps before any program is loaded. */
int object_open(const struct object_opts *opts, struct object **out, struct err *err);
int object_load_programs(struct object *o, struct err *err);
struct map;

/* Appends in what a map is not as the object defines it: "max_entries 65536 -> 131072"; nothing if it is. */
void object_say_mismatch(const struct object *o, const char *map, const struct map *was,
			 struct buf *why);
/* One more map like the object's `map`, pinned as `pin`: as those of the object are reused, migrated, replaced
 * or made. Returns its descriptor, the caller's.
 */
int object_pin_another(struct object *o, const char *map, const char *pin, struct err *err);
/* Once the new programs are attached: copies into migrated maps what the old programs wrote to the old
 * ones meanwhile, and lets go of the old programs' tail-call arrays.
 */
int object_finish_migration(struct object *o, struct err *err);
int object_program_fd(const struct object *o, const char *program, struct err *err);
/* By the object's name for the map, or the name of its pin; -ENOENT. */
int object_map_fd(const struct object *o, const char *map);
/* The map whose name is most like that, NULL if none is. */
const char *object_nearest_map(const struct object *o, const char *map);
/* The nth (from 0) of the maps that a migrated one replaced, which attached programs may still use, until
 * object_finish_migration(); -ENOENT if there are no more.
 */
int object_old_map_fd(const struct object *o, const char *map, unsigned n);
const struct btf *object_btf(const struct object *o); /* NULL: it has none */
struct bpf_object *object_libbpf(const struct object *o);
/* What the file holds, and what was changed in memory before libbpf got it. */
const struct elf_image *object_image(const struct object *o);
/* Helper calls replaced, in all; of one helper (BPF_FUNC_*). */
unsigned object_interposed(const struct object *o);
unsigned object_interposed_of(const struct object *o, int helper);
/* True if the program's helper calls were replaced, or it has none that would be. False for programs of
 * types that cannot be interposed (attached by BTF), and without opts->env.
 */
bool object_program_interposed(const struct object *o, const char *program);
/* Programs that the verifier takes only as shipped: "name (the verifier's reason)". */
const char *const *object_pristine_programs(const struct object *o, size_t *n);
/* True if any of them asks for the time: then time is real in all programs of the object. */
bool object_pristine(const struct object *o);
void object_free(struct object *o); /* pins stay */

#endif
