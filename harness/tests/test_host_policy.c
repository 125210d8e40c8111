/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The host endpoint's policy in the kernel: which of two entries decides, ranges of ports, wildcards,
 * ICMP types, what fails closed.
 */
#include "datapath.h"

#define ME   "10.160.128.34"
#define PEER "10.160.128.31"

static uint16_t client_port = 20000;

/* A new connection in from the peer: the drop reason, 0 if allowed. */
static int try_from(struct dp *dp, const char *src, uint16_t port)
{
	struct packet p = tcp(src, client_port++, ME, port, SYN);

	return dp_drop(dp, dp->from, &p);
}

static int try(struct dp *dp, uint16_t port)
{
	return try_from(dp, PEER, port);
}

static int try_icmp(struct dp *dp, uint8_t type)
{
	struct packet p = icmp(PEER, ME, type, client_port++);

	return dp_drop(dp, dp->from, &p);
}

static int match_of(const struct dp *dp)
{
	const struct dp_event *e = dp_event(dp, EV_VERDICT, -1);

	cr_assert(e, "no verdict event");
	return e->data[27] >> 3 & 7;
}

Test(policy, nothing_allowed_is_133_and_a_deny_181)
{
	struct dp *dp = DP_OPEN();

	cr_assert_eq(try(dp, 80), 133);
	cr_assert_eq(match_of(dp), 0);
	dp_rule(dp, (struct rule){ .bits = 24, .proto = 6, .port = 80, .deny = DENY });
	cr_assert_eq(try(dp, 80), 181);
	cr_assert_eq(match_of(dp), 3);
}

Test(policy, directions_do_not_mix)
{
	struct dp *dp = DP_OPEN();
	struct packet p = tcp(ME, 1, PEER, 80, SYN);

	dp_clear(dp, "cilium_policy_v2");
	dp_rule(dp, (struct rule){ .egress = INGRESS });
	cr_assert_eq(try(dp, 80), 0);
	cr_assert_eq(match_of(dp), 4);
	cr_assert_eq(dp_drop(dp, dp->to, &p), 133);
}

Test(policy, match_types_name_what_decided)
{
	static const struct {
		uint32_t label;
		unsigned bits;
		int match;
	} cases[] = { { APISERVER, 0, 1 },  { APISERVER, 8, 5 }, { APISERVER, 24, 2 },
		      { APISERVER, 16, 2 }, { 0, 0, 4 },	 { 0, 8, 6 },
		      { 0, 24, 3 } };

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dp *dp = DP_OPEN();

		dp_clear(dp, "cilium_policy_v2");
		dp_rule(dp, (struct rule){ .label = cases[i].label,
					   .bits = cases[i].bits,
					   .proto = cases[i].bits ? 6 : 0,
					   .port = cases[i].bits > 8 ? 8080 : 0 });
		cr_assert_eq(try(dp, 8080), 0, "case %u", i);
		cr_assert_eq(match_of(dp), cases[i].match, "case %u: match type %d", i,
			     match_of(dp));
		bpf_object__unpin_maps(dp->obj, NULL);
	}
}

Test(policy, an_entry_serves_its_identity_only)
{
	struct dp *dp = DP_OPEN();

	dp_rule(dp, (struct rule){ .label = APISERVER, .bits = 24, .proto = 6, .port = 80 });
	cr_assert_eq(try(dp, 80), 0);
	cr_assert_eq(try_from(dp, "10.160.128.99", 80), 133);
	dp_rule(dp, (struct rule){ .label = WORLD, .bits = 24, .proto = 6, .port = 80 });
	cr_assert_eq(try_from(dp, "10.160.128.99", 80), 0, "an unknown address is world");
}

Test(policy, identity_is_that_of_the_longest_prefix)
{
	struct dp *dp = DP_OPEN();

	dp_ipcache(dp, "198.51.100.0", 24, 16777217);
	dp_ipcache(dp, "198.51.100.128", 25, 16777218);
	dp_rule(dp, (struct rule){ .label = 16777218, .bits = 24, .proto = 6, .port = 80 });
	cr_assert_eq(try_from(dp, "198.51.100.127", 80), 133);
	cr_assert_eq(try_from(dp, "198.51.100.128", 80), 0);
	cr_assert_eq(try_from(dp, "198.51.101.128", 80), 133);
}

Test(policy, higher_precedence_decides_whichever_entry_has_it)
{
	static const struct {
		uint32_t own, any;
		int own_deny, any_deny, drop;
	} cases[] = {
		{ 10, 5, ALLOW, DENY, 0 },
		{ 5, 10, ALLOW, DENY, 181 },
		{ 10, 5, DENY, ALLOW, 181 },
		{ 5, 10, DENY, ALLOW, 0 },
		/* equal specificity: the deny */
		{ 7, 7, ALLOW, DENY, 181 },
		{ 7, 7, DENY, ALLOW, 181 },
		{ 7, 7, ALLOW, ALLOW, 0 },
	};
	struct dp *dp = DP_OPEN();

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		dp_rule(dp, (struct rule){ .label = APISERVER,
					   .bits = 24,
					   .proto = 6,
					   .port = 80,
					   .deny = cases[i].own_deny,
					   .precedence = cases[i].own });
		dp_rule(dp, (struct rule){ .bits = 24,
					   .proto = 6,
					   .port = 80,
					   .deny = cases[i].any_deny,
					   .precedence = cases[i].any });
		cr_assert_eq(try(dp, 80), cases[i].drop, "case %u", i);
	}
}

Test(policy, at_equal_precedence_the_longer_prefix_decides)
{
	struct dp *dp = DP_OPEN();

	dp_rule(dp, (struct rule){ .label = APISERVER, .deny = DENY });
	dp_rule(dp, (struct rule){ .bits = 24, .proto = 6, .port = 80 });
	cr_assert_eq(try(dp, 80), 0);
	cr_assert_eq(match_of(dp), 3);
	cr_assert_eq(try(dp, 81), 181);
	cr_assert_eq(match_of(dp), 1);
}

Test(policy, a_port_prefix_ends_where_the_range_ends)
{
	struct dp *dp = DP_OPEN();

	/* 32000 to 32255 is 0x7d00/8 */
	dp_rule(dp, (struct rule){ .bits = 16, .proto = 6, .port = 32000 });
	cr_assert_eq(try(dp, 31999), 133);
	cr_assert_eq(try(dp, 32000), 0);
	cr_assert_eq(try(dp, 32255), 0);
	cr_assert_eq(try(dp, 32256), 133);
	dp_rule(dp, (struct rule){ .bits = 24, .proto = 6, .port = 32100, .deny = DENY });
	cr_assert_eq(try(dp, 32100), 181);
	cr_assert_eq(try(dp, 32101), 0);
}

Test(policy, a_protocol_is_not_another)
{
	struct dp *dp = DP_OPEN();
	struct packet udp = datagram(IPPROTO_UDP, PEER, 9, ME, 80);

	dp_rule(dp, (struct rule){ .bits = 8, .proto = 6 });
	cr_assert_eq(try(dp, 1), 0);
	cr_assert_eq(match_of(dp), 6);
	cr_assert_eq(dp_drop(dp, dp->from, &udp), 133);
}

Test(policy, icmp_types_stand_for_ports_where_rules_may_name_them)
{
	struct dp *dp = DP_OPEN({ "enable_icmp_rule", 1 });
	struct packet part;

	dp_rule(dp, (struct rule){ .bits = 24, .proto = 1, .port = 8 });
	cr_assert_eq(try_icmp(dp, 8), 0);
	cr_assert_eq(try_icmp(dp, 0), 133);
	cr_assert_eq(try_icmp(dp, 13), 133);
	part = fragment(icmp(PEER, ME, 8, 4711), 1, 0, true);
	cr_assert_eq(dp_drop(dp, dp->from, &part), 0);
	dp_clear(dp, "cilium_ct_any4_global");
	part = fragment(part, 1, 185, false);
	cr_assert_eq(dp_drop(dp, dp->from, &part), 0, "a fragment's type is the datagram's");
}

Test(policy, without_icmp_rules_all_types_are_port_0)
{
	struct dp *dp = DP_OPEN();

	dp_rule(dp, (struct rule){ .bits = 24, .proto = 1, .port = 8 });
	cr_assert_eq(try_icmp(dp, 8), 133);
	dp_rule(dp, (struct rule){ .bits = 24, .proto = 1 });
	cr_assert_eq(try_icmp(dp, 8), 0);
	cr_assert_eq(try_icmp(dp, 13), 0);
}

Test(policy, what_cannot_be_enforced_is_refused)
{
	struct dp *dp = DP_OPEN();

	dp_rule(dp, (struct rule){ .bits = 24, .proto = 6, .port = 80, .auth = 1 });
	cr_assert_eq(try(dp, 80), 189);
	dp_rule(dp, (struct rule){ .bits = 24, .proto = 6, .port = 81, .proxy = 12000 });
	cr_assert_eq(try(dp, 81), 180);
	cr_assert_eq(map_count(dp, "cilium_ct4_global"), 0);
}

Test(policy, audit_lets_pass_and_says_so)
{
	struct dp *dp = DP_OPEN({ "policy_audit_mode", 1 });
	const struct dp_event *e;

	cr_assert_eq(try(dp, 80), 0);
	e = dp_event(dp, EV_VERDICT, -1);
	cr_assert(e);
	cr_assert_eq(get32(e->data, 20), 0);
	cr_assert_eq(e->data[27] >> 6 & 1, 1, "audited");
	cr_assert_eq(map_count(dp, "cilium_ct4_global"), 1);
	dp_rule(dp, (struct rule){ .egress = INGRESS });
	cr_assert_eq(try(dp, 80), 0);
	e = dp_event(dp, EV_VERDICT, -1);
	cr_assert_eq(e->data[27] >> 6 & 1, 0);
}
