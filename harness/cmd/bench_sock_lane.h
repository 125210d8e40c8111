/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The programs at sockets of one side, or such as do nothing, and sockets of each family that they run for.
 *
 * Their service is 10.96.0.10 and fd00:96::10, port 53 of UDP, whose backend is 10.0.1.20 and fd00:1::20, port 5353.
 */
#ifndef VERDICT_CMD_BENCH_SOCK_LANE_H
#define VERDICT_CMD_BENCH_SOCK_LANE_H

#include <linux/bpf.h>

#include "base/arena.h"
#include "base/err.h"
#include "cmd/bench_race.h"
#include "scenario/target_desc.h"
#include "target/figures.h"
#include "target/target.h"

#define SOCK_SERVICE_PORT 53
#define SOCK_BACKEND_PORT 5353
#define SOCK_FAMILIES	  2 /* IPv4, IPv6 */

enum sock_call { SOCK_CONNECT, SOCK_SENDMSG, SOCK_RECVMSG, SOCK_GETPEERNAME, SOCK_CALLS };

extern const struct sock_program {
	const char *name;
	enum bpf_attach_type type;
} sock_programs[SOCK_CALLS][SOCK_FAMILIES];

/* A family's addresses: of the service, of the backend. */
extern const char *const sock_addresses[SOCK_FAMILIES][2];

struct sock_lane {
	struct target_desc *desc; /* NULL: its programs do nothing */
	const char *objects; /* folder; NULL: the description's own */
	struct target *target;
	struct figures *figures;
	size_t n_figures;
	int progs[SOCK_CALLS][SOCK_FAMILIES]; /* -1: the object has none */
	int links[SOCK_CALLS][SOCK_FAMILIES]; /* to the control group; -1: none */
	int connected[SOCK_FAMILIES], past[SOCK_FAMILIES], loose[SOCK_FAMILIES]; /* sockets */
	double ns[RACE_TURNS_FEW];
};

/* Programs and entries of maps. In the sandbox; a outlives the lane. */
int sock_lane_load(struct sock_lane *l, struct arena *a, struct err *err);
/* To the control group in that folder. */
int sock_lane_attach(struct sock_lane *l, const char *group, struct err *err);
/* NULL: it has no such program. */
const struct figures *sock_lane_figures(const struct sock_lane *l, const char *program);
/* Its sockets, too. */
void sock_lane_close(struct sock_lane *l);

#endif
