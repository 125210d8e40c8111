/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How many events a capture costs at each level of aggregation. The numbers are worked out here by hand
 * from the capture, not taken from a run.
 *
 * etcd.pcapng is one TCP connection between two masters, 39 packets, each of which leaves one node by
 * cil_to_netdev and reaches the other by cil_from_netdev. Its first packet is judged by both policies: two
 * policy verdicts at each level.
 *
 * none: a packet is told of as it leaves (TO_NETWORK), as it comes (FROM_NETWORK) and as the host gets it
 * (TO_HOST): 3 x 39 = 117.
 *
 * low: what is received is told of at no point, neither as it comes nor as the host gets it; only what is sent
 * is: 39.
 *
 * medium and maximum: of what is sent, each packet that is news of its direction. That is a flag not seen
 * before, or more than 5 whole seconds since the last news. Of the API server:
 *    1 SYN   3 ACK   4 PSH   at 0.0 s;   9 at 0.001 s, 14 at 0.04 s and 16 at 5.12 s (5 s are not more than
 *    5 s) are none; 21 at 7.14 s (last: 0); 25 at 22.26 s (last: 7); 37 FIN at 24.89 s.   6 packets
 * Of etcd:
 *    2 SYN, ACK   6 PSH   at 0.0 s; 15 at 5.12 s is none; 20 at 7.14 s; 26 at 22.26 s; 38 FIN.   5 packets
 * 6 + 5 = 11.
 *
 * Each of them is told by the node that sends it. The levels are those of Cilium's documentation
 * (network/kubernetes/configuration, monitor-aggregation): "low" and above are of packets sent.
 */
#include <criterion/criterion.h>

#include "base/ns.h"
#include "engine/engine.h"
#include "engine/prepare.h"
#include "engine/timeline.h"
#include "files.h"
#include "packet/capture.h"
#include "scenario/yaml.h"

struct counts {
	unsigned trace, verdict, drop, other;
	uint64_t lost;
};

struct run {
	struct arena *a;
	struct cluster *cluster;
	struct engine *engine;
	struct err err;
};

static void silent(void *arg, const char *node, const char *text)
{
	(void)arg, (void)node, (void)text;
}

static void start(struct run *r, const char *level)
{
	const char *root = files_source_root();
	char *text = arena_printf(r->a, "bpf: {monitorAggregation: %s}\n", level);
	struct engine_opts opts = { .pin_root = SANDBOX_BPFFS "/levels" };
	struct log_sink log = { silent, NULL };
	struct value **docs;
	size_t n;

	cr_assert_eq(yaml_parse(r->a, text, strlen(text), "test", &docs, &n, &r->err), 0);
	cr_assert_eq(sandbox_enter(&r->err), 0, "%s", r->err.text);
	cr_assert_eq(cluster_load(arena_printf(r->a, "%s/fixtures/clusters/two-masters", root),
				  docs[0], &r->cluster, &r->err),
		     0, "%s", r->err.text);
	opts.cluster = r->cluster;
	cr_assert_eq(engine_testrun.open(&opts, &log, &r->engine, &r->err), 0, "%s", r->err.text);
}

static void count(struct counts *c, const struct trace *t)
{
	cr_assert_eq(t->outcome, OUTCOME_DELIVERED, "packet %u: %s", t->number, t->why);
	for (size_t h = 0; h < t->n_hops; h++) {
		const struct hop *hop = &t->hops[h];

		for (size_t i = 0; i < hop->n_events; i++) {
			enum event_type type = hop->events[i].type;

			c->trace += type == EVENT_TRACE;
			c->verdict += type == EVENT_POLICY_VERDICT;
			c->drop += type == EVENT_DROP;
			c->other += type != EVENT_TRACE && type != EVENT_POLICY_VERDICT &&
				    type != EVENT_DROP;
		}
	}
}

static struct counts play(struct run *r, const char *capture)
{
	struct send_step send = { .capture = capture };
	struct capture_packet *packets;
	struct counts c = { 0 };
	struct timeline time;
	size_t n;

	timeline_init(&time, r->a);
	cr_assert_eq(capture_load(r->a, capture, &packets, &n, &r->err), 0, "%s", r->err.text);
	cr_assert_eq(n, 39, "another capture than the one that was counted");
	for (size_t i = 0; i < n; i++) {
		const struct prepare with = { .cluster = r->cluster, .follows = true };
		struct injection in = { .from = -1, .to = -1 };
		struct flow_pass pass;
		struct trace t = { 0 };

		cr_assert_eq(
			prepare_packet(&with, &send, &packets[i], r->a, &in, &pass, &t, &r->err), 0,
			"%s%s", t.why, r->err.text);
		in.now_ns = timeline_packet(&time, capture, packets[i].ts_ns);
		cr_assert_eq(engine_testrun.inject(r->engine, &in, r->a, &t, &c.lost, &r->err), 0,
			     "%s", r->err.text);
		count(&c, &t);
	}
	return c;
}

static void expect(const char *level, unsigned traces)
{
	struct run r = { .a = arena_new() };
	struct counts c;

	if (geteuid() != 0)
		cr_skip_test("needs root");
	start(&r, level);
	c = play(&r, arena_printf(r.a, "%s/fixtures/captures/etcd.pcapng", files_source_root()));
	cr_expect_eq(c.trace, traces, "%s: %u traces, not %u", level, c.trace, traces);
	cr_expect_eq(c.verdict, 2, "%s: %u policy verdicts", level, c.verdict);
	cr_expect_eq(c.drop + c.other, 0, "%s: %u drops, %u others", level, c.drop, c.other);
	cr_expect_eq(c.lost, 0, "%s: %llu lost", level, (unsigned long long)c.lost);
	engine_testrun.close(r.engine);
	cluster_free(r.cluster);
	arena_free(r.a);
}

Test(events_levels, none_tells_of_each_packet_at_each_point)
{
	expect("none", 117);
}

Test(events_levels, low_leaves_out_what_is_received)
{
	expect("low", 39);
}

Test(events_levels, medium_tells_news_of_connections)
{
	expect("medium", 11);
}

Test(events_levels, maximum_is_no_more_than_medium)
{
	expect("maximum", 11);
}
