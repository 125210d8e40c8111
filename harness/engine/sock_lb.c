// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "engine/sock_lb.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/ns.h"
#include "engine/replay_net.h"
#include "engine/sock_group.h"
#include "scenario/values.h"
#include "target/elf.h"
#include "target/maps.h"
#include "target/object.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

#define OWN_ENTRIES 1024 /* of maps that only sockets use */

static const struct {
	const char *program;
	enum bpf_attach_type type;
} hooks[] = {
	{ "cil_sock4_connect", BPF_CGROUP_INET4_CONNECT },
	{ "cil_sock6_connect", BPF_CGROUP_INET6_CONNECT },
	{ "cil_sock4_getpeername", BPF_CGROUP_INET4_GETPEERNAME },
	{ "cil_sock6_getpeername", BPF_CGROUP_INET6_GETPEERNAME },
};

#define N_HOOKS	  (sizeof(hooks) / sizeof(*hooks))
#define N_CONNECT 2 /* the first of them */

struct pod_ns {
	const char *pod;
	int fd;
};

struct sock_lb {
	struct arena *arena;
	const struct sim *sim;
	unsigned node;
	struct object *object;
	bool has[N_HOOKS]; /* objects of one family, or of old releases, lack some */
	char *group; /* the control group's folder */
	struct pod_ns *pods;
	size_t n_pods;
};

bool sock_lb_is_for(const struct cluster *c, const struct cluster_place *sender)
{
	const struct value *v = c->manifests.values;

	return sender->node >= 0 && values_bool(v, "socketLB.enabled") &&
	       (!sender->endpoint || !values_bool(v, "socketLB.hostNamespaceOnly"));
}

/* ---- programs ---- */

static int netns_cookie(uint64_t *cookie, struct err *err)
{
	__cleanup_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(*cookie);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, cookie, &len))
		return err_system(err, errno, "asking for a network namespace's cookie");
	return 0;
}

static const struct config_value *config(struct sock_lb *lb, uint64_t cookie, size_t *n)
{
	const struct cluster_node *node = &lb->sim->cluster->nodes[lb->node];
	struct config_value *all =
		arena_alloc(lb->arena, (node->n_config + 1) * sizeof(struct config_value));

	memcpy(all, node->config, node->n_config * sizeof(*all));
	*n = node->n_config + 1;
	all[*n - 1] = (struct config_value){
		"host_netns_cookie", value_scalar(lb->arena, "%llu", (unsigned long long)cookie)
	};
	return all;
}

/* Maps that the agent has keep its sizes. */
static const struct map_override *sizes(struct sock_lb *lb, size_t *n)
{
	static const char *const names[] = {
		"cilium_lb4_services_v2",
		"cilium_lb6_services_v2",
		"cilium_lb4_backends_v3",
		"cilium_lb6_backends_v3",
		"cilium_lb4_reverse_nat",
		"cilium_lb6_reverse_nat",
		"cilium_lb4_affinity",
		"cilium_lb6_affinity",
		"cilium_lb_affinity_match",
		"cilium_lb4_source_range",
		"cilium_lb6_source_range",
		"cilium_lb4_maglev",
		"cilium_lb6_maglev",
		"cilium_ipcache_v2",
		"cilium_metrics",
		"cilium_lb4_reverse_sk",
		"cilium_lb6_reverse_sk",
		"cilium_lb4_health",
		"cilium_lb6_health",
		"cilium_skip_lb4",
		"cilium_skip_lb6",
		"cilium_lb_act",
		"cilium_lxc",
	};
	struct map_override *all =
		arena_alloc(lb->arena, sizeof(names) / sizeof(*names) * sizeof(*all));

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const struct map *m = agent_map(lb->sim->nodes[lb->node].agent, names[i]);

		all[i] = (struct map_override){ names[i], m ? m->max_entries : OWN_ENTRIES, { 0 } };
	}
	*n = sizeof(names) / sizeof(*names);
	return all;
}

static int find_programs(struct sock_lb *lb, const char *path, const char **list, size_t *n,
			 struct err *err)
{
	struct elf_image *image;
	int ret = elf_load(path, &(struct elf_opts){ .n_types = 0 }, &image, err);

	for (size_t i = 0; !ret && i < N_HOOKS; i++) {
		for (size_t j = 0; j < image->n_programs; j++)
			lb->has[i] |= strcmp(image->programs[j].name, hooks[i].program) == 0;
		if (lb->has[i])
			list[(*n)++] = hooks[i].program;
	}
	if (!ret)
		elf_free(image);
	return ret;
}

static int load(struct sock_lb *lb, const char *path, const char *pin_dir, struct err *err)
{
	struct object_opts o = { .path = path,
				 .pin_dir = pin_dir,
				 .instance = "sockets",
				 .refuse_mismatch = true,
				 .unattached = true,
				 .env = lb->sim->env };
	const char *programs[N_HOOKS];
	uint64_t cookie = 0;
	size_t n = 0;
	int ret = netns_cookie(&cookie, err);

	if (!ret)
		ret = find_programs(lb, path, programs, &n, err);
	if (ret)
		return ret;
	o.config = config(lb, cookie, &o.n_config);
	o.maps = sizes(lb, &o.n_maps);
	o.only = o.asked = programs;
	o.n_only = o.n_asked = n;
	return object_load(&o, &lb->object, err);
}

/* ---- life ---- */

int sock_lb_open(const struct sim *s, unsigned node, const char *objects, const char *pin_dir,
		 struct sock_lb **out, struct err *err)
{
	struct arena *a = arena_new();
	struct sock_lb *lb = arena_new_of(a, struct sock_lb);
	const char *path = file_join(a, objects, "bpf_sock.o");
	int ret;

	lb->arena = a;
	lb->sim = s;
	lb->node = node;
	ret = access(path, R_OK) ? 1 : sock_group_name(a, &lb->group, err);
	if (!ret)
		ret = load(lb, path, pin_dir, err);
	if (ret) {
		sock_lb_close(lb);
		return ret;
	}
	*out = lb;
	return 0;
}

void sock_lb_close(struct sock_lb *lb)
{
	if (!lb)
		return;
	for (size_t i = 0; i < lb->n_pods; i++)
		close(lb->pods[i].fd);
	object_free(lb->object);
	arena_free(lb->arena);
}

/* ---- sockets ---- */

/* A namespace of its own; every route leads nowhere, but there is one. */
static int make_pod_ns(const struct cluster_endpoint *ep, struct err *err)
{
	__cleanup_buf struct buf lines = BUF_INIT;
	struct replay_net *net;
	int fd = -1, ret = replay_net_open(&net, err);

	if (ret)
		return ret;
	buf_puts(&lines, "link set lo up\n");
	for (size_t i = 0; i < ep->n_ips; i++) {
		bool v4 = ep->ips[i].family == 4;

		buf_puts(&lines, "addr add ");
		ip_addr_print(&lines, &ep->ips[i]);
		buf_printf(&lines, "/%s dev lo%s\nroute add %s dev lo\n", v4 ? "32" : "128",
			   v4 ? "" : " nodad", v4 ? "0.0.0.0/0" : "::/0");
	}
	ret = replay_net_ip(buf_str(&lines), err);
	if (!ret)
		fd = ns_current(err);
	replay_net_close(net);
	return ret ? ret : fd;
}

static int ns_of(struct sock_lb *lb, const struct cluster_place *sender, struct err *err)
{
	const char *pod = sender->endpoint ? sender->endpoint->name : NULL;
	int fd;

	if (!pod)
		return lb->sim->nodes[lb->node].ns_fd;
	for (size_t i = 0; i < lb->n_pods; i++)
		if (strcmp(lb->pods[i].pod, pod) == 0)
			return lb->pods[i].fd;
	fd = make_pod_ns(sender->endpoint, err);
	if (fd < 0)
		return fd;
	lb->pods = arena_grow(lb->arena, lb->pods, lb->n_pods, sizeof(*lb->pods));
	lb->pods[lb->n_pods++] = (struct pod_ns){ arena_strdup(lb->arena, pod), fd };
	return fd;
}

union address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static socklen_t put_address(union address *to, const struct packet_end *e)
{
	*to = (union address){ .sa.sa_family = e->addr.family == 4 ? AF_INET : AF_INET6 };
	if (e->addr.family == 4) {
		to->in.sin_port = htons(e->port);
		memcpy(&to->in.sin_addr, e->addr.bytes, 4);
		return sizeof(to->in);
	}
	to->in6.sin6_port = htons(e->port);
	memcpy(&to->in6.sin6_addr, e->addr.bytes, 16);
	return sizeof(to->in6);
}

static int peer_of(int fd, struct packet_end *out, struct err *err)
{
	union address at = { .sa.sa_family = AF_UNSPEC };
	socklen_t len = sizeof(at);

	if (getpeername(fd, &at.sa, &len))
		return err_system(err, errno, "getpeername() of a socket that is connected");
	*out = (struct packet_end){ .addr.family = at.sa.sa_family == AF_INET ? 4 : 6 };
	out->port = ntohs(out->addr.family == 4 ? at.in.sin_port : at.in6.sin6_port);
	if (out->addr.family == 4)
		memcpy(out->addr.bytes, &at.in.sin_addr, 4);
	else
		memcpy(out->addr.bytes, &at.in6.sin6_addr, 16);
	return 0;
}

static int attach(const struct sock_lb *lb, int group, size_t from, size_t to, int links[N_HOOKS],
		  struct err *err)
{
	for (size_t i = from; i < to; i++) {
		int fd = lb->has[i] ? object_program_fd(lb->object, hooks[i].program, err) : 0;

		if (fd < 0)
			return fd;
		if (!lb->has[i])
			continue;
		links[i] = bpf_link_create(fd, group, hooks[i].type, NULL);
		if (links[i] < 0)
			return err_system(err, -links[i], "attaching %s", hooks[i].program);
	}
	return 0;
}

/* What the socket has first, and what it says once it is asked by way of the programs. */
static int connect_and_ask(const struct sock_lb *lb, int fd, int group, bool tcp,
			   const struct packet_end *to, int links[N_HOOKS], struct sock_answer *out,
			   struct err *err)
{
	union address at;
	socklen_t len = put_address(&at, to);
	int on = 1, ret;

	if (tcp && setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)))
		return err_system(err, errno, "a TCP socket that sends nothing (TCP_REPAIR)");
	out->no = connect(fd, &at.sa, len) ? errno : 0;
	if (out->no)
		return 0;
	ret = peer_of(fd, &out->peer, err);
	if (!ret)
		ret = attach(lb, group, N_CONNECT, N_HOOKS, links, err);
	return ret ? ret : peer_of(fd, &out->seen, err);
}

static int connect_in(struct sock_lb *lb, int group, const struct cluster_place *sender,
		      uint8_t proto, const struct packet_end *to, struct sock_answer *out,
		      struct err *err)
{
	bool tcp = proto == IPPROTO_TCP;
	int links[N_HOOKS] = { -1, -1, -1, -1 };
	int ns = ns_of(lb, sender, err);
	__cleanup_fd int fd = -1;
	int ret = ns < 0 ? ns : attach(lb, group, 0, N_CONNECT, links, err);

	if (!ret) {
		fd = sock_in_group(group, ns, to->addr.family == 4 ? AF_INET : AF_INET6,
				   tcp ? SOCK_STREAM : SOCK_DGRAM, err);
		ret = fd < 0 ? fd : connect_and_ask(lb, fd, group, tcp, to, links, out, err);
	}
	for (size_t i = 0; i < N_HOOKS; i++)
		fd_cleanup(&links[i]);
	return ret;
}

int sock_lb_connect(struct sock_lb *lb, const struct cluster_place *sender, uint8_t proto,
		    const struct packet_end *to, struct sock_answer *out, struct err *err)
{
	__cleanup_fd int group = -1;
	int ret;

	*out = (struct sock_answer){ .peer = *to, .seen = *to };
	rmdir(lb->group);
	if (mkdir(lb->group, 0755))
		return err_system(err, errno, "making the control group %s", lb->group);
	group = open(lb->group, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (group < 0)
		ret = err_system(err, errno, "%s", lb->group);
	else
		ret = connect_in(lb, group, sender, proto, to, out, err);
	rmdir(lb->group);
	return ret;
}
