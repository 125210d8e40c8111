// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Lines for terminals and files. */
#include "report/lines.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/param.h>
#include <unistd.h>

#include "report/common.h"

void lines_open(struct lines *l, FILE *f)
{
	const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");

	l->f = f;
	l->terminal = isatty(fileno(f)) && term && strcmp(term, "dumb") != 0;
	l->colour =
		l->terminal && !(no_colour && *no_colour); /* no-color.org: any value but empty */
}

const char *lines_mark(const struct lines *l, enum colour c)
{
	static const char *const codes[] = {
		[PLAIN] = "\033[0m",   [GREEN] = "\033[32m", [RED] = "\033[1;31m",
		[YELLOW] = "\033[33m", [FAINT] = "\033[2m",
	};

	return l->colour ? codes[c] : "";
}

size_t lines_width(const struct lines *l)
{
	struct winsize w;

	return l->terminal && ioctl(fileno(l->f), TIOCGWINSZ, &w) == 0 ? w.ws_col : 0;
}

static size_t columns(const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += (text[i] & 0xc0) != 0x80;
	return n;
}

/* How much of the rest of a line stands on the terminal's next one: up to the last blank that fits. */
static size_t fitting(const char *at, size_t len, size_t room)
{
	size_t fits = 0, n = 0;

	if (columns(at, len) <= room)
		return len;
	for (size_t i = 0; i < len && (n <= room || !fits); i++) {
		n += (at[i] & 0xc0) != 0x80;
		if (at[i] == ' ' && n <= room + 1 && i)
			fits = i;
		else if (at[i] == ' ' && i)
			return fits ? fits : i;
	}
	return fits ? fits : len;
}

/* "   12 | steps:" and the caret's line below it: they stand one under the other, or say nothing. */
static bool is_source(const char *line)
{
	line += strspn(line, " ");
	line += strspn(line, "0123456789 ");
	return *line == '|';
}

/* One line, without its newline. On a terminal it is broken between words, what is carried over stands
 * further in: the terminal itself would break within them.
 */
static void print_line(const struct lines *l, const char *line, size_t len, const char *indent,
		       enum colour c)
{
	size_t room = lines_width(l), lead = strspn(line, " "),
	       margin = strlen(indent) + MIN(lead, len);
	bool wraps = room > margin + 40 && !is_source(line);

	fprintf(l->f, "%s%s%.*s", indent, lines_mark(l, c), (int)MIN(lead, len), line);
	line += MIN(lead, len);
	len -= MIN(lead, len);
	while (wraps && columns(line, len) > room - margin) {
		size_t fits = fitting(line, len, room - margin);

		if (fits == len)
			break;
		fprintf(l->f, "%.*s%s\n%*s%s", (int)fits, line, lines_mark(l, PLAIN),
			(int)(strlen(indent) + lead + 4), "", lines_mark(l, c));
		margin = strlen(indent) + lead + 4;
		line += fits + 1;
		len -= fits + 1;
	}
	fprintf(l->f, "%.*s%s\n", (int)len, line, lines_mark(l, PLAIN));
}

void lines_print(const struct lines *l, const char *text, const char *indent, enum colour c)
{
	__cleanup_buf struct buf clean = BUF_INIT;

	report_clean(&clean, text);
	for (const char *at = buf_str(&clean); *at;) {
		size_t len = strcspn(at, "\n");

		print_line(l, at, len, indent, *at != ' ' ? c : PLAIN);
		at += len + (at[len] == '\n');
	}
}
