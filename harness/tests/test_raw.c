/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Raw scenarios: what the keys become, the exact words for what one kind of scenario cannot say, and
 * runs on small programs that do one thing each.
 */
#include <criterion/criterion.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include "bpf_source.h"
#include "engine/run.h"
#include "files.h"
#include "judge/judge.h"
#include "scenario/target_desc.h"

#define RAW "target: {object: o.o, program: p}\nsteps:\n"

static struct scenario *s;
static struct arena *a;
static struct err err;

static void set_up(void)
{
	a = arena_new();
	unsetenv("NO_SUCH_FOLDER");
	files_enter();
	files_write("sc/o.o", "");
	files_write("sc/x.pcap", "");
	files_write("sc/seed.yaml", "maps: {}\n");
	files_write("sc/cl/nodes.yaml", "");
	files_write("sc/t.yaml", "name: t\nobjects: {env: NO_SUCH_FOLDER, hint: copy them}\n"
				 "hooks: {native: {xdp: o.o/p, ingress: o.o/q}}\n");
}

static void tear_down(void)
{
	scenario_free(s);
	arena_free(a);
	files_leave();
}

TestSuite(raw, .init = set_up, .fini = tear_down, .timeout = 60);

static void loads(const char *text)
{
	scenario_free(s);
	s = NULL;
	files_write("sc/scenario.yaml", text);
	cr_assert_eq(scenario_load("sc", &s, &err), 0, "%s", err.text);
}

/* The message begins with the place and these words. */
static void fails(const char *text, const char *message)
{
	struct scenario *none = NULL;

	files_write("sc/scenario.yaml", text);
	cr_assert_lt(scenario_load("sc", &none, &err), 0, "accepted: %s", text);
	cr_expect_eq(err.kind, ERR_INPUT);
	cr_expect(strncmp(err.text, message, strlen(message)) == 0, "%s\nnot\n%s", err.text,
		  message);
}

/* ---- reading ---- */

Test(raw, a_target_takes_the_place_of_the_cluster)
{
	const struct send_step *send;

	loads("steps:\n  - send: {capture: x.pcap, hook: xdp, ifindex: 3, mark: 0x200, rx_queue: "
	      "1}\n"
	      "unreviewed: true\n"
	      "target: {object: o.o, program: p, config: {n: 1}, types: {a/b: xdp},\n"
	      "         map_sizes: {m: 8}, sha256: 0123456789ab, interpose: false}\n"
	      "maps: {m: [{key: 1, value: 2}]}\n");
	cr_assert(s->target != NULL && s->cluster == NULL);
	cr_expect_str_eq(s->target->object, "sc/o.o");
	cr_expect_str_eq(s->target->written, "o.o");
	cr_expect_str_eq(s->target->program, "p");
	cr_expect_str_eq(s->target->config[0].name, "n");
	cr_expect_str_eq(s->target->type_names[0], "xdp");
	cr_expect_eq(s->target->sizes[0].max_entries, 8);
	cr_expect_str_eq(s->target->sha256, "0123456789ab");
	cr_expect(s->target->pristine && !s->target->missing);
	cr_expect_str_eq(s->target->entries->keys[0]->text, "m");
	cr_expect_eq(s->engines, ENGINE_TESTRUN);
	cr_expect(s->unreviewed && s->unreviewed_loc.line == 3);
	send = &s->steps[0].send;
	cr_expect_str_eq(send->hook, "xdp");
	cr_expect(send->ifindex == 3 && send->mark == 0x200 && send->rx_queue == 1);
}

Test(raw, maps_come_from_files_as_well)
{
	loads("maps: seed.yaml\n" RAW "  - check: {}\n");
	cr_expect_eq(s->target->n_maps, 1);
	cr_expect_str_eq(s->target->maps[0], "sc/seed.yaml");
	fails("maps: [none.yaml]\n" RAW "  - check: {}\n",
	      "sc/scenario.yaml:1:8: no file 'none.yaml'");
	fails("maps: {m: [{key: 1}]}\n" RAW "  - check: {}\n",
	      "sc/scenario.yaml:1:12: an entry of 'm' has a key and a value");
	fails("maps: seed.yaml\ncluster: cl\nsteps: [{check: {}}]\n",
	      "sc/scenario.yaml:1:7: maps: the cluster's agents write the maps");
}

Test(raw, cluster_or_target_but_one_of_them)
{
	fails("steps: [{check: {}}]\n",
	      "sc/scenario.yaml:1:1: scenario: the key 'cluster' is missing");
	fails("cluster: cl\n" RAW "  - check: {}\n",
	      "sc/scenario.yaml:2:1: a scenario has a cluster or a target, not both");
	fails("engines: [netns]\n" RAW "  - check: {}\n",
	      "sc/scenario.yaml:1:1: a raw scenario runs on testrun only");
	fails("values: {bpf: {masquerade: true}}\n" RAW "  - check: {}\n",
	      "sc/scenario.yaml:1:1: values belong to a cluster");
	fails("target: {program: p}\nsteps: [{check: {}}]\n",
	      "sc/scenario.yaml:1:9: target: give an object or a target file, not neither");
}

Test(raw, what_needs_agents_or_members_is_refused)
{
	fails(RAW "  - restart: {node: n}\n",
	      "sc/scenario.yaml:3:5: a raw scenario has no agent to restart");
	fails(RAW "  - upgrade: {node: n, objects: o}\n",
	      "sc/scenario.yaml:3:5: a raw scenario has no agent to upgrade");
	fails(RAW "  - send: {capture: x.pcap, as: {10.0.0.1: world}}\n",
	      "sc/scenario.yaml:3:34: a raw scenario has no members");
	fails(RAW "  - check: {}\n    expect: {log: [x]}\n",
	      "sc/scenario.yaml:4:20: a raw scenario has no agent that logs");
	fails(RAW "  - check: {}\n    expect: {events: {n: {drop: 0}}}\n",
	      "sc/scenario.yaml:4:27: a raw scenario has no nodes");
}

Test(raw, what_needs_a_target_is_refused_in_a_cluster)
{
#define HEAD "cluster: cl\nsteps:\n"
	fails(HEAD "  - send: {capture: x.pcap, hook: xdp}\n",
	      "sc/scenario.yaml:3:35: hook belongs to raw scenarios");
	fails(HEAD "  - send: {capture: x.pcap, mark: 1}\n",
	      "sc/scenario.yaml:3:5: ifindex, mark, rx_queue or tunnel belongs to raw scenarios");
	fails(HEAD "  - send: {capture: x.pcap}\n    expect: {redirect: {ifindex: 1}}\n",
	      "sc/scenario.yaml:4:24: redirect belongs to raw scenarios");
	fails(HEAD "  - send: {capture: x.pcap}\n    expect: {at: eth0}\n",
	      "sc/scenario.yaml:4:18: expected a place such as master-0/eth0");
	fails(HEAD "  - send: {capture: x.pcap}\n    expect: {verdict: ALLOW_CN}\n",
	      "sc/scenario.yaml:4:23: no program at this hook returns ALLOW_CN (cgroup verdict)");
	loads(HEAD "  - send: {capture: x.pcap}\n    expect: {hops: [{verdict: XDP_TX}]}\n");
}

Test(raw, verdicts_are_held_against_the_hook)
{
	loads(RAW "  - send: {capture: x.pcap, hook: xdp}\n    expect: {verdict: XDP_TX}\n");
	cr_expect(s->steps[0].expects[0].last.verdict_words == &words_xdp_verdict);
	loads(RAW "  - send: {capture: x.pcap}\n    expect: {verdict: TC_ACT_OK}\n");
	loads(RAW "  - send: {capture: x.pcap, hook: socket-filter}\n    expect: {verdict: 96}\n");
	fails(RAW "  - send: {capture: x.pcap, hook: ingress}\n    expect: {verdict: XDP_TX}\n",
	      "sc/scenario.yaml:4:23: no program at this hook returns XDP_TX (XDP verdict)");
	fails(RAW "  - send: {capture: x.pcap, hook: xdp}\n    expect: {verdict: 9}\n",
	      "sc/scenario.yaml:4:23: unknown XDP verdict 9");
	fails(RAW "  - send: {capture: x.pcap, hook: xdp}\n    expect: {verdict: XDP_DORP}\n",
	      "sc/scenario.yaml:4:23: unknown verdict 'XDP_DORP'; did you mean 'XDP_DROP'?");
	fails(RAW "  - send: {capture: x.pcap, hook: xdpp}\n",
	      "sc/scenario.yaml:3:35: unknown hook 'xdpp'; did you mean 'xdp'?");
}

Test(raw, a_target_file_names_its_hooks)
{
	loads("target: t.yaml\nsteps:\n  - send: {capture: x.pcap, hook: native/xdp}\n");
	cr_expect_str_eq(s->steps[0].send.role, "native");
	cr_expect_str_eq(s->target->missing,
			 "the variable NO_SUCH_FOLDER is not set: it names the folder of the "
			 "objects of target t; copy them");
	fails("target: t.yaml\nsteps:\n  - send: {capture: x.pcap, hook: native/egress}\n",
	      "sc/scenario.yaml:3:35: the target t has no hook native/egress");
	cr_expect(strstr(err.text, "it has native/xdp, native/ingress") != NULL, "%s", err.text);
	fails("target: t.yaml\nsteps:\n  - send: {capture: x.pcap}\n",
	      "sc/scenario.yaml:3:21: send: the key 'hook' is missing");
	fails(RAW "  - send: {capture: x.pcap, hook: native/xdp}\n",
	      "sc/scenario.yaml:3:35: a program that is named is at a hook without a role");
}

Test(raw, an_object_behind_a_variable_is_missing_until_it_is_set)
{
#define BEHIND "target: {object: $NO_SUCH_FOLDER/x.o, program: p}\nsteps: [{check: {}}]\n"
	loads(BEHIND);
	cr_expect_str_eq(s->target->missing, "the variable NO_SUCH_FOLDER is not set: it names the "
					     "folder of x.o");
	setenv("NO_SUCH_FOLDER", "/nowhere", 1);
	fails(BEHIND, "sc/scenario.yaml:1:18: no object /nowhere/x.o");
	setenv("NO_SUCH_FOLDER", "sc", 1);
	files_write("sc/x.o", "");
	loads(BEHIND);
	cr_expect(!s->target->missing);
	cr_expect_str_eq(s->target->object, "sc/x.o");
	fails("target: {object: none.o}\nsteps: [{check: {}}]\n",
	      "sc/scenario.yaml:1:18: no object none.o");
}

/* ---- running ---- */

#define TIME_AND_MAPS                                                                              \
	BPF_PRELUDE                                                                                \
	"struct xdp_md { __u32 data, data_end; };\n"                                               \
	"struct { __uint(type, 1); __type(key, __u32); __type(value, __u64);\n"                    \
	"	__uint(max_entries, 64); } seen SEC(\".maps\");\n"                                       \
	"struct { __uint(type, 2); __type(key, __u32); __type(value, __u64);\n"                    \
	"	__uint(max_entries, 1); } last SEC(\".maps\");\n"                                        \
	"static __u64 (*now)(void) = (void *)5;\n"                                                 \
	"SEC(\"xdp\") int p(struct xdp_md *c)\n"                                                   \
	"{\n"                                                                                      \
	"	__u64 t = now(), one = 1, *was; __u32 zero = 0;\n"                                       \
	"	was = map_lookup(&last, &zero);\n"                                                       \
	"	if (!was) return 0;\n"                                                                   \
	"	__u32 age = *was ? (t - *was) / 1000000000 : 0;\n"                                       \
	"	*was = t;\n"                                                                             \
	"	map_update(&seen, &age, &one, 0);\n"                                                     \
	"	return age > 5 ? 1 : 2;\n"                                                               \
	"}\n"

#define TC                                                                                         \
	BPF_PRELUDE                                                                                \
	"struct __sk_buff { __u32 len, pkt_type, mark, queue, proto, vlan, vtci, vproto, prio,\n"  \
	"	ingress, ifindex; };\n"                                                                  \
	"static long (*redirect)(__u32, __u64) = (void *)23;\n"                                    \
	"SEC(\"tc\") int p(struct __sk_buff *c)\n"                                                 \
	"{ if (c->mark == 7) return 2;\n"                                                          \
	"  if (c->ifindex == 4) return redirect(2, 0);\n"                                          \
	"  return 0; }\n"

/* The scenario with this object and the capture of the repository that has four DNS packets. */
static struct scenario_result result_of(const char *source, const char *steps)
{
	struct run_opts opts = { .cache = run_cache_new() };
	struct run_trace *trace = arena_new_of(a, struct run_trace);
	struct scenario_result res = { 0 };

	files_write("sc/scenario.yaml", arena_printf(a, "target: {object: %s}\nsteps:\n%s",
						     compile_bpf(a, "raw", source), steps));
	cr_assert_eq(file_mkdir_p("sc/fixtures", &err), 0);
	if (access("sc/fixtures/captures", F_OK))
		cr_assert_eq(symlink(arena_printf(a, "%s/fixtures/captures", files_source_root()),
				     "sc/fixtures/captures"),
			     0);
	scenario_free(s);
	cr_assert_eq(scenario_load("sc", &s, &err), 0, "%s", err.text);
	cr_assert_eq(run_scenario(s, ENGINE_TESTRUN, &opts, a, trace, &err), 0, "%s", err.text);
	judge_scenario(a, s, trace, &res);
	run_cache_free(opts.cache);
	return res;
}

static void passes(const struct scenario_result *res)
{
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < res->n_steps; i++)
		for (size_t j = 0; j < res->steps[i].n_diffs; j++)
			judge_print_difference(&out, &res->steps[i].diffs[j]);
	cr_expect_eq(res->status, STATUS_PASSED, "%s", buf_str(&out));
	buf_free(&out);
}

static const char *first_difference(const struct scenario_result *res)
{
	__cleanup_buf struct buf out = BUF_INIT;

	for (size_t i = 0; i < res->n_steps && !out.len; i++)
		if (res->steps[i].n_diffs)
			judge_print_difference(&out, &res->steps[i].diffs[0]);
	return arena_strdup(a, buf_str(&out));
}

Test(raw, time_goes_with_the_capture_and_advance)
{
	struct scenario_result res;

	NEEDS_ROOT();
	/* packet 3 comes 4 s after 2 */
	res = result_of(
		TIME_AND_MAPS,
		"  - send: {capture: dns.pcapng, packets: 1-3}\n"
		"    expect:\n"
		"      - {outcome: delivered, verdict: XDP_PASS}\n"
		"      - maps: {seen: {added: [{key: 0}, {key: 4}], removed: 0}, last: {changed: "
		"1}}\n"
		"  - advance: 10s\n"
		"  - send: {capture: dns.pcapng, packets: 4}\n"
		"    expect:\n"
		"      - {outcome: dropped, verdict: XDP_DROP, at: dev2}\n"
		"      - maps: {seen: {added: [{key: 10, value: 1}], absent: [{key: 11}]}}\n"
		"  - send: {capture: dns.pcapng, packets: 1}\n"
		"    expect: {verdict: XDP_PASS, maps: {seen: {added: 0, changed: 0}}}\n");
	passes(&res);
	cr_expect_eq(res.packets, 5);
}

Test(raw, a_send_enters_where_it_says)
{
	struct scenario_result res;

	NEEDS_ROOT();
	res = result_of(TC, "  - send: {capture: dns.pcapng, packets: 1, hook: egress}\n"
			    "    expect: {outcome: sent, verdict: TC_ACT_OK}\n"
			    "  - send: {capture: dns.pcapng, packets: 1, mark: 7}\n"
			    "    expect: {outcome: dropped, verdict: TC_ACT_SHOT, at: dev2}\n"
			    "  - send: {capture: dns.pcapng, packets: 1, ifindex: 4}\n"
			    "    expect:\n"
			    "      outcome: sent\n"
			    "      redirect: {helper: redirect, ifindex: 2, flags: 0}\n"
			    "      hops: [{at: dev4, program: p, redirect: {ifindex: 2}}]\n");
	passes(&res);
}

Test(raw, another_redirect_is_told)
{
	struct scenario_result res;

	NEEDS_ROOT();
	res = result_of(TC, "  - send: {capture: dns.pcapng, packets: 1, ifindex: 4}\n"
			    "    expect: {redirect: {helper: redirect_peer, ifindex: 3}}\n");
	cr_expect_eq(res.status, STATUS_FAILED);
	cr_expect(strstr(first_difference(&res),
			 "redirect: expected redirect_peer to ifindex 3, actual redirect to "
			 "ifindex 2 flags 0") != NULL,
		  "%s", first_difference(&res));
	res = result_of(TC, "  - send: {capture: dns.pcapng, packets: 1}\n"
			    "    expect: {redirect: {ifindex: 2}}\n");
	cr_expect_eq(res.status, STATUS_FAILED);
}

/* Lowers the TTL, and leaves the header's checksum as it was. */
#define CARELESS                                                                                   \
	BPF_PRELUDE                                                                                \
	"struct xdp_md { __u32 data, data_end; };\n"                                               \
	"SEC(\"xdp\") int p(struct xdp_md *c)\n"                                                   \
	"{ __u8 *at = (void *)(long)c->data;\n"                                                    \
	"  if (at + 34 > (__u8 *)(long)c->data_end) return 1;\n"                                   \
	"  at[22]--; return 3; }\n"

Test(raw, a_checksum_left_wrong_is_seen)
{
	struct scenario_result res;

	NEEDS_ROOT();
	res = result_of(CARELESS,
			"  - send: {capture: dns.pcapng, packets: 1}\n"
			"    expect: {outcome: sent, packet: {ip.ttl: 63, ip.checksum.status: 0,\n"
			"             udp.checksum.status: 1}}\n");
	passes(&res);
}

Test(raw, two_is_no_verdict_of_both_kinds)
{
	struct scenario_result res;

	NEEDS_ROOT();
	/* XDP_PASS is 2, as TC_ACT_SHOT is: no hook is named, so only the run can tell */
	res = result_of(TIME_AND_MAPS, "  - send: {capture: dns.pcapng, packets: 1}\n"
				       "    expect: {verdict: TC_ACT_SHOT}\n");
	cr_expect_eq(res.status, STATUS_FAILED);
	cr_expect(strstr(first_difference(&res),
			 "verdict: expected TC_ACT_SHOT, actual XDP_PASS") != NULL,
		  "%s", first_difference(&res));
}

Test(raw, a_map_that_is_not_there_is_an_error_at_its_place)
{
	struct run_opts opts = { .cache = run_cache_new() };
	struct run_trace trace;

	NEEDS_ROOT();
	files_write("sc/scenario.yaml",
		    arena_printf(a,
				 "target: {object: %s}\nsteps:\n"
				 "  - check: {}\n    expect: {maps: {sen: {added: 0}}}\n",
				 compile_bpf(a, "raw", TIME_AND_MAPS)));
	cr_assert_eq(scenario_load("sc", &s, &err), 0, "%s", err.text);
	cr_assert_lt(run_scenario(s, ENGINE_TESTRUN, &opts, a, &trace, &err), 0);
	cr_expect_eq(err.kind, ERR_INPUT);
	cr_expect(strstr(err.text, "sc/scenario.yaml:4:") != NULL, "%s", err.text);
	cr_expect(strstr(err.text, "the target has no map \"sen\"; did you mean seen?") != NULL,
		  "%s", err.text);
	run_cache_free(opts.cache);
}

Test(raw, another_object_than_then_is_a_note)
{
	struct scenario_result res;

	NEEDS_ROOT();
	res = result_of(TC,
			"  - send: {capture: dns.pcapng, packets: 1}\n    expect: {verdict: 0}\n");
	cr_expect_eq(res.trace->n_notes, 0);
	files_write("sc/scenario.yaml",
		    arena_printf(a,
				 "target: {object: %s, sha256: 000000000000}\nsteps:\n"
				 "  - send: {capture: dns.pcapng}\n    expect: {verdict: 0}\n",
				 s->target->object));
	scenario_free(s);
	cr_assert_eq(scenario_load("sc", &s, &err), 0, "%s", err.text);
	{
		struct run_opts opts = { .cache = run_cache_new() };
		struct run_trace trace;

		cr_assert_eq(run_scenario(s, ENGINE_TESTRUN, &opts, a, &trace, &err), 0, "%s",
			     err.text);
		cr_assert_eq(trace.n_notes, 1);
		cr_expect(strstr(trace.notes[0], "is another object than the one") != NULL);
		cr_expect_eq(trace.n_objects, 1);
		run_cache_free(opts.cache);
	}
}
