// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From one layout of a type to another: fields find each other by name, numbers keep their value
 * whatever their width or byte order, addresses their bytes.
 */
#include "target/typed.h"

#include <bpf/btf.h>
#include <errno.h>
#include <string.h>

#include "target/typed_type.h"
#include "target/typed_union.h"

struct converter {
	const uint8_t *src;
	size_t src_size;
	uint8_t *dst;
	size_t dst_size;
	struct union_view unions; /* over src */
	long steps_left;
	int depth;
	struct err *err;
};

static int convert_slot(struct converter *c, const struct slot *from, const struct slot *scope,
			const struct slot *to);

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static int convert_number(struct converter *c, const struct slot *from, const struct slot *to)
{
	uint64_t n = slot_get(from, c->src);
	bool negative = from->is_signed && (int64_t)n < 0;

	if (!slot_holds(to, n, negative)) {
		/* A long flow must not lose its entry over a narrower counter. */
		if (!slot_is_counter(to))
			return err_system(c->err, ERANGE,
					  "field \"%s\": its value does not fit the new layout",
					  to->name);
		n = UINT64_MAX;
	}
	slot_put(to, c->dst, n);
	return 0;
}

static int convert_array(struct converter *c, const struct slot *from, const struct slot *scope,
			 const struct slot *to)
{
	size_t n = smaller(slot_elements(from), slot_elements(to));
	struct slot f, t;
	int ret = 0;

	for (size_t i = 0; i < n && !ret; i++) {
		if (slot_element(from, i, &f) || slot_element(to, i, &t))
			return 0;
		ret = convert_slot(c, &f, scope, &t);
	}
	return ret;
}

static int convert_members(struct converter *c, const struct slot *from, const struct slot *scope,
			   const struct slot *to);

static int convert_member(struct converter *c, const struct slot *m, const struct slot *scope,
			  const struct slot *to)
{
	struct slot t;

	if (!*m->name)
		return slot_is_composite(m) ? convert_members(c, m, scope, to) : 0;
	if (!slot_find(to, m->name, &t))
		return 0;
	/* Padding grows and shrinks with its neighbours and means nothing. */
	if (name_is_padding(m->name) && (m->form != t.form || m->bits != t.bits))
		return 0;
	return convert_slot(c, m, scope, &t);
}

/* Whether the new layout has any field of this member. */
static bool is_known(const struct slot *m, const struct slot *to)
{
	const char *names[32];
	struct slot t;
	size_t n;

	if (*m->name)
		return slot_find(to, m->name, &t);
	n = slot_names(m, names, 32);
	for (size_t i = 0; i < n; i++)
		if (slot_find(to, names[i], &t))
			return true;
	return false;
}

/* Only the member that the bytes mean is carried over; another one where that one has gone. */
static int convert_union(struct converter *c, const struct slot *from, const struct slot *scope,
			 const struct slot *to)
{
	struct slot m;

	if (union_pick(&c->unions, from, scope, &m) == 0 && is_known(&m, to))
		return convert_member(c, &m, scope, to);
	for (unsigned i = 0; i < slot_members(from); i++)
		if (slot_member(from, i, &m) == 0 && slot_fits(&m, c->src_size) && is_known(&m, to))
			return convert_member(c, &m, scope, to);
	return 0;
}

static int convert_members(struct converter *c, const struct slot *from, const struct slot *scope,
			   const struct slot *to)
{
	struct slot m;
	int ret = 0;

	if (++c->depth > TYPE_DEPTH_MAX)
		return err_system(c->err, EINVAL, "types nested too deeply");
	if (btf_is_union(from->type)) {
		ret = convert_union(c, from, scope, to);
		c->depth--;
		return ret;
	}
	if (slot_tag(from)[0])
		scope = from;
	for (unsigned i = 0; i < slot_members(from) && !ret; i++)
		if (slot_member(from, i, &m) == 0 && c->steps_left-- > 0)
			ret = convert_member(c, &m, scope, to);
	c->depth--;
	return ret;
}

static void copy_bytes(struct converter *c, const struct slot *from, const struct slot *to,
		       size_t n)
{
	memcpy(c->dst + slot_byte(to), c->src + slot_byte(from), n);
}

static bool is_address(const struct slot *s)
{
	return s->form == FORM_IP4 || s->form == FORM_IP6 || s->form == FORM_MAC;
}

static int convert_form(struct converter *c, const struct slot *from, const struct slot *scope,
			const struct slot *to)
{
	size_t from_size = slot_bytes(from), to_size = slot_bytes(to);
	char was[64], is[64];

	if (is_address(from) && from->form == to->form) {
		copy_bytes(c, from, to, smaller(from_size, to_size));
		return 0;
	}
	if (slot_is_integer(from) && slot_is_integer(to))
		return convert_number(c, from, to);
	if (slot_is_composite(from) && slot_is_composite(to))
		return convert_members(c, from, scope, to);
	if (slot_elements(from) && slot_elements(to))
		return convert_array(c, from, scope, to);
	if (!from->bitfield && !to->bitfield && from_size == to_size) {
		copy_bytes(c, from, to, to_size);
		return 0;
	}
	return err_system(c->err, EINVAL, "field \"%s\" was %s and is %s: no way to convert it",
			  to->name, slot_type_name(from, was, sizeof(was)),
			  slot_type_name(to, is, sizeof(is)));
}

static int convert_slot(struct converter *c, const struct slot *from, const struct slot *scope,
			const struct slot *to)
{
	int ret;

	if (!slot_fits(from, c->src_size) || !slot_fits(to, c->dst_size))
		return err_system(c->err, EINVAL, "field \"%s\" lies outside the value", to->name);
	if (++c->depth > TYPE_DEPTH_MAX)
		return err_system(c->err, EINVAL, "types nested too deeply");
	ret = convert_form(c, from, scope, to);
	c->depth--;
	return ret;
}

int typed_convert(const struct btf *from, uint32_t from_id, const void *src, size_t src_size,
		  const struct btf *to, uint32_t to_id, void *dst, size_t dst_size, struct err *err)
{
	struct converter c = {
		.src = src,
		.src_size = src_size,
		.dst = dst,
		.dst_size = dst_size,
		.unions = { .data = src, .size = src_size, .budget = 64 * (long)src_size + 65536 },
		.steps_left = 64 * (long)src_size + 1024,
		.err = err,
	};
	struct slot f, t;

	memset(dst, 0, dst_size);
	if (slot_of_type(from, from_id, &f) || slot_of_type(to, to_id, &t)) {
		memcpy(dst, src, smaller(src_size, dst_size));
		return 0;
	}
	return convert_slot(&c, &f, &f, &t);
}
