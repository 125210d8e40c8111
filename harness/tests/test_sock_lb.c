/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whom sockets are connected to in test runs, by the node's socket programs. */
#include "sim_lab.h"

#define VALUES                                                                                     \
	"routingMode: native\nautoDirectNodeRoutes: true\nipv4NativeRoutingCIDR: 10.0.0.0/16\n"    \
	"ipv6NativeRoutingCIDR: fd00::/16\nipv6: {enabled: true}\n"                                \
	"kubeProxyReplacement: \"true\"\nbpf: {masquerade: true}\n"

#define SERVICE(name, ip, affinity)                                                                \
	"apiVersion: v1\nkind: Service\nmetadata: {name: " name ", namespace: default}\n"          \
	"spec: {clusterIP: " ip ", clusterIPs: [" ip                                               \
	"], type: ClusterIP, sessionAffinity: " affinity                                           \
	", ports: [{port: 80, protocol: TCP, targetPort: 8080}, "                                  \
	"{name: u, port: 53, protocol: UDP, targetPort: 5353}]}\n---\n"                            \
	"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: IPv4\nmetadata: "      \
	"{name: " name ", namespace: default, labels: {kubernetes.io/service-name: " name "}}\n"   \
	"ports: [{name: \"\", port: 8080, protocol: TCP}, {name: u, port: 5353, protocol: UDP}]\n" \
	"endpoints: [{addresses: [10.0.2.30], conditions: {ready: true}}, "                        \
	"{addresses: [10.0.2.40], conditions: {ready: true}}]\n---\n"

static const char services[] =
	SERVICE("any", "10.96.0.1", "None") SERVICE("same", "10.96.0.2", "ClientIP");

static struct pkt syn(const char *src, uint16_t sport, const char *dst)
{
	struct pkt p;

	put_eth(&p, 0x0800);
	put_tcp4(&p, src, sport, dst, 80, SYN, 0);
	return p;
}

/* The last byte of the address that left the socket; 0: it was sent to nobody. */
static unsigned connects_to(struct sim_lab *l, const char *src, uint16_t sport, const char *dst)
{
	struct pkt p = syn(src, sport, dst);
	struct ip_addr from, to;

	sim_send(l, src, &p);
	if (!l->trace.n_hops)
		return 0;
	cr_assert(frame_addresses(&l->trace.hops[0].in, &from, &to));
	return to.bytes[3];
}

static bool group_is_left(void)
{
	struct buf out = BUF_INIT;
	const char *argv[] = { "find", "/sys/fs/cgroup", "-name", "verdict-sock-*", NULL };
	struct err err = { 0 };
	bool left;

	cr_assert_eq(run_tool(argv, -1, NULL, &out, 10, &err), 0, "%s", err.text);
	left = strstr(buf_str(&out), "verdict-sock-");
	buf_free(&out);
	return left;
}

Test(sock_lb, each_connection_finds_a_backend_and_affinity_keeps_a_pods)
{
	unsigned seen = 0, same, more = 0;
	struct sim_lab *l;

	NEEDS_ROOT();
	l = sim_open(VALUES "socketLB: {enabled: true}\n", services);
	for (uint16_t i = 0; i < 12; i++)
		seen |= connects_to(l, "10.0.1.10", 4000 + i, "10.96.0.1") == 30 ? 1 : 2;
	cr_expect_eq(seen, 3, "both backends get connections");
	same = connects_to(l, "10.0.1.10", 5000, "10.96.0.2");
	cr_expect(same == 30 || same == 40, "%u", same);
	for (uint16_t i = 1; i < 8; i++)
		more += connects_to(l, "10.0.1.10", 5000 + i, "10.96.0.2") != same;
	cr_expect_eq(more, 0, "affinity is of a pod's namespace");
	cr_assert_gt(l->trace.n_notes, 0);
	cr_expect(strstr(l->trace.notes[0].text, "getpeername() says 10.96.0.2:80"), "%s",
		  l->trace.notes[0].text);
	/* the node's own sockets, and an address of no service */
	cr_expect_neq(connects_to(l, "192.168.10.1", 6000, "10.96.0.1"), 1);
	cr_expect_eq(connects_to(l, "10.0.1.10", 6001, "10.0.2.30"), 30);
	/* the cluster's maps are the node's agent's: after its restart, too */
	cr_assert_eq(engine_testrun.restart(l->engine, 0, &(struct restart_step){ .node = "one" },
					    NULL, &l->err),
		     0, "%s", l->err.text);
	cr_expect_neq(connects_to(l, "10.0.1.10", 6002, "10.96.0.1"), 1);
	cr_expect_not(group_is_left());
	sim_close(l);
}

Test(sock_lb, host_namespace_only_leaves_pods_to_their_packets)
{
	struct sim_lab *l;

	NEEDS_ROOT();
	l = sim_open(VALUES "socketLB: {enabled: true, hostNamespaceOnly: true}\n", services);
	cr_expect_eq(connects_to(l, "10.0.1.10", 4000, "10.96.0.1"), 1);
	sim_check_final(l);
	cr_expect_eq(l->trace.outcome, OUTCOME_DELIVERED, "%s", sim_way(l));
	cr_expect_neq(connects_to(l, "192.168.10.1", 4000, "10.96.0.1"), 1);
	sim_close(l);
}

Test(sock_lb, nobody_asks_unless_it_is_said)
{
	struct sim_lab *l;

	NEEDS_ROOT();
	l = sim_open(VALUES, services);
	cr_expect_eq(connects_to(l, "192.168.10.1", 4000, "10.96.0.1"), 1);
	sim_close(l);
}
