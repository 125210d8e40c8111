/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What once went wrong with DSR, and what this datapath does instead; numbers are Cilium's issues and changes.
 * docs/datapath.md says where each of them is tested.
 */
#include "lab_node.h"

#define DSR(more) NODE_TARGET(", lb_mode: 1" more)

#define C4    "192.168.10.100|50000"
#define C6    "fd00:10::100|50000"
#define ASKS4 C4 " > 192.168.10.1|30090"
#define ASKS6 C6 " > fd00:10::1|30090"

static uint32_t grown(void)
{
	return lab_hop(lab)->out.len - lab->packet.len;
}

/* ---- the option, as another node has put it ---- */

/* 192.168.10.NODE, in the order of a little-endian machine. */
static struct pkt told4(struct pkt p, uint8_t node, uint16_t port)
{
	uint8_t option[8] = { 0x9a, 8, (uint8_t)port, (uint8_t)(port >> 8), node, 10, 168, 192 };

	memmove(p.b + 42, p.b + 34, p.len - 34);
	memcpy(p.b + 34, option, sizeof(option));
	p.b[14] += 2;
	p.len += 8;
	end_ip(&p, 14);
	return p;
}

/* fd00:10::NODE */
static struct pkt told6(struct pkt p, uint8_t node, uint16_t port)
{
	uint8_t option[24] = { p.b[20], 2, 0x1b, 20, 0xfd, 0, 0, 0x10 };

	option[19] = node;
	option[20] = (uint8_t)(port >> 8);
	option[21] = (uint8_t)port;
	memmove(p.b + 78, p.b + 54, p.len - 54);
	memcpy(p.b + 54, option, sizeof(option));
	p.b[20] = 60;
	p.len += 24;
	end_ip(&p, 14);
	return p;
}

static struct pkt told(struct pkt p, uint8_t node, uint16_t port)
{
	return p.b[14] >> 4 == 6 ? told6(p, node, port) : told4(p, node, port);
}

/* A pod of this node and the host itself, in both families. */
static const struct backend {
	const char *request, *reply, *client, *service; /* without its last byte */
} backends[] = {
	{ C4 " > 10.0.1.20|8080", "10.0.1.20|8080 > " C4, C4, "192.168.10." },
	{ C4 " > 192.168.10.1|9000", "192.168.10.1|9000 > " C4, C4, "192.168.10." },
	{ C6 " > fd00:1::20|8080", "fd00:1::20|8080 > " C6, C6, "fd00:10::" },
	{ C6 " > fd00:10::1|9000", "fd00:10::1|9000 > " C6, C6, "fd00:10::" },
};

static void expect_answer(const struct backend *b, uint8_t flags, unsigned node, unsigned port)
{
	out(tcp_of(b->reply, flags));
	expect_passed(arena_printf(lab->arena, "%s%u|%u > %s", b->service, node, port, b->client));
}

/* #18632: the first connection's end was lost, its entry is open still. And without another SYN, where the
 * client's packets come by another node: #47881.
 */
Test(history_dsr, a_port_used_again_for_another_service_is_answered_from_that_one, .timeout = 60)
{
	NEEDS_ROOT();
	lab = node_open(DSR(""));
	for (int i = 0; i < 4; i++) {
		const struct backend *b = &backends[i];

		in(told(tcp_of(b->request, SYN), 2, 30090));
		expect_answer(b, SYN | ACK, 2, 30090);
		in(tcp_of(b->request, ACK));
		in(told(tcp_of(b->request, SYN), 3, 443));
		expect_answer(b, SYN | ACK, 3, 443);
		in(tcp_of(b->request, ACK));
		expect_answer(b, ACK, 3, 443);
		in(told(tcp_of(b->request, ACK), 4, 80));
		expect_answer(b, ACK, 4, 80);
	}
	lab_close(lab);
}

/* #27730, #32091, #47529: the backend knows nothing of the connection and resets it; the client takes no reset
 * from another address than it has called.
 */
Test(history_dsr, a_reset_to_a_connection_that_came_midway_is_from_the_service, .timeout = 60)
{
	NEEDS_ROOT();
	lab = node_open(DSR(""));
	for (int i = 0; i < 4; i++) {
		const struct backend *b = &backends[i];

		in(told(tcp_of(b->request, ACK), 2, 30090));
		expect_passed(b->request);
		expect_answer(b, RST, 2, 30090);
	}
	lab_close(lab);
}

static void expect_told(uint32_t more, const char *sent)
{
	expect_wired(sent, OTHER_NODE);
	cr_expect_eq(grown(), more, "%s: %u bytes more, not %u", lab->last, grown(), more);
}

/* The backend of 30090 is now another one, of the same node. */
static void move_backends(void)
{
	struct err err = { 0 };

	for (int v6 = 0; v6 < 2; v6++) {
		const char *map = v6 ? "cilium_lb6_backends_v3" : "cilium_lb4_backends_v3";

		lab_set(lab, map, v6 ? "69" : "49",
			v6 ? "{address: 'fd00:2::30', port: 8081}"
			   : "{address: 10.0.2.30, port: 8081}");
		lab_set(lab, v6 ? "cilium_lb6_services_v2" : "cilium_lb4_services_v2",
			v6 ? "{address: 'fd00:10::1', dport: 30090, backend_slot: 1, proto: 6}"
			   : "{address: 192.168.10.1, dport: 30090, backend_slot: 1, proto: 6}",
			v6 ? "{backend_id: 69, rev_nat_index: 62, flags: 66}"
			   : "{backend_id: 49, rev_nat_index: 42, flags: 66}");
		cr_assert_eq(map_delete(lab_map(lab, map), lab_yaml(lab, v6 ? "62" : "42"), &err),
			     1, "%s", err.text);
	}
}

/* #47529, #48254: with each packet until a SYN, as any of them may be lost. #23235: no packet else. */
Test(history_dsr, a_backend_that_gets_a_connection_midway_is_told_of_the_service, .timeout = 60)
{
	NEEDS_ROOT();
	lab = node_open(DSR(""));
	for (int v6 = 0; v6 < 2; v6++) {
		const char *asks = v6 ? ASKS6 : ASKS4;
		const char *sent = v6 ? C6 " > fd00:2::30|8080" : C4 " > 10.0.2.30|8080";

		in(tcp_of(asks, SYN));
		expect_told(v6 ? 24 : 8, sent);
		in(tcp_of(asks, ACK));
		expect_told(0, sent);
	}
	move_backends();
	for (int v6 = 0; v6 < 2; v6++) {
		const char *asks = v6 ? ASKS6 : ASKS4;
		const char *sent = v6 ? C6 " > fd00:2::30|8081" : C4 " > 10.0.2.30|8081";

		for (int i = 0; i < 2; i++) {
			in(tcp_of(asks, ACK));
			expect_told(v6 ? 24 : 8, sent);
		}
		in(tcp_of(asks, SYN));
		expect_told(v6 ? 24 : 8, sent);
		in(tcp_of(asks, ACK));
		expect_told(0, sent);
	}
	/* one that this node hears of only now: another one has balanced it */
	in(tcp_of("192.168.10.100|50001 > 192.168.10.1|30090", ACK));
	expect_told(8, "192.168.10.100|50001 > 10.0.2.30|8081");
	lab_close(lab);
}

Test(history_dsr, what_that_makes_too_big_is_answered, .timeout = 60)
{
	const uint8_t *d;

	NEEDS_ROOT();
	lab = node_open(DSR(", device_mtu: 1400"));
	in(tcp_data(ASKS4, ACK, 1400 - 40 - 7));
	lab_expect_redirect(lab, NOTE_REDIRECT, ETH0);
	d = lab_hop(lab)->out.data;
	cr_assert(d, "%s: dropped: %d", lab->last, lab_hop(lab)->drop_reason);
	cr_expect(d[34] == 3 && d[35] == 4 && get_be16(d + 40) == 1392, "%s: type %u, MTU %u",
		  lab->last, d[34], get_be16(d + 40));
	/* made smaller, it goes, and is told of still (#48254) */
	in(tcp_data(ASKS4, ACK, 1392 - 40));
	expect_told(8, C4 " > 10.0.2.30|8080");
	lab_close(lab);
}

/* A SYN with 12 bytes of options of its own: no-ops, and a record of the route. */
static struct pkt with_options(struct pkt p)
{
	static const uint8_t own[12] = { 1, 7, 7, 4, 0, 0, 0, 0, 1, 1, 1, 1 };

	memmove(p.b + 46, p.b + 34, p.len - 34);
	memcpy(p.b + 34, own, sizeof(own));
	p.b[14] += 3;
	p.len += 12;
	end_ip(&p, 14);
	return p;
}

/* #23810 */
Test(history_dsr, a_clients_own_ip_options_stand_behind_the_services, .timeout = 60)
{
	const uint8_t *d;

	NEEDS_ROOT();
	lab = node_open(DSR(""));
	in(with_options(tcp_of(ASKS4, SYN)));
	expect_told(8, C4 " > 10.0.2.30|8080");
	d = lab_hop(lab)->out.data;
	cr_expect(d[14] == 0x4a && d[34] == 0x9a && d[35] == 8, "%s: %02x, option %02x", lab->last,
		  d[14], d[34]);
	cr_expect_eq(memcmp(d + 42, lab->packet.b + 34, 12), 0, "%s: the client's options",
		     lab->last);
	for (int i = 0; i < 2; i++) {
		in(told4(with_options(tcp_of(backends[i].request, SYN)), 2, 30090));
		expect_passed(backends[i].request);
		expect_answer(&backends[i], SYN | ACK, 2, 30090);
	}
	lab_close(lab);
}

/* #47640: bytes of a later fragment are no flags. Here they would be a SYN's, of a direct connection. */
Test(history_dsr, a_later_fragment_says_nothing_about_its_connection, .timeout = 60)
{
	const struct backend *b = &backends[0];
	struct pkt p;

	NEEDS_ROOT();
	lab = node_open(DSR(""));
	in(told4(tcp_of(b->request, SYN), 2, 30090));
	p = tcp_data(b->request, ACK, 40);
	set16(&p, 20, 0x2000);
	end_ip(&p, 14);
	in(p);
	expect_passed(b->request);
	p = tcp_of(b->request, SYN);
	set16(&p, 20, 10);
	end_ip(&p, 14);
	in(p);
	lab_expect_verdict(lab, TC_ACT_OK);
	expect_answer(b, ACK, 2, 30090);
	lab_close(lab);
}

/* ---- Geneve ---- */

static void node_backend(const char *ipcache4, const char *ipcache6)
{
	lab_set(lab, "cilium_lb4_backends_v3", "42", "{address: 192.168.10.2, port: 9000}");
	lab_set(lab, "cilium_lb6_backends_v3", "62", "{address: 'fd00:10::2', port: 9000}");
	lab_set(lab, "cilium_ipcache_v2",
		"{lpm_key: {prefixlen: 64}, family: 1, ip4: 192.168.10.2}", ipcache4);
	lab_set(lab, "cilium_ipcache_v2",
		"{lpm_key: {prefixlen: 160}, family: 2, ip6: 'fd00:10::2'}", ipcache6);
}

/* #36901, #36978: a backend in another node's own namespace; whether or not the node's entry names the end of
 * a tunnel, which nobody else is to take.
 */
Test(history_dsr, by_geneve_a_nodes_own_backend_is_reached_too, .timeout = 60)
{
	static const char *const entries[2][2] = {
		{ "{sec_identity: 6}", "{sec_identity: 6}" },
		{ "{sec_identity: 6, tunnel_endpoint: {ip4: 192.168.10.2}, flag_has_tunnel_ep: 1, "
		  "flag_skip_tunnel: 1}",
		  "{sec_identity: 6, tunnel_endpoint: {ip6: 'fd00:10::2'}, flag_has_tunnel_ep: 1, "
		  "flag_ipv6_tunnel_ep: 1, flag_skip_tunnel: 1}" },
	};

	NEEDS_ROOT();
	for (int i = 0; i < 2; i++) {
		lab = node_open(DSR(", dsr_dispatch: 1, tunnel_ifindex: 3"));
		node_backend(entries[i][0], entries[i][1]);
		for (int k = 0; k < 2; k++) {
			const struct tunnel_meta *t;

			in(tcp_of(ASKS4, k ? ACK : SYN));
			lab_expect_redirect(lab, NOTE_REDIRECT, TUNNEL);
			expect_ends(C4 " > 192.168.10.2|9000");
			t = lab_hop(lab)->tunnel;
			cr_assert(t && t->has_key);
			cr_expect(t->remote_ip4 == 0xc0a80a02 && t->id == 2 && t->has_opt == !k);
			in(tcp_of(ASKS6, k ? ACK : SYN));
			lab_expect_redirect(lab, NOTE_REDIRECT, TUNNEL);
			expect_ends(C6 " > fd00:10::2|9000");
			t = lab_hop(lab)->tunnel;
			cr_assert(t && t->has_key && t->ipv6);
			cr_expect(t->remote_ip6[0] == 0xfd && t->remote_ip6[15] == 2);
		}
		lab_close(lab);
	}
}

/* outer IPv4, UDP, Geneve and its option of 12 or 24 bytes, inner Ethernet */
Test(history_dsr, by_geneve_what_does_not_fit_is_answered, .timeout = 60)
{
	static const uint16_t overheads[2][2] = { { 50 + 12, 50 }, { 50 + 24, 50 } };

	NEEDS_ROOT();
	lab = node_open(DSR(", dsr_dispatch: 1, tunnel_ifindex: 3, device_mtu: 1400"));
	for (int v6 = 0; v6 < 2; v6++) {
		const char *asks = v6 ? ASKS6 : ASKS4;
		uint32_t headers = v6 ? 60 : 40;

		for (int k = 0; k < 2; k++) {
			uint32_t mtu = 1400u - overheads[v6][k];
			const uint8_t *d;

			in(tcp_data(asks, k ? ACK : SYN, mtu - headers));
			lab_expect_redirect(lab, NOTE_REDIRECT, TUNNEL);
			in(tcp_data(asks, k ? ACK : SYN, mtu - headers + 1));
			lab_expect_redirect(lab, NOTE_REDIRECT, ETH0);
			d = lab_hop(lab)->out.data;
			cr_assert(d, "%s: dropped: %d", lab->last, lab_hop(lab)->drop_reason);
			cr_expect_eq(v6 ? get_be32(d + 58) : get_be16(d + 40), mtu, "%s: MTU %u",
				     lab->last, v6 ? get_be32(d + 58) : get_be16(d + 40));
			cr_expect_str_eq(ends_at(d, v6 ? 62 : 42), asks, "%s: quotes %s", lab->last,
					 ends_at(d, v6 ? 62 : 42));
		}
	}
	lab_close(lab);
}

#define GENEVE_TARGET                                                                              \
	"summary: a node behind a tunnel\n"                                                        \
	"config: {interface_ifindex: 2, interface_mac: 02:00:c0:a8:0a:01, enable_nodeport: true, " \
	"nat_ipv4_masquerade: 192.168.10.1, nat_ipv6_masquerade: 'fd00:10::1', lb_mode: 1, "       \
	"dsr_dispatch: 1, tunnel_ifindex: 3, enable_endpoint_routes: true}\n"                      \
	"hooks:\n"                                                                                 \
	"  native: {ingress: bpf_host.o/cil_from_netdev, egress: bpf_host.o/cil_to_netdev}\n"      \
	"  overlay: {ingress: bpf_overlay.o/cil_from_overlay}\n"                                   \
	"events: {map: cilium_events}\n"                                                           \
	"devices:\n"                                                                               \
	"- {name: eth0, ifindex: 2, role: native, mac: 02:00:c0:a8:0a:01}\n"                       \
	"- {name: cilium_geneve, ifindex: 3, role: overlay, mac: 02:00:00:00:00:0b}\n"

/* By the tunnel from 192.168.10.2, as the world's, with the option or without. */
static void by_geneve(const char *text, bool with_option)
{
	static const uint8_t four[12] = { 1, 0x4b, 0x81, 2, 192, 168, 10, 2, 0x75, 0x8a, 0, 0 };
	static const uint8_t six[24] = { 1, 0x4b, 0x81, 5, 0xfd, 0, 0, 0x10, 0,	   0,	 0, 0,
					 0, 0,	  0,	0, 0,	 0, 0, 2,    0x75, 0x8a, 0, 0 };
	struct tunnel_meta t = { .has_key = true, .id = 2, .remote_ip4 = 0xc0a80a02, .ttl = 63 };
	struct replay_place at = { .role = "cilium_geneve", .hook = "ingress", .tunnel = &t };
	struct pkt p = tcp_of(text, SYN);
	bool v6 = p.b[14] >> 4 == 6;

	t.has_opt = with_option;
	t.opt_len = !with_option ? 0 : v6 ? sizeof(six) : sizeof(four);
	memcpy(t.opt, v6 ? six : four, t.opt_len);
	lab_run_at(lab, at, &p);
	cr_expect_eq(lab_hop(lab)->drop_reason, 0, "%s: %s is dropped: %d", lab->last, text,
		     lab_hop(lab)->drop_reason);
	expect_ends(text);
}

/* The answer leaves by the network, whatever the request came by. */
Test(history_dsr, what_a_tunnels_option_tells_is_where_answers_come_from, .timeout = 60)
{
	NEEDS_ROOT();
	lab = node_open(GENEVE_TARGET);
	for (int i = 0; i < 4; i++) {
		const struct backend *b = &backends[i];

		by_geneve(b->request, true);
		expect_answer(b, SYN | ACK, 2, 30090);
		/* #17759, by the tunnel */
		by_geneve(b->request, false);
		out(tcp_of(b->reply, SYN | ACK));
		expect_passed(b->reply);
	}
	lab_close(lab);
}
