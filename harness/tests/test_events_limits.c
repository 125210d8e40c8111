/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Events held back, lost or not wanted, and what counts them; debug messages. */
#include <errno.h>
#include <sched.h>

#include "lab_node.h"

#define WORLD	"192.168.10.100|40000 > 192.168.10.200|80"
#define METRICS "cilium_ratelimit_metrics"

static struct arena *arena; /* of the target's text */

static void set_up(void)
{
	arena = arena_new();
}

static void tear_down(void)
{
	if (lab)
		lab_close(lab);
	lab = NULL;
	arena_free(arena);
}

TestSuite(events_limits, .init = set_up, .fini = tear_down);

static void open_node(const char *config)
{
	if (geteuid() != 0)
		cr_skip_test("needs root");
	cr_assert_eq(sandbox_enter(&(struct err){ 0 }), 0);
	lab = node_open(arena_printf(arena, NODE_TARGET(", monitor_aggregation: 0, %s"), config));
}

static unsigned count(enum event_type type)
{
	const struct hop *hop = lab_hop(lab);
	unsigned n = 0;

	for (size_t i = 0; i < hop->n_events; i++)
		n += hop->events[i].type == type;
	return n;
}

/* Traces of that many packets which leave the node: one each, unless it is held back. */
static unsigned leave(unsigned packets)
{
	unsigned traces = 0;

	for (unsigned i = 0; i < packets; i++) {
		out(tcp_of(WORLD, ACK));
		lab_expect_verdict(lab, TC_ACT_OK);
		traces += count(EVENT_TRACE);
	}
	return traces;
}

/* Dropped for its header: a TCP packet with a data offset of 4 words. Comes to a node port. */
static unsigned drops(unsigned packets)
{
	unsigned events = 0;

	for (unsigned i = 0; i < packets; i++) {
		struct pkt p = tcp_of("192.168.10.100|40000 > 192.168.10.1|30080", SYN);

		p.b[14 + 20 + 12] = 0x40;
		in(p);
		lab_expect_verdict(lab, TC_ACT_SHOT);
		events += count(EVENT_DROP);
	}
	return events;
}

Test(events_limits, a_bucket_holds_its_burst_and_fills_by_its_rate)
{
	open_node("trace_events_limit: 10, trace_events_burst: 20");
	cr_expect_eq(leave(30), 20);
	lab_expect_entry(lab, METRICS, "{usage: 2}", "{dropped: 10}");
	replay_advance(lab->replay, 550000000); /* 5 tokens, and a half that stays */
	cr_expect_eq(leave(6), 5);
	lab_expect_entry(lab, METRICS, "{usage: 2}", "{dropped: 11}");
	replay_advance(lab->replay, 50000000); /* the other half */
	cr_expect_eq(leave(2), 1);
	replay_advance(lab->replay, 3600000000000);
	cr_expect_eq(leave(21), 20);
	lab_expect_entry(lab, METRICS, "{usage: 2}", "{dropped: 13}");
}

Test(events_limits, without_a_burst_it_is_a_seconds_worth)
{
	open_node("trace_events_limit: 3");
	cr_expect_eq(leave(5), 3);
}

Test(events_limits, each_type_has_its_own)
{
	open_node("trace_events_limit: 1, drop_events_limit: 2");
	cr_expect_eq(leave(4), 1);
	cr_expect_eq(drops(3), 2, "a flood of traces holds back no drop");
	/* 3 of TO_NETWORK, 3 of FROM_NETWORK, 1 drop */
	lab_expect_entry(lab, METRICS, "{usage: 2}", "{dropped: 7}");
}

/* Events of that type about packets to the host that begin flows which its policy denies. */
static unsigned denied(enum event_type type, unsigned packets)
{
	unsigned events = 0;

	for (unsigned i = 0; i < packets; i++) {
		in(tcp_of(arena_printf(arena, "192.168.10.2|%u > 192.168.10.1|24824", 2379 + i),
			  ACK));
		lab_expect_verdict(lab, TC_ACT_SHOT);
		events += count(type);
	}
	return events;
}

Test(events_limits, so_have_verdicts_and_debug_messages)
{
	open_node("enable_host_firewall: true, policy_verdict_events_limit: 2");
	cr_expect_eq(denied(EVENT_POLICY_VERDICT, 5), 2);
	cr_expect_eq(denied(EVENT_DROP, 5), 5);
	lab_expect_entry(lab, METRICS, "{usage: 2}", "{dropped: 8}");
	lab_close(lab);
	open_node("enable_host_firewall: true, debug: true, debug_events_limit: 3");
	cr_expect_eq(denied(EVENT_DEBUG, 5), 3);
	cr_expect_eq(denied(EVENT_POLICY_VERDICT, 5), 5);
}

Test(events_limits, no_limit_holds_back_nothing)
{
	struct value *none;

	open_node("trace_events_burst: 1");
	cr_expect_eq(leave(100), 100);
	cr_expect_eq(map_get(lab_map(lab, METRICS), lab->arena, lab_yaml(lab, "{usage: 2}"), &none,
			     &lab->err),
		     -ENOENT);
}

Test(events_limits, types_can_be_switched_off)
{
	open_node("trace_events: false, drop_events: false");
	cr_expect_eq(leave(2), 0);
	cr_expect_eq(drops(2), 0);
	cr_expect_eq(lab_hop(lab)->n_events, 0);
}

/* 256 KiB hold about 1100 traces of 180 bytes: of 5000 at once most are lost, and both sides know how many.
 * The kernel tells the reader with the next event that finds room.
 */
Test(events_limits, what_a_full_ring_swallows_is_counted_on_both_sides)
{
	struct pkt p = tcp_of(WORLD, ACK);
	struct __sk_buff ctx = { .ifindex = ETH0 };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = p.b, .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .repeat = 5000);
	uint64_t lost = 0;
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	cr_assert_eq(sched_setaffinity(0, sizeof(one), &one), 0);
	open_node("trace_payload_len: 128");
	leave(1);
	run.data_size_in = p.len;
	cr_assert_eq(bpf_prog_test_run_opts(replay_program(lab->replay)->fd, &run), 0);
	for (int i = 0; i < 3; i++) {
		leave(1);
		lost += lab_hop(lab)->lost;
	}
	cr_assert_gt(lost, 1000);
	cr_assert_lt(lost, 5000);
	lab_expect_entry(lab, METRICS, "{usage: 260}",
			 arena_printf(lab->arena, "{dropped: %llu}", (unsigned long long)lost));
}

struct message {
	unsigned kind;
	uint32_t args[3];
};

static void expect_messages(const struct message *want, size_t n)
{
	const struct hop *hop = lab_hop(lab);
	size_t at = 0;

	for (size_t i = 0; i < hop->n_events; i++) {
		const struct event *e = &hop->events[i];

		if (e->type != EVENT_DEBUG)
			continue;
		cr_assert_lt(at, n, "one more message: %u", e->subtype);
		cr_expect_eq(e->subtype, want[at].kind, "message %zu: %u", at, e->subtype);
		cr_expect_arr_eq(e->args, want[at].args, sizeof(e->args), "message %zu: %x %x %x",
				 at, e->args[0], e->args[1], e->args[2]);
		at++;
	}
	cr_expect_eq(at, n, "%zu messages", at);
}

/* What the log of story 1 says of a packet that policy would deny: addresses in the order of the wire, 6
 * the other node, 1 the host.
 */
Test(events_limits, debug_messages_tell_what_was_looked_up)
{
	uint32_t other = inet_addr("192.168.10.2"), node = inet_addr("192.168.10.1");
	const struct message denied[] = {
		{ 58, { other, 6 } }, /* the address's identity */
		{ 58, { node, 1 } },
		{ 48, { other, node, 24824 << 16 | 2379 } }, /* conntrack lookup 1 */
		{ 49, { 6 << 8, 1, 2 } }, /* and 2: TCP, the reverse is out, ingress, both directions */
		{ 15, { 0, 0 } }, /* new */
		{ 5, { 6, 1 } }, /* denied */
	};

	open_node("debug: true, enable_host_firewall: true");
	in(tcp_of("192.168.10.2|2379 > 192.168.10.1|24824", ACK));
	lab_expect_verdict(lab, TC_ACT_SHOT);
	expect_messages(denied, sizeof(denied) / sizeof(denied[0]));
}

Test(events_limits, debug_messages_are_off_unless_asked_for)
{
	open_node("enable_host_firewall: true");
	in(tcp_of("192.168.10.2|2379 > 192.168.10.1|24824", ACK));
	lab_expect_verdict(lab, TC_ACT_SHOT);
	expect_messages(NULL, 0);
}
