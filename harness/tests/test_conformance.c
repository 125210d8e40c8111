/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where two targets agree, in what they differ, what of it is documented; objects found by their settings. */
#include <criterion/criterion.h>

#include "files.h"
#include "json_schema.h"
#include "judge_fixture.h"
#include "report/agreement_formats.h"
#include "target/target_settings.h"

#define SCENARIO "etcd-after-restart"

static struct err err;
static struct arena *a;
static struct fixture *ours, *theirs;
static struct target_desc target;
static struct desc_known known[2];
static struct agreement g;

static void set_up(void)
{
	a = arena_new();
	ours = fixture_new();
	theirs = fixture_new();
	target = (struct target_desc){ .name = "other", .known = known };
	g = (struct agreement){ 0 };
}

static void tear_down(void)
{
	fixture_free(ours);
	fixture_free(theirs);
	arena_free(a);
}

TestSuite(conformance, .init = set_up, .fini = tear_down);

static void document(const char *field, unsigned step, const char *value)
{
	known[target.n_known++] = (struct desc_known){ .scenario = SCENARIO,
						       .field = field,
						       .step = step,
						       .theirs = value,
						       .cause = KNOWN_LIMIT,
						       .why = "no model of it",
						       .reference = "cilium/cilium#1",
						       .loc = { "other.yaml", 7, 1 } };
}

/* What the expectation asks: delivered. */
static struct scenario_result *judged(struct fixture *f)
{
	f->expects[0].last.has_outcome = true;
	f->expects[0].last.outcome = OUTCOME_DELIVERED;
	fixture_judge(f);
	f->res.name = SCENARIO;
	return &f->res;
}

static const struct agreement_row *compare(void)
{
	struct scenario_result *o = judged(ours), *t = judged(theirs);

	agreement_begin(&g, a, &target);
	agreement_add(&g, o, t);
	agreement_end(&g);
	return &g.rows[0];
}

static const char *first(const struct agreement_row *r)
{
	struct buf text = BUF_INIT;
	const char *copy;

	agreement_print_first(&text, r);
	copy = arena_strdup(a, buf_str(&text));
	buf_free(&text);
	return copy;
}

Test(conformance, the_same_agrees)
{
	const struct agreement_row *r = compare();

	cr_expect_str_eq(agreement_word(r), "agree");
	cr_expect_str_eq(first(r), "");
	cr_expect_eq(g.agree, 1);
	cr_expect(agreement_holds(&g));
}

Test(conformance, another_outcome_differs)
{
	const struct agreement_row *r;

	fixture_drop(theirs, 1);
	r = compare();
	cr_expect_str_eq(agreement_word(r), "differ");
	cr_expect_str_eq(first(r),
			 "step 1, packet 4, outcome: ours delivered, theirs dropped (POLICY 133)");
	cr_expect_eq(r->n_diffs, 1, "the failed expectation says the same and is not told twice");
	cr_expect_eq(g.differ, 1);
	cr_expect_not(agreement_holds(&g));
	cr_expect_eq(theirs->res.status, STATUS_FAILED);
}

Test(conformance, both_failing_alike_agree)
{
	fixture_drop(ours, 1);
	fixture_drop(theirs, 1);
	cr_expect_str_eq(agreement_word(compare()), "agree");
	cr_expect_eq(ours->res.status, STATUS_FAILED);
}

Test(conformance, another_reason_and_another_end_differ)
{
	const struct agreement_row *r;

	fixture_drop(ours, 1);
	fixture_drop(theirs, 1);
	theirs->hops[3].drop_reason = 158;
	theirs->packets[0].at = "master-1/eth0";
	r = compare();
	cr_expect_str_eq(first(r),
			 "step 1, packet 3, at: ours master-0/eth0, theirs master-1/eth0; and 2 "
			 "more");
	cr_expect_str_eq(r->diffs[1].field, "drop_reason");
}

/* A checksum that differs because another field does is not told; alone it is. */
Test(conformance, other_bytes_differ)
{
	struct frame *o = &ours->packets[0].final, *t = &theirs->packets[0].final;
	const struct agreement_row *r;

	*o = fixture_frame(ours);
	*t = fixture_frame(theirs);
	t->data[22]--; /* TTL */
	t->data[24] ^= 1; /* and its checksum */
	r = compare();
	cr_expect_eq(r->n_diffs, 1);
	cr_expect_str_eq(r->diffs[0].field, "ip.ttl");
	t->data[22]++;
	r = compare();
	cr_expect_eq(r->n_diffs, 1);
	cr_expect_str_eq(r->diffs[0].field, "ip.checksum");
}

/* In script space a masqueraded packet is the sender's own again. */
Test(conformance, what_arrives_is_compared_as_it_arrives)
{
	const struct agreement_row *r;

	for (size_t i = 0; i < 2; i++) {
		struct fixture *f = i ? theirs : ours;

		f->packets[0].final = f->packets[0].received = fixture_frame(f);
	}
	theirs->packets[0].final = fixture_frame(theirs);
	theirs->packets[0].final.data[29]++; /* ip.src */
	r = compare();
	cr_assert_eq(r->n_diffs, 1);
	cr_expect_str_eq(r->diffs[0].field, "ip.src");
}

Test(conformance, what_is_documented_is_told_so)
{
	const struct agreement_row *r;

	document("outcome", 1, "dropped*");
	fixture_drop(theirs, 1);
	r = compare();
	cr_expect_str_eq(agreement_word(r), "documented");
	cr_expect_eq(g.documented, 1);
	cr_expect(agreement_holds(&g));
	cr_expect_eq(theirs->res.status, STATUS_SKIPPED);
	cr_expect_str_eq(theirs->res.skip_reason,
			 "fails as documented: limit: no model of it (cilium/cilium#1)");
}

Test(conformance, what_is_documented_of_another_step_field_or_value_does_not_count)
{
	fixture_drop(theirs, 1);
	document("outcome", 2, NULL);
	document("at", 0, NULL);
	cr_expect_str_eq(agreement_word(compare()), "differ");
	cr_expect_eq(g.gone, 2);
	target.n_known = 0;
	document("outcome", 0, "sent*");
	cr_expect_str_eq(agreement_word(compare()), "differ");
}

Test(conformance, what_is_documented_and_gone_is_told)
{
	struct buf text = BUF_INIT;

	document("outcome", 0, NULL);
	cr_expect_str_eq(agreement_word(compare()), "agree");
	cr_expect_eq(g.gone, 1);
	cr_expect_not(agreement_holds(&g));
	agreement_print(&text, &g);
	cr_expect(text_has(buf_str(&text), "other.yaml:7: " SCENARIO " no longer differs in this"));
	buf_free(&text);
}

/* What did not run says nothing, of what is documented neither. */
Test(conformance, a_skipped_one_is_not_compared)
{
	struct scenario_result *o = judged(ours), *t = judged(theirs);

	document("outcome", 0, NULL);
	t->status = STATUS_SKIPPED;
	agreement_begin(&g, a, &target);
	agreement_add(&g, o, t);
	agreement_end(&g);
	cr_expect_str_eq(agreement_word(&g.rows[0]), "not compared");
	cr_expect_eq(g.not_compared, 1);
	cr_expect(agreement_holds(&g));
}

Test(conformance, what_cannot_run_differs)
{
	struct scenario_result *o = judged(ours), *t = judged(theirs);

	t->status = STATUS_ERROR;
	t->err = &err;
	snprintf(err.text, sizeof(err.text), "no folder x\nand so on");
	agreement_begin(&g, a, &target);
	agreement_add(&g, o, t);
	cr_expect_str_eq(first(&g.rows[0]), "error: ours ran, theirs no folder x");
	cr_expect_eq(t->status, STATUS_ERROR);
}

Test(conformance, what_cannot_run_is_excused_by_a_line_about_that_alone)
{
	struct scenario_result *o = judged(ours), *t = judged(theirs);

	t->status = STATUS_ERROR;
	t->err = &err;
	snprintf(err.text, sizeof(err.text), "no objects");
	document(NULL, 0, NULL);
	agreement_begin(&g, a, &target);
	agreement_add(&g, o, t);
	agreement_end(&g);
	cr_expect_str_eq(agreement_word(&g.rows[0]), "differ");
	cr_expect_eq(g.gone, 0, "nothing is known of what did not run");
	target.n_known = 0;
	document("error", 0, "no o*");
	agreement_begin(&g, a, &target);
	agreement_add(&g, o, t);
	cr_expect_str_eq(agreement_word(&g.rows[0]), "documented");
}

/* ---- variants ---- */

/* Of the first packet of the first step. */
static void swept(struct fixture *f, const char *name, const char *field, const char *actual)
{
	struct scenario_result *res = &f->res;
	struct step_result *s = &res->steps[0];

	res->sweeps = arena_grow(a, res->sweeps, res->n_sweeps, sizeof(*res->sweeps));
	res->sweeps[res->n_sweeps++] = (struct sweep_result){
		.name = name, .status = field ? SWEEP_DIFFERS : SWEEP_SAME, .n_diffs = field != NULL
	};
	if (!field)
		return;
	s->diffs = arena_grow(a, s->diffs, s->n_diffs, sizeof(*s->diffs));
	s->diffs[s->n_diffs++] = (struct difference){ .step = 1,
						      .packet = &f->packets[0],
						      .variant = name,
						      .field = field,
						      .expected = "63",
						      .actual = actual };
	res->status = STATUS_FAILED;
}

static const struct agreement_row *compare_swept(const char *our_value, const char *their_value)
{
	judged(ours);
	judged(theirs);
	swept(ours, "gso", our_value ? "ip.ttl" : NULL, our_value);
	swept(theirs, "gso", their_value ? "ip.ttl" : NULL, their_value);
	agreement_begin(&g, a, &target);
	agreement_add(&g, &ours->res, &theirs->res);
	agreement_end(&g);
	return &g.rows[0];
}

Test(conformance, a_variant_that_changes_one_alone_differs)
{
	const struct agreement_row *r = compare_swept(NULL, "62");

	cr_expect_str_eq(agreement_word(r), "differ");
	cr_expect_eq(r->n_diffs, 1);
	cr_expect_str_eq(first(r),
			 "sweep gso, step 1, packet 3, ip.ttl: ours unchanged, theirs 62 instead "
			 "of 63");
}

Test(conformance, a_variant_that_changes_both_alike_agrees)
{
	cr_expect_str_eq(agreement_word(compare_swept("62", "62")), "agree");
}

Test(conformance, a_line_speaks_of_its_variant_alone)
{
	document("ip.ttl", 1, NULL);
	cr_expect_str_eq(agreement_word(compare_swept(NULL, "62")), "differ",
			 "what is known of the scenario as it is written says nothing here");
}

Test(conformance, a_line_about_a_variant_excuses_it_and_is_gone_when_it_is)
{
	document("ip.ttl", 1, NULL);
	known[0].variant = "gso";
	cr_expect_str_eq(agreement_word(compare_swept(NULL, "62")), "documented");
	cr_expect_eq(theirs->res.status, STATUS_SKIPPED);
	cr_expect(agreement_holds(&g));
}

Test(conformance, what_is_documented_of_a_variant_is_gone_where_that_ran_alone)
{
	document("ip.ttl", 1, NULL);
	known[0].variant = "gso";
	compare_swept(NULL, NULL);
	cr_expect_eq(g.gone, 1);
	known[0].variant = "seeds";
	agreement_begin(&g, a, &target);
	agreement_add(&g, &ours->res, &theirs->res);
	agreement_end(&g);
	cr_expect_eq(g.gone, 0, "no other seed was tried");
	swept(theirs, "seed 7", NULL, NULL);
	agreement_begin(&g, a, &target);
	agreement_add(&g, &ours->res, &theirs->res);
	agreement_end(&g);
	cr_expect_eq(g.gone, 1);
}

/* ---- for machines ---- */

Test(conformance, tap_has_a_point_a_row_and_one_for_what_is_gone)
{
	struct buf text = BUF_INIT;
	unsigned n = 4;

	fixture_drop(theirs, 1);
	document("at", 0, NULL);
	compare();
	agreement_print_tap(&text, &g, &n);
	cr_expect_eq(n, 6);
	cr_expect(text_has(buf_str(&text), "not ok 5 - " SCENARIO " (testrun) as on other\n"));
	cr_expect(
		text_has(buf_str(&text), "not ok 6 - documented differences of other are there\n"));
	buf_free(&text);
}

Test(conformance, junit_counts_rows_and_failures)
{
	struct buf text = BUF_INIT;
	unsigned tests, failures;

	fixture_drop(theirs, 1);
	compare();
	agreement_print_junit(&text, &g, "2026-01-01T00:00:00", &tests, &failures);
	cr_expect_eq(tests, 2);
	cr_expect_eq(failures, 1);
	cr_expect(text_has(buf_str(&text), "<failure type=\"agreement\""));
	buf_free(&text);
}

Test(conformance, json_is_as_its_schema_says)
{
	char *path = file_join(a, files_source_root(), "reports/schema.json"), text[1024] = "";
	json_error_t why;
	json_t *schema = json_load_file(path, 0, &why), *o;

	cr_assert(schema, "%s", why.text);
	fixture_drop(theirs, 1);
	document("outcome", 0, NULL);
	document("at", 0, NULL);
	compare();
	o = agreement_json(&g);
	cr_expect(schema_valid(schema,
			       json_object_get(json_object_get(schema, "$defs"), "agreement"), o,
			       "agreement", text, sizeof(text)),
		  "%s", text);
	cr_expect_eq(json_array_size(json_object_get(o, "gone")), 1);
	json_decref(o);
	json_decref(schema);
}

/* ---- what is documented ---- */

static struct target_desc *cilium(void)
{
	char *path = file_join(a, files_source_root(), "fixtures/targets/cilium-1.19.yaml");
	struct target_desc *d = NULL;

	cr_assert_eq(target_desc_load(path, &d, &err), 0, "%s", err.text);
	return d;
}

Test(conformance, documented_scenarios_exist)
{
	struct target_desc *d = cilium();

	cr_expect_gt(d->n_known, 20);
	for (size_t i = 0; i < d->n_known; i++) {
		const char *path = arena_printf(a, "%s/scenarios/%s/scenario.yaml",
						files_source_root(), d->known[i].scenario);

		cr_expect_eq(access(path, R_OK), 0, "%s:%d: no scenario %s", d->known[i].loc.file,
			     d->known[i].loc.line, d->known[i].scenario);
	}
	target_desc_free(d);
}

/* VERDICT_WRITE_DOCS=1 writes it anew. */
Test(conformance, docs_have_the_table_of_the_targets_file)
{
	static const char mark[] = "a unit test holds this table against it. -->\n\n";
	char *path = file_join(a, files_source_root(), "docs/conformance.md"), *text, *table;
	struct target_desc *d = cilium();
	struct buf made = BUF_INIT;

	cr_assert_eq(file_read(a, path, &text, NULL, &err), 0, "%s", err.text);
	table = strstr(text, mark);
	cr_assert(table, "docs/conformance.md has lost the line before its table");
	table += strlen(mark);
	buf_add(&made, text, (size_t)(table - text));
	agreement_print_documented(&made, d);
	if (getenv("VERDICT_WRITE_DOCS"))
		cr_assert_eq(file_write(path, made.data, made.len, &err), 0, "%s", err.text);
	else
		cr_expect_str_eq(text, buf_str(&made),
				 "docs/conformance.md is not what the target's file says; run this "
				 "test with VERDICT_WRITE_DOCS=1 and look at the difference");
	buf_free(&made);
	target_desc_free(d);
}

/* ---- objects by their settings ---- */

static struct settings_found find(const char *folder)
{
	static struct node_define list[] = {
		{ "ENABLE_IPV4", "1", false },
		{ "IPV4_MAP_SIZE", "5", true },
		{ "MAC", "{ .addr = { 0x02, 0x0a } }", false },
		{ "MONITOR_AGGREGATION", "3", false },
		{ "TUNNEL_MODE", NULL, false },
	};
	struct node_defines wanted = { list, 5 };
	struct settings_found found;

	target.objects_settings = "node_config.h";
	cr_assert_eq(target_settings_find(a, &target, folder, &wanted, &found, &err), 0, "%s",
		     err.text);
	return found;
}

#define FITS                                                                                       \
	"#define ENABLE_IPV4\t1\n # define MAC {.addr={0x2,0xA}}\n#define MONITOR_AGGREGATION "    \
	"0x3\n"

Test(conformance, the_folder_is_taken_whose_settings_fit)
{
	struct settings_found found;

	files_enter();
	files_write("objects/a/node_config.h", "#define ENABLE_IPV4 1\n");
	files_write("objects/b/node_config.h", FITS "#define IPV4_MAP_SIZE 9\n");
	files_write("objects/c/other.h", FITS);
	found = find("objects");
	cr_expect_str_eq(found.folder, "objects/b");
	cr_expect_null(found.otherwise);
	files_leave();
}

Test(conformance, settings_may_lie_in_several_headers)
{
	files_enter();
	files_write("objects/node_config.h", "#define ENABLE_IPV4 1\n#define MAC {.addr={2,10}}\n");
	files_write("objects/ep_config.h", "#define MONITOR_AGGREGATION 3\n");
	cr_expect_null(find("objects").otherwise);
	files_leave();
}

Test(conformance, the_nearest_is_taken_and_what_differs_is_told)
{
	struct settings_found found;

	files_enter();
	files_write("objects/a/node_config.h", "#define NOTHING 1\n");
	files_write("objects/b/node_config.h",
		    FITS "#define MONITOR_AGGREGATION 5\n#define ENABLE_DSR 1\n");
	found = find("objects");
	cr_expect_str_eq(found.folder, "objects/b");
	cr_expect_str_eq(
		found.otherwise,
		"MONITOR_AGGREGATION is 5 (the node: 3), ENABLE_DSR is set (the node: not)");
	files_leave();
}

Test(conformance, what_a_node_has_not_set_must_not_be_set)
{
	struct settings_found found;

	files_enter();
	files_write("objects/a/node_config.h", FITS "#define TUNNEL_MODE 1\n");
	found = find("objects");
	cr_expect_str_eq(found.otherwise, "TUNNEL_MODE is set (the node: not)");
	files_write("objects/b/node_config.h", FITS);
	found = find("objects");
	cr_expect_str_eq(found.folder, "objects/b");
	cr_expect_null(found.otherwise);
	files_leave();
}

Test(conformance, objects_without_a_header_are_a_last_resort)
{
	struct settings_found found;

	files_enter();
	files_write("objects/bpf_lxc.o", "");
	found = find("objects");
	cr_expect_str_eq(found.folder, "objects");
	cr_expect(text_has(found.otherwise, "no node_config.h"));
	files_leave();
}
