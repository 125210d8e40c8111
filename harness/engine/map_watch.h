/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a step changed in the maps its expectations name: snapshots before and after, by pin. */
#ifndef VERDICT_ENGINE_MAP_WATCH_H
#define VERDICT_ENGINE_MAP_WATCH_H

#include "engine/trace.h"

struct map_watch;

/* Snapshots every map named by the step's expectations; pins are under pins_node_dir().
 * A map that does not exist is a scenario error at its place.
 */
int map_watch_begin(const struct step *step, const char *pin_root, struct arena *a,
		    struct map_watch **out, struct err *err);
/* Snapshots again (the map may be another one by now: migrated or replaced) and adds the changes,
 * and all present entries, to *trace.
 */
int map_watch_end(struct map_watch *w, struct step_trace *trace, struct err *err);
void map_watch_free(struct map_watch *w); /* NULL is fine */

#endif
