/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where the fields of BTF types lie. */
#include "target/layout.h"

#include <bpf/btf.h>
#include <string.h>

#define DEPTH_MAX 16

uint32_t layout_unqualified(const struct btf *btf, uint32_t type_id)
{
	const struct btf_type *t = btf__type_by_id(btf, type_id);

	for (int i = 0; t && i < DEPTH_MAX; i++) {
		if (!btf_is_const(t) && !btf_is_volatile(t) && !btf_is_restrict(t))
			break;
		type_id = t->type;
		t = btf__type_by_id(btf, type_id);
	}
	return type_id;
}

static const struct btf_type *resolved(const struct btf *btf, uint32_t *type_id)
{
	int id = btf__resolve_type(btf, *type_id);

	if (id < 0)
		return NULL;
	*type_id = (uint32_t)id;
	return btf__type_by_id(btf, *type_id);
}

static bool find_bits(const struct btf *btf, uint32_t type_id, const char *name, uint32_t base,
		      int depth, uint32_t *bit, uint32_t *bits)
{
	const struct btf_type *t = resolved(btf, &type_id);

	if (!t || !btf_is_composite(t) || depth > DEPTH_MAX)
		return false;
	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		const struct btf_member *m = btf_members(t) + i;
		const char *member = btf__name_by_offset(btf, m->name_off);
		uint32_t at = base + btf_member_bit_offset(t, i);
		int64_t size = btf__resolve_size(btf, m->type);

		if (!member || !member[0]) {
			if (find_bits(btf, m->type, name, at, depth + 1, bit, bits))
				return true;
			continue;
		}
		if (strcmp(member, name) != 0 || size < 0)
			continue;
		*bit = at;
		*bits = btf_member_bitfield_size(t, i);
		if (*bits == 0)
			*bits = (uint32_t)size * 8;
		return true;
	}
	return false;
}

bool layout_field(const struct btf *btf, uint32_t type_id, const char *name,
		  struct field_place *out)
{
	uint32_t bit, bits;

	if (!btf || !type_id || !find_bits(btf, type_id, name, 0, 0, &bit, &bits))
		return false;
	if (bit % 8 || bits % 8)
		return false;
	out->offset = bit / 8;
	out->size = bits / 8;
	return true;
}

static void text_of(struct buf *out, const struct btf *btf, uint32_t type_id, const char *name,
		    uint32_t bit, uint32_t bits, int depth)
{
	const struct btf_type *t = resolved(btf, &type_id);

	if (!t || depth > DEPTH_MAX) {
		buf_printf(out, "%s@%u:?;", name, bit);
		return;
	}
	if (btf_is_array(t)) {
		const struct btf_array *array = btf_array(t);

		buf_printf(out, "%s@%u[%u]{", name, bit, array->nelems);
		text_of(out, btf, array->type, "", 0, 0, depth + 1);
		buf_puts(out, "}");
		return;
	}
	if (!btf_is_composite(t)) {
		int64_t size = btf__resolve_size(btf, type_id);

		buf_printf(out, "%s@%u:%u;", name, bit, bits ? bits : (uint32_t)(size * 8));
		return;
	}
	buf_printf(out, "%s@%u/%u{", name, bit, t->size);
	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		const struct btf_member *m = btf_members(t) + i;
		const char *member = btf__name_by_offset(btf, m->name_off);

		text_of(out, btf, m->type, member ? member : "", bit + btf_member_bit_offset(t, i),
			btf_member_bitfield_size(t, i), depth + 1);
	}
	buf_puts(out, "}");
}

void layout_text(struct buf *out, const struct btf *btf, uint32_t type_id)
{
	if (btf && type_id)
		text_of(out, btf, type_id, "", 0, 0, 0);
}
