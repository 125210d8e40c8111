/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The subcommands: one file each, listed in main.c. */
#ifndef VERDICT_CMD_CMD_H
#define VERDICT_CMD_CMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#ifndef VERDICT_VERSION
#define VERDICT_VERSION "0.1.0"
#endif

enum exit_code {
	EXIT_AS_EXPECTED = 0,
	EXIT_UNEXPECTED = 1, /* an expectation failed */
	EXIT_USAGE = 2, /* usage or scenario error */
	EXIT_HARNESS = 3, /* the harness or machine failed */
	EXIT_NOTHING = 4, /* nothing ran */
};

struct cmd_option {
	const char *name; /* "--engine", or "-k" */
	const char *arg; /* "NAME", NULL for a flag */
	const char *text;
};

struct command {
	const char *name;
	const char *args; /* "[options] [path or name ...]" */
	const char *summary; /* one line */
	const char *text; /* paragraphs for `verdict help NAME`; may be NULL */
	const struct cmd_option *options; /* ends with name == NULL; may be NULL */
	bool hidden; /* not in `verdict help`: for the harness's own processes */
	int (*run)(int argc, char **argv); /* argv[0] is the subcommand; returns enum exit_code */
};

extern const struct command *const commands[]; /* ends with NULL; in main.c */

extern const struct command cmd_run, cmd_replay, cmd_record, cmd_list, cmd_doctor, cmd_help,
	cmd_agent, cmd_bench, cmd_inspect, cmd_maps, cmd_explain, cmd_cluster;

/* "verdict: message" on standard error. */
void cmd_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Unknown option or argument: message with the nearest option and a pointer to help; EXIT_USAGE. */
int cmd_usage_error(const struct command *c, const char *what);
/* "verdict: NAME: text" and a pointer to help; EXIT_USAGE. */
int cmd_usage_says(const struct command *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Text in lines of 80 columns: the first begins at column `at`, the others at `indent`. */
void cmd_print_wrapped(FILE *f, const char *text, int at, int indent);
/* The same in lines of `width`. */
void cmd_print_wrapped_to(FILE *f, const char *text, int at, int indent, int width);
/* What `verdict help NAME` prints. */
void cmd_print_help(FILE *f, const struct command *c);
/* The list of subcommands. */
void cmd_print_usage(FILE *f);
const struct command *cmd_find(const char *name); /* NULL if there is none */

/* getopt_long driven by the table: calls got(arg, option name, value) for each option; rest and n_rest
 * are what is left of argv. A value that got() refuses (not 0) is a usage error, printed here with the
 * option's text. Returns 0 or EXIT_USAGE. `--help` prints the command's help and gives -1: leave
 * with 0.
 */
int cmd_parse(const struct command *c, int argc, char **argv,
	      int (*got)(void *arg, const char *name, const char *value), void *arg, char ***rest,
	      int *n_rest);

#endif
