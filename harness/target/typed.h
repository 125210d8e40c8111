/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Bytes of a BTF type from a tree of named values, and back.
 *
 * Field types decide the encoding: __be16/__be32/__be64 by type name in network order (a __be32
 * or __u32 field whose name says address, or a number without a name, may be written dotted and is then
 * kept in network order),
 * __u8[16] and union v6addr as IPv6, __u8[6], mac_t and union macaddr as MAC, enums by name, bit
 * fields by width, char arrays as text, unions and anonymous members by the name of the member. A missing
 * field is zero; an unknown one is an input error that lists the known ones and the nearest.
 * Numbers: decimal, 0x hex, true/false; a value that does not fit its field is an error.
 */
#ifndef VERDICT_TARGET_TYPED_H
#define VERDICT_TARGET_TYPED_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/value.h"

struct btf;

/* out has size bytes and is zeroed first. */
int typed_encode(const struct btf *btf, uint32_t type_id, const struct value *v, void *out,
		 size_t size, struct err *err);
/* Zero padding fields (pad*, reserved*) are left out; the members of a union: the one that the
 * field table in typed.c prefers, else the first. Never fails: what has no type becomes hex.
 */
struct value *typed_decode(struct arena *a, const struct btf *btf, uint32_t type_id,
			   const void *data, size_t size);
/* Copies a struct from one layout to another, field by field by name, bit fields included; fields
 * the new one lacks are dropped, fields the old one lacks are zero. Where a type is missing (id 0)
 * the common prefix of bytes is copied.
 */
int typed_convert(const struct btf *from, uint32_t from_id, const void *src, size_t src_size,
		  const struct btf *to, uint32_t to_id, void *dst, size_t dst_size,
		  struct err *err);

#endif
