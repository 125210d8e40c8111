/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How much of its 512 bytes of stack a loaded program needs along its deepest chain of calls. */
#ifndef VERDICT_TARGET_STACK_DEPTH_H
#define VERDICT_TARGET_STACK_DEPTH_H

#include "base/err.h"

/* frames: "64+0+32" as the verifier says them, a function each. Counted as the kernel does it that compares
 * with its limit: in steps of 16 bytes a frame. 0 where calls cannot be followed: a kernel that interprets
 * programs. System error.
 */
int stack_depth(int prog_fd, const char *frames, unsigned *bytes, struct err *err);

#endif
