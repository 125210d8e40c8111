/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A table of text: columns as wide as their widest cell, two spaces between. On a terminal that is too narrow,
 * the columns that do not fit stand below the others, further in.
 */
#ifndef VERDICT_CMD_COLUMNS_H
#define VERDICT_CMD_COLUMNS_H

#include "base/arena.h"

#define COLUMNS_MAX 8

struct columns {
	struct arena *arena;
	size_t n; /* columns */
	const char *(*rows)[COLUMNS_MAX];
	size_t n_rows;
};

/* One cell a column; NULL is an empty one, and an empty first one goes on with the row before. Texts must live until the table is printed. */
void columns_add(struct columns *t, const char *const cells[]);
/* Each line after `indent` spaces; the last column has no padding. Empties the table. */
void columns_print(struct columns *t, int indent);

#endif
