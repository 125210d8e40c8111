// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From the bytes of a type to a tree of named values. Of a union's members one is shown: the one
 * the table below prefers, else the first, unless it would hide bytes that another one shows.
 */
#include "target/typed.h"

#include <arpa/inet.h>
#include <bpf/btf.h>
#include <inttypes.h>
#include <string.h>

#include "target/typed_text.h"
#include "target/typed_type.h"
#include "target/typed_union.h"

struct decoder {
	struct arena *arena;
	const uint8_t *data;
	size_t size;
	struct union_view unions;
	long nodes_left; /* a hostile type can name the same bytes a million times */
	int depth;
};

static struct value *decode_slot(struct decoder *d, const struct slot *s, const struct slot *scope);

static struct value *hex(struct decoder *d, const struct slot *s)
{
	struct value *v = value_scalar(d->arena, "%s", "");

	if (slot_fits(s, d->size) && !s->bitfield)
		v->text = bytes_to_text(d->arena, d->data + slot_byte(s), slot_bytes(s));
	return v;
}

static struct value *decode_number(struct decoder *d, const struct slot *s)
{
	uint64_t n = slot_get(s, d->data);

	if (s->is_signed)
		return value_scalar(d->arena, "%" PRId64, (int64_t)n);
	return value_scalar(d->arena, "%" PRIu64, n);
}

static struct value *decode_bool(struct decoder *d, const struct slot *s)
{
	uint64_t n = slot_get(s, d->data);

	if (n > 1)
		return hex(d, s);
	return value_scalar(d->arena, "%s", n ? "true" : "false");
}

static const char *enum_name(const struct slot *s, uint64_t number)
{
	unsigned n = btf_vlen(s->type);

	for (unsigned i = 0; i < n; i++) {
		if (btf_is_enum(s->type)) {
			const struct btf_enum *e = btf_enum(s->type) + i;

			if ((s->is_signed ? (uint64_t)(int64_t)e->val : (uint32_t)e->val) == number)
				return btf__name_by_offset(s->btf, e->name_off);
		} else {
			const struct btf_enum64 *e = btf_enum64(s->type) + i;

			if (btf_enum64_value(e) == number)
				return btf__name_by_offset(s->btf, e->name_off);
		}
	}
	return NULL;
}

static struct value *decode_enum(struct decoder *d, const struct slot *s)
{
	const char *name = enum_name(s, slot_get(s, d->data));

	return name ? value_scalar(d->arena, "%s", name) : decode_number(d, s);
}

static struct value *decode_ip(struct decoder *d, const struct slot *s)
{
	int family = s->form == FORM_IP4 ? AF_INET : AF_INET6;
	char text[INET6_ADDRSTRLEN];

	inet_ntop(family, d->data + slot_byte(s), text, sizeof(text));
	return value_scalar(d->arena, "%s", text);
}

/* Text with what it must be to be read back: printable, and nothing after its end. */
static struct value *decode_text(struct decoder *d, const struct slot *s)
{
	const char *text = (const char *)d->data + slot_byte(s);
	size_t size = slot_bytes(s), len = strnlen(text, size);
	struct value *v;

	for (size_t i = 0; i < size; i++)
		if (i < len ? (text[i] < ' ' || text[i] > '~') : text[i] != '\0')
			return hex(d, s);
	v = value_scalar(d->arena, "%.*s", (int)len, text);
	v->quoted = true;
	return v;
}

static void decode_member(struct decoder *d, const struct slot *m, const struct slot *scope,
			  struct value *map);

static void decode_members(struct decoder *d, const struct slot *s, const struct slot *scope,
			   struct value *map)
{
	struct slot m;

	if (d->depth > TYPE_DEPTH_MAX)
		return;
	if (btf_is_union(s->type)) {
		if (union_pick(&d->unions, s, scope, &m) == 0)
			decode_member(d, &m, scope, map);
		return;
	}
	if (slot_tag(s)[0])
		scope = s;
	for (unsigned i = 0; i < slot_members(s); i++)
		if (slot_member(s, i, &m) == 0)
			decode_member(d, &m, scope, map);
}

static void decode_member(struct decoder *d, const struct slot *m, const struct slot *scope,
			  struct value *map)
{
	if (!slot_fits(m, d->size) || m->bits == 0 || d->nodes_left-- <= 0)
		return;
	if (!*m->name) {
		d->depth++;
		if (slot_is_composite(m))
			decode_members(d, m, scope, map);
		d->depth--;
		return;
	}
	if (name_is_padding(m->name) && slot_is_zero(m, d->data))
		return;
	value_set(d->arena, map, m->name, decode_slot(d, m, scope));
}

static struct value *decode_composite(struct decoder *d, const struct slot *s,
				      const struct slot *scope)
{
	struct value *map = value_map(d->arena);

	/* No member shows all bytes: nothing but the bytes themselves does. */
	if (btf_is_union(s->type) && !union_covered(&d->unions, s, scope))
		return hex(d, s);
	decode_members(d, s, scope, map);
	return map;
}

static struct value *decode_array(struct decoder *d, const struct slot *s, const struct slot *scope)
{
	struct value *list = value_list(d->arena);
	size_t n = slot_elements(s);
	struct slot elem;

	for (size_t i = 0; i < n && d->nodes_left-- > 0; i++) {
		if (slot_element(s, i, &elem))
			return hex(d, s);
		value_push(d->arena, list, decode_slot(d, &elem, scope));
	}
	return list;
}

/* The address lies in the first six of eight bytes; where the rest is not zero it is none. */
static struct value *decode_mac(struct decoder *d, const struct slot *s, const struct slot *scope)
{
	const uint8_t *b = d->data + slot_byte(s);

	for (size_t i = 6; i < slot_bytes(s); i++) {
		if (!b[i])
			continue;
		if (slot_is_composite(s))
			return decode_composite(d, s, scope);
		return value_scalar(d->arena, "0x%" PRIx64, slot_get(s, d->data));
	}
	return value_scalar(d->arena, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4],
			    b[5]);
}

static struct value *decode_form(struct decoder *d, const struct slot *s, const struct slot *scope)
{
	switch (s->form) {
	case FORM_NUMBER:
		return decode_number(d, s);
	case FORM_BOOL:
		return decode_bool(d, s);
	case FORM_ENUM:
		return decode_enum(d, s);
	case FORM_IP4:
	case FORM_IP6:
		return decode_ip(d, s);
	case FORM_MAC:
		return decode_mac(d, s, scope);
	case FORM_TEXT:
		return decode_text(d, s);
	case FORM_ARRAY:
		return decode_array(d, s, scope);
	case FORM_STRUCT:
	case FORM_UNION:
		return decode_composite(d, s, scope);
	case FORM_BYTES:
		break;
	}
	return hex(d, s);
}

static struct value *decode_slot(struct decoder *d, const struct slot *s, const struct slot *scope)
{
	struct value *v;

	if (!slot_fits(s, d->size) || d->depth >= TYPE_DEPTH_MAX)
		return hex(d, s);
	d->depth++;
	v = decode_form(d, s, scope);
	d->depth--;
	return v;
}

struct value *typed_decode(struct arena *a, const struct btf *btf, uint32_t type_id,
			   const void *data, size_t size)
{
	struct decoder d = {
		.arena = a,
		.data = data,
		.size = size,
		.unions = { .data = data, .size = size, .budget = 64 * (long)size + 65536 },
		.nodes_left = 16 * (long)size + 1024,
	};
	struct value *v;
	struct slot s;

	if (slot_of_type(btf, type_id, &s) == 0 && slot_fits(&s, size))
		return decode_slot(&d, &s, &s);
	v = value_scalar(a, "%s", "");
	v->text = bytes_to_text(a, data, size);
	return v;
}
