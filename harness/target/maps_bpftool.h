/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Inside target/ only: entries as bpftool prints them. */
#ifndef VERDICT_TARGET_MAPS_BPFTOOL_H
#define VERDICT_TARGET_MAPS_BPFTOOL_H

#include <stddef.h>
#include <stdint.h>

#include "target/maps_file.h"

struct btf;

/* bpftool names anonymous members "", each of them; this stands in their place, with a number. */
#define BPFTOOL_ANONYMOUS "(anonymous)"

/* Bytes of a key or value. formatted is the tree by field name, NULL if there is none; raw the list
 * of "0xNN". Where both say the same under this type, the raw bytes are taken (text and padding lose
 * nothing then); where not, the dump is another version's and fields find each other by name.
 */
int bpftool_encode(const struct btf *btf, uint32_t type, const struct value *formatted,
		   const struct value *raw, const struct loc *at, void *out, size_t size,
		   struct maps_load *load, struct arena *scratch, struct err *err);
/* Adds a note unless it is there already. */
void maps_note(struct maps_load *load, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
