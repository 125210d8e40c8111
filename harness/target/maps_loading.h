/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Inside target/ only: entries on their way into one map. */
#ifndef VERDICT_TARGET_MAPS_LOADING_H
#define VERDICT_TARGET_MAPS_LOADING_H

#include "target/maps_file.h"

struct loading {
	struct map *m;
	struct maps_load *load;
	struct arena *scratch; /* of one entry */
	struct err *err;
	bool bpftool;
	uint8_t *key, *value, *io; /* of the entry at hand, encoded */
	struct map_shape made; /* of the inner map made last; type 0: none */
	/* Keys so far and where they stand in the file, to find one that is there twice; only while checking. */
	uint8_t *seen;
	struct loc *seen_at;
	size_t n_seen, room;
};

int loading_begin(struct loading *l, struct map *m, bool bpftool, struct maps_load *load,
		  struct err *err);
/* Encodes key and value, which checks them; then, if asked to, writes the entry. */
int loading_entry(struct loading *l, const struct value *entry, bool write);
/* After all were checked: input error if a key was there twice. What bpftool dumped of a map under
 * change may have that: there it is noted, and the last one counts.
 */
int loading_check_keys(struct loading *l);
void loading_end(struct loading *l);

/* The parts of loading_entry() for values that are no data. */
int loading_handle(struct loading *l, const struct value *v, bool write);
int loading_inner(struct loading *l, const struct value *v, bool write);
/* io, map_io_size() bytes, goes under l->key; counts it. */
int loading_put(struct loading *l, const void *io);
int loading_known_fields(struct loading *l, const struct value *v, const char *const names[]);
/* 0 where the field is missing. */
int loading_number(struct loading *l, const struct value *v, const char *name, uint32_t *out);

#endif
