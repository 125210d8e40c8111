/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From pod to pod: on one node, to another one natively and by tunnel, and to the node itself. */
#include "sim_lab.h"

#define NATIVE                                                                                     \
	"routingMode: native\nautoDirectNodeRoutes: true\nipv4NativeRoutingCIDR: 10.0.0.0/16\n"    \
	"ipv6NativeRoutingCIDR: fd00::/16\nipv6: {enabled: true}\n"
#define TUNNEL "routingMode: tunnel\ntunnelProtocol: vxlan\nipv6: {enabled: true}\n"

static struct pkt udp(const char *src, const char *dst)
{
	struct pkt p;

	put_eth(&p, 0x0800);
	put_udp4(&p, src, 4000, dst, 53, 32);
	return p;
}

static struct pkt tcp6(const char *src, const char *dst)
{
	struct pkt p;

	put_eth(&p, 0x86dd);
	put_tcp6(&p, src, 4000, dst, 80, SYN, 0);
	return p;
}

static void to_and_fro(struct sim_lab *l, const char *a, const char *at_a, const char *b,
		       const char *at_b)
{
	struct pkt p = udp(a, b), back;

	sim_send(l, a, &p);
	sim_expect(l, OUTCOME_DELIVERED, at_b);
	put_eth(&back, 0x0800);
	put_udp4(&back, b, 53, a, 4000, 32);
	sim_send(l, b, &back);
	sim_expect(l, OUTCOME_DELIVERED, at_a);
}

Test(sim_pods, native)
{
	struct sim_lab *l;
	struct pkt p;

	NEEDS_ROOT();
	l = sim_open(NATIVE, NULL);
	to_and_fro(l, "10.0.1.10", "default/client", "10.0.1.20", "default/server");
	to_and_fro(l, "10.0.1.10", "default/client", "10.0.2.30", "default/web");
	p = tcp6("fd00:1::10", "fd00:1::20");
	sim_send(l, "fd00:1::10", &p);
	sim_expect(l, OUTCOME_DELIVERED, "default/server");
	p = tcp6("fd00:1::10", "fd00:2::30");
	sim_send(l, "fd00:1::10", &p);
	sim_expect(l, OUTCOME_DELIVERED, "default/web");
	sim_close(l);
}

Test(sim_pods, tunnel)
{
	struct sim_lab *l;

	NEEDS_ROOT();
	l = sim_open(TUNNEL, NULL);
	to_and_fro(l, "10.0.1.10", "default/client", "10.0.2.30", "default/web");
	sim_close(l);
}
