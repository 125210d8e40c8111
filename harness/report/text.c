// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Results for people: one line a scenario and engine, what differed below it, a final block. Colour and
 * a progress line only where somebody watches.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "report/agreement.h"
#include "report/common.h"
#include "report/lines.h"
#include "report/objects.h"
#include "report/sweeps.h"

#define SHOWN_DIFFERENCES 5 /* without -v: enough to see the pattern, few enough to see the rest */
#define NAME_WIDTH	  44
#define NAME_LEAST	  32
#define REST_WIDTH	  48 /* of a head, beside the name */
#define PROGRESS_AFTER_NS 300000000ull
#define PROGRESS_EVERY_NS 100000000ull

struct text {
	struct reporter r;
	FILE *f;
	struct lines lines; /* to f */
	int verbose;
	bool live; /* a progress line may stand there */
	bool standing; /* and does */
	uint64_t began_ns, shown_ns; /* progress: of this scenario, last time */
	struct buf summary; /* what did not pass, again at the end */
	struct variants_left *left;
	struct buf objects; /* that were told of */
	struct buf told; /* what the last failed result differed in */
	struct buf of, of_name, of_engine; /* and whose it was: its file, name and engine */
};

static void clear_progress(struct text *t)
{
	if (t->standing)
		fputs("\r\033[K", t->f);
	t->standing = false;
}

static int text_written(struct text *t, struct err *err)
{
	int ret = lines_written(t->f);

	return ret ? err_system(err, -ret, "cannot write the report") : 0;
}

static int text_begin(struct reporter *r, const struct report_env *env, unsigned planned,
		      struct err *err)
{
	struct text *t = (struct text *)r;

	(void)err;
	if (t->verbose)
		fprintf(t->f, "verdict %s, Linux %s, objects %s, %u to run\n", env->version,
			env->kernel, env->objects ? env->objects : "none", planned);
	t->began_ns = clock_ns();
	return 0;
}

static void text_progress(struct reporter *r, const char *what)
{
	struct text *t = (struct text *)r;
	uint64_t now = clock_ns();

	if (!t->live || now - t->began_ns < PROGRESS_AFTER_NS ||
	    now - t->shown_ns < PROGRESS_EVERY_NS)
		return;
	/* cut to the terminal's width: a line that wraps cannot be cleared */
	fprintf(t->f, "\r\033[K%s%.*s%s", lines_mark(&t->lines, FAINT),
		lines_width(&t->lines) ? (int)lines_width(&t->lines) - 1 : 76, what,
		lines_mark(&t->lines, PLAIN));
	fflush(t->f);
	t->standing = true;
	t->shown_ns = now;
}

/* What differed, without how each engine came to know it. */
static void print_key(struct buf *out, const struct scenario_result *res)
{
	size_t n = report_differences(res);

	buf_printf(out, "%s\n", res->path ? res->path : "");
	for (size_t i = 0; i < n; i++) {
		const struct difference *d = report_difference(res, i);
		const char *concluded = strstr(d->actual, " (concluded");

		buf_printf(out, "%d %u %u %s %s %.*s\n", d->loc.line, d->step,
			   d->packet ? d->packet->number : 0, d->field, d->expected,
			   (int)(concluded ? (size_t)(concluded - d->actual) : strlen(d->actual)),
			   d->actual);
	}
}

/* Both engines mostly find the same: then the second one has only that to say. */
static bool told_already(struct text *t, const struct scenario_result *res, const char *key)
{
	if (strcmp(key, buf_str(&t->told)) == 0 && !t->verbose)
		return true;
	buf_reset(&t->told);
	buf_puts(&t->told, key);
	buf_reset(&t->of);
	buf_puts(&t->of, res->path ? res->path : "");
	buf_reset(&t->of_name);
	report_clean(&t->of_name, report_name(res));
	buf_reset(&t->of_engine);
	buf_puts(&t->of_engine, res->engine ? res->engine : "the engine before");
	return false;
}

/* What breaks every scenario, such as an object that does not load, is told with the first of them. */
static void print_whose(const struct text *t, const struct scenario_result *res)
{
	if (strcmp(buf_str(&t->of), res->path ? res->path : "") == 0)
		fprintf(t->f, " as on %s\n", buf_str(&t->of_engine));
	else
		fprintf(t->f, " as in %s (%s)\n", buf_str(&t->of_name), buf_str(&t->of_engine));
}

static void print_error(struct text *t, const struct scenario_result *res)
{
	if (told_already(t, res, res->err->text)) {
		fputs("the same error", t->f);
		print_whose(t, res);
	} else {
		lines_print(&t->lines, res->err->text, "", RED);
	}
}

static void print_differences(struct text *t, const struct scenario_result *res)
{
	size_t limit = t->verbose ? SIZE_MAX : SHOWN_DIFFERENCES, n = report_differences(res);
	__cleanup_buf struct buf text = BUF_INIT, key = BUF_INIT;
	size_t shown;

	print_key(&key, res);
	if (told_already(t, res, buf_str(&key))) {
		fprintf(t->f, "the same %zu difference%s", n, n == 1 ? "" : "s");
		print_whose(t, res);
		return;
	}
	shown = report_print_differences(&text, res, limit);
	lines_print(&t->lines, buf_str(&text), "", RED);
	if (shown < n)
		fprintf(t->f, "and %zu more difference%s in this scenario; -v shows all\n",
			n - shown, n - shown == 1 ? "" : "s");
}

static void print_step(struct text *t, const struct step_trace *st)
{
	static const char *const kinds[] = {
		[STEP_SEND] = "send",	    [STEP_RESTART] = "restart", [STEP_UPGRADE] = "upgrade",
		[STEP_ADVANCE] = "advance", [STEP_CHECK] = "check",	[STEP_APPLY] = "apply",
		[STEP_DELETE] = "delete",
	};
	const struct step *s = st->step;
	__cleanup_buf struct buf head = BUF_INIT;

	buf_printf(&head, "step %u: %s", s->index, kinds[s->kind]);
	if (s->kind == STEP_RESTART || s->kind == STEP_UPGRADE)
		buf_printf(&head, " %s", s->restart.node);
	lines_print(&t->lines, buf_str(&head), "      ", PLAIN);
	for (size_t i = 0; i < st->n_log; i++) {
		__cleanup_buf struct buf line = BUF_INIT;

		if (t->verbose < 2 && strncmp(st->log[i].text, "level=debug", 11) == 0)
			continue;
		buf_printf(&line, "%s: %s", st->log[i].node, st->log[i].text);
		lines_print(&t->lines, buf_str(&line), "        ", FAINT);
	}
	for (size_t i = 0; i < st->n_packets; i++) {
		__cleanup_buf struct buf line = BUF_INIT;

		judge_print_packet(&line, &st->packets[i]);
		lines_print(&t->lines, buf_str(&line), "        ", FAINT);
	}
}

/* Files that are loaded as they are need no word, unless every packet gets one. */
static void print_objects(struct text *t, const struct run_trace *trace)
{
	for (size_t i = 0; i < trace->n_objects; i++) {
		const struct loaded_object *o = &trace->objects[i];
		__cleanup_buf struct buf text = BUF_INIT;

		if ((!t->verbose && !report_object_is_odd(o)) ||
		    !report_object_is_new(&t->objects, o))
			continue;
		report_object_print(&text, o, t->verbose);
		lines_print(&t->lines, buf_str(&text), "      ", FAINT);
	}
}

static void print_notes(struct text *t, const struct run_trace *trace)
{
	for (size_t i = 0; i < trace->n_notes; i++) {
		__cleanup_buf struct buf line = BUF_INIT;

		buf_printf(&line, "note: %s", trace->notes[i]);
		lines_print(&t->lines, buf_str(&line), "      ", YELLOW);
	}
}

static void print_variants(struct text *t, const struct scenario_result *res)
{
	for (size_t i = 0; i < res->n_sweeps; i++) {
		__cleanup_buf struct buf line = BUF_INIT;

		buf_puts(&line, "sweep ");
		report_print_variant(&line, &res->sweeps[i]);
		lines_print(&t->lines, buf_str(&line), "      ", FAINT);
	}
}

static void print_unreviewed(struct text *t, const struct scenario_result *res)
{
	__cleanup_buf struct buf line = BUF_INIT;

	report_print_unreviewed(&line, res);
	lines_print(&t->lines, buf_str(&line), "      ", PLAIN);
}

static void print_duration(struct buf *out, uint64_t ns)
{
	if (ns < 10000000)
		buf_printf(out, "%.1f ms", (double)ns / 1e6);
	else if (ns < 1000000000)
		buf_printf(out, "%.0f ms", (double)ns / 1e6);
	else
		buf_printf(out, "%.1f s", (double)ns / 1e9);
}

/* A head with all it may say fits a terminal of 80 columns, but for the longest names. */
static int name_width(const struct text *t)
{
	size_t room = lines_width(&t->lines);

	if (!room || room >= NAME_WIDTH + REST_WIDTH)
		return NAME_WIDTH;
	return room > NAME_LEAST + REST_WIDTH ? (int)(room - REST_WIDTH) : NAME_LEAST;
}

static void print_head(struct text *t, const struct scenario_result *res)
{
	static const struct {
		const char *word;
		enum colour colour;
	} heads[] = {
		[STATUS_PASSED] = { "ok", GREEN },	 [STATUS_FAILED] = { "FAIL", RED },
		[STATUS_UNREVIEWED] = { "new", YELLOW }, [STATUS_ERROR] = { "ERROR", RED },
		[STATUS_SKIPPED] = { "skip", YELLOW },
	};
	__cleanup_buf struct buf name = BUF_INIT, took = BUF_INIT;
	size_t n;

	report_clean(&name, report_name(res));
	fprintf(t->f, "%s%-5s%s %-*s %-8s", lines_mark(&t->lines, heads[res->status].colour),
		heads[res->status].word, lines_mark(&t->lines, PLAIN), name_width(t),
		buf_str(&name), res->engine ? res->engine : "-");
	if (res->status != STATUS_ERROR && res->status != STATUS_SKIPPED) {
		fprintf(t->f, " %5" PRIu64 " packet%s ", res->packets,
			res->packets == 1 ? " " : "s");
		print_duration(&took, res->duration_ns);
		fputs(buf_str(&took), t->f);
		n = report_variants(res);
		if (n)
			fprintf(t->f, ", %zu variant%s", n, n == 1 ? "" : "s");
	}
	fputc('\n', t->f);
}

/* The line that stands again at the end; a run of hundreds has scrolled the first one away. */
static void remember(struct text *t, const struct scenario_result *res)
{
	const char *why = res->status == STATUS_SKIPPED ? res->skip_reason : NULL;
	__cleanup_buf struct buf swept = BUF_INIT;

	report_print_swept(&swept, res);
	if (swept.len)
		why = buf_str(&swept);
	variants_left_add(t->left, res);
	if (res->status == STATUS_PASSED)
		return;
	buf_printf(&t->summary, "%-7s %s", report_status(res->status), report_name(res));
	if (res->engine)
		buf_printf(&t->summary, " (%s)", res->engine);
	if (why)
		buf_printf(&t->summary, ": %s", why);
	buf_putc(&t->summary, '\n');
}

static int text_result(struct reporter *r, const struct scenario_result *res, struct err *err)
{
	struct text *t = (struct text *)r;

	clear_progress(t);
	print_head(t, res);
	if (res->trace) {
		print_notes(t, res->trace);
		print_objects(t, res->trace);
	}
	if (res->scenario && !res->scenario->target &&
	    (t->verbose || (res->status == STATUS_FAILED && res->scenario->seed != 1)))
		fprintf(t->f, "      seed %" PRIu64 "\n", res->scenario->seed);
	for (size_t i = 0; t->verbose && res->trace && i < res->trace->n_steps; i++)
		print_step(t, &res->trace->steps[i]);
	if (t->verbose)
		print_variants(t, res);
	if (res->status == STATUS_FAILED)
		print_differences(t, res);
	if (res->status == STATUS_UNREVIEWED)
		print_unreviewed(t, res);
	if (res->status == STATUS_ERROR && res->err)
		print_error(t, res);
	if (res->status == STATUS_SKIPPED && res->skip_reason)
		lines_print(&t->lines, res->skip_reason, "      ", PLAIN);
	if (res->status == STATUS_FAILED && res->pcapng)
		fprintf(t->f, "packets: %s\n", res->pcapng);
	remember(t, res);
	t->began_ns = clock_ns();
	return text_written(t, err);
}

static int text_agreement(struct reporter *r, const struct agreement *g, struct err *err)
{
	struct text *t = (struct text *)r;
	__cleanup_buf struct buf table = BUF_INIT;

	(void)err;
	clear_progress(t);
	fputc('\n', t->f);
	agreement_print(&table, g);
	lines_print(&t->lines, buf_str(&table), "", PLAIN);
	return 0;
}

/* What the time went into; processes side by side take more than has passed. */
static void print_parts(struct buf *out, const struct report_totals *t)
{
	if (!t->loading_ns)
		return;
	buf_puts(out, ": ");
	print_duration(out, t->loading_ns);
	buf_puts(out, " of loading, ");
	print_duration(out, t->running_ns);
	buf_puts(out, " of packets");
	if (t->processes > 1)
		buf_printf(out, " in %u processes", t->processes);
}

static void print_totals(struct buf *out, const struct report_totals *t)
{
	buf_printf(out, "%" PRIu64 " packet%s, %" PRIu64 " check%s, ", t->packets,
		   t->packets == 1 ? "" : "s", t->checks, t->checks == 1 ? "" : "s");
	print_duration(out, t->duration_ns);
	print_parts(out, t);
	if (t->errors)
		buf_printf(out, "; %u of the failed could not be run", t->errors);
	buf_putc(out, '\n');
}

static int text_end(struct reporter *r, const struct report_totals *totals, struct err *err)
{
	struct text *t = (struct text *)r;
	__cleanup_buf struct buf last = BUF_INIT;

	clear_progress(t);
	fputc('\n', t->f);
	variants_left_print(&t->summary, t->left);
	print_totals(&t->summary, totals);
	lines_print(&t->lines, buf_str(&t->summary), "", PLAIN);
	report_last_line(&last, totals);
	fprintf(t->f, "%s%s%s\n",
		lines_mark(&t->lines, totals->failed + totals->errors ? RED
				      : totals->unreviewed	      ? YELLOW
								      : GREEN),
		buf_str(&last), lines_mark(&t->lines, PLAIN));
	return text_written(t, err);
}

static void text_free(struct reporter *r)
{
	struct text *t = (struct text *)r;

	clear_progress(t);
	variants_left_free(t->left);
	buf_free(&t->summary);
	buf_free(&t->objects);
	buf_free(&t->told);
	buf_free(&t->of);
	buf_free(&t->of_name);
	buf_free(&t->of_engine);
	free(t);
}

static const struct reporter_ops text_ops = {
	.begin = text_begin,
	.progress = text_progress,
	.result = text_result,
	.agreement = text_agreement,
	.end = text_end,
	.free = text_free,
};

struct reporter *report_text(FILE *f, int verbose)
{
	struct text *t = calloc(1, sizeof(*t));

	if (!t)
		abort();
	t->r.ops = &text_ops;
	t->f = f;
	t->verbose = verbose;
	t->left = variants_left_new();
	lines_open(&t->lines, f);
	t->live = t->lines.terminal;
	return &t->r;
}
