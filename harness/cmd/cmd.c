// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What all subcommands share: options from their tables, help text, usage errors. */
#include "cmd/cmd.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/words.h"
#include "report/common.h"

#define MAX_OPTIONS 32
#define LONG_ONLY   256 /* getopt values of options without a letter start here */
#define TEXT_COLUMN 22
#define LINE_WIDTH  80

void cmd_error(const char *fmt, ...)
{
	va_list ap;

	__cleanup_buf struct buf clean = BUF_INIT;
	char *text = NULL;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	/* what is quoted of a file does not speak to the terminal */
	report_clean(&clean, text ? text : fmt);
	fprintf(stderr, "verdict: %s\n", buf_str(&clean));
	free(text);
}

const struct command *cmd_find(const char *name)
{
	for (size_t i = 0; commands[i]; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

/* A space is printed only once a word follows it on the same line. */
void cmd_print_wrapped_to(FILE *f, const char *text, int at, int indent, int width)
{
	bool space = false;
	int column = at;

	while (*text) {
		size_t len = strcspn(text, " \n");

		if (*text == '\n') {
			fprintf(f, "\n%*s", text[1] && text[1] != '\n' ? indent : 0, "");
			column = indent;
			space = false;
			text++;
			continue;
		}
		if (column + space + (int)len > width && column > indent) {
			fprintf(f, "\n%*s", indent, "");
			column = indent;
			space = false;
		}
		column += fprintf(f, "%s%.*s", space ? " " : "", (int)len, text);
		text += len;
		space = *text == ' ';
		text += strspn(text, " ");
	}
	fputc('\n', f);
}

void cmd_print_wrapped(FILE *f, const char *text, int at, int indent)
{
	cmd_print_wrapped_to(f, text, at, indent, LINE_WIDTH);
}

static void print_option(FILE *f, const char *name, const char *arg, const char *text)
{
	int n = fprintf(f, "  %s%s%s", name, arg ? " " : "", arg ? arg : "");

	if (n > TEXT_COLUMN - 2) {
		fputc('\n', f);
		n = 0;
	}
	fprintf(f, "%*s", TEXT_COLUMN - n, "");
	cmd_print_wrapped(f, text, TEXT_COLUMN, TEXT_COLUMN);
}

void cmd_print_help(FILE *f, const struct command *c)
{
	fprintf(f, "Usage: verdict %s%s%s\n\n", c->name, *c->args ? " " : "", c->args);
	cmd_print_wrapped(f, c->summary, 0, 0);
	if (c->text) {
		fputc('\n', f);
		cmd_print_wrapped(f, c->text, 0, 0);
	}
	fputs("\nOptions:\n", f);
	for (const struct cmd_option *o = c->options; o && o->name; o++)
		print_option(f, o->name, o->arg, o->text);
	print_option(f, "--help", NULL, "print this");
}

void cmd_print_usage(FILE *f)
{
	fputs("Usage: verdict COMMAND [argument ...]\n\n", f);
	cmd_print_wrapped(
		f,
		"Replays packets through production BPF programs, in the kernel, and says "
		"packet by packet where the outcome differs from what was expected.",
		0, 0);
	fputs("\nCommands:\n", f);
	for (size_t i = 0; commands[i]; i++)
		if (!commands[i]->hidden)
			fprintf(f, "  %-9s %s\n", commands[i]->name, commands[i]->summary);
	fputs("\nOptions:\n"
	      "  --version  print the version\n"
	      "  --help     print this\n\n",
	      f);
	cmd_print_wrapped(
		f,
		"`verdict help COMMAND` says more of each; `verdict help scenario` is the "
		"reference of scenario files, `verdict help fields` that of packet fields, "
		"`verdict help targets` that of target files.",
		0, 0);
}

static const char *nearest_option(const struct command *c, const char *what)
{
	const char *names[MAX_OPTIONS + 1];
	size_t n = 0, len = strcspn(what, "=");
	char name[64];

	for (const struct cmd_option *o = c->options; o && o->name && n < MAX_OPTIONS; o++)
		names[n++] = o->name;
	names[n++] = "--help";
	snprintf(name, sizeof(name), "%.*s", len < sizeof(name) ? (int)len : 0, what);
	return nearest_name(name, names, n);
}

int cmd_usage_says(const struct command *c, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	cmd_error("%s: %s", c->name, text ? text : fmt);
	free(text);
	fprintf(stderr, "See `verdict help %s`.\n", c->name);
	return EXIT_USAGE;
}

int cmd_usage_error(const struct command *c, const char *what)
{
	const char *near = what[0] == '-' ? nearest_option(c, what) : NULL;

	return cmd_usage_says(c, "%s %s%s%s%s",
			      what[0] == '-' ? "unknown option" : "unexpected argument", what,
			      near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

/* The table in getopt's two forms. */
struct parser {
	struct option longs[MAX_OPTIONS + 2];
	char shorts[2 * MAX_OPTIONS + 3];
};

static void parser_build(struct parser *p, const struct command *c)
{
	size_t n = 0, s = 0;

	p->shorts[s++] = ':'; /* tells a missing value from an unknown option */
	for (int i = 0; c->options && c->options[i].name && i < MAX_OPTIONS; i++) {
		const struct cmd_option *o = &c->options[i];

		if (o->name[1] != '-') {
			p->shorts[s++] = o->name[1];
			if (o->arg)
				p->shorts[s++] = ':';
			continue;
		}
		p->longs[n++] = (struct option){ o->name + 2, o->arg ? 1 : 0, NULL, LONG_ONLY + i };
	}
	p->longs[n++] = (struct option){ "help", 0, NULL, LONG_ONLY + MAX_OPTIONS };
	p->longs[n] = (struct option){ NULL, 0, NULL, 0 };
	p->shorts[s] = '\0';
}

static const struct cmd_option *option_of(const struct command *c, int ret)
{
	if (ret >= LONG_ONLY)
		return &c->options[ret - LONG_ONLY];
	for (const struct cmd_option *o = c->options; o && o->name; o++)
		if (o->name[1] == ret && !o->name[2])
			return o;
	return NULL;
}

static int missing_value(const struct command *c, const char *option)
{
	return cmd_usage_says(c, "%s needs a value", option);
}

static int unknown_option(const struct command *c, char **argv)
{
	char letter[3] = { '-', (char)optopt, '\0' };

	/* an option of a letter: argv[optind] may still be the cluster it stands in */
	if (optopt > 0 && optopt < LONG_ONLY)
		return cmd_usage_error(c, letter);
	return cmd_usage_error(c, argv[optind - 1]);
}

int cmd_parse(const struct command *c, int argc, char **argv,
	      int (*got)(void *arg, const char *name, const char *value), void *arg, char ***rest,
	      int *n_rest)
{
	struct parser p;
	int ret;

	parser_build(&p, c);
	opterr = 0;
	optind = 0; /* GNU: starts anew */
	while ((ret = getopt_long(argc, argv, p.shorts, p.longs, NULL)) != -1) {
		const struct cmd_option *o;

		if (ret == LONG_ONLY + MAX_OPTIONS) {
			cmd_print_help(stdout, c);
			return -1;
		}
		if (ret == ':')
			return missing_value(c, argv[optind - 1]);
		if (ret == '?')
			return unknown_option(c, argv);
		o = option_of(c, ret);
		if (got(arg, o->name, optarg)) {
			cmd_error("%s: bad value '%s' for %s: %s", c->name, optarg ? optarg : "",
				  o->name, o->text);
			return EXIT_USAGE;
		}
	}
	*rest = argv + optind;
	*n_rest = argc - optind;
	return 0;
}
