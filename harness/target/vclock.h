/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What of the virtual clock only interpose.c needs. */
#ifndef VERDICT_TARGET_VCLOCK_H
#define VERDICT_TARGET_VCLOCK_H

#include "target/interpose.h"

int vclock_fd(const struct vclock *c); /* the array map: one __u64 of nanoseconds */

#endif
