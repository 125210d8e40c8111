/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "report/agreement_formats.h"

#include "report/common.h"
#include "report/json.h"

/* ---- the words that TAP and JUnit share ---- */

/* All that differs, a line each. */
static void print_all(struct buf *out, const struct agreement_row *r)
{
	for (size_t i = 0; i < r->n_diffs; i++) {
		struct agreement_row one = { .diffs = &r->diffs[i], .n_diffs = 1 };

		agreement_print_first(out, &one);
		if (r->diffs[i].known) {
			buf_puts(out, "; documented: ");
			agreement_print_known(out, r->diffs[i].known);
		}
		buf_putc(out, '\n');
	}
}

static void print_all_gone(struct buf *out, const struct agreement *g)
{
	for (size_t i = 0; i < g->target->n_known; i++) {
		const struct desc_known *k = &g->target->known[i];

		if (!agreement_is_gone(g, i))
			continue;
		buf_printf(out, "%s:%d: %s: ", k->loc.file, k->loc.line, k->scenario);
		agreement_print_known(out, k);
		buf_putc(out, '\n');
	}
}

static void print_name(struct buf *out, const struct agreement *g, const struct agreement_row *r)
{
	buf_printf(out, "%s (%s) as on %s", r->scenario, r->engine, g->target->name);
}

static void print_name_of_gone(struct buf *out, const struct agreement *g)
{
	buf_printf(out, "documented differences of %s are there", g->target->name);
}

/* ---- TAP ---- */

static void tap_message(struct buf *out, const char *message)
{
	buf_puts(out, "  ---\n  message: ");
	report_quoted(out, message);
	buf_puts(out, "\n  ...\n");
}

void agreement_print_tap(struct buf *out, const struct agreement *g, unsigned *n)
{
	for (size_t i = 0; i < g->n_rows; i++) {
		const struct agreement_row *r = &g->rows[i];
		__cleanup_buf struct buf all = BUF_INIT;

		buf_printf(out, "%sok %u - ", r->n_new ? "not " : "", ++*n);
		print_name(out, g, r);
		if (r->not_compared)
			buf_printf(out, " # SKIP %s", r->not_compared);
		buf_putc(out, '\n');
		print_all(&all, r);
		if (r->n_diffs)
			tap_message(out, buf_str(&all));
	}
	buf_printf(out, "%sok %u - ", g->gone ? "not " : "", ++*n);
	print_name_of_gone(out, g);
	buf_putc(out, '\n');
	if (g->gone) {
		__cleanup_buf struct buf all = BUF_INIT;

		print_all_gone(&all, g);
		tap_message(out, buf_str(&all));
	}
	buf_puts(out, "# ");
	agreement_print_totals(out, g);
}

/* ---- JUnit ---- */

static void junit_case(struct buf *out, const struct agreement *g, const char *name,
		       const char *skipped, bool failed, const char *text)
{
	buf_puts(out, "    <testcase name=\"");
	report_xml(out, name);
	buf_printf(out, "\" classname=\"verdict.agreement-%s\">\n", g->target->name);
	if (skipped) {
		buf_puts(out, "      <skipped message=\"");
		report_xml(out, skipped);
		buf_puts(out, "\"/>\n");
	}
	if (*text) {
		buf_puts(out,
			 failed ? "      <failure type=\"agreement\" message=\"not documented\">"
				: "      <system-out>");
		report_xml(out, text);
		buf_puts(out, failed ? "</failure>\n" : "</system-out>\n");
	}
	buf_puts(out, "    </testcase>\n");
}

void agreement_print_junit(struct buf *out, const struct agreement *g, const char *timestamp,
			   unsigned *tests, unsigned *failures)
{
	__cleanup_buf struct buf name = BUF_INIT, text = BUF_INIT;

	*tests = (unsigned)g->n_rows + 1;
	*failures = g->differ + (g->gone > 0);
	buf_printf(out,
		   "  <testsuite name=\"agreement-%s\" tests=\"%u\" failures=\"%u\" errors=\"0\" "
		   "skipped=\"%u\" time=\"0\" timestamp=\"%s\">\n",
		   g->target->name, *tests, *failures, g->not_compared, timestamp);
	for (size_t i = 0; i < g->n_rows; i++) {
		const struct agreement_row *r = &g->rows[i];

		buf_reset(&name);
		buf_reset(&text);
		print_name(&name, g, r);
		print_all(&text, r);
		junit_case(out, g, buf_str(&name), r->not_compared, r->n_new > 0, buf_str(&text));
	}
	buf_reset(&name);
	buf_reset(&text);
	print_name_of_gone(&name, g);
	print_all_gone(&text, g);
	junit_case(out, g, buf_str(&name), NULL, g->gone > 0, buf_str(&text));
	buf_puts(out, "  </testsuite>\n");
}

/* ---- JSON ---- */

static json_t *known(const struct desc_known *k)
{
	json_t *o;

	if (!k)
		return json_null();
	o = json_object();
	json_object_set_new(o, "file", json_text(k->loc.file));
	json_object_set_new(o, "line", json_integer(k->loc.line));
	json_object_set_new(o, "scenario", json_text(k->scenario));
	json_object_set_new(o, "variant", json_text(k->variant));
	json_object_set_new(o, "cause", json_text(word_name(&words_known_cause, (int)k->cause)));
	json_object_set_new(o, "why", json_text(k->why));
	json_object_set_new(o, "reference", json_text(k->reference));
	return o;
}

static json_t *differences(const struct agreement_row *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->n_diffs; i++) {
		const struct agreement_difference *d = &r->diffs[i];
		json_t *o = json_object();

		json_object_set_new(o, "variant", json_text(d->variant));
		json_object_set_new(o, "step", d->step ? json_number(d->step) : json_null());
		json_object_set_new(o, "packet", d->packet ? json_number(d->packet) : json_null());
		json_object_set_new(o, "field", json_text(d->field));
		json_object_set_new(o, "ours", json_text(d->ours));
		json_object_set_new(o, "theirs", json_text(d->theirs));
		json_object_set_new(o, "known", known(d->known));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *row(const struct agreement_row *r)
{
	json_t *o = json_object();

	json_object_set_new(o, "scenario", json_text(r->scenario));
	json_object_set_new(o, "engine", json_text(r->engine));
	json_object_set_new(o, "ours", json_text(report_status(r->ours)));
	json_object_set_new(o, "theirs", json_text(report_status(r->theirs)));
	json_object_set_new(o, "is", json_text(agreement_word(r)));
	json_object_set_new(o, "not_compared", json_text(r->not_compared));
	json_object_set_new(o, "differences", differences(r));
	return o;
}

json_t *agreement_json(const struct agreement *g)
{
	json_t *o = json_object(), *rows = json_array(), *gone = json_array();

	for (size_t i = 0; i < g->n_rows; i++)
		json_array_append_new(rows, row(&g->rows[i]));
	for (size_t i = 0; i < g->target->n_known; i++)
		if (agreement_is_gone(g, i))
			json_array_append_new(gone, known(&g->target->known[i]));
	json_object_set_new(o, "target", json_text(g->target->name));
	json_object_set_new(o, "agree", json_integer(g->agree));
	json_object_set_new(o, "documented", json_integer(g->documented));
	json_object_set_new(o, "differ", json_integer(g->differ));
	json_object_set_new(o, "not_compared", json_integer(g->not_compared));
	json_object_set_new(o, "gone", gone);
	json_object_set_new(o, "rows", rows);
	return o;
}
