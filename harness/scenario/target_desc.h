/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A target file as pure data: a set of objects, which program sits at which hook, how they are
 * configured. fixtures/targets/NAME.yaml; the reference of its keys is docs/targets.md.
 */
#ifndef VERDICT_SCENARIO_TARGET_DESC_H
#define VERDICT_SCENARIO_TARGET_DESC_H

#include "base/err.h"
#include "base/value.h"
#include "base/words.h"
#include "scenario/scenario.h"

/* A constant by name. */
struct setting {
	const char *name;
	bool may_lack; /* written with a '?': no error where no object has it */
	const struct value *value;
	struct loc loc;
};

struct settings {
	struct setting *list;
	size_t n;
};

/* "bpf_lxc.o/cil_from_container" */
struct program_ref {
	const char *object, *program;
	bool may_lack; /* as of a setting */
	struct loc loc;
};

struct desc_hook {
	const char *role; /* of the device: "endpoint", "native"; "cgroup" for cgroup hooks */
	const char *name; /* "ingress", "egress", "xdp", "connect4" ... as written */
	int hook; /* enum hook, or -1: one that no test run knows */
	struct program_ref ref;
	struct loc loc;
};

/* The program type of a section whose name tells none, as struct elf_type_override. */
struct desc_type {
	const char *section, *type;
	struct loc loc;
};

struct desc_object {
	const char *name; /* "bpf_lxc.o": file in the folder of the objects */
	const char *path; /* if it is not in that folder: resolved; else NULL */
	struct settings config;
	struct desc_type *types;
	size_t n_types;
	bool interpose; /* false: loaded as shipped */
	struct loc loc;
};

enum map_scope {
	MAP_SCOPE_NODE, /* one for all objects of a node: default of maps pinned by name */
	MAP_SCOPE_DEVICE, /* one for each load of an object: default of all others */
};

struct desc_map {
	const char *name;
	bool may_lack; /* as of a setting */
	uint32_t max_entries; /* 0: as the object says */
	bool has_scope;
	enum map_scope scope;
	bool is_scratch; /* what programs keep in it outlives no packet */
	struct loc loc;
};

struct desc_tail_call { /* on top of what objects say themselves */
	const char *map;
	uint32_t index;
	struct program_ref ref;
	const char *device; /* whose load of the object; NULL: the one without a device */
	struct loc loc;
};

/* A device of the node, for --follow and for configuration that is compiled in per device. */
struct desc_device {
	const char *name;
	uint32_t ifindex;
	const char *role; /* whose hooks it has */
	struct loc role_loc;
	bool has_mac;
	uint8_t mac[6];
	uint16_t mtu; /* 0: 1500 */
	struct settings config;
	bool own_load; /* it has config, or a tail call names it: its role's objects are loaded for it */
	struct loc loc;
};

enum known_cause { KNOWN_BUG, KNOWN_CHOICE, KNOWN_LIMIT };
extern const struct word_table words_known_cause;

/* Where the target does otherwise than Verdict's own datapath. */
struct desc_known {
	const char *scenario;
	unsigned step; /* from 1; 0: any */
	const char *field; /* NULL: any */
	const char *theirs; /* a pattern with '*'; NULL: anything */
	const char *variant; /* of words_variant: in that variant alone; NULL: as it is written */
	enum known_cause cause;
	const char *why, *reference; /* reference: NULL */
	struct loc loc;
};

enum event_decoder { DECODER_NONE, DECODER_CILIUM };

struct target_desc {
	struct arena *arena; /* holds all of it */
	const char *path; /* of the file, as the user would type it; NULL: none */
	const char *name, *summary;
	const char *objects_dir; /* resolved; NULL: from objects_env or the command line */
	const char *objects_env; /* variable that names the folder; NULL */
	const char *objects_settings; /* the header of settings compiled in; NULL: none are */
	const char *objects_hint; /* what to do where they are missing; NULL */
	struct settings config; /* for every object that has it */
	struct desc_object *objects;
	size_t n_objects;
	struct desc_hook *hooks;
	size_t n_hooks;
	struct desc_map *maps;
	size_t n_maps;
	struct desc_tail_call *tail_calls;
	size_t n_tail_calls;
	struct desc_device *devices;
	size_t n_devices;
	struct desc_known *known;
	size_t n_known;
	const char *events_map; /* NULL: none */
	struct loc events_loc;
	enum event_decoder decoder;
	bool interpose;
};

/* what: a path (with a '/' or ending in .yaml), or the name of one in fixtures/targets (beside the
 * working directory, or installed). Input errors name file, line and column; an unknown name lists the
 * known ones.
 */
int target_desc_load(const char *what, struct target_desc **out, struct err *err);
/* The smallest target: one object file, interposed; events by the field's own name
 * ("cilium_events") if the object has such a map.
 */
int target_desc_of_object(const char *path, struct target_desc **out, struct err *err);
const struct desc_hook *target_desc_hook(const struct target_desc *d, const char *role,
					 const char *name); /* NULL: none */
const struct desc_object *target_desc_object(const struct target_desc *d, const char *name);
const struct desc_device *target_desc_device(const struct target_desc *d, const char *name);
void target_desc_free(struct target_desc *d); /* NULL is fine */

#endif
