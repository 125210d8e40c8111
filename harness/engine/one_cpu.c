// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Pins the calling thread for the time of a run. */
#include "engine/one_cpu.h"

/* Of this process, which runs beside others of its kind; -1: none. */
static int preferred = -1;

void one_cpu_prefer(unsigned nth)
{
	cpu_set_t may;
	int n;

	if (sched_getaffinity(0, sizeof(may), &may))
		return;
	n = (int)(nth % (unsigned)CPU_COUNT(&may));
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &may) || n--)
			continue;
		preferred = cpu;
		return;
	}
}

void one_cpu_stay(struct one_cpu *c)
{
	int cpu = preferred < 0 ? sched_getcpu() : preferred;
	cpu_set_t one;

	*c = (struct one_cpu){ .stays = false };
	CPU_ZERO(&one);
	if (cpu < 0 || cpu >= CPU_SETSIZE || sched_getaffinity(0, sizeof(c->before), &c->before))
		return;
	CPU_SET(cpu, &one);
	c->stays = sched_setaffinity(0, sizeof(one), &one) == 0;
}

void one_cpu_leave(struct one_cpu *c)
{
	if (c->stays)
		sched_setaffinity(0, sizeof(c->before), &c->before);
	c->stays = false;
}
