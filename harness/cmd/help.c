// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `verdict help`: the subcommands, one of them, or a reference. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/words.h"
#include "cmd/cmd.h"
#include "cmd/markdown.h"
#include "scenario/schema.h"

static const struct {
	const char *name;
	void (*print)(struct buf *out);
} references[] = {
	{ "scenario", schema_print_reference },
	{ "targets", schema_print_targets },
	{ "fields", schema_print_fields },
};

#define N_REFERENCES (sizeof(references) / sizeof(references[0]))
#define TOPICS_MAX   32

/* False if nothing has this name. */
static bool print_reference(const char *name, bool markdown)
{
	for (size_t i = 0; i < N_REFERENCES; i++) {
		__cleanup_buf struct buf text = BUF_INIT;

		if (strcmp(name, references[i].name) != 0)
			continue;
		references[i].print(&text);
		if (markdown)
			fputs(buf_str(&text), stdout);
		else
			markdown_print(stdout, buf_str(&text));
		return true;
	}
	return false;
}

static int unknown_topic(const char *name)
{
	const char *names[TOPICS_MAX], *near;
	size_t n = 0;

	for (size_t i = 0; i < N_REFERENCES; i++)
		names[n++] = references[i].name;
	for (size_t i = 0; commands[i] && n < TOPICS_MAX; i++)
		if (!commands[i]->hidden)
			names[n++] = commands[i]->name;
	near = nearest_name(name, names, n);
	return cmd_usage_says(&cmd_help, "there is nothing on %s%s%s%s", name,
			      near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

static int got(void *arg, const char *name, const char *value)
{
	bool *markdown = arg;

	(void)value;
	*markdown |= strcmp(name, "--markdown") == 0;
	return 0;
}

static int help_main(int argc, char **argv)
{
	const struct command *c;
	bool markdown = false;
	char **rest;
	int n, ret = cmd_parse(&cmd_help, argc, argv, got, &markdown, &rest, &n);

	if (ret)
		return ret < 0 ? EXIT_AS_EXPECTED : ret;
	if (n > 1)
		return cmd_usage_error(&cmd_help, rest[1]);
	if (n == 0) {
		cmd_print_usage(stdout);
		return EXIT_AS_EXPECTED;
	}
	if (print_reference(rest[0], markdown))
		return EXIT_AS_EXPECTED;
	c = cmd_find(rest[0]);
	if (!c)
		return unknown_topic(rest[0]);
	cmd_print_help(stdout, c);
	return EXIT_AS_EXPECTED;
}

static const struct cmd_option options[] = {
	{ "--markdown", NULL, "with scenario, targets and fields: as Markdown, as docs/ has it" },
	{ NULL, NULL, NULL },
};

const struct command cmd_help = {
	.name = "help",
	.args = "[COMMAND | scenario | targets | fields]",
	.summary = "print commands, options, and references",
	.options = options,
	.run = help_main,
};
