/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A block's figure is the mean of its middle half: the clock of some machines ticks in steps of 10 ns, which
 * a median would show, and what the machine did in between falls off at the upper end.
 */
#include "cmd/bench_race.h"

#include <string.h>

#include "base/file.h"
#include "base/ns.h"
#include "packet/bytes.h"

#define WARM 10 /* runs that bring a lane's code and data back into the caches */

static void ignore(void *arg, const void *record, uint32_t size)
{
	(void)arg, (void)record, (void)size;
}

static int block(struct race_lane *l, double *ns, struct err *err)
{
	uint32_t times[WARM + RACE_BLOCK];
	int ret = 0;

	for (size_t i = 0; i < WARM + RACE_BLOCK && !ret; i++) {
		if (l->fresh)
			put_be16(l->packet.data + l->packet.sport_at, l->port++);
		if (l->env)
			helper_env_begin(l->env);
		ret = timed_run(&l->run, err);
		times[i] = l->run.ns;
	}
	if (!ret)
		*ns = mean_of_middle(times + WARM, RACE_BLOCK);
	return ret;
}

/* Right before and in the same place: whatever slows the machine down slows both. */
static int take_turn(struct race_lane *l, int empty_fd, size_t turn, struct err *err)
{
	struct race_lane empty = { .run = l->run };
	double nothing = 0, ns = 0;
	struct calm calm;
	uint64_t lost;
	int ret = ns_enter(l->ns_fd, err);

	empty.run.fd = empty_fd;
	calm_begin(&calm);
	if (!ret)
		ret = block(&empty, &nothing, err);
	if (!ret)
		ret = block(l, &ns, err);
	calm_end(&calm);
	l->ns[turn] = ns - nothing;
	return ret || !l->events ? ret : event_ring_read(l->events, ignore, NULL, &lost, err);
}

static size_t turns_of(const struct race_lane *l)
{
	return l->turns ? l->turns : RACE_TURNS;
}

int race(struct race_lane *const lanes[], size_t n, struct err *err)
{
	int empty_fd[RACE_LANES], ret = 0;
	size_t opened = 0;

	for (; opened < n && !ret; opened++)
		ret = timed_empty(lanes[opened]->run.hook, &empty_fd[opened], err);
	for (size_t turn = 0; turn < turns_of(lanes[0]); turn++)
		for (size_t i = 0; i < n && !ret; i++) {
			size_t k = turn % 2 ? n - 1 - i : i;

			ret = take_turn(lanes[k], empty_fd[k], turn, err);
		}
	while (opened)
		fd_cleanup(&empty_fd[--opened]);
	return ret;
}

double race_ns(const struct race_lane *l)
{
	double sorted[RACE_TURNS];

	memcpy(sorted, l->ns, sizeof(sorted));
	return median_of_doubles(sorted, turns_of(l));
}

struct quartiles race_ratio(const struct race_lane *a, const struct race_lane *b)
{
	double ratios[RACE_TURNS];

	for (size_t i = 0; i < turns_of(a); i++)
		ratios[i] = a->ns[i] / b->ns[i];
	return quartiles_of(ratios, turns_of(a));
}
