/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <string.h>

#include "report/agreement.h"
#include "report/common.h"

#define WIDEST 48 /* of a column */

const char *agreement_word(const struct agreement_row *r)
{
	if (r->not_compared)
		return "not compared";
	if (!r->n_diffs)
		return "agree";
	return r->n_new ? "differ" : "documented";
}

static const struct agreement_difference *first(const struct agreement_row *r)
{
	for (size_t i = 0; i < r->n_diffs; i++)
		if (!r->diffs[i].known || !r->n_new)
			return &r->diffs[i];
	return NULL;
}

void agreement_print_known(struct buf *out, const struct desc_known *k)
{
	buf_printf(out, "%s: %s", word_name(&words_known_cause, (int)k->cause), k->why);
	if (k->reference)
		buf_printf(out, " (%s)", k->reference);
}

void agreement_print_first(struct buf *out, const struct agreement_row *r)
{
	const struct agreement_difference *d = first(r);

	if (!d)
		return;
	if (d->variant)
		buf_printf(out, "sweep %s, ", d->variant);
	if (d->step)
		buf_printf(out, "step %u, ", d->step);
	if (d->packet)
		buf_printf(out, "packet %u, ", d->packet);
	buf_printf(out, "%s: ours %s, theirs %s", d->field, d->ours, d->theirs);
	if (r->n_diffs > 1)
		buf_printf(out, "; and %zu more", r->n_diffs - 1);
}

void agreement_print_totals(struct buf *out, const struct agreement *g)
{
	buf_printf(out, "%u agree", g->agree);
	if (g->documented)
		buf_printf(out, ", %u differ as documented", g->documented);
	buf_printf(out, ", %u differ%s", g->differ, g->differ == 1 ? "s" : "");
	if (g->not_compared)
		buf_printf(out, ", %u not compared", g->not_compared);
	if (g->gone)
		buf_printf(out, "; %u documented difference%s no longer there", g->gone,
			   g->gone == 1 ? " is" : "s are");
	buf_putc(out, '\n');
}

static int width(const struct agreement *g, bool engine)
{
	size_t w = 8;

	for (size_t i = 0; i < g->n_rows; i++) {
		size_t n = strlen(engine ? g->rows[i].engine : g->rows[i].scenario);

		w = n > w ? n : w;
	}
	return (int)(w > WIDEST ? WIDEST : w);
}

static void print_row(struct buf *out, const struct agreement *g, const struct agreement_row *r)
{
	buf_printf(out, "  %-*s  %-*s  %-10s  %-*s  %s", width(g, false), r->scenario,
		   width(g, true), r->engine, report_status(r->ours),
		   (int)(strlen(g->target->name) > 10 ? strlen(g->target->name) : 10),
		   report_status(r->theirs), agreement_word(r));
	if (r->not_compared)
		buf_printf(out, ": %s", r->not_compared);
	if (r->n_diffs) {
		buf_puts(out, ": ");
		agreement_print_first(out, r);
	}
	buf_putc(out, '\n');
	if (!r->n_diffs || r->n_new)
		return;
	buf_puts(out, "    ");
	agreement_print_known(out, first(r)->known);
	buf_putc(out, '\n');
}

static void print_gone(struct buf *out, const struct agreement *g)
{
	for (size_t i = 0; i < g->target->n_known; i++) {
		const struct desc_known *k = &g->target->known[i];

		if (!agreement_is_gone(g, i))
			continue;
		buf_printf(out,
			   "  %s:%d: %s no longer differs in this: take it out there, and out of "
			   "what is written about it: ",
			   k->loc.file, k->loc.line, k->scenario);
		agreement_print_known(out, k);
		buf_putc(out, '\n');
	}
}

void agreement_print(struct buf *out, const struct agreement *g)
{
	buf_printf(out, "Verdict's own objects and %s\n", g->target->name);
	buf_printf(out, "  %-*s  %-*s  %-10s  %s\n", width(g, false), "SCENARIO", width(g, true),
		   "ENGINE", "OURS", g->target->name);
	for (size_t i = 0; i < g->n_rows; i++)
		print_row(out, g, &g->rows[i]);
	print_gone(out, g);
	agreement_print_totals(out, g);
}

/* ---- the table of what is documented ---- */

/* Of n that are one line of the file: each scenario once. */
static void print_scenarios(struct buf *out, const struct desc_known *known, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!i || strcmp(known[i].scenario, known[i - 1].scenario) != 0)
			buf_printf(out, "%s[%s](../scenarios/%s)", i ? ", " : "", known[i].scenario,
				   known[i].scenario);
}

static void print_steps(struct buf *out, const struct desc_known *known, size_t n)
{
	size_t of_one = 1;

	while (of_one < n && !strcmp(known[of_one].scenario, known[0].scenario))
		of_one++;
	buf_puts(out, of_one > 1 ? "steps " : "step ");
	for (size_t i = 0; i < of_one; i++)
		buf_printf(out, "%s%u", i ? ", " : "", known[i].step);
}

static void print_where(struct buf *out, const struct desc_known *known, size_t n)
{
	const char *comma = "";

	if (known->variant) {
		buf_printf(out, "sweep `%s`", known->variant);
		comma = ", ";
	}
	if (known->step) {
		buf_puts(out, comma);
		print_steps(out, known, n);
		comma = ", ";
	}
	if (known->field)
		buf_printf(out, "%s`%s`", comma, known->field);
	else if (!*comma)
		buf_puts(out, "all");
}

static void print_reference(struct buf *out, const char *reference)
{
	size_t repository = strcspn(reference, "#");

	if (reference[repository])
		buf_printf(out, "[%s](https://github.com/%.*s/issues/%s)", reference,
			   (int)repository, reference, reference + repository + 1);
	else
		buf_puts(out, reference);
}

void agreement_print_documented(struct buf *out, const struct target_desc *t)
{
	buf_puts(out, "| scenarios | where | cause | what is done otherwise | upstream |\n"
		      "|---|---|---|---|---|\n");
	for (size_t i = 0, next; i < t->n_known; i = next) {
		const struct desc_known *k = &t->known[i];

		for (next = i; next < t->n_known && t->known[next].loc.line == k->loc.line; next++)
			;
		buf_puts(out, "| ");
		print_scenarios(out, k, next - i);
		buf_puts(out, " | ");
		print_where(out, k, next - i);
		buf_printf(out, " | %s | %s | ", word_name(&words_known_cause, (int)k->cause),
			   k->why);
		if (k->reference)
			print_reference(out, k->reference);
		buf_puts(out, " |\n");
	}
}
