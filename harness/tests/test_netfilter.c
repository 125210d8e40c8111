/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Story 3 on real devices, sockets and netfilter: a client asks a node port of one node, its backend is a pod
 * of another, and the host there drops what its connection tracking calls invalid. Where a request passes
 * the host's stack, so must its answer (cilium/cilium#11914).
 *
 *   client 192.168.10.100   balancer 192.168.10.2    node 192.168.10.1 -- lxc -- pod 10.0.1.20
 *        `--------------- one wire, a bridge ---------------'
 */
#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

#include "bpf_source.h"
#include "engine/replay_net.h"
#include "scenario/target_desc.h"
#include "target/maps_file.h"
#include "target/target.h"

enum { ETH0 = 2, LXC = 20 };

static struct arena *arena;
static struct err err;
static int wire, client, balancer, node, pod; /* network namespaces */

#define MUST(call) cr_assert_eq(call, 0, "%s", err.text)

/* ---- namespaces ---- */

static void go(int ns)
{
	MUST(ns_enter(ns, &err));
}

static int make_namespace(void)
{
	int fd;

	cr_assert_eq(unshare(CLONE_NEWNET), 0);
	fd = ns_current(&err);
	cr_assert_geq(fd, 0, "%s", err.text);
	MUST(replay_net_ip("link set lo up\n", &err));
	return fd;
}

static void set_sysctl(const char *name, const char *value)
{
	const char *path = arena_printf(arena, "/proc/sys/net/%s", name);
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	cr_assert(fd >= 0 && write(fd, value, strlen(value)) > 0, "%s", path);
	close(fd);
}

/* Other ends are told by path: iproute2 takes that for a namespace's name. */
static const char *path_of(int ns)
{
	return arena_printf(arena, "/proc/%d/fd/%d", (int)getpid(), ns);
}

static void ip_in(int ns, const char *lines)
{
	go(ns);
	MUST(replay_net_ip(lines, &err));
}

/* eth0 of that namespace, on the wire; nobody has to ask for MACs. */
static void plug(int ns, const char *name, int host)
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

static void know(int ns, int host)
{
	ip_in(ns, arena_printf(arena,
			       "neighbour add 192.168.10.%d lladdr 02:00:c0:a8:0a:%02x dev eth0 "
			       "nud permanent\n"
			       "neighbour add fd00:10::%d lladdr 02:00:c0:a8:0a:%02x dev eth0 "
			       "nud permanent\n",
			       host, host, host, host));
}

static void forward(int ns)
{
	go(ns);
	set_sysctl("ipv4/ip_forward", "1");
	set_sysctl("ipv6/conf/all/forwarding", "1");
}

static void build(void)
{
	wire = make_namespace();
	MUST(replay_net_ip("link add br0 type bridge\nlink set br0 addrgenmode none up\n", &err));
	client = make_namespace();
	balancer = make_namespace();
	node = make_namespace();
	pod = make_namespace();
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
	ip_in(node, arena_printf(arena,
				 "link add name lxc index 20 address 02:00:0a:00:01:bb type veth "
				 "peer name eth0 address 02:00:0a:00:01:20 netns %s\n"
				 "link set lxc addrgenmode none up\n"
				 "route add 10.0.1.20 dev lxc\n"
				 "route add fd00:1::20 dev lxc\n"
				 "neighbour add 10.0.1.20 lladdr 02:00:0a:00:01:20 dev lxc nud "
				 "permanent\n"
				 "neighbour add fd00:1::20 lladdr 02:00:0a:00:01:20 dev lxc nud "
				 "permanent\n",
				 path_of(pod)));
	ip_in(pod, "link set eth0 addrgenmode none up\n"
		   "address add 10.0.1.20/32 dev eth0\n"
		   "address add fd00:1::20/128 dev eth0 nodad\n"
		   "neighbour add 10.0.1.1 lladdr 02:00:0a:00:01:bb dev eth0 nud permanent\n"
		   "neighbour add fd00:1::1 lladdr 02:00:0a:00:01:bb dev eth0 nud permanent\n"
		   "route add default via 10.0.1.1 dev eth0 onlink\n"
		   "route add default via fd00:1::1 dev eth0 onlink\n");
}

/* As in the story; what it drops is counted. */
static void drop_invalid(void)
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

static unsigned dropped_as_invalid(void)
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

/* ---- programs ---- */

#define NATIVE_HOOKS                                                                               \
	"hooks:\n"                                                                                 \
	"  native: {ingress: bpf_host.o/cil_from_netdev, egress: bpf_host.o/cil_to_netdev}\n"
#define DEVICE_ETH0(host)                                                                          \
	"devices:\n"                                                                               \
	"- {name: eth0, ifindex: 2, role: native, mac: 02:00:c0:a8:0a:0" host "}\n"
#define NODE_CONFIG(host)                                                                          \
	"interface_ifindex: 2, interface_mac: 02:00:c0:a8:0a:0" host ", enable_nodeport: true, "   \
	"nat_ipv4_masquerade: 192.168.10." host ", nat_ipv6_masquerade: 'fd00:10::" host "'"

/* %s: settings, as ", NAME: VALUE" each. */
static const char balancer_target[] =
	"summary: who has the node port\n"
	"config: {" NODE_CONFIG("2") "%s}\n" NATIVE_HOOKS DEVICE_ETH0("2");

/* %s: settings of both objects; of the pod's alone. */
static const char node_target[] =
	"summary: who has the backend\n"
	"config: {host_ep_id: 1, enable_endpoint_routes: true, " NODE_CONFIG(
		"1") "%s}\n" NATIVE_HOOKS "  endpoint: {ingress: bpf_lxc.o/cil_from_container, "
		     "egress: bpf_lxc.o/cil_to_container}\n"
		     "tail_calls:\n"
		     "- {map: cilium_call_policy, index: 20, program: bpf_lxc.o/cil_lxc_policy, "
		     "device: lxc}\n"
		     "maps: {cilium_policy_v2: {scope: device}}\n" DEVICE_ETH0(
			     "1") "- name: lxc\n"
				  "  ifindex: 20\n"
				  "  role: endpoint\n"
				  "  mac: 02:00:0a:00:01:bb\n"
				  "  config: {endpoint_id: 20, endpoint_ipv4: 10.0.1.20, "
				  "endpoint_ipv6: 'fd00:1::20',\n"
				  "    security_label: 30020, interface_ifindex: 20, "
				  "interface_mac: 02:00:0a:00:01:bb%s}\n";

#define IDENTITY4(addr, id)                                                                        \
	"    - {key: {lpm_key: {prefixlen: 64}, family: 1, ip4: " addr "}, value: {" id "}}\n"
#define IDENTITY6(addr, id)                                                                        \
	"    - {key: {lpm_key: {prefixlen: 160}, family: 2, ip6: '" addr "'}, value: {" id "}}\n"
#define SERVICE(v, addr, n)                                                                        \
	"  cilium_lb" v "_services_v2:\n    entries:\n"                                            \
	"    - {key: {address: '" addr "', dport: 30080, proto: 6}, "                              \
	"value: {count: 1, rev_nat_index: " n ", flags: 66}}\n"                                    \
	"    - {key: {address: '" addr "', dport: 30080, backend_slot: 1, proto: 6}, "             \
	"value: {backend_id: " n ", rev_nat_index: " n ", flags: 66}}\n"                           \
	"  cilium_lb" v "_reverse_nat:\n    entries:\n"                                            \
	"    - {key: " n ", value: {address: '" addr "', port: 30080}}\n"
#define BACKENDS                                                                                   \
	"  cilium_lb4_backends_v3: {entries: [{key: 4, value: {address: 10.0.1.20, port: "         \
	"8080}}]}\n"                                                                               \
	"  cilium_lb6_backends_v3: {entries: [{key: 6, value: {address: 'fd00:1::20', port: "      \
	"8080}}]}\n"

static const char balancer_maps[] =
	"maps:\n"
	"  cilium_lxc:\n    entries:\n"
	"    - {key: {ip4: 192.168.10.2, family: 1}, value: {flags: 1}}\n"
	"    - {key: {ip6: 'fd00:10::2', family: 2}, value: {flags: 1}}\n"
	"  cilium_ipcache_v2:\n    entries:\n" IDENTITY4("192.168.10.2", "sec_identity: 1")
		IDENTITY4("10.0.1.20", "sec_identity: 30020")
			IDENTITY6("fd00:10::2", "sec_identity: 1")
				IDENTITY6("fd00:1::20", "sec_identity: 30020")
					SERVICE("4", "192.168.10.2", "4")
						SERVICE("6", "fd00:10::2", "6") BACKENDS;

static const char node_maps[] =
	"maps:\n"
	"  cilium_lxc:\n    entries:\n"
	"    - {key: {ip4: 192.168.10.1, family: 1}, value: {flags: 1}}\n"
	"    - {key: {ip6: 'fd00:10::1', family: 2}, value: {flags: 1}}\n"
	"    - {key: {ip4: 10.0.1.20, family: 1}, value: {ifindex: 20, lxc_id: 20, "
	"mac: 02:00:0a:00:01:20, node_mac: 02:00:0a:00:01:bb}}\n"
	"    - {key: {ip6: 'fd00:1::20', family: 2}, value: {ifindex: 20, lxc_id: 20, "
	"mac: 02:00:0a:00:01:20, node_mac: 02:00:0a:00:01:bb}}\n"
	"  lxc/cilium_policy_v2:\n    entries:\n"
	"    - {key: {lpm_key: {prefixlen: 40}, egress: 0}, value: {}}\n"
	"  cilium_ipcache_v2:\n    entries:\n" IDENTITY4("192.168.10.1", "sec_identity: 1")
		IDENTITY4("10.0.1.20", "sec_identity: 30020")
			IDENTITY6("fd00:10::1", "sec_identity: 1")
				IDENTITY6("fd00:1::20", "sec_identity: 30020")
					SERVICE("4", "192.168.10.1", "4")
						SERVICE("6", "fd00:10::1", "6") BACKENDS;

static int find_map(void *arg, const struct value *name, struct map **out, struct err *e)
{
	*out = target_find_map(arg, name->text);
	return *out ? 0 : err_input(e, &name->loc, "no map %s", name->text);
}

static const char *write_file(const char *name, const char *text)
{
	const char *path = arena_printf(arena, "%s/%s", test_dir(arena), name);

	MUST(file_write(path, text, strlen(text), &err));
	return path;
}

static struct target *load(const char *name, const char *target, const char *maps)
{
	struct target_opts opts = { 0 };
	struct maps_load l = { .arena = arena };
	struct maps_finder finder = { .find = find_map };
	struct target_desc *desc;
	struct target *t;

	MUST(target_desc_load(write_file(name, target), &desc, &err));
	opts.desc = desc;
	MUST(target_open(&opts, &t, &err));
	finder.arg = t;
	MUST(maps_file_load_all(write_file("maps.yaml", maps), &finder, &l, &err));
	return t;
}

static void attach(int ns, const struct target *t, const char *device, int ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, at, .ifindex = ifindex);

	go(ns);
	at.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
	cr_assert_eq(bpf_tc_hook_create(&at), 0);
	for (int egress = 0; egress < 2; egress++) {
		LIBBPF_OPTS(bpf_tc_opts, opts);
		struct target_program p;

		cr_assert_eq(target_at(t, device, egress ? HOOK_TC_EGRESS : HOOK_TC_INGRESS, &p),
			     0);
		opts.prog_fd = p.fd;
		at.attach_point = egress ? BPF_TC_EGRESS : BPF_TC_INGRESS;
		cr_assert_eq(bpf_tc_attach(&at, &opts), 0, "%s at %s", p.name, device);
	}
}

/* balancing, both, pods: settings of the balancer, of the backend's node, of its pod's object alone. */
static void cluster(const char *balancing, const char *both, const char *pods)
{
	struct target *t;

	NEEDS_ROOT();
	arena = arena_new();
	build();
	drop_invalid();
	go(balancer);
	t = load("balancer.yaml", arena_printf(arena, balancer_target, balancing), balancer_maps);
	attach(balancer, t, "eth0", ETH0);
	go(node);
	t = load("node.yaml", arena_printf(arena, node_target, both, pods), node_maps);
	attach(node, t, "eth0", ETH0);
	attach(node, t, "lxc", LXC);
}

/* ---- sockets ---- */

struct exchange {
	bool connected, accepted, answered;
	char peer[INET6_ADDRSTRLEN]; /* who has asked, as the server sees it */
};

static socklen_t address(const char *text, int port, struct sockaddr_storage *sa)
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

static bool ready(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, 2000) == 1 && p.revents & events;
}

static int listen_at(const char *text, int port)
{
	struct sockaddr_storage sa;
	socklen_t len = address(text, port, &sa);
	int fd, one = 1;

	go(pod);
	fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	cr_assert_eq(bind(fd, (struct sockaddr *)&sa, len), 0, "%s", strerror(errno));
	cr_assert_eq(listen(fd, 1), 0);
	return fd;
}

static int connect_to(const char *text, int port)
{
	struct sockaddr_storage sa;
	socklen_t len = address(text, port, &sa);
	int fd;

	go(client);
	fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	cr_assert_geq(fd, 0);
	cr_assert(connect(fd, (struct sockaddr *)&sa, len) < 0 && errno == EINPROGRESS, "%s",
		  strerror(errno));
	return fd;
}

static bool says(int from, int to, const char *text)
{
	char got[16] = "";

	return write(from, text, strlen(text)) == (ssize_t)strlen(text) && ready(to, POLLIN) &&
	       read(to, got, sizeof(got) - 1) == (ssize_t)strlen(text) && !strcmp(got, text);
}

static struct exchange talk(const char *frontend, const char *backend)
{
	int listener = listen_at(backend, 8080), asks = connect_to(frontend, 30080), answers = -1;
	struct exchange e = { .connected = ready(asks, POLLOUT) };
	struct sockaddr_storage sa;
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

/* From whom the pod hears, and that all of the exchange got through. */
static void expect_whole(const char *frontend, const char *backend, const char *from)
{
	struct exchange e = talk(frontend, backend);

	cr_expect(e.connected, "%s: no handshake", frontend);
	cr_expect(e.accepted, "%s: the pod has accepted nothing", frontend);
	cr_expect(e.answered, "%s: no answer", frontend);
	cr_expect_str_eq(e.peer, from, "%s: asked by %s", frontend, e.peer);
	cr_expect_eq(dropped_as_invalid(), 0, "%s: %u packets were invalid to the host", frontend,
		     dropped_as_invalid());
}

/* ---- the story ---- */

Test(netfilter, dsr_where_both_halves_pass_the_hosts_stack, .timeout = 60)
{
	cluster(", lb_mode: 1", ", lb_mode: 1", "");
	expect_whole("192.168.10.2", "10.0.1.20", "192.168.10.100");
	expect_whole("fd00:10::2", "fd00:1::20", "fd00:10::100");
}

/* What went wrong: the request through the stack, the answer past it. The client takes the handshake for
 * done, and nothing that it says then reaches the pod.
 */
Test(netfilter, dsr_whose_answers_pass_the_stack_by_is_half_a_flow_to_the_host, .timeout = 60)
{
	struct exchange e;

	cluster(", lb_mode: 1", ", lb_mode: 1", ", enable_host_routing: true");
	e = talk("192.168.10.2", "10.0.1.20");
	cr_expect(e.connected, "the answer to the SYN is not netfilter's to drop");
	cr_expect(!e.accepted && !e.answered, "netfilter let half a flow pass");
	cr_expect_gt(dropped_as_invalid(), 0);
}

Test(netfilter, dsr_that_passes_the_stack_by_both_ways, .timeout = 60)
{
	cluster(", lb_mode: 1", ", lb_mode: 1, enable_host_routing: true", "");
	expect_whole("192.168.10.2", "10.0.1.20", "192.168.10.100");
	expect_whole("fd00:10::2", "fd00:1::20", "fd00:10::100");
}

Test(netfilter, snat_by_another_node, .timeout = 60)
{
	cluster("", "", "");
	expect_whole("192.168.10.2", "10.0.1.20", "192.168.10.2");
	expect_whole("fd00:10::2", "fd00:1::20", "fd00:10::2");
}

Test(netfilter, a_node_port_of_the_backends_own_node, .timeout = 60)
{
	cluster("", "", "");
	expect_whole("192.168.10.1", "10.0.1.20", "192.168.10.100");
	expect_whole("fd00:10::1", "fd00:1::20", "fd00:10::100");
}
