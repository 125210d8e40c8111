/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What changed in one map since it was last looked at, asked again and again: raw bytes are kept and
 * compared, nothing is decoded.
 */
#ifndef VERDICT_TARGET_MAPS_WATCH_H
#define VERDICT_TARGET_MAPS_WATCH_H

#include "target/maps.h"

struct maps_watch;

/* False for what programs cannot write or that holds no data: prog arrays, rings, maps of maps. */
bool maps_watch_wanted(const struct map *m);
/* Reads the map as it is now. m outlives the watch. */
int maps_watch_new(struct map *m, struct maps_watch **out, struct err *err);
/* Changes since the last call, sorted by key; raw as in struct map_change, memory from a. */
int maps_watch_read(struct maps_watch *w, struct arena *a, struct map_change **changes, size_t *n,
		    struct err *err);
void maps_watch_free(struct maps_watch *w); /* NULL is fine */

#endif
