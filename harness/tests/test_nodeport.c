/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Node ports at bpf_host: backends here, there and in the host's namespace; answers; ICMP errors of both
 * directions; IPv4 and IPv6. Each packet that comes out has right checksums (lab_run_at()).
 */
#include "lab_node.h"

#define C4 "192.168.10.100|50000"
#define C6 "fd00:10::100|50000"

static const struct family {
	const char *request, *to_pod, *from_pod, *answer;
	const char *far_request, *far_sent, *far_from, *far_answer;
	const char *host_request, *to_host, *from_host, *host_answer;
} families[] = {
	{ C4 " > 192.168.10.1|30080", C4 " > 10.0.1.20|8080", "10.0.1.20|8080 > " C4,
	  "192.168.10.1|30080 > " C4, C4 " > 192.168.10.1|30090",
	  "192.168.10.1|50000 > 10.0.2.30|8080", "10.0.2.30|8080 > 192.168.10.1|50000",
	  "192.168.10.1|30090 > " C4, C4 " > 192.168.10.1|30070", C4 " > 192.168.10.1|9000",
	  "192.168.10.1|9000 > " C4, "192.168.10.1|30070 > " C4 },
	{ C6 " > fd00:10::1|30080", C6 " > fd00:1::20|8080", "fd00:1::20|8080 > " C6,
	  "fd00:10::1|30080 > " C6, C6 " > fd00:10::1|30090", "fd00:10::1|50000 > fd00:2::30|8080",
	  "fd00:2::30|8080 > fd00:10::1|50000", "fd00:10::1|30090 > " C6, C6 " > fd00:10::1|30070",
	  C6 " > fd00:10::1|9000", "fd00:10::1|9000 > " C6, "fd00:10::1|30070 > " C6 },
};

#define EACH_FAMILY(f) for (const struct family *f = families; f < families + 2; f++)

Test(nodeport, a_pod_of_this_node_gets_the_request_with_its_clients_address, .timeout = 60)
{
	NEEDS_ROOT();
	lab = node_open(NODE_TARGET(""));
	EACH_FAMILY(f)
	{
		in(tcp_of(f->request, SYN));
		expect_passed(f->to_pod);
		lab_expect_complete(lab);
		/* netfilter sees both halves: the answer is translated behind it */
		out(tcp_of(f->from_pod, SYN | ACK));
		expect_passed(f->answer);
		lab_expect_complete(lab);
		in(tcp_of(f->request, ACK));
		expect_passed(f->to_pod);
		out(tcp_of("10.0.1.20|8081 > " C4, ACK));
		expect_passed("10.0.1.20|8081 > " C4);
	}
	lab_expect_entry(lab, CT4,
			 "{daddr: 192.168.10.100, saddr: 10.0.1.20, sport: 50000, dport: 8080, "
			 "nexthdr: 6, flags: 0}",
			 "{node_port: 1, rev_nat_index: 41, packets: 5, seen_non_syn: 1, "
			 "src_sec_id: 2}");
	lab_close(lab);
}

Test(nodeport, a_pod_of_another_node_is_asked_in_this_nodes_name, .timeout = 60)
{
	NEEDS_ROOT();
	lab = node_open(NODE_TARGET(""));
	EACH_FAMILY(f)
	{
		in(tcp_of(f->far_request, SYN));
		expect_wired(f->far_sent, OTHER_NODE);
		cr_expect_eq(lab_hop(lab)->out_mark & 0xf00, 0x300, "programs further on know");
		in(tcp_of(f->far_from, SYN | ACK));
		expect_wired(f->far_answer, CLIENT_MAC);
		in(tcp_of(f->far_request, ACK));
		expect_wired(f->far_sent, OTHER_NODE);
		in(tcp_of(f->far_from, FIN | ACK));
		expect_wired(f->far_answer, CLIENT_MAC);
	}
	lab_expect_entry(lab, NAT4,
			 "{saddr: 192.168.10.100, daddr: 10.0.2.30, sport: 50000, dport: 8080, "
			 "nexthdr: 6}",
			 "{nat_info: {address: 192.168.10.1, port: 50000}}");
	lab_expect_entry(lab, NAT4,
			 "{saddr: 10.0.2.30, daddr: 192.168.10.1, sport: 8080, dport: 50000, "
			 "nexthdr: 6, flags: 1}",
			 "{nat_info: {address: 192.168.10.100, port: 50000}}");
	lab_expect_entry(lab, NAT6,
			 "{saddr: 'fd00:2::30', daddr: 'fd00:10::1', sport: 8080, dport: 50000, "
			 "nexthdr: 6, flags: 1}",
			 "{nat_info: {address: 'fd00:10::100', port: 50000}}");
	lab_close(lab);
}

/* With the host firewall on, policy judges what the host itself gets: the backend's port. */
Test(nodeport, the_hosts_own_backend_is_judged_behind_the_translation, .timeout = 60)
{
	NEEDS_ROOT();
	lab = node_open(NODE_TARGET(", enable_host_firewall: true"));
	lab_set(lab, "cilium_policy_v2", "{lpm_key: {prefixlen: 40}, egress: 1}", "{}");
	EACH_FAMILY(f)
	{
		in(tcp_of(f->host_request, SYN));
		lab_expect_drop(lab, TC_ACT_SHOT, 133, "host_firewall.h");
	}
	lab_set(lab, "cilium_policy_v2", "{lpm_key: {prefixlen: 64}, protocol: 6, dport: 9000}",
		"{lpm_prefix_length: 24}");
	EACH_FAMILY(f)
	{
		in(tcp_of(f->host_request, SYN));
		expect_passed(f->to_host);
		out(tcp_of(f->from_host, SYN | ACK));
		expect_passed(f->host_answer);
		lab_expect_complete(lab);
		/* what passes on to pods is the pods' policy's */
		in(tcp_of(f->request, SYN));
		expect_passed(f->to_pod);
		in(tcp_of(f->far_request, SYN));
		expect_wired(f->far_sent, OTHER_NODE);
	}
	/* no service's port: a health check's, say */
	in(tcp_of(C4 " > 192.168.10.1|32000", SYN));
	lab_expect_drop(lab, TC_ACT_SHOT, 133, "host_firewall.h");
	lab_set(lab, "cilium_policy_v2", "{lpm_key: {prefixlen: 64}, protocol: 6, dport: 32000}",
		"{lpm_prefix_length: 24}");
	in(tcp_of(C4 " > 192.168.10.1|32000", SYN));
	expect_passed(C4 " > 192.168.10.1|32000");
	lab_close(lab);
}

/* An ICMP error about p, of which it quotes 60 bytes. */
static struct pkt error_about(const struct pkt *p, const char *src, const char *dst)
{
	bool v6 = strchr(src, ':');
	struct pkt e;

	put_eth(&e, v6 ? 0x86dd : 0x0800);
	put_error(&e, src, dst, v6 ? 2 : 3, v6 ? 0 : 4, 1300, p, 60);
	return e;
}

static void expect_quote(const char *src, const char *dst, const char *quoted)
{
	const uint8_t *d = lab_hop(lab)->out.data;
	char got[2][64];
	bool v6;

	cr_assert(d, "%s: dropped: %d", lab->last, lab_hop(lab)->drop_reason);
	v6 = d[14] >> 4 == 6;
	inet_ntop(v6 ? AF_INET6 : AF_INET, d + 14 + (v6 ? 8 : 12), got[0], 64);
	inet_ntop(v6 ? AF_INET6 : AF_INET, d + 14 + (v6 ? 24 : 16), got[1], 64);
	cr_expect_str_eq(got[0], src, "%s: from %s", lab->last, got[0]);
	cr_expect_str_eq(got[1], dst, "%s: to %s", lab->last, got[1]);
	cr_expect_str_eq(ends_at(d, v6 ? 14 + 48 : 14 + 28), quoted, "%s: quotes %s", lab->last,
			 ends_at(d, v6 ? 14 + 48 : 14 + 28));
	if (!v6)
		cr_expect_eq(slow_sum(d + 14 + 28, 20, 0), 0, "%s: the quoted header's sum",
			     lab->last);
}

Test(nodeport, errors_about_answers_reach_the_backend, .timeout = 60)
{
	struct pkt p;

	NEEDS_ROOT();
	lab = node_open(NODE_TARGET(""));
	for (int v6 = 0; v6 < 2; v6++) {
		const struct family *f = &families[v6];
		const char *router = v6 ? "fd00:10::fe" : "192.168.10.254";
		const char *node = v6 ? "fd00:10::1" : "192.168.10.1";

		in(tcp_of(f->request, SYN));
		p = tcp_data(f->answer, ACK, 40);
		in(error_about(&p, router, node));
		lab_expect_verdict(lab, TC_ACT_OK);
		expect_quote(router, v6 ? "fd00:1::20" : "10.0.1.20", f->from_pod);
		in(tcp_of(f->far_request, SYN));
		p = tcp_data(f->far_answer, ACK, 40);
		in(error_about(&p, router, node));
		lab_expect_verdict(lab, TC_ACT_REDIRECT);
		expect_quote(router, v6 ? "fd00:2::30" : "10.0.2.30", f->far_from);
	}
	lab_close(lab);
}

Test(nodeport, errors_about_requests_reach_the_client, .timeout = 60)
{
	struct pkt p;

	NEEDS_ROOT();
	lab = node_open(NODE_TARGET(""));
	for (int v6 = 0; v6 < 2; v6++) {
		const struct family *f = &families[v6];
		const char *pod = v6 ? "fd00:1::20" : "10.0.1.20";
		const char *far = v6 ? "fd00:2::30" : "10.0.2.30";
		const char *node = v6 ? "fd00:10::1" : "192.168.10.1";
		const char *client = v6 ? "fd00:10::100" : "192.168.10.100";
		const char *router = v6 ? "fd00:10::2" : "192.168.10.2";

		in(tcp_of(f->request, SYN));
		p = tcp_data(f->to_pod, ACK, 40);
		out(error_about(&p, pod, client));
		lab_expect_verdict(lab, TC_ACT_OK);
		expect_quote(node, client, f->request);
		in(tcp_of(f->far_request, SYN));
		p = tcp_data(f->far_sent, ACK, 40);
		in(error_about(&p, far, node));
		lab_expect_verdict(lab, TC_ACT_REDIRECT);
		expect_quote(node, client, f->far_request);
		/* a router's own address stays */
		in(error_about(&p, router, node));
		lab_expect_verdict(lab, TC_ACT_REDIRECT);
		expect_quote(router, client, f->far_request);
	}
	lab_close(lab);
}

Test(nodeport, what_is_no_services_passes_as_it_is, .timeout = 60)
{
	static const char *const others[] = { C4 " > 192.168.10.1|22", C4 " > 10.0.1.20|8080",
					      C4 " > 203.0.113.1|30080", C6 " > fd00:10::1|22" };
	struct pkt p;

	NEEDS_ROOT();
	lab = node_open(NODE_TARGET(""));
	for (int i = 0; i < 4; i++) {
		in(tcp_of(others[i], SYN));
		expect_passed(others[i]);
		lab_expect_same_but(lab, NULL, 0);
		out(tcp_of(others[i], SYN));
		lab_expect_same_but(lab, NULL, 0);
	}
	p = tcp_of(C4 " > 192.168.10.1|30080", SYN);
	p.b[14 + 9] = 47; /* GRE */
	end_ip(&p, 14);
	in(p);
	lab_expect_same_but(lab, NULL, 0);
	in(udp_of(C4 " > 192.168.10.1|30080", 8));
	lab_expect_same_but(lab, NULL, 0);
	lab_close(lab);
}

Test(nodeport, without_the_setting_nothing_is_translated, .timeout = 60)
{
	NEEDS_ROOT();
	lab = node_open("summary: a node\nconfig: {enable_nodeport: false}\n" NODE_HOOKS);
	EACH_FAMILY(f)
	{
		in(tcp_of(f->request, SYN));
		expect_passed(f->request);
		in(tcp_of(f->far_request, SYN));
		expect_passed(f->far_request);
	}
	lab_close(lab);
}

/* The router's answer quotes what the client has sent, not what it became. */
Test(nodeport, a_request_at_the_end_of_its_life_is_answered_as_its_client_knows_it, .timeout = 60)
{
	struct pkt p;

	NEEDS_ROOT();
	lab = node_open(NODE_TARGET(""));
	for (int v6 = 0; v6 < 2; v6++) {
		const struct family *f = &families[v6];

		p = tcp_of(f->far_request, SYN);
		p.b[v6 ? 21 : 22] = 1;
		end_ip(&p, 14);
		in(p);
		lab_expect_verdict(lab, TC_ACT_REDIRECT);
		expect_quote(v6 ? "fd00:10::1" : "192.168.10.1",
			     v6 ? "fd00:10::100" : "192.168.10.100", f->far_request);
	}
	lab_close(lab);
}

Test(nodeport, through_the_tunnel_the_node_has_its_address_of_the_pods_network, .timeout = 60)
{
	static const char *const sent[] = { "10.0.1.254|50000 > 10.0.2.30|8080",
					    "fd00:1::fe|50000 > fd00:2::30|8080" };
	const struct tunnel_meta *t;

	NEEDS_ROOT();
	lab = node_open(NODE_TARGET(", tunnel_ifindex: 3, router_ipv4: 10.0.1.254, "
				    "router_ipv6: 'fd00:1::fe'"));
	for (int i = 0; i < 2; i++) {
		in(tcp_of(families[i].far_request, SYN));
		lab_expect_redirect(lab, NOTE_REDIRECT, TUNNEL);
		expect_ends(sent[i]);
		t = lab_hop(lab)->tunnel;
		cr_assert(t && t->has_key);
		cr_expect(t->id == 2 && t->remote_ip4 == 0xc0a80a02,
			  "as the world's, to that node");
		cr_expect_eq(sent_ttl(), 63, "%s: TTL", lab->last);
	}
	lab_close(lab);
}

Test(nodeport, answers_of_far_backends_are_not_the_host_firewalls, .timeout = 60)
{
	NEEDS_ROOT();
	lab = node_open(NODE_TARGET(", enable_host_firewall: true"));
	EACH_FAMILY(f)
	{
		in(tcp_of(f->far_from, SYN | ACK));
		lab_expect_drop(lab, TC_ACT_SHOT, 133, "host_firewall.h");
		in(tcp_of(f->far_request, SYN));
		expect_wired(f->far_sent, OTHER_NODE);
		in(tcp_of(f->far_from, SYN | ACK));
		expect_wired(f->far_answer, CLIENT_MAC);
	}
	lab_close(lab);
}

static void backend_flags(const char *flags)
{
	lab_set(lab, "cilium_lb4_services_v2", "{address: 192.168.10.1, dport: 30090, proto: 6}",
		arena_printf(lab->arena, "{count: 1, rev_nat_index: 42, flags: %s}", flags));
}

Test(nodeport, a_services_flags_count, .timeout = 60)
{
	NEEDS_ROOT();
	lab = node_open(NODE_TARGET(""));
	backend_flags("72"); /* hostPort: of this node or of none */
	in(tcp_of(C4 " > 192.168.10.1|30090", SYN));
	lab_expect_drop(lab, TC_ACT_SHOT, 134, "nodeport.h");
	backend_flags("0"); /* not for those outside */
	in(tcp_of(C4 " > 192.168.10.1|30090", SYN));
	lab_expect_drop(lab, TC_ACT_SHOT, 174, "lb.h");
	backend_flags("194"); /* source ranges, of which there are none */
	in(tcp_of(C4 " > 192.168.10.1|30090", SYN));
	lab_expect_drop(lab, TC_ACT_SHOT, 177, "lb.h");
	lab_set(lab, "cilium_lb4_services_v2", "{address: 192.168.10.1, dport: 30090, proto: 6}",
		"{count: 0, rev_nat_index: 42, flags: 70}"); /* externalTrafficPolicy Local: none here */
	in(tcp_of("192.168.10.100|50001 > 192.168.10.1|30090", SYN));
	lab_expect_drop(lab, TC_ACT_SHOT, 158, "lb.h");
	lab_close(lab);
}

static void add_service(const char *proto)
{
	for (int slot = 0; slot < 2; slot++)
		lab_set(lab, "cilium_lb4_services_v2",
			arena_printf(lab->arena,
				     "{address: 192.168.10.1, dport: 30090, proto: %s, "
				     "backend_slot: %d}",
				     proto, slot),
			arena_printf(lab->arena, "{%s, rev_nat_index: 42, flags: 66}",
				     slot ? "backend_id: 42" : "count: 1"));
}

Test(nodeport, datagrams_and_sctp, .timeout = 60)
{
	struct pkt p;

	NEEDS_ROOT();
	lab = node_open(NODE_TARGET(""));
	add_service("17");
	add_service("132");
	in(udp_of(C4 " > 192.168.10.1|30090", 8));
	expect_wired("192.168.10.1|50000 > 10.0.2.30|8080", OTHER_NODE);
	lab_expect_complete(lab);
	in(udp_of("10.0.2.30|8080 > 192.168.10.1|50000", 8));
	expect_wired("192.168.10.1|30090 > " C4, CLIENT_MAC);
	/* SCTP's sum forbids another port */
	p = udp_of(C4 " > 192.168.10.1|30090", 8);
	p.b[23] = 132;
	end_sctp(&p, 34);
	end_ip(&p, 14);
	in(p);
	lab_expect_drop(lab, TC_ACT_SHOT, 154, "rewrite.h");
	lab_set(lab, "cilium_lb4_backends_v3", "42", "{address: 10.0.2.30, port: 30090}");
	in(p);
	expect_wired("192.168.10.1|50000 > 10.0.2.30|30090", OTHER_NODE);
	lab_close(lab);
}

/* What is translated cannot be the stack's to fragment: it would come from outside with the node's address. */
Test(nodeport, a_request_too_big_for_the_way_is_answered, .timeout = 60)
{
	struct pkt p = tcp_data(families[0].far_request, ACK, 1500);

	NEEDS_ROOT();
	lab = node_open(NODE_TARGET(""));
	for (int may_fragment = 0; may_fragment < 2; may_fragment++) {
		set16(&p, 20, may_fragment ? 0 : 0x4000);
		end_ip(&p, 14);
		in(p);
		lab_expect_redirect(lab, NOTE_REDIRECT, ETH0);
		expect_quote("192.168.10.1", "192.168.10.100", families[0].far_request);
		cr_expect_eq(get_be16(lab_hop(lab)->out.data + 40), 1500, "the MTU");
	}
	/* nor is what has no way */
	lab_set(lab, "cilium_lb4_backends_v3", "42", "{address: 192.168.10.255, port: 8080}");
	in(tcp_of("192.168.10.100|50001 > 192.168.10.1|30090", SYN));
	lab_expect_drop(lab, TC_ACT_SHOT, 169, "nodeport.h");
	lab_close(lab);
}

/* They have no ports of their own, and are looked for under the addresses they came with. */
/* Each has an entry and a way back of its own. */
Test(nodeport, a_nodes_addresses_answer_each_for_itself, .timeout = 60)
{
	static const char *const asked[] = { C4 " > 192.168.10.1|30080", C4 " > 172.16.0.1|30080",
					     C4 " > 192.168.10.1|30090", C4 " > 172.16.0.1|30090" };
	static const char *const answered[] = { "192.168.10.1|30080 > " C4,
						"172.16.0.1|30080 > " C4,
						"192.168.10.1|30090 > " C4,
						"172.16.0.1|30090 > " C4 };

	NEEDS_ROOT();
	lab = node_open(NODE_TARGET(""));
	for (int i = 0; i < 4; i++) {
		unsigned port = i / 2 ? 30090 : 30080, index = i / 2 ? 42 : 41;
		unsigned back = i & 1 ? index + 50 : index;

		for (int slot = 0; i & 1 && slot < 2; slot++)
			lab_set(lab, "cilium_lb4_services_v2",
				arena_printf(lab->arena,
					     "{address: 172.16.0.1, dport: %u, proto: 6, "
					     "backend_slot: %d}",
					     port, slot),
				arena_printf(lab->arena, "{%s%u, rev_nat_index: %u, flags: 66}",
					     slot ? "backend_id: " : "count: ", slot ? index : 1,
					     back));
		lab_set(lab, "cilium_lb4_reverse_nat", arena_printf(lab->arena, "%u", back),
			arena_printf(lab->arena, "{address: %s, port: %u}",
				     i & 1 ? "172.16.0.1" : "192.168.10.1", port));
		in(tcp_of(asked[i], SYN));
		if (i / 2) {
			expect_wired("192.168.10.1|50000 > 10.0.2.30|8080", OTHER_NODE);
			in(tcp_of("10.0.2.30|8080 > 192.168.10.1|50000", SYN | ACK));
			expect_wired(answered[i], CLIENT_MAC);
		} else {
			expect_passed(C4 " > 10.0.1.20|8080");
			out(tcp_of("10.0.1.20|8080 > " C4, SYN | ACK));
			expect_passed(answered[i]);
		}
	}
	lab_close(lab);
}

Test(nodeport, fragments_reach_a_filtered_host, .timeout = 60)
{
	struct pkt first = udp_of(C4 " > 192.168.10.1|30070", 16), rest = first;

	NEEDS_ROOT();
	lab = node_open(NODE_TARGET(", enable_host_firewall: true"));
	lab_set(lab, "cilium_policy_v2", "{lpm_key: {prefixlen: 64}, protocol: 17, dport: 9000}",
		"{lpm_prefix_length: 24}");
	lab_set(lab, "cilium_lxc", "{ip4: 192.168.10.7, family: 1}", "{flags: 1}");
	lab_set(lab, "cilium_ipcache_v2",
		"{lpm_key: {prefixlen: 64}, family: 1, ip4: 192.168.10.7}", "{sec_identity: 1}");
	lab_set(lab, "cilium_lb4_backends_v3", "43", "{address: 192.168.10.7, port: 9000}");
	for (int slot = 0; slot < 2; slot++)
		lab_set(lab, "cilium_lb4_services_v2",
			arena_printf(lab->arena,
				     "{address: 192.168.10.1, dport: 30070, proto: 17, "
				     "backend_slot: %d}",
				     slot),
			arena_printf(lab->arena, "{%s, rev_nat_index: 43, flags: 66}",
				     slot ? "backend_id: 43" : "count: 1"));
	set16(&first, 20, 0x2000);
	end_ip(&first, 14);
	in(first);
	expect_passed(C4 " > 192.168.10.7|9000");
	set16(&rest, 20, 3);
	end_ip(&rest, 14);
	in(rest);
	lab_expect_verdict(lab, TC_ACT_OK);
	cr_expect_eq(get_be32(lab_hop(lab)->out.data + 30), 0xc0a80a07);
	cr_expect_eq(memcmp(lab_hop(lab)->out.data + 34, rest.b + 34, rest.len - 34), 0,
		     "data is no header");
	lab_close(lab);
}
