// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The references, which are Markdown, for a terminal: headings, wrapped text, code as it stands, and
 * tables: those of keys as a paragraph a key, the others as columns. It knows what our own references
 * hold, no more.
 */
#include "cmd/markdown.h"

#include <string.h>
#include <sys/param.h>

#include "base/arena.h"
#include "base/buf.h"
#include "cmd/cmd.h"

#define MAX_CELLS   5 /* key, takes, default, meaning, example */
#define KEY_INDENT  6
#define WIDEST_CELL 34

struct page {
	FILE *f;
	struct arena *a;
	char *cells[MAX_CELLS];
	size_t n_cells;
	int widths[MAX_CELLS];
	struct buf paragraph; /* lines of text, until it ends */
};

/* Without the marks: `code` is code, [text](link) is text, **word** is word, *word* too. */
static char *plain(struct arena *a, const char *text, size_t len)
{
	struct buf out = BUF_INIT;
	bool code = false;
	char *copy;

	for (size_t i = 0; i < len; i++) {
		const char *end;

		if (text[i] == '`') {
			code = !code;
			continue;
		}
		end = !code && i + 1 < len && text[i] == ']' && text[i + 1] == '('
			      ? memchr(text + i, ')', len - i)
			      : NULL;
		if (end)
			i = (size_t)(end - text);
		else if (code || (text[i] != '[' && text[i] != '*'))
			buf_putc(&out, text[i]);
	}
	copy = arena_strdup(a, buf_str(&out));
	buf_free(&out);
	return copy;
}

static void end_paragraph(struct page *p)
{
	if (p->paragraph.len) {
		const char *text = buf_str(&p->paragraph);

		cmd_print_wrapped(p->f, plain(p->a, text, strlen(text)), 0, 0);
	}
	buf_reset(&p->paragraph);
}

/* "| a | b |" into cells. */
static void split(struct page *p, const char *row, size_t len)
{
	const char *at = row + 2, *end = row + len;

	p->n_cells = 0;
	while (at < end && p->n_cells < MAX_CELLS) {
		const char *bar = memmem(at, (size_t)(end - at), " |", 2);

		if (!bar)
			return;
		p->cells[p->n_cells++] = plain(p->a, at, (size_t)(bar - at));
		at = bar + MIN(3, end - bar);
	}
}

/* Tables of words: the widths of all rows are known before the first is printed. */
static void measure(struct page *p, const char *at)
{
	memset(p->widths, 0, sizeof(p->widths));
	for (; *at == '|'; at = strchr(at, '\n') + 1) {
		if (at[1] == '-')
			continue;
		split(p, at, strcspn(at, "\n"));
		for (size_t i = 0; i < p->n_cells; i++)
			p->widths[i] =
				MAX(p->widths[i], MIN((int)strlen(p->cells[i]), WIDEST_CELL));
	}
}

static void print_columns(struct page *p)
{
	int column = fprintf(p->f, "  ");

	for (size_t i = 0; i + 1 < p->n_cells; i++) {
		int next = column + p->widths[i] + 2;

		column += fprintf(p->f, "%s  ", p->cells[i]);
		if (column < next)
			column += fprintf(p->f, "%*s", next - column, "");
	}
	cmd_print_wrapped(p->f, p->cells[p->n_cells - 1], column, column);
}

static void print_key(struct page *p)
{
	const char *def = p->cells[2];
	bool required = strcmp(def, "required") == 0;

	fprintf(p->f, "  %s: %s", p->cells[0], p->cells[1]);
	if (*def)
		fprintf(p->f, "; %s%s", required ? "" : "default: ", def);
	fprintf(p->f, "\n%*s", KEY_INDENT, "");
	cmd_print_wrapped(p->f, p->cells[3], KEY_INDENT, KEY_INDENT);
	fprintf(p->f, "%*se.g. %s: %s\n", KEY_INDENT, "", p->cells[0], p->cells[4]);
}

/* Returns what follows the table. */
static const char *print_table(struct page *p, const char *at)
{
	bool keys = strncmp(at, "| key |", 7) == 0;

	measure(p, at);
	for (; *at == '|'; at = strchr(at, '\n') + 1) {
		if (at[1] == '-')
			continue;
		split(p, at, strcspn(at, "\n"));
		if (!keys)
			print_columns(p);
		else if (p->n_cells == MAX_CELLS && strcmp(p->cells[0], "key") != 0)
			print_key(p);
	}
	return at;
}

static void print_heading(struct page *p, const char *at, size_t len)
{
	size_t marks = strspn(at, "# ");
	char *text = plain(p->a, at + marks, len - marks);

	fprintf(p->f, "%s\n", text);
	for (size_t i = 0; i < strlen(text); i++)
		fputc(at[1] == '#' ? '-' : '=', p->f);
	fputc('\n', p->f);
}

/* Returns what follows the line, or the table or code that begins with it. */
static const char *print_block(struct page *p, const char *at)
{
	size_t len = strcspn(at, "\n");

	if (*at == '|' || *at == '#' || !len || strncmp(at, "```", 3) == 0)
		end_paragraph(p);
	if (*at == '|')
		return print_table(p, at);
	if (strncmp(at, "```", 3) == 0) {
		const char *code = at + len + 1, *end = strstr(code, "```\n");

		for (; code < end; code += strcspn(code, "\n") + 1)
			fprintf(p->f, "    %.*s\n", (int)strcspn(code, "\n"), code);
		return end + 4;
	}
	if (*at == '#')
		print_heading(p, at, len);
	else if (!len)
		fputc('\n', p->f);
	else
		buf_printf(&p->paragraph, "%s%.*s", p->paragraph.len ? " " : "", (int)len, at);
	return at + len + (at[len] == '\n');
}

void markdown_print(FILE *f, const char *text)
{
	struct page p = { .f = f, .a = arena_new(), .paragraph = BUF_INIT };
	const char *head = strncmp(text, "<!--", 4) == 0 ? strstr(text, "-->\n") : NULL;

	for (text = head ? head + 4 : text; *text;)
		text = print_block(&p, text);
	end_paragraph(&p);
	buf_free(&p.paragraph);
	arena_free(p.a);
}
