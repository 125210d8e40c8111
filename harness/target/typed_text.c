// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The text of numbers, addresses and raw bytes, read and written without regard to any type. */
#include "target/typed_text.h"

#include <errno.h>
#include <string.h>

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

static bool is_hex(const char *s)
{
	return s[0] == '0' && (s[1] == 'x' || s[1] == 'X');
}

int text_to_number(const char *s, struct number *out)
{
	uint64_t n = 0, base = 10;

	*out = (struct number){ 0 };
	if (strcmp(s, "true") == 0 || strcmp(s, "false") == 0) {
		out->value = *s == 't';
		return 0;
	}
	out->is_negative = *s == '-';
	s += out->is_negative;
	if (is_hex(s)) {
		base = 16;
		s += 2;
	}
	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		uint64_t d = (uint64_t)digit(*s);

		if (d >= base)
			return -EINVAL;
		if (n > (UINT64_MAX - d) / base)
			return -ERANGE;
		n = n * base + d;
	}
	if (out->is_negative && n > (uint64_t)INT64_MAX + 1)
		return -ERANGE;
	out->is_negative = out->is_negative && n;
	out->value = out->is_negative ? -n : n;
	return 0;
}

bool text_to_mac(const char *s, uint8_t out[6])
{
	for (int i = 0; i < 6; i++) {
		int high = digit(s[0]), low;

		if (high > 15)
			return false;
		low = digit(s[1]);
		if (low > 15)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
		s += 2;
		if (i < 5 && *s != ':' && *s != '-')
			return false;
		s += i < 5;
	}
	return *s == '\0';
}

bool text_to_bytes(const char *s, void *out, size_t size)
{
	uint8_t *bytes = out;

	if (!is_hex(s) || strlen(s + 2) != 2 * size)
		return false;
	s += 2;
	for (size_t i = 0; i < 2 * size; i++)
		if (digit(s[i]) > 15)
			return false;
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(digit(s[2 * i]) << 4 | digit(s[2 * i + 1]));
	return true;
}

const char *bytes_to_text(struct arena *a, const void *data, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *bytes = data;
	char *text = arena_alloc(a, 2 * size + 3);

	memcpy(text, "0x", 2);
	for (size_t i = 0; i < size; i++) {
		text[2 + 2 * i] = digits[bytes[i] >> 4];
		text[3 + 2 * i] = digits[bytes[i] & 15];
	}
	return text;
}
