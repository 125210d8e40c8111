// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* JUnit XML as CI systems read it: a suite an engine; a failed expectation and an
 * unreviewed scenario are <failure>, told apart by type; a harness or
 * scenario error <error>, a missing capability <skipped>.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "report/agreement_formats.h"
#include "report/common.h"
#include "report/objects.h"
#include "report/sweeps.h"

#define SHOWN_DIFFERENCES 100 /* of one scenario, at length: CI systems choke on more */

struct suite {
	struct suite *next;
	char *name;
	unsigned tests, failures, errors, skipped;
	uint64_t duration_ns;
	struct buf cases;
	struct buf told, objects; /* files that ran: which, and their properties */
};

struct junit {
	struct reporter r;
	char *path;
	struct suite *suites, **last;
	struct buf properties, agreement; /* agreement: a suite, complete */
	unsigned compared, differ; /* its cases */
	char timestamp[32];
};

static void property(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, "      <property name=\"%s\" value=\"", name);
	report_xml(out, value);
	buf_puts(out, "\"/>\n");
}

static int junit_begin(struct reporter *r, const struct report_env *env, unsigned planned,
		       struct err *err)
{
	struct junit *j = (struct junit *)r;
	time_t now = time(NULL);
	struct tm tm;

	(void)planned;
	(void)err;
	gmtime_r(&now, &tm);
	strftime(j->timestamp, sizeof(j->timestamp), "%Y-%m-%dT%H:%M:%S", &tm);
	property(&j->properties, "verdict", env->version);
	property(&j->properties, "kernel", env->kernel);
	property(&j->properties, "objects", env->objects ? env->objects : "");
	return 0;
}

/* What never came to an engine (a scenario that cannot be read) has a suite of its own. */
static struct suite *suite_of(struct junit *j, const char *engine)
{
	const char *name = engine ? engine : "scenario";
	struct suite *s;

	for (s = j->suites; s; s = s->next)
		if (strcmp(s->name, name) == 0)
			return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	s->name = strdup(name);
	*j->last = s;
	j->last = &s->next;
	return s;
}

static void first_line(struct buf *out, const char *text)
{
	buf_add(out, text, strcspn(text, "\n"));
}

static void element(struct buf *out, const char *name, const char *type, const char *text)
{
	__cleanup_buf struct buf head = BUF_INIT;

	first_line(&head, text);
	buf_printf(out, "      <%s type=\"%s\" message=\"", name, type);
	report_xml(out, buf_str(&head));
	buf_puts(out, "\">");
	report_xml(out, text);
	buf_printf(out, "</%s>\n", name);
}

static void case_body(struct suite *s, const struct scenario_result *res)
{
	__cleanup_buf struct buf text = BUF_INIT;
	bool input = res->err && res->err->kind == ERR_INPUT;
	size_t shown;

	switch (res->status) {
	case STATUS_PASSED:
		return;
	case STATUS_FAILED:
		s->failures++;
		shown = report_print_differences(&text, res, SHOWN_DIFFERENCES);
		if (shown < report_differences(res))
			buf_printf(&text, "and %zu more differences\n",
				   report_differences(res) - shown);
		element(&s->cases, "failure", "expectation", buf_str(&text));
		return;
	case STATUS_UNREVIEWED:
		s->failures++;
		report_print_unreviewed(&text, res);
		element(&s->cases, "failure", "unreviewed", buf_str(&text));
		return;
	case STATUS_ERROR:
		s->errors++;
		element(&s->cases, "error", input ? "scenario" : "harness",
			res->err ? res->err->text : "unknown error");
		return;
	case STATUS_SKIPPED:
		s->skipped++;
		buf_puts(&s->cases, "      <skipped message=\"");
		report_xml(&s->cases, res->skip_reason ? res->skip_reason : "");
		buf_puts(&s->cases, "\"/>\n");
		return;
	}
}

static void object_properties(struct suite *s, const struct run_trace *trace)
{
	for (size_t i = 0; trace && i < trace->n_objects; i++) {
		__cleanup_buf struct buf text = BUF_INIT;

		if (!report_object_is_new(&s->told, &trace->objects[i]))
			continue;
		report_object_print(&text, &trace->objects[i], true);
		text.data[--text.len] = '\0'; /* the last newline */
		property(&s->objects, "object", buf_str(&text) + strlen("object "));
	}
}

static void system_out(struct suite *s, const struct scenario_result *res)
{
	size_t notes = res->trace ? res->trace->n_notes : 0;
	__cleanup_buf struct buf text = BUF_INIT;

	for (size_t i = 0; i < res->n_sweeps; i++) {
		buf_puts(&text, "sweep ");
		report_print_variant(&text, &res->sweeps[i]);
		buf_putc(&text, '\n');
	}
	for (size_t i = 0; i < notes; i++)
		buf_printf(&text, "note: %s\n", res->trace->notes[i]);
	if (res->pcapng)
		buf_printf(&text, "packets: %s", res->pcapng);
	if (!text.len)
		return;
	buf_puts(&s->cases, "      <system-out>");
	report_xml(&s->cases, buf_str(&text));
	buf_puts(&s->cases, "</system-out>\n");
}

static int junit_result(struct reporter *r, const struct scenario_result *res, struct err *err)
{
	struct junit *j = (struct junit *)r;
	struct suite *s = suite_of(j, res->engine);

	(void)err;
	s->tests++;
	object_properties(s, res->trace);
	s->duration_ns += res->duration_ns;
	buf_puts(&s->cases, "    <testcase name=\"");
	report_xml(&s->cases, report_name(res));
	buf_printf(&s->cases, "\" classname=\"verdict.%s\" time=\"%.6f\"", s->name,
		   (double)res->duration_ns / 1e9);
	if (res->path) {
		buf_puts(&s->cases, " file=\"");
		report_xml(&s->cases, res->path);
		buf_putc(&s->cases, '"');
	}
	buf_puts(&s->cases, ">\n");
	case_body(s, res);
	system_out(s, res);
	buf_puts(&s->cases, "    </testcase>\n");
	return 0;
}

static void print_suite(struct buf *out, const struct junit *j, const struct suite *s)
{
	buf_puts(out, "  <testsuite name=\"");
	report_xml(out, s->name);
	buf_printf(out,
		   "\" tests=\"%u\" failures=\"%u\" errors=\"%u\" skipped=\"%u\" time=\"%.6f\" "
		   "timestamp=\"%s\">\n",
		   s->tests, s->failures, s->errors, s->skipped, (double)s->duration_ns / 1e9,
		   j->timestamp);
	buf_printf(out, "    <properties>\n%s%s    </properties>\n%s  </testsuite>\n",
		   buf_str(&j->properties), buf_str(&s->objects), buf_str(&s->cases));
}

static int junit_agreement(struct reporter *r, const struct agreement *g, struct err *err)
{
	struct junit *j = (struct junit *)r;

	(void)err;
	agreement_print_junit(&j->agreement, g, j->timestamp, &j->compared, &j->differ);
	return 0;
}

static int junit_end(struct reporter *r, const struct report_totals *t, struct err *err)
{
	struct junit *j = (struct junit *)r;
	__cleanup_buf struct buf out = BUF_INIT;

	buf_puts(&out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
	buf_printf(&out,
		   "<testsuites name=\"verdict\" tests=\"%u\" failures=\"%u\" errors=\"%u\" "
		   "skipped=\"%u\" time=\"%.6f\">\n",
		   t->passed + t->failed + t->unreviewed + t->errors + t->skipped + j->compared,
		   t->failed + t->unreviewed + j->differ, t->errors, t->skipped,
		   (double)t->duration_ns / 1e9);
	for (const struct suite *s = j->suites; s; s = s->next)
		print_suite(&out, j, s);
	buf_puts(&out, buf_str(&j->agreement));
	buf_puts(&out, "</testsuites>\n");
	return report_replace(j->path, buf_str(&out), out.len, err);
}

static void junit_free(struct reporter *r)
{
	struct junit *j = (struct junit *)r;

	while (j->suites) {
		struct suite *next = j->suites->next;

		buf_free(&j->suites->cases);
		buf_free(&j->suites->told);
		buf_free(&j->suites->objects);
		free(j->suites->name);
		free(j->suites);
		j->suites = next;
	}
	buf_free(&j->properties);
	buf_free(&j->agreement);
	free(j->path);
	free(j);
}

static const struct reporter_ops junit_ops = {
	.begin = junit_begin,
	.result = junit_result,
	.agreement = junit_agreement,
	.end = junit_end,
	.free = junit_free,
};

struct reporter *report_junit(const char *path)
{
	struct junit *j = calloc(1, sizeof(*j));

	if (!j)
		abort();
	j->r.ops = &junit_ops;
	j->path = strdup(path);
	j->last = &j->suites;
	return &j->r;
}
