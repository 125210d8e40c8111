// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Forwarding past the stack by the kernel's routes and neighbours, at tc and at XDP, IPv4 and IPv6. */
#include "lab_router.h"

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
