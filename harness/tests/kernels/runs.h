/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A few packets through loaded programs: that a kernel takes a program does not say that it does there what
 * it does elsewhere.
 */
#ifndef VERDICT_TESTS_KERNELS_RUNS_H
#define VERDICT_TESTS_KERNELS_RUNS_H

/* Of the objects in a folder. Prints lines as loads.c does, names beginning with the label; returns how many
 * are "not ok".
 */
int runs(const char *dir, const char *label);

#endif
