/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The machine's clock. */
#include "base/clock.h"

#include <time.h>

uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}
