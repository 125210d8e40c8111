/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Calls of a lane's sockets, one at a time, with what it takes to make each. */
#ifndef VERDICT_CMD_BENCH_SOCK_CALL_H
#define VERDICT_CMD_BENCH_SOCK_CALL_H

#include "cmd/bench_sock_lane.h"

struct sock_row {
	const char *name;
	enum sock_call call;
	bool past; /* to the backend itself, which is no service */
};

#define SOCK_ROWS 5

extern const struct sock_row sock_rows[SOCK_ROWS];

/* The backends' sockets, of each family; the caller closes them, whatever is returned. */
int sock_open_backends(int fds[SOCK_FAMILIES], struct err *err);
/* In the group whose programs are to run for them. */
int sock_open_lane(struct sock_lane *l, struct err *err);
/* One call; the program runs once. */
int sock_make_call(const struct sock_lane *l, const struct sock_row *row, int family, int backend,
		   struct err *err);
/* The same, and an error unless it does what it is for: to the backend, and back as from the service. */
int sock_check_call(const struct sock_lane *l, const struct sock_row *row, int family, int backend,
		    struct err *err);

#endif
