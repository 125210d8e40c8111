// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Both ends of the tunnel: who a packet is from, where it goes on to, and how it goes in. */
#include "lab_counts.h"
#include "lab_node.h"

enum { POD = 20, CILIUM_HOST = 4 };
enum { TO_OVERLAY = 4, FROM_OVERLAY = 9 };
enum { MARK_OVERLAY = 0x400, MARK_IDENTITY = 0xf00 };

/* A program that sends all into the tunnel, to whom the ipcache says, as identity skb->mark. */
static const char enter[] =
	"#include <lib/drop.h>\n"
	"#include <lib/encap.h>\n"
	"#include <lib/eth.h>\n"
	"SEC(\"tc\") int enter(ctx_t *ctx)\n"
	"{\n"
	"	static const __u8 options[8] = { 0x01, 0x4b, 0x81, 1, 1, 2, 3, 4 };\n"
	"	struct remote_endpoint_info *info;\n"
	"	struct packet *pkt = packet_begin();\n"
	"	__u8 copy[8];\n"
	"	int ret;\n"
	"	if (!pkt) return CTX_DROP;\n"
	"	eth_parse(ctx, pkt);\n"
	"	ret = pkt->ethertype == ETH_P_IP ? ipv4_parse(ctx, pkt) : ipv6_parse(ctx, pkt);\n"
	"	pkt->src_identity = ctx->mark;\n"
	"	info = (void *)ipcache_lookup(&pkt->daddr, pkt->is_ipv6);\n"
	"	__builtin_memcpy(copy, options, sizeof(copy));\n"
	"	if (!ret && info && pkt->protocol == IPPROTO_UDP)\n"
	"		ret = encap_with_options(ctx, pkt, info, ctx->mark, copy, sizeof(copy));\n"
	"	else if (!ret && info)\n"
	"		ret = encap(ctx, pkt, info, ctx->mark);\n"
	"	return ret < 0 ? drop_packet(ctx, pkt, ret, DIR_EGRESS) : ret;\n"
	"}\n"
	"char _license[] SEC(\"license\") = \"Dual BSD/GPL\";\n";

#define OVERLAY_TARGET(config) OVERLAY_TARGET_OF(", enable_host_routing: true" config)
#define OVERLAY_TARGET_OF(config)                                                                  \
	"summary: a node behind a tunnel\n"                                                        \
	"objects: {files: {enter.o: {path: enter.o}}}\n"                                           \
	"config: {tunnel_ifindex: 3, nat_ipv4_masquerade: 192.168.10.1, "                          \
	"nat_ipv6_masquerade: 'fd00:10::1'" config "}\n"                                           \
	"hooks:\n"                                                                                 \
	"  overlay: {ingress: bpf_overlay.o/cil_from_overlay, egress: "                            \
	"bpf_overlay.o/cil_to_overlay}\n"                                                          \
	"  enter: {ingress: enter.o/enter}\n"                                                      \
	"  endpoint: {ingress: bpf_lxc.o/cil_from_container}\n"                                    \
	"tail_calls:\n"                                                                            \
	"- {map: cilium_call_policy, index: 20, program: bpf_lxc.o/cil_lxc_policy, device: pod}\n" \
	"maps: {cilium_policy_v2: {scope: device}}\n"                                              \
	"events: {map: cilium_events}\n"                                                           \
	"devices:\n"                                                                               \
	"- {name: eth0, ifindex: 2, role: enter, mac: 02:00:c0:a8:0a:01}\n"                        \
	"- {name: cilium_vxlan, ifindex: 3, role: overlay, mac: 02:00:00:00:00:0b}\n"              \
	"- {name: cilium_host, ifindex: 4, role: enter, mac: 02:00:00:00:00:04}\n"                 \
	"- {name: pod, ifindex: 20, role: endpoint, mac: 02:00:00:00:00:bb, config: "              \
	"{endpoint_id: 20, interface_ifindex: 20, security_label: 30020}}\n"

/* The pod takes port 80 from identities 30030, 7 and that of a network, and from no one else. */
static const char overlay_maps[] =
	"maps:\n"
	"  cilium_lxc:\n    entries:\n"
	"    - {key: {ip4: 10.0.1.20, family: 1}, value: {ifindex: 20, lxc_id: 20, sec_id: 30020, "
	"mac: 02:00:0a:00:01:14, node_mac: 02:00:00:00:00:bb}}\n"
	"    - {key: {ip6: 'fd00:1::20', family: 2}, value: {ifindex: 20, lxc_id: 20, "
	"sec_id: 30020, mac: 02:00:0a:00:01:14, node_mac: 02:00:00:00:00:bb}}\n"
	"    - {key: {ip4: 192.168.10.1, family: 1}, value: {flags: 1}}\n"
	"    - {key: {ip6: 'fd00:10::1', family: 2}, value: {flags: 1}}\n"
	"  cilium_ipcache_v2:\n    entries:\n"
	"    - {key: {lpm_key: {prefixlen: 64}, family: 1, ip4: 10.0.2.30}, value: {sec_identity: "
	"30030, tunnel_endpoint: {ip4: 192.168.10.2}, flag_has_tunnel_ep: 1}}\n"
	"    - {key: {lpm_key: {prefixlen: 160}, family: 2, ip6: 'fd00:2::30'}, value: "
	"{sec_identity: 30030, tunnel_endpoint: {ip6: 'fd00:10::2'}, flag_has_tunnel_ep: 1, "
	"flag_ipv6_tunnel_ep: 1}}\n"
	"    - {key: {lpm_key: {prefixlen: 64}, family: 1, ip4: 10.0.9.9}, value: {sec_identity: "
	"30099}}\n"
	"    - {key: {lpm_key: {prefixlen: 64}, family: 1, ip4: 192.168.10.1}, "
	"value: {sec_identity: 1}}\n"
	"    - {key: {lpm_key: {prefixlen: 64}, family: 1, ip4: 192.168.10.2}, "
	"value: {sec_identity: 6}}\n"
	"    - {key: {lpm_key: {prefixlen: 64}, family: 1, ip4: 192.168.10.3}, "
	"value: {sec_identity: 7}}\n"
	"    - {key: {lpm_key: {prefixlen: 56}, family: 1, ip4: 203.0.113.0}, "
	"value: {sec_identity: 16777217}}\n"
	"  pod/cilium_policy_v2:\n    entries:\n"
	"    - {key: {lpm_key: {prefixlen: 64}, sec_label: 30030, protocol: 6, dport: 80}, value: "
	"{lpm_prefix_length: 24}}\n"
	"    - {key: {lpm_key: {prefixlen: 64}, sec_label: 7, protocol: 6, dport: 80}, value: "
	"{lpm_prefix_length: 24}}\n"
	"    - {key: {lpm_key: {prefixlen: 64}, sec_label: 16777217, protocol: 6, dport: 80}, "
	"value: {lpm_prefix_length: 24}}\n";

static struct lab *overlay(const char *target)
{
	struct arena *a = arena_new();

	lab_compile(a, "enter", enter);
	return lab_open(a, (struct lab_opts){ .target = target,
					      .maps = overlay_maps,
					      .role = "overlay",
					      .hook = "ingress" });
}

/* The world's other nodes are 192.168.10.2 and fd00:10::2. */
static struct tunnel_meta came_by(uint32_t vni, bool v6)
{
	struct tunnel_meta t = { .has_key = true, .id = vni, .ipv6 = v6, .ttl = 63, .tos = 4 };

	if (v6)
		inet_pton(AF_INET6, "fd00:10::2", t.remote_ip6);
	else
		t.remote_ip4 = 0xc0a80a02;
	return t;
}

static const struct hop *tunnelled_with(struct tunnel_meta t, struct pkt p)
{
	return lab_run_at(
		lab,
		(struct replay_place){ .role = "cilium_vxlan", .hook = "ingress", .tunnel = &t },
		&p);
}

static const struct hop *tunnelled(uint32_t vni, const char *text)
{
	return tunnelled_with(came_by(vni, false), tcp_of(text, SYN));
}

static void expect_in_pod(uint32_t identity)
{
	const struct event *e = lab_event(lab, EVENT_TRACE, FROM_OVERLAY);

	lab_expect_verdict(lab, TC_ACT_REDIRECT);
	lab_expect_redirect(lab, NOTE_REDIRECT_PEER, POD);
	lab_expect_macs(lab, "02:00:0a:00:01:14", "02:00:00:00:00:bb");
	cr_expect_eq(sent_ttl(), 63);
	cr_assert(e, "%s: no trace from the overlay", lab->last);
	e = lab_event(lab, EVENT_POLICY_VERDICT, -1);
	cr_assert(e, "%s: policy was not asked", lab->last);
	cr_expect_eq(e->src_identity, identity, "%s: of identity %u", lab->last, e->src_identity);
}

Test(overlay, the_vni_says_who_a_packet_for_a_pod_is_from, .timeout = 60)
{
	NEEDS_ROOT();
	lab = overlay(OVERLAY_TARGET(""));
	tunnelled(30030, "10.0.2.30|4000 > 10.0.1.20|80");
	expect_in_pod(30030);
	expect_ends("10.0.2.30|4000 > 10.0.1.20|80");
	lab_expect_entry(lab, CT4,
			 "{daddr: 10.0.2.30, saddr: 10.0.1.20, dport: 80, sport: 4000, nexthdr: 6, "
			 "flags: 1}",
			 "{from_tunnel: 1, src_sec_id: 30030}");
	/* over an IPv6 network, from an address nobody knows: the VNI counts */
	tunnelled_with(came_by(30030, true), tcp_of("fd00:2::99|4000 > fd00:1::20|80", SYN));
	expect_in_pod(30030);
	tunnelled(30031, "10.0.2.30|4001 > 10.0.1.20|80");
	lab_expect_drop(lab, TC_ACT_SHOT, 133, "bpf_lxc.c");
	lab_close(lab);
}

/* Where pods have routes their policy is at their devices, and is told by the mark. */
Test(overlay, a_pod_with_a_route_gets_the_packet_at_its_device, .timeout = 60)
{
	NEEDS_ROOT();
	lab = overlay(OVERLAY_TARGET_OF(", enable_endpoint_routes: true"));
	for (int v6 = 0; v6 < 2; v6++) {
		tunnelled_with(came_by(30030, v6), tcp_of(v6 ? "fd00:2::30|4000 > fd00:1::20|80"
							     : "10.0.2.30|4000 > 10.0.1.20|80",
							  SYN));
		lab_expect_verdict(lab, TC_ACT_REDIRECT);
		lab_expect_redirect(lab, NOTE_REDIRECT, POD);
		cr_expect_eq(lab_hop(lab)->out_mark, (30030u << 16 | MARK_IDENTITY), "mark %08x",
			     lab_hop(lab)->out_mark);
	}
	lab_close(lab);
}

Test(overlay, a_remote_node_is_told_by_its_address, .timeout = 60)
{
	NEEDS_ROOT();
	lab = overlay(OVERLAY_TARGET(""));
	tunnelled(6, "192.168.10.3|4000 > 10.0.1.20|80");
	expect_in_pod(7);
	tunnelled(6, "192.168.10.2|4001 > 10.0.1.20|80");
	lab_expect_drop(lab, TC_ACT_SHOT, 133, "bpf_lxc.c");
	/* any other identity is not */
	tunnelled(30030, "192.168.10.3|4002 > 10.0.1.20|80");
	expect_in_pod(30030);
	lab_close(lab);
}

/* 171 is an invalid identity, 183 an invalid VNI, 147 none. */
Test(overlay, no_peer_speaks_for_this_node, .timeout = 60)
{
	NEEDS_ROOT();
	lab = overlay(OVERLAY_TARGET(""));
	tunnelled(1, "10.0.2.30|4000 > 10.0.1.20|80");
	lab_expect_drop(lab, TC_ACT_SHOT, 171, "bpf_overlay.c");
	tunnelled(6, "192.168.10.1|4000 > 10.0.1.20|80");
	lab_expect_drop(lab, TC_ACT_SHOT, 171, "bpf_overlay.c");
	tunnelled(6, "192.168.10.1|4000 > 192.168.10.1|80");
	lab_expect_drop(lab, TC_ACT_SHOT, 171, "bpf_overlay.c");
	tunnelled(0, "10.0.2.30|4000 > 10.0.1.20|80");
	lab_expect_drop(lab, TC_ACT_SHOT, 183, "bpf_overlay.c");
	tunnelled_with((struct tunnel_meta){ 0 }, tcp_of("10.0.2.30|4000 > 10.0.1.20|80", SYN));
	lab_expect_drop(lab, TC_ACT_SHOT, 147, "bpf_overlay.c");
	lab_close(lab);
}

Test(overlay, what_is_for_the_host_goes_up_with_its_identity, .timeout = 60)
{
	NEEDS_ROOT();
	lab = overlay(OVERLAY_TARGET(""));
	tunnelled(30030, "10.0.2.30|4000 > 192.168.10.1|22");
	lab_expect_verdict(lab, TC_ACT_OK);
	lab_expect_same_but(lab, NULL, 0);
	cr_expect_eq(lab_hop(lab)->out_mark, (30030u << 16 | MARK_IDENTITY), "mark %08x",
		     lab_hop(lab)->out_mark);
	tunnelled_with(came_by(30030, false), tcp_of("fd00:2::30|4000 > fd00:10::1|22", SYN));
	lab_expect_verdict(lab, TC_ACT_OK);
	/* an identity of more than 16 bits */
	tunnelled(0xabcdef, "10.0.2.30|4000 > 192.168.10.1|22");
	cr_expect_eq(lab_hop(lab)->out_mark, 0xcdef0fab, "mark %08x", lab_hop(lab)->out_mark);
	cr_expect_eq(lab_forwarded(lab, 1), 3);
	lab_close(lab);
}

Test(overlay, where_cilium_host_is_it_receives_what_is_for_the_host, .timeout = 60)
{
	NEEDS_ROOT();
	lab = overlay(
		OVERLAY_TARGET(", cilium_host_ifindex: 4, cilium_host_mac: 02:00:00:00:00:04, "
			       "interface_mac: 02:00:00:00:00:0b"));
	tunnelled(30030, "10.0.2.30|4000 > 192.168.10.1|22");
	lab_expect_verdict(lab, TC_ACT_REDIRECT);
	cr_expect_eq(lab_expect_redirect(lab, NOTE_REDIRECT, CILIUM_HOST)->flags, BPF_F_INGRESS);
	lab_expect_macs(lab, "02:00:00:00:00:04", "02:00:00:00:00:0b");
	cr_expect_eq(lab_hop(lab)->out_mark, (30030u << 16 | MARK_IDENTITY));
	lab_close(lab);
}

Test(overlay, what_is_not_ip_passes_and_what_is_not_whole_does_not, .timeout = 60)
{
	struct pkt p;

	NEEDS_ROOT();
	lab = overlay(OVERLAY_TARGET(""));
	put_eth(&p, 0x0806);
	put_data(&p, 60);
	tunnelled_with((struct tunnel_meta){ 0 }, p);
	lab_expect_verdict(lab, TC_ACT_OK);
	lab_expect_same_but(lab, NULL, 0);
	p = tcp_of("10.0.2.30|4000 > 10.0.1.20|80", SYN);
	set16(&p, 16, (uint16_t)(p.len));
	tunnelled_with(came_by(30030, false), p);
	lab_expect_drop(lab, TC_ACT_SHOT, 134, "ipv4.h");
	lab_close(lab);
}

/* ---- answers to what may not go on ---- */

Test(overlay, a_last_hop_in_the_tunnel_is_told_through_the_tunnel, .timeout = 60)
{
	struct pkt p;

	NEEDS_ROOT();
	lab = overlay(OVERLAY_TARGET(""));
	for (int v6 = 0; v6 < 2; v6++) {
		struct tunnel_meta t = came_by(30030, v6);
		const struct tunnel_meta *back;

		p = tcp_of(v6 ? "fd00:2::30|4000 > fd00:1::20|80" : "10.0.2.30|4000 > 10.0.1.20|80",
			   SYN);
		p.b[v6 ? 21 : 22] = 1;
		if (!v6)
			end_ip(&p, 14);
		tunnelled_with(t, p);
		lab_expect_verdict(lab, TC_ACT_REDIRECT);
		lab_expect_redirect(lab, NOTE_REDIRECT, TUNNEL);
		back = lab_hop(lab)->tunnel;
		cr_assert(back && back->has_key, "no tunnel key");
		cr_expect_eq(back->id, 6, "VNI %u", back->id);
		cr_expect(back->ipv6 == t.ipv6 && back->remote_ip4 == t.remote_ip4);
		cr_expect_arr_eq(back->remote_ip6, t.remote_ip6, 16);
		cr_expect_eq(lab_hop(lab)->out.data[v6 ? 54 : 34], v6 ? 3 : 11, "type");
		cr_expect_eq(lab_hop(lab)->drop_reason, 196);
	}
	lab_close(lab);
}

/* ---- into the tunnel ---- */

static const struct hop *entering(uint32_t identity, struct pkt p)
{
	return lab_run_at(
		lab, (struct replay_place){ .role = "eth0", .hook = "ingress", .mark = identity },
		&p);
}

Test(overlay, a_packet_goes_in_with_its_senders_identity_as_vni, .timeout = 60)
{
	const struct tunnel_meta *t;
	const struct event *e;
	uint8_t remote[16];

	NEEDS_ROOT();
	lab = overlay(OVERLAY_TARGET(""));
	entering(30020, tcp_of("10.0.1.20|4000 > 10.0.2.30|80", SYN));
	lab_expect_verdict(lab, TC_ACT_REDIRECT);
	lab_expect_redirect(lab, NOTE_REDIRECT, TUNNEL);
	lab_expect_same_but(lab, NULL, 0);
	t = lab_hop(lab)->tunnel;
	cr_assert(t && t->has_key);
	cr_expect_eq(t->id, 30020);
	cr_expect(!t->ipv6 && !t->has_opt);
	cr_expect_eq(t->remote_ip4, 0xc0a80a02);
	cr_expect_eq(t->flags, BPF_F_ZERO_CSUM_TX, "flags %llx", (unsigned long long)t->flags);
	e = lab_event(lab, EVENT_TRACE, TO_OVERLAY);
	cr_assert(e, "no trace");
	cr_expect_eq(e->src_identity, 30020);
	entering(30020, tcp_of("fd00:1::20|4000 > fd00:2::30|80", SYN));
	lab_expect_redirect(lab, NOTE_REDIRECT, TUNNEL);
	t = lab_hop(lab)->tunnel;
	inet_pton(AF_INET6, "fd00:10::2", remote);
	cr_expect(t->ipv6);
	cr_expect_arr_eq(t->remote_ip6, remote, 16);
	lab_close(lab);
}

Test(overlay, the_host_is_a_remote_node_to_others, .timeout = 60)
{
	NEEDS_ROOT();
	lab = overlay(OVERLAY_TARGET(""));
	entering(1, tcp_of("192.168.10.1|4000 > 10.0.2.30|80", SYN));
	cr_assert(lab_hop(lab)->tunnel);
	cr_expect_eq(lab_hop(lab)->tunnel->id, 6);
	lab_close(lab);
}

Test(overlay, options_go_along, .timeout = 60)
{
	static const uint8_t options[8] = { 0x01, 0x4b, 0x81, 1, 1, 2, 3, 4 };
	const struct tunnel_meta *t;

	NEEDS_ROOT();
	lab = overlay(OVERLAY_TARGET(""));
	entering(2, udp_of("203.0.113.5|4000 > 10.0.2.30|80", 9));
	t = lab_hop(lab)->tunnel;
	cr_assert(t && t->has_key && t->has_opt);
	cr_expect_eq(t->opt_len, 8);
	cr_expect_arr_eq(t->opt, options, 8);
	lab_close(lab);
}

Test(overlay, who_is_behind_no_tunnel_is_not_reached_through_one, .timeout = 60)
{
	NEEDS_ROOT();
	lab = overlay(OVERLAY_TARGET(""));
	entering(30020, tcp_of("10.0.1.20|4000 > 10.0.9.9|80", SYN));
	lab_expect_drop(lab, TC_ACT_SHOT, 160, "encap.h");
	lab_close(lab);
}

/* ---- the tunnel device's way out ---- */

Test(overlay, what_leaves_is_marked_with_the_identity_it_goes_by, .timeout = 60)
{
	struct tunnel_meta t = came_by(30020, false);
	struct pkt p;

	NEEDS_ROOT();
	lab = overlay(OVERLAY_TARGET(""));
	p = tcp_of("10.0.1.20|4000 > 10.0.2.30|80", SYN);
	lab_run_at(lab,
		   (struct replay_place){ .role = "cilium_vxlan", .hook = "egress", .tunnel = &t },
		   &p);
	lab_expect_verdict(lab, TC_ACT_OK);
	lab_expect_same_but(lab, NULL, 0);
	cr_expect_eq(lab_hop(lab)->out_mark, (30020u << 16 | MARK_OVERLAY), "mark %08x",
		     lab_hop(lab)->out_mark);
	/* what the device itself says to nobody it will drop */
	put_eth(&p, 0x86dd);
	end_ip(&p, put_ip6(&p, "fe80::1", "ff02::2", 59));
	lab_run(lab, "cilium_vxlan", "egress", &p);
	lab_expect_verdict(lab, TC_ACT_OK);
	cr_expect_eq(lab_hop(lab)->out_mark, MARK_OVERLAY);
	lab_close(lab);
}

/* ---- DSR by Geneve ---- */

Test(overlay, a_service_told_by_geneve_is_kept_for_the_answers, .timeout = 60)
{
	/* class, type, length in words; address and port of the service; padding */
	static const uint8_t option[12] = { 0x01, 0x4b, 0x81, 2, 172, 16, 10, 1, 0x75, 0x30, 0, 0 };
	struct tunnel_meta t = came_by(2, false);

	NEEDS_ROOT();
	lab = overlay(OVERLAY_TARGET(", enable_nodeport: true, lb_mode: 1, dsr_dispatch: 1"));
	t.has_opt = true;
	t.opt_len = sizeof(option);
	memcpy(t.opt, option, sizeof(option));
	tunnelled_with(t, tcp_of("203.0.113.5|4000 > 10.0.1.20|80", SYN));
	/* of the world, but of a network that has an identity here */
	expect_in_pod(16777217);
	lab_expect_entry(lab, CT4,
			 "{daddr: 203.0.113.5, saddr: 10.0.1.20, dport: 80, sport: 4000, "
			 "nexthdr: 6, flags: 0}",
			 "{dsr_internal: 1, nat_port: 30000}");
	/* an address of the host's makes nobody the host here either */
	tunnelled(2, "192.168.10.1|4000 > 10.0.1.20|80");
	lab_expect_drop(lab, TC_ACT_SHOT, 171, "bpf_overlay.c");
	lab_close(lab);
}

/* For a service that a proxy of this node serves: 10000 is port 4135 in the order of packets. */
Test(overlay, a_proxy_is_asked_through_the_tunnel_too, .timeout = 60)
{
	static const char *const asked[] = { "10.0.2.30|4000 > 192.168.10.1|30099",
					     "fd00:2::30|4000 > fd00:10::1|30099" };

	NEEDS_ROOT();
	lab = overlay(OVERLAY_TARGET(", enable_nodeport: true"));
	for (int v6 = 0; v6 < 2; v6++) {
		lab_set(lab, v6 ? "cilium_lb6_services_v2" : "cilium_lb4_services_v2",
			v6 ? "{address: 'fd00:10::1', dport: 30099, proto: 6}"
			   : "{address: 192.168.10.1, dport: 30099, proto: 6}",
			"{l7_lb_proxy_port: 10000, rev_nat_index: 9, flags: 66, flags2: 4}");
		tunnelled_with(came_by(30030, v6), tcp_of(asked[v6], SYN));
		lab_expect_verdict(lab, TC_ACT_OK);
		cr_expect_eq(lab_hop(lab)->out_mark, 0x27100200u, "%s: mark %x", lab->last,
			     lab_hop(lab)->out_mark);
	}
	lab_close(lab);
}

/* Who asks a node port through the tunnel and is answered by a pod that the stack brings packets of: the answer gets
 * its source on the way into the tunnel.
 */
Test(overlay, a_node_ports_answer_comes_from_it_through_the_tunnel_too, .timeout = 60)
{
	struct tunnel_meta t = came_by(30020, false);
	struct pkt p = tcp_of("10.0.1.20|80 > 10.0.2.30|4000", SYN | ACK);

	NEEDS_ROOT();
	lab = overlay(OVERLAY_TARGET(", enable_nodeport: true"));
	lab_set(lab, "cilium_lb4_services_v2", "{address: 192.168.10.1, dport: 30080, proto: 6}",
		"{count: 1, rev_nat_index: 9, flags: 66}");
	lab_set(lab, "cilium_lb4_services_v2",
		"{address: 192.168.10.1, dport: 30080, proto: 6, backend_slot: 1}",
		"{backend_id: 9, rev_nat_index: 9, flags: 66}");
	lab_set(lab, "cilium_lb4_backends_v3", "9", "{address: 10.0.1.20, port: 80}");
	lab_set(lab, "cilium_lb4_reverse_nat", "9", "{address: 192.168.10.1, port: 30080}");
	tunnelled_with(came_by(30030, false), tcp_of("10.0.2.30|4000 > 192.168.10.1|30080", SYN));
	expect_in_pod(30030);
	lab_run_at(lab,
		   (struct replay_place){ .role = "cilium_vxlan", .hook = "egress", .tunnel = &t },
		   &p);
	expect_passed("192.168.10.1|30080 > 10.0.2.30|4000");
	cr_expect_eq(lab_forwarded(lab, 2), 0, "who has sent it here has counted it");
	lab_close(lab);
}
