/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cmd/bench_sock_lane.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/ns.h"
#include "scenario/yaml.h"

#define OBJECT "bpf_sock.o"

const struct sock_program sock_programs[SOCK_CALLS][SOCK_FAMILIES] = {
	[SOCK_CONNECT] = { { "cil_sock4_connect", BPF_CGROUP_INET4_CONNECT },
			   { "cil_sock6_connect", BPF_CGROUP_INET6_CONNECT } },
	[SOCK_SENDMSG] = { { "cil_sock4_sendmsg", BPF_CGROUP_UDP4_SENDMSG },
			   { "cil_sock6_sendmsg", BPF_CGROUP_UDP6_SENDMSG } },
	[SOCK_RECVMSG] = { { "cil_sock4_recvmsg", BPF_CGROUP_UDP4_RECVMSG },
			   { "cil_sock6_recvmsg", BPF_CGROUP_UDP6_RECVMSG } },
	[SOCK_GETPEERNAME] = { { "cil_sock4_getpeername", BPF_CGROUP_INET4_GETPEERNAME },
			       { "cil_sock6_getpeername", BPF_CGROUP_INET6_GETPEERNAME } },
};

const char *const sock_addresses[SOCK_FAMILIES][2] = { { "10.96.0.10", "10.0.1.20" },
						       { "fd00:96::10", "fd00:1::20" } };

static int set(struct sock_lane *l, struct arena *a, const char *map, const char *key,
	       const char *value, struct err *err)
{
	struct map *m = target_find_map(l->target, map);
	struct value **k, **v;
	size_t n;
	int ret;

	if (!m)
		return err_system(err, 0, "%s has no map %s", OBJECT, map);
	ret = yaml_parse(a, key, strlen(key), "the benchmark", &k, &n, err);
	if (!ret)
		ret = yaml_parse(a, value, strlen(value), "the benchmark", &v, &n, err);
	return ret ? ret : map_set(m, k[0], v[0], err);
}

static int put_service(struct sock_lane *l, struct arena *a, int family, struct err *err)
{
	const char *of = family ? "cilium_lb6" : "cilium_lb4", *const *at = sock_addresses[family];
	const char *key = arena_printf(a, "address: '%s', dport: %d, proto: %d", at[0],
				       SOCK_SERVICE_PORT, IPPROTO_UDP);
	int ret = set(l, a, arena_printf(a, "%s_services_v2", of), arena_printf(a, "{%s}", key),
		      "{count: 1, rev_nat_index: 9}", err);

	if (!ret)
		ret = set(l, a, arena_printf(a, "%s_services_v2", of),
			  arena_printf(a, "{%s, backend_slot: 1}", key),
			  "{backend_id: 7, rev_nat_index: 9}", err);
	if (!ret)
		ret = set(l, a, arena_printf(a, "%s_backends_v3", of), "7",
			  arena_printf(a, "{address: '%s', port: %d, proto: %d}", at[1],
				       SOCK_BACKEND_PORT, IPPROTO_UDP),
			  err);
	return ret;
}

static int load_figures(struct sock_lane *l, struct arena *a, struct err *err)
{
	struct object_opts opts = {
		.path = target_image(l->target, 0)->path,
		.pin_dir = arena_printf(a, "%s/figures-sock-%d", SANDBOX_BPFFS, (int)getpid()),
	};

	return figures_load(a, &opts, &l->figures, &l->n_figures, err);
}

const struct figures *sock_lane_figures(const struct sock_lane *l, const char *program)
{
	for (size_t i = 0; i < l->n_figures; i++)
		if (!strcmp(l->figures[i].program, program) && l->figures[i].is_loaded)
			return &l->figures[i];
	return NULL;
}

/* Cilium builds what tells the peer's name only where it is asked to: progs stay -1 then. */
static int open_target(struct sock_lane *l, struct arena *a, struct err *err)
{
	static const char *const only[] = { OBJECT };
	const struct target_opts opts = {
		.desc = l->desc, .objects = l->objects, .only = only, .n_only = 1
	};
	int ret = target_open(&opts, &l->target, err);

	if (!ret)
		ret = load_figures(l, a, err);
	for (int family = 0; family < SOCK_FAMILIES && !ret; family++)
		ret = put_service(l, a, family, err);
	for (int i = 0; i < SOCK_CALLS * SOCK_FAMILIES && !ret; i++) {
		int call = i / SOCK_FAMILIES, family = i % SOCK_FAMILIES;
		struct target_program p;

		if (!sock_lane_figures(l, sock_programs[call][family].name))
			continue;
		ret = target_program(l->target, OBJECT, sock_programs[call][family].name, NULL, &p,
				     err);
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

static int load_nothings(struct sock_lane *l, struct err *err)
{
	for (int i = 0; i < SOCK_CALLS * SOCK_FAMILIES; i++) {
		int fd =
			load_nothing(sock_programs[i / SOCK_FAMILIES][i % SOCK_FAMILIES].type, err);

		if (fd < 0)
			return fd;
		l->progs[i / SOCK_FAMILIES][i % SOCK_FAMILIES] = fd;
	}
	return 0;
}

int sock_lane_load(struct sock_lane *l, struct arena *a, struct err *err)
{
	return l->desc ? open_target(l, a, err) : load_nothings(l, err);
}

int sock_lane_attach(struct sock_lane *l, const char *group, struct err *err)
{
	int fd = open(group, O_RDONLY | O_DIRECTORY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return err_system(err, errno, "opening %s", group);
	for (int i = 0; i < SOCK_CALLS * SOCK_FAMILIES && !ret; i++) {
		int call = i / SOCK_FAMILIES, family = i % SOCK_FAMILIES, link;

		if (l->progs[call][family] < 0)
			continue;
		link = bpf_link_create(l->progs[call][family], fd, sock_programs[call][family].type,
				       NULL);
		if (link < 0)
			ret = err_system(err, -link, "attaching %s to %s",
					 sock_programs[call][family].name, group);
		l->links[call][family] = link;
	}
	fd_cleanup(&fd);
	return ret;
}

void sock_lane_close(struct sock_lane *l)
{
	for (int family = 0; family < SOCK_FAMILIES; family++) {
		fd_cleanup(&l->connected[family]);
		fd_cleanup(&l->past[family]);
		fd_cleanup(&l->loose[family]);
		for (int call = 0; call < SOCK_CALLS; call++) {
			fd_cleanup(&l->links[call][family]);
			if (!l->desc)
				fd_cleanup(&l->progs[call][family]);
		}
	}
	target_close(l->target);
	target_desc_free(l->desc);
}
