/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the stack and proxies bring to a pod, or send for it: by whose identity it is judged, what a proxy has
 * seen already; and how much is told of a flow at each level of aggregation.
 */
#include "lab_pods.h"

#define PLAIN "trace_payload_len: 128"

#define MARK(kind, identity) ((kind) | ((identity)&0xffff) << 16 | ((identity) >> 16 & 0xff))

enum { PROXY_IN = 0x0a00, PROXY_OUT = 0x0b00, BY_HOST = 0x0c00, BY_POD = 0x0f00, FOR_POD = 0x0900 };

/* Whom the server's policy took the packet to be from. */
static uint32_t identity_of(uint32_t mark, const char *src, uint16_t sport)
{
	const struct hop *hop =
		comes("server", mark, tcp(src, sport, server[strchr(src, ':') ? 1 : 0], 80, SYN));

	cr_expect_eq(hop->verdict, TC_ACT_OK, "%s: reason %d", lab->last, hop->drop_reason);
	cr_expect_eq(hop->out_mark, 0, "%s: mark %x", lab->last, hop->out_mark);
	return expect_trace(TO_LXC)->src_identity;
}

Test(lxc_in, the_mark_says_who_has_sent_it_and_else_the_address, .timeout = 60)
{
	NEEDS_ROOT();
	pods(PLAIN, NULL, ALL_IN, NULL);
	for (int v6 = 0; v6 < 2; v6++) {
		cr_expect_eq(identity_of(MARK(BY_POD, 30011u), client[v6], 1), 30011);
		/* of another cluster: more than 16 bits */
		cr_expect_eq(identity_of(MARK(BY_POD, 0x00020007u), world[v6], 2), 0x00020007);
		cr_expect_eq(identity_of(BY_HOST, host[v6], 3), 1);
		cr_expect_eq(identity_of(0, client[v6], 4), CLIENT_ID);
		cr_expect_eq(identity_of(0, world[v6], 5), 2);
		/* SNAT gives the world's packets the node's address: that alone makes no host */
		cr_expect_eq(identity_of(0, host[v6], 6), 2);
		cr_expect_eq(identity_of(MARK(PROXY_IN, 30012u), host[v6], 7), 30012);
	}
	/* a cluster of both families tells their worlds apart, and so may a policy */
	for (int v6 = 0; v6 < 2; v6++) {
		lab_set(lab, "cilium_ipcache_v2",
			arena_printf(lab->arena, "{lpm_key: {prefixlen: 32}, family: %d}", 1 + v6),
			arena_printf(lab->arena, "{sec_identity: %d}", 9 + v6));
		cr_expect_eq(identity_of(0, world[v6], 8), 9u + (unsigned)v6);
		cr_expect_eq(identity_of(MARK(BY_POD, 6), world[v6], 9), 6);
	}
	lab_close(lab);
}

Test(lxc_in, the_pods_policy_judges_what_the_stack_brings, .timeout = 60)
{
	NEEDS_ROOT();
	pods(PLAIN, NULL,
	     RULE("64", "sec_label: 30010, protocol: 6, dport: 80", "lpm_prefix_length: 24"), NULL);
	for (int v6 = 0; v6 < 2; v6++) {
		const struct event *e;

		cr_expect_eq(identity_of(0, client[v6], 4000), CLIENT_ID);
		comes("server", 0, tcp(world[v6], 4000, server[v6], 80, SYN));
		expect_drop(133, "bpf_lxc.c");
		e = drop_event(133);
		cr_expect(e->src_identity == 2 && e->dst_identity == SERVER_ID &&
			  e->dst_id == SERVER && e->source == SERVER);
		comes("server", MARK(BY_POD, CLIENT_ID),
		      tcp(client[v6], 4001, server[v6], 81, SYN));
		expect_drop(133, "bpf_lxc.c");
	}
	lab_close(lab);
}

/* ARP and neighbour discovery are the link's, whatever policy says. */
Test(lxc_in, the_link_is_no_policys_business, .timeout = 60)
{
	struct pkt p = icmp("fe80::1", server[1], 135, 0, 0);

	NEEDS_ROOT();
	pods(PLAIN, NULL, NULL, NULL);
	put_data(&p, 8);
	end_ip(&p, 14);
	end_l4(&p, 14, 54, 2, 58);
	p.b[21] = 255;
	comes("server", 0, p);
	lab_expect_verdict(lab, TC_ACT_OK);
	p.b[21] = 254; /* RFC 4861, 7.1.1: a router has forwarded it */
	comes("server", 0, p);
	expect_drop(133, "bpf_lxc.c");
	p = icmp("fe80::1", server[1], 128, 0, 0);
	comes("server", 0, p);
	expect_drop(133, "bpf_lxc.c");
	put_eth(&p, 0x0806);
	put_data(&p, 28);
	comes("server", 0, p);
	lab_expect_verdict(lab, TC_ACT_OK);
	lab_close(lab);
}

/* ---- proxies ---- */

#define SEEN RULE("64", "protocol: 6, dport: 80", "lpm_prefix_length: 24, proxy_port: 4135")

/* At tc egress there is no way up: the packet turns round at the host's own device. */
Test(lxc_in, a_proxy_is_reached_by_the_hosts_device, .timeout = 60)
{
	NEEDS_ROOT();
	pods(PLAIN, NULL, SEEN, NULL);
	for (int v6 = 0; v6 < 2; v6++) {
		const struct hop_redirect *to;

		comes("server", MARK(BY_POD, CLIENT_ID),
		      tcp(client[v6], 4000, server[v6], 80, SYN));
		lab_expect_verdict(lab, TC_ACT_REDIRECT);
		to = lab_expect_redirect(lab, NOTE_REDIRECT, HOST);
		cr_expect_eq(to->flags, BPF_F_INGRESS);
		cr_expect_eq(lab_hop(lab)->out_mark, 0x27100200u);
		cr_expect_eq(expect_trace(TO_PROXY)->dst_id, 4135);
		lab_expect_macs(lab, "02:00:00:00:00:04", "02:00:0a:00:01:bb");
	}
	lab_close(lab);
}

/* What comes from the proxy is not sent to it again. */
Test(lxc_in, what_a_proxy_has_seen_goes_to_the_pod, .timeout = 60)
{
	NEEDS_ROOT();
	pods(PLAIN, NULL, SEEN, NULL);
	for (int v6 = 0; v6 < 2; v6++) {
		comes("server", MARK(PROXY_IN, CLIENT_ID),
		      tcp(client[v6], 4000, server[v6], 80, SYN));
		lab_expect_verdict(lab, TC_ACT_OK);
		cr_expect_eq(expect_trace(FROM_PROXY)->src_identity, CLIENT_ID);
		expect_trace(TO_LXC);
	}
	lab_close(lab);
}

/* Policy is the pod's; nothing is sent to the proxy again, and no source is checked: it may be the proxy's. */
Test(lxc_in, what_a_proxy_sends_for_a_pod_is_judged_as_the_pods, .timeout = 60)
{
	static const char rules[] =
		RULE("64", "egress: 1, sec_label: 30020, protocol: 6, dport: 80",
		     "lpm_prefix_length: 24, proxy_port: 4135");

	NEEDS_ROOT();
	pods(PLAIN, rules, ALL_IN, NULL);
	for (int v6 = 0; v6 < 2; v6++) {
		comes("server", FOR_POD | CLIENT << 16, tcp(host[v6], 4000, server[v6], 80, SYN));
		expect_delivered(SERVER);
		cr_expect_eq(expect_trace(FROM_PROXY)->src_identity, CLIENT_ID);
		expect_trace(TO_LXC);
		comes("server", FOR_POD | CLIENT << 16, tcp(host[v6], 4001, server[v6], 81, SYN));
		expect_drop(133, "bpf_lxc.c");
		comes("server", FOR_POD | 33 << 16, tcp(host[v6], 4001, server[v6], 81, SYN));
		expect_drop(203, "bpf_lxc.c");
	}
	lab_close(lab);
}

/* A service that a proxy serves: it gets the packet as it was, and chooses the backend itself. 10000 is port
 * 4135 in the order of packets.
 */
Test(lxc_in, a_service_of_a_proxy_is_the_proxys, .timeout = 60)
{
	static const char services[] =
		"  cilium_lb4_services_v2:\n"
		"    entries:\n"
		"    - {key: {address: 10.96.0.9, dport: 80, proto: 6},\n"
		"       value: {l7_lb_proxy_port: 10000, rev_nat_index: 9, flags2: 4}}\n"
		"  cilium_lb6_services_v2:\n"
		"    entries:\n"
		"    - {key: {address: 'fd00:10::9', dport: 80, proto: 6},\n"
		"       value: {l7_lb_proxy_port: 10000, rev_nat_index: 9, flags2: 4}}\n";

	NEEDS_ROOT();
	pods(PLAIN, NULL, NULL, services);
	for (int v6 = 0; v6 < 2; v6++) {
		leaves("client", tcp(client[v6], 4000, v6 ? "fd00:10::9" : "10.96.0.9", 80, SYN));
		lab_expect_verdict(lab, TC_ACT_OK);
		cr_expect_eq(lab_hop(lab)->out_mark, 0x27100200u, "%s: mark %x", lab->last,
			     lab_hop(lab)->out_mark);
		lab_expect_same_but(lab, NULL, 0);
		cr_expect_eq(expect_trace(TO_PROXY)->dst_id, 4135);
	}
	lab_close(lab);
}

/* ---- aggregation ---- */

/* Trace events of: a first packet, the same again, its answer, the same again, and after six seconds. */
static void expect_told(int level, const size_t *want)
{
	struct arena *a = arena_new();

	pods(arena_printf(a, "monitor_aggregation: %d", level), ALL_OUT, ALL_IN, NULL);
	for (int v6 = 0; v6 < 2; v6++) {
		size_t got[5];

		leaves("client", tcp(client[v6], 4000, server[v6], 80, SYN));
		got[0] = count_traces();
		leaves("client", tcp(client[v6], 4000, server[v6], 80, SYN));
		got[1] = count_traces();
		leaves("server", tcp(server[v6], 80, client[v6], 4000, SYN | ACK));
		got[2] = count_traces();
		leaves("server", tcp(server[v6], 80, client[v6], 4000, SYN | ACK));
		got[3] = count_traces();
		replay_advance(lab->replay, 6000000000);
		leaves("client", tcp(client[v6], 4000, server[v6], 80, SYN));
		got[4] = count_traces();
		cr_expect_arr_eq(got, want, sizeof(got), "level %d: %zu %zu %zu %zu %zu", level,
				 got[0], got[1], got[2], got[3], got[4]);
	}
	lab_close(lab);
	arena_free(a);
}

Test(lxc_in, less_is_told_of_flows_at_higher_levels, .timeout = 60)
{
	NEEDS_ROOT();
	expect_told(0, (size_t[]){ 2, 2, 2, 2, 2 }); /* out of one pod, into the other */
	expect_told(1, (size_t[]){ 1, 1, 1, 1, 1 }); /* not what comes in from a pod */
	expect_told(3, (size_t[]){ 1, 0, 1, 0, 1 }); /* of that what is news */
}
