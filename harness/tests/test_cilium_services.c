/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Cilium 1.19's objects as shipped, where VERDICT_CILIUM_OBJECTS names a folder of them: services of a
 * cluster by IPv4 and IPv6, DSR, masquerading, a real connection of a capture, each with helpers
 * interposed and with none. The node is that of test_cilium_traffic.c.
 */
#include "cilium_node.h"

/* ---- services of the cluster ---- */

static void a_cluster_address_is_translated_and_back(struct node *n)
{
	from_pod(n, "client", "10.0.1.10:40020 > 10.96.0.10:80", SYN);
	expect_redirect(n, NOTE_REDIRECT_PEER, SERVER);
	expect_packet(n, "10.0.1.10:40020 > 10.0.1.20:80", 63);
	expect_entry(n, CT, CT_KEY("10.96.0.10", 80, "10.0.1.10", 40020, 4),
		     "{backend_id: 702, rev_nat_index: 10}");
	expect_entry(n, CT, CT_KEY("10.0.1.10", 40020, "10.0.1.20", 80, 0),
		     "{rev_nat_index: 10, node_port: 0}");
	from_pod(n, "server", "10.0.1.20:80 > 10.0.1.10:40020", SYN | ACK);
	expect_redirect(n, NOTE_REDIRECT_PEER, CLIENT);
	expect_packet(n, "10.96.0.10:80 > 10.0.1.10:40020", 63);
}

/* Its own backend: it sees the loopback address, which no policy keeps out. */
static void a_pod_reaches_itself_through_its_service(struct node *n)
{
	from_pod(n, "client", "10.0.1.10:40021 > 10.96.0.11:80", SYN);
	expect_redirect(n, NOTE_REDIRECT_PEER, CLIENT);
	expect_packet(n, "169.254.42.1:40021 > 10.0.1.10:80", 63);
	from_pod(n, "client", "10.0.1.10:80 > 169.254.42.1:40021", SYN | ACK);
	expect_redirect(n, NOTE_REDIRECT_PEER, CLIENT);
	expect_packet(n, "10.96.0.11:80 > 10.0.1.10:40021", 63);
}

static void a_service_without_backends_is_unreachable(struct node *n)
{
	from_pod(n, "client", "10.0.1.10:40022 > 10.96.0.12:80", SYN);
	expect_drop(n, 158, "bpf_lxc.c");
}

/* From outside a cluster's address is none of a node's: 174. */
static void a_cluster_address_is_not_for_the_world(struct node *n)
{
	from_wire(n, "192.168.10.100:50020 > 10.96.0.10:80", SYN);
	expect_drop(n, 174, "bpf_host.c");
}

/* ---- IPv6 ---- */

#define CT6 "cilium_ct6_global"
#define CT6_KEY(src, sport, dst, dport, flags)                                                     \
	"{daddr: \"" src "\", saddr: \"" dst "\", dport: " #dport ", sport: " #sport               \
	", nexthdr: 6, flags: " #flags "}"

static void pods_speak_ipv6(struct node *n)
{
	from_pod(n, "client", "[fd00:1::10]:40050 > [fd00:1::20]:80", SYN);
	expect_redirect(n, NOTE_REDIRECT_PEER, SERVER);
	expect_packet(n, "[fd00:1::10]:40050 > [fd00:1::20]:80", 63);
	expect_macs(n, "02:00:0a:00:01:14", "02:00:0a:00:01:bb");
	for (int flags = 0; flags < 2; flags++)
		expect_entry(n, CT6,
			     flags ? CT6_KEY("fd00:1::10", 40050, "fd00:1::20", 80, 1)
				   : CT6_KEY("fd00:1::10", 40050, "fd00:1::20", 80, 0),
			     "{packets: 1, bytes: 78, src_sec_id: 30010}");
	from_pod(n, "server", "[fd00:1::20]:80 > [fd00:1::10]:40050", SYN | ACK);
	expect_redirect(n, NOTE_REDIRECT_PEER, CLIENT);
	from_pod(n, "client", "[fd00:1::10]:40051 > [fd00:1::20]:443", SYN);
	expect_drop(n, 133, "bpf_lxc.c");
}

static void a_cluster_address_of_ipv6_is_translated_and_back(struct node *n)
{
	from_pod(n, "client", "[fd00:1::10]:40052 > [fd00:10::1]:80", SYN);
	expect_redirect(n, NOTE_REDIRECT_PEER, SERVER);
	expect_packet(n, "[fd00:1::10]:40052 > [fd00:1::20]:80", 63);
	expect_entry(n, CT6, CT6_KEY("fd00:1::10", 40052, "fd00:1::20", 80, 0),
		     "{rev_nat_index: 20}");
	from_pod(n, "server", "[fd00:1::20]:80 > [fd00:1::10]:40052", SYN | ACK);
	expect_packet(n, "[fd00:10::1]:80 > [fd00:1::10]:40052", 63);
}

/* ---- DSR ---- */

/* Option 0x9a, 8 bytes, then port and address of the service; Cilium converts both once too often, so that
 * they lie in host order: 30091 is 0x758b, 192.168.10.1 0xc0a80a01.
 */
static void the_client_and_the_service_travel_with_a_dsr_request(struct node *n)
{
	static const uint8_t option[] = { 0x9a, 8, 0x8b, 0x75, 0x01, 0x0a, 0xa8, 0xc0 };
	const struct frame *out;

	from_wire(n, "192.168.10.100:50021 > 192.168.10.1:30091", SYN);
	expect_redirect(n, NOTE_REDIRECT_NEIGH, ETH0);
	out = &last_hop(n)->out;
	cr_assert_eq(out->len, n->trace.frame.len + sizeof(option), "%s: %u bytes", n->last,
		     out->len);
	expect_packet(n, "192.168.10.100:50021 > 10.0.2.30:8080", 63);
	cr_expect_eq(out->data[14], 0x47, "%s: version and length %02x", n->last, out->data[14]);
	cr_expect(!memcmp(out->data + 34, option, sizeof(option)), "%s: other options", n->last);
	expect_no_entry(n, NAT,
			"{saddr: 192.168.10.100, daddr: 10.0.2.30, sport: 50021, dport: 8080, "
			"nexthdr: 6}");
	from_wire(n, "192.168.10.100:50021 > 192.168.10.1:30091", ACK);
	cr_expect_eq(last_hop(n)->out.data[14], 0x45, "only with SYN");
}

/* ---- masquerading ---- */

static void a_pod_reaches_the_world_by_the_nodes_address(struct node *n)
{
	uint32_t mark;

	from_pod(n, "client", "10.0.1.10:40030 > 192.168.10.100:80", SYN);
	expect_redirect(n, NOTE_REDIRECT_NEIGH, ETH0);
	expect_next_hop(n, CLIENT_OUTSIDE);
	expect_packet(n, "10.0.1.10:40030 > 192.168.10.100:80", 63);
	mark = last_hop(n)->out_mark;
	/* 0x0f00: an identity; its bits 16 to 23 come last */
	cr_expect_eq(mark, 30010u << 16 | 0x0f00, "%s: mark %x", n->last, mark);
	to_wire(n, mark, "10.0.1.10:40030 > 192.168.10.100:80", SYN);
	expect_verdict(n, TC_ACT_OK);
	expect_packet(n, "192.168.10.1:40030 > 192.168.10.100:80", 64);
	expect_entry(
		n, NAT,
		"{saddr: 10.0.1.10, daddr: 192.168.10.100, sport: 40030, dport: 80, nexthdr: 6}",
		"{nat_info: {address: 192.168.10.1, port: 40030}}");
	from_wire(n, "192.168.10.100:80 > 192.168.10.1:40030", SYN | ACK);
	expect_redirect(n, NOTE_REDIRECT_PEER, CLIENT);
	expect_packet(n, "192.168.10.100:80 > 10.0.1.10:40030", 63);
}

/* A port that is not among those kept for translation, 32768 and up, gets one of them. */
static uint16_t chosen_port(struct node *n)
{
	const struct frame *out = &last_hop(n)->out;
	uint16_t port;

	to_wire(n, 0, "10.0.1.10:1024 > 192.168.10.100:80", SYN);
	expect_verdict(n, TC_ACT_OK);
	port = get_be16(out->data + 34);
	cr_expect_geq(port, 32768, "%s: port %u", n->last, port);
	return port;
}

/* ---- a connection of a capture ---- */

/* The client's packets come out of its pod, the server's out of that; nothing but the MAC addresses, the TTL
 * and its checksum changes.
 */
static void packet_of_capture(struct node *n, const struct capture_packet *p)
{
	bool client = p->data[29] == 31; /* 10.160.128.31 */
	struct replay_place place = { .role = client ? "client" : "server", .hook = "ingress" };
	const char *text = arena_printf(n->arena, "etcd-inbound.pcapng %u", p->number);
	const struct frame *out;

	node_packet(n, &place, text, p);
	expect_redirect(n, NOTE_REDIRECT_PEER, client ? SERVER : CLIENT);
	out = &last_hop(n)->out;
	cr_assert_eq(out->len, p->caplen);
	cr_expect_eq(out->data[22], p->data[22] - 1, "%s: TTL", n->last);
	cr_expect(!memcmp(out->data + 26, p->data + 26, p->caplen - 26), "%s: changed", n->last);
	cr_expect_eq(slow_sum(out->data + 14, 20, 0), 0, "%s: header checksum", n->last);
}

static void a_whole_connection_of_etcd_passes_between_pods(struct node *n)
{
	const char *path = arena_printf(n->arena, "%s/fixtures/captures/etcd-inbound.pcapng",
					files_source_root());
	struct capture_packet *packets;
	uint64_t bytes = 0;
	size_t count;

	cr_assert_eq(capture_load(n->arena, path, &packets, &count, &n->err), 0, "%s", n->err.text);
	for (size_t i = count; i-- > 0;)
		packets[i].ts_ns -= packets[0].ts_ns; /* as the packets before it: from boot on */
	for (size_t i = 0; i < count; i++) {
		packet_of_capture(n, &packets[i]);
		bytes += packets[i].len;
	}
	for (int flags = 0; flags < 2; flags++)
		expect_entry(
			n, CT,
			arena_printf(n->arena,
				     "{daddr: 10.160.128.31, saddr: 10.160.128.34, dport: 2379, "
				     "sport: 42822, nexthdr: 6, flags: %d}",
				     flags),
			arena_printf(n->arena,
				     "{packets: %zu, bytes: %lu, rx_closing: 1, tx_closing: 1, "
				     "src_sec_id: 30010}",
				     count, bytes));
	/* closed by both sides: ten seconds more, a day after boot */
	if (!n->pristine)
		expect_entry(n, CT, CT_KEY("10.160.128.31", 42822, "10.160.128.34", 2379, 0),
			     "{lifetime: 86410}");
}

/* ---- followed from program to program ---- */

static void expect_way(const struct node *n, const char *first, const char *second,
		       enum outcome outcome, const char *at)
{
	const struct trace *t = &n->trace;

	cr_assert_eq(t->n_hops, 2, "%s: %zu programs", n->last, t->n_hops);
	cr_expect_str_eq(t->hops[0].program, first, "%s: first %s", n->last, t->hops[0].program);
	cr_expect_str_eq(t->hops[1].program, second, "%s: then %s", n->last, t->hops[1].program);
	cr_expect_eq(t->outcome, outcome, "%s: %s (%s)", n->last,
		     word_name(&words_outcome, t->outcome), t->why);
	cr_expect_str_eq(t->at, at, "%s: at %s", n->last, t->at);
}

/* Out of the pod, out of the node: the mark goes along, and what was translated stays so. */
static void redirects_lead_to_the_next_program(struct node *n)
{
	from_pod(n, "client", "10.0.1.10:40040 > 192.168.10.100:80", SYN);
	expect_way(n, "cil_from_container", "cil_to_netdev", OUTCOME_SENT, "eth0");
	expect_packet(n, "192.168.10.1:40040 > 192.168.10.100:80", 63);
	from_wire(n, "192.168.10.100:50040 > 192.168.10.1:30080", SYN);
	cr_expect_eq(n->trace.n_hops, 1);
	cr_expect_eq(n->trace.outcome, OUTCOME_DELIVERED);
	from_pod(n, "server", "10.0.1.20:8080 > 192.168.10.100:50040", SYN | ACK);
	expect_way(n, "cil_from_container", "cil_to_netdev", OUTCOME_SENT, "eth0");
	expect_packet(n, "192.168.10.1:30080 > 192.168.10.100:50040", 63);
}

static void what_xdp_passes_comes_to_the_device(struct node *n)
{
	node_run(n, "eth0", "xdp", "192.168.10.100:50041 > 192.168.10.1:30080", SYN);
	expect_way(n, "cil_xdp_entry", "cil_from_netdev", OUTCOME_DELIVERED, "the peer of server");
	expect_redirect(n, NOTE_REDIRECT_PEER, SERVER);
	expect_packet(n, "192.168.10.100:50041 > 10.0.1.20:8080", 63);
}

static struct node *all_flows(bool pristine)
{
	struct node *n = node_open(pristine, false);

	a_cluster_address_is_translated_and_back(n);
	a_pod_reaches_itself_through_its_service(n);
	a_service_without_backends_is_unreachable(n);
	a_cluster_address_is_not_for_the_world(n);
	pods_speak_ipv6(n);
	a_cluster_address_of_ipv6_is_translated_and_back(n);
	the_client_and_the_service_travel_with_a_dsr_request(n);
	a_pod_reaches_the_world_by_the_nodes_address(n);
	a_whole_connection_of_etcd_passes_between_pods(n);
	return n;
}

Test(cilium_services, are_translated_as_the_agents_maps_say, .timeout = 120)
{
	struct node *n;
	uint16_t port;

	need_cilium();
	NEEDS_ROOT();
	n = all_flows(false);
	port = chosen_port(n);
	node_close(n);
	/* a second node, the same seed: the port is the same one of 32768 */
	n = all_flows(false);
	cr_expect_eq(chosen_port(n), port);
	node_close(n);
	n = node_open(false, true);
	redirects_lead_to_the_next_program(n);
	what_xdp_passes_comes_to_the_device(n);
	node_close(n);
}

Test(cilium_services, and_so_with_no_helper_interposed, .timeout = 120)
{
	struct node *n;

	need_cilium();
	NEEDS_ROOT();
	n = all_flows(true);
	chosen_port(n);
	node_close(n);
}

/* The same node, packets and entries: the same comes of it. */
static void flows_of_own(bool pristine)
{
	struct node *n = node_open_target("verdict-two-pods", pristine, false);

	a_cluster_address_is_translated_and_back(n);
	a_pod_reaches_itself_through_its_service(n);
	a_service_without_backends_is_unreachable(n);
	a_cluster_address_is_not_for_the_world(n);
	pods_speak_ipv6(n);
	a_cluster_address_of_ipv6_is_translated_and_back(n);
	the_client_and_the_service_travel_with_a_dsr_request(n);
	a_pod_reaches_the_world_by_the_nodes_address(n);
	a_whole_connection_of_etcd_passes_between_pods(n);
	node_close(n);
}

Test(own_services, are_translated_as_cilium_does, .timeout = 120)
{
	struct node *n;

	NEEDS_ROOT();
	flows_of_own(false);
	n = node_open_target("verdict-two-pods", false, true);
	redirects_lead_to_the_next_program(n);
	what_xdp_passes_comes_to_the_device(n);
	node_close(n);
}

Test(own_services, and_so_with_no_helper_interposed, .timeout = 120)
{
	NEEDS_ROOT();
	flows_of_own(true);
}
