/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Inside target/ only: the text of numbers, addresses and raw bytes. */
#ifndef VERDICT_TARGET_TYPED_TEXT_H
#define VERDICT_TARGET_TYPED_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

struct number {
	uint64_t value; /* two's complement if negative */
	bool is_negative;
};

/* Decimal, 0x hex, true or false; the whole text. -EINVAL: no number, -ERANGE: beyond 64 bits. */
int text_to_number(const char *s, struct number *out);
/* "aa:bb:cc:dd:ee:ff" or with dashes. */
bool text_to_mac(const char *s, uint8_t out[6]);
/* "0x" and exactly 2 * size digits, in memory order. */
bool text_to_bytes(const char *s, void *out, size_t size);
const char *bytes_to_text(struct arena *a, const void *data, size_t size);

#endif
