/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Source NAT as pods' masquerade uses it: who is translated and who is not, ports and identifiers, pairs of
 * entries and their repair, collisions, errors. IPv4 and IPv6.
 */
#include "lab_node.h"

#define MASQ                                                                                       \
	", enable_ipv4_masquerade: true, enable_ipv6_masquerade: true, native_routing_cidr4: "     \
	"10.0.0.0, native_routing_cidr4_len: 16, native_routing_cidr6: 'fd00:0:0:8000::', "        \
	"native_routing_cidr6_len: 49, enable_ip_masq_agent: true"

#define W4 "203.0.113.5"
#define W6 "2001:db8::5"

static struct lab *masquerading(const char *target)
{
	struct lab *l = node_open(target);

	lab_set(l, "cilium_ipmasq_v4", "{lpm: {prefixlen: 24}, addr: 198.51.100.0}", "{}");
	lab_set(l, "cilium_ipmasq_v6", "{lpm: {prefixlen: 32}, addr: '2001:dba::'}", "{}");
	return l;
}

static struct lab *masquerading_plain(void)
{
	return masquerading(NODE_TARGET(MASQ));
}

Test(nat, a_pod_reaches_the_world_as_the_node_and_the_answer_finds_back, .timeout = 60)
{
	NEEDS_ROOT();
	lab = masquerading_plain();
	out(tcp_of("10.0.1.20|40000 > " W4 "|443", SYN));
	expect_passed("192.168.10.1|40000 > " W4 "|443");
	lab_expect_complete(lab);
	in(tcp_of(W4 "|443 > 192.168.10.1|40000", SYN | ACK));
	expect_passed(W4 "|443 > 10.0.1.20|40000");
	lab_expect_complete(lab);
	out(udp_of("10.0.1.20|40000 > " W4 "|53", 8));
	expect_passed("192.168.10.1|40000 > " W4 "|53");
	in(udp_of(W4 "|53 > 192.168.10.1|40000", 8));
	expect_passed(W4 "|53 > 10.0.1.20|40000");
	out(tcp_of("fd00:1::20|40000 > " W6 "|443", SYN));
	expect_passed("fd00:10::1|40000 > " W6 "|443");
	lab_expect_complete(lab);
	in(tcp_of(W6 "|443 > fd00:10::1|40000", SYN | ACK));
	expect_passed(W6 "|443 > fd00:1::20|40000");
	lab_expect_complete(lab);
	in(tcp_of(W4 "|443 > 192.168.10.1|40001", SYN | ACK));
	expect_passed(W4 "|443 > 192.168.10.1|40001");
	lab_close(lab);
}

Test(nat, who_the_network_knows_keeps_his_address, .timeout = 60)
{
	static const char *const kept[] = {
		"10.0.1.20|40000 > 10.0.77.1|80", /* native routing */
		"fd00:1::20|40000 > fd00:0:0:8001::1|80",
		"10.0.1.20|40000 > 198.51.100.9|80", /* the agent's list */
		"fd00:1::20|40000 > 2001:dba:1::9|80",
		"10.0.1.20|40000 > 192.168.10.2|80", /* another node */
		"fd00:1::20|40000 > fd00:10::2|80",
		"10.0.9.9|40000 > " W4 "|80", /* nobody of this node */
		"192.168.10.1|20000 > " W4 "|80", /* the host, by a port no pod gets */
	};

	NEEDS_ROOT();
	lab = masquerading_plain();
	for (unsigned i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		out(tcp_of(kept[i], SYN));
		expect_passed(kept[i]);
	}
	out(tcp_of("10.0.1.20|40000 > 10.1.0.1|80", SYN));
	expect_passed("192.168.10.1|40000 > 10.1.0.1|80");
	out(tcp_of("fd00:1::20|40000 > fd00:0:1:8001::1|80", SYN));
	expect_passed("fd00:10::1|40000 > fd00:0:1:8001::1|80");
	out(tcp_of("fd00:1::20|40000 > fd00:0:0:7fff::1|80", SYN));
	expect_passed("fd00:10::1|40000 > fd00:0:0:7fff::1|80");
	out(tcp_of("10.0.1.20|40000 > 198.51.101.9|80", SYN));
	expect_passed("192.168.10.1|40000 > 198.51.101.9|80");
	lab_close(lab);
	lab = masquerading(NODE_TARGET(MASQ ", enable_remote_node_masquerade: true"));
	out(tcp_of("10.0.1.20|40000 > 192.168.10.2|80", SYN));
	expect_passed("192.168.10.1|40000 > 192.168.10.2|80");
	lab_close(lab);
}

/* A node port's request has this node's address, or by DSR its client's, on purpose. */
Test(nat, what_was_translated_already_is_left_alone, .timeout = 60)
{
	struct pkt p = tcp_of("10.0.1.20|40000 > " W4 "|443", SYN);

	NEEDS_ROOT();
	lab = masquerading_plain();
	lab_run_at(lab, (struct replay_place){ .role = "eth0", .hook = "egress", .mark = 0x300 },
		   &p);
	expect_passed("10.0.1.20|40000 > " W4 "|443");
	lab_close(lab);
}

Test(nat, without_the_setting_pods_keep_their_address, .timeout = 60)
{
	NEEDS_ROOT();
	lab = node_open(NODE_TARGET(""));
	out(tcp_of("10.0.1.20|40000 > " W4 "|443", SYN));
	expect_passed("10.0.1.20|40000 > " W4 "|443");
	lab_close(lab);
}

/* The entry that the pod's program makes of a request. */
Test(nat, who_answers_is_not_translated, .timeout = 60)
{
	NEEDS_ROOT();
	lab = masquerading_plain();
	lab_set(lab, CT4,
		"{daddr: " W4 ", saddr: 10.0.1.20, sport: 40000, dport: 80, nexthdr: 6, flags: 1}",
		"{lifetime: 4000000000}");
	out(tcp_of("10.0.1.20|80 > " W4 "|40000", SYN | ACK));
	expect_passed("10.0.1.20|80 > " W4 "|40000");
	out(tcp_of("10.0.1.20|80 > " W4 "|40001", SYN | ACK));
	cr_expect_neq(lab_hop(lab)->out.data[26], 10, "another flow is");
	lab_close(lab);
}

Test(nat, echoes_are_told_apart_by_their_identifier, .timeout = 60)
{
	static const struct {
		const char *request, *sent, *reply, *delivered;
	} echoes[] = {
		{ "10.0.1.20|40000 > " W4 "|0", "192.168.10.1|40000 > " W4 "|0",
		  W4 "|0 > 192.168.10.1|40000", W4 "|0 > 10.0.1.20|40000" },
		{ "fd00:1::20|40000 > " W6 "|0", "fd00:10::1|40000 > " W6 "|0",
		  W6 "|0 > fd00:10::1|40000", W6 "|0 > fd00:1::20|40000" },
	};

	NEEDS_ROOT();
	lab = masquerading_plain();
	for (int i = 0; i < 2; i++) {
		out(echo_of(echoes[i].request, false));
		expect_passed(echoes[i].sent);
		lab_expect_complete(lab);
		in(echo_of(echoes[i].reply, true));
		expect_passed(echoes[i].delivered);
		lab_expect_complete(lab);
	}
	/* an identifier that no port of ours may have becomes one */
	out(echo_of("10.0.1.20|7 > " W4 "|0", false));
	cr_expect_geq(get_be16(lab_hop(lab)->out.data + 38), 32768);
	in(echo_of(arena_printf(lab->arena, W4 "|0 > 192.168.10.1|%u",
				get_be16(lab_hop(lab)->out.data + 38)),
		   true));
	expect_passed(W4 "|0 > 10.0.1.20|7");
	lab_close(lab);
}

static unsigned sent_port(const char *text)
{
	out(tcp_of(text, SYN));
	lab_expect_verdict(lab, TC_ACT_OK);
	return lab_hop(lab)->out.data ? get_be16(lab_hop(lab)->out.data + 34) : 0;
}

static void add_pod(const char *ip)
{
	lab_set(lab, "cilium_lxc", arena_printf(lab->arena, "{ip4: %s, family: 1}", ip),
		"{ifindex: 21, lxc_id: 21, sec_id: 30021}");
}

/* Sum over CPUs of the flows that needed so many retries. */
static unsigned retried(unsigned retries)
{
	const char *key = arena_printf(lab->arena, "%u", retries);
	struct value *v = NULL;
	struct buf text = BUF_INIT;
	unsigned sum = 0;
	struct err err = { 0 };

	cr_assert_eq(map_get(lab_map(lab, "cilium_snat_v4_alloc_retries"), lab->arena,
			     lab_yaml(lab, key), &v, &err),
		     0);
	value_print(&text, v);
	for (char *at = strpbrk(buf_str(&text), "0123456789"); at; at = strpbrk(at, "0123456789")) {
		if (at == buf_str(&text) || at[-1] == ' ' || at[-1] == '[')
			sum += (unsigned)strtoul(at, &at, 10);
		else
			at++;
	}
	buf_free(&text);
	return sum;
}

Test(nat, two_pods_with_one_port_get_two, .timeout = 60)
{
	unsigned second, third;

	NEEDS_ROOT();
	lab = masquerading_plain();
	add_pod("10.0.1.21");
	cr_expect_eq(sent_port("10.0.1.20|40000 > " W4 "|443"), 40000);
	second = sent_port("10.0.1.21|40000 > " W4 "|443");
	cr_expect(second != 40000 && second >= 32768, "%u", second);
	cr_expect_eq(sent_port("10.0.1.21|40000 > " W4 "|443"), second, "it is the flow's");
	cr_expect_eq(sent_port("10.0.1.21|40000 > " W4 "|80"), 40000, "another peer");
	third = sent_port("10.0.1.20|1234 > " W4 "|443");
	cr_expect(third >= 32768, "node ports and what is below are nobody's: %u", third);
	in(tcp_of(arena_printf(lab->arena, W4 "|443 > 192.168.10.1|%u", second), ACK));
	expect_passed(W4 "|443 > 10.0.1.21|40000");
	in(tcp_of(arena_printf(lab->arena, W4 "|443 > 192.168.10.1|%u", third), ACK));
	expect_passed(W4 "|443 > 10.0.1.20|1234");
	cr_expect_eq(retried(0), 3);
	cr_expect_eq(retried(1), 1);
	lab_close(lab);
}

/* A pod doesn't get what the host uses, nor the host what a pod uses. */
/* Its sum forbids another port than the pod's own. */
Test(nat, the_second_of_two_pods_with_one_port_of_sctp_is_dropped, .timeout = 60)
{
	NEEDS_ROOT();
	lab = masquerading_plain();
	add_pod("10.0.1.21");
	for (int i = 0; i < 2; i++) {
		struct pkt p = udp_of(
			i ? "10.0.1.21|40000 > " W4 "|443" : "10.0.1.20|40000 > " W4 "|443", 8);

		p.b[23] = 132;
		end_sctp(&p, 34);
		end_ip(&p, 14);
		out(p);
		if (!i)
			expect_passed("192.168.10.1|40000 > " W4 "|443");
	}
	lab_expect_drop(lab, TC_ACT_SHOT, 167, "nat.h");
	lab_close(lab);
}

Test(nat, the_hosts_own_ports_are_taken, .timeout = 60)
{
	unsigned port;

	NEEDS_ROOT();
	lab = masquerading_plain();
	cr_expect_eq(sent_port("192.168.10.1|40000 > " W4 "|443"), 40000);
	cr_expect_neq(sent_port("10.0.1.20|40000 > " W4 "|443"), 40000);
	in(tcp_of(W4 "|443 > 192.168.10.1|40000", ACK));
	expect_passed(W4 "|443 > 192.168.10.1|40000");
	cr_expect_eq(sent_port("10.0.1.20|40001 > " W4 "|443"), 40001);
	port = sent_port("192.168.10.1|40001 > " W4 "|443");
	cr_expect_neq(port, 40001);
	in(tcp_of(arena_printf(lab->arena, W4 "|443 > 192.168.10.1|%u", port), ACK));
	expect_passed(W4 "|443 > 192.168.10.1|40001");
	lab_close(lab);
}

/* Nobody answers to its source port: it takes none from pods. */
Test(nat, the_outer_packet_of_a_tunnel_is_left_alone, .timeout = 60)
{
	struct pkt p = tcp_of("192.168.10.1|40000 > " W4 "|443", SYN);

	NEEDS_ROOT();
	lab = masquerading_plain();
	lab_run_at(lab, (struct replay_place){ .role = "eth0", .hook = "egress", .mark = 0x400 },
		   &p);
	expect_passed("192.168.10.1|40000 > " W4 "|443");
	cr_expect_eq(sent_port("10.0.1.20|40000 > " W4 "|443"), 40000);
	lab_close(lab);
}

/* All ports to a peer are taken, but for the one below the range. */
Test(nat, with_no_port_left_the_flow_is_dropped_by_name, .timeout = 60)
{
	NEEDS_ROOT();
	lab = masquerading("summary: a node\nconfig: {nat_ipv4_masquerade: 192.168.10.1, "
			   "enable_nodeport: false, ephemeral_min: 65532, "
			   "enable_ipv4_masquerade: true}\n" NODE_HOOKS);
	for (unsigned i = 0; i < 4; i++)
		cr_expect_eq(
			sent_port(arena_printf(lab->arena, "10.0.1.20|%u > " W4 "|443", 65532 + i)),
			65532 + i);
	out(tcp_of("10.0.1.20|1000 > " W4 "|443", SYN));
	lab_expect_drop(lab, TC_ACT_SHOT, 167, "nat.h");
	cr_expect_eq(retried(32), 1);
	cr_expect_geq(sent_port("10.0.1.20|1000 > " W4 "|80"), 65532);
	lab_close(lab);
}

static void nat_delete(const char *key)
{
	struct err err = { 0 };

	cr_assert_eq(map_delete(lab_map(lab, NAT4), lab_yaml(lab, key), &err), 1, "%s", err.text);
}

#define OUT_KEY "{saddr: 10.0.1.20, daddr: " W4 ", sport: 1234, dport: 443, nexthdr: 6}"

/* cilium/cilium#29994: collected or evicted one at a time. */
Test(nat, an_entry_without_its_partner_gets_it_back, .timeout = 60)
{
	const char *in_key, *answer;
	unsigned port;

	NEEDS_ROOT();
	lab = masquerading_plain();
	port = sent_port("10.0.1.20|1234 > " W4 "|443");
	in_key = arena_printf(lab->arena,
			      "{saddr: " W4
			      ", daddr: 192.168.10.1, sport: 443, dport: %u, nexthdr: 6, flags: 1}",
			      port);
	answer = arena_printf(lab->arena, W4 "|443 > 192.168.10.1|%u", port);
	nat_delete(in_key);
	cr_expect_eq(sent_port("10.0.1.20|1234 > " W4 "|443"), port, "the same port again");
	in(tcp_of(answer, ACK));
	expect_passed(W4 "|443 > 10.0.1.20|1234");
	nat_delete(OUT_KEY);
	in(tcp_of(answer, ACK));
	expect_passed(W4 "|443 > 10.0.1.20|1234");
	lab_expect_entry(
		lab, NAT4, OUT_KEY,
		arena_printf(lab->arena, "{nat_info: {address: 192.168.10.1, port: %u}}", port));
	cr_expect_eq(sent_port("10.0.1.20|1234 > " W4 "|443"), port);
	lab_close(lab);
}

/* The partner's place went to another flow meanwhile: both must not share a port. */
Test(nat, an_entry_whose_port_another_flow_has_taken_gets_a_new_one, .timeout = 60)
{
	const char *in_key;
	unsigned port, now;

	NEEDS_ROOT();
	lab = masquerading_plain();
	port = sent_port("10.0.1.20|1234 > " W4 "|443");
	in_key = arena_printf(lab->arena,
			      "{saddr: " W4
			      ", daddr: 192.168.10.1, sport: 443, dport: %u, nexthdr: 6, flags: 1}",
			      port);
	lab_set(lab, NAT4, in_key, "{nat_info: {address: 10.0.1.21, port: 4321}}");
	now = sent_port("10.0.1.20|1234 > " W4 "|443");
	cr_expect_neq(now, port);
	in(tcp_of(arena_printf(lab->arena, W4 "|443 > 192.168.10.1|%u", now), ACK));
	expect_passed(W4 "|443 > 10.0.1.20|1234");
	in(tcp_of(arena_printf(lab->arena, W4 "|443 > 192.168.10.1|%u", port), ACK));
	expect_passed(W4 "|443 > 10.0.1.21|4321");
	lab_close(lab);
}

Test(nat, a_flow_that_was_sent_from_another_address_is_sent_from_todays, .timeout = 60)
{
	NEEDS_ROOT();
	lab = masquerading_plain();
	lab_set(lab, NAT4, OUT_KEY, "{nat_info: {address: 192.168.77.1, port: 40009}}");
	lab_set(lab, NAT4,
		"{saddr: " W4 ", daddr: 192.168.77.1, sport: 443, dport: 40009, nexthdr: 6, "
		"flags: 1}",
		"{nat_info: {address: 10.0.1.20, port: 1234}}");
	sent_port("10.0.1.20|1234 > " W4 "|443");
	cr_expect_eq(lab_hop(lab)->out.data[28], 10, "192.168.10.1");
	in(tcp_of(W4 "|443 > 192.168.77.1|40009", ACK));
	expect_passed(W4 "|443 > 192.168.77.1|40009");
	lab_close(lab);
}

Test(nat, what_has_no_ports_leaves_no_pod_untranslated, .timeout = 60)
{
	struct pkt p = tcp_of("10.0.1.20|40000 > " W4 "|443", SYN);

	NEEDS_ROOT();
	lab = masquerading_plain();
	p.b[23] = 47; /* GRE */
	end_ip(&p, 14);
	out(p);
	lab_expect_drop(lab, TC_ACT_SHOT, 168, "nat.h");
	p = echo_of("10.0.1.20|40000 > " W4 "|0", false);
	p.b[34] = 13; /* asks for the time */
	end_l4(&p, -1, 34, 2, 1);
	out(p);
	lab_expect_drop(lab, TC_ACT_SHOT, 168, "nat.h");
	lab_close(lab);
}

static struct pkt fragment_of(struct pkt p, uint16_t offset8, bool more)
{
	set16(&p, 20, (uint16_t)(offset8 | (more ? 0x2000 : 0)));
	end_ip(&p, 14);
	return p;
}

/* Later fragments have their datagram's identification, and no ports. */
Test(nat, fragments_go_where_their_first_one_goes, .timeout = 60)
{
	struct pkt rest;

	NEEDS_ROOT();
	lab = masquerading_plain();
	out(fragment_of(udp_of("10.0.1.20|40000 > " W4 "|53", 16), 0, true));
	cr_expect_str_eq(sent_ends(), "192.168.10.1|40000 > " W4 "|53");
	rest = fragment_of(udp_of("10.0.1.20|40000 > " W4 "|53", 16), 3, false);
	out(rest);
	lab_expect_verdict(lab, TC_ACT_OK);
	cr_expect_eq(get_be32(lab_hop(lab)->out.data + 26), 0xc0a80a01);
	cr_expect_eq(memcmp(lab_hop(lab)->out.data + 34, rest.b + 34, rest.len - 34), 0,
		     "data is no header");
	in(fragment_of(udp_of(W4 "|53 > 192.168.10.1|40000", 16), 0, true));
	cr_expect_str_eq(sent_ends(), W4 "|53 > 10.0.1.20|40000");
	in(fragment_of(udp_of(W4 "|53 > 192.168.10.1|40000", 16), 3, false));
	cr_expect_eq(get_be32(lab_hop(lab)->out.data + 30), 0x0a000114);
	lab_close(lab);
}

/* An error of the world about what the pod sent, and of the pod about what it got. */
Test(nat, errors_are_translated_with_what_they_quote, .timeout = 60)
{
	static const uint32_t quoted[] = { 28, 44, 61 };
	struct pkt sent, e;
	const uint8_t *d;

	NEEDS_ROOT();
	lab = masquerading_plain();
	for (int v6 = 0; v6 < 2; v6++) {
		const char *pod = v6 ? "fd00:1::20" : "10.0.1.20", *w = v6 ? W6 : W4;
		const char *node = v6 ? "fd00:10::1" : "192.168.10.1";
		const char *router = v6 ? "2001:db8::fe" : "203.0.113.254";

		for (int i = 0; i < 3; i++) {
			const char *masked = arena_printf(lab->arena, "%s|40000 > %s|443", node, w);
			const char *own = arena_printf(lab->arena, "%s|40000 > %s|443", pod, w);
			const char *back = arena_printf(lab->arena, "%s|443 > %s|40000", w, pod);
			uint32_t n = quoted[i] + (v6 ? 20 : 0);

			out(tcp_of(own, SYN));
			expect_passed(masked);
			sent = tcp_data(masked, SYN, 30);
			put_eth(&e, v6 ? 0x86dd : 0x0800);
			put_error(&e, router, node, v6 ? 2 : 3, v6 ? 0 : 4, 1300, &sent, n);
			in(e);
			d = lab_hop(lab)->out.data;
			cr_expect_str_eq(ends_at(d, v6 ? 62 : 42), own, "%u bytes quoted", n);
			lab_expect_complete(lab);
			sent = tcp_data(back, ACK, 30);
			put_eth(&e, v6 ? 0x86dd : 0x0800);
			put_error(&e, pod, w, v6 ? 2 : 3, v6 ? 0 : 4, 1300, &sent, n);
			out(e);
			d = lab_hop(lab)->out.data;
			cr_expect_str_eq(ends_at(d, v6 ? 62 : 42),
					 arena_printf(lab->arena, "%s|443 > %s|40000", w, node),
					 "%u bytes quoted", n);
			cr_expect_eq(memcmp(d + (v6 ? 22 : 26),
					    v6 ? "\xfd\x00\x00\x10" : "\xc0\xa8\x0a\x01", 4),
				     0, "from the node");
			lab_expect_complete(lab);
		}
	}
	lab_close(lab);
}

/* Routers on the way are found by them: the identifier is the asker's again, in the quote too. */
Test(nat, errors_about_echoes_reach_the_one_who_asked, .timeout = 60)
{
	NEEDS_ROOT();
	lab = masquerading_plain();
	for (int v6 = 0; v6 < 2; v6++) {
		const char *node = v6 ? "fd00:10::1" : "192.168.10.1", *w = v6 ? W6 : W4;
		const char *router = v6 ? "2001:db8::fe" : "203.0.113.254";
		const char *own = v6 ? "fd00:1::20|7 > " W6 "|0" : "10.0.1.20|7 > " W4 "|0";
		const uint8_t *d;
		struct pkt sent, e;
		unsigned id;

		out(echo_of(own, false));
		id = get_be16(lab_hop(lab)->out.data + (v6 ? 58 : 38));
		cr_expect_geq(id, 32768);
		sent = echo_of(arena_printf(lab->arena, "%s|%u > %s|0", node, id, w), false);
		put_eth(&e, v6 ? 0x86dd : 0x0800);
		put_error(&e, router, node, v6 ? 3 : 11, 0, 0, &sent, v6 ? 48 : 28);
		in(e);
		d = lab_hop(lab)->out.data;
		cr_expect_str_eq(ends_at(d, v6 ? 62 : 42), own);
		cr_expect_str_eq(ends_at(d, 14), v6 ? "2001:db8::fe|0 > fd00:1::20|0"
						    : "203.0.113.254|0 > 10.0.1.20|0");
		lab_expect_complete(lab);
	}
	lab_close(lab);
}
