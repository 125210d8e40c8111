/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where a packet is after a program: by its verdict and by what it asked helpers for, one rule a case. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include "engine/sim_internal.h"
#include "sim_lab.h"

static struct arena *a;
static struct cluster *cluster;
static struct sim sim;
static struct trace trace;
static struct walk w;
static struct err err;

static void start(void)
{
	const char *dir, *values = "routingMode: native\nipv6: {enabled: true}\n";

	NEEDS_ROOT();
	a = arena_new();
	dir = test_dir(a);
	cr_assert_eq(file_write(arena_printf(a, "%s/all.yaml", dir), sim_cluster_text,
				strlen(sim_cluster_text), &err),
		     0);
	cr_assert_eq(
		file_write(arena_printf(a, "%s/values.yaml", dir), values, strlen(values), &err),
		0);
	cr_assert_eq(cluster_load(dir, NULL, &cluster, &err), 0, "%s", err.text);
	sim = (struct sim){ .cluster = cluster, .n_nodes = 2 };
}

static void end(void)
{
	cluster_free(cluster);
	arena_free(a);
}

TestSuite(sim_follow, .init = start, .fini = end);

static const struct cluster_device *device(const char *role)
{
	return cluster_device_of_role(&cluster->nodes[0], role);
}

/* A packet for the pod client, on which a program has just run at eth0; n calls of helpers. */
static void ran(enum hook hook, int verdict, const struct hop_redirect *asked, size_t n)
{
	const struct cluster_endpoint *client = &cluster->nodes[0].endpoints[1];
	struct hop hop = { .node = "one",
			   .at = "one/eth0",
			   .program = "prog",
			   .hook = hook,
			   .verdict = verdict,
			   .observed = true,
			   .n_redirects = n };
	struct pkt p;

	put_eth(&p, 0x0800);
	put_udp4(&p, "10.0.1.20", 4000, "10.0.1.10", 53, 32);
	memcpy(p.b, client->mac, 6);
	hop.redirects = arena_memdup(a, asked, n * sizeof(*asked));
	trace = (struct trace){ .n_hops = 1 };
	trace.hops = arena_memdup(a, &hop, sizeof(hop));
	w = (struct walk){ .sim = &sim, .trace = &trace, .a = a, .dev = device("native") };
	w.frame = (struct frame){ .data = arena_memdup(a, p.b, p.len), .len = p.len };
}

static void after_tc(int verdict, const struct hop_redirect *asked, size_t n)
{
	ran(HOOK_TC_INGRESS, verdict, asked, n);
	cr_assert_eq(sim_after_tc(&w, SIM_STACK, &err), 0, "%s", err.text);
}

static void after_xdp(int verdict, const struct hop_redirect *asked, size_t n, uint32_t metadata)
{
	ran(HOOK_XDP, verdict, asked, n);
	trace.hops[0].metadata = metadata;
	cr_assert_eq(sim_after_xdp(&w, &err), 0, "%s", err.text);
}

static void ends(enum outcome outcome, const char *why)
{
	cr_expect_eq(w.step, SIM_DONE);
	cr_expect_eq(trace.outcome, outcome);
	if (why)
		cr_expect(trace.why && strstr(trace.why, why), "%s: %s", why, trace.why);
}

static struct hop_redirect call(enum note_kind kind, const char *role, uint64_t flags)
{
	return (struct hop_redirect){ .kind = kind,
				      .ifindex = device(role)->ifindex,
				      .flags = flags };
}

Test(sim_follow, a_verdict_of_tc_says_what_comes_next)
{
	after_tc(TC_ACT_OK, NULL, 0);
	cr_expect_eq(w.step, SIM_STACK);
	after_tc(TC_ACT_UNSPEC, NULL, 0);
	cr_expect_eq(w.step, SIM_STACK);
	after_tc(TC_ACT_SHOT, NULL, 0);
	ends(OUTCOME_DROPPED, NULL);
	after_tc(TC_ACT_STOLEN, NULL, 0);
	ends(OUTCOME_CONSUMED, NULL);
}

Test(sim_follow, a_redirect_goes_out_of_the_device_or_in_by_it)
{
	struct hop_redirect to = call(NOTE_REDIRECT, "host", 0);

	after_tc(TC_ACT_REDIRECT, &to, 1);
	cr_expect_eq(w.step, SIM_EGRESS);
	cr_expect_eq(w.dev, device("host"));
	cr_expect_eq(w.iif, 0);
	to.flags = BPF_F_INGRESS;
	after_tc(TC_ACT_REDIRECT, &to, 1);
	cr_expect_eq(w.step, SIM_INGRESS);
	cr_expect_eq(w.dev, device("host"));
	cr_expect_eq(w.iif, device("host")->ifindex);
}

/* A clone goes its own way; a second call overwrites the first (struct bpf_redirect_info). */
Test(sim_follow, the_last_call_that_is_no_clone_counts)
{
	struct hop_redirect calls[] = { call(NOTE_REDIRECT, "net", 0),
					call(NOTE_REDIRECT, "host", 0),
					call(NOTE_CLONE_REDIRECT, "native", 0) };

	after_tc(TC_ACT_REDIRECT, calls, 3);
	cr_expect_eq(w.dev, device("host"));
}

Test(sim_follow, redirect_peer_leads_into_a_pod)
{
	struct hop_redirect to = call(NOTE_REDIRECT_PEER, "endpoint", 0);

	after_tc(TC_ACT_REDIRECT, &to, 1);
	ends(OUTCOME_DELIVERED, NULL);
	cr_expect_str_eq(trace.at, "default/client");
	to = call(NOTE_REDIRECT_PEER, "host", 0);
	after_tc(TC_ACT_REDIRECT, &to, 1);
	ends(OUTCOME_UNMODELLED, "no pod's device");
}

Test(sim_follow, a_redirect_to_nowhere_is_told)
{
	struct hop_redirect to = { .kind = NOTE_REDIRECT, .ifindex = 4711 };

	after_tc(TC_ACT_REDIRECT, &to, 1);
	ends(OUTCOME_DROPPED, "ifindex 4711, and node one has no such device");
	after_tc(TC_ACT_REDIRECT, NULL, 0);
	ends(OUTCOME_UNMODELLED, "no helper was asked for");
	ran(HOOK_TC_INGRESS, TC_ACT_REDIRECT, NULL, 0);
	trace.hops[0].observed = false;
	sim_after_tc(&w, SIM_STACK, &err);
	ends(OUTCOME_UNMODELLED, "ran as shipped");
}

Test(sim_follow, a_verdict_of_xdp_says_what_comes_next)
{
	struct hop_redirect to = call(NOTE_REDIRECT_MAP, "host", 0);

	after_xdp(XDP_PASS, NULL, 0, 0);
	cr_expect_eq(w.step, SIM_INGRESS);
	after_xdp(XDP_TX, NULL, 0, 0);
	cr_expect_eq(w.step, SIM_TRANSMIT);
	cr_expect_eq(w.dev, device("native"));
	after_xdp(XDP_REDIRECT, &to, 1, 0);
	cr_expect_eq(w.step, SIM_TRANSMIT, "past qdisc and tc");
	cr_expect_eq(w.dev, device("host"));
	after_xdp(XDP_DROP, NULL, 0, 0);
	ends(OUTCOME_DROPPED, NULL);
	after_xdp(XDP_ABORTED, NULL, 0, 0);
	ends(OUTCOME_DROPPED, "aborted");
	after_xdp(77, NULL, 0, 0);
	ends(OUTCOME_DROPPED, "no XDP action");
}

/* BPF_PROG_TEST_RUN has no way to give an skb metadata, and a packet has one way. */
Test(sim_follow, what_xdp_does_that_cannot_be_followed_is_said)
{
	struct hop_redirect to = call(NOTE_REDIRECT_MAP, "host", BPF_F_BROADCAST);

	after_xdp(XDP_PASS, NULL, 0, 4);
	ends(OUTCOME_UNMODELLED, "metadata");
	after_xdp(XDP_REDIRECT, &to, 1, 0);
	ends(OUTCOME_UNMODELLED, "BPF_F_BROADCAST");
}
