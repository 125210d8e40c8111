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
	struct arena *arena; /* of the notes */
	bool dry_run;
	size_t loaded, maps;
	const char **notes; /* each once */
	size_t n_notes;
};

int maps_file_dump(struct map *m, struct arena *a, struct value **out, struct err *err);
/* Checks all entries against the map's types, then writes them; other entries stay. desc is
 * what stands under the map's name. Inner maps that are not there are made.
 */
int maps_file_load(struct map *m, const struct value *desc, struct maps_load *load,
		   struct err *err);

/* Where the entries go that a file has for a map: an open map, the finder's own. name has its place in the
 * file, for the input error where there is none.
 */
struct maps_finder {
	int (*find)(void *arg, const struct value *name, struct map **out, struct err *err);
	void *arg;
};

/* The same for all maps of a file in YAML or JSON, or in the form `bpftool map dump -j` writes: then
 * the map's name is the file's, without its ending, and entries are fitted field by field. Entries are read one at a time, so a file of gigabytes
 * needs no more memory than its keys.
 */
int maps_file_load_all(const char *path, const struct maps_finder *finder, struct maps_load *load,
		       struct err *err);

/* YAML of at most some megabytes as a tree, {maps: {...}}. */
int maps_file_parse(struct arena *a, const char *path, const char *text, size_t len,
		    struct value **out, struct err *err);

#endif
