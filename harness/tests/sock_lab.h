/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* bpf_sock's programs at real sockets: a network namespace that has nothing but loopback, on it the
 * addresses of backends, and a control group that the programs are attached to and this process is in. What
 * is not translated cannot be reached: ENETUNREACH, or ECONNREFUSED at an address of loopback.
 */
#ifndef VERDICT_TESTS_SOCK_LAB_H
#define VERDICT_TESTS_SOCK_LAB_H

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "base/cgroup.h"
#include "bpf_source.h"
#include "scenario/target_desc.h"
#include "scenario/yaml.h"
#include "target/target.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

struct sock_lab {
	struct arena *arena;
	struct target_desc *desc;
	struct target *target;
	struct err err;
	uint64_t netns; /* cookie of the namespace */
	struct cgroups groups;
	const char *group; /* that this process is in */
};

static struct sock_lab lab;

/* ---- the control group ---- */

static inline void leave_group(void)
{
	cgroups_end(&lab.groups);
}

static inline void enter_group(void)
{
	cr_assert_eq(cgroups_begin(&lab.groups, lab.arena, &lab.err), 0, "%s", lab.err.text);
	atexit(leave_group);
	cr_assert_eq(cgroups_add(&lab.groups, &lab.group, &lab.err), 0, "%s", lab.err.text);
}

/* ---- programs ---- */

static const char *const sock_programs[] = {
	"cil_sock4_connect",	 "cil_sock6_connect",	  "cil_sock4_sendmsg",
	"cil_sock6_sendmsg",	 "cil_sock4_recvmsg",	  "cil_sock6_recvmsg",
	"cil_sock4_getpeername", "cil_sock6_getpeername", "cil_sock4_pre_bind",
	"cil_sock6_pre_bind",	 "cil_sock4_post_bind",	  "cil_sock6_post_bind",
	"cil_sock_release",
};

/* Links are held until the process ends. */
static inline void attach_all(void)
{
	int group = open(lab.group, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	cr_assert_geq(group, 0);
	for (size_t i = 0; i < sizeof(sock_programs) / sizeof(sock_programs[0]); i++) {
		struct target_program p;
		int link;

		cr_assert_eq(target_program(lab.target, "bpf_sock.o", sock_programs[i], NULL, &p,
					    &lab.err),
			     0, "%s", lab.err.text);
		link = bpf_link_create(p.fd, group, (enum bpf_attach_type)p.attach_type, NULL);
		cr_assert_geq(link, 0, "%s: %s", sock_programs[i], strerror(errno));
	}
	close(group);
}

static inline void ip(const char *command)
{
	const char *argv[16] = { "ip" };
	char *text = arena_printf(lab.arena, "%s", command);
	int n = 1;

	for (char *word = strtok(text, " "); word && n < 15; word = strtok(NULL, " "))
		argv[n++] = word;
	cr_assert_eq(run_tool(argv, -1, NULL, NULL, 10, &lab.err), 0, "%s", lab.err.text);
}

static inline uint64_t netns_cookie(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	cr_assert_eq(getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len), 0);
	close(fd);
	return cookie;
}

static inline void lab_namespace(void)
{
	cr_assert_eq(unshare(CLONE_NEWNET), 0);
	ip("link set lo up");
	ip("addr add 10.0.1.20/32 dev lo");
	ip("addr add 10.0.1.21/32 dev lo");
	ip("addr add fd00:1::20/128 dev lo nodad");
	lab.netns = netns_cookie();
}

/* config: more settings, "name: value, " each. As a pod's namespace, unless host. */
static inline void lab_start(bool host, const char *config)
{
	const char *text, *path;

	NEEDS_ROOT();
	lab.arena = arena_new();
	lab_namespace();
	text = arena_printf(lab.arena,
			    "name: sock\nsummary: sockets\nconfig: {%s host_netns_cookie: %lu}\n"
			    "hooks: {cgroup: {connect4: bpf_sock.o/cil_sock4_connect}}\n"
			    "maps: {cilium_lb4_reverse_sk: {max_entries: 1024}, "
			    "cilium_lb6_reverse_sk: {max_entries: 1024}}\n",
			    config, host ? lab.netns : lab.netns + 1);
	path = arena_printf(lab.arena, "%s/sock.yaml", test_dir(lab.arena));
	cr_assert_eq(file_write(path, text, strlen(text), &lab.err), 0, "%s", lab.err.text);
	cr_assert_eq(target_desc_load(path, &lab.desc, &lab.err), 0, "%s", lab.err.text);
	cr_assert_eq(target_open(&(struct target_opts){ .desc = lab.desc }, &lab.target, &lab.err),
		     0, "%s", lab.err.text);
	enter_group();
	attach_all();
}

/* ---- maps ---- */

static inline const struct value *yaml(const char *text)
{
	struct value **docs;
	size_t count;

	cr_assert_eq(yaml_parse(lab.arena, text, strlen(text), "test", &docs, &count, &lab.err), 0,
		     "%s", lab.err.text);
	return docs[0];
}

static inline struct map *map(const char *name)
{
	struct map *m = target_find_map(lab.target, name);

	cr_assert(m, "no map %s", name);
	return m;
}

static inline void set(const char *name, const char *key, const char *value)
{
	cr_assert_eq(map_set(map(name), yaml(key), yaml(value), &lab.err), 0, "%s", lab.err.text);
}

static inline void unset(const char *name, const char *key)
{
	cr_assert_eq(map_delete(map(name), yaml(key), &lab.err), 1, "%s: no %s", name, key);
}

static inline size_t entries(const char *name)
{
	struct map_snapshot s;

	cr_assert_eq(map_snapshot(map(name), lab.arena, &s, &lab.err), 0, "%s", lab.err.text);
	return s.n;
}

/* The only entry of a map, its value. */
static inline void expect_only(const char *name, const char *pattern)
{
	struct map_snapshot s;
	struct value *v;
	struct buf is = BUF_INIT;

	cr_assert_eq(map_snapshot(map(name), lab.arena, &s, &lab.err), 0, "%s", lab.err.text);
	cr_assert_eq(s.n, 1, "%s has %zu entries", name, s.n);
	v = map_value_value(lab.arena, map(name), s.items[0].value);
	value_print(&is, v);
	cr_expect(value_matches(yaml(pattern), v), "%s: %s, not %s", name, buf_str(&is), pattern);
	buf_free(&is);
}

static inline int family_digit(const char *address)
{
	return strchr(address, ':') ? 6 : 4;
}

/* A service with backends from id on, and its own index; slot i names backend i - 1. */
static inline void service(const char *address, int port, int proto, int index, const char *flags,
			   int first, int count)
{
	const char *name =
		arena_printf(lab.arena, "cilium_lb%d_services_v2", family_digit(address));
	const char *key = arena_printf(lab.arena, "address: \"%s\", dport: %d, proto: %d", address,
				       port, proto);

	set(name, arena_printf(lab.arena, "{%s}", key),
	    arena_printf(lab.arena, "{count: %d, rev_nat_index: %d%s}", count, index, flags));
	for (int i = 0; i < count; i++)
		set(name, arena_printf(lab.arena, "{%s, backend_slot: %d}", key, i + 1),
		    arena_printf(lab.arena, "{backend_id: %d}", first + i));
}

static inline void backend(int id, const char *address, int port, int state)
{
	set(arena_printf(lab.arena, "cilium_lb%d_backends_v3", family_digit(address)),
	    arena_printf(lab.arena, "%d", id),
	    arena_printf(lab.arena, "{address: \"%s\", port: %d, flags: %d}", address, port,
			 state));
}

static inline void identity(const char *address, int id, int remote_cluster)
{
	bool v6 = family_digit(address) == 6;

	set("cilium_ipcache_v2",
	    arena_printf(lab.arena, "{lpm_key: {prefixlen: %d}, family: %d, %s: \"%s\"}",
			 v6 ? 160 : 64, v6 ? 2 : 1, v6 ? "ip6" : "ip4", address),
	    arena_printf(lab.arena, "{sec_identity: %d, flag_remote_cluster: %d}", id,
			 remote_cluster));
}

/* ---- sockets ---- */

struct end {
	struct sockaddr_storage sa;
	socklen_t len;
};

/* ::ffff:10.0.0.1 is IPv6. */
static inline struct end end_of(const char *address, int port)
{
	struct end e = { 0 };
	struct sockaddr_in *in = (struct sockaddr_in *)&e.sa;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&e.sa;

	if (family_digit(address) == 6) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)port);
		cr_assert_eq(inet_pton(AF_INET6, address, &in6->sin6_addr), 1);
		e.len = sizeof(*in6);
	} else {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)port);
		cr_assert_eq(inet_pton(AF_INET, address, &in->sin_addr), 1);
		e.len = sizeof(*in);
	}
	return e;
}

static inline const char *end_text(const struct end *e)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)&e->sa;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&e->sa;
	char text[INET6_ADDRSTRLEN];

	if (e->sa.ss_family == AF_INET6)
		inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text));
	else
		inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
	return arena_printf(lab.arena, "%s %d", text,
			    ntohs(e->sa.ss_family == AF_INET6 ? in6->sin6_port : in->sin_port));
}

static inline int sock_new(int family, int type)
{
	int fd = socket(family, type | SOCK_CLOEXEC, 0);
	struct timeval patience = { .tv_sec = 5 };

	cr_assert_geq(fd, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

/* Bound there; listening if it can. */
static inline int server(int type, const char *address, int port)
{
	struct end e = end_of(address, port);
	int fd = sock_new(e.sa.ss_family, type), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	cr_assert_eq(bind(fd, (struct sockaddr *)&e.sa, e.len), 0, "%s %d: %s", address, port,
		     strerror(errno));
	if (type == SOCK_STREAM)
		cr_assert_eq(listen(fd, 16), 0);
	return fd;
}

/* A connected socket, or negative errno. */
static inline int client(int type, const char *address, int port)
{
	struct end e = end_of(address, port);
	int fd = sock_new(e.sa.ss_family, type);

	if (connect(fd, (struct sockaddr *)&e.sa, e.len) == 0)
		return fd;
	close(fd);
	return -errno;
}

static inline void expect_peer(int fd, const char *address, int port)
{
	struct end e = { .len = sizeof(e.sa) };

	cr_assert_eq(getpeername(fd, (struct sockaddr *)&e.sa, &e.len), 0);
	cr_expect_str_eq(end_text(&e), arena_printf(lab.arena, "%s %d", address, port));
}

/* Which of the listeners a connection to that address reaches; -1: none. */
static inline int reached(const char *address, int port, const int *listeners, int n)
{
	int fd = client(SOCK_STREAM, address, port), which = -1;

	for (int i = 0; i < n && fd >= 0; i++) {
		int at;

		fcntl(listeners[i], F_SETFL, O_NONBLOCK);
		at = accept(listeners[i], NULL, NULL);
		if (at >= 0) {
			which = i;
			close(at);
		}
	}
	if (fd >= 0)
		close(fd);
	return which;
}

static inline bool reaches(const char *address, int port, int listener)
{
	return reached(address, port, &listener, 1) == 0;
}

static inline void say(int fd, const char *text, const char *address, int port)
{
	struct end e = end_of(address, port);

	cr_assert_eq(sendto(fd, text, strlen(text), 0, (struct sockaddr *)&e.sa, e.len),
		     (ssize_t)strlen(text), "%s %d: %s", address, port, strerror(errno));
}

/* A datagram's text must be this; its sender as text. */
static inline struct end hear(int fd, const char *text)
{
	struct end e = { .len = sizeof(e.sa) };
	char got[64] = "";
	ssize_t n = recvfrom(fd, got, sizeof(got) - 1, 0, (struct sockaddr *)&e.sa, &e.len);

	cr_assert_eq(n, (ssize_t)strlen(text), "heard nothing: %s", strerror(errno));
	cr_expect_str_eq(got, text);
	return e;
}

#endif
