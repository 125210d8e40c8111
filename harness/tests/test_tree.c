/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A packet's tree: what it says, how a scenario's lines are read and held against it, and what is said where
 * they differ.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "files.h"
#include "judge/tree.h"
#include "judge_fixture.h"

#define HEAD	    "engines: [testrun]\ncluster: cl\nsteps:\n"
#define TARGET_FILE "name: t\nobjects: {dir: .}\nhooks: {native: {xdp: o.o/p}}\n"
#define SEND	    "  - send: {capture: x.pcap}\n    expect:\n"

/* The fixture's first packet: master-1 sends, master-0 has it. */
#define WAY                                                                                        \
	"step 1, packet 3: 10.160.128.31:2379 > 10.160.128.34:24824 tcp PSH,ACK len 4\n"           \
	"+- master-1/eth0 tc egress: cil_to_netdev: TC_ACT_OK\n"                                   \
	"|  conntrack  established\n"                                                              \
	"+- master-0/eth0 tc ingress: cil_from_netdev: TC_ACT_OK\n"                                \
	"|  identity   kube-apiserver -> host\n"                                                   \
	"|  conntrack  reply\n"                                                                    \
	"`- delivered at master-0/eth0\n"

static struct fixture *f;
static struct scenario *loaded;
static struct err err;

static void set_up(void)
{
	f = fixture_new();
	for (size_t i = 0; i < 4; i++)
		f->hops[i].observed = true;
	f->expects[0].packets.ranges = arena_new_of(f->a, struct packet_range);
	f->expects[0].packets.ranges[0] = (struct packet_range){ 3, 3 };
	f->expects[0].packets.n = 1;
	files_enter();
	files_write("sc/cl/nodes.yaml", "");
	files_write("sc/x.pcap", "");
}

static void tear_down(void)
{
	fixture_free(f);
	scenario_free(loaded);
	files_leave();
}

TestSuite(tree, .init = set_up, .fini = tear_down, .timeout = 30);

static const struct tree_expect *reads(const char *scenario)
{
	scenario_free(loaded);
	loaded = NULL;
	files_write("sc/scenario.yaml", scenario);
	cr_assert_eq(scenario_load("sc", &loaded, &err), 0, "%s", err.text);
	return loaded->steps[0].expects[0].tree;
}

static void refuses(const char *scenario, const char *message)
{
	files_write("sc/scenario.yaml", scenario);
	cr_assert_lt(scenario_load("sc", &loaded, &err), 0, "accepted: %s", scenario);
	cr_expect(eq(str, err.text, (char *)message));
}

/* The lines as a block at line 7 of the file, held against the fixture's first packet. */
static const struct difference *held(const char *block)
{
	struct buf text = BUF_INIT;

	buf_puts(&text, HEAD SEND "      explain: |\n");
	for (const char *at = block; *at;) {
		size_t len = strcspn(at, "\n");

		buf_printf(&text, "        %.*s\n", (int)len, at);
		at += len + (at[len] == '\n');
	}
	f->expects[0].tree = reads(buf_str(&text));
	buf_free(&text);
	fixture_judge(f);
	return fixture_diff(f, 0);
}

static void passes(const char *block)
{
	const struct difference *d = held(block);

	cr_expect(f->res.status == STATUS_PASSED, "%s: %s\n%s", block, d ? d->actual : "",
		  d ? d->detail : "");
}

static void differs(const char *block, int line, const char *expected, const char *actual,
		    const char *detail)
{
	const struct difference *d = held(block);

	cr_assert(d != NULL, "passed: %s", block);
	cr_expect(eq(str, (char *)d->field, "explain"));
	cr_expect(eq(int, d->loc.line, line));
	cr_expect(eq(str, (char *)d->expected, (char *)expected));
	cr_expect(eq(str, (char *)d->actual, (char *)actual));
	cr_expect(eq(str, (char *)d->detail, (char *)detail));
	cr_expect(f->res.steps[0].n_diffs == 1);
}

/* ---- what it says ---- */

Test(tree, is_this_text)
{
	struct buf out = BUF_INIT;

	tree_print(&out, 1, &f->packets[0]);
	cr_expect(eq(str, (char *)buf_str(&out), WAY));
	buf_free(&out);
}

Test(tree, a_drop_has_its_source_line_apart_and_manifests_without_folder)
{
	struct told advice = { { "/some/where/policies.yaml", 7, 3 }, "who may come" };
	struct buf out = BUF_INIT;

	fixture_drop(f, 0);
	f->packets[0].advice = &advice;
	f->packets[0].n_advice = 1;
	tree_print(&out, 1, &f->packets[0]);
	cr_expect(text_has(buf_str(&out), ": TC_ACT_SHOT, Policy denied (POLICY 133)\n"
					  "|  source     bpf_host.c:88\n"));
	cr_expect(text_has(buf_str(&out), "`- dropped (POLICY 133) at master-0/eth0\n"
					  "   policies.yaml:7: who may come\n"));
	cr_expect_not(text_has(buf_str(&out), "/some/where"));
	buf_free(&out);
}

Test(tree, devices_have_names_and_no_numbers)
{
	struct hop_redirect to[] = {
		{ .kind = NOTE_REDIRECT_PEER, .ifindex = 10003, .device = "lxc00003" },
		{ .kind = NOTE_REDIRECT, .ifindex = 4, .device = "cilium_host", .flags = 1 },
	};
	struct buf out = BUF_INIT;

	f->hops[0].redirects = to;
	f->hops[0].n_redirects = 2;
	tree_print(&out, 1, &f->packets[0]);
	cr_expect(text_has(buf_str(&out), "|  goes       redirect_peer to lxc00003\n"
					  "|  goes       redirect to cilium_host ingress\n"));
	buf_free(&out);
}

/* Sequence numbers are among them, which are the seed's. */
Test(tree, bytes_are_told_by_their_fields_alone)
{
	struct frame *out_frame = &f->hops[0].out;
	struct buf out = BUF_INIT;

	out_frame->data = arena_alloc(f->a, sizeof(etcd_reply) + 4);
	memcpy(out_frame->data, etcd_reply, sizeof(etcd_reply));
	out_frame->data[14 + 8] = 63; /* TTL */
	out_frame->len = out_frame->wire_len = sizeof(etcd_reply) + 4;
	tree_print(&out, 1, &f->packets[0]);
	cr_expect(text_has(buf_str(&out), "|  rewrites   ip.ttl 64 -> 63\n"));
	cr_expect(text_has(buf_str(&out), "|  rewrites   frame.len 58 -> 62\n"));
	cr_expect_not(text_has(buf_str(&out), "bytes"));
	buf_free(&out);
}

/* ---- held against lines ---- */

Test(tree, the_same_text_passes)
{
	passes(WAY);
}

Test(tree, a_gap_stands_for_any_lines_also_for_none)
{
	passes("...\n+- master-0/eth0 tc ingress: cil_from_netdev: TC_ACT_OK\n...\n");
	passes("...\n" WAY "...\n");
	passes("...\n|  conntrack  established\n...\n|  conntrack  reply\n...\n");
	passes("...\n`- delivered at master-0/eth0\n");
	passes("step 1, packet 3: ...\n...\n");
}

Test(tree, a_gap_within_a_line_stands_for_any_text)
{
	passes("...\n+- master-0/eth0 ... TC_ACT_OK\n...\n");
	passes("...\n|  identity ...-> host\n...\n");
}

Test(tree, spaces_around_a_line_and_empty_lines_do_not_count)
{
	passes("...\n\n   |  conntrack  reply   \n\n...\n");
}

Test(tree, order_counts)
{
	differs("...\n|  identity   kube-apiserver -> host\n...\n+- master-1/...\n...\n", 10,
		"\"+- master-1/...\"", "no such line",
		"  ...\n"
		"  |  conntrack  reply\n"
		"  `- delivered at master-0/eth0\n"
		"- +- master-1/...");
}

Test(tree, a_line_that_reads_otherwise_is_shown_beside_it)
{
	differs("...\n|  conntrack  new\n`- delivered at master-0/eth0\n", 8,
		"\"|  conntrack  new\"", "\"|  conntrack  reply\"",
		"  ...\n"
		"  +- master-0/eth0 tc ingress: cil_from_netdev: TC_ACT_OK\n"
		"  |  identity   kube-apiserver -> host\n"
		"- |  conntrack  new\n"
		"+ |  conntrack  reply\n"
		"  `- delivered at master-0/eth0");
}

Test(tree, a_line_that_nobody_expects_is_shown)
{
	differs("...\n"
		"+- master-0/eth0 tc ingress: cil_from_netdev: TC_ACT_OK\n"
		"|  conntrack  reply\n"
		"...\n",
		9, "\"|  conntrack  reply\" next", "\"|  identity   kube-apiserver -> host\"",
		"  ...\n"
		"  |  conntrack  established\n"
		"  +- master-0/eth0 tc ingress: cil_from_netdev: TC_ACT_OK\n"
		"+ |  identity   kube-apiserver -> host\n"
		"  |  conntrack  reply\n"
		"  `- delivered at master-0/eth0");
	differs("...\n|  conntrack  reply\n", 8, "the end of the tree",
		"\"`- delivered at master-0/eth0\"",
		"  ...\n"
		"  |  identity   kube-apiserver -> host\n"
		"  |  conntrack  reply\n"
		"+ `- delivered at master-0/eth0");
}

Test(tree, a_part_of_a_line_is_not_the_line)
{
	cr_expect(held("...\n|  conntrack\n...\n") != NULL);
	cr_expect(held("...\nconntrack  reply\n...\n") != NULL);
	cr_expect(held("...\n|  conntrack  ...x\n...\n") != NULL);
}

Test(tree, every_packet_that_is_meant_must_have_it)
{
	f->expects[0].packets.n = 0;
	cr_expect(held(WAY) != NULL, "the second packet's first line is another");
	cr_expect(f->res.steps[0].n_diffs == 1 && fixture_diff(f, 0)->packet == &f->packets[1]);
	passes("...\n|  conntrack  reply\n...\n");
}

Test(tree, of_programs_as_shipped_nothing_is_known)
{
	const struct difference *d;

	f->hops[1].observed = false;
	d = held("...\n|  conntrack  reply\n...\n");
	cr_assert(d != NULL);
	cr_expect(eq(str, (char *)d->actual,
		     "a program ran as shipped: what it looked up is not known"));
}

Test(tree, of_other_programs_it_is_not_held)
{
	f->run.foreign = true;
	passes("...\n|  conntrack  new\n...\n");
}

/* ---- read ---- */

Test(tree, lines_know_where_they_stand)
{
	const struct tree_expect *t = reads(
		HEAD SEND "      explain: |\n        ...\n        a\n\n        b  \n        ...\n"
			  "        ...\n");

	cr_assert(eq(sz, t->n, 4));
	cr_expect(eq(str, (char *)t->lines[1], "a"));
	cr_expect(eq(str, (char *)t->lines[2], "b"));
	cr_expect(eq(int, t->numbers[1], 8));
	cr_expect(eq(int, t->numbers[2], 10));
	cr_expect(loaded->wants_lookups);
}

Test(tree, quoted_text_is_on_one_line)
{
	const struct tree_expect *t = reads(HEAD SEND "      explain: \"...\\na\\nb\"\n");

	cr_assert(eq(sz, t->n, 3));
	cr_expect(eq(int, t->numbers[2], 6));
}

Test(tree, without_one_nothing_is_noted)
{
	reads(HEAD SEND "      outcome: delivered\n");
	cr_expect_not(loaded->wants_lookups);
}

Test(tree, one_that_cannot_fail_is_refused)
{
	refuses(HEAD SEND "      explain: |\n        ...\n        ...\n",
		"sc/scenario.yaml:7:1: explain: expects nothing: `...` stands for any lines, and "
		"no "
		"other line is written\n"
		"     7 |         ...\n"
		"       | ^");
}

Test(tree, a_list_is_refused)
{
	refuses(HEAD SEND "      explain: [a]\n", "sc/scenario.yaml:6:16: explain: expected the "
						  "lines that `verdict explain` prints, as "
						  "a block: `explain: |` and the lines below it\n"
						  "     6 |       explain: [a]\n"
						  "       |                ^");
}

Test(tree, engine_netns_is_refused)
{
	refuses("cluster: cl\nsteps:\n" SEND "      explain: a\n",
		"sc/scenario.yaml:5:16: explain: what programs look up is seen by test runs only, "
		"not on engine netns: write `engines: [testrun]` at the top\n"
		"     5 |       explain: a\n"
		"       |                ^");
}

Test(tree, a_raw_scenario_is_refused)
{
	files_write("sc/t.yaml", TARGET_FILE);
	refuses("target: t.yaml\nsteps:\n  - send: {capture: x.pcap, hook: native/xdp}\n    "
		"expect:\n      explain: a\n",
		"sc/scenario.yaml:5:16: explain: a raw scenario has no cluster that a packet could "
		"be "
		"followed through; expect its `hops:` and `maps:`\n"
		"     5 |       explain: a\n"
		"       |                ^");
}

Test(tree, a_step_that_sends_nothing_is_refused)
{
	files_write("sc/scenario.yaml", HEAD "  - check: {}\n    expect: {explain: a}\n");
	cr_assert_lt(scenario_load("sc", &loaded, &err), 0);
	cr_expect(text_has(err.text, "this step sends no packet"));
}
