// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* lb.h: packets to services reach backends and come back as the service's; who may call a service from
 * outside; flows that stay where they are; pods that are their own backends.
 */
#include "lb_lab.h"

#define ROUTABLE ", flags: 64"

/* Keys of conntrack hold the addresses of a flow the other way round. */
static const char *ct_key(const char *src, int sport, const char *dst, int dport, int proto,
			  int flags)
{
	return text("{daddr: '%s', saddr: '%s', dport: %d, sport: %d, nexthdr: %d, flags: %d}", src,
		    dst, dport, sport, proto, flags);
}

Test(lb, a_service_is_its_backend_there_and_back, .timeout = 60)
{
	NEEDS_ROOT();
	lb_open("");
	EACH_FAMILY
	{
		put_pair(1, "");
		ask(40000, SYN);
		expect((struct flow){ TCP, POD, 40000, ONE, 8080, SYN });
		lab_expect_complete(lab);
		lab_expect_entry(lab, ct_map(TCP), ct_key(SERVICE, 80, POD, 40000, TCP, 4),
				 "{backend_id: 1, rev_nat_index: 10}");
		lab_expect_entry(lab, ct_map(TCP), ct_key(POD, 40000, ONE, 8080, TCP, 0),
				 "{rev_nat_index: 10, lb_loopback: 0}");
		back((struct flow){ TCP, ONE, 8080, POD, 40000, SYN | ACK });
		expect((struct flow){ TCP, SERVICE, 80, POD, 40000, SYN | ACK });
		lab_expect_complete(lab);
		/* what is no answer of a service */
		back((struct flow){ TCP, ONE, 8080, POD, 40001, ACK });
		expect_untouched();
		from_pod((struct flow){ TCP, POD, 40000, SERVICE, 81, SYN });
		expect_untouched();
		from_pod((struct flow){ UDP, POD, 40000, SERVICE, 80, 0 });
		expect_untouched();
	}
	lab_close(lab);
}

Test(lb, udp_and_sctp_are_services_too, .timeout = 60)
{
	NEEDS_ROOT();
	lb_open("");
	EACH_FAMILY
	{
		put_backend(1, ONE, 5353, 0);
		put_service((struct svc){ .port = 53, .proto = UDP, .first = 1, .count = 1 });
		from_pod((struct flow){ UDP, POD, 40000, SERVICE, 53, 0 });
		expect((struct flow){ UDP, POD, 40000, ONE, 5353, 0 });
		lab_expect_complete(lab);
		lab_expect_entry(lab, ct_map(UDP), ct_key(SERVICE, 53, POD, 40000, UDP, 4),
				 "{backend_id: 1}");
		back((struct flow){ UDP, ONE, 5353, POD, 40000, 0 });
		expect((struct flow){ UDP, SERVICE, 53, POD, 40000, 0 });
		lab_expect_complete(lab);
		/* SCTP's sum covers the ports, and no address */
		put_backend(2, TWO, 3868, 0);
		put_service((struct svc){
			.port = 3868, .proto = SCTP, .index = 11, .first = 2, .count = 1 });
		from_pod((struct flow){ SCTP, POD, 40000, SERVICE, 3868, 0 });
		expect((struct flow){ SCTP, POD, 40000, TWO, 3868, 0 });
		back((struct flow){ SCTP, TWO, 3868, POD, 40000, 0 });
		expect((struct flow){ SCTP, SERVICE, 3868, POD, 40000, 0 });
		put_backend(2, TWO, 3869, 0);
		from_pod((struct flow){ SCTP, POD, 40002, SERVICE, 3868, 0 });
		lab_expect_drop(lab, TC_ACT_SHOT, 154, "rewrite.h");
	}
	lab_close(lab);
}

Test(lb, a_service_without_backends_drops, .timeout = 60)
{
	NEEDS_ROOT();
	lb_open("");
	EACH_FAMILY
	{
		put_service((struct svc){ 0 });
		ask(40000, SYN);
		expect_reason(158);
		/* listed, but gone */
		put_service((struct svc){ .first = 8, .count = 2 });
		ask(40000, SYN);
		expect_reason(158);
	}
	lab_close(lab);
}

Test(lb, unless_it_may_be_routed, .timeout = 60)
{
	NEEDS_ROOT();
	lb_open("enable_no_service_endpoints_routable: false,");
	EACH_FAMILY
	{
		put_service((struct svc){ 0 });
		ask(40000, SYN);
		expect_untouched();
		/* internalTrafficPolicy: Local; externalTrafficPolicy: Local */
		put_service((struct svc){ .more = ", flags2: 16" });
		ask(40000, SYN);
		expect_reason(158);
		put_service((struct svc){ .more = ", flags: 102" });
		from_world((struct flow){ TCP, CLIENT, 50000, SERVICE, 80, SYN });
		expect_reason(158);
	}
	lab_close(lab);
}

/* ---- from outside ---- */

static void world_asks(const char *address, int port, int sport)
{
	from_world((struct flow){ TCP, CLIENT, sport, address, port, SYN });
}

Test(lb, the_world_reaches_only_what_is_routable, .timeout = 60)
{
	NEEDS_ROOT();
	lb_open("");
	EACH_FAMILY
	{
		put_pair(1, "");
		world_asks(SERVICE, 80, 50000);
		expect_reason(174);
		put_pair(1, ROUTABLE);
		world_asks(SERVICE, 80, 50000);
		expect((struct flow){ TCP, CLIENT, 50000, ONE, 8080, SYN });
		lab_expect_complete(lab);
		world_asks(SERVICE, 81, 50000);
		expect_untouched();
		/* all of the address is services', this port none's */
		lab_set(lab, lb_map("services_v2"), text("{address: '%s'}", SERVICE), "{}");
		world_asks(SERVICE, 81, 50000);
		expect_reason(158);
		from_pod((struct flow){ TCP, POD, 40000, SERVICE, 81, SYN });
		expect_untouched();
	}
	lab_close(lab);
}

static void range(const char *address, int bits, int index)
{
	lab_set(lab, lb_map("source_range"),
		text("{lpm_key: {prefixlen: %d}, rev_nat_id: %d, addr: '%s'}", 32 + bits, index,
		     address),
		"1");
}

Test(lb, source_ranges_say_who_may_call_or_who_may_not, .timeout = 60)
{
	NEEDS_ROOT();
	lb_open("");
	EACH_FAMILY
	{
		put_pair(1, ", flags: 192");
		world_asks(SERVICE, 80, 50000);
		expect_reason(177);
		range(v6 ? "2001:db8::" : "203.0.113.0", v6 ? 64 : 24, 11);
		world_asks(SERVICE, 80, 50000);
		expect_reason(177);
		range(v6 ? "2001:db8::" : "203.0.113.0", v6 ? 64 : 24, 10);
		world_asks(SERVICE, 80, 50000);
		cr_expect_eq(backend_of_last(), 1);
		/* flags2 64: the ranges are denied */
		put_pair(1, ", flags: 192, flags2: 64");
		world_asks(SERVICE, 80, 50001);
		expect_reason(177);
		from_world((struct flow){ TCP, ROUTER, 50001, SERVICE, 80, SYN });
		cr_expect_eq(backend_of_last(), 1);
		/* pods are not asked */
		put_pair(1, ", flags: 192");
		cr_expect_eq(chosen(40000), 1);
	}
	lab_close(lab);
}

/* flags2 32: those outside and those inside have backends of their own. */
Test(lb, a_service_of_two_scopes_has_two_sets_of_backends, .timeout = 60)
{
	NEEDS_ROOT();
	lb_open("");
	EACH_FAMILY
	{
		put_pair(1, ROUTABLE ", flags2: 32");
		put_service((struct svc){ .scope = 1, .first = 2, .count = 1 });
		for (int i = 0; i < 4; i++) {
			cr_expect_eq(chosen(40000 + i), 2);
			world_asks(SERVICE, 80, 50000 + i);
			cr_expect_eq(backend_of_last(), 1);
		}
		/* without the flag there is one */
		put_pair(1, ROUTABLE);
		cr_expect_eq(chosen(40010), 1);
	}
	lab_close(lab);
}

/* flags2 4 is a proxy's, 2 another family's. */
Test(lb, what_others_serve_is_left_to_them, .timeout = 60)
{
	NEEDS_ROOT();
	lb_open("");
	EACH_FAMILY
	{
		put_pair(1, ROUTABLE ", flags2: 4");
		ask(40000, SYN);
		expect_untouched();
		put_pair(1, ROUTABLE ", flags2: 2");
		world_asks(SERVICE, 80, 50000);
		expect_reason(158);
	}
	lab_close(lab);
}

/* ---- hairpin ---- */

Test(lb, a_pod_that_is_its_own_backend_sees_the_loopback_address, .timeout = 60)
{
	NEEDS_ROOT();
	lb_open("");
	EACH_FAMILY
	{
		put_backend(1, POD, 8080, 0);
		put_service((struct svc){ .first = 1, .count = 1, .more = ROUTABLE });
		ask(40000, SYN);
		expect((struct flow){ TCP, LOOPBACK, 40000, POD, 8080, SYN });
		lab_expect_complete(lab);
		lab_expect_entry(lab, ct_map(TCP), ct_key(LOOPBACK, 40000, POD, 8080, TCP, 0),
				 "{rev_nat_index: 10, lb_loopback: 1}");
		back((struct flow){ TCP, POD, 8080, LOOPBACK, 40000, SYN | ACK });
		expect((struct flow){ TCP, SERVICE, 80, POD, 40000, SYN | ACK });
		lab_expect_complete(lab);
	}
	lab_close(lab);
}

/* flags2 1: a local redirect. The port in the key is in network order. */
Test(lb, a_backend_of_a_local_redirect_may_pass_it_by, .timeout = 60)
{
	NEEDS_ROOT();
	lb_open("enable_lrp: true, endpoint_netns_cookie: 4711,");
	EACH_FAMILY
	{
		put_backend(1, POD, 8080, 0);
		put_service((struct svc){ .first = 1, .count = 1, .more = ", flags2: 1" });
		ask(40000, SYN);
		expect((struct flow){ TCP, LOOPBACK, 40000, POD, 8080, SYN });
		lab_set(lab, v6 ? "cilium_skip_lb6" : "cilium_skip_lb4",
			text("{netns_cookie: 4711, address: '%s', port: %d}", SERVICE, htons(80)),
			"1");
		ask(40000, SYN);
		expect_untouched();
		/* others are led to it */
		from_pod((struct flow){ TCP, OTHER, 40000, SERVICE, 80, SYN });
		expect((struct flow){ TCP, OTHER, 40000, POD, 8080, SYN });
		put_service((struct svc){ .first = 1, .count = 1 });
		ask(40001, SYN);
		expect((struct flow){ TCP, LOOPBACK, 40001, POD, 8080, SYN });
	}
	lab_close(lab);
}
