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

/* The calling thread stays where it is, until one_cpu_leave(). What cannot be had is left out: results are
 * right without it, events only in another order.
 */
void one_cpu_stay(struct one_cpu *c);
void one_cpu_leave(struct one_cpu *c);

#endif
