// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The judge against traces made by hand: what must fail fails and says so, what is free is free. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "judge/print.h"
#include "judge_fixture.h"

static struct fixture *f;

static void set_up(void)
{
	f = fixture_new();
}

static void tear_down(void)
{
	fixture_free(f);
}

TestSuite(judge, .init = set_up, .fini = tear_down);

static void expect_passed(void)
{
	struct buf text = BUF_INIT;

	fixture_judge(f);
	if (fixture_diff(f, 0))
		judge_print_difference(&text, fixture_diff(f, 0));
	cr_expect(f->res.status == STATUS_PASSED, "%s", buf_str(&text));
	buf_free(&text);
}

/* One difference, of that field, with that expected and actual text. */
static void expect_one(const char *field, const char *expected, const char *actual)
{
	const struct difference *d;

	fixture_judge(f);
	cr_assert(f->res.status == STATUS_FAILED, "passed, but %s should differ", field);
	cr_assert(f->res.steps[0].n_diffs == 1, "%zu differences", f->res.steps[0].n_diffs);
	d = fixture_diff(f, 0);
	cr_expect(eq(str, (char *)d->field, (char *)field));
	cr_expect(eq(str, (char *)d->expected, (char *)expected));
	cr_expect(eq(str, (char *)d->actual, (char *)actual));
}

static struct packet_expect *last(void)
{
	return &f->expects[0].last;
}

static void want_outcome(enum outcome o)
{
	last()->has_outcome = true;
	last()->outcome = o;
	last()->outcome_loc = LOC(15);
}

/* ---- outcome ---- */

Test(judge, delivered_as_expected_passes_and_is_counted)
{
	want_outcome(OUTCOME_DELIVERED);
	expect_passed();
	cr_expect(f->res.packets == 2);
	cr_expect(f->res.checks >= 2);
}

Test(judge, a_dropped_packet_names_reason_and_source_line)
{
	want_outcome(OUTCOME_DELIVERED);
	fixture_drop(f, 1);
	expect_one("outcome", "delivered", "dropped (POLICY 133, bpf_host.c:88)");
	cr_expect(fixture_diff(f, 0)->packet == &f->packets[1]);
	cr_expect(fixture_diff(f, 0)->hop == &f->hops[3]);
	cr_expect(fixture_diff(f, 0)->loc.line == 15);
}

Test(judge, a_drop_that_no_expectation_speaks_of_is_free)
{
	struct packet_range only = { 3, 3 };

	want_outcome(OUTCOME_DELIVERED);
	f->expects[0].packets = (struct packet_set){ &only, 1 };
	fixture_drop(f, 1);
	expect_passed();
}

Test(judge, unmodelled_is_never_a_pass_even_where_expected)
{
	want_outcome(OUTCOME_UNMODELLED);
	f->packets[0].outcome = OUTCOME_UNMODELLED;
	f->packets[0].why = "a redirect whose target is not known";
	f->packets[1].outcome = OUTCOME_UNMODELLED;
	fixture_judge(f);
	cr_expect(f->res.status == STATUS_FAILED);
	cr_expect(f->res.steps[0].n_diffs == 2);
}

Test(judge, unmodelled_fails_an_expectation_that_only_counts_events)
{
	struct count_expect none = { .name = "drop", .min = 0, .max = 0, .loc = LOC(16) };

	f->expects[0].counts = &none;
	f->expects[0].n_counts = 1;
	f->packets[1].outcome = OUTCOME_UNMODELLED;
	f->packets[1].why = "why not";
	expect_one("outcome", "an outcome that can be known", "unmodelled (why not)");
}

Test(judge, unmodelled_outside_of_every_expectation_is_free)
{
	struct packet_range only = { 3, 3 };

	want_outcome(OUTCOME_DELIVERED);
	f->expects[0].packets = (struct packet_set){ &only, 1 };
	f->packets[1].outcome = OUTCOME_UNMODELLED;
	expect_passed();
}

/* ---- vacuous ---- */

Test(judge, an_expectation_that_no_packet_reaches_fails)
{
	struct packet_range later = { 40, UINT32_MAX };

	want_outcome(OUTCOME_DELIVERED);
	f->expects[0].packets = (struct packet_set){ &later, 1 };
	expect_one("vacuous", "at least one packet to judge", "no packet reached this expectation");
}

Test(judge, an_expectation_whose_match_fits_no_packet_fails)
{
	struct field_expect port = { field_find("tcp.dstport"), "53", LOC(15) };

	want_outcome(OUTCOME_DELIVERED);
	f->expects[0].match = &port;
	f->expects[0].n_match = 1;
	expect_one("vacuous", "at least one packet to judge", "no packet reached this expectation");
}

Test(judge, an_empty_expectation_fails)
{
	expect_one("vacuous", "something that can fail", "nothing in this expectation can fail");
}

Test(judge, a_count_of_any_number_cannot_fail_and_so_fails)
{
	struct count_expect any = { .name = "drop", .min = 0, .max = UINT64_MAX, .loc = LOC(16) };

	f->expects[0].counts = &any;
	f->expects[0].n_counts = 1;
	expect_one("vacuous", "something that can fail", "nothing in this expectation can fail");
}

Test(judge, no_drops_in_a_step_without_packets_cannot_fail_and_so_fails)
{
	struct count_expect none = { .name = "drop", .min = 0, .max = 0, .loc = LOC(16) };

	f->expects[0].counts = &none;
	f->expects[0].n_counts = 1;
	f->step_traces[0].n_packets = 0;
	expect_one("vacuous", "something that can fail", "nothing in this expectation can fail");
}

Test(judge, a_scenario_without_any_expectation_fails)
{
	f->steps[0].n_expects = 0;
	expect_one("vacuous", "an expectation in at least one step",
		   "no step of this scenario has an `expect:`");
}

Test(judge, a_step_that_did_not_run_fails_its_expectations)
{
	want_outcome(OUTCOME_DELIVERED);
	f->run.n_steps = 0;
	expect_one("step", "run", "the run ended before this step");
}

/* ---- the packet's end ---- */

Test(judge, match_selects_by_the_packets_own_fields)
{
	struct field_expect port = { field_find("tcp.srcport"), "2379", LOC(15) };

	want_outcome(OUTCOME_DELIVERED);
	f->expects[0].match = &port;
	f->expects[0].n_match = 1;
	expect_passed();
}

Test(judge, at_is_the_last_hop_or_where_the_packet_ended)
{
	last()->at = "master-0/eth0";
	last()->at_loc = LOC(15);
	expect_passed();
	f->packets[0].at = f->packets[1].at = "world";
	last()->at = "world";
	expect_passed();
	last()->at = "master-1/eth0";
	fixture_judge(f);
	cr_expect(f->res.steps[0].n_diffs == 2);
	cr_expect(eq(str, (char *)fixture_diff(f, 0)->actual,
		     "world (its last program at master-0/eth0)"));
}

Test(judge, ct_of_the_last_hop_differs)
{
	last()->has_ct = true;
	last()->ct = CT_STATE_REPLY;
	last()->ct_loc = LOC(17);
	expect_passed();
	f->hops[3].ct = CT_STATE_NEW;
	expect_one("ct", "reply", "new");
}

Test(judge, ct_that_no_event_told_is_not_taken_for_the_expected_one)
{
	__cleanup_buf struct buf text = BUF_INIT;

	last()->has_ct = true;
	last()->ct = CT_STATE_REPLY;
	last()->ct_loc = LOC(17);
	f->hops[1].ct = CT_STATE_UNKNOWN;
	expect_one("ct", "reply", "unknown, no event told it");
	judge_print_difference(&text, fixture_diff(f, 0));
	cr_expect(text_has(buf_str(&text), "monitorAggregation: none"), "%s", buf_str(&text));
}

Test(judge, verdict_reason_program_and_identities_each_differ)
{
	fixture_drop(f, 0);
	fixture_drop(f, 1);
	*last() = (struct packet_expect){
		.program = "cil_from_host",
		.has_verdict = true,
		.verdict = TC_ACT_OK,
		.has_reason = true,
		.reason = 181,
		.has_src_identity = true,
		.src_identity = IDENTITY_WORLD,
		.has_dst_identity = true,
		.dst_identity = 4711,
	};
	f->step_traces[0].n_packets = 1;
	fixture_judge(f);
	cr_assert(f->res.steps[0].n_diffs == 5);
	cr_expect(eq(str, (char *)fixture_diff(f, 0)->actual, "cil_from_netdev"));
	cr_expect(eq(str, (char *)fixture_diff(f, 1)->actual, "TC_ACT_SHOT"));
	cr_expect(eq(str, (char *)fixture_diff(f, 2)->expected,
		     "POLICY_DENY 181 (Policy denied by denylist)"));
	cr_expect(eq(str, (char *)fixture_diff(f, 2)->actual, "POLICY 133, bpf_host.c:88"));
	cr_expect(eq(str, (char *)fixture_diff(f, 3)->actual, "kube-apiserver"));
	cr_expect(eq(str, (char *)fixture_diff(f, 4)->expected, "4711"));
	cr_expect(eq(str, (char *)fixture_diff(f, 4)->actual, "host"));
}

Test(judge, packet_fields_are_those_of_the_final_bytes)
{
	struct field_expect src = { field_find("ip.src"), "10.160.128.31", LOC(18) };

	last()->fields = &src;
	last()->n_fields = 1;
	expect_passed();
	f->hops[3].out.data[29] =
		77; /* last byte of the source address, rewritten by the program */
	expect_one("ip.src", "10.160.128.31", "10.160.128.77");
}

Test(judge, a_field_the_packet_does_not_have_differs)
{
	struct field_expect udp = { field_find("udp.dstport"), "53", LOC(18) };

	last()->fields = &udp;
	last()->n_fields = 1;
	f->step_traces[0].n_packets = 1;
	expect_one("udp.dstport", "53", "the packet has no such field");
}

Test(judge, a_packet_that_met_no_program_cannot_have_a_verdict)
{
	last()->has_verdict = true;
	last()->verdict = TC_ACT_OK;
	f->packets[1].n_hops = 0;
	expect_one("hops", "a program that sees the packet", "no program saw it");
}

/* ---- hops ---- */

Test(judge, hops_match_in_order_with_others_between)
{
	struct packet_expect want[] = {
		{ .at = "master-1/eth0", .loc = LOC(21) },
		{ .program = "cil_from_netdev", .has_ct = true, .ct = CT_STATE_REPLY },
	};

	f->expects[0].hops = want;
	f->expects[0].n_hops = 2;
	expect_passed();
}

Test(judge, hops_in_another_order_differ)
{
	struct packet_expect want[] = {
		{ .at = "master-0/eth0", .loc = LOC(21) },
		{ .at = "master-1/eth0", .loc = LOC(22) },
	};

	f->expects[0].hops = want;
	f->expects[0].n_hops = 2;
	f->step_traces[0].n_packets = 1;
	expect_one("hops", "a hop at master-1/eth0", "no hop after it");
}

Test(judge, a_hop_that_is_meant_but_differs_says_what_of_it_differs)
{
	struct packet_expect want = { .at = "master-1/eth0", .has_ct = true, .ct = CT_STATE_NEW };

	f->expects[0].hops = &want;
	f->expects[0].n_hops = 1;
	f->step_traces[0].n_packets = 1;
	expect_one("ct", "new", "established");
	cr_expect(fixture_diff(f, 0)->hop == &f->hops[0]);
}

/* ---- the step ---- */

static void count(struct count_expect *c)
{
	c->loc = LOC(30);
	f->expects[0].counts = c;
	f->expects[0].n_counts = 1;
}

Test(judge, events_are_counted_by_type_reason_and_node)
{
	struct count_expect all = { .name = "drop", .min = 1, .max = 1 };
	struct count_expect reason = { .name = "drop/POLICY", .min = 1, .max = 1 };
	struct count_expect other = { .name = "drop/POLICY_DENY", .min = 1, .max = UINT64_MAX };
	struct count_expect node = { .name = "drop", .node = "master-1", .min = 2, .max = 4 };

	fixture_drop(f, 1);
	count(&all);
	expect_passed();
	count(&reason);
	expect_passed();
	count(&other);
	expect_one("events: drop/POLICY_DENY", "1 or more", "0");
	count(&node);
	expect_one("events: master-1: drop", "2 to 4", "0");
}

Test(judge, a_wrong_count_shows_the_events_as_monitor_lines)
{
	struct count_expect none = { .name = "drop", .min = 0, .max = 0 };

	fixture_drop(f, 1);
	count(&none);
	expect_one("events: drop", "0", "1");
	cr_expect(text_has(fixture_diff(f, 0)->detail, "xx drop (Policy denied)"), "%s",
		  fixture_diff(f, 0)->detail);
	cr_expect(text_has(fixture_diff(f, 0)->detail, "packet 4 at master-0/eth0"));
}

Test(judge, no_drops_is_not_believed_when_events_were_lost)
{
	struct count_expect none = { .name = "drop", .min = 0, .max = 0 };
	struct count_expect lost = { .name = "lost", .min = 3, .max = 3 };

	f->step_traces[0].lost = 3;
	count(&none);
	expect_one("events: drop", "0", "0 seen, and 3 events were lost");
	count(&lost);
	expect_passed();
}

static void monitor(struct text_expect *t)
{
	t->loc = LOC(40);
	f->expects[0].monitor = t;
	f->expects[0].n_monitor = 1;
}

Test(judge, monitor_lines_match_whole_by_pattern_and_in_part_without)
{
	struct text_expect part = { .text = "identity kube-apiserver->host" };
	struct text_expect whole = { .text = "xx drop (Policy denied) *24824 tcp ACK*" };
	struct text_expect not_whole = { .text = "drop (Policy denied) *" };
	struct text_expect no = { .text = "drop", .absent = true };

	fixture_drop(f, 1);
	monitor(&part);
	expect_passed();
	monitor(&whole);
	expect_passed();
	monitor(&not_whole);
	expect_one("monitor", "a line like \"drop (Policy denied) *\"", "none of 1 line");
	cr_expect(text_has(fixture_diff(f, 0)->detail, "nearest: xx drop"));
	monitor(&no);
	fixture_judge(f);
	cr_assert(f->res.steps[0].n_diffs == 1);
	cr_expect(eq(str, (char *)fixture_diff(f, 0)->field, "no_monitor"));
}

Test(judge, log_lines_of_the_agents_are_searched)
{
	struct log_line line = { "master-0", "level=info msg=\"Conntrack garbage collected\" n=2" };
	struct text_expect there = { .text = "msg=\"Conntrack garbage*", .loc = LOC(41) };

	f->step_traces[0].log = &line;
	f->step_traces[0].n_log = 1;
	f->expects[0].log = &there;
	f->expects[0].n_log = 1;
	expect_one("log", "a line like \"msg=\"Conntrack garbage*\"", "none of 1 line");
	there.text = "*msg=\"Conntrack garbage*";
	expect_passed();
}

static struct value *entry(const char *address, const char *packets)
{
	struct value *e = value_map(f->a), *k = value_map(f->a), *v = value_map(f->a);

	value_setf(f->a, k, "daddr", "%s", address);
	value_set(f->a, e, "key", k);
	if (!packets)
		return e;
	value_setf(f->a, v, "packets", "%s", packets);
	value_set(f->a, e, "value", v);
	return e;
}

static void one_change(struct node_map_change *ch, enum map_change_kind kind)
{
	struct value *e = entry("10.160.128.34", "1");

	*ch = (struct node_map_change){
		.node = "master-0",
		.map = "cilium_ct4_global",
		.kind = kind,
		.key = value_get(e, "key"),
	};
	if (kind == MAP_REMOVED)
		ch->was = value_get(e, "value");
	else
		ch->is = value_get(e, "value");
	f->step_traces[0].changes = ch;
	f->step_traces[0].n_changes = 1;
}

Test(judge, map_changes_match_by_the_fields_that_are_written)
{
	struct map_expect want = { .node = "master-0",
				   .map = "cilium_ct4_global",
				   .kind = MAP_ADDED,
				   .loc = LOC(50),
				   .entry = entry("10.160.128.34", NULL) };
	struct node_map_change ch;

	f->expects[0].maps = &want;
	f->expects[0].n_maps = 1;
	one_change(&ch, MAP_ADDED);
	expect_passed();
	one_change(&ch, MAP_REMOVED);
	fixture_judge(f);
	cr_expect(f->res.status == STATUS_FAILED, "an added entry was removed");
	want.kind = MAP_REMOVED;
	want.entry = entry("10.160.128.34", "1");
	expect_passed();
	want.entry = entry("10.160.128.34", "2");
	fixture_judge(f);
	cr_expect(f->res.status == STATUS_FAILED, "the value is another");
	want.entry = entry("10.160.128.35", NULL);
	expect_one("maps: master-0: cilium_ct4_global removed",
		   "1 or more entries like {key: {daddr: 10.160.128.35}}", "0");
	cr_expect(text_has(fixture_diff(f, 0)->detail, "daddr: 10.160.128.34"));
}

static struct value *ct_value(const char *packets, const char *lifetime, const char *more)
{
	struct value *v = value_map(f->a);

	value_setf(f->a, v, "packets", "%s", packets);
	value_setf(f->a, v, "rx_closing", "%s", "0");
	value_setf(f->a, v, "lifetime", "%s", lifetime);
	if (more)
		value_setf(f->a, v, more, "%s", "0");
	return v;
}

Test(judge, a_changed_entry_shows_the_fields_that_changed_and_no_others)
{
	__cleanup_buf struct buf text = BUF_INIT;
	struct node_map_change ch;

	one_change(&ch, MAP_CHANGED);
	ch.was = ct_value("1", "60", NULL);
	ch.is = ct_value("2", "8000", "next_release");
	print_map_change(&text, &ch);
	cr_expect(eq(str, (char *)buf_str(&text),
		     "master-0: changed cilium_ct4_global {daddr: 10.160.128.34}: packets 1 -> 2, "
		     "lifetime 60 -> 8000, next_release absent -> 0"));
}

Test(judge, map_changes_are_counted_and_absence_is_seen)
{
	struct map_expect want = { .node = "master-0",
				   .map = "cilium_ct4_global",
				   .kind = MAP_ADDED,
				   .loc = LOC(50),
				   .has_count = true };
	struct node_map_change ch;

	f->expects[0].maps = &want;
	f->expects[0].n_maps = 1;
	one_change(&ch, MAP_ADDED);
	expect_one("maps: master-0: cilium_ct4_global added", "0 entries", "1");
	want = (struct map_expect){ .node = "master-0",
				    .map = "cilium_ct4_global",
				    .kind = MAP_ABSENT,
				    .loc = LOC(50),
				    .entry = entry("10.160.128.34", NULL) };
	expect_passed();
	one_change(&ch, MAP_PRESENT);
	fixture_judge(f);
	cr_expect(f->res.status == STATUS_FAILED, "what must be absent is present");
}

/* ---- text ---- */

Test(judge, a_difference_reads_like_packetdrills_and_its_first_line_is_complete)
{
	__cleanup_buf struct buf text = BUF_INIT;

	want_outcome(OUTCOME_DELIVERED);
	fixture_drop(f, 1);
	fixture_judge(f);
	judge_print_difference(&text, fixture_diff(f, 0));
	cr_expect(eq(str, (char *)buf_str(&text),
		     "scenarios/etcd/scenario.yaml:15: packet 4 (etcd.pcapng, +0.003120 s) at "
		     "master-0/eth0 cil_from_netdev: outcome: expected delivered, actual dropped "
		     "(POLICY 133, bpf_host.c:88)\n"
		     "  packet: 10.160.128.31:2379 > 10.160.128.34:24824 tcp PSH,ACK len 4\n"
		     "  hop 1: master-1/eth0 cil_to_netdev egress: TC_ACT_OK, ct established\n"
		     "  hop 2: master-0/eth0 cil_from_netdev ingress: TC_ACT_SHOT, Policy denied "
		     "(POLICY 133, bpf_host.c:88), ct new, identity kube-apiserver->host\n"
		     "  hint: a TCP packet without SYN was taken for a new connection: conntrack "
		     "had no entry of its flow (never made, expired, or lost in a restart)\n"));
}

Test(judge, differences_of_one_packet_show_it_once)
{
	__cleanup_buf struct buf text = BUF_INIT;
	const char *packet;

	want_outcome(OUTCOME_DELIVERED);
	last()->has_ct = true;
	last()->ct = CT_STATE_REPLY;
	fixture_drop(f, 1);
	fixture_judge(f);
	cr_assert(f->res.steps[0].n_diffs == 2);
	cr_expect(judge_print_group(&text, f->res.steps[0].diffs, 2) == 2);
	cr_expect(text_has(buf_str(&text), ": outcome: expected delivered"));
	cr_expect(text_has(buf_str(&text), ": ct: expected reply, actual new"));
	packet = strstr(buf_str(&text), "  packet: ");
	cr_assert(packet != NULL);
	cr_expect(not(text_has(packet + 1, "  packet: ")));
}

/* n packets like the fixture's second, numbered from 3, all of which must have been delivered. */
static struct trace *packets_of(size_t n)
{
	struct trace *packets = arena_alloc(f->a, n * sizeof(*packets));

	f->expects[0].last.has_outcome = true;
	f->expects[0].last.outcome = OUTCOME_DELIVERED;
	f->expects[0].last.outcome_loc = LOC(15);
	for (size_t i = 0; i < n; i++) {
		packets[i] = f->packets[1];
		packets[i].number = (uint32_t)(3 + i);
	}
	f->step_traces[0].packets = packets;
	f->step_traces[0].n_packets = n;
	return packets;
}

Test(judge, packets_that_differ_alike_are_told_once_and_another_kind_by_itself)
{
	__cleanup_buf struct buf text = BUF_INIT;
	struct trace *packets;
	size_t room = 5;

	fixture_drop(f, 1);
	packets = packets_of(30);
	packets[4].outcome = OUTCOME_DELIVERED; /* 7 */
	packets[20].outcome = OUTCOME_CONSUMED; /* 23 */
	fixture_judge(f);
	cr_assert(f->res.steps[0].n_diffs == 29);
	cr_expect(judge_print_folded(&text, f->res.steps[0].diffs, 29, &room) == 29);
	cr_expect(room == 3);
	cr_expect(text_has(buf_str(&text), "packet 3 (etcd.pcapng"));
	cr_expect(text_has(buf_str(&text), "\n  and 27 more packets like this: 4-6, 8-22, 24-32\n"),
		  "%s", buf_str(&text));
	cr_expect(text_has(buf_str(&text), "packet 23 (etcd.pcapng"));
	cr_expect(not(text_has(buf_str(&text), "packet 4 (")));
}

Test(judge, packets_whose_values_differ_are_not_alike)
{
	__cleanup_buf struct buf text = BUF_INIT;
	struct trace *packets = packets_of(2);
	size_t room = 5;

	packets[0].outcome = OUTCOME_CONSUMED;
	packets[1].outcome = OUTCOME_SENT;
	fixture_judge(f);
	cr_expect(judge_print_folded(&text, f->res.steps[0].diffs, 2, &room) == 2);
	cr_expect(text_has(buf_str(&text), "actual consumed"));
	cr_expect(text_has(buf_str(&text), "actual sent"));
	cr_expect(not(text_has(buf_str(&text), "like this")));
}

Test(judge, reasons_that_differ_in_addresses_only_are_alike)
{
	__cleanup_buf struct buf text = BUF_INIT;
	struct trace *packets = packets_of(3);
	size_t room = 1;

	for (size_t i = 0; i < 3; i++)
		packets[i].outcome = OUTCOME_UNMODELLED;
	packets[0].why = "neither of 192.0.2.7 and :: belongs to a node";
	packets[1].why = "neither of fe80::1 and 10.0.0.1 belongs to a node";
	packets[2].why = "the packet is too long";
	fixture_judge(f);
	/* the third kind has no room left: it is not told, and so not counted */
	cr_expect(judge_print_folded(&text, f->res.steps[0].diffs, 3, &room) == 2);
	cr_expect(text_has(buf_str(&text), "and 1 more packet like this: 4\n"), "%s",
		  buf_str(&text));
	cr_expect(not(text_has(buf_str(&text), "too long")));
}

Test(judge, a_packet_is_one_line)
{
	__cleanup_buf struct buf text = BUF_INIT;

	judge_print_packet(&text, &f->packets[0]);
	cr_expect(strchr(buf_str(&text), '\n') == buf_str(&text) + text.len - 1);
	cr_expect(text_has(buf_str(&text), "=> delivered at master-0/eth0"), "%s", buf_str(&text));
}

Test(judge, judge_packet_agrees_with_the_scenario)
{
	uint64_t checks = 0;

	want_outcome(OUTCOME_DELIVERED);
	cr_expect(judge_packet(&f->expects[0], &f->packets[0], &checks));
	fixture_drop(f, 1);
	cr_expect(not(judge_packet(&f->expects[0], &f->packets[1], &checks)));
	cr_expect(checks == 2);
}
