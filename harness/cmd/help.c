// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `verdict help`: the subcommands, one of them, or the reference of scenario files. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "cmd/cmd.h"
#include "scenario/schema.h"

/* The file docs/scenario.md opens with a comment on where it comes from; a reader here knows. */
static int print_reference(bool markdown)
{
	__cleanup_buf struct buf text = BUF_INIT;
	const char *at, *end;

	schema_print_reference(&text);
	at = buf_str(&text);
	end = strncmp(at, "<!--", 4) == 0 ? strstr(at, "-->\n") : NULL;
	if (end && !markdown)
		at = end + strlen("-->\n");
	fputs(at, stdout);
	return EXIT_AS_EXPECTED;
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
	if (strcmp(rest[0], "scenario") == 0)
		return print_reference(markdown);
	c = cmd_find(rest[0]);
	if (!c)
		return cmd_usage_error(&cmd_help, rest[0]);
	cmd_print_help(stdout, c);
	return EXIT_AS_EXPECTED;
}

static const struct cmd_option options[] = {
	{ "--markdown", NULL, "with scenario: the whole of docs/scenario.md, its head included" },
	{ NULL, NULL, NULL },
};

const struct command cmd_help = {
	.name = "help",
	.args = "[COMMAND | scenario]",
	.summary = "print the commands, one command's options, or the scenario reference",
	.options = options,
	.run = help_main,
};
