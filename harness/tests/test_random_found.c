// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What packets by chance have found (test_random_*.c), each as a packet that is known. */
#include "lab_node.h"

#define MASQ ", enable_ipv4_masquerade: true, enable_ipv6_masquerade: true"

#define W4 "203.0.113.5"
#define W6 "2001:db8::5"

/* The source's port, or the identifier, that came out. */
static unsigned sent_port(void)
{
	return node_ends(sent_ends()).sport;
}

/* Port 0 is what a rewrite was told where it is to leave the port; of an echo it is an identifier like any other. */
static void expect_echo_finds_back(const char *pod, const char *node, const char *peer)
{
	struct arena *a = lab->arena;
	const char *asks = arena_printf(a, "%s|0 > %s|0", pod, peer);
	struct pkt sent, error;
	unsigned id;

	out(echo_of(asks, false));
	id = sent_port();
	cr_expect_gt(id, 32767, "%s: left as %s", asks, sent_ends());
	sent = (struct pkt){ .len = lab_hop(lab)->out.len };
	memcpy(sent.b, lab_hop(lab)->out.data, sent.len);
	in(echo_of(arena_printf(a, "%s|0 > %s|%u", peer, node, id), true));
	expect_passed(arena_printf(a, "%s|0 > %s|0", peer, pod));
	put_eth(&error, strchr(pod, ':') ? 0x86dd : 0x0800);
	put_error(&error, peer, node, strchr(pod, ':') ? 1 : 3, 1, 0, &sent, 60);
	in(error);
	cr_expect_str_eq(ends_at(lab_hop(lab)->out.data, strchr(pod, ':') ? 14 + 48 : 14 + 28),
			 asks, "an error quotes %s",
			 ends_at(lab_hop(lab)->out.data, strchr(pod, ':') ? 14 + 48 : 14 + 28));
}

Test(random_found, an_echo_of_identifier_0_finds_back_from_nat, .timeout = 60)
{
	NEEDS_ROOT();
	lab = node_open(NODE_TARGET(MASQ));
	expect_echo_finds_back("10.0.1.20", "192.168.10.1", W4);
	expect_echo_finds_back("fd00:1::20", "fd00:10::1", W6);
	lab_close(lab);
}

/* Of a flow that left under its own port, the entry of its packets was lost; its own answers' entry kept the port from
 * it.
 */
static void expect_port_kept(struct pkt p, const char *map, const char *key)
{
	struct err err = { 0 };
	unsigned port;

	out(p);
	port = sent_port();
	cr_assert_eq(map_delete(lab_map(lab, map), lab_yaml(lab, key), &err), 1, "%s", err.text);
	out(p);
	lab_expect_verdict(lab, TC_ACT_OK);
	cr_expect_eq(sent_port(), port, "%s: port %u, not %u", lab->last, sent_port(), port);
}

Test(random_found, a_flow_keeps_its_own_port_whichever_entry_is_lost, .timeout = 60)
{
	struct pkt sctp = udp_of("10.0.1.20|40000 > " W4 "|9999", 8);

	NEEDS_ROOT();
	sctp.b[23] = 132;
	end_sctp(&sctp, 34);
	end_ip(&sctp, 14);
	lab = node_open(NODE_TARGET(MASQ));
	expect_port_kept(tcp_of("10.0.1.20|40000 > " W4 "|443", SYN), NAT4,
			 "{saddr: 10.0.1.20, daddr: " W4 ", sport: 40000, dport: 443, nexthdr: 6}");
	expect_port_kept(sctp, NAT4,
			 "{saddr: 10.0.1.20, daddr: " W4
			 ", sport: 40000, dport: 9999, nexthdr: 132}");
	expect_port_kept(tcp_of("fd00:1::20|40000 > " W6 "|443", SYN), NAT6,
			 "{saddr: 'fd00:1::20', daddr: '" W6
			 "', sport: 40000, dport: 443, nexthdr: 6}");
	lab_close(lab);
}

static struct pkt with_ttl_1(struct pkt p)
{
	if (p.b[14] >> 4 == 6) {
		p.b[21] = 1;
	} else {
		p.b[22] = 1;
		end_ip(&p, 14);
	}
	return p;
}

static void expect_quoted_as_sent(struct pkt p)
{
	const struct frame *f;
	uint32_t quote = p.b[14] >> 4 == 6 ? 14 + 48 : 14 + 28;

	in(p);
	lab_expect_verdict(lab, TC_ACT_REDIRECT);
	cr_expect_eq(lab_hop(lab)->drop_reason, 196, "%s: drop reason %d", lab->last,
		     lab_hop(lab)->drop_reason);
	f = &lab_hop(lab)->out;
	cr_assert_eq(f->len, quote + p.len - 14, "%s: %u bytes", lab->last, f->len);
	cr_expect_arr_eq(f->data + quote, p.b + 14, p.len - 14, "%s: quotes another packet",
			 lab->last);
}

/* Its sender knows the packet by what it quotes: without the option, and with port 0 where he has sent that. */
Test(random_found, whose_time_has_ended_is_quoted_as_it_was_sent, .timeout = 60)
{
	NEEDS_ROOT();
	lab = node_open(NODE_TARGET(", lb_mode: 1"));
	expect_quoted_as_sent(with_ttl_1(tcp_of("192.168.10.100|50000 > 192.168.10.1|30090", SYN)));
	expect_quoted_as_sent(with_ttl_1(tcp_of("fd00:10::100|50000 > fd00:10::1|30090", SYN)));
	lab_close(lab);
	lab = node_open(NODE_TARGET(""));
	expect_quoted_as_sent(with_ttl_1(tcp_of("192.168.10.100|0 > 192.168.10.1|30090", SYN)));
	expect_quoted_as_sent(with_ttl_1(tcp_of("fd00:10::100|0 > fd00:10::1|30090", SYN)));
	lab_close(lab);
}

/* ---- XDP ---- */

#define XDP_TARGET(config)                                                                         \
	"summary: a node with XDP\n"                                                               \
	"config: {interface_ifindex: 2, interface_mac: 02:00:c0:a8:0a:01, enable_nodeport: true, " \
	"enable_nodeport_acceleration: true, nat_ipv4_masquerade: 192.168.10.1, "                  \
	"nat_ipv6_masquerade: 'fd00:10::1'" config "}\n"                                           \
	"hooks:\n"                                                                                 \
	"  native: {ingress: bpf_host.o/cil_from_netdev, egress: bpf_host.o/cil_to_netdev, xdp: "  \
	"bpf_xdp.o/cil_xdp_entry}\n"                                                               \
	"events: {map: cilium_events}\n"                                                           \
	"devices:\n"                                                                               \
	"- {name: eth0, ifindex: 2, role: native, mac: 02:00:c0:a8:0a:01}\n"

static const struct hop *at_xdp(struct pkt p)
{
	return lab_run(lab, "eth0", "xdp", &p);
}

static void expect_left_to_tc(struct pkt p)
{
	at_xdp(p);
	lab_expect_verdict(lab, XDP_PASS);
	lab_expect_same_but(lab, NULL, 0);
}

/* tc's answer quoted what XDP had made of the packet. */
Test(random_found, xdp_leaves_to_tc_whom_tc_has_to_answer, .timeout = 60)
{
	NEEDS_ROOT();
	lab = node_open(XDP_TARGET(", enable_host_routing: true"));
	expect_left_to_tc(with_ttl_1(tcp_of("192.168.10.100|50000 > 192.168.10.1|30080", SYN)));
	expect_left_to_tc(with_ttl_1(tcp_of("fd00:10::100|50000 > fd00:10::1|30080", SYN)));
	at_xdp(tcp_of("192.168.10.100|50000 > 192.168.10.1|30080", SYN));
	lab_expect_verdict(lab, XDP_PASS);
	expect_ends("192.168.10.100|50000 > 10.0.1.20|8080");
	lab_close(lab);
}

/* In XDP's metadata the tunnel's packets went on to tc, which alone noticed that they had no hop left. */
Test(random_found, xdp_makes_the_hop_into_the_tunnel, .timeout = 60)
{
	static const char *const asks[] = { "192.168.10.100|50000 > 192.168.10.1|30090",
					    "fd00:10::100|50000 > fd00:10::1|30090" };
	uint32_t quote;

	NEEDS_ROOT();
	lab = node_open(XDP_TARGET(", tunnel_ifindex: 3, router_ipv4: 10.0.1.1, router_ipv6: "
				   "'fd00:1::1'"));
	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct pkt p = with_ttl_1(tcp_of(asks[v6], SYN));

		at_xdp(tcp_of(asks[v6], SYN));
		lab_expect_verdict(lab, XDP_PASS);
		cr_expect_eq(sent_ttl(), 63, "%s: TTL %u", lab->last, sent_ttl());
		at_xdp(p);
		lab_expect_verdict(lab, XDP_TX);
		quote = v6 ? 14 + 48 : 14 + 28;
		cr_assert_eq(lab_hop(lab)->out.len, quote + p.len - 14);
		cr_expect_arr_eq(lab_hop(lab)->out.data + quote, p.b + 14, p.len - 14,
				 "%s: quotes another packet", lab->last);
	}
	lab_close(lab);
}

/* A client's own option, behind XDP's translation, was another node's to tc. */
Test(random_found, a_clients_own_dsr_option_says_nothing_of_its_service, .timeout = 60)
{
	struct pkt p = tcp_of("192.168.10.100|50000 > 192.168.10.1|30080", SYN), whole = p;

	NEEDS_ROOT();
	p.len = 34;
	p.b[14] = 0x47;
	put_bytes(&p, "\x9a\x08\x57\x04\x63\x0a\xa8\xc0", 8); /* 192.168.10.99, port 1111 */
	put_bytes(&p, whole.b + 34, whole.len - 34);
	end_ip(&p, 14);
	lab = node_open(XDP_TARGET(", lb_mode: 1"));
	expect_left_to_tc(p);
	in(p);
	expect_passed("192.168.10.100|50000 > 10.0.1.20|8080");
	out(tcp_of("10.0.1.20|8080 > 192.168.10.100|50000", SYN | ACK));
	expect_passed("192.168.10.1|30080 > 192.168.10.100|50000");
	lab_close(lab);
}

/* tc took what XDP had translated for a direct connection in place of an older one. */
Test(random_found, a_syn_that_ends_its_connection_keeps_its_service, .timeout = 60)
{
	NEEDS_ROOT();
	lab = node_open(XDP_TARGET(""));
	at_xdp(tcp_of("192.168.10.100|50000 > 192.168.10.1|30080", SYN | FIN));
	expect_ends("192.168.10.100|50000 > 10.0.1.20|8080");
	in(tcp_of("192.168.10.100|50000 > 10.0.1.20|8080", SYN | FIN));
	out(tcp_of("10.0.1.20|8080 > 192.168.10.100|50000", RST | ACK));
	expect_passed("192.168.10.1|30080 > 192.168.10.100|50000");
	lab_close(lab);
}

/* To the stack it would be a martian, behind XDP as well. */
Test(random_found, what_is_no_hosts_address_ends_at_both_hooks, .timeout = 60)
{
	NEEDS_ROOT();
	lab = node_open(XDP_TARGET(""));
	lab_set(lab, "cilium_lb4_backends_v3", "42", "{address: 192.168.10.255, port: 8080}");
	at_xdp(tcp_of("192.168.10.100|50000 > 192.168.10.1|30090", SYN));
	lab_expect_drop(lab, XDP_DROP, 169, "nodeport.h");
	in(tcp_of("192.168.10.100|50001 > 192.168.10.1|30090", SYN));
	lab_expect_drop(lab, TC_ACT_SHOT, 169, "nodeport.h");
	lab_close(lab);
}

/* ---- tags of VLAN 0 in the data ---- */

static size_t count_drops(void)
{
	size_t n = 0;

	for (size_t i = 0; i < lab_hop(lab)->n_events; i++)
		n += lab_hop(lab)->events[i].type == EVENT_DROP;
	return n;
}

/* The kernel makes no room behind them: a packet was told of as dropped, for its TTL, and then once more. */
Test(random_found, what_cannot_be_answered_is_dropped_once, .timeout = 60)
{
	static const char *const to_pod[] = { "192.168.10.100|50000 > 10.0.1.20|80",
					      "fd00:10::100|50000 > fd00:1::20|80" };

	NEEDS_ROOT();
	lab = node_open(NODE_TARGET(", enable_host_routing: true"));
	for (int v6 = 0; v6 < 2; v6++) {
		struct pkt p, inner = with_ttl_1(tcp_of(to_pod[v6], SYN));

		in(inner);
		lab_expect_verdict(lab, TC_ACT_REDIRECT);
		put_eth(&p, 0x8100);
		put_vlan(&p, 0, v6 ? 0x86dd : 0x0800);
		put_bytes(&p, inner.b + 14, inner.len - 14);
		in(p);
		lab_expect_verdict(lab, TC_ACT_SHOT);
		cr_expect_eq(lab_hop(lab)->drop_reason, 196, "%s: drop reason %d", lab->last,
			     lab_hop(lab)->drop_reason);
		cr_expect_eq(count_drops(), 1, "%s: told %zu times", lab->last, count_drops());
	}
	lab_close(lab);
}

/* ---- fragments ---- */

/* A datagram of SCTP cannot get another port: of its fragments the later ones went on all the same. */
Test(random_found, all_fragments_of_sctp_for_another_port_are_dropped, .timeout = 60)
{
	struct pkt first = udp_of("192.168.10.100|50000 > 192.168.10.1|30080", 24), later;

	NEEDS_ROOT();
	lab = node_open(XDP_TARGET(""));
	for (unsigned slot = 0; slot < 2; slot++)
		lab_set(lab, "cilium_lb4_services_v2",
			arena_printf(lab->arena,
				     "{address: 192.168.10.1, dport: 30080, proto: 132, "
				     "backend_slot: %u}",
				     slot),
			arena_printf(lab->arena, "{%s, rev_nat_index: 41, flags: 66}",
				     slot ? "backend_id: 41" : "count: 1"));
	first.b[23] = 132;
	later = first;
	first.len = 34 + 16;
	set16(&first, 20, 0x2000);
	end_ip(&first, 14);
	memmove(later.b + 34, later.b + 50, later.len - 50);
	later.len -= 16;
	set16(&later, 20, 2);
	end_ip(&later, 14);
	for (int xdp = 0; xdp < 2; xdp++) {
		(xdp ? at_xdp : in)(first);
		lab_expect_drop(lab, xdp ? XDP_DROP : TC_ACT_SHOT, 154, "rewrite.h");
		(xdp ? at_xdp : in)(later);
		lab_expect_drop(lab, xdp ? XDP_DROP : TC_ACT_SHOT, 154, "rewrite.h");
	}
	lab_close(lab);
}
