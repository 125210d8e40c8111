/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The nodes that netns/topology builds, as iproute2 and real sockets see them. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/file.h"
#include "engine/packet_io.h"
#include "packet/capture.h"
#include "packet/print.h"
#include "world.h"

Test(topology, a_node_has_the_ifindex_mac_mtu_and_addresses_it_was_given)
{
	__cleanup_buf struct buf out = BUF_INIT;
	struct world w;

	world_up(&w);
	for (unsigned i = 0; i < 3; i++) {
		const struct topo_node *n = &w.topology->nodes[i];
		char want[64];

		TOOL(&out, n->ns_fd, "ip", "-o", "link", "show", "eth0");
		snprintf(want, sizeof(want), "%u: eth0@", n->ifindex);
		cr_expect(strstr(buf_str(&out), want) == buf_str(&out), "%s", buf_str(&out));
		snprintf(want, sizeof(want), "link/ether 02:76:64:00:00:%02x", i + 1);
		cr_expect(strstr(buf_str(&out), want), "%s", buf_str(&out));
		cr_expect(strstr(buf_str(&out), "mtu 1500"), "%s", buf_str(&out));
		TOOL(&out, n->ns_fd, "ip", "-o", "addr", "show", "dev", "eth0");
		snprintf(want, sizeof(want), "inet 10.0.0.%u/32", i + 1);
		cr_expect(strstr(buf_str(&out), want), "%s", buf_str(&out));
		snprintf(want, sizeof(want), "inet6 fd00::%u/128", i + 1);
		cr_expect(strstr(buf_str(&out), want), "%s", buf_str(&out));
		cr_expect_not(strstr(buf_str(&out), "fe80"), "link-local address: %s",
			      buf_str(&out));
		cr_expect_not(strstr(buf_str(&out), "tentative"), "%s", buf_str(&out));
	}
	world_down(&w);
}

Test(topology, routes_lead_to_nodes_directly_and_to_the_world_by_the_gateway)
{
	__cleanup_buf struct buf out = BUF_INIT;
	struct world w;
	int ns;

	world_up(&w);
	ns = w.topology->nodes[0].ns_fd;
	TOOL(&out, ns, "ip", "route", "get", "10.0.0.2");
	cr_expect(strstr(buf_str(&out), "10.0.0.2 dev eth0 src 10.0.0.1"), "%s", buf_str(&out));
	TOOL(&out, ns, "ip", "route", "get", "192.0.2.1");
	cr_expect(strstr(buf_str(&out), "via 169.254.0.1 dev eth0 src 10.0.0.1"), "%s",
		  buf_str(&out));
	TOOL(&out, ns, "ip", "route", "get", "fd00::3");
	cr_expect(strstr(buf_str(&out), "dev eth0"), "%s", buf_str(&out));
	TOOL(&out, ns, "ip", "route", "get", "2001:db8::1");
	cr_expect(strstr(buf_str(&out), "via fe80::1 dev eth0"), "%s", buf_str(&out));
	TOOL(&out, ns, "ip", "neigh", "show", "nud", "permanent");
	cr_expect(strstr(buf_str(&out), "10.0.0.2 dev eth0 lladdr 02:76:64:00:00:02 PERMANENT"),
		  "%s", buf_str(&out));
	cr_expect(strstr(buf_str(&out), "169.254.0.1 dev eth0 lladdr 02:76:64:ff:ff:fe PERMANENT"),
		  "%s", buf_str(&out));
	TOOL(&out, ns, "sysctl", "-n", "net.ipv4.ip_forward", "net.ipv4.conf.eth0.rp_filter",
	     "net.ipv6.conf.eth0.accept_ra");
	cr_expect_str_eq(buf_str(&out), "1\n0\n0\n");
	world_down(&w);
}

Test(topology, offloads_that_change_frames_are_off_on_both_ends)
{
	static const char *const off[] = { "rx-checksumming: off", "tx-checksumming: off",
					   "tcp-segmentation-offload: off",
					   "generic-segmentation-offload: off",
					   "generic-receive-offload: off" };
	__cleanup_buf struct buf out = BUF_INIT;
	struct world w;

	world_up(&w);
	for (unsigned end = 0; end < 2; end++) {
		TOOL(&out, end ? w.topology->fabric_fd : w.topology->nodes[1].ns_fd, "ethtool",
		     "-k", end ? w.topology->nodes[1].fabric_device : "eth0");
		for (size_t i = 0; i < sizeof(off) / sizeof(off[0]); i++)
			cr_expect(strstr(buf_str(&out), off[i]), "no '%s' at end %u", off[i], end);
	}
	world_down(&w);
}

static int udp_socket(int ns_fd, const char *ip)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(5000) };
	struct err err = { 0 };
	int home = ns_current(&err), fd;

	cr_assert_eq(ns_enter(ns_fd, &err), 0, "%s", err.text);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	inet_pton(AF_INET, ip, &at.sin_addr);
	cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	cr_assert_eq(ns_enter(home, &err), 0, "%s", err.text);
	close(home);
	return fd;
}

Test(topology, sockets_of_two_nodes_talk_without_arp_and_a_third_sees_nothing)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(5000) };
	struct packet_io *leaves, *third;
	struct arena *a = arena_new();
	struct pollfd p = { .events = POLLIN };
	struct frame f;
	struct world w;
	char got[16];
	int one, two;

	world_up(&w);
	cr_assert_eq(packet_io_open(w.topology->fabric_fd, w.topology->nodes[0].fabric_device,
				    PACKET_IO_ARRIVALS, &leaves, &w.err),
		     0);
	cr_assert_eq(packet_io_open(w.topology->nodes[2].ns_fd, "eth0", PACKET_IO_ARRIVALS, &third,
				    &w.err),
		     0);
	one = udp_socket(w.topology->nodes[0].ns_fd, "10.0.0.1");
	two = udp_socket(w.topology->nodes[1].ns_fd, "10.0.0.2");
	inet_pton(AF_INET, "10.0.0.2", &to.sin_addr);
	cr_assert_eq(sendto(one, "hello", 5, 0, (struct sockaddr *)&to, sizeof(to)), 5);
	p.fd = two;
	cr_assert_eq(poll(&p, 1, 2000), 1, "nothing came within 2 s");
	cr_assert_eq(recv(two, got, sizeof(got), 0), 5);
	cr_assert_eq(packet_io_recv(leaves, a, &f, &w.err), 1);
	cr_expect_eq(packet_io_delivered_as(&f), 0x0800, "the first frame is no IPv4 packet");
	/* a kernel says things of its own when it likes (multicast reports, for one); but nobody may
	 * ask who has the address
	 */
	while (packet_io_recv(leaves, a, &f, &w.err) == 1) {
		struct buf text = BUF_INIT;

		packet_print(&text, f.data, f.len, f.len, LINK_ETHERNET);
		/* not cr_log_warn(): after a warning Criterion ends with 1 */
		fprintf(stderr, "besides, the sender sent: %s\n", buf_str(&text));
		if (packet_io_delivered_as(&f) == 0x0806 && f.len >= 42)
			cr_expect_neq(memcmp(f.data + 38, &to.sin_addr, 4), 0, "%s",
				      buf_str(&text));
		buf_free(&text);
	}
	cr_expect_eq(packet_io_recv(third, a, &f, &w.err), 0, "the third node saw a frame");
	packet_io_close(leaves);
	packet_io_close(third);
	close(one);
	close(two);
	arena_free(a);
	world_down(&w);
}

Test(topology, down_removes_every_namespace)
{
	__cleanup_buf struct buf out = BUF_INIT;
	struct world w;

	world_up(&w);
	TOOL(&out, -1, "ip", "netns", "list");
	cr_expect(strstr(buf_str(&out), "verdict-test_1-worker.example"), "%s", buf_str(&out));
	world_down(&w);
	TOOL(&out, -1, "ip", "netns", "list");
	cr_expect_str_eq(buf_str(&out), "");
}

Test(topology, the_same_id_twice_is_refused_and_leaves_the_first_alone)
{
	__cleanup_buf struct buf out = BUF_INIT;
	struct topology *second;
	struct world w;

	world_up(&w);
	cr_expect_lt(topology_up(&w.cluster, "test-1", &second, &w.err), 0);
	cr_expect(strstr(w.err.text, "is up already"), "%s", w.err.text);
	TOOL(&out, w.topology->nodes[0].ns_fd, "ip", "link", "show", "eth0");
	cr_expect(strstr(buf_str(&out), "state UP"), "%s", buf_str(&out));
	world_down(&w);
}

Test(topology, what_cannot_be_built_leaves_nothing_behind)
{
	__cleanup_buf struct buf out = BUF_INIT;
	struct topology *t;
	struct world w;

	if (geteuid() != 0)
		cr_skip_test("needs root");
	world_describe(&w);
	w.devices[2].name = "lo"; /* is there already */
	cr_assert_eq(sandbox_enter(&w.err), 0, "%s", w.err.text);
	cr_expect_lt(topology_up(&w.cluster, "bad", &t, &w.err), 0);
	cr_expect_eq(w.err.kind, ERR_SYSTEM);
	TOOL(&out, -1, "ip", "netns", "list");
	cr_expect_str_eq(buf_str(&out), "");
}

Test(topology, a_node_is_found_by_its_mac)
{
	static const uint8_t gateway[6] = { 0x02, 0x76, 0x64, 0xff, 0xff, 0xfe };
	struct world w;

	world_up(&w);
	for (int i = 0; i < 3; i++)
		cr_expect_eq(topology_node_by_mac(w.topology, w.topology->nodes[i].mac), i);
	cr_expect_eq(topology_node_by_mac(w.topology, gateway), -1);
	cr_expect_eq(memcmp(w.topology->gateway_mac, gateway, 6), 0);
	world_down(&w);
}

Test(topology, nodes_without_ipv6_say_nothing_by_themselves)
{
	struct pollfd p = { .events = POLLIN };
	struct packet_io *leaves;
	struct world w;

	if (geteuid() != 0)
		cr_skip_test("needs root");
	world_describe(&w);
	for (unsigned i = 0; i < 3; i++)
		w.nodes[i].n_ips = 1;
	cr_assert_eq(sandbox_enter(&w.err), 0, "%s", w.err.text);
	cr_assert_eq(topology_up(&w.cluster, "mute", &w.topology, &w.err), 0, "%s", w.err.text);
	cr_assert_eq(packet_io_open(w.topology->fabric_fd, w.topology->nodes[0].fabric_device,
				    PACKET_IO_ARRIVALS, &leaves, &w.err),
		     0);
	p.fd = packet_io_fd(leaves);
	/* RFC 3810 9.11: an unsolicited multicast listener report is repeated after up to 1 s */
	cr_expect_eq(poll(&p, 1, 1500), 0, "a frame left node master-0");
	packet_io_close(leaves);
	world_down(&w);
}

Test(topology, a_mistake_in_a_spec_is_named_by_its_line_and_builds_nothing)
{
	static const struct {
		const char *spec, *says;
	} cases[] = {
		{ "# nothing\n", "names no node" },
		{ "gateway 02:00:00:00:00:01\nnod a device eth0\n", "line 2: unknown word 'nod'" },
		{ "node a device eth0 color red\n", "line 1: unknown word 'color'" },
		{ "node a device eth0 ifindex\n", "line 1: 'ifindex' has no value" },
		{ "node a device eth0 ifindex 10\n", "line 1: node a has no mac" },
		{ "node fabric device eth0\n", "line 1: no node can be called 'fabric'" },
		{ "node a/b device eth0\n", "line 1: bad node name 'a/b'" },
	};
	__cleanup_buf struct buf out = BUF_INIT;
	struct arena *a = arena_new();
	struct err err = { 0 };
	const char *path;

	if (geteuid() != 0)
		cr_skip_test("needs root");
	cr_assert_eq(sandbox_enter(&err), 0, "%s", err.text);
	path = arena_printf(a, "%s/topology", file_installed(a, "netns"));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *const argv[] = { path, "up", "bad", NULL };

		cr_expect_lt(run_tool(argv, -1, cases[i].spec, NULL, 10, &err), 0);
		cr_expect(strstr(err.text, cases[i].says) && strstr(err.text, "exit 2"), "%s",
			  err.text);
	}
	TOOL(&out, -1, "ip", "netns", "list");
	cr_expect_str_eq(buf_str(&out), "");
	arena_free(a);
}
