/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Inside target/ only: a BTF type at a place in some bytes, and how people write it.
 *
 * A slot is one field (or the whole value): its type without typedefs and qualifiers, where its
 * bits lie, and its form. Types may come from a hostile object file, so whoever touches bytes asks
 * slot_fits() first.
 */
#ifndef VERDICT_TARGET_TYPED_TYPE_H
#define VERDICT_TARGET_TYPED_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct btf;
struct btf_type;

/* Deeper nesting than this is no C that anyone wrote. */
#define TYPE_DEPTH_MAX 24

enum form {
	FORM_NUMBER,
	FORM_BOOL,
	FORM_ENUM,
	FORM_IP4, /* 4 bytes in network order */
	FORM_IP6,
	FORM_MAC, /* 6 bytes, or 8 with the address in the first six */
	FORM_TEXT, /* char array */
	FORM_BYTES, /* no better form: hex in memory order */
	FORM_ARRAY,
	FORM_STRUCT,
	FORM_UNION,
};

struct slot {
	const struct btf *btf;
	const struct btf_type *type;
	const char *name; /* of the field; "" for a whole value or an anonymous member */
	enum form form;
	size_t bit; /* from the start of the data */
	size_t bits;
	bool bitfield;
	bool network_order; /* number: __be16, __be32, __be64 */
	bool is_signed;
};

/* -EINVAL for what has no size (void, functions, forward declarations, broken chains). */
int slot_of_type(const struct btf *btf, uint32_t id, struct slot *out);
/* The name behind `struct`, `union` or `enum`, or of the integer; "" if there is none. */
const char *slot_tag(const struct slot *s);
bool slot_fits(const struct slot *s, size_t size); /* inside `size` bytes of data */
bool slot_is_composite(const struct slot *s); /* struct or union, whatever its form */
bool slot_is_integer(const struct slot *s); /* int, enum, pointer: slot_get() and slot_put() work */
static inline size_t slot_byte(const struct slot *s)
{
	return s->bit / 8;
}
static inline size_t slot_bytes(const struct slot *s)
{
	return s->bits / 8;
}

/* typed_bits.c: the number in the slot, sign-extended if signed. */
uint64_t slot_get(const struct slot *s, const void *data);
void slot_put(const struct slot *s, void *data, uint64_t number); /* extra high bits are lost */
/* True if the number (negative ones as int64_t with is_negative) can be stored without loss. */
bool slot_holds(const struct slot *s, uint64_t number, bool is_negative);
bool slot_is_zero(const struct slot *s, const void *data);
void slot_clear(const struct slot *s, void *data);

unsigned slot_members(const struct slot *s); /* 0 unless composite */
int slot_member(const struct slot *s, unsigned i, struct slot *out);
/* A member by name, through anonymous structs and unions. */
bool slot_find(const struct slot *s, const char *name, struct slot *out);
/* Names as slot_find() knows them, at most max; returns how many. */
size_t slot_names(const struct slot *s, const char **list, size_t max);

size_t slot_elements(const struct slot *s); /* 0 unless an array with elements that have a size */
int slot_element(const struct slot *s, size_t i, struct slot *out);

/* Same fields by name at the same places: the bytes can be copied as they are. */
bool slot_same_layout(const struct slot *a, const struct slot *b);

/* "struct ipcache_key", "__u32", "__u8[4]"; buf is returned. */
const char *slot_type_name(const struct slot *s, char *buf, size_t size);

/* Names with a meaning. */
bool name_is_padding(const char *name); /* pad, pad1, __pad, reserved2, unused */
bool slot_is_counter(const struct slot *s); /* a number that only grows: packets, bytes, count */

#endif
