/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Programs of a few lines that parse each packet: `forward` sends it on by the kernel's routes, `tell` (at
 * egress) answers that its time is exceeded, whatever its TTL. And the routes.
 */
#ifndef VERDICT_TESTS_LAB_ROUTER_H
#define VERDICT_TESTS_LAB_ROUTER_H

#include "lab.h"

/* What a program does that forwards all; at XDP the same source with CTX_XDP. */
#define ROUTER_SOURCE                                                                              \
	"#include <lib/drop.h>\n"                                                                  \
	"#include <lib/eth.h>\n"                                                                   \
	"#include <lib/fib.h>\n"                                                                   \
	"static __always_inline int all(ctx_t *ctx, bool tell)\n"                                  \
	"{\n"                                                                                      \
	"	struct packet *pkt = packet_begin();\n"                                                  \
	"	int ret;\n"                                                                              \
	"	if (!pkt) return CTX_DROP;\n"                                                            \
	"	eth_parse(ctx, pkt);\n"                                                                  \
	"	ret = pkt->ethertype == ETH_P_IP ? ipv4_parse(ctx, pkt) : ipv6_parse(ctx, pkt);\n"       \
	"	if (!ret && tell) ret = icmp_time_exceeded(ctx, pkt);\n"                                 \
	"	else if (!ret) ret = forward_fib(ctx, pkt);\n"                                           \
	"	return ret < 0 ? drop_packet(ctx, pkt, ret, DIR_EGRESS) : ret;\n"                        \
	"}\n"                                                                                      \
	"DEFINE_ICMP_ERROR_PROGRAM()\n"                                                            \
	"char _license[] SEC(\"license\") = \"Dual BSD/GPL\";\n"

static const char router_tc_source[] =
	ROUTER_SOURCE "SEC(\"tc\") int forward(ctx_t *c) { return all(c, false); }\n"
		      "SEC(\"tc\") int tell(ctx_t *c) { return all(c, true); }\n";
static const char router_xdp_source[] =
	"#define CTX_XDP\n" ROUTER_SOURCE
	"SEC(\"xdp\") int forward(ctx_t *c) { return all(c, false); }\n";

#define ROUTER_TARGET                                                                              \
	"summary: a router\n"                                                                      \
	"objects: {dir: .}\n"                                                                      \
	"config: {nat_ipv4_masquerade: 10.0.0.1, nat_ipv6_masquerade: 'fd00::1'}\n"                \
	"hooks:\n"                                                                                 \
	"  inside: {ingress: router.o/forward, xdp: router_xdp.o/forward, egress: "                \
	"router.o/tell}\n"                                                                         \
	"events: {map: cilium_events}\n"                                                           \
	"devices:\n"                                                                               \
	"- {name: in, ifindex: 7, role: inside, mac: 02:00:00:00:00:07}\n"                         \
	"- {name: out, ifindex: 8, role: inside, mac: 02:00:00:00:00:08}\n"                        \
	"- {name: thin, ifindex: 9, role: inside, mac: 02:00:00:00:00:09, mtu: 1300}\n"

static const char router_routes[] =
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

static inline struct lab *router(const char *hook)
{
	struct arena *a = arena_new();

	lab_compile(a, "router", router_tc_source);
	lab_compile(a, "router_xdp", router_xdp_source);
	return lab_open(a, (struct lab_opts){ .target = ROUTER_TARGET,
					      .routes = router_routes,
					      .role = "inside",
					      .hook = hook });
}

/* TCP with so much data to an address of either family. */
static inline struct pkt to(const char *dst, uint32_t data)
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

static inline struct pkt with_ttl(struct pkt p, uint8_t ttl)
{
	if (p.b[14] >> 4 == 6) {
		p.b[21] = ttl;
	} else {
		p.b[22] = ttl;
		end_ip(&p, 14);
	}
	return p;
}

static inline const struct hop *offer(const char *hook, struct pkt p)
{
	return lab_run(lab, "in", hook, &p);
}

#endif
