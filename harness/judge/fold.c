// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Many packets that differ in the same way are told once: the first of them whole, the others by number.
 * Thirty lost replies are one finding, and the thirty-first, which is another, must not drown in them.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "judge/check.h"

#define KINDS_MAX                                                                                  \
	64 /* kept in mind: beyond, a packet is told again rather than looked up for long */
#define RANGES_MAX 8 /* shown of a kind's packet numbers */

/* The differences of one packet, and the packets that differ like it. */
struct kind {
	const struct difference *d;
	size_t n; /* differences of one packet */
	size_t alike; /* packets beyond the first */
	struct packet_range ranges[RANGES_MAX];
	size_t n_ranges;
	bool more; /* than there is room for */
};

static size_t packet_diffs(const struct difference *d, size_t n)
{
	size_t same = 1;

	while (d->packet && same < n && d[same].packet == d->packet)
		same++;
	return same;
}

static bool is_number_word(const char *word, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (isdigit((unsigned char)word[i]) || word[i] == ':')
			return true;
	return false;
}

/* Why an outcome could not be known names addresses: those may differ from packet to packet. */
static bool same_but_numbers(const char *a, const char *b)
{
	while (*a || *b) {
		size_t la = strcspn(a, " "), lb = strcspn(b, " ");

		if (!(is_number_word(a, la) && is_number_word(b, lb)) &&
		    (la != lb || memcmp(a, b, la) != 0))
			return false;
		a += la + strspn(a + la, " ");
		b += lb + strspn(b + lb, " ");
	}
	return true;
}

static bool same_place(const struct hop *a, const struct hop *b)
{
	if (!a || !b)
		return a == b;
	return strcmp(a->at, b->at) == 0 && strcmp(a->program, b->program) == 0;
}

static bool alike(const struct difference *a, const struct difference *b)
{
	bool unknown =
		a->packet->outcome == b->packet->outcome &&
		(a->packet->outcome == OUTCOME_UNMODELLED || a->packet->outcome == OUTCOME_NONE);

	if (a->variant != b->variant || a->loc.line != b->loc.line || a->loc.col != b->loc.col ||
	    strcmp(a->field, b->field) != 0 || strcmp(a->expected, b->expected) != 0 ||
	    !same_place(a->hop, b->hop))
		return false;
	return unknown ? same_but_numbers(a->actual, b->actual) : !strcmp(a->actual, b->actual);
}

static bool is_like(const struct kind *k, const struct difference *d, size_t n)
{
	if (!d->packet || !k->d->packet || k->n != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!alike(&k->d[i], &d[i]))
			return false;
	return true;
}

static void kind_add(struct kind *k, uint32_t number)
{
	struct packet_range *last = k->n_ranges ? &k->ranges[k->n_ranges - 1] : NULL;

	k->alike++;
	if (last && !k->more && last->last + 1 == number)
		last->last = number;
	else if (k->n_ranges < RANGES_MAX)
		k->ranges[k->n_ranges++] = (struct packet_range){ number, number };
	else
		k->more = true;
}

static void print_alike(struct buf *out, const struct kind *k)
{
	if (!k->alike)
		return;
	buf_printf(out, "  and %zu more packet%s like this: ", k->alike, k->alike == 1 ? "" : "s");
	for (size_t i = 0; i < k->n_ranges; i++) {
		const struct packet_range *r = &k->ranges[i];

		buf_printf(out, "%s%" PRIu32, i ? ", " : "", r->first);
		if (r->last > r->first)
			buf_printf(out, "-%" PRIu32, r->last);
	}
	buf_puts(out, k->more ? ", ...\n" : "\n");
}

static struct kind *find_kind(struct kind *kinds, size_t n_kinds, const struct difference *d,
			      size_t n)
{
	for (size_t i = n_kinds > KINDS_MAX ? n_kinds - KINDS_MAX : 0; i < n_kinds; i++)
		if (is_like(&kinds[i], d, n))
			return &kinds[i];
	return NULL;
}

size_t judge_print_folded(struct buf *out, const struct difference *d, size_t n, size_t *room)
{
	struct arena *a = arena_new();
	struct kind *kinds = NULL;
	size_t n_kinds = 0, told = 0;

	for (size_t i = 0, same; i < n; i += same) {
		struct kind *k;

		same = packet_diffs(&d[i], n - i);
		k = find_kind(kinds, n_kinds, &d[i], same);
		if (k) {
			kind_add(k, d[i].packet->number);
			told += same;
		} else if (*room) {
			kinds = arena_grow(a, kinds, n_kinds, sizeof(*kinds));
			kinds[n_kinds++] = (struct kind){ .d = &d[i], .n = same };
			told += same;
			*room -= same < *room ? same : *room;
		}
	}
	for (size_t i = 0; i < n_kinds; i++) {
		judge_print_group(out, kinds[i].d, kinds[i].n);
		print_alike(out, &kinds[i]);
	}
	arena_free(a);
	return told;
}
