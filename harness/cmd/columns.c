// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tables for people: rows are kept until all widths are known. */
#include "cmd/columns.h"

#include <stdio.h>

#include "report/common.h"
#include "report/lines.h"

#define GAP	   2
#define FURTHER_IN 4

/* Characters, not bytes. */
static int width_of(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

/* Names are what others wrote into their files: none of it speaks to the terminal. */
static const char *clean(struct arena *a, const char *text)
{
	__cleanup_buf struct buf out = BUF_INIT;

	report_clean(&out, text);
	return arena_strdup(a, buf_str(&out));
}

void columns_add(struct columns *t, const char *const cells[])
{
	t->rows = arena_grow(t->arena, t->rows, t->n_rows, sizeof(*t->rows));
	for (size_t i = 0; i < t->n; i++)
		t->rows[t->n_rows][i] = clean(t->arena, cells[i] ? cells[i] : "");
	t->n_rows++;
}

/* The cells from `first` on that stand side by side; where a terminal has no room for all, those after
 * them begin a line of their own. Returns the first of those.
 */
static size_t band_end(const struct columns *t, size_t first, const int widths[COLUMNS_MAX],
		       int room)
{
	int used = 0;
	size_t i;

	for (i = first; i < t->n; i++) {
		if (i > first && room && used + widths[i] > room)
			return i;
		used += widths[i] + GAP;
	}
	return t->n;
}

static void print_cells(const char *const cells[COLUMNS_MAX], size_t first, size_t end, int indent,
			const int widths[COLUMNS_MAX])
{
	while (end > first && !*cells[end - 1])
		end--;
	if (end == first)
		return;
	printf("%*s", indent, "");
	for (size_t i = first; i < end; i++)
		printf("%s%*s", cells[i], i + 1 < end ? widths[i] - width_of(cells[i]) + GAP : 0,
		       "");
	putchar('\n');
}

/* A row whose first cell is empty goes on with the one before it. */
static size_t group_end(const struct columns *t, size_t row)
{
	for (row++; row < t->n_rows && !*t->rows[row][0];)
		row++;
	return row;
}

static void print_group(const struct columns *t, size_t from, size_t to, int indent,
			const int widths[COLUMNS_MAX], int room)
{
	for (size_t first = 0, end; first < t->n; first = end) {
		int at = first ? indent + FURTHER_IN : indent;

		end = band_end(t, first, widths, room ? room - at : 0);
		for (size_t i = from; i < to; i++)
			print_cells(t->rows[i], first, end, at, widths);
	}
}

void columns_print(struct columns *t, int indent)
{
	int widths[COLUMNS_MAX] = { 0 };
	struct lines out;

	lines_open(&out, stdout);
	for (size_t i = 0; i < t->n_rows; i++)
		for (size_t j = 0; j < t->n; j++)
			if (width_of(t->rows[i][j]) > widths[j])
				widths[j] = width_of(t->rows[i][j]);
	for (size_t i = 0, end; i < t->n_rows; i = end) {
		end = group_end(t, i);
		print_group(t, i, end, indent, widths, (int)lines_width(&out));
	}
	t->n_rows = 0;
	t->rows = NULL;
}
