/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Packet numbers ("1-3,9", "4-"), counts ("0", "2-4", "1-") and members ("node/master-0"). */
#include <string.h>

#include "scenario/parts.h"

/* "7", "1-3", "4-" in the first len characters of s. */
static bool parse_range(const char *s, size_t len, uint64_t max, uint64_t *first, uint64_t *last)
{
	const char *dash = memchr(s, '-', len);
	size_t head = dash ? (size_t)(dash - s) : len;

	if (!parse_u64(s, head, max, first))
		return false;
	*last = *first;
	if (!dash)
		return true;
	if (head + 1 == len) {
		*last = max;
		return true;
	}
	return parse_u64(dash + 1, len - head - 1, max, last) && *last >= *first;
}

int read_packet_set(struct schema_ctx *ctx, const struct value *v, struct packet_set *out)
{
	const char *p = value_text(v);

	while (p) {
		size_t blank = strspn(p, " "), len = strcspn(p + blank, ",");
		size_t used = len;
		uint64_t first, last;

		p += blank;
		while (used && p[used - 1] == ' ')
			used--;
		if (!parse_range(p, used, UINT32_MAX, &first, &last) || first == 0)
			break;
		out->ranges = arena_grow(ctx->arena, out->ranges, out->n, sizeof(*out->ranges));
		out->ranges[out->n++] = (struct packet_range){ (uint32_t)first, (uint32_t)last };
		if (!p[len])
			return 0;
		p += len + 1;
	}
	return err_input(
		ctx->err, &v->loc,
		"expected packet numbers such as 1-3, 7, 4- or 1-3,9 (the first packet is 1)%s%s%s",
		value_text(v) ? ", found '" : "", value_text(v) ? v->text : "",
		value_text(v) ? "'" : "");
}

bool packet_set_has(const struct packet_set *s, uint32_t number)
{
	for (size_t i = 0; i < s->n; i++)
		if (number >= s->ranges[i].first && number <= s->ranges[i].last)
			return true;
	return s->n == 0;
}

bool packet_sets_meet(const struct packet_set *a, const struct packet_set *b)
{
	for (size_t i = 0; i < a->n; i++)
		for (size_t j = 0; j < b->n; j++)
			if (a->ranges[i].first <= b->ranges[j].last &&
			    b->ranges[j].first <= a->ranges[i].last)
				return true;
	return a->n == 0 || b->n == 0;
}

void packet_set_print(struct buf *out, const struct packet_set *s)
{
	if (!s->n)
		buf_puts(out, "all");
	for (size_t i = 0; i < s->n; i++) {
		buf_printf(out, "%s%u", i ? "," : "", s->ranges[i].first);
		if (s->ranges[i].last == UINT32_MAX)
			buf_putc(out, '-');
		else if (s->ranges[i].last != s->ranges[i].first)
			buf_printf(out, "-%u", s->ranges[i].last);
	}
}

int read_count(struct schema_ctx *ctx, const struct value *v, uint64_t *min, uint64_t *max)
{
	const char *s = value_text(v);

	if (s && parse_range(s, strlen(s), UINT64_MAX, min, max))
		return 0;
	return err_input(ctx->err, &v->loc, "expected a count such as 0, 2-4 or 1-");
}

int read_member(struct schema_ctx *ctx, const struct value *v, struct member *out)
{
	const char *s = value_text(v), *slash;

	out->loc = v->loc;
	if (s && strcmp(s, "world") == 0) {
		out->kind = MEMBER_WORLD;
		return 0;
	}
	if (s && strncmp(s, "node/", 5) == 0 && s[5] && !strchr(s + 5, '/')) {
		out->kind = MEMBER_NODE;
		out->name = s + 5;
		return 0;
	}
	slash = s && strncmp(s, "pod/", 4) == 0 ? strchr(s + 4, '/') : NULL;
	if (slash && slash > s + 4 && slash[1] && !strchr(slash + 1, '/')) {
		out->kind = MEMBER_POD;
		out->ns = arena_strndup(ctx->arena, s + 4, (size_t)(slash - s - 4));
		out->name = slash + 1;
		return 0;
	}
	return err_input(ctx->err, &v->loc, "expected node/NAME, pod/NAMESPACE/NAME or world%s%s%s",
			 s ? ", found '" : "", s ? s : "", s ? "'" : "");
}
