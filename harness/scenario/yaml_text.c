/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* YAML text before it is parsed: is it text at all, and where in it does a byte stand? */
#include <stdint.h>
#include <string.h>

#include "scenario/yaml_parts.h"

/* Longer lines are counted in bytes: counting characters for every node of one would be quadratic. */
#define MAX_CHAR_LINE 400

void yaml_index_lines(struct yaml_loader *l)
{
	const char *p = l->text, *end = l->text + l->len;

	while (p && p < end) {
		l->lines = arena_grow(l->a, l->lines, l->n_lines, sizeof(*l->lines));
		l->lines[l->n_lines++] = (size_t)(p - l->text);
		p = memchr(p, '\n', (size_t)(end - p));
		if (p)
			p++;
	}
}

struct loc yaml_loc_at(const struct yaml_loader *l, size_t pos)
{
	size_t lo = 0, hi = l->n_lines;
	struct loc loc = { l->name, l->first_line, 1 };
	size_t start;

	if (!l->n_lines)
		return loc;
	if (pos >= l->len)
		pos = l->len - 1;
	while (hi - lo > 1) {
		size_t mid = (lo + hi) / 2;

		if (l->lines[mid] <= pos)
			lo = mid;
		else
			hi = mid;
	}
	start = l->lines[lo];
	loc.line = (int)lo + l->first_line;
	if (start == 0 && l->first_line == 1 && l->len >= 3 &&
	    memcmp(l->text, "\xef\xbb\xbf", 3) == 0 && pos >= 3)
		start = 3;
	if (pos - start > MAX_CHAR_LINE) {
		loc.col = (int)(pos - start) + 1;
		return loc;
	}
	for (size_t i = start; i < pos; i++)
		loc.col += (l->text[i] & 0xc0) != 0x80;
	return loc;
}

/* Length of the UTF-8 character at p, 0 if it is none (RFC 3629, section 4). */
static size_t utf8_length(const uint8_t *p, size_t left)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = *p < 0x80 ? 1 : *p >> 5 == 6 ? 2 : *p >> 4 == 14 ? 3 : *p >> 3 == 30 ? 4 : 0;
	uint32_t c = len == 1 ? *p : *p & (0x7f >> len);

	if (!len || len > left)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if (p[i] >> 6 != 2)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	return len;
}

size_t yaml_not_utf8(const char *text, size_t len)
{
	for (size_t i = 0, n; i < len; i += n) {
		uint64_t eight = 0;

		if (len - i >= 8)
			memcpy(&eight, text + i, 8);
		n = len - i >= 8 && !(eight & 0x8080808080808080ull)
			    ? 8
			    : utf8_length((const uint8_t *)text + i, len - i);
		if (!n)
			return i;
	}
	return len;
}

int yaml_check_bytes(struct yaml_loader *l, size_t max)
{
	const char *nul = memchr(l->text, '\0', l->len);
	struct loc whole = { l->name, 0, 0 };
	size_t bad;

	if (l->len > max)
		return err_input(l->err, &whole, "larger than %zu MiB, which no manifest is",
				 (max + (1u << 20) - 1) >> 20);
	if (nul)
		return yaml_fail(l, (size_t)(nul - l->text), "a NUL byte: this is no YAML text");
	bad = yaml_not_utf8(l->text, l->len);
	if (bad < l->len)
		return yaml_fail(l, bad, "a byte that is no UTF-8: save the file as UTF-8");
	return 0;
}
