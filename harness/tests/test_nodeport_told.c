/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who sent a packet that a service took, and for whom it was: bpf_host looks that up where events or entries name
 * it, and says of the packet as it came, however far it is on its way and whatever the level of events.
 */
#include "lab_node.h"

#define CLIENT	    "192.168.10.2|50000" /* the other node: identity 6 */
#define FAR_SERVICE CLIENT " > 192.168.10.1|30090"

static void expect_told(enum event_type type, int subtype)
{
	const struct event *e = lab_event(lab, type, subtype);

	cr_assert(e, "no event of kind %d", subtype);
	cr_expect_eq(e->src_identity, 6, "kind %d: source %u", subtype, e->src_identity);
	cr_expect_eq(e->dst_identity, 1, "kind %d: destination %u", subtype, e->dst_identity);
}

static void far_service(const char *flags)
{
	lab_set(lab, "cilium_lb4_services_v2", "{address: 192.168.10.1, dport: 30090, proto: 6}",
		arena_printf(lab->arena, "{count: 1, rev_nat_index: 42, flags: %s}", flags));
}

static void tell(const char *target, bool all)
{
	struct pkt p = tcp_of(FAR_SERVICE, SYN);

	lab = node_open(target);
	in(tcp_of(CLIENT " > 192.168.10.1|30070", SYN));
	if (all)
		expect_told(EVENT_TRACE, 2); /* to the host */
	far_service("72"); /* hostPort: of this node or of none */
	in(p);
	lab_expect_drop(lab, TC_ACT_SHOT, 134, "nodeport.h");
	expect_told(EVENT_DROP, 134);
	far_service("66");
	p.b[22] = 1; /* TTL: found behind both translations, two programs later */
	end_ip(&p, 14);
	in(p);
	expect_told(EVENT_DROP, 196);
	lab_expect_entry(lab, CT4,
			 "{daddr: 192.168.10.2, saddr: 10.0.2.30, sport: 50000, dport: 8080, "
			 "nexthdr: 6, flags: 0}",
			 "{src_sec_id: 6}");
	lab_close(lab);
}

Test(nodeport_told, identities_are_those_of_the_packet_as_it_came, .timeout = 60)
{
	NEEDS_ROOT();
	tell(NODE_TARGET(", monitor_aggregation: 0"), true);
	tell(NODE_TARGET(", monitor_aggregation: 3"), false);
}
