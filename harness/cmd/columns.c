// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tables for people: rows are kept until all widths are known. */
#include "cmd/columns.h"

#include <stdio.h>

/* Characters, not bytes. */
static int width_of(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

void columns_add(struct columns *t, const char *const cells[])
{
	t->rows = arena_grow(t->arena, t->rows, t->n_rows, sizeof(*t->rows));
	for (size_t i = 0; i < t->n; i++)
		t->rows[t->n_rows][i] = cells[i] ? cells[i] : "";
	t->n_rows++;
}

static void print_row(const struct columns *t, size_t row, const int widths[COLUMNS_MAX])
{
	size_t last = t->n;

	while (last && !*t->rows[row][last - 1])
		last--;
	for (size_t i = 0; i < last; i++) {
		const char *cell = t->rows[row][i];

		printf("%s%*s", cell, i + 1 < last ? widths[i] - width_of(cell) + 2 : 0, "");
	}
	putchar('\n');
}

void columns_print(struct columns *t, int indent)
{
	int widths[COLUMNS_MAX] = { 0 };

	for (size_t i = 0; i < t->n_rows; i++)
		for (size_t j = 0; j < t->n; j++)
			if (width_of(t->rows[i][j]) > widths[j])
				widths[j] = width_of(t->rows[i][j]);
	for (size_t i = 0; i < t->n_rows; i++) {
		printf("%*s", indent, "");
		print_row(t, i, widths);
	}
	t->n_rows = 0;
	t->rows = NULL;
}
