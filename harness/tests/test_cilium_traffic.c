/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Cilium 1.19's objects as shipped, where VERDICT_CILIUM_OBJECTS names a folder of them, do to packets what
 * their agent's maps say: pod to pod, policy, node ports, the tunnel; requests and answers. Each flow is
 * run with helpers interposed and once more with none: verdicts, packets and entries are the same.
 *
 * Values that only the build knows: TUNNEL (ENCAP_IFINDEX), 10.245.255.255 (IPV4_GATEWAY, what node ports
 * to remote pods are translated to), 0.0.0.0 (IPV4_DIRECT_ROUTING), of bpf/node_config.h.
 */
#include "cilium_node.h"

enum { TO_LXC = 0, TO_OVERLAY = 4, TO_NETWORK = 11 };

/* ---- one pod to another ---- */

static void pod_to_pod_is_delivered(struct node *n)
{
	static const char *const way[] = { "tail_handle_ipv4",
					   "tail_ipv4_ct_egress",
					   "tail_handle_ipv4_cont",
					   "cil_lxc_policy",
					   "tail_ipv4_ct_ingress_policy_only",
					   "tail_ipv4_policy" };
	const struct event *e;

	from_pod(n, "client", "10.0.1.10:40000 > 10.0.1.20:80", SYN);
	expect_redirect(n, NOTE_REDIRECT_PEER, SERVER);
	expect_packet(n, "10.0.1.10:40000 > 10.0.1.20:80", 63);
	expect_macs(n, "02:00:0a:00:01:14", "02:00:0a:00:01:bb");
	expect_tail_calls(n, way, sizeof(way) / sizeof(way[0]));
	expect_state(n, TO_LXC, CT_STATE_NEW);
	cr_expect_eq(count_events(n, EVENT_POLICY_VERDICT), 2, "the sender's and the receiver's");
	e = find_event(n, EVENT_TRACE, TO_LXC);
	cr_expect(e->src_identity == 30010 && e->dst_identity == 30020 && e->ifindex == SERVER);
	expect_entry(
		n, CT, CT_KEY("10.0.1.10", 40000, "10.0.1.20", 80, 0),
		"{packets: 1, bytes: 58, seen_non_syn: 0, src_sec_id: 30010, rev_nat_index: 0}");
	expect_entry(n, CT, CT_KEY("10.0.1.10", 40000, "10.0.1.20", 80, 1),
		     "{packets: 1, bytes: 58, seen_non_syn: 0, src_sec_id: 30010}");
}

/* The client's policy lets nothing in: what comes is an answer. */
static void its_answer_passes_and_the_flow_goes_on(struct node *n)
{
	from_pod(n, "server", "10.0.1.20:80 > 10.0.1.10:40000", SYN | ACK);
	expect_redirect(n, NOTE_REDIRECT_PEER, CLIENT);
	expect_packet(n, "10.0.1.20:80 > 10.0.1.10:40000", 63);
	expect_macs(n, "02:00:0a:00:01:0a", "02:00:0a:00:01:aa");
	expect_state(n, TO_LXC, CT_STATE_REPLY);
	cr_expect_eq(count_events(n, EVENT_POLICY_VERDICT), 0, "answers are not judged");
	from_pod(n, "client", "10.0.1.10:40000 > 10.0.1.20:80", ACK);
	expect_redirect(n, NOTE_REDIRECT_PEER, SERVER);
	cr_expect_eq(count_events(n, EVENT_POLICY_VERDICT), 0, "nor what is established");
	expect_entry(n, CT, CT_KEY("10.0.1.10", 40000, "10.0.1.20", 80, 0),
		     "{packets: 3, bytes: 174, seen_non_syn: 1, tx_flags_seen: 2}");
	expect_entry(n, CT, CT_KEY("10.0.1.10", 40000, "10.0.1.20", 80, 1), "{packets: 3}");
}

static void what_the_receivers_policy_lacks_is_dropped(struct node *n)
{
	const struct event *e;

	from_pod(n, "client", "10.0.1.10:40001 > 10.0.1.20:443", SYN);
	expect_drop(n, 133, "bpf_lxc.c");
	e = find_event(n, EVENT_DROP, 133);
	cr_assert(e);
	cr_expect(e->src_identity == 30010 && e->dst_identity == 30020 && e->dst_id == 20,
		  "%u to %u, endpoint %u", e->src_identity, e->dst_identity, e->dst_id);
	cr_expect_eq(count_events(n, EVENT_POLICY_VERDICT), 2, "allowed out, denied in");
	expect_entry(n, CT, CT_KEY("10.0.1.10", 40001, "10.0.1.20", 443, 0), "{packets: 1}");
	expect_no_entry(n, CT, CT_KEY("10.0.1.10", 40001, "10.0.1.20", 443, 1));
}

static void what_the_senders_policy_lacks_or_denies_is_dropped(struct node *n)
{
	from_pod(n, "server", "10.0.1.20:40002 > 10.0.1.10:80", SYN);
	expect_drop(n, 133, "bpf_lxc.c");
	expect_no_entry(n, CT, CT_KEY("10.0.1.20", 40002, "10.0.1.10", 80, 0));
	from_pod(n, "client", "10.0.1.10:40003 > 10.0.1.20:25", SYN);
	expect_drop(n, 181, "bpf_lxc.c");
	expect_no_entry(n, CT, CT_KEY("10.0.1.10", 40003, "10.0.1.20", 25, 0));
}

/* The datapath only notes until when an entry lives: collecting it is the agent's. What it does by its
 * clock is to report a flow again after five seconds. A replay's clock starts a day after boot.
 */
static void time_is_the_replays(struct node *n)
{
	if (n->pristine)
		return;
	from_pod(n, "client", "10.0.1.10:40000 > 10.0.1.20:80", ACK);
	cr_expect_eq(count_events(n, EVENT_TRACE), 0, "reported a moment ago");
	expect_entry(n, CT, CT_KEY("10.0.1.10", 40000, "10.0.1.20", 80, 0), "{lifetime: 108000}");
	replay_advance(n->replay, 6000000000);
	from_pod(n, "client", "10.0.1.10:40000 > 10.0.1.20:80", ACK);
	expect_state(n, TO_LXC, CT_STATE_ESTABLISHED);
	expect_entry(n, CT, CT_KEY("10.0.1.10", 40000, "10.0.1.20", 80, 0),
		     "{lifetime: 108006, last_tx_report: 86406}");
}

/* ---- node ports ---- */

static void a_node_port_with_a_local_backend(struct node *n)
{
	from_wire(n, "192.168.10.100:50000 > 192.168.10.1:30080", SYN);
	expect_redirect(n, NOTE_REDIRECT_PEER, SERVER);
	expect_packet(n, "192.168.10.100:50000 > 10.0.1.20:8080", 63);
	expect_macs(n, "02:00:0a:00:01:14", "02:00:0a:00:01:bb");
	expect_state(n, TO_LXC, CT_STATE_NEW);
	/* the service's entry is looked up from the backend's side: both ends change places */
	expect_entry(n, CT, CT_KEY("192.168.10.1", 30080, "192.168.10.100", 50000, 4),
		     "{backend_id: 701, rev_nat_index: 7, packets: 1}");
	expect_entry(n, CT, CT_KEY("192.168.10.100", 50000, "10.0.1.20", 8080, 0),
		     "{node_port: 1, rev_nat_index: 7, src_sec_id: 9}");
	from_pod(n, "server", "10.0.1.20:8080 > 192.168.10.100:50000", SYN | ACK);
	expect_redirect(n, NOTE_REDIRECT_NEIGH, ETH0);
	expect_next_hop(n, CLIENT_OUTSIDE);
	expect_packet(n, "192.168.10.1:30080 > 192.168.10.100:50000", 63);
	expect_state(n, TO_NETWORK, CT_STATE_REPLY);
	from_wire(n, "192.168.10.100:50000 > 192.168.10.1:30080", ACK);
	expect_redirect(n, NOTE_REDIRECT_PEER, SERVER);
	expect_packet(n, "192.168.10.100:50000 > 10.0.1.20:8080", 63);
	expect_entry(n, CT, CT_KEY("192.168.10.100", 50000, "10.0.1.20", 8080, 1),
		     "{packets: 3, seen_non_syn: 1}");
}

/* VNI 2: the request is the world's. */
static void a_node_port_with_a_backend_on_another_node(struct node *n)
{
	from_wire(n, "192.168.10.100:50001 > 192.168.10.1:30090", SYN);
	expect_tunnel(n, 2, K8S2);
	expect_packet(n, "10.245.255.255:50001 > 10.0.2.30:8080", 63);
	expect_state(n, TO_OVERLAY, CT_STATE_NEW);
	expect_entry(n, CT, CT_KEY("192.168.10.1", 30090, "192.168.10.100", 50001, 4),
		     "{backend_id: 801, rev_nat_index: 8}");
	expect_entry(
		n, NAT,
		"{saddr: 192.168.10.100, daddr: 10.0.2.30, sport: 50001, dport: 8080, nexthdr: 6}",
		"{nat_info: {address: 10.245.255.255, port: 50001}}");
	expect_entry(n, NAT,
		     "{saddr: 10.0.2.30, daddr: 10.245.255.255, sport: 8080, dport: 50001, "
		     "nexthdr: 6, flags: 1}",
		     "{nat_info: {address: 192.168.10.100, port: 50001}}");
	from_tunnel(n, 30030, "10.0.2.30:8080 > 10.245.255.255:50001", SYN | ACK);
	if (n->pristine) {
		expect_drop(n, 147, "bpf_overlay.c");
		return;
	}
	expect_redirect(n, NOTE_REDIRECT_NEIGH, ETH0);
	expect_next_hop(n, CLIENT_OUTSIDE);
	expect_packet(n, "192.168.10.1:30090 > 192.168.10.100:50001", 63);
}

/* No service: for the host, whose firewall has no entry. */
static void a_port_that_is_no_service_is_the_host_firewalls(struct node *n)
{
	from_wire(n, "192.168.10.100:50002 > 192.168.10.1:30099", SYN);
	expect_drop(n, 133, "bpf_host.c");
}

/* ---- XDP ---- */

static void xdp(struct node *n, const char *text, int verdict)
{
	const struct hop *hop = node_run(n, "eth0", "xdp", text, SYN);

	cr_expect_eq(hop->verdict, verdict, "%s: %s", n->last,
		     word_name(&words_xdp_verdict, hop->verdict));
}

static void node_ports_and_the_prefilter_at_xdp(struct node *n)
{
	xdp(n, "192.168.10.100:50010 > 192.168.10.1:30080", XDP_PASS);
	expect_packet(n, "192.168.10.100:50010 > 10.0.1.20:8080", 64);
	expect_entry(n, CT, CT_KEY("192.168.10.100", 50010, "10.0.1.20", 8080, 0),
		     "{node_port: 1, rev_nat_index: 7}");
	/* without a tunnel in this object: routed, out of the device it came from */
	xdp(n, "192.168.10.100:50011 > 192.168.10.1:30090", XDP_TX);
	expect_packet(n, "0.0.0.0:50011 > 10.0.2.30:8080", 63);
	expect_macs(n, "02:00:c0:a8:0a:02", "02:00:c0:a8:0a:01");
	expect_entry(
		n, NAT,
		"{saddr: 192.168.10.100, daddr: 10.0.2.30, sport: 50011, dport: 8080, nexthdr: 6}",
		"{nat_info: {address: 0.0.0.0, port: 50011}}");
	xdp(n, "192.168.10.100:50012 > 192.168.10.1:22", XDP_PASS);
	expect_packet(n, "192.168.10.100:50012 > 192.168.10.1:22", 64);
	xdp(n, "203.0.113.9:50013 > 192.168.10.1:30080", XDP_DROP);
	expect_no_entry(n, CT, CT_KEY("203.0.113.9", 50013, "10.0.1.20", 8080, 0));
}

/* ---- the tunnel ---- */

static void a_pod_of_another_node_is_reached_through_the_tunnel(struct node *n)
{
	from_pod(n, "client", "10.0.1.10:40010 > 10.0.2.30:80", SYN);
	expect_tunnel(n, 30010, K8S2);
	expect_packet(n, "10.0.1.10:40010 > 10.0.2.30:80", 64);
	expect_state(n, TO_OVERLAY, CT_STATE_NEW);
}

static void what_comes_out_of_the_tunnel_reaches_a_pod(struct node *n)
{
	from_tunnel(n, 30030, "10.0.2.30:45000 > 10.0.1.20:80", SYN);
	expect_redirect(n, NOTE_REDIRECT_PEER, SERVER);
	expect_packet(n, "10.0.2.30:45000 > 10.0.1.20:80", 63);
	expect_macs(n, "02:00:0a:00:01:14", "02:00:0a:00:01:bb");
	expect_entry(n, CT, CT_KEY("10.0.2.30", 45000, "10.0.1.20", 80, 1),
		     "{from_tunnel: 1, src_sec_id: 30030}");
	from_pod(n, "server", "10.0.1.20:80 > 10.0.2.30:45000", SYN | ACK);
	expect_tunnel(n, 30020, K8S2);
	expect_state(n, TO_OVERLAY, CT_STATE_REPLY);
	from_tunnel(n, 30030, "10.0.2.30:45001 > 10.0.1.20:443", SYN);
	expect_drop(n, 133, "bpf_lxc.c");
	/* no node may call itself the host: 171 is an invalid identity */
	from_tunnel(n, 1, "10.0.2.30:45002 > 10.0.1.20:80", SYN);
	expect_drop(n, 171, "bpf_overlay.c");
}

/* The identity is the tunnel's, whatever the address. */
static void the_identity_of_the_tunnel_counts(struct node *n)
{
	from_tunnel(n, 30031, "10.0.2.30:45003 > 10.0.1.20:80", SYN);
	expect_drop(n, 133, "bpf_lxc.c");
	from_tunnel(n, 30010, "10.0.2.31:45004 > 10.0.1.20:80", SYN);
	expect_redirect(n, NOTE_REDIRECT_PEER, SERVER);
}

/* The kernel's test run gives packets no tunnel metadata: 147. */
static void without_metadata_the_tunnels_packets_are_dropped(struct node *n)
{
	node_run(n, "cilium_vxlan", "ingress", "10.0.2.30:45000 > 10.0.1.20:80", SYN);
	expect_drop(n, 147, "bpf_overlay.c");
}

static void all_flows(bool pristine)
{
	struct node *n = node_open(pristine, false);

	pod_to_pod_is_delivered(n);
	its_answer_passes_and_the_flow_goes_on(n);
	what_the_receivers_policy_lacks_is_dropped(n);
	what_the_senders_policy_lacks_or_denies_is_dropped(n);
	time_is_the_replays(n);
	a_node_port_with_a_local_backend(n);
	a_node_port_with_a_backend_on_another_node(n);
	a_port_that_is_no_service_is_the_host_firewalls(n);
	node_ports_and_the_prefilter_at_xdp(n);
	a_pod_of_another_node_is_reached_through_the_tunnel(n);
	without_metadata_the_tunnels_packets_are_dropped(n);
	if (!pristine) {
		what_comes_out_of_the_tunnel_reaches_a_pod(n);
		the_identity_of_the_tunnel_counts(n);
	}
	node_close(n);
}

Test(cilium_traffic, packets_go_where_the_agents_maps_say, .timeout = 120)
{
	need_cilium();
	NEEDS_ROOT();
	all_flows(false);
}

Test(cilium_traffic, and_do_so_with_no_helper_interposed, .timeout = 120)
{
	need_cilium();
	NEEDS_ROOT();
	all_flows(true);
}

/* The same node, packets and entries: the same comes of it. */
static void flows_of_own(bool pristine)
{
	struct node *n = node_open_target("verdict-two-pods", pristine, false);

	pod_to_pod_is_delivered(n);
	its_answer_passes_and_the_flow_goes_on(n);
	what_the_receivers_policy_lacks_is_dropped(n);
	what_the_senders_policy_lacks_or_denies_is_dropped(n);
	time_is_the_replays(n);
	a_node_port_with_a_local_backend(n);
	a_node_port_with_a_backend_on_another_node(n);
	a_port_that_is_no_service_is_the_host_firewalls(n);
	node_ports_and_the_prefilter_at_xdp(n);
	a_pod_of_another_node_is_reached_through_the_tunnel(n);
	without_metadata_the_tunnels_packets_are_dropped(n);
	if (!pristine) {
		what_comes_out_of_the_tunnel_reaches_a_pod(n);
		the_identity_of_the_tunnel_counts(n);
	}
	node_close(n);
}

Test(own_traffic, is_what_cilium_makes_of_it, .timeout = 120)
{
	NEEDS_ROOT();
	flows_of_own(false);
}

Test(own_traffic, and_so_with_no_helper_interposed, .timeout = 120)
{
	NEEDS_ROOT();
	flows_of_own(true);
}
