/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Text for people: colour where somebody watches, long lines broken between words on a terminal. Internal
 * to report/ and cmd/.
 */
#ifndef VERDICT_REPORT_LINES_H
#define VERDICT_REPORT_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum colour { PLAIN, GREEN, RED, YELLOW, FAINT };

struct lines {
	FILE *f;
	bool terminal; /* lines have a width there */
	bool colour;
};

/* Colour on a terminal, unless NO_COLOR is set. */
void lines_open(struct lines *l, FILE *f);
/* What begins that colour; PLAIN ends all. "" without colour. */
const char *lines_mark(const struct lines *l, enum colour c);
/* Of the terminal, in columns; 0 where lines may have any length. */
size_t lines_width(const struct lines *l);
/* Lines that stand at the margin are the heads, and have the colour. Names, logs and errors hold what
 * files and programs wrote: no escape sequence of theirs gets through.
 */
void lines_print(const struct lines *l, const char *text, const char *indent, enum colour c);
/* The same for a tree of "+-", "|" and "`-": its bars go on beside what is carried over. */
void lines_print_tree(const struct lines *l, const char *text);
/* All that was written so far is with its reader. -EPIPE: who reads has seen enough (`| head`), which is
 * nobody's mistake; any other errno is one. Each failure is told once.
 */
int lines_written(FILE *f);

#endif
