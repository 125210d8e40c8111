// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The reports, read back by others: xmllint, tshark, jansson and the schema, a TAP reader. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <pty.h>
#include <unistd.h>

#include "base/file.h"
#include "base/ns.h"
#include "json_schema.h"
#include "judge_fixture.h"
#include "report/report.h"
#include "scenario/yaml.h"

#define HOSTILE "a<b>&\"c\" ]]> \x01\x1b[31m \xff\xfe d # SKIP \\ e"

static struct fixture *f;
static struct err err;
static char dir[] = "/tmp/verdict-report-XXXXXX";

static void set_up(void)
{
	f = fixture_new();
	cr_assert(mkdtemp(dir) != NULL);
}

static void tear_down(void)
{
	const char *const argv[] = { "rm", "-r", dir, NULL };

	run_tool(argv, -1, NULL, NULL, 10, &err);
	fixture_free(f);
}

TestSuite(report, .init = set_up, .fini = tear_down);

static const char *in_dir(const char *name)
{
	return arena_printf(f->a, "%s/%s", dir, name);
}

static const char *contents(const char *path)
{
	char *text = NULL;

	cr_assert(file_read(f->a, path, &text, NULL, &err) == 0, "%s", err.text);
	return text;
}

/* A tool's standard output, without its last newline. */
static const char *ask(const char *const argv[])
{
	struct buf out = BUF_INIT;
	const char *text;
	int ret = run_tool(argv, -1, NULL, &out, 60, &err);

	cr_assert(ret == 0, "%s", err.text);
	text = arena_strdup(f->a, buf_str(&out));
	buf_free(&out);
	if (*text)
		((char *)text)[strlen(text) - (text[strlen(text) - 1] == '\n')] = '\0';
	return text;
}

/* Four results, one of each kind; the failed one is the story's bug. */
static struct report_totals report_all(struct reporter *r)
{
	static const struct report_env env = { "6.1.0 <test>", "build/bpf", "1.2.3", 0 };
	static struct err broken = { ERR_INPUT, 22, "bad.yaml:3:1: unknown key " HOSTILE };
	struct scenario_result ok = { .path = "s/ok.yaml",
				      .name = "fine",
				      .engine = "netns",
				      .status = STATUS_PASSED,
				      .packets = 2,
				      .checks = 4,
				      .duration_ns = 1500000 };
	struct scenario_result skip = { .path = "s/skip.yaml",
					.name = "skipped " HOSTILE,
					.engine = "netns",
					.status = STATUS_SKIPPED,
					.skip_reason = "no nft: " HOSTILE };
	struct scenario_result error = {
		.path = "bad.yaml", .name = "bad # SKIP me", .status = STATUS_ERROR, .err = &broken
	};
	struct report_totals t = {
		.passed = 1,
		.failed = 1,
		.errors = 1,
		.skipped = 1,
		.packets = 4,
		.checks = 6,
		.duration_ns = 2500000,
	};

	f->expects[0].last.has_outcome = true;
	f->expects[0].last.outcome = OUTCOME_DELIVERED;
	f->expects[0].last.outcome_loc = LOC(15);
	fixture_drop(f, 1);
	fixture_judge(f);
	f->res.duration_ns = 1000000;
	cr_assert(r->ops->begin(r, &env, 4, &err) == 0);
	if (r->ops->progress)
		r->ops->progress(r, "now running");
	cr_assert(r->ops->result(r, &ok, &err) == 0);
	cr_assert(r->ops->result(r, &f->res, &err) == 0);
	cr_assert(r->ops->result(r, &skip, &err) == 0);
	cr_assert(r->ops->result(r, &error, &err) == 0);
	cr_assert(r->ops->end(r, &t, &err) == 0, "%s", err.text);
	r->ops->free(r);
	return t;
}

/* ---- text ---- */

static const char *text_report(int verbose)
{
	const char *path = in_dir("text");
	FILE *out = fopen(path, "w");

	report_all(report_text(out, verbose));
	fclose(out);
	return contents(path);
}

Test(report, text_ends_with_the_counts_and_errors_count_as_failed)
{
	const char *text = text_report(0), *last = "\n1 passed, 2 failed, 1 skipped\n";

	cr_assert(strlen(text) > strlen(last));
	cr_expect(eq(str, (char *)text + strlen(text) - strlen(last), (char *)last));
}

Test(report, text_into_a_file_has_no_escape_and_no_carriage_return)
{
	setenv("TERM", "xterm", 1);
	unsetenv("NO_COLOR");
	cr_expect(not(text_has(text_report(1), "\r")));
	/* the hostile name's own escapes are taken out of differences and errors too */
	cr_expect(not(text_has(text_report(0), "\033")));
}

/* The same failure on both engines. */
static const char *text_of_two_engines(int verbose, bool same)
{
	static const struct report_env env = { "6.1.0", "build/bpf", "1.2.3", 0 };
	const char *path = in_dir("two");
	FILE *out = fopen(path, "w");
	struct reporter *r = report_text(out, verbose);
	struct report_totals t = { .failed = 2 };

	f->expects[0].last.has_outcome = true;
	f->expects[0].last.outcome = OUTCOME_DELIVERED;
	f->expects[0].last.outcome_loc = LOC(15);
	fixture_drop(f, 1);
	fixture_judge(f);
	cr_assert(r->ops->begin(r, &env, 2, &err) == 0);
	cr_assert(r->ops->result(r, &f->res, &err) == 0);
	if (!same) {
		f->hops[3].drop_reason = 134;
		fixture_judge(f);
	}
	f->res.engine = "netns";
	cr_assert(r->ops->result(r, &f->res, &err) == 0);
	cr_assert(r->ops->end(r, &t, &err) == 0);
	r->ops->free(r);
	fclose(out);
	return contents(path);
}

Test(report, text_says_once_what_both_engines_found)
{
	const char *text = text_of_two_engines(0, true);

	cr_expect(text_has(text, "\nthe same 1 difference as on testrun\n"), "%s", text);
	cr_expect(text_has(strstr(text, "packet 4 ("), "packet 4 (") &&
		  !strstr(strstr(text, "packet 4 (") + 1, "packet 4 ("));
}

Test(report, verbose_shows_the_differences_of_both_engines)
{
	cr_expect(not(text_has(text_of_two_engines(1, true), "the same 1 difference")));
}

Test(report, engines_that_found_different_things_are_both_shown)
{
	const char *text = text_of_two_engines(0, false);

	cr_expect(text_has(text, "POLICY 133"));
	cr_expect(text_has(text, "INVALID 134"));
	cr_expect(not(text_has(text, "the same")));
}

Test(report, text_shows_the_difference_and_verbose_every_packet)
{
	cr_expect(
		text_has(text_report(0), "scenario.yaml:15: packet 4 (etcd.pcapng, +0.003120 s)"));
	cr_expect(not(text_has(text_report(0), "packet 3 +0.000000 s")));
	cr_expect(text_has(text_report(1), "packet 3 +0.000000 s"));
}

/* What a terminal would get. */
static const char *terminal_report(void)
{
	static char text[16384];
	int master, slave;
	size_t used = 0;
	ssize_t n;
	FILE *out;

	cr_assert(openpty(&master, &slave, NULL, NULL, NULL) == 0);
	out = fdopen(slave, "w");
	setvbuf(out, NULL, _IOFBF, sizeof(text));
	report_all(report_text(out, 0));
	fclose(out);
	while (used < sizeof(text) - 1 &&
	       (n = read(master, text + used, sizeof(text) - 1 - used)) > 0)
		used += (size_t)n;
	close(master);
	text[used] = '\0';
	return text;
}

Test(report, a_terminal_gets_colour_unless_no_color_is_set)
{
	setenv("TERM", "xterm", 1);
	unsetenv("NO_COLOR");
	cr_expect(text_has(terminal_report(), "\033[32mok"));
	setenv("NO_COLOR", "1", 1);
	cr_expect(not(text_has(terminal_report(), "\033[32m")));
	setenv("TERM", "dumb", 1);
	unsetenv("NO_COLOR");
	cr_expect(not(text_has(terminal_report(), "\033")));
}

/* ---- TAP ---- */

/* Reads TAP as its specification has it; returns the number of test points, -1 for what is none. */
static int read_tap(const char *text, int *not_ok, int *skip)
{
	int plan = -1, points = 0;
	bool in_yaml = false;
	char line[8192];

	if (strncmp(text, "TAP version 13\n", 15) != 0)
		return -1;
	for (text += 15; *text; text += strcspn(text, "\n") + 1) {
		size_t len = strcspn(text, "\n");
		int number = 0;

		if (text[len] != '\n' || len >= sizeof(line))
			return -1;
		snprintf(line, sizeof(line), "%.*s", (int)len, text);
		if (in_yaml) {
			if (strncmp(line, "  ", 2) != 0)
				return -1;
			in_yaml = strcmp(line, "  ...") != 0;
		} else if (strcmp(line, "  ---") == 0) {
			in_yaml = true;
		} else if (sscanf(line, "1..%d", &number) == 1) {
			plan = number;
		} else if (sscanf(line, "ok %d", &number) == 1 ||
			   sscanf(line, "not ok %d", &number) == 1) {
			if (number != ++points)
				return -1;
			*not_ok += line[0] == 'n';
			*skip += text_has(line, " # SKIP ");
		} else if (line[0] != '#') {
			return -1;
		}
	}
	return !in_yaml && plan == points ? points : -1;
}

static const char *tap_report(void)
{
	const char *path = in_dir("tap");
	FILE *out = fopen(path, "w");

	report_all(report_tap(out));
	fclose(out);
	return contents(path);
}

Test(report, tap_has_a_plan_points_and_one_skip_although_a_name_says_skip_too)
{
	int not_ok = 0, skip = 0, points = read_tap(tap_report(), &not_ok, &skip);

	cr_expect(eq(int, points, 4));
	cr_expect(eq(int, not_ok, 2));
	cr_expect(eq(int, skip, 1));
}

/* The first block, read by libfyaml. */
Test(report, tap_diagnostics_are_yaml)
{
	const char *at = strstr(tap_report(), "  ---\n");
	__cleanup_buf struct buf block = BUF_INIT;
	struct value **docs, *first;
	size_t n;

	cr_assert(at != NULL);
	for (at += strlen("  ---\n"); strncmp(at, "  ...\n", 6) != 0; at += strcspn(at, "\n") + 1)
		buf_add(&block, at + 2, strcspn(at + 2, "\n") + 1);
	cr_assert(yaml_parse(f->a, block.data, block.len, "block", &docs, &n, &err) == 0, "%s",
		  err.text);
	cr_assert(n == 1);
	cr_expect(eq(str, (char *)value_text(value_get(docs[0], "severity")), "fail"));
	first = value_get(docs[0], "differences")->items[0];
	cr_expect(eq(str, (char *)value_text(value_get(first, "actual")),
		     "dropped (POLICY 133, bpf_host.c:88)"));
	cr_expect(text_has(value_text(value_get(first, "text")), "\n  hop 2: "));
}

/* 150 packets dropped that had to be delivered. */
static void drop_many(void)
{
	struct trace *packets = arena_alloc(f->a, 150 * sizeof(*packets));

	f->expects[0].last.has_outcome = true;
	f->expects[0].last.outcome = OUTCOME_DELIVERED;
	f->expects[0].last.outcome_loc = LOC(15);
	fixture_drop(f, 1);
	for (uint32_t i = 0; i < 150; i++) {
		packets[i] = f->packets[1];
		packets[i].number = 1 + i;
	}
	f->step_traces[0].packets = packets;
	f->step_traces[0].n_packets = 150;
	fixture_judge(f);
}

static const char *report_of(struct reporter *r, const char *path)
{
	static const struct report_env env = { "6.1.0", "build/bpf", "1.2.3", 0 };
	struct report_totals t = { .failed = 1 };

	cr_assert(r->ops->begin(r, &env, 1, &err) == 0);
	cr_assert(r->ops->result(r, &f->res, &err) == 0);
	cr_assert(r->ops->end(r, &t, &err) == 0);
	r->ops->free(r);
	return contents(path);
}

Test(report, many_differences_do_not_swell_tap_and_junit_but_json_has_them_all)
{
	FILE *out = fopen(in_dir("tap"), "w");
	const char *text;
	size_t n = 0;

	drop_many();
	text = report_of(report_tap(out), in_dir("tap"));
	cr_expect(text_has(text, "\n  more_differences: 50\n"));
	fclose(out);
	text = report_of(report_junit(in_dir("junit")), in_dir("junit"));
	cr_expect(text_has(text, "and 149 more packets like this: 2-150"), "%s", text);
	text = report_of(report_json(in_dir("json")), in_dir("json"));
	for (const char *at = text; (at = strstr(at, "\"expected\": \"delivered\"")); at++)
		n++;
	cr_expect(eq(sz, n, 150), "%.3000s", text);
}

Test(report, an_interrupted_tap_report_bails_out)
{
	static const struct report_env env = { "6.1", "build/bpf", "1", 0 };
	struct report_totals none = { 0 };
	FILE *out = fopen(in_dir("tap"), "w");
	struct reporter *r = report_tap(out);

	r->ops->begin(r, &env, 3, &err);
	r->ops->end(r, &none, &err);
	r->ops->free(r);
	fclose(out);
	cr_expect(text_has(contents(in_dir("tap")), "Bail out!"));
}

/* ---- JUnit ---- */

static void expect_xpath(const char *path, const char *expression, const char *value)
{
	const char *const argv[] = { "xmllint", "--xpath", expression, path, NULL };

	cr_expect(eq(str, (char *)ask(argv), (char *)value), "%s", expression);
}

Test(report, junit_is_xml_with_failure_error_and_skipped_apart)
{
	const char *path = in_dir("deep/junit.xml");

	if (!tool_exists("xmllint"))
		cr_skip_test("no xmllint");
	report_all(report_junit(path));
	expect_xpath(path, "count(/testsuites/testsuite)", "3");
	expect_xpath(path, "string(/testsuites/@tests)", "4");
	expect_xpath(path, "count(//testsuite[@name='netns']/testcase)", "2");
	expect_xpath(path, "count(//testsuite[@name='testrun']/testcase/failure)", "1");
	expect_xpath(path, "count(//testsuite[@name='scenario']/testcase/error)", "1");
	expect_xpath(path, "count(//testcase/skipped)", "1");
	expect_xpath(path, "string(//testsuite[@name='testrun']/@failures)", "1");
	expect_xpath(path, "string(//testsuite[@name='scenario']/@errors)", "1");
	expect_xpath(path, "string(//error/@type)", "scenario");
	expect_xpath(path, "string(//failure/../@file)", SCENARIO_FILE);
	expect_xpath(path, "count(//testcase[contains(@name,'a<b>&')])", "1");
	expect_xpath(path, "contains(string(//failure/@message), 'actual dropped')", "true");
}

/* ---- JSON ---- */

static json_t *json_report(void)
{
	const char *path = in_dir("report.json");
	json_error_t e;
	json_t *doc;

	report_all(report_json(path));
	doc = json_load_file(path, JSON_REJECT_DUPLICATES, &e);
	cr_assert(doc != NULL, "%s", e.text);
	return doc;
}

static json_t *load_schema(void)
{
	json_error_t e;
	json_t *schema = json_load_file("reports/schema.json", JSON_REJECT_DUPLICATES, &e);

	cr_assert(schema != NULL, "%s: run the tests at the top of the tree", e.text);
	return schema;
}

Test(report, json_is_what_the_schema_says)
{
	json_t *doc = json_report(), *schema = load_schema();
	char why[1024];

	cr_expect(schema_valid(schema, schema, doc, "", why, sizeof(why)), "%s", why);
	json_decref(doc);
	json_decref(schema);
}

/* ---- objects ---- */

#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* One as shipped, one that was changed and would not load interposed; the second result has the first
 * object again.
 */
static void give_objects(bool odd)
{
	static const struct elf_change changes[] = {
		{ "static program", "a", "static", "global" },
		{ "pinning", "m", "16", "none" },
		{ "static program", "b", "static", "global" },
	};
	static const char *const pristine[] = { "a", "b" };
	static struct loaded_object objects[] = {
		{ "build/bpf/bpf_host.o", SHA, "clang version 14.0.6", NULL, 0, 22, NULL, 0 },
		{ "odd.o", SHA, NULL, changes, 3, 0, pristine, 2 },
	};

	f->run.objects = objects;
	f->run.n_objects = odd ? 2 : 1;
}

static const char *told(struct reporter *r, const char *path, bool odd)
{
	give_objects(odd);
	fixture_judge(f);
	return report_of(r, path);
}

static const char *text_told(int verbose, bool odd)
{
	FILE *out = fopen(in_dir("objects"), "w");
	const char *text = told(report_text(out, verbose), in_dir("objects"), odd);

	fclose(out);
	return text;
}

Test(report, text_names_objects_that_were_changed_and_verbose_all_of_them)
{
	const char *text;

	cr_expect(not(text_has(text_told(0, false), "object ")));
	cr_expect(text_has(text_told(1, false),
			   "object build/bpf/bpf_host.o: SHA-256 " SHA
			   ", clang version 14.0.6, 22 helper calls interposed\n"));
	text = text_told(0, true);
	cr_expect(not(text_has(text, "bpf_host.o")));
	cr_expect(text_has(text, "object odd.o: SHA-256 " SHA ", producer not known, no helper "));
	cr_expect(text_has(text, "changed in memory: static program (2), pinning (1)\n"), "%s",
		  text);
	cr_expect(text_has(text, "did not load: 2 programs\n"), "%s", text);
	text = text_told(1, true);
	cr_expect(text_has(text, "changed in memory: pinning m: 16, now none\n"), "%s", text);
	cr_expect(text_has(text, "did not load: a, b\n"), "%s", text);
}

Test(report, an_object_is_told_of_once_a_run)
{
	struct reporter *r = report_tap(fopen(in_dir("tap"), "w"));
	static const struct report_env env = { "6.1", "build/bpf", "1", 0 };
	const char *text, *first;

	give_objects(true);
	fixture_judge(f);
	cr_assert(r->ops->begin(r, &env, 2, &err) == 0);
	r->ops->result(r, &f->res, &err);
	r->ops->result(r, &f->res, &err);
	r->ops->free(r);
	text = contents(in_dir("tap"));
	first = strstr(text, "\n# object odd.o: ");
	cr_assert(first != NULL, "%s", text);
	cr_expect(not(text_has(first + 1, "\n# object odd.o: ")));
	cr_expect(text_has(first, "\n#   changed in memory: pinning m: 16, now none\n"));
}

Test(report, junit_and_json_have_every_object)
{
	const char *path = in_dir("objects.json");
	json_t *doc, *schema = load_schema(), *objects;
	char why[1024];

	told(report_json(path), path, true);
	doc = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
	cr_assert(doc != NULL);
	cr_expect(schema_valid(schema, schema, doc, "", why, sizeof(why)), "%s", why);
	objects = json_object_get(json_array_get(json_object_get(doc, "scenarios"), 0), "objects");
	cr_assert(eq(sz, json_array_size(objects), 2));
	cr_expect(eq(
		int,
		(int)json_integer_value(json_object_get(json_array_get(objects, 0), "interposed")),
		22));
	cr_expect(
		eq(sz, json_array_size(json_object_get(json_array_get(objects, 1), "changes")), 3));
	json_decref(doc);
	json_decref(schema);
	path = in_dir("objects.xml");
	told(report_junit(path), path, true);
	expect_xpath(path, "count(//property[@name='object'])", "2");
	expect_xpath(path,
		     "contains(//property[starts-with(@value, 'odd.o')]/@value, 'pinning m: 16')",
		     "true");
}

Test(report, the_schema_refuses_a_report_with_a_field_missing_or_too_many)
{
	json_t *doc = json_report(), *schema = load_schema();
	char why[1024];

	json_object_set_new(json_object_get(doc, "totals"), "passes", json_integer(1));
	cr_expect(not(schema_valid(schema, schema, doc, "", why, sizeof(why))));
	json_object_del(json_object_get(doc, "totals"), "passes");
	cr_expect(schema_valid(schema, schema, doc, "", why, sizeof(why)));
	json_object_del(json_array_get(json_object_get(doc, "scenarios"), 0), "status");
	cr_expect(not(schema_valid(schema, schema, doc, "", why, sizeof(why))));
	json_decref(doc);
	json_decref(schema);
}

Test(report, json_holds_packets_hops_and_the_difference)
{
	json_t *doc = json_report();
	json_t *failed = json_array_get(json_object_get(doc, "scenarios"), 1);
	json_t *step = json_array_get(json_object_get(failed, "steps"), 0);
	json_t *packet = json_array_get(json_object_get(step, "packets"), 1);
	json_t *hop = json_array_get(json_object_get(packet, "hops"), 1);
	json_t *diff = json_array_get(json_object_get(step, "differences"), 0);

	cr_expect(json_integer_value(json_object_get(packet, "number")) == 4);
	cr_expect(json_integer_value(json_object_get(json_object_get(hop, "drop"), "number")) ==
		  133);
	cr_expect(json_integer_value(json_object_get(diff, "packet")) == 1);
	cr_expect(json_integer_value(json_object_get(diff, "hop")) == 1);
	cr_expect(json_string_length(json_object_get(packet, "frame")) == 2 * sizeof(etcd_reply));
	json_decref(doc);
}

/* ---- pcapng ---- */

static const char *tshark(const char *path, const char *filter, const char *field)
{
	const char *const argv[] = { "tshark", "-r",	 path, "-Y",  filter,
				     "-T",     "fields", "-e", field, NULL };

	return ask(argv);
}

Test(report, pcapng_shows_wireshark_verdicts_reasons_and_interfaces)
{
	const char *path = NULL;

	if (!tool_exists("tshark"))
		cr_skip_test("no tshark");
	f->expects[0].last.has_outcome = true;
	f->expects[0].last.outcome = OUTCOME_DELIVERED;
	f->expects[0].last.outcome_loc = LOC(15);
	fixture_drop(f, 1);
	fixture_judge(f);
	cr_assert(report_pcapng(f->a, in_dir("out"), &f->res, &path, &err) == 0, "%s", err.text);
	cr_expect(text_has(path, "/out/etcd-after-restart-testrun.pcapng"));
	/* two packets, two programs each, entry and exit */
	cr_expect(eq(str, (char *)tshark(path, "frame.packet_id == 1", "frame.number"),
		     "1\n2\n3\n4"));
	cr_expect(eq(str,
		     (char *)tshark(path, "frame.verdict.ebpf_tc == 2", "frame.interface_name"),
		     "master-0/eth0:cil_from_netdev()@exit"));
	cr_expect(eq(str, (char *)tshark(path, "frame.verdict.ebpf_tc == 0", "frame.packet_id"),
		     "1\n1\n2"));
	cr_expect(text_has(tshark(path, "frame.verdict.ebpf_tc == 2", "frame.comment"),
			   "packet 4 of etcd.pcapng: dropped by cil_from_netdev: Policy denied "
			   "(133, bpf_host.c:88), identity kube-apiserver->host, ct new"));
	cr_expect(text_has(
		tshark(path, "frame.comment contains \"NOT AS EXPECTED\"", "frame.comment"),
		"scenario.yaml:15): outcome: expected delivered"));
	/* a drop's exit repeats the entry's bytes */
	cr_expect(eq(str, (char *)tshark(path, "frame.verdict.ebpf_tc == 2", "tcp.dstport"),
		     "24824"));
	cr_expect(eq(str, (char *)tshark(path, "frame.packet_flags_direction == 1", "frame.number"),
		     "3\n4\n7\n8"));
}

Test(report, pcapng_keeps_a_packet_that_no_program_saw_and_a_name_with_slashes)
{
	const char *path = NULL;

	if (!tool_exists("tshark"))
		cr_skip_test("no tshark");
	fixture_judge(f);
	f->res.name = "../../etc/x y";
	f->packets[0].n_hops = 0;
	f->packets[0].outcome = OUTCOME_UNMODELLED;
	f->packets[0].why = "nobody knows";
	cr_assert(report_pcapng(f->a, in_dir("out"), &f->res, &path, &err) == 0, "%s", err.text);
	cr_expect(text_has(path, "/out/-.-..-etc-x-y-testrun.pcapng"), "%s", path);
	cr_expect(text_has(tshark(path, "frame.number == 1", "frame.comment"),
			   "no program saw it; unmodelled (nobody knows)"));
}

/* ---- unreviewed, and notes ---- */

static void unreviewed(void)
{
	static const char *notes[] = { "the object " HOSTILE " is another one" };

	f->expects[0].last.has_outcome = true;
	f->expects[0].last.outcome = OUTCOME_DELIVERED;
	f->scenario.unreviewed = true;
	f->run.notes = notes;
	f->run.n_notes = 1;
	fixture_judge(f);
	cr_assert(f->res.status == STATUS_UNREVIEWED);
}

static const char *unreviewed_report(struct reporter *r, const char *path)
{
	static const struct report_env env = { "6.1.0", "build/bpf", "1.2.3", 0 };
	struct report_totals t = { .unreviewed = 1, .skipped = 2 };

	unreviewed();
	cr_assert(r->ops->begin(r, &env, 1, &err) == 0);
	cr_assert(r->ops->result(r, &f->res, &err) == 0);
	cr_assert(r->ops->end(r, &t, &err) == 0);
	r->ops->free(r);
	return contents(path);
}

Test(report, an_unreviewed_scenario_is_no_pass_in_text)
{
	FILE *out = fopen(in_dir("text"), "w");
	const char *text = unreviewed_report(report_text(out, 0), in_dir("text"));
	const char *last = "\n0 passed, 0 failed, 1 unreviewed, 2 skipped\n";

	fclose(out);
	cr_expect(text_has(text, "new   etcd-after-restart"), "%s", text);
	cr_expect(text_has(text, "verdict run --bless scenarios/etcd`"), "%s", text);
	cr_expect(text_has(text, "note: the object "));
	cr_expect(eq(str, (char *)text + strlen(text) - strlen(last), (char *)last));
}

/* With that directive prove(1) and its like take "not ok" for a pass. */
Test(report, an_unreviewed_scenario_is_no_todo_in_tap)
{
	FILE *out = fopen(in_dir("tap"), "w");
	const char *text = unreviewed_report(report_tap(out), in_dir("tap"));
	int not_ok = 0, skip = 0;

	fclose(out);
	cr_expect(eq(int, read_tap(text, &not_ok, &skip), 1), "%s", text);
	cr_expect(eq(int, not_ok, 1));
	cr_expect(not(text_has(text, "# TO"
				     "DO")));
	cr_expect(text_has(text, "\n  severity: unreviewed\n"));
	cr_expect(text_has(text, "\n# note: the object "));
}

Test(report, an_unreviewed_scenario_is_a_failure_of_its_own_type_in_junit)
{
	const char *path = in_dir("junit.xml");

	if (!tool_exists("xmllint"))
		cr_skip_test("no xmllint");
	unreviewed_report(report_junit(path), path);
	expect_xpath(path, "string(/testsuites/@failures)", "1");
	expect_xpath(path, "string(//testsuite/@failures)", "1");
	expect_xpath(path, "string(//failure/@type)", "unreviewed");
	expect_xpath(path, "contains(string(//system-out), 'note: the object')", "true");
}

Test(report, an_unreviewed_scenario_has_its_status_in_json)
{
	const char *path = in_dir("report.json");
	json_t *schema = load_schema(), *doc;
	json_error_t e;
	char why[1024];

	unreviewed_report(report_json(path), path);
	doc = json_load_file(path, JSON_REJECT_DUPLICATES, &e);
	cr_assert(doc != NULL, "%s", e.text);
	cr_expect(schema_valid(schema, schema, doc, "", why, sizeof(why)), "%s", why);
	cr_expect(eq(str,
		     (char *)json_string_value(json_object_get(
			     json_array_get(json_object_get(doc, "scenarios"), 0), "status")),
		     "unreviewed"));
	cr_expect(json_integer_value(
			  json_object_get(json_object_get(doc, "totals"), "unreviewed")) == 1);
	json_decref(doc);
	json_decref(schema);
}
