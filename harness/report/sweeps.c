// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What became of variants, in a word and in a line. */
#include "report/sweeps.h"

#include <inttypes.h>
#include <string.h>

#include "base/arena.h"
#include "report/common.h"

size_t report_variants(const struct scenario_result *res)
{
	size_t n = 0;

	for (size_t i = 0; i < res->n_sweeps; i++)
		n += res->sweeps[i].status == SWEEP_SAME || res->sweeps[i].status == SWEEP_DIFFERS;
	return n;
}

void report_print_swept(struct buf *out, const struct scenario_result *res)
{
	size_t n = 0;

	for (size_t i = 0; i < res->n_sweeps; i++)
		if (res->sweeps[i].status == SWEEP_DIFFERS)
			buf_printf(out, "%s%s", n++ ? ", " : "sweep ", res->sweeps[i].name);
}

const char *report_sweep_status(enum sweep_status status)
{
	static const char *const names[] = {
		[SWEEP_SAME] = "same",
		[SWEEP_DIFFERS] = "differs",
		[SWEEP_NOT_RUN] = "not-run",
		[SWEEP_EXCEPTED] = "excepted",
	};

	return names[status];
}

void report_print_variant(struct buf *out, const struct sweep_result *s)
{
	buf_printf(out, "%s: ", s->name);
	switch (s->status) {
	case SWEEP_NOT_RUN:
		buf_printf(out, "not run: %s", s->why ? s->why : "no packet was sent");
		return;
	case SWEEP_EXCEPTED:
		buf_printf(out, "excepted: %s", s->why);
		return;
	case SWEEP_SAME:
	case SWEEP_DIFFERS:
		break;
	}
	if (s->n_diffs)
		buf_printf(out, "%zu difference%s", s->n_diffs, s->n_diffs == 1 ? "" : "s");
	else
		buf_puts(out, "nothing else changed");
	buf_printf(out, ", %" PRIu64 " packet%s varied", s->n_varied, s->n_varied == 1 ? "" : "s");
	if (s->why)
		buf_printf(out, "; of others: %s", s->why);
}

/* ---- over a run ---- */

struct left {
	const char *name, *why, *scenario; /* the first */
	unsigned n;
};

struct variants_left {
	struct arena *a;
	struct left *items;
	size_t n;
};

struct variants_left *variants_left_new(void)
{
	struct arena *a = arena_new();
	struct variants_left *l = arena_new_of(a, struct variants_left);

	l->a = a;
	return l;
}

static struct left *find(struct variants_left *l, const struct sweep_result *s, const char *why)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->items[i].name, s->name) && !strcmp(l->items[i].why, why))
			return &l->items[i];
	l->items = arena_grow(l->a, l->items, l->n, sizeof(*l->items));
	l->items[l->n] = (struct left){ .name = arena_strdup(l->a, s->name),
					.why = arena_strdup(l->a, why) };
	return &l->items[l->n++];
}

void variants_left_add(struct variants_left *l, const struct scenario_result *res)
{
	for (size_t i = 0; i < res->n_sweeps; i++) {
		const struct sweep_result *s = &res->sweeps[i];
		struct left *left;

		if (s->status != SWEEP_NOT_RUN)
			continue;
		left = find(l, s, s->why ? s->why : "no packet was sent");
		if (!left->n++)
			left->scenario = arena_strdup(l->a, report_name(res));
	}
}

void variants_left_print(struct buf *out, const struct variants_left *l)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct left *left = &l->items[i];

		if (left->n == 1)
			buf_printf(out, "not run: %s of %s: %s\n", left->name, left->scenario,
				   left->why);
		else
			buf_printf(out, "not run: %s of %u scenarios: %s\n", left->name, left->n,
				   left->why);
	}
}

void variants_left_free(struct variants_left *l)
{
	if (l)
		arena_free(l->a);
}
