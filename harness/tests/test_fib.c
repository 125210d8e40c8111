// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Forwarding past the stack by the kernel's routes and neighbours, at tc and at XDP, IPv4 and IPv6. */
#include "lab.h"

/* What a program does that forwards all; at XDP the same source with CTX_XDP. */
#define FORWARD                                                                                    \
	"#include <lib/drop.h>\n"                                                                  \
	"#include <lib/eth.h>\n"                                                                   \
	"#include <lib/fib.h>\n"                                                                   \
	"static __always_inline int all(ctx_t *ctx)\n"                                             \
	"{\n"                                                                                      \
	"	struct packet *pkt = packet_begin();\n"                                                  \
	"	int ret;\n"                                                                              \
	"	if (!pkt) return CTX_DROP;\n"                                                            \
	"	eth_parse(ctx, pkt);\n"                                                                  \
	"	ret = pkt->ethertype == ETH_P_IP ? ipv4_parse(ctx, pkt) : ipv6_parse(ctx, pkt);\n"       \
	"	if (!ret) ret = forward_fib(ctx, pkt);\n"                                                \
	"	return ret < 0 ? drop_packet(ctx, pkt, ret, DIR_EGRESS) : ret;\n"                        \
	"}\n"                                                                                      \
	"DEFINE_ICMP_ERROR_PROGRAM()\n"                                                            \
	"char _license[] SEC(\"license\") = \"Dual BSD/GPL\";\n"

static const char tc_source[] = FORWARD "SEC(\"tc\") int forward(ctx_t *c) { return all(c); }\n";
static const char xdp_source[] =
	"#define CTX_XDP\n" FORWARD "SEC(\"xdp\") int forward(ctx_t *c) { return all(c); }\n";

#define TARGET                                                                                     \
	"summary: a router\n"                                                                      \
	"objects: {dir: .}\n"                                                                      \
	"config: {nat_ipv4_masquerade: 10.0.0.1, nat_ipv6_masquerade: 'fd00::1'}\n"                \
	"hooks:\n"                                                                                 \
	"  inside: {ingress: router.o/forward, xdp: router_xdp.o/forward}\n"                       \
	"events: {map: cilium_events}\n"                                                           \
	"devices:\n"                                                                               \
	"- {name: in, ifindex: 7, role: inside, mac: 02:00:00:00:00:07}\n"                         \
	"- {name: out, ifindex: 8, role: inside, mac: 02:00:00:00:00:08}\n"                        \
	"- {name: thin, ifindex: 9, role: inside, mac: 02:00:00:00:00:09, mtu: 1300}\n"

static const char routes[] =
	"address add 10.0.0.1/24 dev in\n"
	"address add 10.1.0.1/24 dev out\n"
	"address add 10.2.0.1/24 dev thin\n"
	"neighbour add 10.0.0.99 lladdr 02:00:00:00:00:63 dev in nud permanent\n"
	"neighbour add 10.1.0.2 lladdr 02:00:00:00:01:02 dev out nud permanent\n"
	"neighbour add 10.2.0.2 lladdr 02:00:00:00:02:02 dev thin nud permanent\n"
	"route add 192.0.2.0/24 via 10.1.0.2\n"
	"route add 198.51.100.0/24 via 10.1.0.77\n"
	"route add blackhole 203.0.113.64/26\n"
	"route add unreachable 203.0.113.128/26\n"
	"route add prohibit 203.0.113.192/26\n"
	"address add fd00::1/64 dev in nodad\n"
	"address add fd00:1::1/64 dev out nodad\n"
	"address add fd00:2::1/64 dev thin nodad\n"
	"neighbour add fd00::99 lladdr 02:00:00:00:00:63 dev in nud permanent\n"
	"neighbour add fd00:1::2 lladdr 02:00:00:00:01:02 dev out nud permanent\n"
	"neighbour add fd00:2::2 lladdr 02:00:00:00:02:02 dev thin nud permanent\n"
	"route add 203.0.113.0/26 via inet6 fd00:1::77 dev out\n"
	"route add 2001:db8:1::/64 via fd00:1::2\n"
	"route add 2001:db8:2::/64 via fd00:1::77\n"
	"route add blackhole 2001:db8:3::/64\n"
	"route add unreachable 2001:db8:4::/64\n"
	"route add prohibit 2001:db8:5::/64\n";

static struct lab *lab;

static struct lab *router(const char *hook)
{
	struct arena *a = arena_new();

	lab_compile(a, "router", tc_source);
	lab_compile(a, "router_xdp", xdp_source);
	return lab_open(
		a, (struct lab_opts){
			   .target = TARGET, .routes = routes, .role = "inside", .hook = hook });
}

/* TCP with so much data to an address of either family. */
static struct pkt to(const char *dst, uint32_t data)
{
	struct pkt p;

	if (strchr(dst, ':')) {
		put_eth(&p, 0x86dd);
		put_tcp6(&p, "fd00::99", 4000, dst, 80, SYN, data);
	} else {
		put_eth(&p, 0x0800);
		put_tcp4(&p, "10.0.0.99", 4000, dst, 80, SYN, data);
	}
	return p;
}

static struct pkt with_ttl(struct pkt p, uint8_t ttl)
{
	if (p.b[14] >> 4 == 6) {
		p.b[21] = ttl;
	} else {
		p.b[22] = ttl;
		end_ip(&p, 14);
	}
	return p;
}

static const struct hop *offer(const char *hook, struct pkt p)
{
	return lab_run(lab, "in", hook, &p);
}

/* One hop on: MACs, TTL and IPv4's checksum, and no other byte. */
static void expect_forwarded(const char *dst_mac, const char *src_mac)
{
	static const uint32_t free4[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 22, 24, 25 };
	static const uint32_t free6[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 21 };
	bool v6 = lab->packet.b[14] >> 4 == 6;

	lab_expect_macs(lab, dst_mac, src_mac);
	lab_expect_same_but(lab, v6 ? free6 : free4,
			    v6 ? sizeof(free6) / sizeof(free6[0])
			       : sizeof(free4) / sizeof(free4[0]));
	cr_expect_eq(lab_hop(lab)->out.data[v6 ? 21 : 22], 63, "%s: TTL", lab->last);
}

static const char *const known[] = { "192.0.2.5", "2001:db8:1::5" };
static const char *const unknown[] = { "198.51.100.5", "2001:db8:2::5" };
static const char *const gateways[] = { "10.1.0.77", "fd00:1::77" };

Test(fib, a_known_neighbour_gets_the_packet_one_hop_on, .timeout = 60)
{
	NEEDS_ROOT();
	lab = router("ingress");
	for (int i = 0; i < 2; i++) {
		offer("ingress", to(known[i], 10));
		lab_expect_verdict(lab, TC_ACT_REDIRECT);
		lab_expect_redirect(lab, NOTE_REDIRECT, 8);
		expect_forwarded("02:00:00:00:01:02", "02:00:00:00:00:08");
		lab_expect_complete(lab);
		offer("xdp", to(known[i], 10));
		lab_expect_verdict(lab, XDP_REDIRECT);
		lab_expect_redirect(lab, NOTE_REDIRECT, 8);
		expect_forwarded("02:00:00:00:01:02", "02:00:00:00:00:08");
	}
	lab_close(lab);
}

Test(fib, an_unknown_neighbour_is_the_kernels_to_resolve, .timeout = 60)
{
	NEEDS_ROOT();
	lab = router("ingress");
	for (int i = 0; i < 2; i++) {
		offer("ingress", to(unknown[i], 10));
		lab_expect_verdict(lab, TC_ACT_REDIRECT);
		lab_expect_redirect(lab, NOTE_REDIRECT_NEIGH, 8);
		lab_expect_next_hop(lab, gateways[i]);
		cr_expect_eq(lab_hop(lab)->out.data[i ? 21 : 22], 63, "%s: TTL", lab->last);
		lab_expect_complete(lab);
		/* XDP cannot: the stack gets it as it was */
		offer("xdp", to(unknown[i], 10));
		lab_expect_verdict(lab, XDP_PASS);
		lab_expect_same_but(lab, NULL, 0);
	}
	offer("ingress", to("203.0.113.5", 10));
	lab_expect_redirect(lab, NOTE_REDIRECT_NEIGH, 8);
	lab_expect_next_hop(lab, "fd00:1::77");
	lab_close(lab);
}

Test(fib, what_comes_back_to_its_device_is_sent_there_by_xdp, .timeout = 60)
{
	NEEDS_ROOT();
	lab = router("xdp");
	offer("xdp", to("10.0.0.99", 10));
	lab_expect_verdict(lab, XDP_TX);
	expect_forwarded("02:00:00:00:00:63", "02:00:00:00:00:07");
	lab_close(lab);
}

Test(fib, the_nodes_own_addresses_are_the_stacks, .timeout = 60)
{
	NEEDS_ROOT();
	lab = router("ingress");
	offer("ingress", to("10.1.0.1", 10));
	lab_expect_verdict(lab, TC_ACT_OK);
	lab_expect_same_but(lab, NULL, 0);
	offer("ingress", with_ttl(to("fd00:1::1", 10), 1));
	lab_expect_verdict(lab, TC_ACT_OK);
	lab_expect_same_but(lab, NULL, 0);
	offer("xdp", to("10.1.0.1", 10));
	lab_expect_verdict(lab, XDP_PASS);
	lab_close(lab);
}

Test(fib, routes_that_lead_nowhere_drop_unroutable, .timeout = 60)
{
	static const char *const nowhere[] = { "203.0.113.70",	"203.0.113.130", "203.0.113.200",
					       "2001:db8:3::5", "2001:db8:4::5", "2001:db8:5::5" };

	NEEDS_ROOT();
	lab = router("ingress");
	for (size_t i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++) {
		offer("ingress", to(nowhere[i], 10));
		lab_expect_drop(lab, TC_ACT_SHOT, 151, "fib.h");
		offer("xdp", to(nowhere[i], 10));
		lab_expect_drop(lab, XDP_DROP, 151, "fib.h");
	}
	lab_close(lab);
}

Test(fib, without_a_route_or_forwarding_there_is_no_fib, .timeout = 60)
{
	FILE *f;

	NEEDS_ROOT();
	lab = router("ingress");
	f = fopen("/proc/sys/net/ipv4/conf/in/forwarding", "w");
	cr_assert(f && fputs("0", f) > 0 && !fclose(f));
	offer("ingress", to("192.0.2.5", 10));
	lab_expect_drop(lab, TC_ACT_SHOT, 169, "fib.h");
	lab_close(lab);
}

/* RFC 1191: who forbids fragments hears of it; for others the stack makes them. */
Test(fib, what_is_too_long_for_the_way_is_fragmented_by_the_stack_unless_forbidden, .timeout = 60)
{
	struct pkt p;

	NEEDS_ROOT();
	lab = router("ingress");
	p = to("10.2.0.2", 1300);
	p.b[20] = 0;
	end_ip(&p, 14);
	offer("ingress", p);
	lab_expect_verdict(lab, TC_ACT_OK);
	lab_expect_same_but(lab, NULL, 0);
	offer("xdp", p);
	lab_expect_verdict(lab, XDP_PASS);
	/* and what just fits goes on */
	offer("ingress", to("10.2.0.2", 1260));
	lab_expect_redirect(lab, NOTE_REDIRECT, 9);
	expect_forwarded("02:00:00:00:02:02", "02:00:00:00:00:09");
	offer("ingress", to("fd00:2::2", 1240));
	lab_expect_redirect(lab, NOTE_REDIRECT, 9);
	lab_close(lab);
}
