/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The maps that an argument of `verdict maps` means. Internal to cmd/maps*.c. */
#ifndef VERDICT_CMD_MAPS_OPEN_H
#define VERDICT_CMD_MAPS_OPEN_H

#include <stdbool.h>

#include "target/maps.h"

struct open_maps {
	struct arena *arena;
	struct map **list;
	size_t n;
};

/* "id:N", a pin, or a folder: every map pinned in it. Two of one name are an input error. */
int maps_open(struct open_maps *o, const char *what, struct err *err);
int maps_open_id(const char *text, struct map **out, struct err *err);
int maps_open_pin(const char *path, struct map **out, struct err *err);
/* A map or a folder, not a file of entries. */
bool maps_is_live(const char *what);
struct map *maps_find_open(const struct open_maps *o, const char *name); /* NULL: none */
void maps_close_all(struct open_maps *o);

#endif
