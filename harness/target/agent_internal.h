/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the agent's parts share: agent.c (the order of a start), agent_maps.c (objects opened for their maps),
 * agent_pins.c (the pinned ones), agent_entries.c (the node's entries), agent_gc.c, agent_load.c (programs loaded for a device),
 * agent_park.c (loads that are kept), agent_slots.c (slots of endpoints), agent_run.c (packets), agent_reset.c,
 * agent_restart.c, agent_return.c (to a release that was there before).
 */
#ifndef VERDICT_TARGET_AGENT_INTERNAL_H
#define VERDICT_TARGET_AGENT_INTERNAL_H

#include "base/arena.h"
#include "base/table.h"
#include "scenario/target_desc.h"
#include "target/agent.h"
#include "target/maps.h"
#include "target/object.h"

struct tail_trace;

/* An object of the target that the node has programs of: opened for its maps, never loaded. */
struct agent_file {
	const struct desc_object *desc;
	const char *path;
	struct object *maps;
};

/* Entries of a map, encoded. */
struct raw_entries {
	uint8_t *keys, *values; /* values in map_io_size() bytes; malloc'ed */
	size_t n;
};

/* A pinned map. */
struct agent_pin {
	const char *name;
	uint32_t id;
	int fd; /* ours */
	struct map *map; /* opened when it is first asked for; NULL */
	struct map *bare; /* the same without types, for resets; NULL: not yet */
	struct raw_entries wanted; /* what the agent wrote last; n 0: nothing */
	bool is_written; /* wanted is what it holds, unless programs have written */
};

/* A slot of an object's own prog array. */
struct call_slot {
	uint32_t map_id, index;
	const char *program; /* the image's */
};

/* A map of a load that is nobody else's. */
struct own_map {
	struct map *map; /* owned */
	uint32_t id;
	bool is_data; /* a data section */
	struct raw_entries initial; /* of a data section */
};

/* An object loaded for a device. */
struct agent_load {
	struct agent_load *next;
	struct arena *arena;
	const struct agent_file *file;
	const char *device;
	const char *how; /* all that it was loaded with, as text */
	uint32_t policy_id; /* of the endpoint's policy map; 0: it has none */
	struct object *o;
	struct own_map *maps;
	size_t n_maps;
	struct call_slot *slots;
	size_t n_slots;
	struct tail_trace *trace; /* NULL: not traced */
};

/* A release on the node: its objects' maps and what is loaded. */
struct release_set {
	struct release_set *next;
	struct arena *arena;
	char *key; /* folder and sizes */
	const char *folder;
	const char *otherwise; /* settings compiled in that are not the node's; NULL: none */
	struct map_override *sizes; /* the target's, then those asked for */
	size_t n_sizes;
	struct agent_file *files;
	size_t n_files;
	struct agent_pin **pins;
	size_t n_pins;
	struct agent_load *loads;
	/* Of devices that are gone, or are configured otherwise at present; the newest first. */
	struct agent_load *parked;
};

/* A slot by an endpoint's id, in an array that all objects of the node share. */
struct agent_slot {
	const char *map;
	uint32_t map_id, index;
	const char *object, *program, *device;
	int stub; /* the small program that stands in while the real one is not loaded; -1: none */
	uint32_t
		placed; /* id of the program that was put there, or that the stub goes on to; 0: none */
};

struct slot_array {
	const char *map;
	uint32_t id;
	int fd; /* the pin's */
	int shadow; /* where stubs go on to; -1: none */
};

struct stop_note; /* agent_slots.c */

struct agent {
	struct arena *arena;
	struct agent_opts opts; /* how it was started last */
	struct target_desc *own_target; /* of opts.target NULL */
	const struct target_desc *target;
	const struct cluster_node *node;
	struct release_set *releases; /* the newest first */
	struct release_set *base, *now; /* of the first start, and at present: perhaps the same */
	struct agent_slot *slots;
	size_t n_slots;
	struct slot_array *arrays;
	size_t n_arrays;
	int stop_fd; /* of the map in which stubs note where they stopped; -1: none */
	volatile struct stop_note *stopped; /* mapped; NULL: none */
	struct event_ring *events;
	int lock; /* on the pin folder, -1: none */
	uint64_t loading_ns; /* what loads have taken */
};

/* agent.c: events are read from the map that the present release has. */
int agent_open_events(struct agent *a, struct err *err);

/* One logfmt line: level=LEVEL msg=... subsys=SUBSYS. */
void agent_log(const struct agent *a, const char *level, const char *subsys, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* The log of the agent's objects, which outlive what agent_set_log() is given. arg: struct agent. */
void agent_log_line(void *arg, const char *line);
uint32_t agent_program_id(int fd);

/* agent_maps.c: the release's objects opened: their maps are made, found or migrated, and so are the
 * policy maps of all endpoints.
 */
int release_open(struct agent *a, const struct agent_how *how, struct release_set **out,
		 struct err *err);
bool release_is(const struct release_set *r, const struct agent_how *how);
/* A release that was there before: its maps take the entries of those that the present one has in their place,
 * or stay empty where that is asked for.
 */
int release_return_to(struct agent *a, struct release_set *r, const struct agent_how *how,
		      struct err *err);
int release_finish_migration(struct release_set *r, struct err *err);
void release_free(struct release_set *r); /* NULL is fine */
const struct agent_file *release_find_file(const struct release_set *r, const char *object);
bool file_has_program(const struct agent_file *f, const char *program);
bool agent_wants_role(const struct agent *a, const char *role);
/* True if programs sit at hooks of that role, as the node is configured. */
bool agent_has_hook(const struct agent *a, const struct desc_hook *h);

/* agent_pins.c: the release's pinned maps, of which it has a descriptor each. */
uint32_t agent_map_id(int fd); /* 0: the kernel does not say */
/* The host's policy map, which stands for "the endpoint's own" where no endpoint is meant. NULL: there is none. */
const char *agent_policy_map(const struct agent *a);
struct agent_pin *release_find_pin(const struct release_set *r, const char *name); /* NULL: none */
/* Notes those of the file that are not noted. */
int release_list_pins(const struct agent *a, struct release_set *r, const struct agent_file *f,
		      struct err *err);
/* What is pinned under a name where the release has another map, or none, is that of the release again. */
int release_pin(struct agent *a, struct release_set *r, struct err *err);
/* Policy maps of endpoints that have none yet. */
int release_add_policy_maps(struct agent *a, struct release_set *r, struct err *err);
/* And those of endpoints that the node has no more. */
void release_drop_policy_maps(struct agent *a, struct release_set *r);
/* Opens it, with its types. */
int pin_open(struct release_set *r, struct agent_pin *pin, struct err *err);
void pin_free(struct agent_pin *pin);

/* agent_entries.c: writes the node's entries. The maps an agent owns whole (ipcache, endpoints, policy,
 * services) hold exactly those afterwards: all wanted entries are written before the first stale one is deleted.
 */
int agent_write_entries(struct agent *a, struct err *err);
int raw_put(struct map *m, const struct raw_entries *raw, struct err *err);
void raw_free(struct raw_entries *raw);

/* The first conntrack collection, over the pinned maps and those being migrated away from. */
int agent_collect(struct agent *a, struct err *err);

/* agent_load.c: the file's programs for that device, loaded if they are not. */
int agent_load_for(struct agent *a, const struct agent_file *f, const struct cluster_device *dev,
		   struct agent_load **out, struct err *err);
struct agent_load *load_find(const struct agent *a, const char *object, const char *device);
/* Those whose device is gone, or is configured otherwise; some are kept, for it may be as before again. */
void agent_drop_stale_loads(struct agent *a);
/* What it holds is as after the load. */
int load_make_new(struct agent_load *l, struct err *err);

/* agent_park.c: loads that may be wanted again. Takes l over; the oldest of too many is freed. */
void load_park(struct release_set *r, struct agent_load *l);
/* One for the same device, loaded with all the same on the same maps: what is node-wide is the release's. NULL:
 * there is none.
 */
struct agent_load *load_unpark(struct release_set *r, const struct agent_load *wanted);
void load_free(struct agent_load *l);
void loads_free(struct agent_load *l); /* the list; NULL is fine */

/* agent_slots.c: what stands in the slots of endpoints: programs that are loaded, and small ones where they are
 * not yet.
 */
int agent_make_slots(struct agent *a, struct err *err);
int agent_fill_slots(struct agent *a, struct err *err);
/* Those that are not loaded yet. */
int agent_load_slots(struct agent *a, struct err *err);
/* The slot at which a stub stopped since it was asked last; NULL: none. */
struct agent_slot *agent_stopped_at(struct agent *a);
/* Loads what belongs there; returns its descriptor. */
int agent_load_slot(struct agent *a, struct agent_slot *s, struct err *err);
void agent_free_slots(struct agent *a);

#endif
