/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Datagrams in pieces at a node port, IPv4 and IPv6: later pieces follow the first one there and back, and none goes
 * ahead of it.
 */
#include "lab_node.h"

static const char *const client[] = { "192.168.10.100", "fd00:10::100" };
static const char *const node[] = { "192.168.10.1", "fd00:10::1" };
static const char *const far[] = { "10.0.2.30", "fd00:2::30" };
static const char *const here[] = { "10.0.1.20", "fd00:1::20" };

/* id names the datagram; offset in bytes, a multiple of 8. The first piece has 24 bytes. */
static struct pkt piece(const char *text, uint16_t id, uint16_t offset)
{
	struct node_ends e = node_ends(text);
	struct pkt p;
	uint32_t l3 = put_udp_piece(&p, e.v6, e.src, e.dst, id, offset, !offset);

	if (!offset)
		put_udp(&p, (uint16_t)e.sport, (uint16_t)e.dport, 32);
	put_data(&p, 16);
	end_ip(&p, l3);
	return p;
}

static const char *ends(const char *src, unsigned sport, const char *dst, unsigned dport)
{
	return arena_printf(lab->arena, "%s|%u > %s|%u", src, sport, dst, dport);
}

/* Both pieces leave as that, the later one's data as they came. */
static void expect_both(const char *sent, const char *become, int verdict)
{
	static uint16_t id;
	struct pkt rest = piece(sent, ++id, 24), want = piece(become, id, 24);
	bool v6 = node_ends(sent).v6;
	uint32_t addresses = v6 ? 22 : 26, data = v6 ? 54 : 34;

	in(rest);
	lab_expect_drop(lab, TC_ACT_SHOT, 175, "frag.h");
	in(piece(sent, id, 0));
	lab_expect_verdict(lab, verdict);
	expect_ends(become);
	in(rest);
	lab_expect_verdict(lab, verdict);
	cr_assert_eq(lab_hop(lab)->out.len, want.len);
	cr_expect_arr_eq(lab_hop(lab)->out.data + addresses, want.b + addresses, v6 ? 32 : 8,
			 "%s: other addresses than of %s", lab->last, become);
	cr_expect_arr_eq(lab_hop(lab)->out.data + data, want.b + data, want.len - data,
			 "%s: data is no header", lab->last);
	in(piece(sent, ++id, 24)); /* another datagram's */
	lab_expect_drop(lab, TC_ACT_SHOT, 175, "frag.h");
}

static void serve_datagrams(int v6, unsigned port, const char *backend)
{
	const char *map = v6 ? "cilium_lb6_services_v2" : "cilium_lb4_services_v2";

	for (int slot = 0; slot < 2; slot++)
		lab_set(lab, map,
			arena_printf(lab->arena,
				     "{address: '%s', dport: %u, proto: 17, backend_slot: %d}",
				     node[v6], port, slot),
			arena_printf(lab->arena, "{%s%s, rev_nat_index: %s, flags: 66}",
				     slot ? "backend_id: " : "count: 1", slot ? backend : "",
				     backend));
}

Test(nodeport_fragments, pieces_follow_the_first_one_there_and_back, .timeout = 60)
{
	NEEDS_ROOT();
	lab = node_open(NODE_TARGET(""));
	for (int v6 = 0; v6 < 2; v6++) {
		serve_datagrams(v6, 30080, v6 ? "61" : "41");
		serve_datagrams(v6, 30090, v6 ? "62" : "42");
		expect_both(ends(client[v6], 50000, node[v6], 30080),
			    ends(client[v6], 50000, here[v6], 8080), TC_ACT_OK);
		expect_both(ends(client[v6], 50000, node[v6], 30090),
			    ends(node[v6], 50000, far[v6], 8080), TC_ACT_REDIRECT);
		expect_both(ends(far[v6], 8080, node[v6], 50000),
			    ends(node[v6], 30090, client[v6], 50000), TC_ACT_REDIRECT);
	}
	lab_close(lab);
}
