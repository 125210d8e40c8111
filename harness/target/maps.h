/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Maps of the kernel, read and written by field name; snapshots and what changed between two. */
#ifndef VERDICT_TARGET_MAPS_H
#define VERDICT_TARGET_MAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/value.h"

struct btf;
struct object;

/* An open map with its types. BTF comes from the kernel (the map's btf_id), so a pinned map made
 * by anyone describes itself; without BTF keys and values are hex.
 */
struct map {
	int fd;
	char name[64]; /* as opened: the pin's name */
	uint32_t type, key_size, value_size, max_entries, flags;
	struct btf *btf; /* owned; NULL if the map has none */
	uint32_t key_type, value_type; /* in btf; 0 if none */
	/* What the inner maps of a map of maps must be; owned; NULL if nobody said. */
	struct map_shape *inner;
};

struct map_shape {
	uint32_t type, key_size, value_size, max_entries, flags;
	uint32_t btf_id, key_type, value_type; /* in that BTF of the kernel's; 0 if none */
};

int map_open_pinned(const char *dir, const char *name, struct map **out, struct err *err);
int map_open_fd(int fd, const char *name, struct map **out, struct err *err); /* dups fd */
void map_close(struct map *m); /* NULL is fine */
/* For loading into a map of maps; the kernel does not tell. */
void map_set_inner(struct map *m, const struct map_shape *inner);
/* The same from the file that the map is defined in under that name; nothing if it does not say. */
void map_set_inner_of(struct map *m, const struct object *o, const char *name);

/* Every map error names map, key and errno. Maps whose values are no data (prog arrays, map-in-map,
 * rings): input error, -EOPNOTSUPP. A per-CPU value is written to every CPU, but its counters to the
 * first alone: read, they are summed, and so are what was written. A value that is nothing but
 * a number goes to every CPU all the same (programs may read it as a setting), and reads as the sum.
 */
int map_set(struct map *m, const struct value *key, const struct value *value, struct err *err);
int map_get(struct map *m, struct arena *a, const struct value *key, struct value **value,
	    struct err *err); /* -ENOENT with err set if absent */
/* Deleting what is absent is no error (story 6): returns 0, or 1 if there was such an entry. */
int map_delete(struct map *m, const struct value *key, struct err *err);
int map_clear(struct map *m, struct err *err);

struct map_item {
	const void *key, *value; /* raw; of per-CPU values the counters are summed */
};

struct map_snapshot {
	const struct map *map;
	struct map_item *items; /* sorted by key bytes */
	size_t n;
};

int map_snapshot(struct map *m, struct arena *a, struct map_snapshot *out, struct err *err);

struct map_change {
	enum { CHANGE_ADDED, CHANGE_REMOVED, CHANGE_CHANGED } kind;
	const void *key, *was, *is; /* raw; NULL where absent */
};

void map_diff(struct arena *a, const struct map_snapshot *before, const struct map_snapshot *after,
	      struct map_change **changes, size_t *n);

struct value *map_key_value(struct arena *a, const struct map *m, const void *key);
struct value *map_value_value(struct arena *a, const struct map *m, const void *value);

/* True if every field written in `pattern` has that value in `v` (both trees; numbers compare as
 * numbers, addresses as addresses; padding that is asked to be zero may be absent).
 */
bool value_matches(const struct value *pattern, const struct value *v);

/* Entry by entry from one map into another of perhaps other size or layout. Entries already in `to`
 * are kept (they are newer). Counts what was copied and what did not fit, in room or in a narrower
 * field; that is an error (-E2BIG, after all others were copied) only for maps that do not evict.
 * Array elements that are zero count as free, and are not counted. Call it again after the
 * switch for what was written meanwhile.
 */
struct migrate_report {
	uint64_t copied, kept, lost;
};

int map_migrate(struct map *from, struct map *to, struct migrate_report *report, struct err *err);

#endif
