/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Keeps the account of how much older than real time the maps were made. */
#include "engine/aging.h"

#include <time.h>

#include "target/agent.h"

#define NSEC 1000000000ULL

uint64_t aging_real_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NSEC + (uint64_t)ts.tv_nsec;
}

void aging_start(struct aging *a, uint64_t now_ns)
{
	/* wraps where the scenario is older than the machine; so does the difference below */
	*a = (struct aging){ .start_ns = aging_real_ns() - now_ns };
}

int aging_catch_up(struct aging *a, const char *pin_dir, uint64_t now_ns, struct err *err)
{
	uint64_t real = aging_real_ns() - a->start_ns + a->aged_ns;
	uint64_t seconds = now_ns > real ? (now_ns - real) / NSEC : 0;

	if (!seconds)
		return 0;
	a->aged_ns += seconds * NSEC;
	return agent_age_maps(pin_dir, (int64_t)(seconds * NSEC), err);
}

int aging_clock_to_real(const char *pin_dir, uint64_t clock_ns, uint64_t real_ns, struct err *err)
{
	int64_t ahead = (int64_t)(clock_ns / NSEC) - (int64_t)(real_ns / NSEC);

	return agent_age_maps(pin_dir, ahead * (int64_t)NSEC, err);
}

int aging_real_to_clock(const char *pin_dir, uint64_t clock_ns, uint64_t real_ns, struct err *err)
{
	int64_t ahead = (int64_t)(real_ns / NSEC) - (int64_t)(clock_ns / NSEC);

	return agent_age_maps(pin_dir, ahead * (int64_t)NSEC, err);
}
