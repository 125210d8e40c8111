/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What once went wrong where pods ask for node ports, and what this datapath does instead; numbers are Cilium's
 * issues and changes. docs/datapath.md says where each of them is tested.
 */
#include "lab_pods.h"

#define WITH_NODE_PORTS "enable_nodeport: true, tunnel_ifindex: 7"

/* Port 30080 of every node, and 30081 that is no node port; the backend is the server. The other node is named
 * as the end of a tunnel that nobody is to take who means the node itself.
 */
static const char any_address[] =
	"  cilium_lb4_services_v2:\n"
	"    entries:\n"
	"    - {key: {dport: 30080, proto: 6}, value: {count: 1, rev_nat_index: 9, flags: 66}}\n"
	"    - {key: {dport: 30080, proto: 6, backend_slot: 1}, value: {backend_id: 1, "
	"rev_nat_index: 9, flags: 66}}\n"
	"    - {key: {dport: 30081, proto: 6}, value: {count: 1, rev_nat_index: 8, flags: 8}}\n"
	"    - {key: {dport: 30081, proto: 6, backend_slot: 1}, value: {backend_id: 1, "
	"rev_nat_index: 8, flags: 8}}\n"
	"    - {key: {dport: 80, proto: 6}, value: {count: 1, rev_nat_index: 7, flags: 66}}\n"
	"  cilium_lb6_services_v2:\n"
	"    entries:\n"
	"    - {key: {dport: 30080, proto: 6}, value: {count: 1, rev_nat_index: 9, flags: 66}}\n"
	"    - {key: {dport: 30080, proto: 6, backend_slot: 1}, value: {backend_id: 2, "
	"rev_nat_index: 9, flags: 66}}\n"
	"  cilium_lb4_backends_v3:\n"
	"    entries: [{key: 1, value: {address: 10.0.1.20, port: 8080, proto: 6}}]\n"
	"  cilium_lb6_backends_v3:\n"
	"    entries: [{key: 2, value: {address: 'fd00:1::20', port: 8080, proto: 6}}]\n"
	"  cilium_lb4_reverse_nat:\n"
	"    entries: [{key: 9, value: {port: 30080}}]\n"
	"  cilium_lb6_reverse_nat:\n"
	"    entries: [{key: 9, value: {port: 30080}}]\n";

/* By family: the other node, and one more. */
static const char *const node[] = { "192.168.10.2", "fd00:f::2" };
static const char *const third[] = { "192.168.10.3", "fd00:f::3" };

static void pods_and_nodes(const char *config)
{
	pods(config, ALL_OUT, ALL_IN, any_address);
	for (int i = 2; i < 4; i++) {
		lab_set(lab, "cilium_ipcache_v2",
			arena_printf(lab->arena,
				     "{lpm_key: {prefixlen: 64}, family: 1, ip4: 192.168.10.%d}",
				     i),
			arena_printf(lab->arena,
				     "{sec_identity: 6, tunnel_endpoint: {ip4: 192.168.10.%d}, "
				     "flag_has_tunnel_ep: 1, flag_skip_tunnel: 1}",
				     i));
		lab_set(lab, "cilium_ipcache_v2",
			arena_printf(lab->arena,
				     "{lpm_key: {prefixlen: 160}, family: 2, ip6: 'fd00:f::%d'}",
				     i),
			"{sec_identity: 6}");
	}
}

static void expect_ends(const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
	const struct frame *f = &lab_hop(lab)->out;
	bool v6 = strchr(src, ':');
	struct pkt want = tcp(src, sport, dst, dport, 0);
	uint32_t l3 = v6 ? 22 : 26, l4 = v6 ? 54 : 34;

	cr_assert(f->data, "%s: dropped", lab->last);
	cr_expect_arr_eq(f->data + l3, want.b + l3, l4 - l3, "%s: other addresses", lab->last);
	cr_expect_arr_eq(f->data + l4, want.b + l4, 4, "%s: ports %u, %u", lab->last,
			 get_be16(f->data + l4), get_be16(f->data + l4 + 2));
}

static void ask(int v6, const char *dst, uint8_t flags)
{
	leaves("client", tcp(client[v6], 40000, dst, 30080, flags));
	expect_delivered(SERVER);
	expect_ends(client[v6], 40000, server[v6], 8080);
}

static void expect_answer_from(int v6, const char *src, uint8_t flags)
{
	leaves("server", tcp(server[v6], 8080, client[v6], 40000, flags));
	expect_delivered(CLIENT);
	expect_ends(src, 30080, client[v6], 40000);
}

/* #41962: the request went to the other node, which sent it back to this one's pod; the answer did not pass
 * there, and came from the pod. Here it need not go there.
 */
Test(history_pods, a_node_port_of_another_node_is_this_nodes_to_balance, .timeout = 60)
{
	NEEDS_ROOT();
	pods_and_nodes(WITH_NODE_PORTS);
	for (int v6 = 0; v6 < 2; v6++) {
		ask(v6, node[v6], SYN);
		expect_answer_from(v6, node[v6], SYN | ACK);
		ask(v6, node[v6], ACK);
		expect_answer_from(v6, node[v6], ACK);
		/* the same ports, by the third node, and by this one */
		ask(v6, third[v6], SYN);
		expect_answer_from(v6, third[v6], SYN | ACK);
		ask(v6, host[v6], SYN);
		expect_answer_from(v6, host[v6], SYN | ACK);
	}
	lab_close(lab);
}

static void expect_untranslated(const char *dst, uint16_t port)
{
	leaves("client", tcp(client[0], 41000, dst, port, SYN));
	lab_expect_verdict(lab, TC_ACT_OK);
	expect_ends(client[0], 41000, dst, port);
}

/* #44710: an entry for all addresses that is no node port's is not one's here. #38101: nor does a packet to
 * the node itself go into the tunnel, whatever its entry says.
 */
Test(history_pods, what_is_no_node_port_goes_to_the_node_and_not_into_the_tunnel, .timeout = 60)
{
	NEEDS_ROOT();
	pods_and_nodes(WITH_NODE_PORTS);
	expect_untranslated(node[0], 30081);
	expect_untranslated(node[0], 30082);
	expect_untranslated(node[0], 80);
	expect_untranslated(world[0], 30080);
	leaves("client", tcp(client[0], 41000, remote[0], 30080, SYN));
	lab_expect_redirect(lab, NOTE_REDIRECT, 7);
	expect_ends(client[0], 41000, remote[0], 30080);
	lab_close(lab);
	pods_and_nodes("tunnel_ifindex: 7");
	expect_untranslated(node[0], 30080);
	lab_close(lab);
	pods_and_nodes(WITH_NODE_PORTS ", nodeport_port_min: 31000");
	expect_untranslated(node[0], 30080);
	lab_close(lab);
}
