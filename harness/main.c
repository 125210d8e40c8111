// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* verdict: the table of subcommands, and finding the one that was asked for. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/words.h"
#include "cmd/cmd.h"
#include "report/lines.h"

const struct command *const commands[] = {
	&cmd_run,  &cmd_explain, &cmd_replay, &cmd_record, &cmd_list,  &cmd_bench, &cmd_inspect,
	&cmd_maps, &cmd_cluster, &cmd_doctor, &cmd_help,   &cmd_agent, NULL,
};

static int unknown_command(const char *name)
{
	const char *names[18], *near;
	size_t n = 0;

	for (size_t i = 0; commands[i] && n < 16; i++)
		if (!commands[i]->hidden)
			names[n++] = commands[i]->name;
	names[n++] = "--version";
	names[n++] = "--help";
	near = nearest_name(name, names, n);
	cmd_error("unknown %s %s%s%s%s", *name == '-' ? "option" : "command", name,
		  near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
	fputs("See `verdict help`.\n", stderr);
	return EXIT_USAGE;
}

/* A full disk must not look like success. A reader that has seen enough (`| head`) is no news. */
static int flushed(int ret)
{
	int written = lines_written(stdout);

	if (written && written != -EPIPE)
		cmd_error("cannot write to standard output: %s", strerror(-written));
	return written && ret == EXIT_AS_EXPECTED ? EXIT_HARNESS : ret;
}

int main(int argc, char **argv)
{
	const struct command *c;

	signal(SIGPIPE, SIG_IGN);
	if (argc < 2) {
		cmd_print_usage(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("verdict " VERDICT_VERSION);
		return flushed(EXIT_AS_EXPECTED);
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		cmd_print_usage(stdout);
		return flushed(EXIT_AS_EXPECTED);
	}
	c = cmd_find(argv[1]);
	return c ? flushed(c->run(argc - 1, argv + 1)) : unknown_command(argv[1]);
}
