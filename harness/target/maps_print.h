/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Maps as text while they are read: the memory needed is that of a map's raw entries, whatever their
 * text comes to.
 */
#ifndef VERDICT_TARGET_MAPS_PRINT_H
#define VERDICT_TARGET_MAPS_PRINT_H

#include <stdbool.h>
#include <stdio.h>

#include "base/buf.h"
#include "target/maps.h"

struct maps_printer {
	FILE *out;
	bool json;
	size_t n_maps;
	struct arena *scratch; /* of one entry */
	struct buf text;
};

/* The form of target/maps_file.h, one line an entry. */
void maps_print_begin(struct maps_printer *p, FILE *out, bool json);
/* Reads all of it before it prints any. After an error nothing but maps_print_drop() is left to do. */
int maps_print_map(struct maps_printer *p, struct map *m, struct err *err);
int maps_print_end(struct maps_printer *p, struct err *err);
void maps_print_drop(struct maps_printer *p); /* instead of the end */

/* One value on one line: YAML's flow style, or JSON. Reads back as the same tree, but that text which
 * only YAML could leave bare is quoted.
 */
void maps_print_value(struct buf *out, const struct value *v, bool json);

#endif
