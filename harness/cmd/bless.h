/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `verdict run --bless`: a recorded scenario that somebody has read becomes one like any other. */
#ifndef VERDICT_CMD_BLESS_H
#define VERDICT_CMD_BLESS_H

#include <stdio.h>

#include "judge/judge.h"

struct blessing;

/* NULL if the scenario is not unreviewed. */
struct blessing *bless_begin(struct arena *a, const struct scenario *s);
/* A result on one engine. Where all held it counts as passed from here on: the person who blesses has
 * reviewed it.
 */
void bless_take(struct blessing *b, struct scenario_result *res);
/* If all held on each engine: takes the line out of the file, all else byte for byte, by rename, and
 * prints what was blessed. 1: prints that nothing was, and changes nothing.
 */
int bless_end(struct blessing *b, FILE *out, struct err *err);

#endif
