/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which scenarios a command line means: paths, folders of them, or names under scenarios/. */
#ifndef VERDICT_CMD_SELECT_H
#define VERDICT_CMD_SELECT_H

#include "base/arena.h"
#include "base/err.h"
#include "scenario/scenario.h"

#define SCENARIO_ROOT "scenarios"

struct selected { /* one scenario file, read or not */
	const char *path;
	const char *name; /* the folder's where the file could not be read */
	struct scenario *scenario; /* NULL: err */
	struct err *err;
};

struct selection {
	struct arena *arena;
	struct selected *items;
	size_t n;
};

/* args may be empty: all under scenarios/. patterns (ends with NULL; none: all) are held against
 * the names, of which one must match: shell patterns, or a part of the name where it has no *, ? or [. Input error for an argument that is neither a
 * path nor a name.
 */
int select_scenarios(char **args, int n_args, const char *const *patterns, struct selection *out,
		     struct err *err);
/* Another order, the same for the same seed. */
void selection_shuffle(struct selection *s, uint64_t seed);
void selection_free(struct selection *s);

#endif
