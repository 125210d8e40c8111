/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A file of map entries, told entry by entry, as often as asked: it may be larger than memory is for
 * its trees. JSON of any size, whether ours or what `bpftool map dump -j` wrote; YAML of any form up to
 * some megabytes, and beyond that in the form `verdict maps dump` writes, one line an entry.
 */
#ifndef VERDICT_TARGET_MAPS_SOURCE_H
#define VERDICT_TARGET_MAPS_SOURCE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/value.h"

struct maps_source;

/* What is told, in the file's order. Non-zero ends the telling, and is what maps_source_tell() returns.
 * entry may be NULL: the maps' names alone are wanted, which is much faster.
 */
struct maps_listener {
	/* name: a scalar with its place; from_bpftool: entries are in bpftool's form */
	int (*begin)(void *arg, const struct value *name, bool from_bpftool, struct err *err);
	/* The tree is gone afterwards, as all that was taken from scratch. */
	int (*entry)(void *arg, const struct value *entry, struct arena *scratch, struct err *err);
	/* desc: the map's other fields, those that dumps give: type, key_size and so on */
	int (*end)(void *arg, const struct value *desc, struct err *err);
	void *arg;
};

/* Input error for what cannot be read, or is no such file. */
int maps_source_open(const char *path, struct maps_source **out, struct err *err);
int maps_source_tell(struct maps_source *s, const struct maps_listener *l, struct err *err);
void maps_source_close(struct maps_source *s); /* NULL is fine */

#endif
