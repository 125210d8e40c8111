/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Control groups (version 2) below the one this process is in. A socket is of the group in which it was made, and the
 * programs attached there run for it.
 */
#ifndef VERDICT_BASE_CGROUP_H
#define VERDICT_BASE_CGROUP_H

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

#define CGROUPS_MAX 4

struct cgroups {
	struct arena *arena;
	const char *home; /* where this process was; NULL: not begun */
	const char *paths[CGROUPS_MAX];
	size_t n;
};

/* In the sandbox, where they are mounted. Removes groups whose process is gone, however it ended. a outlives g. */
int cgroups_begin(struct cgroups *g, struct arena *a, struct err *err);
/* One more, which this process is in from here on; *path is its folder. */
int cgroups_add(struct cgroups *g, const char **path, struct err *err);
/* All of them go, programs with them, and this process is where it was. Nothing for one that was not begun. */
void cgroups_end(struct cgroups *g);

#endif
