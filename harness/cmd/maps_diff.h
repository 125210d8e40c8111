/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `verdict maps diff A B`. Internal to cmd/maps*.c. */
#ifndef VERDICT_CMD_MAPS_DIFF_H
#define VERDICT_CMD_MAPS_DIFF_H

#include "target/maps_file.h"

/* Prints the differences; *n says how many. A and B are files or what maps_open() takes. */
int maps_diff(const char *a, const char *b, struct maps_load *load, size_t *n, struct err *err);

#endif
