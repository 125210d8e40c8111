/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The host datapath's decisions: conntrack, related errors, fragments, policy. One program run in
 * BPF_PROG_TEST_RUN a packet; expectations are Cilium's documented semantics and the RFCs'.
 */
#include "datapath.h"

#define ME    "10.160.128.34"
#define PEER  "10.160.128.31"
#define OTHER "203.0.113.9"
#define ETCD  2379
#define EPHEM 24824

static struct ct_key out_key(void)
{
	return ct_key(ME, PEER, ETCD, EPHEM, IPPROTO_TCP, FLAG_OUT);
}

static struct packet out(uint8_t flags)
{
	return tcp(ME, EPHEM, PEER, ETCD, flags);
}

static struct packet in(uint8_t flags)
{
	return tcp(PEER, ETCD, ME, EPHEM, flags);
}

static void run(struct dp *dp, int prog, struct packet p)
{
	cr_assert_eq(dp_drop(dp, prog, &p), 0);
}

static int state(struct dp *dp, int prog, struct packet p)
{
	return dp_state(dp, prog, &p);
}

static int drop(struct dp *dp, int prog, struct packet p)
{
	return dp_drop(dp, prog, &p);
}

static struct ct_raw entry_of(struct dp *dp, struct ct_key k)
{
	struct ct_raw e = { 0 };

	cr_assert(ct_get(dp, k, &e), "no conntrack entry");
	return e;
}

/* An entry lives that much longer, give or take the second the test may take. */
static void lives(const struct ct_raw *e, uint32_t seconds, const char *what)
{
	uint32_t left = e->lifetime - uptime();

	cr_assert(left + 2 >= seconds && left <= seconds, "%s: %u s left, not %u", what, left,
		  seconds);
}

Test(conntrack, a_connection_going_out_is_stored_as_cilium_stores_it)
{
	static const uint8_t key[14] = { 10, 160,  128,	 34,   10,   160, 128,
					 31, 0x09, 0x4b, 0x60, 0xf8, 6,	  0 };
	struct dp *dp = DP_OPEN();
	struct packet p = out(SYN);
	struct ct_raw e;

	run(dp, dp->to, p);
	cr_assert_eq(map_count(dp, "cilium_ct4_global"), 1);
	cr_assert_eq(map_count(dp, "cilium_ct_any4_global"), 0);
	cr_assert_eq(bpf_map_lookup_elem(dp_map(dp, "cilium_ct4_global"), key, &e), 0);
	cr_assert_eq(e.packets, 1);
	cr_assert_eq(e.bytes, p.len);
	cr_assert_eq(e.bits, 0);
	cr_assert_eq(e.tx_flags, SYN);
	cr_assert_eq(e.rx_flags, 0);
	cr_assert_eq(e.src_sec_id, HOST);
	lives(&e, 60, "SYN only");
	run(dp, dp->from, in(SYN | ACK));
	e = entry_of(dp, out_key());
	cr_assert_eq(e.packets, 2);
	cr_assert_eq(e.bytes, 2 * p.len);
}

Test(conntrack, a_connection_coming_in_is_stored_with_the_clients_address_in_daddr)
{
	struct dp *dp = DP_OPEN();

	dp_rule(dp, (struct rule){ .bits = 24, .proto = IPPROTO_TCP, .port = ETCD });
	run(dp, dp->from, tcp(PEER, 40000, ME, ETCD, SYN));
	cr_assert_eq(entry_of(dp, ct_key(PEER, ME, ETCD, 40000, IPPROTO_TCP, FLAG_IN)).src_sec_id,
		     APISERVER);
	cr_assert_eq(state(dp, dp->to, tcp(ME, ETCD, PEER, 40000, SYN | ACK)), REPLY);
	cr_assert_eq(state(dp, dp->from, tcp(PEER, 40000, ME, ETCD, ACK)), ESTABLISHED);
	cr_assert_eq(map_count(dp, "cilium_ct4_global"), 1);
}

Test(conntrack, replies_pass_a_closed_ingress_and_only_they_do)
{
	struct dp *dp = DP_OPEN();

	cr_assert_eq(drop(dp, dp->from, in(PSH | ACK)), 133);
	cr_assert_eq(map_count(dp, "cilium_ct4_global"), 0);
	cr_assert_eq(state(dp, dp->to, out(SYN)), NEW);
	cr_assert_eq(state(dp, dp->from, in(SYN | ACK)), REPLY);
	cr_assert_eq(state(dp, dp->to, out(ACK)), ESTABLISHED);
	cr_assert_eq(drop(dp, dp->from, tcp(PEER, ETCD, ME, EPHEM + 1, ACK)), 133);
	cr_assert_eq(drop(dp, dp->from, tcp(PEER, ETCD + 1, ME, EPHEM, ACK)), 133);
	cr_assert_eq(drop(dp, dp->from, tcp(OTHER, ETCD, ME, EPHEM, ACK)), 133);
	cr_assert_eq(drop(dp, dp->from, datagram(IPPROTO_UDP, PEER, ETCD, ME, EPHEM)), 133);
}

Test(conntrack, a_lone_egress_ack_makes_the_entry_again)
{
	struct dp *dp = DP_OPEN();

	cr_assert_eq(drop(dp, dp->from, in(PSH | ACK)), 133);
	cr_assert_eq(state(dp, dp->to, out(ACK)), NEW);
	cr_assert_eq(state(dp, dp->from, in(PSH | ACK)), REPLY);
}

Test(conntrack, an_established_flow_outlives_its_policy)
{
	struct dp *dp = DP_OPEN();

	run(dp, dp->to, out(SYN));
	dp_clear(dp, "cilium_policy_v2");
	cr_assert_eq(state(dp, dp->to, out(ACK)), ESTABLISHED);
	cr_assert_eq(state(dp, dp->from, in(ACK)), REPLY);
	cr_assert_eq(drop(dp, dp->to, tcp(ME, EPHEM + 1, PEER, ETCD, SYN)), 133);
}

Test(conntrack, an_entry_past_its_lifetime_is_absent)
{
	struct dp *dp = DP_OPEN();
	struct ct_raw e;

	run(dp, dp->to, out(SYN));
	run(dp, dp->to, out(ACK));
	e = entry_of(dp, out_key());
	e.lifetime = uptime() + 2;
	ct_put(dp, out_key(), &e);
	cr_assert_eq(state(dp, dp->from, in(ACK)), REPLY);
	e.lifetime = uptime() - 1;
	ct_put(dp, out_key(), &e);
	cr_assert_eq(drop(dp, dp->from, in(ACK)), 133);
	cr_assert_eq(state(dp, dp->to, out(ACK)), NEW);
	cr_assert_eq(entry_of(dp, out_key()).packets, 1, "the dead entry was kept");
}

Test(conntrack, lifetimes_follow_the_state_of_the_connection)
{
	struct dp *dp = DP_OPEN();
	struct ct_raw e;

	run(dp, dp->to, out(SYN));
	run(dp, dp->from, in(SYN | ACK));
	e = entry_of(dp, out_key());
	lives(&e, 60, "handshake");
	run(dp, dp->to, out(ACK));
	e = entry_of(dp, out_key());
	lives(&e, 8000, "established");
	cr_assert_eq(e.bits, 1 << 4, "seen_non_syn");
	cr_assert_eq(e.tx_flags, SYN | ACK);
	cr_assert_eq(e.rx_flags, SYN | ACK);
	cr_assert_eq(e.packets, 3);
	run(dp, dp->to, out(FIN | ACK));
	e = entry_of(dp, out_key());
	lives(&e, 8000, "half closed");
	cr_assert_eq(e.bits, 1 << 4 | 1 << 1, "tx_closing");
	run(dp, dp->from, in(FIN | ACK));
	e = entry_of(dp, out_key());
	lives(&e, 10, "closed");
	cr_assert_eq(e.bits, 1 << 4 | 1 << 1 | 1);
	e.lifetime = uptime() + 5;
	ct_put(dp, out_key(), &e);
	cr_assert_eq(state(dp, dp->to, out(ACK)), ESTABLISHED);
	e = entry_of(dp, out_key());
	lives(&e, 5, "last ACK");
}

Test(conntrack, a_reset_closes_both_directions)
{
	struct dp *dp = DP_OPEN();
	struct ct_raw e;

	run(dp, dp->to, out(SYN));
	run(dp, dp->from, in(RST | ACK));
	e = entry_of(dp, out_key());
	lives(&e, 10, "reset");
	cr_assert_eq(e.bits & 3, 3);
}

Test(conntrack, a_syn_reopens_what_was_closing_and_a_syn_ack_does_not)
{
	struct dp *dp = DP_OPEN();
	struct ct_raw e;

	run(dp, dp->to, out(SYN));
	run(dp, dp->to, out(ACK));
	run(dp, dp->from, in(RST));
	run(dp, dp->from, in(SYN | ACK));
	cr_assert_eq(entry_of(dp, out_key()).bits & 3, 3);
	cr_assert_eq(state(dp, dp->to, out(SYN)), ESTABLISHED);
	e = entry_of(dp, out_key());
	cr_assert_eq(e.bits, 0);
	cr_assert_eq(e.tx_flags, SYN);
	lives(&e, 60, "reopened");
}

Test(conntrack, lifetimes_are_settings)
{
	struct dp *dp = DP_OPEN({ "ct_lifetime_tcp", 500 }, { "ct_lifetime_nontcp", 40 },
				{ "ct_syn_timeout", 30 }, { "ct_close_timeout", 20 });
	struct ct_raw e;

	run(dp, dp->to, out(SYN));
	e = entry_of(dp, out_key());
	lives(&e, 30, "SYN");
	run(dp, dp->to, out(ACK));
	e = entry_of(dp, out_key());
	lives(&e, 500, "established");
	run(dp, dp->to, out(RST));
	e = entry_of(dp, out_key());
	lives(&e, 20, "closed");
	run(dp, dp->to, datagram(IPPROTO_UDP, ME, 5000, PEER, 53));
	e = entry_of(dp, ct_key(ME, PEER, 53, 5000, IPPROTO_UDP, FLAG_OUT));
	lives(&e, 40, "UDP");
}

Test(conntrack, udp_and_sctp_flows_live_in_the_other_map)
{
	static const uint8_t protos[] = { IPPROTO_UDP, IPPROTO_SCTP };
	struct dp *dp = DP_OPEN();

	for (unsigned i = 0; i < 2; i++) {
		uint8_t proto = protos[i];
		struct ct_raw e;

		cr_assert_eq(drop(dp, dp->from, datagram(proto, PEER, 53, ME, 5000)), 133);
		cr_assert_eq(state(dp, dp->to, datagram(proto, ME, 5000, PEER, 53)), NEW);
		cr_assert_eq(state(dp, dp->from, datagram(proto, PEER, 53, ME, 5000)), REPLY);
		e = entry_of(dp, ct_key(ME, PEER, 53, 5000, proto, FLAG_OUT));
		lives(&e, 60, "datagrams");
		cr_assert_eq(e.packets, 2);
	}
	cr_assert_eq(map_count(dp, "cilium_ct4_global"), 0);
}

Test(conntrack, an_echo_and_its_reply_share_an_entry_and_another_identifier_does_not)
{
	struct dp *dp = DP_OPEN();

	cr_assert_eq(state(dp, dp->to, icmp(ME, PEER, 8, 77)), NEW);
	cr_assert_eq(state(dp, dp->from, icmp(PEER, ME, 0, 77)), REPLY);
	cr_assert_eq(state(dp, dp->to, icmp(ME, PEER, 8, 77)), ESTABLISHED);
	cr_assert_eq(entry_of(dp, ct_key(ME, PEER, 0, 77, IPPROTO_ICMP, FLAG_OUT)).packets, 3);
	cr_assert_eq(drop(dp, dp->from, icmp(PEER, ME, 0, 78)), 133);
	cr_assert_eq(drop(dp, dp->from, icmp(PEER, ME, 8, 77)), 133, "a request is no reply");
}

Test(conntrack, other_icmp_queries_open_no_flow)
{
	struct dp *dp = DP_OPEN();

	cr_assert_eq(state(dp, dp->to, icmp(ME, PEER, 13, 77)), NEW);
	cr_assert_eq(drop(dp, dp->from, icmp(PEER, ME, 14, 77)), 133);
	cr_assert_eq(drop(dp, dp->from, icmp(PEER, ME, 5, 0)), 133, "redirect");
	cr_assert_eq(map_count(dp, "cilium_ct_any4_global"), 0);
}

Test(related, an_error_about_a_tracked_packet_passes_in_both_directions)
{
	static const uint8_t types[] = { 3, 4, 11, 12 };
	struct dp *dp = DP_OPEN();
	struct packet sent = out(SYN), got = in(ACK);
	struct packet echo = icmp(ME, PEER, 8, 9);

	run(dp, dp->to, sent);
	for (unsigned i = 0; i < sizeof(types); i++) {
		/* a router on the way is not the peer */
		cr_assert_eq(state(dp, dp->from, icmp_error(OTHER, ME, types[i], &sent)), RELATED,
			     "type %u", types[i]);
	}
	dp_clear(dp, "cilium_policy_v2");
	cr_assert_eq(state(dp, dp->to, icmp_error(ME, PEER, 3, &got)), RELATED);
	dp_rule(dp, (struct rule){ .egress = EGRESS });
	run(dp, dp->to, echo);
	cr_assert_eq(state(dp, dp->from, icmp_error(OTHER, ME, 11, &echo)), RELATED);
}

Test(related, an_error_about_an_answer_to_an_incoming_flow_is_related_too)
{
	struct dp *dp = DP_OPEN();
	struct packet answer = tcp(ME, ETCD, PEER, 40000, ACK);

	dp_rule(dp, (struct rule){ .bits = 24, .proto = IPPROTO_TCP, .port = ETCD });
	run(dp, dp->from, tcp(PEER, 40000, ME, ETCD, SYN));
	cr_assert_eq(state(dp, dp->from, icmp_error(OTHER, ME, 3, &answer)), RELATED);
}

Test(related, errors_about_nothing_we_sent_meet_policy)
{
	struct dp *dp = DP_OPEN();
	struct packet sent = out(SYN), unknown = tcp(ME, 5, PEER, 6, SYN), got = in(ACK);
	struct packet foreign = tcp(OTHER, EPHEM, PEER, ETCD, SYN);

	run(dp, dp->to, sent);
	cr_assert_eq(drop(dp, dp->from, icmp_error(PEER, ME, 3, &unknown)), 133, "no such flow");
	cr_assert_eq(drop(dp, dp->from, icmp_error(PEER, ME, 3, &got)), 133,
		     "quotes what came in, not what went out");
	cr_assert_eq(drop(dp, dp->from, icmp_error(PEER, ME, 3, &foreign)), 133);
	cr_assert_eq(drop(dp, dp->from, icmp_error(PEER, ME, 5, &sent)), 133,
		     "a redirect is no error");
	dp_rule(dp, (struct rule){ .egress = INGRESS });
	cr_assert_eq(state(dp, dp->from, icmp_error(PEER, ME, 3, &unknown)), NEW);
	cr_assert_eq(map_count(dp, "cilium_ct_any4_global"), 0, "an error opened a flow");
}

Test(related, an_error_to_another_of_the_hosts_addresses_than_the_sender_is_not_related)
{
	struct dp *dp = DP_OPEN();
	struct packet sent = out(SYN);

	dp_ipcache(dp, "10.160.129.34", 32, HOST);
	run(dp, dp->to, sent);
	cr_assert_eq(drop(dp, dp->from, icmp_error(PEER, "10.160.129.34", 3, &sent)), 133);
}

Test(related, an_error_leaves_the_flows_entry_as_it_is)
{
	struct dp *dp = DP_OPEN();
	struct packet sent = out(SYN);
	struct ct_raw before, after;

	run(dp, dp->to, sent);
	before = entry_of(dp, out_key());
	before.lifetime -= 30;
	ct_put(dp, out_key(), &before);
	run(dp, dp->from, icmp_error(PEER, ME, 3, &sent));
	after = entry_of(dp, out_key());
	cr_assert_eq(memcmp(&before, &after, sizeof(after)), 0);
}

Test(fragments, later_ones_share_the_first_ones_fate)
{
	struct dp *dp = DP_OPEN();
	struct packet first = datagram(IPPROTO_UDP, ME, 5000, PEER, 53);

	cr_assert_eq(drop(dp, dp->to, fragment(first, 1, 185, false)), 175);
	cr_assert_eq(state(dp, dp->to, fragment(first, 1, 0, true)), NEW);
	memset(first.data + 34, 0xee, 12); /* data, not ports */
	cr_assert_eq(state(dp, dp->to, fragment(first, 1, 185, true)), ESTABLISHED);
	cr_assert_eq(state(dp, dp->to, fragment(first, 1, 370, false)), ESTABLISHED);
	cr_assert_eq(drop(dp, dp->to, fragment(first, 2, 185, false)), 175, "another datagram");
	cr_assert_eq(map_count(dp, "cilium_ct_any4_global"), 1);
	cr_assert_eq(map_count(dp, "cilium_ipv4_frag_datagrams"), 1);
}

Test(fragments, of_a_denied_datagram_are_denied)
{
	struct dp *dp = DP_OPEN();
	struct packet p = datagram(IPPROTO_UDP, PEER, 53, ME, 5000);

	cr_assert_eq(drop(dp, dp->from, fragment(p, 1, 0, true)), 133);
	cr_assert_eq(drop(dp, dp->from, fragment(p, 1, 185, false)), 133);
	cr_assert_eq(drop(dp, dp->from, fragment(tcp(PEER, 1, ME, 2, SYN), 1, 185, false)), 175);
}

Test(fragments, of_echoes_belong_to_the_echo)
{
	struct dp *dp = DP_OPEN();
	struct packet request = icmp(ME, PEER, 8, 77), reply = icmp(PEER, ME, 0, 77);

	cr_assert_eq(state(dp, dp->to, fragment(request, 1, 0, true)), NEW);
	cr_assert_eq(state(dp, dp->to, fragment(request, 1, 185, false)), ESTABLISHED);
	cr_assert_eq(state(dp, dp->from, fragment(reply, 2, 0, true)), REPLY);
	memset(reply.data + 34, 0, 16);
	cr_assert_eq(state(dp, dp->from, fragment(reply, 2, 185, false)), REPLY);
}

Test(fragments, a_later_one_carries_no_tcp_flags)
{
	struct dp *dp = DP_OPEN();
	struct packet p = out(ACK);

	run(dp, dp->to, fragment(out(SYN), 2, 0, true));
	run(dp, dp->to, fragment(out(SYN), 2, 2, false));
	cr_assert_eq(entry_of(dp, out_key()).bits, 0,
		     "a SYN's fragment counted as more than a SYN");
	run(dp, dp->to, fragment(p, 1, 0, true));
	memset(p.data + 34, 0xff, 24); /* would be RST, FIN and all others */
	cr_assert_eq(state(dp, dp->to, fragment(p, 1, 185, false)), ESTABLISHED);
	cr_assert_eq(entry_of(dp, out_key()).bits & 3, 0);
	cr_assert_eq(entry_of(dp, out_key()).tx_flags, SYN | ACK);
}

Test(host, what_is_not_the_hosts_own_passes_untracked)
{
	struct dp *dp = DP_OPEN();

	dp_clear(dp, "cilium_policy_v2");
	run(dp, dp->from, tcp(PEER, 1, "10.244.0.7", 80, SYN));
	run(dp, dp->to, tcp("10.244.0.7", 80, PEER, 1, SYN));
	cr_assert_eq(map_count(dp, "cilium_ct4_global"), 0);
}

Test(host, without_the_firewall_nothing_is_tracked_or_denied)
{
	struct dp *dp = DP_OPEN({ "enable_host_firewall", 0 });

	dp_clear(dp, "cilium_policy_v2");
	cr_assert_eq(state(dp, dp->from, in(ACK)), UNKNOWN);
	cr_assert_eq(state(dp, dp->to, out(SYN)), UNKNOWN);
	cr_assert_eq(map_count(dp, "cilium_ct4_global"), 0);
}

Test(host, maps_are_pinned_by_name)
{
	static const char *const names[] = {
		"cilium_ct4_global",	     "cilium_ct_any4_global", "cilium_ipcache_v2",
		"cilium_policy_v2",	     "cilium_events",	      "cilium_metrics",
		"cilium_ipv4_frag_datagrams"
	};
	const struct dp *dp = DP_OPEN();

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s/%s", dp->pins, names[i]);
		cr_assert_eq(access(path, F_OK), 0, "%s is not pinned", names[i]);
	}
}
