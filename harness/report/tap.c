// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* TAP (testanything.org): one test point a scenario and engine, a YAML block for what is not as expected.
 * It calls itself version 13, of which it uses no more: prove(1) refuses 14.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/agreement_formats.h"
#include "report/common.h"
#include "report/lines.h"
#include "report/objects.h"
#include "report/sweeps.h"

#define SHOWN_DIFFERENCES 100 /* of one scenario: the JSON report has them all */

struct tap {
	struct reporter r;
	FILE *f;
	unsigned planned, done;
	struct buf objects; /* that were told of */
};

static int tap_written(struct tap *t, struct err *err)
{
	int ret = lines_written(t->f);

	return ret ? err_system(err, -ret, "cannot write the TAP report") : 0;
}

static int tap_begin(struct reporter *r, const struct report_env *env, unsigned planned,
		     struct err *err)
{
	struct tap *t = (struct tap *)r;

	/* a point for each comparison, and one for what is gone */
	t->planned = planned + env->compared + (env->compared > 0);
	fprintf(t->f, "TAP version 13\n1..%u\n", t->planned);
	fprintf(t->f, "# verdict %s, Linux %s, objects %s\n", env->version, env->kernel,
		env->objects ? env->objects : "none");
	return tap_written(t, err);
}

/* In a description a # would begin a directive; a newline would end the test point. */
static void tap_escaped(struct buf *out, const char *text)
{
	__cleanup_buf struct buf clean = BUF_INIT;

	report_clean(&clean, text);
	for (const char *s = buf_str(&clean); *s; s++) {
		if (*s == '\\' || *s == '#')
			buf_putc(out, '\\');
		buf_putc(out, *s == '\n' || *s == '\t' ? ' ' : *s);
	}
}

static void yaml_line(struct buf *out, const char *indent, const char *key, const char *value)
{
	buf_printf(out, "%s%s: ", indent, key);
	report_quoted(out, value);
	buf_putc(out, '\n');
}

static void tap_difference(struct buf *out, const struct difference *d)
{
	__cleanup_buf struct buf text = BUF_INIT;

	judge_print_difference(&text, d);
	buf_printf(out, "    - file: ");
	report_quoted(out, d->loc.file ? d->loc.file : "");
	buf_printf(out, "\n      line: %d\n      step: %u\n", d->loc.line, d->step);
	if (d->packet)
		buf_printf(out, "      packet: %u\n", d->packet->number);
	if (d->hop) {
		yaml_line(out, "      ", "at", d->hop->at);
		yaml_line(out, "      ", "program", d->hop->program);
	}
	if (d->variant)
		yaml_line(out, "      ", "variant", d->variant);
	yaml_line(out, "      ", "field", d->field);
	yaml_line(out, "      ", "expected", d->expected);
	yaml_line(out, "      ", "actual", d->actual);
	yaml_line(out, "      ", "text", buf_str(&text));
}

static void tap_block(struct buf *out, const struct scenario_result *res)
{
	size_t n = report_differences(res);

	buf_puts(out, "  ---\n");
	buf_printf(out, "  severity: %s\n",
		   res->status == STATUS_ERROR	      ? "error"
		   : res->status == STATUS_UNREVIEWED ? "unreviewed"
						      : "fail");
	if (res->path)
		yaml_line(out, "  ", "file", res->path);
	if (res->status == STATUS_ERROR && res->err) {
		buf_printf(out, "  exit: %d\n", err_exit_code(res->err));
		yaml_line(out, "  ", "message", res->err->text);
	}
	if (res->status == STATUS_UNREVIEWED) {
		__cleanup_buf struct buf message = BUF_INIT;

		report_print_unreviewed(&message, res);
		yaml_line(out, "  ", "message", buf_str(&message));
	}
	if (n)
		buf_puts(out, "  differences:\n");
	for (size_t i = 0; i < n && i < SHOWN_DIFFERENCES; i++)
		tap_difference(out, report_difference(res, i));
	if (n > SHOWN_DIFFERENCES)
		buf_printf(out, "  more_differences: %zu\n", n - SHOWN_DIFFERENCES);
	if (res->pcapng)
		yaml_line(out, "  ", "pcapng", res->pcapng);
	buf_puts(out, "  ...\n");
}

/* As comments: diagnostics of the run, of no test. */
static void tap_objects(struct tap *t, struct buf *out, const struct run_trace *trace)
{
	for (size_t i = 0; trace && i < trace->n_objects; i++) {
		__cleanup_buf struct buf text = BUF_INIT, clean = BUF_INIT;

		if (!report_object_is_new(&t->objects, &trace->objects[i]))
			continue;
		report_object_print(&text, &trace->objects[i], true);
		report_clean(&clean, buf_str(&text));
		for (const char *at = buf_str(&clean); *at; at += strcspn(at, "\n") + 1)
			buf_printf(out, "# %.*s\n", (int)strcspn(at, "\n"), at);
	}
}

static void tap_notes(struct buf *out, const struct run_trace *trace)
{
	for (size_t i = 0; trace && i < trace->n_notes; i++) {
		buf_puts(out, "# note: ");
		tap_escaped(out, trace->notes[i]);
		buf_putc(out, '\n');
	}
}

/* Those that ran and changed nothing are counted. */
static void tap_variants(struct buf *out, const struct scenario_result *res)
{
	size_t n = report_variants(res);

	if (n)
		buf_printf(out, "# sweep: %zu variant%s\n", n, n == 1 ? "" : "s");
	for (size_t i = 0; i < res->n_sweeps; i++) {
		__cleanup_buf struct buf line = BUF_INIT;

		if (res->sweeps[i].status == SWEEP_SAME)
			continue;
		report_print_variant(&line, &res->sweeps[i]);
		buf_puts(out, "# sweep ");
		tap_escaped(out, buf_str(&line));
		buf_putc(out, '\n');
	}
}

/* An unreviewed one has no directive: what prove(1) takes for work still to do, it counts as passed. */
static int tap_result(struct reporter *r, const struct scenario_result *res, struct err *err)
{
	bool ok = res->status == STATUS_PASSED || res->status == STATUS_SKIPPED;
	struct tap *t = (struct tap *)r;
	__cleanup_buf struct buf out = BUF_INIT;

	buf_printf(&out, "%sok %u - ", ok ? "" : "not ", ++t->done);
	tap_escaped(&out, report_name(res));
	if (res->engine)
		buf_printf(&out, " (%s)", res->engine);
	if (res->status == STATUS_SKIPPED) {
		buf_puts(&out, " # SKIP ");
		tap_escaped(&out, res->skip_reason ? res->skip_reason : "");
	}
	buf_putc(&out, '\n');
	if (!ok)
		tap_block(&out, res);
	tap_variants(&out, res);
	tap_notes(&out, res->trace);
	tap_objects(t, &out, res->trace);
	fputs(buf_str(&out), t->f);
	return tap_written(t, err);
}

static int tap_agreement(struct reporter *r, const struct agreement *g, struct err *err)
{
	struct tap *t = (struct tap *)r;
	__cleanup_buf struct buf out = BUF_INIT;

	agreement_print_tap(&out, g, &t->done);
	fputs(buf_str(&out), t->f);
	return tap_written(t, err);
}

static int tap_end(struct reporter *r, const struct report_totals *totals, struct err *err)
{
	struct tap *t = (struct tap *)r;
	__cleanup_buf struct buf last = BUF_INIT;

	if (t->done < t->planned)
		fprintf(t->f, "Bail out! interrupted after %u of %u\n", t->done, t->planned);
	report_last_line(&last, totals);
	fprintf(t->f, "# %s\n", buf_str(&last));
	return tap_written(t, err);
}

static void tap_free(struct reporter *r)
{
	struct tap *t = (struct tap *)r;

	buf_free(&t->objects);
	free(t);
}

static const struct reporter_ops tap_ops = {
	.begin = tap_begin,
	.result = tap_result,
	.agreement = tap_agreement,
	.end = tap_end,
	.free = tap_free,
};

struct reporter *report_tap(FILE *f)
{
	struct tap *t = calloc(1, sizeof(*t));

	if (!t)
		abort();
	t->r.ops = &tap_ops;
	t->f = f;
	return &t->r;
}
