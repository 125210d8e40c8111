/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Of a network namespace that has nothing else. The kernel tells how long a program ran and how often
 * (BPF_STATS_RUN_TIME); a group of its own has programs that do nothing.
 */
#include "cmd/bench_sock.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "base/cgroup.h"
#include "base/file.h"
#include "base/ns.h"
#include "cmd/bench_rows.h"
#include "cmd/bench_sock_call.h"
#include "engine/replay_net.h"

enum { NOTHING, OURS, THEIRS, LANES };

struct bench_sock {
	struct arena *arena;
	struct cgroups groups;
	struct sock_lane lanes[LANES];
	size_t n; /* lanes */
	int backend[SOCK_FAMILIES]; /* what the service's datagrams reach */
	int stats; /* as long as it is open the kernel takes times */
	int home; /* network namespace */
};

/* ---- times ---- */

static int run_time(int prog_fd, uint64_t *ns, uint64_t *runs, struct err *err)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);
	int ret = bpf_obj_get_info_by_fd(prog_fd, &info, &size);

	*ns = info.run_time_ns;
	*runs = info.run_cnt;
	return ret ? err_system(err, -ret, "asking how long a program ran") : 0;
}

static int block(struct bench_sock *b, struct sock_lane *l, const struct sock_row *row, int family,
		 double *mean, struct err *err)
{
	uint32_t times[RACE_BLOCK];
	int ret = 0;

	for (size_t i = 0; i < RACE_BLOCK && !ret; i++) {
		int fd = l->progs[row->call][family];
		uint64_t ns[2] = { 0 }, runs[2] = { 0 };

		ret = run_time(fd, &ns[0], &runs[0], err);
		if (!ret)
			ret = sock_make_call(l, row, family, b->backend[family], err);
		if (!ret)
			ret = run_time(fd, &ns[1], &runs[1], err);
		if (!ret && runs[1] != runs[0] + 1)
			return err_system(err, 0, "%s: the program ran %d times", row->name,
					  (int)(runs[1] - runs[0]));
		times[i] = (uint32_t)(ns[1] - ns[0]);
	}
	if (!ret)
		*mean = mean_of_middle(times, RACE_BLOCK);
	return ret;
}

static int take_turn(struct bench_sock *b, struct sock_lane *l, const struct sock_row *row,
		     int family, size_t turn, struct err *err)
{
	double nothing = 0, ns = 0;
	struct calm calm;
	int ret;

	calm_begin(&calm);
	ret = block(b, &b->lanes[NOTHING], row, family, &nothing, err);
	if (!ret)
		ret = block(b, l, row, family, &ns, err);
	calm_end(&calm);
	l->ns[turn] = ns - nothing;
	return ret;
}

static void print_row(struct bench_sock *b, const struct sock_row *row, int family, size_t n)
{
	struct bench_result results[2] = { 0 };
	double ratios[RACE_TURNS_FEW];

	for (size_t i = OURS; i < n; i++) {
		const struct figures *f =
			sock_lane_figures(&b->lanes[i], sock_programs[row->call][family].name);
		struct bench_result *r = &results[i - OURS];
		double ns[RACE_TURNS_FEW];

		memcpy(ns, b->lanes[i].ns, sizeof(ns));
		*r = (struct bench_result){ .is_measured = true, .said = "PROCEED" };
		r->ns = median_of_doubles(ns, RACE_TURNS_FEW);
		r->way = (struct bench_way){ .programs = 1,
					     .instructions = f->processed,
					     .stack = f->stack_depth };
	}
	for (size_t i = 0; i < RACE_TURNS_FEW && n == LANES; i++)
		ratios[i] = b->lanes[OURS].ns[i] / b->lanes[THEIRS].ns[i];
	if (n == LANES)
		results[0].to_theirs = quartiles_of(ratios, RACE_TURNS_FEW);
	bench_rows_print(arena_printf(b->arena, "%s%s", row->name, family ? ", IPv6" : ""),
			 results);
}

/* Ours alone where they have no such program. */
static int measure_row(struct bench_sock *b, const struct sock_row *row, int family,
		       struct err *err)
{
	size_t n = b->n == LANES && b->lanes[THEIRS].progs[row->call][family] < 0 ? THEIRS : b->n;
	int ret = 0;

	for (size_t i = NOTHING; i < n && !ret && row->call == SOCK_GETPEERNAME; i++)
		ret = sock_make_call(&b->lanes[i], &sock_rows[0], family, b->backend[family], err);
	for (size_t i = OURS; i < n && !ret; i++)
		ret = sock_check_call(&b->lanes[i], row, family, b->backend[family], err);
	for (size_t turn = 0; turn < RACE_TURNS_FEW; turn++)
		for (size_t i = OURS; i < n && !ret; i++) {
			size_t k = turn % 2 ? n - i : i;

			ret = take_turn(b, &b->lanes[k], row, family, turn, err);
		}
	if (!ret)
		print_row(b, row, family, n);
	return ret;
}

/* ---- all of them ---- */

/* In a group of its own: its programs are the sockets' from here on. */
static int open_lane(struct bench_sock *b, struct sock_lane *l, struct err *err)
{
	const char *group;
	int ret = sock_lane_load(l, b->arena, err);

	if (!ret)
		ret = cgroups_add(&b->groups, &group, err);
	if (!ret)
		ret = sock_lane_attach(l, group, err);
	return ret ? ret : sock_open_lane(l, err);
}

static int open_all(struct bench_sock *b, struct err *err)
{
	int ret;

	b->home = ns_current(err);
	if (b->home < 0)
		return b->home;
	if (unshare(CLONE_NEWNET))
		return err_system(err, errno, "a network namespace for sockets");
	ret = replay_net_ip("link set lo up\naddress add 10.0.1.20/32 dev lo\n"
			    "address add fd00:1::20/128 dev lo nodad\n",
			    err);
	if (!ret)
		ret = sock_open_backends(b->backend, err);
	b->stats = ret ? -1 : bpf_enable_stats(BPF_STATS_RUN_TIME);
	if (!ret && b->stats < 0)
		ret = err_system(err, -b->stats, "having programs timed");
	if (!ret)
		ret = cgroups_begin(&b->groups, b->arena, err);
	for (size_t i = 0; i < b->n && !ret; i++)
		ret = open_lane(b, &b->lanes[i], err);
	return ret;
}

static void close_all(struct bench_sock *b)
{
	struct err ignored = { 0 };

	cgroups_end(&b->groups);
	for (size_t i = 0; i < LANES; i++)
		sock_lane_close(&b->lanes[i]);
	for (int family = 0; family < SOCK_FAMILIES; family++)
		fd_cleanup(&b->backend[family]);
	fd_cleanup(&b->stats);
	if (b->home >= 0)
		ns_enter(b->home, &ignored);
	fd_cleanup(&b->home);
	target_forget();
	arena_free(b->arena);
}

static bool is_wanted(const struct sock_row *row, int family, const char *name)
{
	return !name || strstr(row->name, name) || (family && strstr(", IPv6", name));
}

static void begin(struct bench_sock *b, const char *objects, const char *theirs)
{
	*b = (struct bench_sock){ .arena = arena_new(),
				  .backend = { -1, -1 },
				  .stats = -1,
				  .home = -1,
				  .n = theirs ? LANES : THEIRS };
	b->lanes[OURS].objects = objects;
	b->lanes[THEIRS].objects = theirs;
	for (size_t i = 0; i < LANES; i++)
		for (int family = 0; family < SOCK_FAMILIES; family++) {
			b->lanes[i].connected[family] = b->lanes[i].past[family] = -1;
			b->lanes[i].loose[family] = -1;
			for (int call = 0; call < SOCK_CALLS; call++)
				b->lanes[i].progs[call][family] = b->lanes[i].links[call][family] =
					-1;
		}
}

int bench_sock(const char *objects, const char *theirs, const char *name, struct err *err)
{
	static const char *const targets[LANES] = { NULL, "verdict-sockets", "cilium-1.19" };
	struct bench_sock b;
	int n = 0, ret;

	for (size_t i = 0; i < SOCK_ROWS * SOCK_FAMILIES; i++)
		n += is_wanted(&sock_rows[i / SOCK_FAMILIES], i % SOCK_FAMILIES, name);
	if (!n)
		return 0;
	begin(&b, objects, theirs);
	ret = sandbox_enter(err);
	for (size_t i = OURS; i < b.n && !ret; i++)
		ret = target_desc_load(targets[i], &b.lanes[i].desc, err);
	if (!ret)
		ret = open_all(&b, err);
	for (size_t i = 0; i < SOCK_ROWS * SOCK_FAMILIES && !ret; i++)
		if (is_wanted(&sock_rows[i / SOCK_FAMILIES], i % SOCK_FAMILIES, name))
			ret = measure_row(&b, &sock_rows[i / SOCK_FAMILIES], i % SOCK_FAMILIES,
					  err);
	close_all(&b);
	return ret ? ret : n;
}
