/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Inside target/ only: maps of every type made empty, whatever programs, agents and tests wrote. */
#ifndef VERDICT_TARGET_MAP_RESET_H
#define VERDICT_TARGET_MAP_RESET_H

#include "target/maps.h"

/* How a map gets empty. */
enum map_reset {
	MAP_RESET_PLAIN, /* entries that are data */
	MAP_RESET_PROGRAMS, /* programs: a prog array's */
	MAP_RESET_INNER, /* maps */
	MAP_RESET_KEYS, /* entries of kernel objects: deleted one by one */
	MAP_RESET_DRAIN, /* a queue: popped */
	MAP_RESET_RING, /* a ring: read to its end */
	MAP_RESET_NOTHING, /* it never changes */
	MAP_RESET_CANNOT,
};

enum map_reset map_how_to_reset(uint32_t type); /* enum bpf_map_type */
/* But for MAP_RESET_NOTHING and MAP_RESET_CANNOT. System error naming the map. */
int map_make_empty(struct map *m, struct err *err);
/* Calls fn for each key there is; fn may delete it. Non-zero ends it and is returned; -ENOENT is none. */
int map_each_key(const struct map *m, int (*fn)(void *arg, const struct map *m, const void *key),
		 void *arg);

#endif
