/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Story 3 on real devices, with real sockets and netfilter: a client asks a node port of one node, its backend is
 * a pod of another, and the host there drops what its connection tracking calls invalid. Where a request passes
 * the host's stack, so must its answer (cilium/cilium#11914).
 */
#include "netfilter_lab.h"

#define DSR	       ", lb_mode: 1"
#define PAST_THE_STACK ", enable_host_routing: true"

static void expect_node_port(const char *v4, const char *v6, const char *as4, const char *as6)
{
	expect_whole((struct way){ client, v4, 30080, pod, "10.0.1.20", as4 });
	expect_whole((struct way){ client, v6, 30080, pod, "fd00:1::20", as6 });
}

/* The client's own address is kept. */
static void expect_dsr(void)
{
	expect_node_port("192.168.10.2", "fd00:10::2", "192.168.10.100", "fd00:10::100");
}

Test(netfilter, dsr_where_both_halves_pass_the_hosts_stack, .timeout = 60)
{
	cluster((struct cluster_opts){ .balancing = DSR, .both = DSR });
	expect_dsr();
}

Test(netfilter, dsr_where_both_halves_pass_the_hosts_stack_and_cilium_host, .timeout = 60)
{
	cluster((struct cluster_opts){ .balancing = DSR, .both = DSR, .by_cilium_host = true });
	expect_dsr();
}

Test(netfilter, dsr_where_both_halves_pass_the_stack_by, .timeout = 60)
{
	cluster((struct cluster_opts){ .balancing = DSR, .both = DSR PAST_THE_STACK });
	expect_dsr();
}

/* What went wrong: the request through the stack, the answer past it. The client takes the handshake for
 * done, and nothing that it says then reaches the pod.
 */
Test(netfilter, dsr_whose_answers_pass_the_stack_by_is_half_a_flow_to_the_host, .timeout = 60)
{
	struct exchange e;

	cluster((struct cluster_opts){ .balancing = DSR, .both = DSR, .pods = PAST_THE_STACK });
	e = talk(&(struct way){ client, "192.168.10.2", 30080, pod, "10.0.1.20", NULL });
	cr_expect(e.connected, "the answer to the SYN is not netfilter's to drop");
	cr_expect(!e.accepted && !e.answered, "netfilter let half a flow pass");
	cr_expect_gt(dropped_as_invalid(), 0);
}

static void expect_all_without_dsr(void)
{
	expect_node_port("192.168.10.2", "fd00:10::2", "192.168.10.2", "fd00:10::2");
	expect_node_port("192.168.10.1", "fd00:10::1", "192.168.10.100", "fd00:10::100");
	/* pod to pod, to the world as the node, and to a node port of its own node */
	expect_whole((struct way){ other, "10.0.1.20", 8080, pod, "10.0.1.20", "10.0.1.21" });
	expect_whole((struct way){ other, "fd00:1::20", 8080, pod, "fd00:1::20", "fd00:1::21" });
	expect_whole((struct way){ pod, "192.168.10.100", 8080, client, "192.168.10.100",
				   "192.168.10.1" });
	expect_whole((struct way){ other, "192.168.10.1", 30080, pod, "10.0.1.20", "10.0.1.21" });
}

#define MASQUERADE ", enable_ipv4_masquerade: true"

Test(netfilter, snat_own_node_ports_pods_and_the_world, .timeout = 60)
{
	cluster((struct cluster_opts){ .both = MASQUERADE });
	expect_all_without_dsr();
}

Test(netfilter, snat_own_node_ports_pods_and_the_world_by_cilium_host, .timeout = 60)
{
	cluster((struct cluster_opts){ .both = MASQUERADE, .by_cilium_host = true });
	expect_all_without_dsr();
}

Test(netfilter, snat_own_node_ports_pods_and_the_world_past_the_stack, .timeout = 60)
{
	cluster((struct cluster_opts){ .both = MASQUERADE PAST_THE_STACK });
	expect_all_without_dsr();
}
