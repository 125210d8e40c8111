/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A tree of named values: what YAML says, what the cluster compiles, what a map entry holds.
 *
 * One shape for all three lets a scenario's `maps:`, an agent's entries and a snapshot read back
 * through BTF be compared and printed by the same code. Scalars stay text until something that
 * knows the type (the scenario schema, a BTF type) reads them.
 * Trees live in an arena and are never changed once handed on.
 */
#ifndef VERDICT_BASE_VALUE_H
#define VERDICT_BASE_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/loc.h"

enum value_kind { VALUE_NULL, VALUE_SCALAR, VALUE_MAP, VALUE_LIST };

struct value {
	enum value_kind kind;
	struct loc loc;
	bool quoted; /* scalar written in quotes: never a number, boolean or null */
	const char *text; /* SCALAR */
	size_t n; /* LIST, MAP: how many */
	struct value **items; /* LIST, MAP: the values */
	struct value **keys; /* MAP: the keys, scalars, in the order written */
};

struct value *value_null(struct arena *a);
struct value *value_scalar(struct arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
struct value *value_map(struct arena *a);
struct value *value_list(struct arena *a);

/* Append; the same key twice is the caller's bug. Return v, so that trees can be built in place. */
struct value *value_set(struct arena *a, struct value *map, const char *key, struct value *v);
struct value *value_push(struct arena *a, struct value *list, struct value *v);
/* Shorthand: value_set(a, map, key, value_scalar(a, fmt, ...)). */
void value_setf(struct arena *a, struct value *map, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* NULL where v is NULL, not a map, or has no such key. Path form: "metadata.labels". A key that
 * itself holds dots is found by value_get only.
 */
struct value *value_get(const struct value *v, const char *key);
struct value *value_path(const struct value *v, const char *path);
const char *value_text(const struct value *v); /* NULL unless scalar */

bool value_equal(const struct value *a, const struct value *b); /* map order is ignored */
struct value *value_copy(struct arena *a, const struct value *v);
/* One line in YAML flow style: {address: 10.0.0.1, dport: 80}. */
void value_print(struct buf *out, const struct value *v);

#endif
