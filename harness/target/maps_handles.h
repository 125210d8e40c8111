/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Inside target/ only: what the values of a map are, where they are not data. */
#ifndef VERDICT_TARGET_MAPS_HANDLES_H
#define VERDICT_TARGET_MAPS_HANDLES_H

#include <stddef.h>
#include <stdint.h>

#include "target/maps.h"

enum map_holds {
	HOLDS_DATA,
	HOLDS_PROGRAMS,
	HOLDS_MAPS,
	HOLDS_DEVICES,
	HOLDS_CPUS,
	HOLDS_NOTHING_LISTED, /* rings, queues, perf event arrays: no entries by key */
};

enum map_holds map_holds(const struct map *m);
/* {key, value} or {key, values}; io has map_io_size() bytes. */
struct value *map_entry_value(const struct map *m, struct arena *a, const void *key,
			      const void *io);
int map_program_name(uint32_t id, char *name, size_t size); /* negative errno */
int map_inner_open(uint32_t id, struct map **out, struct err *err);

#endif
