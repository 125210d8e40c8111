/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What services cost at a socket: system calls of real sockets, with Verdict's programs and, where theirs is not NULL,
 * with Cilium's.
 */
#ifndef VERDICT_CMD_BENCH_SOCK_H
#define VERDICT_CMD_BENCH_SOCK_H

#include "base/err.h"

/* Prints a row a system call. objects, theirs: folders; name: only rows whose name has it, NULL: all. Returns how many
 * there were, or a negative errno.
 */
int bench_sock(const char *objects, const char *theirs, const char *name, struct err *err);

#endif
