/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Real time where the scenario's is ahead of it: the programs' clock cannot be moved, so what lies in
 * the maps is made older instead, by whole seconds, which is what lifetimes are counted in.
 */
#ifndef VERDICT_ENGINE_AGING_H
#define VERDICT_ENGINE_AGING_H

#include <stdint.h>

#include "base/err.h"

struct aging {
	uint64_t start_ns; /* real time at the scenario's time 0 */
	uint64_t aged_ns; /* by how much the maps were aged since */
};

/* The scenario's time is now_ns at this moment. */
void aging_start(struct aging *a, uint64_t now_ns);
/* The scenario's time has come to now_ns: ages the maps under pin_dir by the whole seconds by which
 * that outran real time.
 */
int aging_catch_up(struct aging *a, const char *pin_dir, uint64_t now_ns, struct err *err);

/* For maps whose programs change from a clock that shows clock_ns to the real one, which shows
 * real_ns, and back. There and back with the same times, the maps are as they were.
 */
uint64_t aging_real_ns(void);
int aging_clock_to_real(const char *pin_dir, uint64_t clock_ns, uint64_t real_ns, struct err *err);
int aging_real_to_clock(const char *pin_dir, uint64_t clock_ns, uint64_t real_ns, struct err *err);

#endif
