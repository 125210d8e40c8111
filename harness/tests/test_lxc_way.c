/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where a pod's packets go and how they come to it: the stack, the host, the tunnel, routes, another pod, the
 * pod itself; with what mark, TTL and MAC addresses; and what is told of it.
 */
#include "lab_counts.h"
#include "lab_pods.h"

#define PLAIN  "trace_payload_len: 128"
#define BY_BPF "enable_host_routing: true"

static uint8_t ttl(void)
{
	const uint8_t *b = lab_hop(lab)->out.data;

	return b[14] >> 4 == 6 ? b[21] : b[22];
}

static struct pkt with_ttl(struct pkt p, uint8_t left)
{
	if (p.b[14] >> 4 == 6)
		p.b[21] = left;
	else
		p.b[22] = left;
	if (p.b[14] >> 4 == 4)
		end_ip(&p, 14);
	return p;
}

/* ---- to another pod ---- */

static void expect_next_pod(const char *dst, const char *src)
{
	static const uint32_t free4[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 22, 24, 25 };
	static const uint32_t free6[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 21 };
	bool v6 = lab->packet.b[14] >> 4 == 6;

	lab_expect_same_but(lab, v6 ? free6 : free4, v6 ? 13 : 15);
	lab_expect_macs(lab, dst, src);
	cr_expect_eq(ttl(), 63, "%s: TTL", lab->last);
}

Test(lxc_way, a_pod_of_the_node_gets_the_packet_through_its_policy, .timeout = 60)
{
	NEEDS_ROOT();
	for (int fast = 0; fast < 2; fast++) {
		pods(fast ? BY_BPF : PLAIN, ALL_OUT, ALL_IN, NULL);
		for (int v6 = 0; v6 < 2; v6++) {
			leaves("client", tcp(client[v6], 40000, server[v6], 80, SYN));
			lab_expect_verdict(lab, TC_ACT_REDIRECT);
			lab_expect_redirect(lab, fast ? NOTE_REDIRECT_PEER : NOTE_REDIRECT, SERVER);
			expect_next_pod("02:00:0a:00:01:20", "02:00:0a:00:01:bb");
			lab_expect_complete(lab);
			leaves("server", tcp(server[v6], 80, client[v6], 40000, SYN | ACK));
			expect_next_pod("02:00:0a:00:01:10", "02:00:0a:00:01:aa");
			cr_expect_eq(expect_trace(TO_LXC)->reason, CT_STATE_REPLY);
		}
		cr_expect_eq(lab_forwarded(lab, 1), 6); /* two were sent twice */
		lab_close(lab);
	}
}

Test(lxc_way, a_pod_without_a_program_is_not_ready, .timeout = 60)
{
	NEEDS_ROOT();
	pods(PLAIN, ALL_OUT, ALL_IN, NULL);
	for (int v6 = 0; v6 < 2; v6++) {
		lab_set(lab, "cilium_lxc",
			v6 ? "{ip6: 'fd00:1::21', family: 2}" : "{ip4: 10.0.1.21, family: 1}",
			"{ifindex: 21, lxc_id: 21}");
		leaves("client", tcp(client[v6], 40000, v6 ? "fd00:1::21" : "10.0.1.21", 80, SYN));
		expect_drop(203, "local_delivery.h");
	}
	lab_close(lab);
}

/* The last hop is told to who sent it, by the node. */
Test(lxc_way, time_is_exceeded_before_the_next_pod, .timeout = 60)
{
	NEEDS_ROOT();
	pods(PLAIN, ALL_OUT, ALL_IN, NULL);
	for (int v6 = 0; v6 < 2; v6++) {
		const uint8_t *b;

		leaves("client", with_ttl(tcp(client[v6], 40000, server[v6], 80, SYN), 1));
		expect_delivered(CLIENT);
		b = lab_hop(lab)->out.data;
		cr_expect_eq(b[14 + (v6 ? 40 : 20)], v6 ? 3 : 11, "%s: ICMP type", lab->last);
		cr_expect(!memcmp(b + (v6 ? 38 : 30), lab->packet.b + (v6 ? 22 : 26), v6 ? 16 : 4),
			  "%s: not to the client", lab->last);
	}
	lab_close(lab);
}

/* With a route for each pod the stack and a program at tc egress bring the packet to it. */
Test(lxc_way, where_pods_have_routes_the_stack_delivers, .timeout = 60)
{
	NEEDS_ROOT();
	pods("enable_endpoint_routes: true", ALL_OUT, ALL_IN, NULL);
	for (int v6 = 0; v6 < 2; v6++) {
		uint32_t mark;

		leaves("client", tcp(client[v6], 40000, server[v6], 80, SYN));
		lab_expect_verdict(lab, TC_ACT_OK);
		lab_expect_same_but(lab, NULL, 0);
		expect_trace(TO_STACK);
		mark = lab_hop(lab)->out_mark;
		cr_expect_eq(mark, 0x0f00 | CLIENT_ID << 16);
		comes("server", mark, tcp(client[v6], 40000, server[v6], 80, SYN));
		lab_expect_verdict(lab, TC_ACT_OK);
		lab_expect_same_but(lab, NULL, 0);
		cr_expect_eq(expect_trace(TO_LXC)->src_identity, CLIENT_ID);
		cr_expect_eq(lab_hop(lab)->out_mark, 0);
	}
	lab_close(lab);
}

/* ---- off to the host, the world, another node ---- */

Test(lxc_way, the_host_is_reached_by_the_stack_with_the_pods_identity, .timeout = 60)
{
	NEEDS_ROOT();
	for (int fast = 0; fast < 2; fast++) {
		pods(fast ? BY_BPF : PLAIN, ALL_OUT, ALL_IN, NULL);
		for (int v6 = 0; v6 < 2; v6++) {
			leaves("client", tcp(client[v6], 40000, host[v6], 80, SYN));
			lab_expect_verdict(lab, TC_ACT_OK);
			lab_expect_same_but(lab, NULL, 0);
			cr_expect_eq(lab_hop(lab)->out_mark, 0x0f00 | CLIENT_ID << 16);
			cr_expect_eq(expect_trace(TO_STACK)->dst_identity, 1);
		}
		lab_close(lab);
	}
}

/* Nothing holds the slot of the host's policy here. */
Test(lxc_way, the_hosts_policy_is_asked_where_it_has_one, .timeout = 60)
{
	NEEDS_ROOT();
	pods("enable_host_firewall: true", ALL_OUT, ALL_IN, NULL);
	for (int v6 = 0; v6 < 2; v6++) {
		leaves("client", tcp(client[v6], 40000, host[v6], 80, SYN));
		expect_drop(202, "bpf_lxc.c");
		expect_trace(TO_HOST);
	}
	lab_close(lab);
}

Test(lxc_way, the_world_is_reached_by_the_stack_or_by_routes, .timeout = 60)
{
	NEEDS_ROOT();
	for (int fast = 0; fast < 2; fast++) {
		pods(fast ? BY_BPF : PLAIN, ALL_OUT, NULL, NULL);
		for (int v6 = 0; v6 < 2; v6++) {
			leaves("client", tcp(client[v6], 40000, world[v6], 80, SYN));
			cr_expect_eq(lab_hop(lab)->out_mark, 0x0f00 | CLIENT_ID << 16);
			if (fast) {
				lab_expect_verdict(lab, TC_ACT_REDIRECT);
				lab_expect_redirect(lab, NOTE_REDIRECT, ETH0);
				expect_next_pod("02:00:c0:a8:0a:64", "02:00:c0:a8:0a:01");
				cr_expect_eq(expect_trace(TO_NETWORK)->reason, CT_STATE_NEW);
			} else {
				lab_expect_verdict(lab, TC_ACT_OK);
				lab_expect_same_but(lab, NULL, 0);
				cr_expect_eq(expect_trace(TO_STACK)->dst_identity, 2);
			}
		}
		cr_expect_eq(lab_forwarded(lab, 2), 2);
		lab_close(lab);
	}
}

Test(lxc_way, a_pod_elsewhere_is_reached_through_the_tunnel, .timeout = 60)
{
	NEEDS_ROOT();
	pods("tunnel_ifindex: 7", ALL_OUT, ALL_IN, NULL);
	for (int v6 = 0; v6 < 2; v6++) {
		const struct tunnel_meta *t;

		leaves("client", tcp(client[v6], 40000, remote[v6], 80, SYN));
		lab_expect_redirect(lab, NOTE_REDIRECT, 7);
		t = lab_hop(lab)->tunnel;
		cr_assert(t && t->has_key);
		cr_expect_eq(t->id, CLIENT_ID);
		cr_expect_eq(t->remote_ip4, 0xc0a80a02);
		cr_expect_eq(expect_trace(TO_OVERLAY)->dst_identity, 30030);
		lab_expect_same_but(lab, NULL, 0);
	}
	lab_close(lab);
}

/* To who is asked by the tunnel, though the network knows the way, answers go by the tunnel. */
Test(lxc_way, past_the_tunnel_goes_what_did_not_come_by_it, .timeout = 60)
{
	NEEDS_ROOT();
	pods("tunnel_ifindex: 7", NULL, ALL_OUT, NULL);
	lab_set(lab, "cilium_ipcache_v2", "{lpm_key: {prefixlen: 64}, family: 1, ip4: 10.0.2.30}",
		"{sec_identity: 30030, tunnel_endpoint: {ip4: 192.168.10.2}, flag_has_tunnel_ep: "
		"1, "
		"flag_skip_tunnel: 1}");
	leaves("server", tcp(server[0], 80, remote[0], 40000, SYN | ACK));
	lab_expect_verdict(lab, TC_ACT_OK);
	lab_set(lab, "cilium_ct4_global",
		"{daddr: 10.0.2.30, saddr: 10.0.1.20, sport: 40001, dport: 80, nexthdr: 6, flags: "
		"1}",
		"{lifetime: 4294967295, from_tunnel: 1}");
	leaves("server", tcp(server[0], 80, remote[0], 40001, SYN | ACK));
	lab_expect_verdict(lab, TC_ACT_REDIRECT);
	lab_expect_redirect(lab, NOTE_REDIRECT, 7);
	lab_close(lab);
}

/* ---- services ---- */

#define SERVICE(v, addr, port, backend)                                                            \
	"  cilium_lb" v "_services_v2:\n"                                                          \
	"    entries:\n"                                                                           \
	"    - {key: {address: '" addr "', dport: " port ", proto: 6},\n"                          \
	"       value: {count: 1, rev_nat_index: 9}}\n"                                            \
	"    - {key: {address: '" addr "', dport: " port ", proto: 6, backend_slot: 1},\n"         \
	"       value: {backend_id: 1, rev_nat_index: 9}}\n"                                       \
	"  cilium_lb" v "_backends_v3:\n"                                                          \
	"    entries: [{key: 1, value: {address: '" backend "', port: 8080, proto: 6}}]\n"         \
	"  cilium_lb" v "_reverse_nat:\n"                                                          \
	"    entries: [{key: 9, value: {address: '" addr "', port: " port "}}]\n"

static const char *const service[] = { "10.96.0.9", "fd00:10::9" };

static void expect_ends(const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
	const struct frame *out = &lab_hop(lab)->out;
	bool v6 = strchr(src, ':');
	struct pkt want = tcp(src, sport, dst, dport, 0);
	uint32_t l3 = v6 ? 22 : 26, l4 = v6 ? 54 : 34;

	cr_assert(out->data, "%s: dropped", lab->last);
	cr_expect_arr_eq(out->data + l3, want.b + l3, l4 - l3, "%s: other addresses", lab->last);
	cr_expect_arr_eq(out->data + l4, want.b + l4, 4, "%s: ports %u, %u", lab->last,
			 get_be16(out->data + l4), get_be16(out->data + l4 + 2));
}

Test(lxc_way, answers_of_a_service_are_told_with_who_sent_them, .timeout = 60)
{
	NEEDS_ROOT();
	pods(PLAIN, ALL_OUT, ALL_IN,
	     SERVICE("4", "10.96.0.9", "80", "10.0.1.20")
		     SERVICE("6", "fd00:10::9", "80", "fd00:1::20"));
	for (int v6 = 0; v6 < 2; v6++) {
		uint8_t want[16] = { 0 };

		inet_pton(v6 ? AF_INET6 : AF_INET, server[v6], want);
		leaves("client", tcp(client[v6], 40000, service[v6], 80, SYN));
		expect_delivered(SERVER);
		expect_ends(client[v6], 40000, server[v6], 8080);
		lab_expect_complete(lab);
		leaves("server", tcp(server[v6], 8080, client[v6], 40000, SYN | ACK));
		expect_delivered(CLIENT);
		expect_ends(service[v6], 80, client[v6], 40000);
		cr_expect_arr_eq(expect_trace(TO_LXC)->orig_ip, want, 16);
	}
	lab_close(lab);
}

/* What was known of the same ports, when the pod asked the backend itself, would answer from there. */
Test(lxc_way, ports_that_were_a_direct_connections_may_be_a_services, .timeout = 60)
{
	NEEDS_ROOT();
	pods(PLAIN, ALL_OUT, ALL_IN,
	     SERVICE("4", "10.96.0.9", "80", "10.0.1.20")
		     SERVICE("6", "fd00:10::9", "80", "fd00:1::20"));
	for (int v6 = 0; v6 < 2; v6++) {
		leaves("client", tcp(client[v6], 40000, server[v6], 8080, SYN));
		leaves("server", tcp(server[v6], 8080, client[v6], 40000, SYN | ACK));
		expect_ends(server[v6], 8080, client[v6], 40000);
		leaves("client", tcp(client[v6], 40000, service[v6], 80, SYN));
		leaves("server", tcp(server[v6], 8080, client[v6], 40000, SYN | ACK));
		expect_ends(service[v6], 80, client[v6], 40000);
	}
	lab_close(lab);
}

/* Who asks a service knows no backend: an error quotes what he sent. */
Test(lxc_way, time_exceeded_on_the_way_to_a_service_quotes_the_service, .timeout = 60)
{
	NEEDS_ROOT();
	pods(PLAIN, ALL_OUT, ALL_IN,
	     SERVICE("4", "10.96.0.9", "80", "10.0.1.20")
		     SERVICE("6", "fd00:10::9", "80", "fd00:1::20"));
	for (int v6 = 0; v6 < 2; v6++) {
		uint32_t quote = 14 + (v6 ? 48 : 28);
		struct pkt sent = with_ttl(tcp(client[v6], 40000, service[v6], 80, SYN), 1);
		const uint8_t *b;

		leaves("client", sent);
		expect_delivered(CLIENT);
		b = lab_hop(lab)->out.data;
		cr_expect_eq(b[quote - 8], v6 ? 3 : 11, "%s: ICMP type", lab->last);
		cr_expect_arr_eq(b + quote + (v6 ? 8 : 12), sent.b + (v6 ? 22 : 26), v6 ? 36 : 12,
				 "%s: another quote", lab->last);
	}
	lab_close(lab);
}

/* RFC 5508: an error about what was sent to a backend is for one who knows the service only. */
Test(lxc_way, errors_about_a_services_flow_are_translated, .timeout = 60)
{
	NEEDS_ROOT();
	pods(PLAIN, ALL_OUT, ALL_IN,
	     SERVICE("4", "10.96.0.9", "80", "10.0.1.20")
		     SERVICE("6", "fd00:10::9", "80", "fd00:1::20"));
	for (int v6 = 0; v6 < 2; v6++) {
		uint32_t quote = v6 ? 14 + 40 + 8 : 14 + 20 + 8;
		struct pkt sent, p, want;
		const uint8_t *b;

		leaves("client", tcp(client[v6], 40000, service[v6], 80, SYN));
		sent = tcp(client[v6], 40000, server[v6], 8080, SYN);
		put_eth(&p, v6 ? 0x86dd : 0x0800);
		put_error(&p, server[v6], client[v6], v6 ? 1 : 3, v6 ? 4 : 3, 0, &sent, 64);
		leaves("server", p);
		expect_delivered(CLIENT);
		cr_expect_eq(expect_trace(TO_LXC)->reason, CT_STATE_RELATED);
		b = lab_hop(lab)->out.data;
		want = tcp(client[v6], 40000, service[v6], 80, SYN);
		/* the quote: addresses and ports */
		cr_expect_arr_eq(b + quote + (v6 ? 8 : 12), want.b + (v6 ? 22 : 26), v6 ? 36 : 12,
				 "%s: another quote", lab->last);
		cr_expect_arr_eq(b + (v6 ? 22 : 26), want.b + (v6 ? 38 : 30), v6 ? 16 : 4,
				 "%s: not from the service", lab->last);
	}
	lab_close(lab);
}

/* And one about the service's answer is for the backend that sent it. */
Test(lxc_way, errors_about_a_services_answers_reach_the_backend, .timeout = 60)
{
	NEEDS_ROOT();
	pods(PLAIN, ALL_OUT, ALL_IN,
	     SERVICE("4", "10.96.0.9", "80", "10.0.1.20")
		     SERVICE("6", "fd00:10::9", "80", "fd00:1::20"));
	for (int v6 = 0; v6 < 2; v6++) {
		uint32_t quote = v6 ? 14 + 40 + 8 : 14 + 20 + 8;
		struct pkt answer = tcp(service[v6], 80, client[v6], 40000, ACK), p;
		struct pkt want = tcp(server[v6], 8080, client[v6], 40000, ACK);
		const uint8_t *b;

		leaves("client", tcp(client[v6], 40000, service[v6], 80, SYN));
		put_eth(&p, v6 ? 0x86dd : 0x0800);
		put_error(&p, client[v6], service[v6], v6 ? 2 : 3, v6 ? 0 : 4, 1300, &answer, 64);
		leaves("client", p);
		expect_delivered(SERVER);
		b = lab_hop(lab)->out.data;
		cr_expect_arr_eq(b + quote + (v6 ? 8 : 12), want.b + (v6 ? 22 : 26), v6 ? 36 : 12,
				 "%s: another quote", lab->last);
		cr_expect_arr_eq(b + (v6 ? 38 : 30), want.b + (v6 ? 22 : 26), v6 ? 16 : 4,
				 "%s: not to the backend", lab->last);
	}
	lab_close(lab);
}

Test(lxc_way, a_pod_reaches_itself_through_its_service, .timeout = 60)
{
	static const char *const loopback[] = { "169.254.42.1", "fd00:e::1" };

	NEEDS_ROOT();
	for (int mode = 0; mode < 2; mode++) {
		pods(mode ? "enable_endpoint_routes: true, enable_host_routing: true" : PLAIN, NULL,
		     NULL,
		     SERVICE("4", "10.96.0.9", "80", "10.0.1.10")
			     SERVICE("6", "fd00:10::9", "80", "fd00:1::10"));
		for (int v6 = 0; v6 < 2; v6++) {
			leaves("client", tcp(client[v6], 40000, service[v6], 80, SYN));
			expect_ends(loopback[v6], 40000, client[v6], 8080);
			lab_expect_redirect(lab, mode ? NOTE_REDIRECT_PEER : NOTE_REDIRECT, CLIENT);
			/* its policies let nothing out or in: nobody else can come from there */
			leaves("client",
			       with_ttl(tcp(client[v6], 8080, loopback[v6], 40000, SYN | ACK), 64));
			expect_ends(service[v6], 80, client[v6], 40000);
			lab_expect_redirect(lab, mode ? NOTE_REDIRECT_PEER : NOTE_REDIRECT, CLIENT);
			comes("client", 0, tcp(loopback[v6], 40001, client[v6], 8080, SYN));
			expect_drop(133, "bpf_lxc.c");
		}
		lab_close(lab);
	}
}

/* ---- fragments ---- */

/* UDP in pieces; id names the datagram. */
static struct pkt fragment(int v6, uint16_t id, uint16_t offset, bool more)
{
	struct pkt p;
	uint32_t l3 = put_udp_piece(&p, v6, client[v6], server[v6], id, offset, more);

	if (!offset)
		put_udp(&p, 5000, 53, 24);
	put_data(&p, 16);
	end_ip(&p, l3);
	return p;
}

static void fragments_of(int v6)
{
	/* ahead of the first there are no ports to judge by */
	leaves("client", fragment(v6, 1, 24, false));
	expect_drop(175, "frag.h");
	leaves("client", fragment(v6, 1, 0, true));
	expect_delivered(SERVER);
	leaves("client", fragment(v6, 1, 24, false));
	expect_delivered(SERVER);
	leaves("client", fragment(v6, 2, 24, false));
	expect_drop(175, "frag.h");
}

Test(lxc_way, fragments_follow_their_first_one, .timeout = 60)
{
	NEEDS_ROOT();
	pods(PLAIN, RULE("64", "egress: 1, protocol: 17, dport: 53", "lpm_prefix_length: 24"),
	     RULE("64", "protocol: 17, dport: 53", "lpm_prefix_length: 24"), NULL);
	fragments_of(0);
	fragments_of(1);
	lab_close(lab);
}
