/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A table from keys (any bytes) to pointers, hashed: for what is looked up by name or address among many.
 *
 * Memory comes from the arena given at the start and is freed with it; entries are never taken out one by
 * one. Keys are copied.
 */
#ifndef VERDICT_BASE_TABLE_H
#define VERDICT_BASE_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

struct table_entry;

struct table {
	struct arena *arena;
	struct table_entry *entries;
	size_t room, n; /* room is 0 or a power of two */
};

#define TABLE_INIT(a)                                                                              \
	{                                                                                          \
		.arena = (a)                                                                       \
	}

/* NULL: no such key. */
void *table_get(const struct table *t, const void *key, size_t len);
/* The place of a key's value, made with NULL in it if the key is new; good until the next call. */
void **table_slot(struct table *t, const void *key, size_t len);

/* The same for text. */
void *table_get_text(const struct table *t, const char *key);
void **table_slot_text(struct table *t, const char *key);

#endif
