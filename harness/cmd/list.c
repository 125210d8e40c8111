// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `verdict list`: the scenarios there are. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/buf.h"
#include "cmd/cmd.h"
#include "cmd/select.h"
#include "engine/engine.h"
#include "report/common.h"

enum column { COL_NAME, COL_ENGINES, COL_SUMMARY, COL_ORIGIN, N_COLUMNS };

#define MAX_PATTERNS  32
#define SUMMARY_LEAST 30 /* on a terminal narrower than that, the summary goes below the name */

static const char *const titles[N_COLUMNS] = { "NAME", "ENGINES", "SUMMARY", "ORIGIN" };

struct options {
	bool json;
	const char *patterns[MAX_PATTERNS + 1]; /* of -k; ends with NULL */
	size_t n_patterns;
};

static const char *engines_text(unsigned engines)
{
	return engines == ENGINES_ALL	? "testrun,netns"
	       : engines & ENGINE_NETNS ? "netns"
					: "testrun";
}

static void cells(const struct scenario *s, const char *out[N_COLUMNS])
{
	out[COL_NAME] = s->name;
	out[COL_ENGINES] = engines_text(s->engines);
	out[COL_SUMMARY] = s->summary ? s->summary : "";
	out[COL_ORIGIN] = s->origin ? s->origin : "-";
}

static const char *clean(struct arena *a, const char *text)
{
	__cleanup_buf struct buf out = BUF_INIT;

	if (!text)
		return NULL;
	report_clean(&out, text);
	return arena_strdup(a, buf_str(&out));
}

/* What others wrote into their files does not speak to the terminal, nor break JSON. */
static void clean_texts(const struct selection *sel)
{
	for (size_t i = 0; i < sel->n; i++) {
		struct scenario *s = sel->items[i].scenario;

		if (!s)
			continue;
		s->name = clean(sel->arena, s->name);
		s->path = clean(sel->arena, s->path);
		s->summary = clean(sel->arena, s->summary);
		s->origin = clean(sel->arena, s->origin);
	}
}

/* Columns on the terminal: 0 where nobody's eyes set a limit (a pipe, a file). */
static int terminal_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize w;

	if (!isatty(STDOUT_FILENO))
		return 0;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col)
		return w.ws_col;
	return columns && atoi(columns) > 0 ? atoi(columns) : 80;
}

/* Characters, not bytes: summaries are people's words. */
static int width_of(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

/* Returns the width of the whole table. */
static int measure(const struct selection *sel, int widths[N_COLUMNS])
{
	int all = 2 * (N_COLUMNS - 1);

	for (int c = 0; c < N_COLUMNS; c++) {
		widths[c] = width_of(titles[c]);
		for (size_t i = 0; i < sel->n; i++) {
			const char *cell[N_COLUMNS];

			if (!sel->items[i].scenario)
				continue;
			cells(sel->items[i].scenario, cell);
			if (width_of(cell[c]) > widths[c])
				widths[c] = width_of(cell[c]);
		}
		all += widths[c];
	}
	return all;
}

static void print_row(const char *const cell[N_COLUMNS], const int widths[N_COLUMNS])
{
	for (int c = 0; c < N_COLUMNS; c++) {
		int pad = c + 1 < N_COLUMNS ? widths[c] - width_of(cell[c]) + 2 : 0;

		printf("%s%*s", cell[c], pad, "");
	}
	putchar('\n');
}

/* Name and summary, wrapped within the terminal; which engines only where they are not all. */
static void print_narrow(const struct scenario *s, int name_width, int terminal)
{
	int indent = terminal - name_width - 2 >= SUMMARY_LEAST ? name_width + 2 : 4;
	struct buf text = BUF_INIT;
	int column = printf("%s", s->name);

	buf_puts(&text, s->summary);
	if (s->engines != ENGINES_ALL)
		buf_printf(&text, "%s(%s only)", text.len ? " " : "", engines_text(s->engines));
	if (column > indent - 2) {
		putchar('\n');
		column = 0;
	}
	printf("%*s", indent - column, "");
	cmd_print_wrapped_to(stdout, buf_str(&text), indent, indent, terminal);
	buf_free(&text);
}

static void print_table(const struct selection *sel)
{
	int widths[N_COLUMNS], terminal = terminal_width();
	bool whole = measure(sel, widths) <= terminal || !terminal;

	if (whole)
		print_row(titles, widths);
	for (size_t i = 0; i < sel->n; i++) {
		const struct scenario *s = sel->items[i].scenario;
		const char *cell[N_COLUMNS];

		if (!s)
			continue;
		cells(s, cell);
		if (whole)
			print_row(cell, widths);
		else
			print_narrow(s, widths[COL_NAME], terminal);
	}
}

static void print_json(const struct selection *sel)
{
	json_t *list = json_array();

	for (size_t i = 0; i < sel->n; i++) {
		const struct scenario *s = sel->items[i].scenario;
		json_t *engines;

		if (!s)
			continue;
		engines = json_array();
		if (s->engines & ENGINE_TESTRUN)
			json_array_append_new(engines, json_string("testrun"));
		if (s->engines & ENGINE_NETNS)
			json_array_append_new(engines, json_string("netns"));
		json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:s?, s:s?, s:I}", "name",
						      s->name, "path", s->path, "engines", engines,
						      "origin", s->origin, "summary", s->summary,
						      "steps", (json_int_t)s->n_steps));
	}
	json_dumpf(list, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(list);
}

static int got(void *arg, const char *name, const char *value)
{
	struct options *o = arg;

	o->json |= strcmp(name, "--json") == 0;
	if (strcmp(name, "-k") == 0 && o->n_patterns < MAX_PATTERNS)
		o->patterns[o->n_patterns++] = value;
	return value && !*value ? EXIT_USAGE : 0;
}

static int list_selected(const struct selection *sel, const struct options *o)
{
	int ret = sel->n ? EXIT_AS_EXPECTED : EXIT_NOTHING;

	clean_texts(sel);
	if (o->json)
		print_json(sel);
	else if (sel->n)
		print_table(sel);
	for (size_t i = 0; i < sel->n; i++) {
		if (sel->items[i].scenario)
			continue;
		cmd_error("%s", sel->items[i].err->text);
		ret = err_exit_code(sel->items[i].err);
	}
	if (!sel->n)
		cmd_error("no scenario matched");
	return ret;
}

static int list_main(int argc, char **argv)
{
	struct options opts = { .json = false };
	struct selection sel = { .arena = NULL };
	struct err *err;
	char **rest;
	int n_rest, ret = cmd_parse(&cmd_list, argc, argv, got, &opts, &rest, &n_rest);

	if (ret)
		return ret < 0 ? EXIT_AS_EXPECTED : ret;
	err = calloc(1, sizeof(*err));
	if (!err)
		return EXIT_HARNESS;
	if (select_scenarios(rest, n_rest, opts.patterns, &sel, err)) {
		cmd_error("%s", err->text);
		ret = err_exit_code(err);
	} else {
		ret = list_selected(&sel, &opts);
	}
	selection_free(&sel);
	free(err);
	return ret;
}

static const struct cmd_option options[] = {
	{ "-k", "PATTERN", "only scenarios whose name matches, as for `verdict run`" },
	{ "--json", NULL, "as JSON: name, path, engines, origin, summary, steps" },
	{ NULL, NULL, NULL },
};

const struct command cmd_list = {
	.name = "list",
	.args = "[options] [path or name ...]",
	.summary = "list scenarios: name, engines, summary, origin",
	.text = "Paths and names as for `verdict run`. A terminal too narrow for "
		"the whole table shows names and summaries; a pipe or a file gets all of it. "
		"Scenarios that cannot be read are reported on standard error, with exit status 2.",
	.options = options,
	.run = list_main,
};
