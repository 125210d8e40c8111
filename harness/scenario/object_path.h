/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where an object file lies that somebody names: beside the scenario, where verdict runs, under a folder
 * that a variable names, or among those that the distribution ships.
 */
#ifndef VERDICT_SCENARIO_OBJECT_PATH_H
#define VERDICT_SCENARIO_OBJECT_PATH_H

#include "base/arena.h"
#include "base/err.h"

/* $NAME/ or ${NAME}/ at the start of a path is the variable's value. 0: *out is the path, perhaps text
 * itself. 1: the variable is not set, *missing says so. Both from a.
 */
int path_expand(struct arena *a, const char *text, const char **out, const char **missing,
		struct err *err);

/* text is expanded; what is not absolute is looked for in dir (NULL: not), then from the working
 * folder, a bare name then in the distribution's folders of BPF objects. 0: *out is the path. 1: this
 * machine lacks it and *missing says what to do: a variable that is not set, an object that a
 * package is known to bring. Input error (without place) for what should be there.
 */
int object_path(struct arena *a, const char *dir, const char *text, const char **out,
		const char **missing, struct err *err);

#endif
