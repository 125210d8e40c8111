// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Numbers moved in and out of the bits of a slot. */
#include "target/typed_type.h"

#include <string.h>

/* Bit fields of a big-endian machine count from the most significant bit. */
static uint8_t bit_mask(size_t at)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return (uint8_t)(1u << (at % 8));
#else
	return (uint8_t)(0x80u >> (at % 8));
#endif
}

static uint64_t weight(size_t i, size_t bits)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	(void)bits;
	return 1ull << i;
#else
	return 1ull << (bits - 1 - i);
#endif
}

/* Bytes of a number, the least significant one first. */
static size_t byte_at(const struct slot *s, size_t i)
{
	bool little = (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) && !s->network_order;

	return slot_byte(s) + (little ? i : slot_bytes(s) - 1 - i);
}

uint64_t slot_get(const struct slot *s, const void *data)
{
	const uint8_t *bytes = data;
	uint64_t n = 0;

	if (s->bitfield) {
		for (size_t i = 0; i < s->bits; i++)
			if (bytes[(s->bit + i) / 8] & bit_mask(s->bit + i))
				n |= weight(i, s->bits);
	} else {
		for (size_t i = 0; i < slot_bytes(s); i++)
			n |= (uint64_t)bytes[byte_at(s, i)] << (8 * i);
	}
	if (s->is_signed && s->bits > 0 && s->bits < 64 && (n >> (s->bits - 1)) & 1)
		n |= ~0ull << s->bits;
	return n;
}

void slot_put(const struct slot *s, void *data, uint64_t number)
{
	uint8_t *bytes = data;

	if (!s->bitfield) {
		for (size_t i = 0; i < slot_bytes(s); i++)
			bytes[byte_at(s, i)] = (uint8_t)(number >> (8 * i));
		return;
	}
	for (size_t i = 0; i < s->bits; i++) {
		uint8_t mask = bit_mask(s->bit + i);
		uint8_t *byte = &bytes[(s->bit + i) / 8];

		*byte = (uint8_t)(number & weight(i, s->bits) ? *byte | mask : *byte & ~mask);
	}
}

bool slot_holds(const struct slot *s, uint64_t number, bool is_negative)
{
	uint64_t top = s->bits >= 64 ? UINT64_MAX : (1ull << s->bits) - 1;

	if (!s->is_signed)
		return !is_negative && number <= top;
	if (is_negative)
		return (int64_t)number >= -(int64_t)(top / 2) - 1;
	return number <= top / 2;
}

bool slot_is_zero(const struct slot *s, const void *data)
{
	const uint8_t *bytes = data;

	if (s->bitfield)
		return slot_get(s, data) == 0;
	for (size_t i = 0; i < slot_bytes(s); i++)
		if (bytes[slot_byte(s) + i])
			return false;
	return true;
}

void slot_clear(const struct slot *s, void *data)
{
	if (s->bitfield)
		slot_put(s, data, 0);
	else
		memset((uint8_t *)data + slot_byte(s), 0, slot_bytes(s));
}
