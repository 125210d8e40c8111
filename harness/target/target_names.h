/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Inside the plan of a target only: names held against what objects have. */
#ifndef VERDICT_TARGET_TARGET_NAMES_H
#define VERDICT_TARGET_TARGET_NAMES_H

#include "target/target_internal.h"

/* Names to choose the nearest from. */
struct name_list {
	struct arena *arena;
	const char **list;
	size_t n;
};

void name_list_add(struct name_list *names, const char *name);
/* "WHOSE has no WHAT 'NAME'", with the nearest of those known; what: "constant", "map". */
int plan_unknown(const struct loc *loc, const char *what, const char *name, const char *whose,
		 const struct name_list *known, struct err *err);
/* True if an object of the description that is not to be loaded has such a name. */
bool plan_leaves_out(struct plan *p, bool (*has)(const struct elf_image *image, const char *name),
		     const char *name);
/* Constants, to the loads whose objects have them. */
int plan_config(struct plan *p, struct err *err);

#endif
