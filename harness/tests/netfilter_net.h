/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Nodes of namespaces and real devices, real sockets and real netfilter, for netfilter_lab.h: a client, a node
 * that only balances, and one with pods whose host drops what its connection tracking calls invalid.
 *
 *   client 192.168.10.100   balancer 192.168.10.2   node 192.168.10.1 -- lxc20 -- pod 10.0.1.20
 *        `--------------- one wire, a bridge --------------'      `------ lxc21 -- other 10.0.1.21
 *
 * IPv6 likewise: fd00:10::100, ::2, ::1, fd00:1::20, ::21.
 */
#ifndef VERDICT_TESTS_NETFILTER_NET_H
#define VERDICT_TESTS_NETFILTER_NET_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

#include "bpf_source.h"
#include "engine/replay_net.h"

enum { ETH0 = 2, CILIUM_HOST = 4 };

static struct arena *arena;
static struct err err;
static int wire, client, balancer, node, pod, other; /* network namespaces */

#define MUST(call) cr_assert_eq(call, 0, "%s", err.text)

/* ---- namespaces ---- */

static inline void go(int ns)
{
	MUST(ns_enter(ns, &err));
}

static inline int make_namespace(void)
{
	int fd;

	cr_assert_eq(unshare(CLONE_NEWNET), 0);
	fd = ns_current(&err);
	cr_assert_geq(fd, 0, "%s", err.text);
	MUST(replay_net_ip("link set lo up\n", &err));
	return fd;
}

static inline void set_sysctl(const char *name, const char *value)
{
	const char *path = arena_printf(arena, "/proc/sys/net/%s", name);
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	cr_assert(fd >= 0 && write(fd, value, strlen(value)) > 0, "%s", path);
	close(fd);
}

/* Other ends are told by path: iproute2 takes that for a namespace's name. */
static inline const char *path_of(int ns)
{
	return arena_printf(arena, "/proc/%d/fd/%d", (int)getpid(), ns);
}

static inline void ip_in(int ns, const char *lines)
{
	go(ns);
	MUST(replay_net_ip(lines, &err));
}

/* eth0 of that namespace, on the wire; nobody has to ask for MACs. */
static inline void plug(int ns, const char *name, int host)
{
	ip_in(ns, arena_printf(arena,
			       "link add name eth0 index 2 address 02:00:c0:a8:0a:%02x type veth "
			       "peer name %s netns %s\n"
			       "link set eth0 addrgenmode none up\n"
			       "address add 192.168.10.%d/24 dev eth0\n"
			       "address add fd00:10::%d/64 dev eth0 nodad\n",
			       host, name, path_of(wire), host, host));
	ip_in(wire, arena_printf(arena, "link set %s addrgenmode none master br0 up\n", name));
}

static inline void know(int ns, int host)
{
	ip_in(ns, arena_printf(arena,
			       "neighbour add 192.168.10.%d lladdr 02:00:c0:a8:0a:%02x dev eth0 "
			       "nud permanent\n"
			       "neighbour add fd00:10::%d lladdr 02:00:c0:a8:0a:%02x dev eth0 "
			       "nud permanent\n",
			       host, host, host, host));
}

static inline void forward(int ns)
{
	go(ns);
	set_sysctl("ipv4/ip_forward", "1");
	set_sysctl("ipv6/conf/all/forwarding", "1");
}

static inline void add_nodes(void)
{
	wire = make_namespace();
	MUST(replay_net_ip("link add br0 type bridge\nlink set br0 addrgenmode none up\n", &err));
	client = make_namespace();
	balancer = make_namespace();
	node = make_namespace();
	plug(client, "client", 100);
	plug(balancer, "balancer", 2);
	plug(node, "node", 1);
	know(client, 1);
	know(client, 2);
	know(balancer, 1);
	know(balancer, 100);
	know(node, 2);
	know(node, 100);
	forward(balancer);
	forward(node);
	ip_in(balancer, "route add 10.0.1.0/24 via 192.168.10.1\n"
			"route add fd00:1::/64 via fd00:10::1\n");
}

/* A pod is ifindex, endpoint and last byte of its addresses; whoever forwards knows its MAC. */
static inline void add_pod(int ns, int n, const char *by)
{
	ip_in(node,
	      arena_printf(arena,
			   "link add name lxc%d index %d address 02:00:0a:00:01:b%d type veth "
			   "peer name eth0 address 02:00:0a:00:01:%d netns %s\n"
			   "link set lxc%d addrgenmode none up\n"
			   "route add 10.0.1.%d dev %s\n"
			   "route add fd00:1::%d dev %s\n"
			   "neighbour add 10.0.1.%d lladdr 02:00:0a:00:01:%d dev %s nud "
			   "permanent\n"
			   "neighbour add fd00:1::%d lladdr 02:00:0a:00:01:%d dev %s nud "
			   "permanent\n",
			   n, n, n - 20, n, path_of(ns), n, n, by, n, by, n, n, by, n, n, by));
	ip_in(ns, arena_printf(arena,
			       "link set eth0 addrgenmode none up\n"
			       "address add 10.0.1.%d/32 dev eth0\n"
			       "address add fd00:1::%d/128 dev eth0 nodad\n"
			       "neighbour add 10.0.1.1 lladdr 02:00:0a:00:01:b%d dev eth0 nud "
			       "permanent\n"
			       "neighbour add fd00:1::1 lladdr 02:00:0a:00:01:b%d dev eth0 nud "
			       "permanent\n"
			       "route add default via 10.0.1.1 dev eth0 onlink\n"
			       "route add default via fd00:1::1 dev eth0 onlink\n",
			       n, n, n - 20, n - 20));
}

static inline void add_pods(bool by_cilium_host)
{
	pod = make_namespace();
	other = make_namespace();
	if (by_cilium_host)
		ip_in(node, "link add name cilium_host index 4 type veth peer name cilium_net\n"
			    "link set cilium_host addrgenmode none up\n"
			    "link set cilium_net addrgenmode none up\n");
	add_pod(pod, 20, by_cilium_host ? "cilium_host" : "lxc20");
	add_pod(other, 21, by_cilium_host ? "cilium_host" : "lxc21");
}

/* As in the story; what it drops is counted. */
static inline void drop_invalid(void)
{
	static const char rules[] = "table inet host {\n"
				    " counter invalid {}\n"
				    " chain forward {\n"
				    "  type filter hook forward priority 0;\n"
				    "  ct state invalid counter name invalid drop\n"
				    " }\n"
				    "}\n";
	const char *argv[] = { "nft", "-f", "-", NULL };

	MUST(run_tool(argv, node, rules, NULL, 10, &err));
}

static inline unsigned dropped_as_invalid(void)
{
	const char *argv[] = { "nft", "list", "counter", "inet", "host", "invalid", NULL }, *at;
	struct buf out = BUF_INIT;
	unsigned n = 0;

	MUST(run_tool(argv, node, NULL, &out, 10, &err));
	at = strstr(buf_str(&out), "packets ");
	cr_assert(at, "%s", buf_str(&out));
	n = (unsigned)strtoul(at + strlen("packets "), NULL, 10);
	buf_free(&out);
	return n;
}

/* ---- sockets ---- */

struct exchange {
	bool connected, accepted, answered;
	char peer[INET6_ADDRSTRLEN]; /* who has asked, as the server sees it */
};

static inline socklen_t address(const char *text, int port, struct sockaddr_storage *sa)
{
	struct sockaddr_in *in = (struct sockaddr_in *)sa;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)sa;

	memset(sa, 0, sizeof(*sa));
	if (strchr(text, ':')) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)port);
		inet_pton(AF_INET6, text, &in6->sin6_addr);
		return sizeof(*in6);
	}
	in->sin_family = AF_INET;
	in->sin_port = htons((uint16_t)port);
	inet_pton(AF_INET, text, &in->sin_addr);
	return sizeof(*in);
}

static inline bool ready(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, 3000) == 1 && p.revents & events;
}

static inline int listen_at(int ns, const char *text, int port)
{
	struct sockaddr_storage sa;
	socklen_t len = address(text, port, &sa);
	int fd, one = 1;

	go(ns);
	fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	cr_assert_eq(bind(fd, (struct sockaddr *)&sa, len), 0, "%s", strerror(errno));
	cr_assert_eq(listen(fd, 1), 0);
	return fd;
}

static inline int connect_to(int ns, const char *text, int port)
{
	struct sockaddr_storage sa;
	socklen_t len = address(text, port, &sa);
	int fd;

	go(ns);
	fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	cr_assert_geq(fd, 0);
	cr_assert(connect(fd, (struct sockaddr *)&sa, len) < 0 && errno == EINPROGRESS, "%s",
		  strerror(errno));
	return fd;
}

static inline bool says(int from, int to, const char *text)
{
	char got[16] = "";

	return write(from, text, strlen(text)) == (ssize_t)strlen(text) && ready(to, POLLIN) &&
	       read(to, got, sizeof(got) - 1) == (ssize_t)strlen(text) && !strcmp(got, text);
}

struct way {
	int from; /* namespace */
	const char *to; /* as whoever asks calls it */
	int port;
	int server; /* namespace, and its address; port 8080 */
	const char *at;
	const char *as; /* how the server sees who asks */
};

static inline struct exchange talk(const struct way *w)
{
	int listener = listen_at(w->server, w->at, 8080);
	int asks = connect_to(w->from, w->to, w->port), answers = -1;
	struct exchange e = { .connected = ready(asks, POLLOUT) };
	struct sockaddr_storage sa = { 0 };
	socklen_t len = sizeof(sa);

	e.accepted = ready(listener, POLLIN);
	if (e.accepted) {
		answers = accept4(listener, (struct sockaddr *)&sa, &len, SOCK_CLOEXEC);
		cr_assert_geq(answers, 0);
		inet_ntop(sa.ss_family,
			  sa.ss_family == AF_INET
				  ? (void *)&((struct sockaddr_in *)&sa)->sin_addr
				  : (void *)&((struct sockaddr_in6 *)&sa)->sin6_addr,
			  e.peer, sizeof(e.peer));
		e.answered = says(asks, answers, "ping") && says(answers, asks, "pong");
		close(answers);
	}
	close(asks);
	close(listener);
	return e;
}

static inline void expect_whole(struct way w)
{
	struct exchange e = talk(&w);

	cr_expect(e.connected, "%s: no handshake", w.to);
	cr_expect(e.accepted, "%s: the server has accepted nothing", w.to);
	cr_expect(e.answered, "%s: no answer", w.to);
	cr_expect_str_eq(e.peer, w.as, "%s: asked by %s", w.to, e.peer);
	cr_expect_eq(dropped_as_invalid(), 0, "%s: %u packets were invalid to the host", w.to,
		     dropped_as_invalid());
}

#endif
