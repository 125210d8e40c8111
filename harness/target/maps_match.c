// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Whether a tree of values is what a pattern asks for. */
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "target/maps.h"
#include "target/typed_text.h"
#include "target/typed_type.h"

static bool same_number(const struct value *a, const struct value *b)
{
	struct number x, y;

	return !a->quoted && !b->quoted && text_to_number(a->text, &x) == 0 &&
	       text_to_number(b->text, &y) == 0 && x.value == y.value &&
	       x.is_negative == y.is_negative;
}

static bool same_address(const char *a, const char *b)
{
	uint8_t x[16], y[16];

	if (inet_pton(AF_INET, a, x) == 1)
		return inet_pton(AF_INET, b, y) == 1 && memcmp(x, y, 4) == 0;
	if (inet_pton(AF_INET6, a, x) == 1)
		return inet_pton(AF_INET6, b, y) == 1 && memcmp(x, y, 16) == 0;
	return text_to_mac(a, x) && text_to_mac(b, y) && memcmp(x, y, 6) == 0;
}

static bool same_scalar(const struct value *a, const struct value *b)
{
	if (strcmp(a->text, b->text) == 0 || same_number(a, b) || same_address(a->text, b->text))
		return true;
	/* Bytes as hex: the digits' case says nothing. */
	return strncmp(a->text, "0x", 2) == 0 && strcasecmp(a->text, b->text) == 0;
}

static bool is_zero(const struct value *v)
{
	struct number n;

	return v->kind == VALUE_SCALAR && !v->quoted && text_to_number(v->text, &n) == 0 &&
	       n.value == 0;
}

static bool same_map(const struct value *pattern, const struct value *v)
{
	for (size_t i = 0; i < pattern->n; i++) {
		const char *name = pattern->keys[i]->text;
		const struct value *is = value_get(v, name);

		/* Padding that is zero is left out of what is read. */
		if (!is && name_is_padding(name) && is_zero(pattern->items[i]))
			continue;
		if (!value_matches(pattern->items[i], is))
			return false;
	}
	return true;
}

bool value_matches(const struct value *pattern, const struct value *v)
{
	if (!pattern || pattern->kind == VALUE_NULL)
		return !v || v->kind == VALUE_NULL;
	if (!v || pattern->kind != v->kind)
		return false;
	if (pattern->kind == VALUE_SCALAR)
		return same_scalar(pattern, v);
	if (pattern->kind == VALUE_MAP)
		return same_map(pattern, v);
	if (pattern->n != v->n)
		return false;
	for (size_t i = 0; i < pattern->n; i++)
		if (!value_matches(pattern->items[i], v->items[i]))
			return false;
	return true;
}
