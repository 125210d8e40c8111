/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How long things take. */
#ifndef VERDICT_BASE_CLOCK_H
#define VERDICT_BASE_CLOCK_H

#include <stdint.h>

uint64_t clock_ns(void); /* CLOCK_MONOTONIC */

#endif
