/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Control groups with programs at their sockets. The kernel makes no test run of such programs: they run as system
 * calls of a process of the group do, and for each socket those of the group in which it was made.
 */
#ifndef VERDICT_CMD_BENCH_SOCK_GROUP_H
#define VERDICT_CMD_BENCH_SOCK_GROUP_H

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

#define SOCK_GROUPS   3
#define SOCK_PROGRAMS 8 /* at most so many in a group */

struct sock_group {
	char *path;
	int links[SOCK_PROGRAMS];
	size_t n_links;
};

struct sock_groups {
	struct arena *arena;
	const char *home; /* where this process was */
	struct sock_group list[SOCK_GROUPS];
	size_t n;
};

/* In the sandbox. Removes groups that a killed process has left. a: outlives g. */
int sock_groups_begin(struct sock_groups *g, struct arena *a, struct err *err);
/* One more, which this process is in from here on. */
int sock_groups_add(struct sock_groups *g, struct sock_group **out, struct err *err);
/* attach_type: enum bpf_attach_type. The group holds the link, the program is the caller's. */
int sock_group_attach(struct sock_group *g, int prog_fd, unsigned attach_type, struct err *err);
/* All of them go, and this process is where it was. */
void sock_groups_end(struct sock_groups *g);

#endif
