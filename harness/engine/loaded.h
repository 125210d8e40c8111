/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which files were loaded in a run, and what was done to them, for the reports. */
#ifndef VERDICT_ENGINE_LOADED_H
#define VERDICT_ENGINE_LOADED_H

#include "engine/trace.h"
#include "target/object.h"
#include "target/target.h"

struct loaded_list {
	struct arena
		*arena; /* all texts are copied to it: objects end before reports are written */
	struct loaded_object *items;
	size_t n;
	const char **notes; /* what a reader of the result should know of them, each once */
	size_t n_notes;
};

/* A file stands in the list once, by path and content; what another load of it has more is added there. */
void loaded_add_object(struct loaded_list *l, const struct object *o);
/* A node's objects have settings compiled in otherwise; otherwise NULL: nothing to say. */
void loaded_add_otherwise(struct loaded_list *l, const char *node, const char *otherwise);
/* Each of the target's, as loaded_add_object(). */
void loaded_add_target(struct loaded_list *l, const struct target *t);
/* One that another process loads, as shipped but for what normalisation changes. */
int loaded_add_file(struct loaded_list *l, const char *path, struct err *err);

#endif
