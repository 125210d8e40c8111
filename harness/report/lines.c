// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Lines for terminals and files. */
#include "report/lines.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/param.h>
#include <unistd.h>

#include "report/common.h"

#define CARRIED 4 /* columns that what is carried over stands further in */

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

/* "   12 | steps:" and the caret's line below it: they stand one under the other, or say nothing. A tree's lines
 * in a diff have no number and no caret.
 */
static bool is_source(const char *line)
{
	size_t digits;

	line += strspn(line, " ");
	digits = strspn(line, "0123456789");
	line += digits + strspn(line + digits, " ");
	if (*line != '|')
		return false;
	return digits || line[1 + strspn(line + 1, " ")] == '^';
}

struct margins { /* what stands before a line's words, and before those that are carried over */
	const char *indent, *lead;
	int n_lead;
	const char *bar;
	int n_more;
};

static struct margins margins_of(const char *line, size_t len, const char *indent, bool tree)
{
	struct margins m = { .indent = indent, .lead = line, .bar = "", .n_more = CARRIED };

	m.n_lead = (int)MIN(strspn(line, tree ? " |" : " "), len);
	if (!tree)
		return m;
	/* a hop's lines hang below its "+-" */
	m.bar = line[m.n_lead] == '+' ? "|" : "";
	m.n_more = *m.bar ? 2 + CARRIED : line[m.n_lead] == '`' ? 3 + CARRIED : CARRIED;
	return m;
}

/* One line, without its newline. On a terminal it is broken between words, what is carried over stands
 * further in: the terminal itself would break within them.
 */
static void print_line(const struct lines *l, const char *line, size_t len, struct margins m,
		       enum colour c)
{
	size_t room = lines_width(l), margin = strlen(m.indent) + (size_t)m.n_lead;
	bool wraps = room > margin + 40;

	fprintf(l->f, "%s%s%.*s", m.indent, lines_mark(l, c), m.n_lead, m.lead);
	line += m.n_lead;
	len -= (size_t)m.n_lead;
	while (wraps && columns(line, len) > room - margin) {
		size_t fits = fitting(line, len, room - margin);

		if (fits == len)
			break;
		fprintf(l->f, "%.*s%s\n%s%.*s%s%*s%s", (int)fits, line, lines_mark(l, PLAIN),
			m.indent, m.n_lead, m.lead, m.bar, m.n_more, "", lines_mark(l, c));
		margin = strlen(m.indent) + (size_t)m.n_lead + strlen(m.bar) + (size_t)m.n_more;
		line += fits + 1;
		len -= fits + 1;
	}
	fprintf(l->f, "%.*s%s\n", (int)len, line, lines_mark(l, PLAIN));
}

static void print_source(const struct lines *l, const char *line, size_t len, const char *indent)
{
	fprintf(l->f, "%s%.*s%s\n", indent, (int)len, line, lines_mark(l, PLAIN));
}

void lines_print(const struct lines *l, const char *text, const char *indent, enum colour c)
{
	__cleanup_buf struct buf clean = BUF_INIT;

	report_clean(&clean, text);
	for (const char *at = buf_str(&clean); *at;) {
		size_t len = strcspn(at, "\n");

		if (is_source(at))
			print_source(l, at, len, indent);
		else
			print_line(l, at, len, margins_of(at, len, indent, false),
				   *at != ' ' ? c : PLAIN);
		at += len + (at[len] == '\n');
	}
}

void lines_print_tree(const struct lines *l, const char *text)
{
	__cleanup_buf struct buf clean = BUF_INIT;

	report_clean(&clean, text);
	for (const char *at = buf_str(&clean); *at;) {
		size_t len = strcspn(at, "\n");

		print_line(l, at, len, margins_of(at, len, "", true), PLAIN);
		at += len + (at[len] == '\n');
	}
}

/* Asked of the pipe: stdio forgets why an earlier write failed. */
static bool reader_is_gone(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return poll(&p, 1, 0) > 0 && p.revents & (POLLERR | POLLHUP);
}

int lines_written(FILE *f)
{
	int no;

	errno = 0;
	if (!fflush(f) && !ferror(f))
		return 0;
	no = errno ? errno : EIO;
	clearerr(f);
	return reader_is_gone(fileno(f)) ? -EPIPE : -no;
}
