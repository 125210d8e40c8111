/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Test runs stay on one CPU: programs keep scratch and write events per CPU, and the order of events of
 * several CPUs is not known.
 */
#ifndef VERDICT_ENGINE_ONE_CPU_H
#define VERDICT_ENGINE_ONE_CPU_H

#include <sched.h>
#include <stdbool.h>

struct one_cpu {
	cpu_set_t before;
	bool stays;
};

/* From now on this process stays on the nth (from 0, around) of the CPUs that it may use: two processes that
 * stay where they are may be on the same one.
 */
void one_cpu_prefer(unsigned nth);
/* The calling thread stays where it is, or is to be, until one_cpu_leave(). What cannot be had is left out: results are
 * right without it, events only in another order.
 */
void one_cpu_stay(struct one_cpu *c);
void one_cpu_leave(struct one_cpu *c);

#endif
