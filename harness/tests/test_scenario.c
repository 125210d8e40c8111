/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Scenario files: what each key becomes, and the exact words for each mistake. */
#include <criterion/criterion.h>

#include "files.h"
#include "scenario/parts.h"
#include "scenario/scenario.h"
#include "scenario/schema.h"

#define HEAD	 "cluster: cl\nsteps:\n"
#define RAW_HEAD "target: {object: o.o}\nsteps:\n"

#define TARGET_FILE                                                                                \
	"name: t\nobjects: {dir: .}\n"                                                             \
	"hooks: {native: {xdp: o.o/p}}\n"

static struct scenario *s;
static struct err err;

static void setup(void)
{
	files_enter();
	files_write("sc/cl/nodes.yaml", "");
	files_write("sc/x.pcap", "");
}

static void teardown(void)
{
	scenario_free(s);
	s = NULL;
	files_leave();
}

TestSuite(scenario, .init = setup, .fini = teardown, .timeout = 30);

static void loads(const char *text)
{
	scenario_free(s);
	s = NULL;
	files_write("sc/scenario.yaml", text);
	cr_assert_eq(scenario_load("sc", &s, &err), 0, "%s", err.text);
}

static void fails(const char *text, const char *message)
{
	struct scenario *none = NULL;

	files_write("sc/scenario.yaml", text);
	cr_assert_lt(scenario_load("sc", &none, &err), 0, "accepted: %s", text);
	cr_assert_eq(err.kind, ERR_INPUT);
	cr_assert_str_eq(err.text, message);
}

/* ---- reading ---- */

Test(scenario, the_top_is_read_with_its_defaults)
{
	loads(HEAD "  - check: {}\n");
	cr_assert_str_eq(s->name, "sc");
	cr_assert_str_eq(s->summary, "");
	cr_assert_null(s->origin);
	cr_assert_str_eq(s->path, "sc/scenario.yaml");
	cr_assert_str_eq(s->dir, "sc");
	cr_assert_str_eq(s->cluster, "sc/cl");
	cr_assert_eq(s->engines, ENGINES_ALL);
	cr_assert_eq(s->seed, 1);
	cr_assert_eq(s->n_steps, 1);
}

Test(scenario, the_top_is_read_as_written)
{
	loads("name: a-b\nsummary: one line\norigin: cilium/cilium#19367\nengines: [testrun]\n"
	      "seed: 0x10\nvalues: {bpf: {monitorAggregation: none}}\n" HEAD "  - check:\n");
	cr_assert_str_eq(s->name, "a-b");
	cr_assert_str_eq(s->summary, "one line");
	cr_assert_str_eq(s->origin, "cilium/cilium#19367");
	cr_assert_eq(s->engines, ENGINE_TESTRUN);
	cr_assert_eq(s->seed, 16);
	cr_assert_str_eq(value_text(value_path(s->values, "bpf.monitorAggregation")), "none");
}

Test(scenario, a_send_names_packets_and_members)
{
	const struct send_step *send;

	loads(HEAD "  - send:\n      capture: x.pcap\n      packets: 1-3,9,12-\n"
		   "      as: {10.0.0.1: node/m, 10.0.0.2: pod/ns/p, 'fd00::1': world}\n");
	send = &s->steps[0].send;
	cr_assert_eq(s->steps[0].kind, STEP_SEND);
	cr_assert_eq(s->steps[0].index, 1);
	cr_assert_str_eq(send->capture, "sc/x.pcap");
	for (uint32_t i = 1; i < 14; i++)
		cr_assert_eq(packet_set_has(&send->packets, i), i <= 3 || i == 9 || i >= 12, "%u",
			     i);
	cr_assert(packet_set_has(&send->packets, UINT32_MAX));
	cr_assert_eq(send->n_as, 3);
	cr_assert_eq(send->as[0].member.kind, MEMBER_NODE);
	cr_assert_eq(send->as[0].address.bytes[3], 1);
	cr_assert_eq(send->as[1].member.kind, MEMBER_POD);
	cr_assert_str_eq(send->as[1].member.ns, "ns");
	cr_assert_str_eq(send->as[1].member.name, "p");
	cr_assert_eq(send->as[2].member.kind, MEMBER_WORLD);
	cr_assert_eq(send->as[2].address.family, 6);
}

Test(scenario, no_packets_key_means_all_packets)
{
	loads(HEAD "  - send: {capture: x.pcap}\n");
	cr_assert(packet_set_has(&s->steps[0].send.packets, 1));
	cr_assert(packet_set_has(&s->steps[0].send.packets, 4000000));
}

Test(scenario, agents_restart_as_told)
{
	loads(HEAD "  - restart: {node: m}\n"
		   "  - restart: {node: m, agent: cilium-1.11, signal: TERM}\n"
		   "  - upgrade: {node: m, objects: upgrades/wide_ct, on_map_mismatch: recreate,\n"
		   "      maps: {cilium_ct4_global: {max_entries: 8192}}}\n"
		   "  - advance: 1m30s\n");
	cr_assert_eq(s->steps[0].restart.gc, AGENT_GC_EXPIRED);
	cr_assert_eq(s->steps[0].restart.on_map_mismatch, MAP_MISMATCH_MIGRATE);
	cr_assert_not(s->steps[0].restart.graceful);
	cr_assert_eq(s->steps[1].restart.gc, AGENT_GC_NO_ENDPOINT);
	cr_assert(s->steps[1].restart.graceful);
	cr_assert_eq(s->steps[2].kind, STEP_UPGRADE);
	cr_assert_str_eq(s->steps[2].restart.objects, "upgrades/wide_ct");
	cr_assert_eq(s->steps[2].restart.on_map_mismatch, MAP_MISMATCH_RECREATE);
	cr_assert_eq(s->steps[2].restart.n_maps, 1);
	cr_assert_str_eq(s->steps[2].restart.maps[0].map, "cilium_ct4_global");
	cr_assert_eq(s->steps[2].restart.maps[0].max_entries, 8192);
	cr_assert_eq(s->steps[3].advance_ns, 90000000000ull);
}

Test(scenario, packet_expectations_are_read_in_full)
{
	const struct expect *e;

	loads(HEAD "  - send: {capture: x.pcap, packets: 4-}\n    expect:\n"
		   "      - {packets: 4, outcome: dropped, drop_reason: policy, at: m/eth0,\n"
		   "         program: cil_from_netdev, verdict: TC_ACT_SHOT, ct: new,\n"
		   "         identity: {src: kube-apiserver, dst: 16777217}}\n"
		   "      - match: {tcp.srcport: 2379}\n"
		   "        drop_reason: 133\n"
		   "        packet: {ip.ttl: 64}\n"
		   "        hops: [{at: m/eth0, ct: reply}, {program: p}]\n");
	cr_assert_eq(s->steps[0].n_expects, 2);
	e = &s->steps[0].expects[0];
	cr_assert(packet_set_has(&e->packets, 4) && !packet_set_has(&e->packets, 5));
	cr_assert(e->last.has_outcome && e->last.outcome == OUTCOME_DROPPED);
	cr_assert(e->last.has_reason && e->last.reason == 133);
	cr_assert_str_eq(e->last.at, "m/eth0");
	cr_assert_str_eq(e->last.program, "cil_from_netdev");
	cr_assert(e->last.has_verdict && e->last.verdict == 2);
	cr_assert(e->last.has_ct && e->last.ct == CT_STATE_NEW);
	cr_assert(e->last.has_src_identity && e->last.src_identity == 7);
	cr_assert(e->last.has_dst_identity && e->last.dst_identity == 16777217);
	cr_assert_eq(e->last.outcome_loc.line, 5);
	cr_assert_eq(e->last.outcome_loc.col, 31);
	e = &s->steps[0].expects[1];
	cr_assert_eq(e->n_match, 1);
	cr_assert_str_eq(field_name(e->match[0].field), "tcp.srcport");
	cr_assert_eq(e->last.reason, 133);
	cr_assert_str_eq(e->last.fields[0].value, "64");
	cr_assert_eq(e->n_hops, 2);
	cr_assert_eq(e->hops[0].ct, CT_STATE_REPLY);
	cr_assert_str_eq(e->hops[1].program, "p");
	cr_assert_not(e->hops[1].has_ct);
}

Test(scenario, event_counts_take_the_tables_spelling)
{
	const struct expect *e;

	loads(HEAD "  - send: {capture: x.pcap}\n    expect:\n      events: {drop: 0, "
		   "drop/policy: 1, drop/181: 2-, trace/to-network: 1-2, m: {drop: 3}, lost: 0}\n");
	e = s->steps[0].expects;
	cr_assert_eq(e->n_counts, 6);
	cr_assert_str_eq(e->counts[0].name, "drop");
	cr_assert_str_eq(e->counts[1].name, "drop/POLICY");
	cr_assert_str_eq(e->counts[2].name, "drop/POLICY_DENY");
	cr_assert(e->counts[2].min == 2 && e->counts[2].max == UINT64_MAX);
	cr_assert_str_eq(e->counts[3].name, "trace/to-network");
	cr_assert(e->counts[3].min == 1 && e->counts[3].max == 2);
	cr_assert_null(e->counts[3].node);
	cr_assert_str_eq(e->counts[4].node, "m");
	cr_assert_str_eq(e->counts[5].name, "lost");
}

Test(scenario, maps_and_lines_are_read)
{
	const struct expect *e;

	loads(HEAD "  - check: {}\n    expect:\n"
		   "      maps: {m: {ct: {added: 1, removed: 2-3, changed: [{key: {dport: 1}, "
		   "value: {a: 2}}], absent: [{key: {dport: 3}}]}}}\n"
		   "      log: ['*gc*', done]\n      no_log: panic\n"
		   "      monitor: [a]\n      no_monitor: [b]\n");
	e = s->steps[0].expects;
	cr_assert_eq(e->n_maps, 4);
	cr_assert_str_eq(e->maps[0].node, "m");
	cr_assert_str_eq(e->maps[0].map, "ct");
	cr_assert(e->maps[0].kind == MAP_ADDED && e->maps[0].has_count && e->maps[0].min == 1);
	cr_assert(e->maps[1].kind == MAP_REMOVED && e->maps[1].max == 3);
	cr_assert(e->maps[2].kind == MAP_CHANGED && !e->maps[2].has_count);
	cr_assert_str_eq(value_text(value_path(e->maps[2].entry, "value.a")), "2");
	cr_assert_eq(e->maps[3].kind, MAP_ABSENT);
	cr_assert_eq(e->n_log, 3);
	cr_assert(!e->log[0].absent && e->log[2].absent);
	cr_assert_str_eq(e->log[2].text, "panic");
	cr_assert_eq(e->n_monitor, 2);
	cr_assert(!e->monitor[0].absent && e->monitor[1].absent);
}

/* ---- where things lie ---- */

Test(scenario, captures_and_clusters_are_found_above_the_scenario)
{
	files_write("t/fixtures/captures/shared.pcap", "");
	files_write("t/fixtures/clusters/c/nodes.yaml", "");
	files_write("t/scenarios/a/scenario.yaml", "cluster: fixtures/clusters/c\nsteps:\n"
						   "  - send: {capture: shared.pcap}\n");
	cr_assert_eq(scenario_load("t/scenarios/a", &s, &err), 0, "%s", err.text);
	cr_assert_str_eq(s->cluster, "t/fixtures/clusters/c");
	cr_assert_str_eq(s->steps[0].send.capture, "t/fixtures/captures/shared.pcap");
}

Test(scenario, a_cluster_is_also_found_where_verdict_runs)
{
	files_write("elsewhere/nodes.yaml", "");
	loads("cluster: elsewhere\nsteps: [{check: {}}]\n");
	cr_assert_str_eq(s->cluster, "elsewhere");
}

Test(scenario, a_missing_capture_says_where_was_looked)
{
	files_write("fixtures/captures/y.pcap", "");
	fails(HEAD "  - send: {capture: etcd.pcapng}\n",
	      "sc/scenario.yaml:3:21: no capture 'etcd.pcapng'\n"
	      "     3 |   - send: {capture: etcd.pcapng}\n"
	      "       |                     ^\n"
	      "  looked in sc\n"
	      "  looked in fixtures/captures");
}

Test(scenario, a_missing_cluster_says_where_was_looked)
{
	fails("cluster: nowhere\nsteps: [{check: {}}]\n",
	      "sc/scenario.yaml:1:10: no cluster folder 'nowhere'\n"
	      "     1 | cluster: nowhere\n"
	      "       |          ^\n"
	      "  looked in sc, in every folder above it, and where verdict runs");
}

Test(scenario, scenarios_of_a_tree_are_found_in_order)
{
	struct arena *a = arena_new();
	char **paths;
	size_t n;

	files_write("t/b/scenario.yaml", "");
	files_write("t/a/x/scenario.yaml", "");
	files_write("t/a/notes.yaml", "");
	files_write("t/.git/scenario.yaml", "");
	cr_assert_eq(symlink("..", "t/loop"), 0);
	cr_assert_eq(scenario_find(a, "t/", &paths, &n, &err), 0);
	cr_assert_eq(n, 2);
	cr_assert_str_eq(paths[0], "t/a/x/scenario.yaml");
	cr_assert_str_eq(paths[1], "t/b/scenario.yaml");
	cr_assert_lt(scenario_find(a, "none", &paths, &n, &err), 0);
	cr_assert_str_eq(err.text, "cannot read the folder none: No such file or directory");
	arena_free(a);
}

/* ---- mistakes ---- */

Test(scenario, a_misspelt_key_gets_the_nearest)
{
	fails("clutser: cl\n",
	      "sc/scenario.yaml:1:1: unknown key 'clutser' in scenario; did you mean "
	      "'cluster'?\n"
	      "     1 | clutser: cl\n"
	      "       | ^");
	fails(HEAD "  - send: {capture: x.pcap}\n    expect: {outcom: dropped}\n",
	      "sc/scenario.yaml:4:14: unknown key 'outcom' in expect; did you mean 'outcome'?\n"
	      "     4 |     expect: {outcom: dropped}\n"
	      "       |              ^");
}

Test(scenario, a_key_near_to_none_lists_them)
{
	fails(HEAD "  - check: {}\n    expect: {identity: {from: host}}\n",
	      "sc/scenario.yaml:4:25: unknown key 'from' in identity\n"
	      "     4 |     expect: {identity: {from: host}}\n"
	      "       |                         ^\n"
	      "  known: src, dst");
}

Test(scenario, a_missing_key_is_named)
{
	fails("name: x\ncluster: cl\n",
	      "sc/scenario.yaml:1:1: scenario: the key 'steps' is missing "
	      "(what happens, in order)\n"
	      "     1 | name: x\n"
	      "       | ^");
}

Test(scenario, a_step_does_one_thing)
{
	fails(HEAD "  - advance: 1s\n    check: {}\n",
	      "sc/scenario.yaml:4:5: a step does one thing: this one has both 'advance' and "
	      "'check'\n"
	      "     4 |     check: {}\n"
	      "       |     ^");
	fails(HEAD "  - expect: {outcome: dropped}\n",
	      "sc/scenario.yaml:3:5: this step does nothing: give send, tcp, udp, sctp, icmp, "
	      "restart, upgrade, advance, apply, delete or check\n"
	      "     3 |   - expect: {outcome: dropped}\n"
	      "       |     ^");
}

Test(scenario, unknown_words_get_the_nearest)
{
	fails(HEAD "  - send: {capture: x.pcap}\n    expect: {drop_reason: POLCY}\n",
	      "sc/scenario.yaml:4:27: unknown drop reason 'POLCY'; did you mean 'POLICY'?\n"
	      "     4 |     expect: {drop_reason: POLCY}\n"
	      "       |                           ^");
	fails(HEAD "  - send: {capture: x.pcap}\n    expect: {packet: {ip.scr: 10.0.0.1}}\n",
	      "sc/scenario.yaml:4:23: unknown packet field 'ip.scr'; did you mean 'ip.src'?\n"
	      "     4 |     expect: {packet: {ip.scr: 10.0.0.1}}\n"
	      "       |                       ^");
	fails(HEAD "  - send: {capture: x.pcap}\n    expect: {events: {drop/POLICI: 1}}\n",
	      "sc/scenario.yaml:4:28: unknown drop reason 'POLICI'; did you mean 'POLICY'?\n"
	      "     4 |     expect: {events: {drop/POLICI: 1}}\n"
	      "       |                            ^");
	fails(HEAD "  - restart: {node: m, agent: cilium-1.1}\n",
	      "sc/scenario.yaml:3:31: unknown agent 'cilium-1.1'; did you mean 'cilium-1.11'?\n"
	      "     3 |   - restart: {node: m, agent: cilium-1.1}\n"
	      "       |                               ^");
	fails(HEAD "  - send: {capture: x.pcap}\n    expect: {ct: whatever}\n",
	      "sc/scenario.yaml:4:18: unknown conntrack state 'whatever'\n"
	      "     4 |     expect: {ct: whatever}\n"
	      "       |                  ^\n"
	      "  known: new, established, reply, related");
}

Test(scenario, a_value_no_field_can_have_is_refused)
{
	fails(HEAD "  - send: {capture: x.pcap}\n    expect: {packet: {tcp.dstport: http}}\n",
	      "sc/scenario.yaml:4:36: 'http' can be no value of tcp.dstport (destination "
	      "port)\n"
	      "     4 |     expect: {packet: {tcp.dstport: http}}\n"
	      "       |                                    ^");
}

Test(scenario, steps_without_packets_expect_none)
{
	static const char *const steps[] = { "advance: 1s", "check: {}", "restart: {node: m}" };

	for (size_t i = 0; i < 3; i++) {
		char text[200], message[400];

		snprintf(text, sizeof(text), HEAD "  - %s\n    expect: {outcome: dropped}\n",
			 steps[i]);
		snprintf(message, sizeof(message),
			 "sc/scenario.yaml:4:13: this step sends no packet: only events, maps, "
			 "monitor "
			 "and log can be expected of it\n"
			 "     4 |     expect: {outcome: dropped}\n"
			 "       |             ^");
		fails(text, message);
	}
}

Test(scenario, an_expectation_that_cannot_be_met_or_missed_is_refused)
{
	fails(HEAD "  - send: {capture: x.pcap, packets: 1-3}\n"
		   "    expect: {packets: 4, outcome: dropped}\n",
	      "sc/scenario.yaml:4:13: none of these packets is sent by this step, which sends 1-3\n"
	      "     4 |     expect: {packets: 4, outcome: dropped}\n"
	      "       |             ^");
	fails(HEAD "  - send: {capture: x.pcap}\n    expect: {packets: 4}\n",
	      "sc/scenario.yaml:4:13: this expectation expects nothing\n"
	      "     4 |     expect: {packets: 4}\n"
	      "       |             ^");
	fails(HEAD "  - send: {capture: x.pcap}\n"
		   "    expect: {outcome: delivered, drop_reason: POLICY}\n",
	      "sc/scenario.yaml:4:47: a packet that is delivered has no drop reason: drop one of "
	      "the "
	      "two\n"
	      "     4 |     expect: {outcome: delivered, drop_reason: POLICY}\n"
	      "       |                                               ^");
}

Test(scenario, what_the_harness_cannot_know_is_never_expected)
{
	fails(HEAD "  - send: {capture: x.pcap}\n    expect: {outcome: unmodelled}\n",
	      "sc/scenario.yaml:4:23: 'unmodelled' is what the harness cannot know: it is never a "
	      "pass and cannot be expected\n"
	      "     4 |     expect: {outcome: unmodelled}\n"
	      "       |                       ^");
}

Test(scenario, numbers_and_times_are_checked)
{
	fails(HEAD "  - advance: 90\n",
	      "sc/scenario.yaml:3:14: expected a duration such as 90s, 1m30s or 5ms, found '90'\n"
	      "     3 |   - advance: 90\n"
	      "       |              ^");
	fails(HEAD "  - send: {capture: x.pcap, packets: 3-1}\n",
	      "sc/scenario.yaml:3:38: expected packet numbers such as 1-3, 7, 4- or 1-3,9 (the "
	      "first "
	      "packet is 1), found '3-1'\n"
	      "     3 |   - send: {capture: x.pcap, packets: 3-1}\n"
	      "       |                                      ^");
	fails("seed: -1\n" HEAD "  - check: {}\n",
	      "sc/scenario.yaml:1:7: expected a number from 0 to 18446744073709551615, found '-1'\n"
	      "     1 | seed: -1\n"
	      "       |       ^");
}

Test(scenario, members_are_checked)
{
	fails(HEAD "  - send: {capture: x.pcap, as: {10.0.0.1: master-0}}\n",
	      "sc/scenario.yaml:3:44: expected node/NAME, pod/NAMESPACE/NAME or world, found "
	      "'master-0'\n"
	      "     3 |   - send: {capture: x.pcap, as: {10.0.0.1: master-0}}\n"
	      "       |                                            ^");
	fails(HEAD "  - send: {capture: x.pcap, as: {10.0.0: node/m}}\n",
	      "sc/scenario.yaml:3:34: '10.0.0' is no IP address\n"
	      "     3 |   - send: {capture: x.pcap, as: {10.0.0: node/m}}\n"
	      "       |                                  ^");
}

Test(scenario, names_cannot_leave_the_report_folder)
{
	fails("name: ../../etc/passwd\n" HEAD "  - check: {}\n",
	      "sc/scenario.yaml:1:7: a name is made of letters, digits, '-', '_' and '.'\n"
	      "     1 | name: ../../etc/passwd\n"
	      "       |       ^");
}

Test(scenario, wrong_shapes_are_refused_everywhere)
{
	static const char *const keys[] = { "name",    "summary", "origin", "cluster",
					    "engines", "seed",	  "steps",  "values" };
	static const char *const shapes[] = { "[]", "[[]]", "{a: {}}", "[{}, 1]", "''" };
	struct scenario *none;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		for (size_t j = 0; j < sizeof(shapes) / sizeof(shapes[0]); j++) {
			char text[100];

			snprintf(text, sizeof(text), "%s: %s\n", keys[i], shapes[j]);
			files_write("sc/scenario.yaml", text);
			cr_assert_lt(scenario_load("sc", &none, &err), 0, "%s", text);
		}
	}
}

Test(scenario, an_empty_file_and_two_documents_are_refused)
{
	fails("# nothing\n", "sc/scenario.yaml: the file is empty");
	fails("a: 1\n---\nb: 2\n", "sc/scenario.yaml:3:1: a second document: one scenario a file\n"
				   "     3 | b: 2\n"
				   "       | ^");
}

Test(scenario, a_comma_that_ended_a_value_is_explained)
{
	fails(HEAD "  - send: {capture: x.pcap, packets: 1-3,9}\n",
	      "sc/scenario.yaml:3:42: unknown key '9' in send\n"
	      "     3 |   - send: {capture: x.pcap, packets: 1-3,9}\n"
	      "       |                                          ^\n"
	      "  inside { } a comma begins the next key; a value that holds one is quoted: "
	      "packets: \"1-3,9\"");
}

/* ---- the reference ---- */

/* A file of docs/ is what the tables print. VERDICT_WRITE_DOCS=1 writes it anew. */
static void committed(const char *file, void (*print)(struct buf *out))
{
	struct arena *a = arena_new();
	char *path = file_join(a, files_source_root(), file), *text;
	struct buf made = BUF_INIT;

	print(&made);
	if (getenv("VERDICT_WRITE_DOCS"))
		cr_assert_eq(file_write(path, made.data, made.len, &err), 0, "%s", err.text);
	cr_assert_eq(file_read(a, path, &text, NULL, &err), 0, "%s", err.text);
	cr_assert(strcmp(text, buf_str(&made)) == 0,
		  "%s is not what the tables say; run this test with VERDICT_WRITE_DOCS=1 and look "
		  "at "
		  "the difference",
		  file);
	buf_free(&made);
	arena_free(a);
}

Test(scenario, the_committed_reference_is_what_the_tables_say)
{
	committed("docs/scenario.md", schema_print_reference);
}

Test(scenario, the_committed_list_of_fields_is_what_the_table_says)
{
	committed("docs/fields.md", schema_print_fields);
}

Test(scenario, the_list_of_fields_names_every_field_once)
{
	struct buf made = BUF_INIT;

	schema_print_fields(&made);
	for (size_t i = 0; field_at(i); i++) {
		char row[128];
		const char *name = field_name(field_at(i)), *at;

		snprintf(row, sizeof(row), "\n| `%.*s` |", (int)strcspn(name, "#"), name);
		at = strstr(buf_str(&made), row);
		cr_expect(at && !strstr(at + 1, row), "%s", name);
		cr_expect(!strchr(name, '#') || !at || strstr(at, "| #2 |"), "%s", name);
	}
	buf_free(&made);
}

/* A scenario with `key: example` where the part of that name stands; `needed` is what it cannot do
 * without, left out where it is the key itself.
 */
static const struct {
	const char *part;
	const char *keys; /* of these alone, else of the part's others */
	const char *needed, *before, *after;
} places[] = {
	{ "scenario", "target", "steps: [{check: {}}]\n", "", "\n" },
	{ "scenario", "maps", "target: {object: o.o}\nsteps: [{check: {}}]\n", "", "\n" },
	{ "target", "objects follow", "file: t.yaml, ", "steps: [{check: {}}]\ntarget: {", "}\n" },
	{ "target", "file", "", "steps: [{check: {}}]\ntarget: {", "}\n" },
	{ "send", "hook ifindex mark rx_queue tunnel", "capture: x.pcap, ", RAW_HEAD "  - send: {",
	  "}\n" },
	{ "expect", "redirect", "", RAW_HEAD "  - send: {capture: x.pcap}\n    expect: {", "}\n" },
	{ "hop", "redirect", "", RAW_HEAD "  - send: {capture: x.pcap}\n    expect: {hops: [{",
	  "}]}\n" },
	{ "expect", "explain", "",
	  "engines: [testrun]\n" HEAD "  - send: {capture: x.pcap}\n    expect: {", "}\n" },
	{ "scenario", NULL, "cluster: cl\nsteps: [{check: {}}]\n", "", "\n" },
	{ "target", NULL, "object: o.o, ", "steps: [{check: {}}]\ntarget: {", "}\n" },
	{ "step", NULL, "", HEAD "  - ", "\n" },
	{ "send", NULL, "capture: x.pcap, ", HEAD "  - send: {", "}\n" },
	{ "flow", NULL, "from: client, to: \"10.0.0.1:80\", do: [syn], ", HEAD "  - tcp: {",
	  "}\n" },
	{ "seen", NULL, "at: node-1/eth0, ", HEAD "  - send: {capture: x.pcap, seen: [{", "}]}\n" },
	{ "sweep", NULL, "", "cluster: cl\nsteps: [{check: {}}]\nsweep: {", "}\n" },
	{ "tunnel", NULL, "id: 1, ", RAW_HEAD "  - send: {capture: x.pcap, tunnel: {", "}}\n" },
	{ "restart", NULL, "node: n, ", HEAD "  - restart: {", "}\n" },
	{ "upgrade", NULL, "node: n, objects: o, ", HEAD "  - upgrade: {", "}\n" },
	{ "map override", NULL, "", HEAD "  - upgrade: {node: n, maps: {m: {", "}}}\n" },
	{ "expect", NULL, "program: p, ", HEAD "  - send: {capture: x.pcap}\n    expect: {",
	  "}\n" },
	{ "identity", NULL, "", HEAD "  - send: {capture: x.pcap}\n    expect: {identity: {",
	  "}}\n" },
	{ "redirect", NULL, "", RAW_HEAD "  - send: {capture: x.pcap}\n    expect: {redirect: {",
	  "}}\n" },
	{ "hop", NULL, "", HEAD "  - send: {capture: x.pcap}\n    expect: {hops: [{", "}]}\n" },
	{ "maps", NULL, "", HEAD "  - check: {}\n    expect: {maps: {n: {m: {", "}}}}\n" },
	{ "map entry", NULL, "", HEAD "  - check: {}\n    expect: {maps: {n: {m: {added: [{",
	  "}]}}}}\n" },
};

/* needed, without the pair of this key */
static const char *needed_but(struct arena *a, const char *needed, const char *key)
{
	const char *pair = arena_printf(a, "%s: ", key), *at = strstr(needed, pair), *end;

	if (!at)
		return needed;
	end = strpbrk(at, ",\n");
	return arena_printf(a, "%.*s%s", (int)(at - needed), needed, end + strspn(end, ", \n"));
}

static bool is_for(const char *keys, const char *key)
{
	const char *at = keys ? strstr(keys, key) : NULL;
	size_t len = strlen(key);

	return !keys || (at && (at == keys || at[-1] == ' ') && (!at[len] || at[len] == ' '));
}

static void example_loads(struct arena *a, const struct schema *part, const struct schema_key *k)
{
	struct scenario *loaded = NULL;
	const char *text;
	size_t i = 0;

	while (i < sizeof(places) / sizeof(places[0]) &&
	       (strcmp(places[i].part, part->name) != 0 || !is_for(places[i].keys, k->name)))
		i++;
	cr_assert(i < sizeof(places) / sizeof(places[0]), "no place for %s", part->name);
	text = arena_printf(a, "%s%s%s: %s%s", places[i].before,
			    needed_but(a, places[i].needed, k->name), k->name, k->example,
			    places[i].after);
	if (strcmp(part->name, "step") == 0 && strcmp(k->name, "expect") == 0)
		text = arena_printf(a, HEAD "  - send: {capture: x.pcap}\n    expect: %s\n",
				    k->example);
	files_write("sc/scenario.yaml", text);
	cr_expect_eq(scenario_load("sc", &loaded, &err), 0, "%s\n%s", text, err.text);
	scenario_free(loaded);
}

Test(scenario, every_example_of_the_reference_is_read)
{
	struct arena *a = arena_new();
	unsigned n = 0;

	files_write("sc/etcd.pcapng", "");
	files_write("sc/o.o", "");
	files_write("sc/routes.ip", "");
	files_write("sc/web-1-gone.yaml", "");
	files_write("sc/t.yaml", TARGET_FILE);
	files_write("fixtures/targets/cilium-1.19.yaml", TARGET_FILE);
	files_write("sc/fixtures/clusters/two-masters/nodes.yaml", "");
	for (size_t i = 0; schema_parts[i]; i++)
		for (const struct schema_key *k = schema_parts[i]->keys; k->name; k++, n++)
			example_loads(a, schema_parts[i], k);
	cr_expect_gt(n, 50);
	arena_free(a);
}

Test(scenario, every_key_of_the_reference_says_type_meaning_and_default)
{
	for (size_t i = 0; schema_parts[i]; i++) {
		for (const struct schema_key *k = schema_parts[i]->keys; k->name; k++) {
			cr_expect(*k->type && *k->text, "%s", k->name);
			cr_expect_eq(k->required, k->def == NULL, "%s", k->name);
			cr_expect_null(strchr(k->text, '|'), "%s", k->name);
		}
	}
}
