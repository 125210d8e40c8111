/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Inside target/ only: all entries of a map in one block of memory, for maps of millions. */
#ifndef VERDICT_TARGET_MAPS_TABLE_H
#define VERDICT_TARGET_MAPS_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "target/maps.h"

struct map_table {
	uint8_t *rows; /* a key, and map_io_size() bytes of value, each on a multiple of 8 */
	size_t stride, value_at, n, room;
};

/* Of any map whose entries can be listed: values that are no data are the ids the kernel shows. Sorted by
 * key bytes, arrays by index; no key twice; empty slots are left out.
 */
int map_table_read(struct map *m, struct map_table *out, struct err *err);
const void *map_table_key(const struct map_table *t, size_t i);
const void *map_table_value(const struct map_table *t, size_t i);
void map_table_free(struct map_table *t);

#endif
