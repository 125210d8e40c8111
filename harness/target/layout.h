/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Questions about the layout of BTF types: where a field lies, whether two layouts are the same. */
#ifndef VERDICT_TARGET_LAYOUT_H
#define VERDICT_TARGET_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct btf;

struct field_place {
	uint32_t offset, size; /* bytes */
};

/* Finds a member by name, also in anonymous structs and unions. False if there is none, or if it is
 * a bit field that fills no whole bytes.
 */
bool layout_field(const struct btf *btf, uint32_t type_id, const char *name,
		  struct field_place *out);
/* Every field with its bit offset and size, in order: two types whose texts are equal have the same
 * layout, whatever the types are called. Type 0 gives "".
 */
void layout_text(struct buf *out, const struct btf *btf, uint32_t type_id);
/* Takes off const, volatile and restrict; typedefs stay, they say how a number is written. */
uint32_t layout_unqualified(const struct btf *btf, uint32_t type_id);

#endif
