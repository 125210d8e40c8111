/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* bpf_host and bpf_lxc on one node: node ports into pods past the stack and through it, DSR answers of pods,
 * and the host's own packets to pods and from them, under its policy and theirs.
 */
#include "lab_node.h"

enum { POD_IFINDEX = 20, CILIUM_HOST = 4, POD_EP = 20, HOST_EP = 1 };

#define WHOLE_NODE(config)                                                                         \
	"summary: a node and its pod\n"                                                            \
	"config: {interface_ifindex: 2, interface_mac: 02:00:c0:a8:0a:01, host_ep_id: 1, "         \
	"nat_ipv4_masquerade: 192.168.10.1, nat_ipv6_masquerade: 'fd00:10::1', "                   \
	"cilium_host_ifindex: 4" config "}\n"                                                      \
	"hooks:\n"                                                                                 \
	"  native: {ingress: bpf_host.o/cil_from_netdev, egress: bpf_host.o/cil_to_netdev}\n"      \
	"  host: {egress: bpf_host.o/cil_from_host, ingress: bpf_host.o/cil_to_host}\n"            \
	"  endpoint: {ingress: bpf_lxc.o/cil_from_container, egress: "                             \
	"bpf_lxc.o/cil_to_container}\n"                                                            \
	"tail_calls:\n"                                                                            \
	"- {map: cilium_call_policy, index: 20, program: bpf_lxc.o/cil_lxc_policy, device: pod}\n" \
	"- {map: cilium_call_policy, index: 1, program: bpf_host.o/cil_host_policy}\n"             \
	"- {map: cilium_egresscall_policy, index: 20, program: "                                   \
	"bpf_lxc.o/cil_lxc_policy_egress, device: pod}\n"                                          \
	"maps: {cilium_policy_v2: {scope: device}}\n"                                              \
	"events: {map: cilium_events}\n"                                                           \
	"devices:\n"                                                                               \
	"- {name: eth0, ifindex: 2, role: native, mac: 02:00:c0:a8:0a:01}\n"                       \
	"- {name: cilium_host, ifindex: 4, role: host, mac: 02:00:00:00:00:04}\n"                  \
	"- {name: pod, ifindex: 20, role: endpoint, mac: 02:00:0a:00:01:bb, config: "              \
	"{endpoint_id: "                                                                           \
	"20, endpoint_ipv4: 10.0.1.20, endpoint_ipv6: 'fd00:1::20', security_label: 30020, "       \
	"interface_ifindex: 20}}\n"

#define PAST_STACK    WHOLE_NODE(", enable_nodeport: true, enable_host_routing: true")
#define THROUGH_STACK WHOLE_NODE(", enable_nodeport: true")

#define C4 "192.168.10.100|50000"
#define C6 "fd00:10::100|50000"

static const struct way {
	const char *request, *to_pod, *from_pod, *answer;
	uint8_t pod_mac[6];
} ways[] = {
	{ C4 " > 192.168.10.1|30080",
	  C4 " > 10.0.1.20|8080",
	  "10.0.1.20|8080 > " C4,
	  "192.168.10.1|30080 > " C4,
	  { 0 } },
	{ C6 " > fd00:10::1|30080",
	  C6 " > fd00:1::20|8080",
	  "fd00:1::20|8080 > " C6,
	  "fd00:10::1|30080 > " C6,
	  { 0 } },
};

static const struct hop *at(const char *device, const char *hook, struct pkt p)
{
	return lab_run(lab, device, hook, &p);
}

/* The pod takes port 8080 of the world and of the host, and may answer only. */
static void open_node(const char *target)
{
	lab = node_open(target);
	lab_set(lab, "pod/cilium_policy_v2",
		"{lpm_key: {prefixlen: 64}, sec_label: 2, protocol: 6, dport: 8080}",
		"{lpm_prefix_length: 24}");
	lab_set(lab, "pod/cilium_policy_v2",
		"{lpm_key: {prefixlen: 64}, sec_label: 1, protocol: 6, dport: 8080}",
		"{lpm_prefix_length: 24}");
}

Test(nodeport_pods, past_the_stack_both_ways, .timeout = 60)
{
	NEEDS_ROOT();
	open_node(PAST_STACK);
	for (int i = 0; i < 2; i++) {
		in(tcp_of(ways[i].request, SYN));
		lab_expect_verdict(lab, TC_ACT_REDIRECT);
		lab_expect_redirect(lab, NOTE_REDIRECT_PEER, POD_IFINDEX);
		expect_ends(ways[i].to_pod);
		cr_expect_eq(sent_ttl(), 63, "%s: TTL", lab->last);
		at("pod", "ingress", tcp_of(ways[i].from_pod, SYN | ACK));
		expect_ends(ways[i].answer);
		lab_expect_verdict(lab, TC_ACT_REDIRECT);
		cr_expect_eq(lab_hop(lab)->redirects[lab_hop(lab)->n_redirects - 1].ifindex, ETH0);
		cr_expect_eq(sent_ttl(), 63, "%s: TTL", lab->last);
		in(tcp_of(ways[i].request, ACK));
		lab_expect_redirect(lab, NOTE_REDIRECT_PEER, POD_IFINDEX);
	}
	in(tcp_of(C4 " > 10.0.1.20|8081", SYN));
	lab_expect_drop(lab, TC_ACT_SHOT, 133, "bpf_lxc.c");
	lab_close(lab);
}

/* cilium/cilium#11914, #15354, #17504: netfilter must not see one half of a flow. */
Test(nodeport_pods, through_the_stack_both_ways, .timeout = 60)
{
	NEEDS_ROOT();
	open_node(THROUGH_STACK);
	for (int i = 0; i < 2; i++) {
		in(tcp_of(ways[i].request, SYN));
		expect_passed(ways[i].to_pod);
		/* the stack routes it to cilium_host */
		at("cilium_host", "egress", tcp_of(ways[i].to_pod, SYN));
		lab_expect_verdict(lab, TC_ACT_REDIRECT);
		lab_expect_redirect(lab, NOTE_REDIRECT, POD_IFINDEX);
		expect_ends(ways[i].to_pod);
		cr_expect_eq(sent_ttl(), 64, "%s: the stack makes the hop", lab->last);
		at("pod", "ingress", tcp_of(ways[i].from_pod, SYN | ACK));
		expect_passed(ways[i].from_pod);
		at("eth0", "egress", tcp_of(ways[i].from_pod, SYN | ACK));
		expect_passed(ways[i].answer);
	}
	lab_close(lab);
}

static const uint8_t told4[] = { 0x9a, 8, 0x8a, 0x75, 2, 10, 168, 192 };

static struct pkt told(const char *text, uint8_t flags)
{
	struct pkt p = tcp_of(text, flags);

	memmove(p.b + 42, p.b + 34, p.len - 34);
	memcpy(p.b + 34, told4, 8);
	p.b[14] += 2;
	p.len += 8;
	end_ip(&p, 14);
	return p;
}

Test(nodeport_pods, by_dsr_the_pods_answer_comes_from_the_service_either_way, .timeout = 60)
{
	NEEDS_ROOT();
	open_node(WHOLE_NODE(", enable_nodeport: true, lb_mode: 1, enable_host_routing: true"));
	in(told(C4 " > 10.0.1.20|8080", SYN));
	lab_expect_redirect(lab, NOTE_REDIRECT_PEER, POD_IFINDEX);
	at("pod", "ingress", tcp_of("10.0.1.20|8080 > " C4, SYN | ACK));
	expect_ends("192.168.10.2|30090 > " C4);
	lab_expect_verdict(lab, TC_ACT_REDIRECT);
	/* #17759: the same ports, directly */
	in(tcp_of(C4 " > 10.0.1.20|8080", SYN));
	at("pod", "ingress", tcp_of("10.0.1.20|8080 > " C4, SYN | ACK));
	expect_ends("10.0.1.20|8080 > " C4);
	lab_close(lab);
	open_node(WHOLE_NODE(", enable_nodeport: true, lb_mode: 1"));
	in(told(C4 " > 10.0.1.20|8080", SYN));
	expect_passed(C4 " > 10.0.1.20|8080");
	at("cilium_host", "egress", told(C4 " > 10.0.1.20|8080", SYN));
	lab_expect_redirect(lab, NOTE_REDIRECT, POD_IFINDEX);
	at("pod", "ingress", tcp_of("10.0.1.20|8080 > " C4, SYN | ACK));
	expect_passed("10.0.1.20|8080 > " C4);
	at("eth0", "egress", tcp_of("10.0.1.20|8080 > " C4, SYN | ACK));
	expect_passed("192.168.10.2|30090 > " C4);
	lab_close(lab);
}

/* 192.168.10.200 or fd00:10::200, port 30090: another node's to balance, and the world's. */
static struct pkt told_of_world(const char *text)
{
	static const uint8_t four[8] = { 0x9a, 8, 0x8a, 0x75, 200, 10, 168, 192 };
	static const uint8_t six[24] = { 6, 2, 0x1b, 20, 0xfd, 0, 0, 0x10, 0,	 0,    0, 0,
					 0, 0, 0,    0,	 0,    0, 2, 0,	   0x75, 0x8a, 0, 0 };
	struct pkt p = tcp_of(text, SYN);
	bool v6 = p.b[14] >> 4 == 6;
	uint32_t at = v6 ? 54 : 34, n = v6 ? sizeof(six) : sizeof(four);

	memmove(p.b + at + n, p.b + at, p.len - at);
	memcpy(p.b + at, v6 ? six : four, n);
	p.len += n;
	if (v6)
		p.b[20] = 60;
	else
		p.b[14] += 2;
	end_ip(&p, 14);
	return p;
}

/* #28187: the client is a pod of this node, which the balancing node knows as this node. Its answer never
 * leaves the node: it must come from the service all the same, and to the pod that has asked.
 */
Test(nodeport_pods, by_dsr_an_answer_to_this_node_itself_comes_from_the_service, .timeout = 60)
{
	static const struct {
		const char *asks, *as_node, *comes, *answer, *as_host, *to_pod;
	} w[] = {
		{ "10.0.1.20|40000 > 192.168.10.200|30090",
		  "192.168.10.1|40000 > "
		  "192.168.10.200|30090",
		  "192.168.10.1|40000 > 10.0.1.20|8080", "10.0.1.20|8080 > 192.168.10.1|40000",
		  "192.168.10.200|30090 > 192.168.10.1|40000",
		  "192.168.10.200|30090 > 10.0.1.20|40000" },
		{ "fd00:1::20|40000 > fd00:10::200|30090", "fd00:10::1|40000 > fd00:10::200|30090",
		  "fd00:10::1|40000 > fd00:1::20|8080", "fd00:1::20|8080 > fd00:10::1|40000",
		  "fd00:10::200|30090 > fd00:10::1|40000",
		  "fd00:10::200|30090 > fd00:1::20|40000" },
	};

	NEEDS_ROOT();
	for (int masquerade = 0; masquerade < 2; masquerade++) {
		open_node(masquerade
				  ? WHOLE_NODE(", enable_nodeport: true, lb_mode: 1, "
					       "enable_host_routing: true, enable_ipv4_masquerade: "
					       "true, enable_ipv6_masquerade: true")
				  : WHOLE_NODE(", enable_nodeport: true, lb_mode: 1"));
		lab_set(lab, "pod/cilium_policy_v2", "{lpm_key: {prefixlen: 40}, egress: 1}", "{}");
		for (int i = 0; i < 2; i++) {
			at("pod", "ingress", tcp_of(w[i].asks, SYN));
			out(tcp_of(w[i].asks, SYN));
			expect_passed(masquerade ? w[i].as_node : w[i].asks);
			in(told_of_world(w[i].comes));
			if (masquerade)
				lab_expect_redirect(lab, NOTE_REDIRECT_PEER, POD_IFINDEX);
			else
				at("cilium_host", "egress", told_of_world(w[i].comes));
			at("pod", "ingress", tcp_of(w[i].answer, SYN | ACK));
			if (!masquerade) { /* netfilter has translated: it knows the rest */
				expect_passed(w[i].as_host);
				continue;
			}
			lab_expect_verdict(lab, TC_ACT_REDIRECT);
			lab_expect_redirect(lab, NOTE_REDIRECT_PEER, POD_IFINDEX);
			expect_ends(w[i].to_pod);
		}
		lab_close(lab);
	}
}

#define TO_POD4	 "192.168.10.1|40000 > 10.0.1.20|8080"
#define TO_POD6	 "fd00:10::1|40000 > fd00:1::20|8080"
#define OF_POD4	 "10.0.1.20|8080 > 192.168.10.1|40000"
#define OF_POD6	 "fd00:1::20|8080 > fd00:10::1|40000"
#define HOST_ALL "{lpm_key: {prefixlen: 40}, egress: 1}"

/* The load without a device of its own. */
static void host_rule(const char *key, const char *value)
{
	lab_set(lab, "bpf_host.o/cilium_policy_v2", key, value);
}

Test(nodeport_pods, the_hosts_packets_to_pods_pass_both_policies, .timeout = 60)
{
	static const char *const to_pod[] = { TO_POD4, TO_POD6 }, *const of_pod[] = { OF_POD4,
										      OF_POD6 };

	NEEDS_ROOT();
	open_node(WHOLE_NODE(", enable_host_firewall: true"));
	for (int i = 0; i < 2; i++) {
		at("cilium_host", "egress", tcp_of(to_pod[i], SYN));
		lab_expect_drop(lab, TC_ACT_SHOT, 133, "host_firewall.h");
	}
	host_rule(HOST_ALL, "{}");
	for (int i = 0; i < 2; i++) {
		at("cilium_host", "egress", tcp_of(to_pod[i], SYN));
		lab_expect_verdict(lab, TC_ACT_REDIRECT);
		lab_expect_redirect(lab, NOTE_REDIRECT, POD_IFINDEX);
		cr_expect_eq(sent_ttl(), 64);
		/* an answer passes, whatever policies say */
		at("pod", "ingress", tcp_of(of_pod[i], SYN | ACK));
		lab_expect_verdict(lab, TC_ACT_OK);
	}
	at("cilium_host", "egress", tcp_of("192.168.10.1|40000 > 10.0.1.20|22", SYN));
	lab_expect_drop(lab, TC_ACT_SHOT, 133, "bpf_lxc.c");
	lab_close(lab);
}

/* Where the stack brings them, the pod's program asks for the host's policy first. */
Test(nodeport_pods, so_they_do_where_pods_have_routes, .timeout = 60)
{
	static const char *const to_pod[] = { TO_POD4, TO_POD6 };

	NEEDS_ROOT();
	open_node(WHOLE_NODE(", enable_host_firewall: true, enable_endpoint_routes: true"));
	for (int allowed = 0; allowed < 2; allowed++) {
		for (int i = 0; i < 2; i++) {
			struct pkt p = tcp_of(to_pod[i], SYN);

			lab_run_at(lab,
				   (struct replay_place){
					   .role = "pod", .hook = "egress", .mark = 0x0c00 },
				   &p);
			if (!allowed)
				lab_expect_drop(lab, TC_ACT_SHOT, 133, "host_firewall.h");
			else
				expect_passed(to_pod[i]);
		}
		host_rule(HOST_ALL, "{}");
	}
	lab_close(lab);
}

Test(nodeport_pods, what_pods_send_to_the_host_is_its_policys, .timeout = 60)
{
	NEEDS_ROOT();
	open_node(WHOLE_NODE(", enable_host_firewall: true"));
	lab_set(lab, "pod/cilium_policy_v2", HOST_ALL, "{}");
	at("pod", "ingress", tcp_of("10.0.1.20|41000 > 192.168.10.1|53", SYN));
	lab_expect_drop(lab, TC_ACT_SHOT, 133, "host_firewall.h");
	at("cilium_host", "ingress", tcp_of("10.0.1.20|41000 > 192.168.10.1|53", SYN));
	lab_expect_drop(lab, TC_ACT_SHOT, 133, "host_firewall.h");
	lab_close(lab);
	open_node(WHOLE_NODE(""));
	lab_set(lab, "pod/cilium_policy_v2", HOST_ALL, "{}");
	at("pod", "ingress", tcp_of("10.0.1.20|41000 > 192.168.10.1|53", SYN));
	expect_passed("10.0.1.20|41000 > 192.168.10.1|53");
	at("cilium_host", "ingress", tcp_of("10.0.1.20|41000 > 192.168.10.1|53", SYN));
	expect_passed("10.0.1.20|41000 > 192.168.10.1|53");
	lab_close(lab);
}

static const struct hop *from_host_marked(uint32_t mark, const char *text)
{
	struct pkt p = tcp_of(text, SYN);

	return lab_run_at(
		lab, (struct replay_place){ .role = "cilium_host", .hook = "egress", .mark = mark },
		&p);
}

/* 0x0F00: identity 30020 or 30021 in the upper bits; 0x0900: the endpoint that a proxy sends for. */
Test(nodeport_pods, a_mark_says_whose_a_packet_of_the_host_is, .timeout = 60)
{
	NEEDS_ROOT();
	open_node(WHOLE_NODE(""));
	lab_set(lab, "pod/cilium_policy_v2",
		"{lpm_key: {prefixlen: 64}, sec_label: 30021, protocol: 6, dport: 80}",
		"{lpm_prefix_length: 24}");
	from_host_marked(0x0f00 | 30021 << 16, "192.168.10.1|40001 > 10.0.1.20|80");
	lab_expect_redirect(lab, NOTE_REDIRECT, POD_IFINDEX);
	cr_expect_eq(lab_event(lab, EVENT_TRACE, 7)->src_identity, 30021);
	from_host_marked(0x0f00 | 30022 << 16, "192.168.10.1|40002 > 10.0.1.20|80");
	lab_expect_drop(lab, TC_ACT_SHOT, 133, "bpf_lxc.c");
	from_host_marked(0x0b00 | 30021 << 16, "192.168.10.1|40003 > 10.0.1.20|80");
	lab_expect_redirect(lab, NOTE_REDIRECT, POD_IFINDEX);
	cr_expect(lab_event(lab, EVENT_TRACE, 6), "from a proxy");
	from_host_marked(0x0900 | 20 << 16, "10.0.1.20|40004 > 192.168.10.100|80");
	lab_expect_drop(lab, TC_ACT_SHOT, 133, "bpf_lxc.c");
	from_host_marked(0x0900 | 21 << 16, "10.0.1.20|40004 > 192.168.10.100|80");
	lab_expect_drop(lab, TC_ACT_SHOT, 203, "bpf_host.c");
	lab_close(lab);
}

Test(nodeport_pods, what_no_pod_here_has_goes_into_the_tunnel_or_on, .timeout = 60)
{
	NEEDS_ROOT();
	open_node(WHOLE_NODE(", tunnel_ifindex: 3"));
	at("cilium_host", "egress", tcp_of("192.168.10.1|40000 > 10.0.2.30|80", SYN));
	lab_expect_redirect(lab, NOTE_REDIRECT, TUNNEL);
	cr_expect_eq(lab_hop(lab)->tunnel->id, 6, "a host is a remote node elsewhere");
	at("cilium_host", "egress", tcp_of("192.168.10.1|40000 > 10.0.3.30|80", SYN));
	lab_expect_verdict(lab, TC_ACT_OK);
	lab_close(lab);
}
