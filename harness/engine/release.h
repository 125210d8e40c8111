/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is installed on a node: an upgrade stays until the next one, through every restart. */
#ifndef VERDICT_ENGINE_RELEASE_H
#define VERDICT_ENGINE_RELEASE_H

#include "scenario/scenario.h"

struct release {
	const char *objects; /* as an upgrade wrote it; NULL: those the run began with */
	struct map_override *maps; /* map sizes of all upgrades so far */
	size_t n_maps;
};

/* The step as the engine is to carry it out: a restart takes the node's objects and map sizes, an upgrade
 * is laid over them, and remembered. Memory from a.
 */
struct restart_step release_apply(struct release *node, const struct step *step, struct arena *a);

/* The folder of the objects a run begins with: `given`, or those installed. System error with what to do
 * where there are none.
 */
int release_base(struct arena *a, const char *given, const char **out, struct err *err);
/* The folder a step's objects are in; how NULL or without any: the base. */
const char *release_objects(struct arena *a, const char *base, const struct restart_step *how);

#endif
