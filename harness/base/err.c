/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Composes error messages: location, source line with caret, context, hint. */
#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void append(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void append(struct err *err, const char *fmt, ...)
{
	size_t used = strlen(err->text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err->text + used, sizeof(err->text) - used, fmt, ap);
	va_end(ap);
}

static void append_v(struct err *err, const char *fmt, va_list ap)
{
	size_t used = strlen(err->text);

	vsnprintf(err->text + used, sizeof(err->text) - used, fmt, ap);
}

/* Of a line that ends within size bytes, its length without the end; -1 for longer ones, which machines
 * write (a dump of maps in one line may have a gigabyte), and past the last.
 */
static int read_line(const char *path, int number, char *line, size_t size)
{
	FILE *f = fopen(path, "re");
	size_t len = 0;
	int c = EOF;

	for (int n = 1; f && n < number; n++) {
		do
			c = getc_unlocked(f);
		while (c != EOF && c != '\n');
		if (c == EOF)
			break;
	}
	while (f && (c != EOF || number == 1) && len < size) {
		c = getc_unlocked(f);
		if (c == EOF || c == '\n')
			break;
		line[len++] = (char)c;
	}
	if (f)
		fclose(f);
	if (!f || (!len && c == EOF) || len == size)
		return -1;
	len -= len && line[len - 1] == '\r';
	line[len] = '\0';
	return (int)len;
}

/* Shows the line with tabs kept, so that the caret stands under the right character. */
static void append_source_line(struct err *err, const struct loc *at)
{
	char line[400];
	int len = read_line(at->file, at->line, line, sizeof(line));

	if (len < 0)
		return;
	append(err, "\n%6d | %s\n       | ", at->line, line);
	for (int i = 0; i + 1 < at->col && i < len; i++)
		append(err, "%c", line[i] == '\t' ? '\t' : ' ');
	append(err, "^");
}

int err_input(struct err *err, const struct loc *at, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return -EINVAL;
	err->kind = ERR_INPUT;
	err->no = EINVAL;
	err->text[0] = '\0';
	if (at && at->file) {
		append(err, "%s:", at->file);
		if (at->line > 0)
			append(err, "%d:%d:", at->line, at->col);
		append(err, " ");
	}
	va_start(ap, fmt);
	append_v(err, fmt, ap);
	va_end(ap);
	if (at && at->file && at->line > 0)
		append_source_line(err, at);
	return -EINVAL;
}

int err_system(struct err *err, int no, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return no ? -no : -EIO;
	err->kind = ERR_SYSTEM;
	err->no = no ? no : EIO;
	err->text[0] = '\0';
	va_start(ap, fmt);
	append_v(err, fmt, ap);
	va_end(ap);
	if (no)
		append(err, ": %s", strerror(no));
	return -err->no;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
	char old[sizeof(err->text)];
	va_list ap;

	if (!err)
		return -EIO;
	memcpy(old, err->text, sizeof(old));
	err->text[0] = '\0';
	va_start(ap, fmt);
	append_v(err, fmt, ap);
	va_end(ap);
	append(err, ": %s", old);
	return err->no ? -err->no : -EIO;
}

int err_hint(struct err *err, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return -EIO;
	append(err, "\n  ");
	va_start(ap, fmt);
	append_v(err, fmt, ap);
	va_end(ap);
	return err->no ? -err->no : -EIO;
}

void err_clear(struct err *err)
{
	err->kind = ERR_NONE;
	err->no = 0;
	err->text[0] = '\0';
}

int err_exit_code(const struct err *err)
{
	return err->kind == ERR_INPUT ? 2 : 3;
}
