/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a step changed in the maps its expectations name: snapshots before and after. */
#ifndef VERDICT_ENGINE_MAP_WATCH_H
#define VERDICT_ENGINE_MAP_WATCH_H

#include "engine/trace.h"
#include "target/maps.h"

struct map_watch;

/* Where the maps are. */
struct map_finder {
	/* -ENOENT if there is none. */
	int (*open)(void *arg, const char *node, const char *name, struct map **out,
		    struct err *err);
	/* Says so, as an error at its place. */
	void (*missing)(void *arg, const char *node, const char *name, const struct loc *at,
			struct err *err);
	void *arg;
};

/* The maps that the step's expectations name. node: whose they are where an expectation does not say. */
struct map_watch *map_watch_new(const struct step *step, const struct map_finder *finder,
				const char *node, struct arena *a);
/* One more, for its changes. */
void map_watch_add(struct map_watch *w, const char *node, const char *name);
int map_watch_begin(struct map_watch *w, struct err *err);
/* Snapshots again (the map may be another one by now: migrated or replaced) and adds the changes to
 * *trace, and all present entries of maps that expectations name; those of arrays where they are asked for.
 */
int map_watch_end(struct map_watch *w, struct step_trace *trace, struct err *err);
void map_watch_free(struct map_watch *w); /* NULL is fine */

#endif
