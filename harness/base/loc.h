/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where a piece of input was written: every node of a scenario or manifest carries one. */
#ifndef VERDICT_BASE_LOC_H
#define VERDICT_BASE_LOC_H

/* line and column count from 1; file is NULL for what no file said (a default, a computed entry).
 * file is owned by the arena of whatever holds the loc.
 */
struct loc {
	const char *file;
	int line;
	int col;
};

#endif
