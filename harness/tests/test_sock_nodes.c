// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Services that are not just a cluster address, at the socket: ports of nodes, external addresses, session
 * affinity, proxies, local redirects, health checks, and what the host may not bind.
 */
#include <time.h>

#include "sock_lab.h"

#define TCP 6

#define HOST	    1
#define REMOTE_NODE 6

#define EXTERNAL_IP   ", flags: 1"
#define NODE_PORT     ", flags: 2"
#define HOST_PORT     ", flags: 8"
#define LOAD_BALANCER ", flags: 32"

#define NODE  "192.168.10.1"
#define OTHER "192.168.10.2"

/* The service with address 0 and a backend at 10.0.1.20:8080. The listener. */
static int at_any_address(int port, const char *flags)
{
	service("0.0.0.0", port, TCP, 20, flags, 1, 1);
	backend(1, "10.0.1.20", 8080, 0);
	identity(NODE, HOST, 0);
	identity(OTHER, REMOTE_NODE, 0);
	return server(SOCK_STREAM, "10.0.1.20", 8080);
}

Test(sock_nodes, a_pod_reaches_a_node_port_at_every_nodes_address, .timeout = 60)
{
	int at, fd;

	lab_start(false, "");
	at = at_any_address(30080, NODE_PORT);
	cr_expect(reaches(NODE, 30080, at));
	cr_expect(reaches(OTHER, 30080, at));
	cr_expect(reaches("::ffff:" NODE, 30080, at));
	fd = client(SOCK_STREAM, OTHER, 30080);
	expect_peer(fd, OTHER, 30080);
	cr_expect_eq(client(SOCK_STREAM, "192.168.10.3", 30080), -ENETUNREACH, "no node's address");
	cr_expect_eq(client(SOCK_STREAM, "127.0.0.1", 30080), -ECONNREFUSED, "the pod's own");
	identity(OTHER, 0x02000001, 0);
	cr_expect(reaches(OTHER, 30080, at), "a node with an identity of its own");
	identity(OTHER, REMOTE_NODE, 1);
	cr_expect_eq(client(SOCK_STREAM, OTHER, 30080), -ENETUNREACH, "of another cluster");
}

Test(sock_nodes, node_ports_are_by_ipv6_too, .timeout = 60)
{
	int at;

	lab_start(true, "");
	service("::", 30080, TCP, 20, NODE_PORT, 1, 1);
	backend(1, "fd00:1::20", 8080, 0);
	identity("fd00:10::1", HOST, 0);
	at = server(SOCK_STREAM, "fd00:1::20", 8080);
	cr_expect(reaches("fd00:10::1", 30080, at));
	cr_expect(reaches("::1", 30080, at));
	cr_expect_eq(client(SOCK_STREAM, "fd00:10::3", 30080), -ENETUNREACH);
}

Test(sock_nodes, the_host_reaches_a_node_port_at_loopback, .timeout = 60)
{
	int at;

	lab_start(true, "");
	at = at_any_address(30080, NODE_PORT);
	cr_expect(reaches("127.0.0.1", 30080, at));
	cr_expect(reaches("127.1.2.3", 30080, at));
	cr_expect(reaches(NODE, 30080, at));
}

Test(sock_nodes, the_range_of_node_ports_is_a_setting, .timeout = 60)
{
	int at;

	lab_start(false, "nodeport_port_min: 20000, nodeport_port_max: 20010,");
	at = at_any_address(20010, NODE_PORT);
	cr_expect(reaches(OTHER, 20010, at));
	service("0.0.0.0", 20011, TCP, 21, NODE_PORT, 1, 1);
	cr_expect_eq(client(SOCK_STREAM, OTHER, 20011), -ENETUNREACH);
	/* what is called at all addresses for another reason is no node port */
	service("0.0.0.0", 20010, TCP, 21, LOAD_BALANCER, 1, 1);
	cr_expect_eq(client(SOCK_STREAM, OTHER, 20010), -ENETUNREACH);
}

Test(sock_nodes, a_host_port_is_this_nodes_alone, .timeout = 60)
{
	int at;

	lab_start(true, "");
	at = at_any_address(8081, HOST_PORT);
	cr_expect(reaches(NODE, 8081, at));
	cr_expect(reaches("127.0.0.1", 8081, at));
	cr_expect_eq(client(SOCK_STREAM, OTHER, 8081), -ENETUNREACH);
	/* hostIP: 127.0.0.1 (flags2 8) */
	service("0.0.0.0", 8081, TCP, 20, HOST_PORT ", flags2: 8", 1, 1);
	cr_expect(reaches("127.0.0.1", 8081, at));
	cr_expect_eq(client(SOCK_STREAM, NODE, 8081), -ENETUNREACH);
}

Test(sock_nodes, nobody_gets_another_ones_traffic_by_claiming_his_address, .timeout = 60)
{
	int at;

	lab_start(false, "");
	service("203.0.113.7", 80, TCP, 20, EXTERNAL_IP, 1, 1);
	backend(1, "10.0.1.20", 8080, 0);
	at = server(SOCK_STREAM, "10.0.1.20", 8080);
	cr_expect_eq(client(SOCK_STREAM, "203.0.113.7", 80), -ENETUNREACH);
	identity("203.0.113.7", HOST, 0);
	cr_expect(reaches("203.0.113.7", 80, at), "this node's own");
	service("203.0.113.8", 80, TCP, 21, LOAD_BALANCER, 1, 1);
	cr_expect(reaches("203.0.113.8", 80, at), "a load balancer's is given by the cluster");
}

/* All of a namespace are one client. */
static int with_affinity(int at[2])
{
	service("10.96.0.10", 80, TCP, 30, ", flags: 16, affinity_timeout: 100", 1, 2);
	for (int i = 0; i < 2; i++) {
		const char *address = i ? "10.0.1.21" : "10.0.1.20";

		backend(i + 1, address, 8080, 0);
		set("cilium_lb_affinity_match",
		    arena_printf(lab.arena, "{backend_id: %d, rev_nat_id: 30}", i + 1), "1");
		at[i] = server(SOCK_STREAM, address, 8080);
	}
	return reached("10.96.0.10", 80, at, 2);
}

static uint64_t seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec;
}

static void last_used(uint64_t ago, int id)
{
	set("cilium_lb4_affinity",
	    arena_printf(lab.arena,
			 "{client_id: {client_cookie: %lu}, rev_nat_id: 30, netns_cookie: 1}",
			 lab.netns),
	    arena_printf(lab.arena, "{backend_id: %d, last_used: %lu}", id, seconds() - ago));
}

Test(sock_nodes, affinity_is_to_the_namespace, .timeout = 60)
{
	int at[2], had;

	lab_start(false, "");
	had = with_affinity(at);
	expect_only("cilium_lb4_affinity", arena_printf(lab.arena, "{backend_id: %d}", had + 1));
	for (int i = 0; i < 16; i++)
		cr_expect_eq(reached("10.96.0.10", 80, at, 2), had, "connection %d", i);
	last_used(98, 2 - had);
	for (int i = 0; i < 16; i++)
		cr_expect_eq(reached("10.96.0.10", 80, at, 2), 1 - had, "in time");
}

/* The choice after it is by chance: 32 times the same one are none. */
Test(sock_nodes, affinity_ends_with_its_time_and_with_its_backend, .timeout = 60)
{
	int at[2], had, same[3] = { 0 };

	lab_start(false, "");
	had = with_affinity(at);
	for (int i = 0; i < 32; i++) {
		last_used(101, had + 1);
		same[0] += reached("10.96.0.10", 80, at, 2) == had;
	}
	cr_expect(same[0] < 32, "too late, but the same");
	unset("cilium_lb_affinity_match",
	      arena_printf(lab.arena, "{backend_id: %d, rev_nat_id: 30}", had + 1));
	for (int i = 0; i < 32; i++) {
		last_used(1, had + 1);
		same[1] += reached("10.96.0.10", 80, at, 2) == had;
	}
	cr_expect(same[1] < 32, "none of the service's any more, but the same");
	set("cilium_lb_affinity_match",
	    arena_printf(lab.arena, "{backend_id: %d, rev_nat_id: 30}", had + 1), "1");
	backend(had + 1, had ? "10.0.1.21" : "10.0.1.20", 8080, 1);
	for (int i = 0; i < 16; i++) {
		last_used(1, had + 1);
		same[2] += reached("10.96.0.10", 80, at, 2) == had;
	}
	cr_expect_eq(same[2], 0, "what goes away serves no new connection");
}

/* flags2: L7 4, delegated 8. The port is in network order: 15001 is 0x3a99. */
Test(sock_nodes, the_host_calls_proxies_itself, .timeout = 60)
{
	int at;

	lab_start(true, "");
	set("cilium_lb4_services_v2", "{address: 10.96.0.10, dport: 80, proto: 6}",
	    arena_printf(lab.arena, "{l7_lb_proxy_port: %d, rev_nat_index: 10, flags2: 4}",
			 htons(15001)));
	at = server(SOCK_STREAM, "127.0.0.1", 15001);
	cr_expect(reaches("10.96.0.10", 80, at));
	set("cilium_lb6_services_v2", "{address: 'fd00:96::10', dport: 80, proto: 6}",
	    arena_printf(lab.arena, "{l7_lb_proxy_port: %d, rev_nat_index: 10, flags2: 4}",
			 htons(15001)));
	cr_expect(reaches("fd00:96::10", 80, server(SOCK_STREAM, "::1", 15001)));
	set("cilium_lb4_services_v2", "{address: 10.96.0.10, dport: 80, proto: 6}",
	    arena_printf(lab.arena, "{l7_lb_proxy_port: %d, rev_nat_index: 10, flags2: 12}",
			 htons(15001)));
	cr_expect_eq(client(SOCK_STREAM, "10.96.0.10", 80), -ENETUNREACH, "delegated");
}

Test(sock_nodes, pods_are_led_to_proxies_by_packets, .timeout = 60)
{
	lab_start(false, "");
	set("cilium_lb4_services_v2", "{address: 10.96.0.10, dport: 80, proto: 6}",
	    "{l7_lb_proxy_port: 39230, rev_nat_index: 10, flags2: 4}");
	cr_expect_eq(client(SOCK_STREAM, "10.96.0.10", 80), -ENETUNREACH);
}

Test(sock_nodes, a_backend_of_a_local_redirect_may_pass_it_by, .timeout = 60)
{
	int at;

	lab_start(false, "enable_lrp: true,");
	service("169.254.169.254", 80, TCP, 40, ", flags2: 1", 1, 1);
	backend(1, "10.0.1.20", 8080, 0);
	service("fd00:169::254", 80, TCP, 41, ", flags2: 1", 2, 1);
	backend(2, "fd00:1::20", 8080, 0);
	at = server(SOCK_STREAM, "10.0.1.20", 8080);
	cr_expect(reaches("169.254.169.254", 80, at));
	set("cilium_skip_lb4",
	    arena_printf(lab.arena, "{netns_cookie: %lu, address: 169.254.169.254, port: %d}",
			 lab.netns, htons(80)),
	    "1");
	cr_expect_eq(client(SOCK_STREAM, "169.254.169.254", 80), -ENETUNREACH);
	cr_expect_eq(client(SOCK_STREAM, "::ffff:169.254.169.254", 80), -ENETUNREACH);
	cr_expect(reaches("fd00:169::254", 80, server(SOCK_STREAM, "fd00:1::20", 8080)));
	set("cilium_skip_lb6",
	    arena_printf(lab.arena, "{netns_cookie: %lu, address: \"fd00:169::254\", port: %d}",
			 lab.netns, htons(80)),
	    "1");
	cr_expect_eq(client(SOCK_STREAM, "fd00:169::254", 80), -ENETUNREACH);
}

static int binds(const char *address, int port)
{
	struct end e = end_of(address, port);
	int fd = sock_new(e.sa.ss_family, SOCK_STREAM);
	int ret = bind(fd, (struct sockaddr *)&e.sa, e.len) ? -errno : 0;

	close(fd);
	return ret;
}

static void services_that_are_bound(void)
{
	service("0.0.0.0", 30080, TCP, 20, NODE_PORT, 1, 0);
	service("::", 30080, TCP, 21, NODE_PORT, 1, 0);
	service("10.0.1.20", 80, TCP, 22, LOAD_BALANCER, 1, 0);
	service("10.0.1.20", 81, TCP, 23, "", 1, 0);
	service("10.0.1.20", 82, TCP, 24, LOAD_BALANCER ", flags2: 4", 1, 0);
	service("fd00:1::20", 80, TCP, 25, EXTERNAL_IP, 1, 0);
}

Test(sock_nodes, the_host_does_not_take_its_services_ports, .timeout = 60)
{
	lab_start(true, "");
	services_that_are_bound();
	cr_expect_eq(binds("0.0.0.0", 30080), -EADDRINUSE);
	cr_expect_eq(binds("::", 30080), -EADDRINUSE);
	cr_expect_eq(binds("::ffff:127.0.0.1", 30080), -EADDRINUSE);
	cr_expect_eq(binds("127.0.0.1", 30080), -EADDRINUSE);
	cr_expect_eq(binds("0.0.0.0", 30081), 0);
	cr_expect_eq(binds("10.0.1.20", 80), -EADDRINUSE);
	cr_expect_eq(binds("fd00:1::20", 80), -EADDRINUSE);
	cr_expect_eq(binds("10.0.1.20", 81), 0, "a cluster address is none of the host's");
	cr_expect_eq(binds("10.0.1.20", 82), 0, "its proxy does");
}

Test(sock_nodes, pods_bind_what_they_like, .timeout = 60)
{
	lab_start(false, "");
	services_that_are_bound();
	cr_expect_eq(binds("0.0.0.0", 30080), 0);
	cr_expect_eq(binds("fd00:1::20", 80), 0);
}

static int marked(int family)
{
	int fd = sock_new(family, SOCK_STREAM), mark = 0x0d00;

	cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)), 0);
	return fd;
}

/* A health check says by bind which backend it means, and connects to the service as it is. */
static void checks(const char *peer, const char *called)
{
	struct end e = end_of(peer, 8080), to = end_of(called, 80);
	int fd = marked(e.sa.ss_family), mark = -1;
	socklen_t len = sizeof(mark);

	cr_expect_eq(bind(fd, (struct sockaddr *)&e.sa, e.len), 0, "%s: %s", peer, strerror(errno));
	cr_expect_eq(connect(fd, (struct sockaddr *)&to.sa, to.len), -1, "%s", called);
	cr_expect_eq(errno, ENETUNREACH, "%s: %s", called, strerror(errno));
	cr_assert_eq(getsockopt(fd, SOL_SOCKET, SO_MARK, &mark, &len), 0);
	cr_expect_eq(mark, 0, "packets would carry it");
	close(fd);
}

Test(sock_nodes, health_checks_reach_a_service_untranslated, .timeout = 60)
{
	lab_start(true, "");
	service("10.96.0.10", 80, TCP, 10, "", 1, 1);
	backend(1, "10.0.1.20", 8080, 0);
	service("fd00:96::10", 80, TCP, 11, "", 2, 1);
	backend(2, "fd00:1::20", 8080, 0);
	checks("203.0.113.20", "10.96.0.10");
	expect_only("cilium_lb4_health", "{peer: {address: 203.0.113.20, port: 8080, proto: 6}}");
	checks("2001:db8::20", "fd00:96::10");
	expect_only("cilium_lb6_health",
		    "{peer: {address: \"2001:db8::20\", port: 8080, proto: 6}}");
	cr_expect_eq(entries("cilium_lb4_reverse_sk"), 0);
}
