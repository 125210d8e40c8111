// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `verdict help`: the subcommands, one of them, or the reference of scenario files. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "cmd/cmd.h"
#include "scenario/schema.h"

static int print_reference(void)
{
	__cleanup_buf struct buf text = BUF_INIT;

	schema_print_reference(&text);
	fputs(buf_str(&text), stdout);
	return EXIT_AS_EXPECTED;
}

static int no_option(void *arg, const char *name, const char *value)
{
	(void)arg;
	(void)name;
	(void)value;
	return 0;
}

static int help_main(int argc, char **argv)
{
	const struct command *c;
	char **rest;
	int n, ret = cmd_parse(&cmd_help, argc, argv, no_option, NULL, &rest, &n);

	if (ret)
		return ret < 0 ? EXIT_AS_EXPECTED : ret;
	if (n > 1)
		return cmd_usage_error(&cmd_help, rest[1]);
	if (n == 0) {
		cmd_print_usage(stdout);
		return EXIT_AS_EXPECTED;
	}
	if (strcmp(rest[0], "scenario") == 0)
		return print_reference();
	c = cmd_find(rest[0]);
	if (!c)
		return cmd_usage_error(&cmd_help, rest[0]);
	cmd_print_help(stdout, c);
	return EXIT_AS_EXPECTED;
}

static const struct cmd_option options[] = {
	{ "--markdown", NULL, "with scenario: as Markdown, which it is in any case" },
	{ NULL, NULL, NULL },
};

const struct command cmd_help = {
	.name = "help",
	.args = "[COMMAND | scenario]",
	.summary = "print the commands, one command's options, or the scenario reference",
	.options = options,
	.run = help_main,
};
