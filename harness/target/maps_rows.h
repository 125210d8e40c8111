/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Entries of many maps as compact text, to be held against each other: a tree of them would take ten
 * times the memory.
 */
#ifndef VERDICT_TARGET_MAPS_ROWS_H
#define VERDICT_TARGET_MAPS_ROWS_H

#include <stddef.h>
#include <stdio.h>

#include "base/buf.h"
#include "target/maps_file.h"
#include "target/maps_source.h"

struct maps_rows { /* of one map */
	const char *name;
	struct buf text; /* keys and values, each ended by a NUL */
	struct maps_row *rows;
	size_t n, room;
};

struct maps_side {
	struct arena *arena; /* of the names */
	struct maps_rows *maps;
	size_t n;
};

int maps_side_add_map(struct maps_side *s, struct map *m, struct err *err);
/* All maps of a file. Where the finder gives a map, entries are said as a dump of that one would say
 * them: numbers, order of fields, another version's fields; it may give NULL. Notes go to load.
 */
int maps_side_add_file(struct maps_side *s, struct maps_source *file, const struct maps_finder *as,
		       struct maps_load *load, struct err *err);
/* Prints "map NAME" and a line for each difference of two maps' entries, nothing if there is none;
 * returns how many. Both get sorted.
 */
size_t maps_rows_diff(FILE *out, struct maps_rows *was, struct maps_rows *is);
void maps_side_free(struct maps_side *s);

#endif
