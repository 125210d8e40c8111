/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Inside target/ only: which member of a union the bytes mean. */
#ifndef VERDICT_TARGET_TYPED_UNION_H
#define VERDICT_TARGET_TYPED_UNION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "target/typed_type.h"

struct union_view {
	const uint8_t *data;
	size_t size;
	long budget; /* steps left; after them the first member is taken unlooked */
};

/* The member to show; scope is the named struct around it, whose fields may tell. -ENOENT if the
 * union has no member with a size.
 */
int union_pick(struct union_view *u, const struct slot *s, const struct slot *scope,
	       struct slot *out);
/* False if the picked member leaves bits out that are not zero. */
bool union_covered(struct union_view *u, const struct slot *s, const struct slot *scope);

#endif
