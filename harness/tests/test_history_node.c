/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What once went wrong at a node's edge and its host, and what this datapath does instead; numbers are
 * Cilium's issues and changes. docs/datapath.md says where each of them is tested.
 */
#include <bpf/libbpf.h>

#include "lab_node.h"

#define C4 "192.168.10.100|50000"
#define C6 "fd00:10::100|50000"

static const struct way {
	const char *request, *to_pod, *from_pod, *answer, *far_request, *far_sent;
} ways[] = {
	{ C4 " > 192.168.10.1|30080", C4 " > 10.0.1.20|8080", "10.0.1.20|8080 > " C4,
	  "192.168.10.1|30080 > " C4, C4 " > 192.168.10.1|30090",
	  "192.168.10.1|50000 > 10.0.2.30|8080" },
	{ C6 " > fd00:10::1|30080", C6 " > fd00:1::20|8080", "fd00:1::20|8080 > " C6,
	  "fd00:10::1|30080 > " C6, C6 " > fd00:10::1|30090",
	  "fd00:10::1|50000 > fd00:2::30|8080" },
};

#define EACH_FAMILY(w) for (const struct way *w = ways; w < ways + 2; w++)

/* ---- an entry that outlives its connection ---- */

/* #37566, #47641: with the ports of a connection through the node port that was closed, one to the pod itself. */
Test(history_node, a_direct_connection_is_not_answered_from_an_older_ones_service, .timeout = 60)
{
	NEEDS_ROOT();
	lab = node_open(NODE_TARGET(""));
	EACH_FAMILY(w)
	{
		in(tcp_of(w->request, SYN));
		out(tcp_of(w->from_pod, SYN | ACK));
		expect_passed(w->answer);
		in(tcp_of(w->request, FIN | ACK));
		out(tcp_of(w->from_pod, FIN | ACK));
		expect_passed(w->answer);
		in(tcp_of(w->to_pod, SYN));
		expect_passed(w->to_pod);
		out(tcp_of(w->from_pod, SYN | ACK));
		expect_passed(w->from_pod);
		/* and through the service again */
		in(tcp_of(w->request, SYN));
		expect_passed(w->to_pod);
		out(tcp_of(w->from_pod, SYN | ACK));
		expect_passed(w->answer);
	}
	lab_close(lab);
}

/* #18632, where the backend is here: with the ports of one node port's connection another's to the same pod. */
Test(history_node, ports_used_again_for_another_service_are_answered_from_that_one, .timeout = 60)
{
	static const char *const others[][2] = {
		{ C4 " > 192.168.10.1|30081", "192.168.10.1|30081 > " C4 },
		{ C6 " > fd00:10::1|30081", "fd00:10::1|30081 > " C6 }
	};

	NEEDS_ROOT();
	lab = node_open(NODE_TARGET(""));
	EACH_FAMILY(w)
	{
		bool v6 = w != ways;
		const char *node = v6 ? "fd00:10::1" : "192.168.10.1";

		for (int slot = 0; slot < 2; slot++)
			lab_set(lab, v6 ? "cilium_lb6_services_v2" : "cilium_lb4_services_v2",
				arena_printf(lab->arena,
					     "{address: '%s', dport: 30081, proto: 6, "
					     "backend_slot: %d}",
					     node, slot),
				arena_printf(lab->arena, "{%s, rev_nat_index: 99, flags: 66}",
					     !slot ? "count: 1"
					     : v6  ? "backend_id: 61"
						   : "backend_id: 41"));
		lab_set(lab, v6 ? "cilium_lb6_reverse_nat" : "cilium_lb4_reverse_nat", "99",
			arena_printf(lab->arena, "{address: '%s', port: 30081}", node));
		in(tcp_of(w->request, SYN));
		out(tcp_of(w->from_pod, SYN | ACK));
		expect_passed(w->answer);
		in(tcp_of(others[v6][0], SYN));
		expect_passed(w->to_pod);
		out(tcp_of(w->from_pod, SYN | ACK));
		expect_passed(others[v6][1]);
	}
	lab_close(lab);
}

/* ---- short quotes ---- */

/* The least that a router quotes (RFC 792): the IP header and 8 bytes, without TCP's checksum. */
static struct pkt short_error(const char *quoted, const char *src, const char *dst)
{
	bool v6 = strchr(src, ':');
	struct pkt p = tcp_data(quoted, ACK, 40), e;

	put_eth(&e, v6 ? 0x86dd : 0x0800);
	put_error(&e, src, dst, v6 ? 2 : 3, v6 ? 0 : 4, 1300, &p, v6 ? 48 : 28);
	return e;
}

static void expect_quote(const char *dst, const char *quoted)
{
	const uint8_t *d = lab_hop(lab)->out.data;
	bool v6 = strchr(dst, ':');
	char got[64];

	cr_assert(d, "%s: dropped: %d", lab->last, lab_hop(lab)->drop_reason);
	inet_ntop(v6 ? AF_INET6 : AF_INET, d + 14 + (v6 ? 24 : 16), got, sizeof(got));
	cr_expect_str_eq(got, dst, "%s: to %s", lab->last, got);
	cr_expect_str_eq(ends_at(d, v6 ? 62 : 42), quoted, "%s: quotes %s", lab->last,
			 ends_at(d, v6 ? 62 : 42));
}

/* #33844, #40194, #42426: not dropped for a sum that is not there. */
Test(history_node, an_error_that_quotes_eight_bytes_is_translated_too, .timeout = 60)
{
	NEEDS_ROOT();
	lab = node_open(NODE_TARGET(""));
	for (int v6 = 0; v6 < 2; v6++) {
		const struct way *w = &ways[v6];
		const char *router = v6 ? "fd00:10::fe" : "192.168.10.254";
		const char *node = v6 ? "fd00:10::1" : "192.168.10.1";

		in(tcp_of(w->request, SYN));
		in(short_error(w->answer, router, node));
		expect_quote(v6 ? "fd00:1::20" : "10.0.1.20", w->from_pod);
		in(tcp_of(w->far_request, SYN));
		in(short_error(w->far_sent, router, node));
		expect_quote(v6 ? "fd00:10::100" : "192.168.10.100", w->far_request);
	}
	lab_close(lab);
}

/* ---- services of a proxy ---- */

static void make_proxys(const char *v, const char *node)
{
	lab_set(lab, arena_printf(lab->arena, "cilium_lb%s_services_v2", v),
		arena_printf(lab->arena, "{address: '%s', dport: 30080, proto: 6}", node),
		"{count: 1, rev_nat_index: 41, flags: 66, flags2: 4, l7_lb_proxy_port: 10000}");
}

/* What the host's policy denies: the proxy judges what it gets. 10000 is port 4135 as packets have it. */
Test(history_node, a_node_port_that_a_proxy_serves_is_led_to_it, .timeout = 60)
{
	NEEDS_ROOT();
	lab = node_open(NODE_TARGET(", enable_host_firewall: true"));
	make_proxys("4", "192.168.10.1");
	make_proxys("6", "fd00:10::1");
	EACH_FAMILY(w)
	{
		for (int i = 0; i < 2; i++) {
			in(tcp_of(w->request, i ? ACK : SYN));
			expect_passed(w->request);
			lab_expect_same_but(lab, NULL, 0);
			cr_expect_eq(lab_hop(lab)->out_mark, 0x27100200u, "%s: mark %x", lab->last,
				     lab_hop(lab)->out_mark);
			cr_expect(lab_event(lab, EVENT_TRACE, 1), "%s: nothing is told of it",
				  lab->last);
		}
	}
	lab_close(lab);
}

/* ---- the host's policy and node ports ---- */

static void allow(const char *port)
{
	lab_set(lab, "cilium_policy_v2",
		arena_printf(lab->arena,
			     "{lpm_key: {prefixlen: 64}, sec_label: 2, protocol: 6, dport: %s}",
			     port),
		"{lpm_prefix_length: 24}");
}

static void forbid(const char *port)
{
	lab_set(lab, "cilium_policy_v2",
		arena_printf(lab->arena,
			     "{lpm_key: {prefixlen: 64}, sec_label: 2, protocol: 6, dport: %s}",
			     port),
		"{lpm_prefix_length: 24, deny: 1}");
}

static void expect_policy(int reason)
{
	lab_expect_drop(lab, TC_ACT_SHOT, reason, "host_firewall.h");
}

/* #12781: with the setting, by the port that clients know, whoever serves it; a connection that was let in
 * stays in.
 */
Test(history_node, the_hosts_policy_can_filter_node_ports, .timeout = 60)
{
	NEEDS_ROOT();
	lab = node_open(NODE_TARGET(", enable_host_firewall: true, host_policy_on_services: true"));
	EACH_FAMILY(w)
	{
		in(tcp_of(w->request, SYN));
		expect_policy(133);
		in(tcp_of(w->far_request, SYN));
		expect_policy(133);
	}
	allow("30080");
	allow("30090");
	EACH_FAMILY(w)
	{
		in(tcp_of(w->request, SYN));
		expect_passed(w->to_pod);
		out(tcp_of(w->from_pod, SYN | ACK));
		expect_passed(w->answer);
		in(tcp_of(w->far_request, SYN));
		expect_wired(w->far_sent, OTHER_NODE);
	}
	forbid("30080");
	EACH_FAMILY(w)
	{
		in(tcp_of(w->request, ACK));
		expect_passed(w->to_pod);
	}
	in(tcp_of("192.168.10.100|50001 > 192.168.10.1|30080", SYN));
	expect_policy(181);
	/* a proxy's too; and answers are nobody's to forbid */
	make_proxys("4", "192.168.10.1");
	in(tcp_of("192.168.10.100|50002 > 192.168.10.1|30080", SYN));
	expect_policy(181);
	in(tcp_of("10.0.2.30|8080 > 192.168.10.1|50000", SYN | ACK));
	expect_wired("192.168.10.1|30090 > " C4, CLIENT_MAC);
	lab_close(lab);
}

/* #15455, #25199: a peer's FIN that comes again. While the connection's entry is there it belongs to it, and
 * as in TIME-WAIT (RFC 9293, 3.10.7.4) begins its time anew; later it is no connection's, and leaves none.
 */
Test(history_node, a_repeated_fin_belongs_to_its_connection_as_long_as_that_is_known, .timeout = 60)
{
	static const char asked[] = "192.168.10.1|41000 > 192.168.10.100|443";
	static const char told[] = "192.168.10.100|443 > 192.168.10.1|41000";

	NEEDS_ROOT();
	lab = node_open(NODE_TARGET(", enable_host_firewall: true"));
	lab_set(lab, "cilium_policy_v2", "{lpm_key: {prefixlen: 40}, egress: 1}", "{}");
	out(tcp_of(asked, SYN));
	in(tcp_of(told, SYN | ACK));
	out(tcp_of(asked, FIN | ACK));
	in(tcp_of(told, FIN | ACK));
	expect_passed(told);
	for (int i = 0; i < 3; i++) {
		replay_advance(lab->replay, 8000000000);
		in(tcp_of(told, FIN | ACK));
		expect_passed(told);
	}
	replay_advance(lab->replay, 12000000000);
	for (int i = 0; i < 2; i++) {
		in(tcp_of(told, FIN | ACK));
		expect_policy(133);
	}
	/* the host that answers it knows it again */
	out(tcp_of(asked, ACK));
	in(tcp_of(told, FIN | ACK));
	expect_passed(told);
	lab_close(lab);
}

/* #15455's cause: connections from before there was a policy were not known, and their packets began new ones,
 * in whichever direction they went.
 */
Test(history_node, connections_from_before_a_policy_are_known, .timeout = 60)
{
	static const char in_syn[] = "192.168.10.100|51000 > 192.168.10.1|22";
	static const char out_syn[] = "192.168.10.1|41000 > 192.168.10.100|443";

	NEEDS_ROOT();
	lab = node_open(NODE_TARGET(", enable_host_firewall: true"));
	lab_set(lab, "cilium_policy_v2", "{lpm_key: {prefixlen: 40}, egress: 0}", "{}");
	lab_set(lab, "cilium_policy_v2", "{lpm_key: {prefixlen: 40}, egress: 1}", "{}");
	in(tcp_of(in_syn, SYN));
	out(tcp_of(out_syn, SYN));
	lab_set(lab, "cilium_policy_v2", "{lpm_key: {prefixlen: 40}, egress: 0}", "{deny: 1}");
	lab_set(lab, "cilium_policy_v2", "{lpm_key: {prefixlen: 40}, egress: 1}", "{deny: 1}");
	in(tcp_of("192.168.10.100|443 > 192.168.10.1|41000", SYN | ACK));
	lab_expect_verdict(lab, TC_ACT_OK);
	out(tcp_of("192.168.10.1|22 > 192.168.10.100|51000", SYN | ACK));
	lab_expect_verdict(lab, TC_ACT_OK);
	in(tcp_of(in_syn, ACK));
	lab_expect_verdict(lab, TC_ACT_OK);
	out(tcp_of(out_syn, ACK));
	lab_expect_verdict(lab, TC_ACT_OK);
	in(tcp_of("192.168.10.100|51001 > 192.168.10.1|22", SYN));
	expect_policy(181);
	lab_close(lab);
}

/* ---- a slot that the agent has not filled ---- */

/* #26739: a packet meets a missing call while programs are exchanged. It ends, and says so. */
Test(history_node, a_missing_call_is_told_of, .timeout = 60)
{
	const uint32_t snat = 15;

	NEEDS_ROOT();
	lab = node_open(NODE_TARGET(""));
	cr_assert_eq(bpf_map_delete_elem(lab_map(lab, "cilium_calls")->fd, &snat), 0);
	in(tcp_of(ways[0].far_request, SYN));
	lab_expect_drop(lab, TC_ACT_SHOT, 140, "nodeport.h");
	in(tcp_of(ways[0].request, SYN));
	expect_passed(ways[0].to_pod);
	lab_close(lab);
}

/* ---- ports run out ---- */

struct signals {
	unsigned n;
	uint32_t words[2]; /* of the last one: its number, and whether IPv6 */
};

static void take_signal(void *arg, int cpu, void *data, __u32 size)
{
	struct signals *s = arg;

	(void)cpu;
	s->n++;
	if (size >= sizeof(s->words))
		memcpy(s->words, data, sizeof(s->words));
}

/* The agent collects what is not used any more when it hears of it, and not only by the clock. */
Test(history_node, the_agent_hears_of_ports_that_run_out, .timeout = 60)
{
	struct signals heard = { 0 };
	struct perf_buffer *ring;

	NEEDS_ROOT();
	lab = node_open("summary: a node\nconfig: {nat_ipv4_masquerade: 192.168.10.1, "
			"nat_ipv6_masquerade: 'fd00:10::1', enable_nodeport: false, "
			"ephemeral_min: 65532, enable_ipv4_masquerade: true, "
			"enable_ipv6_masquerade: true}\n" NODE_HOOKS);
	ring = perf_buffer__new(lab_map(lab, "cilium_signals")->fd, 1, take_signal, NULL, &heard,
				NULL);
	cr_assert(ring, "no ring for signals");
	for (unsigned i = 0; i < 5; i++) {
		out(tcp_of(arena_printf(lab->arena, "10.0.1.20|%u > 192.168.10.100|443",
					i < 4 ? 65532 + i : 1000),
			   SYN));
		perf_buffer__consume(ring);
		cr_expect_eq(heard.n, i / 4, "%s: %u signals", lab->last, heard.n);
	}
	lab_expect_drop(lab, TC_ACT_SHOT, 167, "nat.h");
	cr_expect(heard.words[0] == 0 && heard.words[1] == 0, "signal %u, %u", heard.words[0],
		  heard.words[1]);
	for (unsigned i = 0; i < 5; i++)
		out(tcp_of(arena_printf(lab->arena, "fd00:1::20|%u > fd00:10::100|443",
					i < 4 ? 65532 + i : 1000),
			   SYN));
	perf_buffer__consume(ring);
	cr_expect(heard.n == 2 && heard.words[0] == 0 && heard.words[1] == 1, "signal %u, %u",
		  heard.words[0], heard.words[1]);
	perf_buffer__free(ring);
	lab_close(lab);
}
