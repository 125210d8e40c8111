/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* DSR by option at bpf_host: what the balancing node sends, byte by byte, and what the backend's node makes
 * of it: answers that come from the service, of pods and of hostNetwork pods, which no program of a pod's sees.
 */
#include "lab_dsr.h"

/* Port 30090 and 192.168.10.1, their bytes reversed, as Cilium on little-endian machines has them. */
static const uint8_t option4[] = { 0x9a, 8, 0x8a, 0x75, 1, 10, 168, 192 };
static const uint8_t option4_network[] = { 0x9a, 8, 0x75, 0x8a, 192, 168, 10, 1 };

/* fd00:10::1, port 30090 */
static const uint8_t option6[] = { 6, 2, 0x1b, 20, 0xfd, 0, 0, 0x10, 0,	   0,	 0, 0,
				   0, 0, 0,    0,  0,	 0, 0, 1,    0x75, 0x8a, 0, 0 };

static void expect_bytes(uint32_t at, const uint8_t *want, uint32_t n)
{
	const uint8_t *d = lab_hop(lab)->out.data;

	cr_assert(d, "%s: dropped: %d", lab->last, lab_hop(lab)->drop_reason);
	for (uint32_t i = 0; i < n; i++)
		cr_expect_eq(d[at + i], want[i], "%s: byte %u: %02x, not %02x", lab->last, at + i,
			     d[at + i], want[i]);
}

static uint32_t grown(void)
{
	return lab_hop(lab)->out.len - lab->packet.len;
}

Test(dsr, an_ipv4_syn_carries_the_service_in_its_first_option, .timeout = 60)
{
	NEEDS_ROOT();
	lab = node_open(DSR_TARGET(""));
	in(tcp_of(C4 " > 192.168.10.1|30090", SYN));
	expect_wired(C4 " > 10.0.2.30|8080", OTHER_NODE);
	cr_expect_eq(grown(), 8);
	cr_expect_eq(lab_hop(lab)->out.data[14], 0x47);
	cr_expect_eq(get_be16(lab_hop(lab)->out.data + 16), 20 + 8 + 20 + 5);
	expect_bytes(34, option4, 8);
	lab_expect_complete(lab);
	in(tcp_of(C4 " > 192.168.10.1|30090", ACK));
	expect_wired(C4 " > 10.0.2.30|8080", OTHER_NODE);
	cr_expect_eq(grown(), 0, "said once");
	in(udp_of(C4 " > 192.168.10.1|30090", 4));
	lab_expect_verdict(lab, TC_ACT_OK); /* no service of UDP */
	in(tcp_of(C4 " > 192.168.10.1|30080", SYN));
	expect_passed(C4 " > 10.0.1.20|8080");
	cr_expect_eq(grown(), 0, "a backend here needs none");
	lab_close(lab);
}

static void add_service(const char *v, const char *node, const char *n, int proto)
{
	const char *map = arena_printf(lab->arena, "cilium_lb%s_services_v2", v);

	for (int slot = 0; slot < 2; slot++)
		lab_set(lab, map,
			arena_printf(lab->arena,
				     "{address: '%s', dport: 30090, proto: %d, backend_slot: %d}",
				     node, proto, slot),
			arena_printf(lab->arena, "{%s, rev_nat_index: %s2, flags: 66}",
				     slot ? arena_printf(lab->arena, "backend_id: %s2", n)
					  : "count: 1",
				     n));
}

Test(dsr, each_datagram_carries_the_option, .timeout = 60)
{
	NEEDS_ROOT();
	lab = node_open(DSR_TARGET(""));
	add_service("4", "192.168.10.1", "4", 17);
	add_service("6", "fd00:10::1", "6", 17);
	for (int i = 0; i < 2; i++) {
		in(udp_of(C4 " > 192.168.10.1|30090", 4));
		expect_wired(C4 " > 10.0.2.30|8080", OTHER_NODE);
		expect_bytes(34, option4, 8);
		in(udp_of(C6 " > fd00:10::1|30090", 4));
		expect_wired(C6 " > fd00:2::30|8080", OTHER_NODE);
		cr_expect_eq(lab_hop(lab)->out.data[54], 17, "UDP follows");
		expect_bytes(55, option6 + 1, 23);
	}
	lab_close(lab);
}

/* To a backend at the same port: SCTP's sum forbids another. */
Test(dsr, so_does_each_packet_of_sctp, .timeout = 60)
{
	NEEDS_ROOT();
	lab = node_open(DSR_TARGET(""));
	add_service("4", "192.168.10.1", "4", 132);
	add_service("6", "fd00:10::1", "6", 132);
	lab_set(lab, "cilium_lb4_backends_v3", "42", "{address: 10.0.2.30, port: 30090}");
	lab_set(lab, "cilium_lb6_backends_v3", "62", "{address: 'fd00:2::30', port: 30090}");
	for (int i = 0; i < 4; i++) {
		bool v6 = i & 1;
		struct pkt p =
			udp_of(v6 ? C6 " > fd00:10::1|30090" : C4 " > 192.168.10.1|30090", 4);

		p.b[v6 ? 20 : 23] = 132;
		end_sctp(&p, v6 ? 54 : 34);
		end_ip(&p, 14);
		in(p);
		expect_wired(v6 ? C6 " > fd00:2::30|30090" : C4 " > 10.0.2.30|30090", OTHER_NODE);
		expect_bytes(v6 ? 55 : 34, v6 ? option6 + 1 : option4, v6 ? 23 : 8);
	}
	lab_close(lab);
}

Test(dsr, an_ipv6_syn_carries_the_service_in_a_destination_option, .timeout = 60)
{
	NEEDS_ROOT();
	lab = node_open(DSR_TARGET(""));
	in(tcp_of(C6 " > fd00:10::1|30090", SYN));
	expect_wired(C6 " > fd00:2::30|8080", OTHER_NODE);
	cr_expect_eq(grown(), 24);
	cr_expect_eq(lab_hop(lab)->out.data[20], 60);
	cr_expect_eq(get_be16(lab_hop(lab)->out.data + 18), 24 + 20 + 5);
	expect_bytes(54, option6, 24);
	lab_expect_complete(lab);
	in(tcp_of(C6 " > fd00:10::1|30090", ACK));
	expect_wired(C6 " > fd00:2::30|8080", OTHER_NODE);
	cr_expect_eq(grown(), 0);
	lab_close(lab);
}

Test(dsr, the_options_byte_order_is_a_setting, .timeout = 60)
{
	NEEDS_ROOT();
	lab = node_open(DSR_TARGET(", dsr_option_network_order: true"));
	in(tcp_of(C4 " > 192.168.10.1|30090", SYN));
	expect_wired(C4 " > 10.0.2.30|8080", OTHER_NODE);
	expect_bytes(34, option4_network, 8);
	lab_close(lab);
}

Test(dsr, modes_choose_by_protocol_or_service, .timeout = 60)
{
	NEEDS_ROOT();
	lab = node_open(NODE_TARGET(", lb_mode: 2"));
	add_service("4", "192.168.10.1", "4", 17);
	in(tcp_of(C4 " > 192.168.10.1|30090", SYN));
	expect_wired(C4 " > 10.0.2.30|8080", OTHER_NODE);
	in(udp_of(C4 " > 192.168.10.1|30090", 4));
	expect_wired("192.168.10.1|50000 > 10.0.2.30|8080", OTHER_NODE);
	lab_close(lab);
	lab = node_open(NODE_TARGET(", lb_mode: 3"));
	in(tcp_of(C4 " > 192.168.10.1|30090", SYN));
	expect_wired("192.168.10.1|50000 > 10.0.2.30|8080", OTHER_NODE);
	lab_set(lab, "cilium_lb4_services_v2", "{address: 192.168.10.1, dport: 30090, proto: 6}",
		"{count: 1, rev_nat_index: 42, flags: 66, flags2: 128}");
	in(tcp_of("192.168.10.100|50001 > 192.168.10.1|30090", SYN));
	expect_wired("192.168.10.100|50001 > 10.0.2.30|8080", OTHER_NODE);
	lab_close(lab);
}

/* ---- too big ---- */

Test(dsr, what_the_option_makes_too_big_is_answered_with_the_mtu_less_the_option, .timeout = 60)
{
	NEEDS_ROOT();
	lab = node_open(DSR_TARGET(", device_mtu: 1400"));
	in(tcp_data(C4 " > 192.168.10.1|30090", SYN, 1400 - 40 - 8));
	expect_wired(C4 " > 10.0.2.30|8080", OTHER_NODE);
	in(tcp_data(C4 " > 192.168.10.1|30090", SYN, 1400 - 40 - 7));
	expect_too_big(false, 1392, C4 " > 192.168.10.1|30090");
	cr_expect_eq(lab_event(lab, EVENT_DROP, 136)->type, EVENT_DROP);
	in(tcp_data(C6 " > fd00:10::1|30090", SYN, 1400 - 60 - 24));
	expect_wired(C6 " > fd00:2::30|8080", OTHER_NODE);
	in(tcp_data(C6 " > fd00:10::1|30090", SYN, 1400 - 60 - 23));
	expect_too_big(true, 1376, C6 " > fd00:10::1|30090");
	in(tcp_data(C4 " > 192.168.10.1|30090", ACK, 1400 - 40));
	expect_wired(C4 " > 10.0.2.30|8080", OTHER_NODE);
	lab_close(lab);
}

Test(dsr, a_header_full_of_options_has_no_room, .timeout = 60)
{
	struct pkt p = tcp_of(C4 " > 192.168.10.1|30090", SYN);

	NEEDS_ROOT();
	memmove(p.b + 34 + 36, p.b + 34, p.len - 34);
	memset(p.b + 34, 1, 36);
	p.b[14] = 0x4e;
	p.len += 36;
	end_ip(&p, 14);
	lab = node_open(DSR_TARGET(""));
	in(p);
	lab_expect_drop(lab, TC_ACT_SHOT, 135, "dsr_option.h");
	lab_close(lab);
}

/* ---- the backend's node ---- */

static struct pkt with_option4(struct pkt p, const uint8_t option[8])
{
	memmove(p.b + 42, p.b + 34, p.len - 34);
	memcpy(p.b + 34, option, 8);
	p.b[14] += 2;
	p.len += 8;
	end_ip(&p, 14);
	return p;
}

static struct pkt with_option6(struct pkt p, const uint8_t option[24])
{
	memmove(p.b + 78, p.b + 54, p.len - 54);
	memcpy(p.b + 54, option, 24);
	p.b[54] = p.b[20];
	p.b[20] = 60;
	p.len += 24;
	end_ip(&p, 14);
	return p;
}

/* Of the node 192.168.10.2, port 30090. */
static const uint8_t told4[] = { 0x9a, 8, 0x8a, 0x75, 2, 10, 168, 192 };
static const uint8_t told4_network[] = { 0x9a, 8, 0x75, 0x8a, 192, 168, 10, 2 };
static const uint8_t told6[] = { 6, 2, 0x1b, 20, 0xfd, 0, 0, 0x10, 0,	 0,    0, 0,
				 0, 0, 0,    0,	 0,    0, 0, 2,	   0x75, 0x8a, 0, 0 };

static const struct backend {
	const char *request, *reply, *answer;
} backends[] = {
	{ C4 " > 10.0.1.20|8080", "10.0.1.20|8080 > " C4, "192.168.10.2|30090 > " C4 },
	{ C4 " > 192.168.10.1|9000", "192.168.10.1|9000 > " C4, "192.168.10.2|30090 > " C4 },
	{ C6 " > fd00:1::20|8080", "fd00:1::20|8080 > " C6, "fd00:10::2|30090 > " C6 },
	{ C6 " > fd00:10::1|9000", "fd00:10::1|9000 > " C6, "fd00:10::2|30090 > " C6 },
};

static struct pkt told(struct pkt p)
{
	return p.b[14] >> 4 == 6 ? with_option6(p, told6) : with_option4(p, told4);
}

Test(dsr, answers_of_pods_and_of_the_host_itself_come_from_the_service, .timeout = 60)
{
	NEEDS_ROOT();
	lab = node_open(DSR_TARGET(""));
	for (int i = 0; i < 4; i++) {
		in(told(tcp_of(backends[i].request, SYN)));
		expect_passed(backends[i].request);
		lab_expect_same_but(lab, NULL, 0);
		out(tcp_of(backends[i].reply, SYN | ACK));
		expect_passed(backends[i].answer);
		lab_expect_complete(lab);
		in(tcp_of(backends[i].request, ACK));
		expect_passed(backends[i].request);
		out(tcp_of(backends[i].reply, ACK));
		expect_passed(backends[i].answer);
	}
	lab_expect_entry(lab, CT4,
			 "{daddr: 192.168.10.100, saddr: 10.0.1.20, sport: 50000, dport: 8080, "
			 "nexthdr: 6, flags: 0}",
			 "{dsr_internal: 1, node_port: 0, nat_port: 30090, seen_non_syn: 1, "
			 "nat_addr: '::c0a8:a02'}");
	lab_close(lab);
}

Test(dsr, so_do_answers_of_a_filtered_host, .timeout = 60)
{
	NEEDS_ROOT();
	lab = node_open(DSR_TARGET(", enable_host_firewall: true"));
	in(told(tcp_of(backends[1].request, SYN)));
	lab_expect_drop(lab, TC_ACT_SHOT, 133, "host_firewall.h");
	lab_set(lab, "cilium_policy_v2", "{lpm_key: {prefixlen: 64}, protocol: 6, dport: 9000}",
		"{lpm_prefix_length: 24}");
	for (int i = 1; i < 4; i += 2) {
		in(told(tcp_of(backends[i].request, SYN)));
		expect_passed(backends[i].request);
		out(tcp_of(backends[i].reply, SYN | ACK));
		expect_passed(backends[i].answer);
	}
	lab_close(lab);
}

Test(dsr, either_byte_order_is_understood_where_one_names_somebody, .timeout = 60)
{
	static const char *const modes[] = { DSR_TARGET(""),
					     DSR_TARGET(", dsr_option_network_order: true") };

	NEEDS_ROOT();
	for (int i = 0; i < 2; i++) {
		lab = node_open(modes[i]);
		/* a policy names the network that the wrong order falls into: nobody's all the same */
		lab_set(lab, "cilium_ipcache_v2",
			"{lpm_key: {prefixlen: 40}, family: 1, ip4: 2.0.0.0}",
			"{sec_identity: 16777217}");
		in(with_option4(tcp_of(backends[0].request, SYN), told4));
		out(tcp_of(backends[0].reply, SYN | ACK));
		expect_passed(backends[0].answer);
		in(with_option4(tcp_of(backends[1].request, SYN), told4_network));
		out(tcp_of(backends[1].reply, SYN | ACK));
		expect_passed(backends[1].answer);
		lab_close(lab);
	}
}

/* cilium/cilium#17759, and the other way round. */
Test(dsr, a_connection_is_what_its_own_syn_says, .timeout = 60)
{
	NEEDS_ROOT();
	lab = node_open(DSR_TARGET(""));
	for (int i = 0; i < 4; i++) {
		in(tcp_of(backends[i].request, SYN));
		out(tcp_of(backends[i].reply, SYN | ACK));
		expect_passed(backends[i].reply);
		in(told(tcp_of(backends[i].request, SYN)));
		out(tcp_of(backends[i].reply, SYN | ACK));
		expect_passed(backends[i].answer);
		in(tcp_of(backends[i].request, SYN));
		out(tcp_of(backends[i].reply, SYN | ACK));
		expect_passed(backends[i].reply);
	}
	lab_close(lab);
}

Test(dsr, options_that_lie_are_no_option, .timeout = 60)
{
	uint8_t bad4[8], bad6[24];

	NEEDS_ROOT();
	lab = node_open(DSR_TARGET(""));
	for (int i = 0; i < 3; i++) {
		memcpy(bad4, told4, 8);
		memcpy(bad6, told6, 24);
		switch (i) {
		case 0: /* another option */
			bad4[0] = 0x9b, bad6[2] = 0x1c;
			break;
		case 1: /* a length of its own */
			bad4[1] = 6, bad6[3] = 18;
			break;
		case 2: /* of port 0 */
			bad4[2] = bad4[3] = 0, bad6[20] = bad6[21] = 0;
			break;
		}
		in(with_option4(tcp_of(backends[0].request, SYN), bad4));
		expect_passed(backends[0].request);
		out(tcp_of(backends[0].reply, SYN | ACK));
		expect_passed(backends[0].reply);
		in(with_option6(tcp_of(backends[2].request, SYN), bad6));
		expect_passed(backends[2].request);
		out(tcp_of(backends[2].reply, SYN | ACK));
		expect_passed(backends[2].reply);
	}
	lab_close(lab);
}

Test(dsr, datagrams_are_answered_from_the_service_too, .timeout = 60)
{
	NEEDS_ROOT();
	lab = node_open(DSR_TARGET(""));
	for (int i = 0; i < 4; i++) {
		struct pkt p = told(udp_of(backends[i].request, 6));

		in(p);
		expect_passed(backends[i].request);
		out(udp_of(backends[i].reply, 6));
		expect_passed(backends[i].answer);
		lab_expect_complete(lab);
		in(p);
		out(udp_of(backends[i].reply, 6));
		expect_passed(backends[i].answer);
		/* one sent directly */
		in(udp_of(backends[i].request, 6));
		out(udp_of(backends[i].reply, 6));
		expect_passed(backends[i].reply);
	}
	lab_close(lab);
}

/* ---- IP in IP ---- */

Test(dsr, ip_in_ip_leaves_the_inner_packet_as_it_was, .timeout = 60)
{
	NEEDS_ROOT();
	lab = node_open(DSR_TARGET(", dsr_dispatch: 2, dsr_rss_prefix4: 10.9.0.0, "
				   "dsr_rss_prefix4_len: 16, dsr_rss_prefix6: 'fd09::', "
				   "dsr_rss_prefix6_len: 96"));
	for (int i = 0; i < 2; i++) {
		const uint8_t *d;

		in(tcp_of(C4 " > 192.168.10.1|30090", i ? ACK : SYN));
		lab_expect_redirect(lab, NOTE_REDIRECT, ETH0);
		d = lab_hop(lab)->out.data;
		cr_assert(d, "dropped: %d", lab_hop(lab)->drop_reason);
		cr_expect(grown() == 20 && d[14 + 9] == 4 && d[26] == 10 && d[27] == 9);
		cr_expect_eq(get_be32(d + 30), 0x0a00021e, "to the backend");
		cr_expect_eq(memcmp(d + 34, lab->packet.b + 14, lab->packet.len - 14), 0,
			     "the inner packet");
		lab_expect_complete(lab);
		in(tcp_of(C6 " > fd00:10::1|30090", i ? ACK : SYN));
		lab_expect_redirect(lab, NOTE_REDIRECT, ETH0);
		d = lab_hop(lab)->out.data;
		cr_assert(d, "dropped: %d", lab_hop(lab)->drop_reason);
		cr_expect(grown() == 40 && d[14 + 6] == 41 && d[22] == 0xfd && d[23] == 9);
		cr_expect_eq(memcmp(d + 54, lab->packet.b + 14, lab->packet.len - 14), 0,
			     "the inner packet");
		lab_expect_complete(lab);
	}
	lab_close(lab);
}

/* The outer source's end: of its network nothing may change. */
static uint32_t spread(bool v6, unsigned port, uint8_t flags)
{
	static const uint8_t net4[] = { 10, 9 }, net6[12] = { 0xfd, 0x99 };
	const uint8_t *d;

	in(tcp_of(v6 ? arena_printf(lab->arena, "fd00:10::100|%u > fd00:10::1|30090", port)
		     : arena_printf(lab->arena, "192.168.10.100|%u > 192.168.10.1|30090", port),
		  flags));
	d = lab_hop(lab)->out.data;
	cr_assert(d, "%s: dropped: %d", lab->last, lab_hop(lab)->drop_reason);
	cr_expect_eq(memcmp(d + (v6 ? 22 : 26), v6 ? net6 : net4, v6 ? 12 : 2), 0,
		     "%s: from another network", lab->last);
	return get_be32(d + (v6 ? 34 : 26));
}

Test(dsr, ip_in_ip_spreads_clients_over_sources, .timeout = 60)
{
	uint32_t seen[8];

	NEEDS_ROOT();
	lab = node_open(DSR_TARGET(", dsr_dispatch: 2, dsr_rss_prefix4: 10.9.0.0, "
				   "dsr_rss_prefix4_len: 16, dsr_rss_prefix6: 'fd99::', "
				   "dsr_rss_prefix6_len: 96"));
	for (int v6 = 0; v6 < 2; v6++) {
		for (unsigned i = 0; i < 8; i++) {
			seen[i] = spread(v6, 50000 + i, SYN);
			for (unsigned k = 0; k < i; k++)
				cr_expect_neq(seen[i], seen[k], "clients %u and %u", i, k);
		}
		cr_expect_eq(spread(v6, 50000, ACK), seen[0], "and keeps each at one");
	}
	lab_close(lab);
}

Test(dsr, ip_in_ip_that_does_not_fit_is_answered, .timeout = 60)
{
	NEEDS_ROOT();
	lab = node_open(DSR_TARGET(", dsr_dispatch: 2, device_mtu: 1400"));
	in(tcp_data(C4 " > 192.168.10.1|30090", ACK, 1400 - 40 - 19));
	expect_too_big(false, 1380, C4 " > 192.168.10.1|30090");
	in(tcp_data(C6 " > fd00:10::1|30090", ACK, 1400 - 60 - 39));
	expect_too_big(true, 1360, C6 " > fd00:10::1|30090");
	lab_close(lab);
}

/* At the backend's node: the stack opens the outer packet, and its device has the programs of any other. The
 * outer one is of no protocol that flows are made of: a host with a policy does not take it (137).
 */
Test(dsr, ip_in_ip_is_the_stacks_to_open, .timeout = 60)
{
	struct pkt inner = tcp_of(C4 " > 192.168.10.1|30080", SYN), outer = inner;

	NEEDS_ROOT();
	memmove(outer.b + 34, outer.b + 14, outer.len - 14);
	outer.len = 14;
	put_ip4(&outer, "10.9.1.2", "192.168.10.1", 4);
	outer.len += inner.len - 14;
	end_ip(&outer, 14);
	lab = node_open(DSR_TARGET(", dsr_dispatch: 2"));
	in(outer);
	lab_expect_verdict(lab, TC_ACT_OK);
	lab_expect_same_but(lab, NULL, 0);
	in(inner);
	expect_passed(C4 " > 10.0.1.20|8080");
	out(tcp_of("10.0.1.20|8080 > " C4, SYN | ACK));
	expect_passed("192.168.10.1|30080 > " C4);
	lab_close(lab);
	lab = node_open(DSR_TARGET(", dsr_dispatch: 2, enable_host_firewall: true"));
	in(outer);
	lab_expect_drop(lab, TC_ACT_SHOT, 137, "conntrack.h");
	lab_close(lab);
}

/* ---- Geneve ---- */

Test(dsr, geneve_tells_the_service_in_the_tunnels_header, .timeout = 60)
{
	static const uint8_t opt4[] = { 1, 0x4b, 0x81, 2, 192, 168, 10, 1, 0x75, 0x8a, 0, 0 };
	static const uint8_t opt6[] = { 1, 0x4b, 0x81, 5, 0xfd, 0, 0, 0x10, 0,	  0,	0, 0,
					0, 0,	 0,    0, 0,	0, 0, 1,    0x75, 0x8a, 0, 0 };
	const struct tunnel_meta *t;

	NEEDS_ROOT();
	lab = node_open(DSR_TARGET(", dsr_dispatch: 1, tunnel_ifindex: 3"));
	for (int v6 = 0; v6 < 2; v6++) {
		const char *request = v6 ? C6 " > fd00:10::1|30090" : C4 " > 192.168.10.1|30090";
		const char *sent = v6 ? C6 " > fd00:2::30|8080" : C4 " > 10.0.2.30|8080";

		in(tcp_of(request, SYN));
		lab_expect_redirect(lab, NOTE_REDIRECT, TUNNEL);
		expect_ends(sent);
		t = lab_hop(lab)->tunnel;
		cr_assert(t && t->has_key && t->has_opt);
		cr_expect(t->id == 2 && t->remote_ip4 == 0xc0a80a02);
		cr_expect_eq(t->opt_len, v6 ? sizeof(opt6) : sizeof(opt4));
		cr_expect_eq(memcmp(t->opt, v6 ? opt6 : opt4, t->opt_len), 0);
		in(tcp_of(request, ACK));
		lab_expect_redirect(lab, NOTE_REDIRECT, TUNNEL);
		expect_ends(sent);
		t = lab_hop(lab)->tunnel;
		cr_expect(t->has_key && !t->has_opt && t->id == 2 && t->remote_ip4 == 0xc0a80a02);
	}
	lab_close(lab);
}
