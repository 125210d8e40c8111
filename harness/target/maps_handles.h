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
/* {type, key_size, value_size, max_entries}, and flags unless they are 0. */
struct value *map_shape_value(const struct map *m, struct arena *a);
/* What stands in a dump for one entry of a map of any type; io as map_each() gives it. */
int map_row_value(struct map *m, struct arena *a, const void *key, const void *io,
		  struct value **out, struct err *err);
/* {key, value} or {key, values}; io has map_io_size() bytes. */
struct value *map_entry_value(const struct map *m, struct arena *a, const void *key,
			      const void *io);
int map_program_name(uint32_t id, char *name, size_t size); /* negative errno */
int map_inner_open(uint32_t id, struct map **out, struct err *err);

#endif
