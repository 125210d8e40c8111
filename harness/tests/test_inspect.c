/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `verdict inspect`: its figures beside bpftool's, its JSON beside the source of an object. */
#include <glob.h>
#include <jansson.h>

#include "bpf_source.h"
#include "json_schema.h"
#include "target/figures.h"

static struct arena *arena;
static struct err err;

static void set_up(void)
{
	arena = arena_new();
}

static void tear_down(void)
{
	arena_free(arena);
}

TestSuite(inspect, .init = set_up, .fini = tear_down, .timeout = 60);

static json_t *json_of(const char *const argv[])
{
	struct buf out = BUF_INIT;
	json_error_t where;
	json_t *root;

	cr_assert_eq(run_tool(argv, -1, NULL, &out, 60, &err), 0, "%s", err.text);
	root = json_loads(buf_str(&out), 0, &where);
	cr_assert(root, "%s: line %d: %s", argv[0], where.line, where.text);
	buf_free(&out);
	return root;
}

static json_t *inspected(const char *path)
{
	const char *env = getenv("VERDICT");
	const char *const argv[] = { env ? env : "build/verdict", "inspect", "--json", path, NULL };

	return json_of(argv);
}

/* The element of a list whose "name" it is. */
static const json_t *named(const json_t *root, const char *list, const char *name)
{
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(root, list), i, item)
	{
		const char *its = json_string_value(json_object_get(item, "name"));

		if (its && strcmp(its, name) == 0)
			return item;
	}
	cr_assert_fail("%s has no %s", list, name);
	return NULL;
}

static json_int_t number(const json_t *o, const char *key)
{
	cr_assert(json_is_integer(json_object_get(o, key)), "no number %s", key);
	return json_integer_value(json_object_get(o, key));
}

static const char *word(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "(none)";
}

/* Loads all of it by bpftool; its programs lie pinned under the folder. */
static const char *loaded_by_bpftool(const char *path)
{
	const char *dir = arena_printf(arena, SANDBOX_BPFFS "/by-bpftool");
	const char *const clean[] = { "rm", "-rf", dir, NULL };
	const char *const argv[] = { "bpftool", "prog", "loadall", path, dir, NULL };

	cr_assert_eq(run_tool(clean, -1, NULL, NULL, 10, &err), 0, "%s", err.text);
	cr_assert_eq(run_tool(argv, -1, NULL, NULL, 60, &err), 0, "%s", err.text);
	return dir;
}

static void same_as_bpftool(const char *path)
{
	const char *dir = loaded_by_bpftool(path);
	json_t *ours = inspected(path);
	const json_t *p;
	size_t i, n = 0;

	json_array_foreach(json_object_get(ours, "programs"), i, p)
	{
		const json_t *f = json_object_get(p, "verifier");
		const char *pin = arena_printf(arena, "%s/%s", dir, word(p, "name"));
		const char *const argv[] = { "bpftool", "-j", "prog", "show", "pinned", pin, NULL };
		json_t *theirs;

		if (json_is_true(json_object_get(p, "subprogram")))
			continue;
		theirs = json_of(argv);
		cr_expect_eq(number(f, "xlated_bytes"), number(theirs, "bytes_xlated"), "%s", pin);
		cr_expect_eq(number(f, "jited_bytes"), number(theirs, "bytes_jited"), "%s", pin);
		/* the log's number beside the one the kernel keeps */
		cr_expect_eq(number(f, "insns_processed"), number(f, "verified_insns"), "%s", pin);
		cr_expect_gt(number(f, "insns_processed"), 0);
		cr_expect_gt(json_array_size(json_object_get(f, "stack_bytes")), 0);
		json_decref(theirs);
		n++;
	}
	cr_expect_gt(n, 0, "%s has no program", path);
	json_decref(ours);
}

static void need_bpftool(void)
{
	if (!tool_exists("bpftool"))
		cr_skip_test("needs bpftool");
}

Test(inspect, sizes_of_our_object_are_those_bpftool_shows)
{
	NEEDS_ROOT();
	need_bpftool();
	same_as_bpftool("build/bpf/bpf_host.o");
}

Test(inspect, sizes_of_libxdps_objects_are_those_bpftool_shows)
{
	glob_t found = { 0 };

	NEEDS_ROOT();
	need_bpftool();
	if (glob("/usr/lib/*/bpf/xdpfilt_*.o", 0, NULL, &found))
		cr_skip_test("needs the objects of libxdp1");
	for (size_t i = 0; i < found.gl_pathc; i++)
		same_as_bpftool(found.gl_pathv[i]);
	globfree(&found);
}

/* The lines are the kernel's print_verification_stats(). */
Test(inspect, the_verifiers_statistics_are_read_and_other_lines_are_not)
{
	struct figures f = { 0 };

	figures_parse(arena,
		      "func#0 @0\nverification time 1234 usec\nstack depth 64+0+32\n"
		      "processed 4294967297 insns (limit 1000000) max_states_per_insn 4 "
		      "total_states 71 peak_states 68 mark_read 9\n",
		      &f);
	cr_expect(f.has_stats && f.usec == 1234 && f.processed == 4294967297ULL);
	cr_expect(f.states_per_insn == 4 && f.total_states == 71 && f.peak_states == 68);
	cr_expect_str_eq(f.stack, "64+0+32");
	f = (struct figures){ 0 };
	figures_parse(arena, "processed x insns\nprocessed 7 insns (limit", &f);
	cr_expect(!f.has_stats && !f.stack);
	figures_parse(arena, "", &f);
	cr_expect(!f.has_stats);
}

static const char odd[] = BPF_PRELUDE
	"struct key { __be32 address; __u16 port; __u16 pad; };\n"
	"struct { __uint(type, 1); __uint(max_entries, 7); __type(key, struct key);\n"
	"	 __type(value, __u64); __uint(pinning, 16); } t SEC(\".maps\");\n"
	"int second(void *ctx);\n"
	"struct { __uint(type, 3); __uint(max_entries, 4); __uint(key_size, 4);\n"
	"	 __array(values, int(void *)); } calls SEC(\".maps\") = { .values = { [2] = second "
	"} };\n"
	"__attribute__((btf_decl_tag(\"Seconds it lives\")))\n"
	"const volatile __u32 lifetime SEC(\".rodata.config\") = 42;\n"
	"static __attribute__((noinline)) int help(struct key *k) { void *v = map_lookup(&t, k);\n"
	"	return v ? *(int *)v : 1; }\n"
	"SEC(\"tc\") static int first(void *ctx) { struct key k = { .port = lifetime };\n"
	"	return help(&k); }\n"
	"SEC(\"tc\") int second(void *ctx) { return 2; }\n";

/* Outside the sandbox's folders, which the program under test covers with its own. */
static json_t *inspect_odd(void)
{
	const char *made = compile_bpf(
		arena, "odd", arena_printf(arena, "#define __array(n, v) typeof(v) *n[]\n%s", odd));
	const char *path = arena_printf(arena, "/tmp/verdict-inspect-%d.o", (int)getpid());
	const char *const argv[] = { "cp", made, path, NULL };
	json_t *root;

	cr_assert_eq(run_tool(argv, -1, NULL, NULL, 10, &err), 0, "%s", err.text);
	root = inspected(path);
	unlink(path);
	return root;
}

Test(inspect, programs_are_told_with_section_type_helpers_and_what_was_changed)
{
	json_t *root;
	const json_t *p, *c;

	NEEDS_ROOT();
	root = inspect_odd();
	p = named(root, "programs", "first");
	cr_expect_str_eq(word(p, "type"), "sched_cls");
	cr_expect_str_eq(word(p, "section"), "tc");
	cr_expect(json_is_false(json_object_get(p, "subprogram")));
	p = named(root, "programs", "help");
	cr_expect(json_is_true(json_object_get(p, "subprogram")));
	cr_expect_str_eq(json_string_value(json_array_get(json_object_get(p, "helpers"), 0)),
			 "map_lookup_elem");
	cr_expect_eq(json_array_size(json_object_get(root, "changes")), 2);
	for (size_t i = 0; i < 2; i++) {
		c = json_array_get(json_object_get(root, "changes"), i);
		cr_expect(!strcmp(word(c, "where"), "t") || !strcmp(word(c, "where"), "first"));
	}
	cr_expect(json_is_true(json_object_get(json_object_get(root, "load"), "ok")));
	json_decref(root);
}

Test(inspect, maps_constants_and_slots_are_told_as_the_source_has_them)
{
	json_t *root;
	const json_t *o;

	NEEDS_ROOT();
	root = inspect_odd();
	o = named(root, "maps", "t");
	cr_expect_str_eq(word(o, "type"), "hash");
	cr_expect_str_eq(word(o, "key_type"), "struct key");
	cr_expect_str_eq(word(o, "value_type"), "__u64");
	cr_expect(number(o, "key_size") == 8 && number(o, "value_size") == 8);
	cr_expect(number(o, "max_entries") == 7 && number(o, "pinning") == 16);
	o = named(root, "variables", "lifetime");
	cr_expect_str_eq(word(o, "default"), "42");
	cr_expect_str_eq(word(o, "type"), "__u32");
	cr_expect_str_eq(json_string_value(json_array_get(json_object_get(o, "tags"), 0)),
			 "Seconds it lives");
	o = json_array_get(json_object_get(root, "tail_calls"), 0);
	cr_expect_str_eq(word(o, "map"), "calls");
	cr_expect_str_eq(word(o, "program"), "second");
	cr_expect_eq(number(o, "index"), 2);
	json_decref(root);
}

/* ---- reports/inspect.schema.json ---- */

static json_t *load_schema(void)
{
	json_error_t e;
	json_t *schema = json_load_file("reports/inspect.schema.json", JSON_REJECT_DUPLICATES, &e);

	cr_assert(schema != NULL, "%s: run the tests at the top of the tree", e.text);
	return schema;
}

static void expect_valid(json_t *schema, json_t *doc, const char *what)
{
	char why[1024] = "";

	cr_expect(schema_valid(schema, schema, doc, "", why, sizeof(why)), "%s: %s", what, why);
	json_decref(doc);
}

Test(inspect, json_is_what_the_schema_says)
{
	json_t *schema = load_schema();
	glob_t found = { 0 };

	NEEDS_ROOT();
	expect_valid(schema, inspect_odd(), "odd.o");
	expect_valid(schema, inspected("build/bpf/bpf_host.o"), "bpf_host.o");
	if (glob("/usr/lib/*/bpf/xdp*.o", 0, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++) {
			const char *const argv[] = { "build/verdict", "inspect",	 "--json",
						     "--no-load",     found.gl_pathv[i], NULL };

			expect_valid(schema, json_of(argv), found.gl_pathv[i]);
		}
	globfree(&found);
	json_decref(schema);
}

Test(inspect, the_schema_refuses_a_field_missing_or_too_many)
{
	json_t *schema = load_schema(), *doc, *program = NULL;
	char why[1024];

	NEEDS_ROOT();
	doc = inspected("build/bpf/bpf_host.o");
	for (size_t i = 0; !json_is_object(json_object_get(program, "verifier")); i++)
		program = json_array_get(json_object_get(doc, "programs"), i);
	json_object_set_new(program, "insn", json_integer(1));
	cr_expect(!schema_valid(schema, schema, doc, "", why, sizeof(why)));
	json_object_del(program, "insn");
	cr_expect(schema_valid(schema, schema, doc, "", why, sizeof(why)), "%s", why);
	json_object_del(json_object_get(program, "verifier"), "verified_insns");
	cr_expect(!schema_valid(schema, schema, doc, "", why, sizeof(why)));
	json_decref(doc);
	json_decref(schema);
}
