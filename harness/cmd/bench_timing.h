/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a program costs for one packet: the time that the kernel measures around a single run, so neither the
 * system call nor what it does to make a packet counts; the median of many runs, so neither does who else
 * had the CPU; less what an empty program takes.
 */
#ifndef VERDICT_CMD_BENCH_TIMING_H
#define VERDICT_CMD_BENCH_TIMING_H

#include <sched.h>

#include "base/err.h"
#include "base/words.h"

struct timed_run {
	int fd;
	enum hook hook; /* of tc or XDP */
	const uint8_t *data; /* an Ethernet frame */
	uint32_t len;
	uint32_t ifindex; /* of the thread's network namespace */
	uint32_t mark; /* of an skb */
	/* what came of it */
	uint32_t ns;
	int verdict;
};

/* How the thread was scheduled before. */
struct calm {
	bool is_ours;
	int policy;
	struct sched_param param;
};

/* Until calm_end() no program of a machine that has other things to do takes the CPU away, and its caches with it.
 * For milliseconds: whoever wants the CPU waits. Where it isn't allowed the thread goes on as it was.
 */
void calm_begin(struct calm *c);
void calm_end(const struct calm *c);

/* Each run finds the packet as given, whatever the program does to it. */
int timed_run(struct timed_run *r, struct err *err);
/* A program that does nothing: what a run takes by itself. The caller closes *fd. */
int timed_empty(enum hook hook, int *fd, struct err *err);
double mean_of_middle(uint32_t *list, size_t n); /* of the middle half; sorts */
/* The median of a list, and the quartiles around it. */
struct quartiles {
	double low, middle, high;
};

struct quartiles quartiles_of(double *list, size_t n); /* sorts */
double median_of(uint32_t *list, size_t n); /* sorts */
double median_of_doubles(double *list, size_t n); /* sorts */

#endif
