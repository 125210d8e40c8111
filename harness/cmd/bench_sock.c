/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Service 10.96.0.10 and fd00:96::10, port 53 of UDP, whose backend is 10.0.1.20 and fd00:1::20, port 5353, of a
 * network namespace that has nothing else. The kernel tells how long a program ran and how often (BPF_STATS_RUN_TIME);
 * a group of its own has programs that do nothing.
 */
#include "cmd/bench_sock.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/ns.h"
#include "cmd/bench_race.h"
#include "cmd/bench_rows.h"
#include "cmd/bench_sock_group.h"
#include "engine/replay_net.h"
#include "scenario/target_desc.h"
#include "scenario/yaml.h"
#include "target/figures.h"
#include "target/target.h"

#define OBJECT	 "bpf_sock.o"
#define SERVICE	 53
#define BACKEND	 5353
#define FAMILIES 2

enum call { CONNECT, SENDMSG, RECVMSG, GETPEERNAME, CALLS };

/* By call and family. */
static const struct program {
	const char *name;
	enum bpf_attach_type type;
} programs[CALLS][FAMILIES] = {
	[CONNECT] = { { "cil_sock4_connect", BPF_CGROUP_INET4_CONNECT },
		      { "cil_sock6_connect", BPF_CGROUP_INET6_CONNECT } },
	[SENDMSG] = { { "cil_sock4_sendmsg", BPF_CGROUP_UDP4_SENDMSG },
		      { "cil_sock6_sendmsg", BPF_CGROUP_UDP6_SENDMSG } },
	[RECVMSG] = { { "cil_sock4_recvmsg", BPF_CGROUP_UDP4_RECVMSG },
		      { "cil_sock6_recvmsg", BPF_CGROUP_UDP6_RECVMSG } },
	[GETPEERNAME] = { { "cil_sock4_getpeername", BPF_CGROUP_INET4_GETPEERNAME },
			  { "cil_sock6_getpeername", BPF_CGROUP_INET6_GETPEERNAME } },
};

static const struct row {
	const char *name;
	enum call call;
	bool past; /* to the backend itself, which is no service */
} rows[] = {
	{ "socket: connects to a service", CONNECT, false },
	{ "socket: connects to no service", CONNECT, true },
	{ "socket: sends to a service", SENDMSG, false },
	{ "socket: receives from a service", RECVMSG, false },
	{ "socket: asks who its peer is", GETPEERNAME, false },
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* A family's addresses: of the service, of the backend. */
static const char *const addresses[FAMILIES][2] = { { "10.96.0.10", "10.0.1.20" },
						    { "fd00:96::10", "fd00:1::20" } };

/* One group's programs and sockets. The first lane's programs do nothing. */
struct lane {
	struct target *target; /* NULL: none */
	struct target_desc *desc;
	const char *objects;
	struct figures *figures;
	size_t n_figures;
	int progs[CALLS][FAMILIES];
	int connected[FAMILIES], past[FAMILIES], loose[FAMILIES]; /* sockets */
	double ns[RACE_TURNS_FEW];
};

enum { NOTHING, OURS, THEIRS, LANES };

struct bench_sock {
	struct arena *arena;
	struct sock_groups groups;
	struct lane lanes[LANES];
	size_t n; /* lanes */
	int backend[FAMILIES]; /* what the service's datagrams reach */
	int stats; /* as long as it is open the kernel takes times */
	int home; /* network namespace */
};

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static socklen_t address_of(int family, const char *text, uint16_t port, union address *out)
{
	memset(out, 0, sizeof(*out));
	if (family) {
		out->in6.sin6_family = AF_INET6;
		out->in6.sin6_port = htons(port);
		inet_pton(AF_INET6, text, &out->in6.sin6_addr);
		return sizeof(out->in6);
	}
	out->in.sin_family = AF_INET;
	out->in.sin_port = htons(port);
	inet_pton(AF_INET, text, &out->in.sin_addr);
	return sizeof(out->in);
}

static bool is_service(int family, const union address *a)
{
	union address service;
	socklen_t len = address_of(family, addresses[family][0], SERVICE, &service);

	return memcmp(a, &service, len) == 0;
}

/* ---- programs and maps ---- */

static int set(struct bench_sock *b, struct lane *l, const char *map, const char *key,
	       const char *value, struct err *err)
{
	struct map *m = target_find_map(l->target, map);
	struct value **k, **v;
	size_t n;
	int ret;

	if (!m)
		return err_system(err, 0, "%s has no map %s", OBJECT, map);
	ret = yaml_parse(b->arena, key, strlen(key), "the benchmark", &k, &n, err);
	if (!ret)
		ret = yaml_parse(b->arena, value, strlen(value), "the benchmark", &v, &n, err);
	return ret ? ret : map_set(m, k[0], v[0], err);
}

static int put_service(struct bench_sock *b, struct lane *l, int family, struct err *err)
{
	const char *of = family ? "cilium_lb6" : "cilium_lb4", *const *at = addresses[family];
	const char *key = arena_printf(b->arena, "address: '%s', dport: %d, proto: %d", at[0],
				       SERVICE, IPPROTO_UDP);
	int ret = set(b, l, arena_printf(b->arena, "%s_services_v2", of),
		      arena_printf(b->arena, "{%s}", key), "{count: 1, rev_nat_index: 9}", err);

	if (!ret)
		ret = set(b, l, arena_printf(b->arena, "%s_services_v2", of),
			  arena_printf(b->arena, "{%s, backend_slot: 1}", key),
			  "{backend_id: 7, rev_nat_index: 9}", err);
	if (!ret)
		ret = set(b, l, arena_printf(b->arena, "%s_backends_v3", of), "7",
			  arena_printf(b->arena, "{address: '%s', port: %d, proto: %d}", at[1],
				       BACKEND, IPPROTO_UDP),
			  err);
	return ret;
}

static int load_figures(struct bench_sock *b, struct lane *l, struct err *err)
{
	struct object_opts opts = {
		.path = target_image(l->target, 0)->path,
		.pin_dir = arena_printf(b->arena, "%s/figures-sock-%d", SANDBOX_BPFFS,
					(int)(l - b->lanes)),
	};

	return figures_load(b->arena, &opts, &l->figures, &l->n_figures, err);
}

static const struct figures *figures_of(const struct lane *l, const char *program)
{
	for (size_t i = 0; i < l->n_figures; i++)
		if (!strcmp(l->figures[i].program, program) && l->figures[i].is_loaded)
			return &l->figures[i];
	return NULL;
}

/* Cilium builds what tells the peer's name only where it is asked to: progs stay -1 then. */
static int open_target(struct bench_sock *b, struct lane *l, struct err *err)
{
	static const char *const only[] = { OBJECT };
	const struct target_opts opts = {
		.desc = l->desc, .objects = l->objects, .only = only, .n_only = 1
	};
	int ret = target_open(&opts, &l->target, err);

	if (!ret)
		ret = load_figures(b, l, err);
	for (int family = 0; family < FAMILIES && !ret; family++)
		ret = put_service(b, l, family, err);
	for (int i = 0; i < CALLS * FAMILIES && !ret; i++) {
		int call = i / FAMILIES, family = i % FAMILIES;
		struct target_program p;

		if (!figures_of(l, programs[call][family].name))
			continue;
		ret = target_program(l->target, OBJECT, programs[call][family].name, NULL, &p, err);
		if (!ret)
			l->progs[call][family] = p.fd;
	}
	return ret;
}

/* Which lets all calls go on. */
static int load_nothing(enum bpf_attach_type type, struct err *err)
{
	static const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = type);
	int fd = bpf_prog_load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "nothing", "GPL", insns, 2, &opts);

	return fd < 0 ? err_system(err, -fd, "loading an empty program") : fd;
}

static int load_nothings(struct lane *l, struct err *err)
{
	for (int i = 0; i < CALLS * FAMILIES; i++) {
		int fd = load_nothing(programs[i / FAMILIES][i % FAMILIES].type, err);

		if (fd < 0)
			return fd;
		l->progs[i / FAMILIES][i % FAMILIES] = fd;
	}
	return 0;
}

/* ---- sockets ---- */

static int open_socket(int family, struct err *err)
{
	int fd = socket(family ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const struct timeval second = { .tv_sec = 1 };

	if (fd < 0)
		return err_system(err, errno, "a datagram socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
	return fd;
}

static int open_backends(struct bench_sock *b, struct err *err)
{
	for (int family = 0; family < FAMILIES; family++) {
		union address a;
		socklen_t len = address_of(family, addresses[family][1], BACKEND, &a);

		b->backend[family] = open_socket(family, err);
		if (b->backend[family] < 0)
			return -1;
		if (bind(b->backend[family], &a.any, len))
			return err_system(err, errno, "binding to %s", addresses[family][1]);
	}
	return 0;
}

/* In the lane's group: its programs are the sockets' from here on. */
static int open_lane(struct bench_sock *b, struct lane *l, struct err *err)
{
	struct sock_group *group;
	int ret = l->desc ? open_target(b, l, err) : load_nothings(l, err);

	if (!ret)
		ret = sock_groups_add(&b->groups, &group, err);
	for (int i = 0; i < CALLS * FAMILIES && !ret; i++)
		if (l->progs[i / FAMILIES][i % FAMILIES] >= 0)
			ret = sock_group_attach(group, l->progs[i / FAMILIES][i % FAMILIES],
						programs[i / FAMILIES][i % FAMILIES].type, err);
	for (int family = 0; family < FAMILIES && !ret; family++) {
		l->connected[family] = open_socket(family, err);
		l->past[family] = open_socket(family, err);
		l->loose[family] = open_socket(family, err);
		ret = l->connected[family] < 0 || l->past[family] < 0 || l->loose[family] < 0 ? -1
											      : 0;
	}
	return ret;
}

/* ---- calls ---- */

static int say(int fd, const union address *to, socklen_t len, struct err *err)
{
	return sendto(fd, "x", 1, 0, &to->any, len) == 1 ? 0 : err_system(err, errno, "sendto");
}

static int hear(int fd, union address *from, struct err *err)
{
	socklen_t len = sizeof(*from);
	char byte;

	return recvfrom(fd, &byte, 1, 0, &from->any, &len) == 1
		       ? 0
		       : err_system(err, errno, "recvfrom");
}

/* Where a lane has no programs that translate, it goes to the backend itself. */
static socklen_t called(const struct lane *l, const struct row *row, int family, union address *out)
{
	bool past = row->past || !l->target;

	return address_of(family, addresses[family][past], past ? BACKEND : SERVICE, out);
}

/* What is known of a socket's peer is kept for its life: one for each. */
static int connected(const struct lane *l, const struct row *row, int family)
{
	return row->past ? l->past[family] : l->connected[family];
}

/* One call, with what it takes to make it: *peer is what it says of the other end. */
static int make_call(struct bench_sock *b, struct lane *l, const struct row *row, int family,
		     union address *peer, struct err *err)
{
	socklen_t len = called(l, row, family, peer), got = sizeof(*peer);
	int ret;

	if (row->call == CONNECT)
		return connect(connected(l, row, family), &peer->any, len)
			       ? err_system(err, errno, "connect")
			       : 0;
	if (row->call == GETPEERNAME)
		return getpeername(connected(l, row, family), &peer->any, &got)
			       ? err_system(err, errno, "getpeername")
			       : 0;
	ret = say(l->loose[family], peer, len, err);
	if (!ret)
		ret = hear(b->backend[family], peer, err);
	if (ret || row->call == SENDMSG)
		return ret;
	ret = say(b->backend[family], peer, len, err);
	return ret ? ret : hear(l->loose[family], peer, err);
}

/* Both sides have to do the same: to the backend, and back as from the service. */
static int check(struct bench_sock *b, struct lane *l, const struct row *row, int family,
		 struct err *err)
{
	union address peer, of;
	socklen_t len = sizeof(peer);
	int ret = make_call(b, l, row, family, &peer, err);

	if (ret)
		return ret;
	if (row->call == SENDMSG)
		return 0; /* the backend has heard it */
	if (row->call == CONNECT && getpeername(connected(l, row, family), &peer.any, &len))
		return err_system(err, errno, "getpeername");
	address_of(family, addresses[family][1], BACKEND, &of);
	if (row->past || (row->call == CONNECT && l->progs[GETPEERNAME][family] < 0)
		    ? !memcmp(&peer, &of, len)
		    : is_service(family, &peer))
		return 0;
	return err_system(err, 0, "%s: the socket's other end is not what it called", row->name);
}

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

static int block(struct bench_sock *b, struct lane *l, const struct row *row, int family,
		 double *mean, struct err *err)
{
	uint32_t times[RACE_BLOCK];
	union address peer;
	int ret = 0;

	for (size_t i = 0; i < RACE_BLOCK && !ret; i++) {
		int fd = l->progs[row->call][family];
		uint64_t ns[2] = { 0 }, runs[2] = { 0 };

		ret = run_time(fd, &ns[0], &runs[0], err);
		if (!ret)
			ret = make_call(b, l, row, family, &peer, err);
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

static int take_turn(struct bench_sock *b, struct lane *l, const struct row *row, int family,
		     size_t turn, struct err *err)
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

static void print_row(struct bench_sock *b, const struct row *row, int family, size_t n)
{
	struct bench_result results[2] = { 0 };
	double ratios[RACE_TURNS_FEW];

	for (size_t i = OURS; i < n; i++) {
		const struct figures *f =
			figures_of(&b->lanes[i], programs[row->call][family].name);
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
static int measure_row(struct bench_sock *b, const struct row *row, int family, struct err *err)
{
	union address peer;
	size_t n = b->n == LANES && b->lanes[THEIRS].progs[row->call][family] < 0 ? THEIRS : b->n;
	int ret = 0;

	for (size_t i = NOTHING; i < n && !ret && row->call == GETPEERNAME; i++)
		ret = make_call(b, &b->lanes[i], &rows[0], family, &peer, err);
	for (size_t i = OURS; i < n && !ret; i++)
		ret = check(b, &b->lanes[i], row, family, err);
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
		ret = open_backends(b, err);
	b->stats = ret ? -1 : bpf_enable_stats(BPF_STATS_RUN_TIME);
	if (!ret && b->stats < 0)
		ret = err_system(err, -b->stats, "having programs timed");
	if (!ret)
		ret = sock_groups_begin(&b->groups, b->arena, err);
	for (size_t i = 0; i < b->n && !ret; i++)
		ret = open_lane(b, &b->lanes[i], err);
	return ret;
}

static void close_lane(struct lane *l)
{
	for (int family = 0; family < FAMILIES; family++) {
		fd_cleanup(&l->connected[family]);
		fd_cleanup(&l->past[family]);
		fd_cleanup(&l->loose[family]);
		for (int call = 0; call < CALLS && !l->desc; call++)
			fd_cleanup(&l->progs[call][family]);
	}
	target_close(l->target);
	target_desc_free(l->desc);
}

static void close_all(struct bench_sock *b)
{
	struct err ignored = { 0 };

	sock_groups_end(&b->groups);
	for (size_t i = 0; i < LANES; i++)
		close_lane(&b->lanes[i]);
	for (int family = 0; family < FAMILIES; family++)
		fd_cleanup(&b->backend[family]);
	fd_cleanup(&b->stats);
	if (b->home >= 0)
		ns_enter(b->home, &ignored);
	fd_cleanup(&b->home);
	target_forget();
	arena_free(b->arena);
}

static bool is_wanted(const struct row *row, int family, const char *name)
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
		for (int family = 0; family < FAMILIES; family++) {
			b->lanes[i].connected[family] = b->lanes[i].past[family] = -1;
			b->lanes[i].loose[family] = -1;
			for (int call = 0; call < CALLS; call++)
				b->lanes[i].progs[call][family] = -1;
		}
}

int bench_sock(const char *objects, const char *theirs, const char *name, struct err *err)
{
	static const char *const targets[LANES] = { NULL, "verdict-sockets", "cilium-1.19" };
	struct bench_sock b;
	int n = 0, ret;

	for (size_t i = 0; i < ROWS * FAMILIES; i++)
		n += is_wanted(&rows[i / FAMILIES], i % FAMILIES, name);
	if (!n)
		return 0;
	begin(&b, objects, theirs);
	ret = sandbox_enter(err);
	for (size_t i = OURS; i < b.n && !ret; i++)
		ret = target_desc_load(targets[i], &b.lanes[i].desc, err);
	if (!ret)
		ret = open_all(&b, err);
	for (size_t i = 0; i < ROWS * FAMILIES && !ret; i++)
		if (is_wanted(&rows[i / FAMILIES], i % FAMILIES, name))
			ret = measure_row(&b, &rows[i / FAMILIES], i % FAMILIES, err);
	close_all(&b);
	return ret ? ret : n;
}
