/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Entries of maps as a file: a tree {maps: {NAME: {type, key_size, value_size, max_entries, flags,
 * entries: [{key, value}]}}}, written as YAML (one line an entry) or JSON, and read back.
 *
 * An entry of a per-CPU map has `values`, a list with one for each possible CPU; an inner map is
 * the value of its entry, itself with type and entries; a program is {program: NAME, id: N}. Maps
 * without entries that could be listed (rings, perf event arrays) have no `entries`.
 */
#ifndef VERDICT_TARGET_MAPS_FILE_H
#define VERDICT_TARGET_MAPS_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/value.h"
#include "target/maps.h"

/* What one loading did, and field names of the file that the map's types lack. */
struct maps_load {
	struct arena *arena;
	bool dry_run;
	size_t loaded;
	const char **notes; /* each once */
	size_t n_notes;
};

int maps_file_dump(struct map *m, struct arena *a, struct value **out, struct err *err);
/* file: {maps: {...}} */
void maps_file_print(struct buf *out, const struct value *file, bool json);
/* Either form, or what `bpftool map dump -j` wrote: then the map's name is the file's, without its
 * ending, and its entries are marked for maps_file_load(). Input errors name line and column.
 */
int maps_file_read(struct arena *a, const char *path, struct value **out, struct err *err);
/* Checks all entries against the map's types, then writes them; other entries stay. desc is
 * what stands under the map's name. Entries of bpftool are fitted field by field.
 */
int maps_file_load(struct map *m, const struct value *desc, struct maps_load *load,
		   struct err *err);
/* The entries of desc as a dump of m would say them. */
int maps_file_canonical(struct map *m, const struct value *desc, struct maps_load *load,
			struct value **out, struct err *err);
/* Appends a line for each difference of two descriptions; returns how many. */
size_t maps_file_diff(struct arena *a, struct buf *out, const struct value *was,
		      const struct value *is);

#endif
