/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Policies of pods, out and in, by both families: ports and ranges of them, protocols, identities, weights,
 * authentication, proxies, audit.
 */
#include "lab_pods.h"

#define PLAIN "trace_payload_len: 128"

/* What became of a new flow from the client to the server, judged by both. */
static int verdict_of(int v6, uint16_t port)
{
	static uint16_t sport = 41000;
	const struct hop *hop = leaves("client", tcp(client[v6], sport++, server[v6], port, SYN));

	return hop->verdict == TC_ACT_REDIRECT ? 0 : hop->drop_reason;
}

static const struct event *verdict_event(int direction)
{
	const struct hop *hop = lab_hop(lab);

	for (size_t i = 0; i < hop->n_events; i++)
		if (hop->events[i].type == EVENT_POLICY_VERDICT &&
		    hop->events[i].direction == direction)
			return &hop->events[i];
	cr_assert_fail("%s: no verdict of direction %d", lab->last, direction);
	return NULL;
}

enum { IN = 1, OUT = 2 };

static void expect_verdict_event(int direction, int verdict, int match, uint32_t peer)
{
	const struct event *e = verdict_event(direction);

	cr_expect_eq(e->verdict, verdict, "%s: verdict %d", lab->last, e->verdict);
	cr_expect_eq(e->match_type, match, "%s: match type %u", lab->last, e->match_type);
	cr_expect_eq(e->remote_identity, peer, "%s: peer %u", lab->last, e->remote_identity);
	cr_expect_eq(e->source, direction == OUT ? CLIENT : SERVER, "%s: source %u", lab->last,
		     e->source);
}

/* Each rule of this one is for another port; both directions know the same rules. */
#define MATCHES(dir, peer)                                                                         \
	RULE("64", "egress: " dir ", sec_label: " peer ", protocol: 6, dport: 80",                 \
	     "lpm_prefix_length: 24")                                                              \
	RULE("58", "egress: " dir ", sec_label: " peer ", protocol: 6, dport: 1024",               \
	     "lpm_prefix_length: 18") /* 1024 to 1087 */                                           \
	RULE("64", "egress: " dir ", protocol: 6, dport: 81", "lpm_prefix_length: 24")             \
	RULE("48", "egress: " dir ", sec_label: " peer ", protocol: 132", "lpm_prefix_length: 8")  \
	RULE("48", "egress: " dir ", protocol: 17", "lpm_prefix_length: 8")

Test(lxc_policy, ports_ranges_and_protocols_are_matched_out_and_in, .timeout = 60)
{
	NEEDS_ROOT();
	for (int in = 0; in < 2; in++) {
		pods(PLAIN, in ? ALL_OUT : MATCHES("1", "30020"),
		     in ? MATCHES("0", "30010") : ALL_IN, NULL);
		for (int v6 = 0; v6 < 2; v6++) {
			int dir = in ? IN : OUT;
			uint32_t peer = in ? CLIENT_ID : SERVER_ID;

			cr_expect_eq(verdict_of(v6, 80), 0);
			expect_verdict_event(dir, 0, 2, peer);
			cr_expect_eq(verdict_of(v6, 1023), 133);
			expect_verdict_event(dir, -133, 0, peer);
			cr_expect_eq(verdict_of(v6, 1024), 0);
			cr_expect_eq(verdict_of(v6, 1087), 0);
			cr_expect_eq(verdict_of(v6, 1088), 133);
			cr_expect_eq(verdict_of(v6, 81), 0);
			expect_verdict_event(dir, 0, 3, peer);
			cr_expect_eq(verdict_event(dir)->ipv6, v6 == 1);
			leaves("client", udp(client[v6], 5000, server[v6], 53));
			expect_delivered(SERVER);
			expect_verdict_event(dir, 0, 6, peer);
			leaves("client", icmp(client[v6], server[v6], v6 ? 128 : 8, 0, 77));
			expect_drop(133, "bpf_lxc.c");
		}
		lab_close(lab);
	}
}

/* By precedence; at the same one the longer prefix; at the same length a denial. */
Test(lxc_policy, the_entry_for_any_and_the_peers_own_are_weighed, .timeout = 60)
{
	static const char rules[] = ALL_OUT RULE(
		"64", "egress: 1, sec_label: 30020, protocol: 6, dport: 80",
		"lpm_prefix_length: 24, precedence: 5")
		RULE("64", "egress: 1, protocol: 6, dport: 80",
		     "deny: 1, lpm_prefix_length: 24, "
		     "precedence: 9") RULE("40", "egress: 1, sec_label: 30020",
					   "") RULE("64", "egress: 1, protocol: 6, dport: 81",
						    "deny: 1, lpm_prefix_length: 24")
			RULE("64", "egress: 1, sec_label: 30020, protocol: 6, dport: 82",
			     "lpm_prefix_length: 24, cookie: 4711")
				RULE("64", "egress: 1, protocol: 6, dport: 82",
				     "deny: 1, lpm_prefix_length: 24")
					RULE("64",
					     "egress: 1, sec_label: 30020, protocol: 6, dport: 83",
					     "lpm_prefix_length: 24, precedence: 9")
						RULE("64", "egress: 1, protocol: 6, dport: 83",
						     "deny: 1, lpm_prefix_length: 24, precedence: "
						     "5");

	NEEDS_ROOT();
	pods(PLAIN, rules, ALL_IN, NULL);
	for (int v6 = 0; v6 < 2; v6++) {
		cr_expect_eq(verdict_of(v6, 80), 181);
		expect_verdict_event(OUT, -181, 3, SERVER_ID);
		cr_expect_eq(verdict_of(v6, 81), 181);
		cr_expect_eq(verdict_of(v6, 82), 181);
		cr_expect_eq(verdict_of(v6, 83), 0);
		cr_expect_eq(verdict_of(v6, 84), 0);
		expect_verdict_event(OUT, 0, 1, SERVER_ID);
	}
	leaves("client", tcp(client[0], 41999, remote[0], 84, SYN));
	expect_verdict_event(OUT, 0, 4, 30030);
	lab_close(lab);
}

/* What was let in once goes on; what a rule takes back is for new flows, unless all packets are judged. */
Test(lxc_policy, established_flows_and_answers_pass, .timeout = 60)
{
	static const char key[] = "{lpm_key: {prefixlen: 40}, egress: 1}";

	NEEDS_ROOT();
	for (int strict = 0; strict < 2; strict++) {
		pods(strict ? "policy_on_established: true" : PLAIN, ALL_OUT, ALL_IN, NULL);
		for (int v6 = 0; v6 < 2; v6++) {
			leaves("client", tcp(client[v6], 42000, server[v6], 80, SYN));
			expect_delivered(SERVER);
		}
		lab_set(lab, "client/cilium_policy_v2", key, "{deny: 1}");
		for (int v6 = 0; v6 < 2; v6++) {
			leaves("client", tcp(client[v6], 42000, server[v6], 80, ACK));
			if (strict)
				expect_drop(181, "bpf_lxc.c");
			else
				expect_delivered(SERVER);
			leaves("server", tcp(server[v6], 80, client[v6], 42000, ACK));
			expect_delivered(CLIENT);
			leaves("client", tcp(client[v6], 42001, server[v6], 80, SYN));
			expect_drop(181, "bpf_lxc.c");
		}
		lab_close(lab);
	}
}

/* About a packet of a flow that nobody knows. */
static struct pkt unreachable(uint8_t code)
{
	struct pkt inner = udp(server[0], 53, client[0], 9999), p;

	put_eth(&p, 0x0800);
	put_error(&p, client[0], server[0], 3, code, 1400, &inner, 28);
	return p;
}

Test(lxc_policy, icmp_types_are_ports_where_rules_may_name_them, .timeout = 60)
{
	static const char rules[] =
		RULE("64", "egress: 1, protocol: 1, dport: 8", "lpm_prefix_length: 24")
			RULE("64", "egress: 1, protocol: 58, dport: 128", "lpm_prefix_length: 24");

	NEEDS_ROOT();
	pods("enable_icmp_rule: true, allow_icmp_frag_needed: true", rules, ALL_IN, NULL);
	for (int v6 = 0; v6 < 2; v6++) {
		leaves("client", icmp(client[v6], server[v6], v6 ? 128 : 8, 0, 5));
		expect_delivered(SERVER);
		expect_verdict_event(OUT, 0, 3, SERVER_ID);
		leaves("server", icmp(server[v6], client[v6], v6 ? 129 : 0, 0, 5));
		expect_delivered(CLIENT);
		leaves("client", icmp(client[v6], server[v6], v6 ? 129 : 0, 0, 6));
		expect_drop(133, "bpf_lxc.c");
	}
	/* RFC 1191: without it, whoever sends too much never learns */
	leaves("client", unreachable(4));
	expect_delivered(SERVER);
	leaves("client", unreachable(1));
	expect_drop(133, "bpf_lxc.c");
	lab_close(lab);
}

Test(lxc_policy, audit_lets_pass_and_tells, .timeout = 60)
{
	NEEDS_ROOT();
	pods("policy_audit_mode: true", RULE("40", "egress: 1", "deny: 1"), NULL, NULL);
	for (int v6 = 0; v6 < 2; v6++) {
		cr_expect_eq(verdict_of(v6, 80), 0);
		cr_expect(verdict_event(OUT)->audited && verdict_event(IN)->audited);
		expect_verdict_event(OUT, 0, 4, SERVER_ID);
		expect_verdict_event(IN, 0, 0, CLIENT_ID);
	}
	lab_close(lab);
}

Test(lxc_policy, verdicts_are_told_by_direction, .timeout = 60)
{
	NEEDS_ROOT();
	pods("policy_verdict_log_filter: 1", ALL_OUT, ALL_IN, NULL);
	cr_expect_eq(verdict_of(0, 80), 0);
	verdict_event(IN);
	for (size_t i = 0; i < lab_hop(lab)->n_events; i++)
		cr_expect(lab_hop(lab)->events[i].type != EVENT_POLICY_VERDICT ||
			  lab_hop(lab)->events[i].direction == IN);
	lab_close(lab);
}

/* ---- authentication ---- */

#define AUTH_KEY(node) "{local_sec_label: 30010, remote_sec_label: 30020, auth_type: 1" node "}"

/* expiration is in units of 512 ns; a replay's clock starts at one day, the offset here is 1000. */
Test(lxc_policy, peers_must_be_authenticated_where_a_rule_says_so, .timeout = 60)
{
	static const char rules[] = RULE("40", "egress: 1, sec_label: 30020", "auth_type: 1")
		RULE("40", "egress: 1, sec_label: 30030", "")
			RULE("48", "egress: 1, protocol: 6", "lpm_prefix_length: 8, auth_type: 1");

	NEEDS_ROOT();
	pods(PLAIN, rules, ALL_IN, NULL);
	lab_set(lab, "cilium_runtime_config", "0", "1000");
	for (int v6 = 0; v6 < 2; v6++) {
		cr_expect_eq(verdict_of(v6, 80), 189);
		cr_expect_eq(verdict_event(OUT)->auth_type, 1);
		lab_set(lab, "cilium_auth_map", AUTH_KEY(""), "{expiration: 168750000900}");
		cr_expect_eq(verdict_of(v6, 80), 189, "%s: expired", lab->last);
		lab_set(lab, "cilium_auth_map", AUTH_KEY(""), "{expiration: 168750100000}");
		cr_expect_eq(verdict_of(v6, 80), 0);
		expect_verdict_event(OUT, 0, 6, SERVER_ID);
		lab_set(lab, "cilium_auth_map", AUTH_KEY(""), "{expiration: 0}");
		/* by the node it is on, which must have an id */
		leaves("client", tcp(client[v6], 43000, remote[v6], 80, SYN));
		expect_drop(197, "bpf_lxc.c");
	}
	lab_set(lab, "cilium_node_map_v2", "{family: 1, ip4: 192.168.10.2}", "{id: 5}");
	lab_expect_entry(lab, "cilium_node_map_v2", "{family: 1, ip4: 192.168.10.2}", "{id: 5}");
	leaves("client", tcp(client[0], 43001, remote[0], 80, SYN));
	expect_drop(189, "bpf_lxc.c");
	lab_set(lab, "cilium_auth_map",
		"{local_sec_label: 30010, remote_sec_label: 30030, remote_node_id: 5, auth_type: "
		"1}",
		"{expiration: 168750100000}");
	leaves("client", tcp(client[0], 43002, remote[0], 80, SYN));
	lab_expect_verdict(lab, TC_ACT_OK);
	lab_close(lab);
}

/* A rule that says nothing of authentication takes over what a wider one of the same weight asks for. */
Test(lxc_policy, a_wider_rules_authentication_holds_unless_the_narrower_says_none, .timeout = 60)
{
	static const char rules[] = RULE("40", "egress: 1", "auth_type: 1")
		RULE("64", "egress: 1, sec_label: 30020, protocol: 6, dport: 80",
		     "lpm_prefix_length: 24")
			RULE("64", "egress: 1, sec_label: 30020, protocol: 6, dport: 81",
			     "lpm_prefix_length: 24, has_explicit_auth_type: 1")
				RULE("64", "egress: 1, sec_label: 30020, protocol: 6, dport: 82",
				     "lpm_prefix_length: 24, precedence: 3");

	NEEDS_ROOT();
	pods(PLAIN, rules, ALL_IN, NULL);
	cr_expect_eq(verdict_of(0, 80), 189);
	cr_expect_eq(verdict_of(0, 81), 0);
	cr_expect_eq(verdict_of(0, 82), 0);
	lab_close(lab);
}

/* ---- proxies ---- */

#define PROXY_MARK (0x0200u | 0x2710u << 16) /* port 4135 (0x1027), as it lies in a packet */

static void expect_to_proxy(uint32_t mark, uint32_t port)
{
	lab_expect_verdict(lab, TC_ACT_OK);
	cr_expect_eq(lab_hop(lab)->out_mark, mark, "%s: mark %x", lab->last,
		     lab_hop(lab)->out_mark);
	cr_expect_eq(expect_trace(TO_PROXY)->dst_id, port);
}

Test(lxc_policy, a_proxy_gets_what_leaves_and_the_answers_too, .timeout = 60)
{
	static const char rule[] = RULE("64", "egress: 1, protocol: 6, dport: 80",
					"lpm_prefix_length: 24, proxy_port: 4135");

	NEEDS_ROOT();
	pods(PLAIN, rule, ALL_IN, NULL);
	for (int v6 = 0; v6 < 2; v6++) {
		leaves("client", tcp(client[v6], 44000, server[v6], 80, SYN));
		expect_to_proxy(PROXY_MARK, 4135);
		lab_expect_same_but(lab, NULL, 0);
		expect_verdict_event(OUT, 4135, 3, SERVER_ID);
		leaves("client", tcp(client[v6], 44000, server[v6], 80, ACK));
		expect_to_proxy(PROXY_MARK, 4135);
		/* the proxy speaks as the client, and answers are the proxy's */
		comes("server", 0x0b00 | CLIENT_ID << 16,
		      tcp(client[v6], 44000, server[v6], 80, SYN));
		lab_expect_verdict(lab, TC_ACT_OK);
		expect_trace(FROM_PROXY);
		cr_expect_eq(expect_trace(TO_LXC)->src_identity, CLIENT_ID);
		leaves("server", tcp(server[v6], 80, client[v6], 44000, SYN | ACK));
		expect_to_proxy(0x0200, 0);
	}
	lab_expect_entry(
		lab, "cilium_ct4_global",
		"{daddr: 10.0.1.10, saddr: 10.0.1.20, sport: 44000, dport: 80, nexthdr: 6}",
		"{proxy_redirect: 1}");
	lab_close(lab);
}

Test(lxc_policy, a_proxy_gets_what_comes_in, .timeout = 60)
{
	static const char rule[] =
		RULE("64", "protocol: 6, dport: 80", "lpm_prefix_length: 24, proxy_port: 4135");

	NEEDS_ROOT();
	pods(PLAIN, ALL_OUT, rule, NULL);
	for (int v6 = 0; v6 < 2; v6++) {
		leaves("client", tcp(client[v6], 44001, server[v6], 80, SYN));
		expect_to_proxy(PROXY_MARK, 4135);
		expect_verdict_event(IN, 4135, 3, CLIENT_ID);
		leaves("server", tcp(server[v6], 80, client[v6], 44001, SYN | ACK));
		expect_to_proxy(0x0200, 0);
	}
	lab_close(lab);
}
