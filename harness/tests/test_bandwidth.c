// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Bandwidth of pods: when what they send departs, and how much may come in for them. A packet counts with its
 * length as it is on the wire.
 */
#include "lab.h"

/* Egress: as the endpoint whose id is the destination port. Ingress: for that endpoint. */
static const char source[] =
	"#include <lib/bandwidth.h>\n"
	"#include <lib/conntrack.h>\n"
	"#include <lib/drop.h>\n"
	"#include <lib/eth.h>\n"
	"static __always_inline int run(ctx_t *ctx, bool out)\n"
	"{\n"
	"	struct packet *pkt = packet_begin();\n"
	"	int ret;\n"
	"	if (!pkt) return CTX_DROP;\n"
	"	eth_parse(ctx, pkt);\n"
	"	ret = pkt->ethertype == ETH_P_IP ? ipv4_parse(ctx, pkt) : ipv6_parse(ctx, pkt);\n"
	"	if (!ret) ret = ct_parse_l4(ctx, pkt);\n"
	"	if (out) bandwidth_mark(ctx, bpf_ntohs(pkt->dport));\n"
	"	if (!ret && out) ret = bandwidth_egress(ctx, pkt);\n"
	"	else if (!ret) ret = bandwidth_ingress(ctx, pkt, bpf_ntohs(pkt->dport));\n"
	"	if (out && ctx->queue_mapping) return 100;\n"
	"	return ret < 0 ? drop_packet(ctx, pkt, ret, DIR_EGRESS) : ret;\n"
	"}\n"
	"SEC(\"tc\") int leave(ctx_t *ctx) { return run(ctx, true); }\n"
	"SEC(\"tc\") int enter(ctx_t *ctx) { return run(ctx, false); }\n"
	"char _license[] SEC(\"license\") = \"Dual BSD/GPL\";\n";

#define TARGET(on)                                                                                 \
	"summary: a limit\n"                                                                       \
	"objects: {dir: .}\n"                                                                      \
	"config: {enable_bandwidth_manager: " on "}\n"                                             \
	"hooks: {limit: {ingress: limit.o/enter, egress: limit.o/leave}}\n"                        \
	"events: {map: cilium_events}\n"                                                           \
	"devices: [{name: eth0, ifindex: 2, role: limit, mac: 02:00:00:00:00:02}]\n"

#define SEC 1000000000ULL
#define MS  1000000ULL

static struct lab *lab;

static struct lab *limit(const char *target)
{
	struct arena *a = arena_new();

	lab_compile(a, "limit", source);
	return lab_open(a,
			(struct lab_opts){ .target = target, .role = "limit", .hook = "egress" });
}

/* 1000 bytes on the wire. */
static struct pkt thousand(uint16_t endpoint)
{
	struct pkt p;

	put_eth(&p, 0x0800);
	put_udp4(&p, "10.0.0.1", 4000, "10.0.0.2", endpoint, 1000 - 42);
	return p;
}

static uint64_t clock_of(void)
{
	return helper_env_clock(target_env(replay_target(lab->replay)));
}

struct departure {
	int verdict;
	uint64_t at;
	uint32_t priority;
};

/* What the kernel's run tells of the skb; tstamp is what the sender asked for. */
static struct departure depart_wanting(struct pkt p, uint64_t tstamp)
{
	struct replay_place place = { .role = "eth0", .hook = "egress" };
	struct __sk_buff in = { .ifindex = 2, .tstamp = tstamp }, after = { 0 };
	uint8_t out[2048];
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = p.b, .data_size_in = p.len, .data_out = out,
		    .data_size_out = sizeof(out), .ctx_in = &in, .ctx_size_in = sizeof(in),
		    .ctx_out = &after, .ctx_size_out = sizeof(after));

	cr_assert_eq(replay_at(lab->replay, &place, &lab->err), 0, "%s", lab->err.text);
	cr_assert_eq(bpf_prog_test_run_opts(replay_program(lab->replay)->fd, &run), 0);
	return (struct departure){ (int)run.retval, after.tstamp, after.priority };
}

static struct departure depart(uint16_t endpoint)
{
	return depart_wanting(thousand(endpoint), 0);
}

static void arrive(uint16_t endpoint, bool passes)
{
	struct pkt p = thousand(endpoint);

	lab_run(lab, "eth0", "ingress", &p);
	if (passes)
		lab_expect_verdict(lab, TC_ACT_OK);
	else
		lab_expect_drop(lab, TC_ACT_SHOT, 198, "bandwidth.h");
}

Test(bandwidth, what_a_pod_sends_departs_at_its_rate, .timeout = 60)
{
	uint64_t now;

	NEEDS_ROOT();
	lab = limit(TARGET("true"));
	/* a packet a millisecond */
	lab_set(lab, "cilium_throttle", "{id: 7}", "{bps: 1000000, t_horizon_drop: 2000000000}");
	now = clock_of();
	cr_expect_eq(depart(7).at, 0, "the first goes at once");
	cr_expect_eq(depart(7).at, now + MS);
	cr_expect_eq(depart(7).at, now + 2 * MS);
	lab_expect_entry(
		lab, "cilium_throttle", "{id: 7}",
		arena_printf(lab->arena, "{t_last: %llu}", (unsigned long long)(now + 2 * MS)));
	/* time passes: nothing is saved up, and nothing is owed */
	replay_advance(lab->replay, SEC);
	cr_expect_eq(depart(7).at, 0);
	cr_expect_eq(depart(7).at, now + SEC + MS);
	lab_close(lab);
}

Test(bandwidth, a_later_departure_that_the_sender_wants_stands, .timeout = 60)
{
	uint64_t now;

	NEEDS_ROOT();
	lab = limit(TARGET("true"));
	lab_set(lab, "cilium_throttle", "{id: 7}", "{bps: 1000000, t_horizon_drop: 2000000000}");
	now = clock_of();
	cr_expect_eq(depart_wanting(thousand(7), now + 5 * MS).at, now + 5 * MS);
	cr_expect_eq(depart_wanting(thousand(7), now + MS).at, now + 6 * MS);
	lab_close(lab);
}

Test(bandwidth, what_would_wait_beyond_the_horizon_is_dropped, .timeout = 60)
{
	struct pkt p;

	NEEDS_ROOT();
	lab = limit(TARGET("true"));
	/* a packet a second */
	lab_set(lab, "cilium_throttle", "{id: 7}", "{bps: 1000, t_horizon_drop: 2000000000}");
	p = thousand(7);
	for (int i = 0; i < 2; i++) {
		lab_run(lab, "eth0", "egress", &p);
		lab_expect_verdict(lab, TC_ACT_OK);
	}
	lab_run(lab, "eth0", "egress", &p);
	lab_expect_drop(lab, TC_ACT_SHOT, 162, "bandwidth.h");
	/* which is not held against those that come after */
	replay_advance(lab->replay, SEC);
	lab_run(lab, "eth0", "egress", &p);
	lab_expect_verdict(lab, TC_ACT_OK);
	lab_close(lab);
}

Test(bandwidth, others_pass_as_they_are, .timeout = 60)
{
	NEEDS_ROOT();
	lab = limit(TARGET("true"));
	lab_set(lab, "cilium_throttle", "{id: 7}", "{bps: 1000, t_horizon_drop: 2000000000}");
	lab_set(lab, "cilium_throttle", "{id: 8}", "{bps: 0, prio: 6}");
	lab_set(lab, "cilium_throttle", "{id: 9, direction: 1}", "{bps: 1}");
	for (int i = 0; i < 5; i++) {
		cr_expect_eq(depart(6).verdict, 0, "no entry");
		cr_expect_eq(depart(8).at, 0, "no limit");
		cr_expect_eq(depart(9).at, 0, "a limit the other way");
		cr_expect_eq(depart(0).at, 0, "no pod's");
	}
	cr_expect_eq(depart(8).priority, 5, "the entry's priority less one");
	cr_expect_eq(depart(7).priority, 0, "none is asked for");
	lab_close(lab);
}

Test(bandwidth, off_it_limits_nothing, .timeout = 60)
{
	NEEDS_ROOT();
	lab = limit(TARGET("false"));
	lab_set(lab, "cilium_throttle", "{id: 7}", "{bps: 1000, t_horizon_drop: 1}");
	lab_set(lab, "cilium_throttle", "{id: 7, direction: 1}", "{bps: 1}");
	for (int i = 0; i < 3; i++)
		cr_expect_eq(depart(7).at, 0);
	arrive(7, true);
	lab_close(lab);
}

/* ---- in ---- */

Test(bandwidth, a_pods_bucket_holds_what_a_second_brings, .timeout = 60)
{
	NEEDS_ROOT();
	lab = limit(TARGET("true"));
	lab_set(lab, "cilium_throttle", "{id: 7, direction: 1}", "{bps: 3000}");
	for (int i = 0; i < 3; i++)
		arrive(7, true);
	arrive(7, false);
	replay_advance(lab->replay, SEC / 2);
	arrive(7, true);
	arrive(7, false);
	/* 500 tokens: they share their place with the horizon */
	lab_expect_entry(lab, "cilium_throttle", "{id: 7, direction: 1}", "{t_horizon_drop: 500}");
	replay_advance(lab->replay, 100 * SEC);
	for (int i = 0; i < 3; i++)
		arrive(7, true);
	arrive(7, false);
	arrive(8, true);
	lab_close(lab);
}

/* 2000 attempts within a second, each of which brings half a byte. */
Test(bandwidth, a_bucket_fills_however_often_it_is_asked, .timeout = 60)
{
	NEEDS_ROOT();
	lab = limit(TARGET("true"));
	lab_set(lab, "cilium_throttle", "{id: 7, direction: 1}", "{bps: 1000}");
	arrive(7, true);
	for (int i = 0; i < 1999; i++) {
		replay_advance(lab->replay, SEC / 2000);
		arrive(7, false);
	}
	replay_advance(lab->replay, SEC / 2000);
	arrive(7, true);
	lab_close(lab);
}

/* 2^40 bytes a second in 2^24 ns: 2^64 in one number. */
Test(bandwidth, a_limit_of_terabytes_does_not_overflow, .timeout = 60)
{
	NEEDS_ROOT();
	lab = limit(TARGET("true"));
	lab_set(lab, "cilium_throttle", "{id: 7, direction: 1}",
		arena_printf(lab->arena, "{bps: %llu, t_last: %llu, t_horizon_drop: 1500}",
			     1ULL << 40, (unsigned long long)clock_of()));
	arrive(7, true);
	arrive(7, false);
	replay_advance(lab->replay, 1 << 24);
	arrive(7, true);
	lab_close(lab);
}
