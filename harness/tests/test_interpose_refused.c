/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Programs that the verifier takes only as shipped run so, and are named; the rest stays interposed. */
#include "interposed.h"

/* Eight frames, as many as the kernel allows: a helper called at the deepest place cannot become a
 * subprogram. (Where the stack is full it can, as 6.18 counts: frames that use none of it cost none.)
 */
#define DEEP(name, result)                                                                         \
	"#define FRAME(n, next) static __attribute__((noinline)) \\\n"                             \
	"	__u64 " name "_##n(__u64 v) { return next; }\n"                                    \
	"FRAME(7, " result " + v)\n"                                                               \
	"FRAME(6, " name "_7(v) * 3) FRAME(5, " name "_6(v) * 3) FRAME(4, " name "_5(v) * 3)\n"    \
	"FRAME(3, " name "_4(v) * 3) FRAME(2, " name "_3(v) * 3) FRAME(1, " name "_2(v) * 3)\n"    \
	"SEC(\"tc\") int " name "(int *ctx) { return (int)" name "_1(*ctx) & 1; }\n"               \
	"#undef FRAME\n"
#define MODEST	 "SEC(\"tc\") int modest(void *ctx) { put(0, ktime()); return redirect(3, 0); }\n"
#define TOO_DEEP "(the call stack of 9 frames is too deep)"

static const char deep_redirect[] = BPF_PRELUDE BPF_HELPERS MODEST DEEP("deep", "redirect(4, 0)");
static const char deep_clock[] = BPF_PRELUDE BPF_HELPERS MODEST DEEP("deep", "ktime()");
static const char two_deep[] = BPF_PRELUDE BPF_HELPERS DEEP("deep", "redirect(4, 0)")
	MODEST DEEP("later", "redirect(5, 0)");

static const char wrong[] = BPF_PRELUDE BPF_HELPERS MODEST
	"SEC(\"tc\") int wrong(void *ctx) { return redirect(4, 0) + *(int *)(ktime() + 8); }\n";

struct lines {
	unsigned warnings, retries;
	char last[512];
};

static void take_line(void *arg, const char *line)
{
	struct lines *l = arg;

	if (strncmp(line, "level=warning msg=\"Program does not load", 39) == 0) {
		l->warnings++;
		snprintf(l->last, sizeof(l->last), "%s", line);
	}
	l->retries += strstr(line, "loading again with it as shipped") != NULL;
}

static struct interposed_object load(const char *name, const char *source, struct lines *lines)
{
	struct interposed_object o;

	*lines = (struct lines){ 0 };
	o = interposed_load(name, source,
			    (struct object_opts){ .log = take_line, .log_arg = lines }, true);
	helper_env_set_clock(o.env, 5);
	return o;
}

static size_t notes_of(const struct interposed_object *o, const char *program)
{
	size_t n, lost;

	interposed_run(o, program);
	helper_env_notes(o->env, &n, &lost);
	return n;
}

static void expect_pristine(const struct interposed_object *o, size_t at, const char *is)
{
	size_t n;
	const char *const *pristine = object_pristine_programs(o->object, &n);

	cr_assert_lt(at, n, "%zu programs as shipped", n);
	cr_expect_str_eq(pristine[at], is);
}

static bool is_real(uint64_t t, uint64_t before)
{
	return t >= before && t <= monotonic();
}

Test(interpose_refused, one_program_runs_as_shipped_and_the_other_stays_interposed)
{
	struct interposed_object o;
	struct lines lines;
	size_t n;

	NEEDS_ROOT();
	o = load("deep_redirect", deep_redirect, &lines);
	expect_pristine(&o, 0, "deep " TOO_DEEP);
	object_pristine_programs(o.object, &n);
	cr_expect_eq(n, 1);
	cr_expect(!object_program_interposed(o.object, "deep"));
	cr_expect(object_program_interposed(o.object, "modest"));
	cr_expect_eq(notes_of(&o, "deep"), 0);
	cr_expect_eq(notes_of(&o, "modest"), 1);
	cr_expect(!object_pristine(o.object), "no clock is involved");
	cr_expect_eq(interposed_slot(&o, 0), 5, "time stays virtual");
	cr_expect_eq(object_interposed(o.object), 2);
	interposed_free(&o);
}

Test(interpose_refused, it_is_said_in_one_line_a_program)
{
	struct interposed_object o;
	struct lines lines;

	NEEDS_ROOT();
	o = load("two_deep", two_deep, &lines);
	cr_expect_eq(lines.warnings, 2);
	cr_expect_eq(lines.retries, 2);
	cr_expect(strstr(lines.last, "program=later error=\"the call stack"), "%s", lines.last);
	cr_expect(!strstr(lines.last, "time is real"), "%s", lines.last);
	expect_pristine(&o, 0, "deep " TOO_DEEP);
	expect_pristine(&o, 1, "later " TOO_DEEP);
	interposed_free(&o);
}

Test(interpose_refused, a_second_load_does_not_try_again)
{
	struct interposed_object first, second;
	struct lines lines;

	NEEDS_ROOT();
	first = load("two_deep", two_deep, &lines);
	second = load("two_deep", two_deep, &lines);
	cr_expect_eq(lines.retries, 0);
	cr_expect_eq(lines.warnings, 2, "but it is said again");
	expect_pristine(&second, 0, "later " TOO_DEEP);
	cr_expect_eq(notes_of(&second, "deep"), 0);
	cr_expect_eq(notes_of(&second, "modest"), 1);
	interposed_free(&first);
	interposed_free(&second);
}

/* Programs of one object compare times that others of it wrote down. */
Test(interpose_refused, where_it_asks_for_the_time_time_is_real_for_the_whole_object)
{
	struct interposed_object o;
	struct lines lines;
	uint64_t before;

	NEEDS_ROOT();
	o = load("deep_clock", deep_clock, &lines);
	cr_expect(object_pristine(o.object));
	cr_expect(strstr(lines.last, "time is real for its object"), "%s", lines.last);
	before = monotonic();
	cr_expect_eq(notes_of(&o, "modest"), 1, "redirects are noted as ever");
	cr_expect(is_real(interposed_slot(&o, 0), before));
	cr_expect_eq(object_interposed(o.object), 1);
	interposed_free(&o);
}

Test(interpose_refused, what_does_not_load_as_shipped_either_is_the_error)
{
	struct object_opts opts = { .pin_dir = SANDBOX_BPFFS "/interposed", .log = take_line };
	struct arena *a = arena_new();
	struct err err = { 0 };
	struct object *o;
	struct lines lines = { 0 };

	NEEDS_ROOT();
	opts.path = compile_bpf(a, "wrong", wrong);
	opts.log_arg = &lines;
	cr_assert_eq(helper_env_new(&opts.env, &err), 0, "%s", err.text);
	cr_expect_neq(object_load(&opts, &o, &err), 0);
	cr_expect(strstr(err.text, "the kernel rejects program wrong"), "%s", err.text);
	cr_expect_eq(lines.retries, 1);
	cr_expect_eq(lines.warnings, 0);
	helper_env_free(opts.env);
	arena_free(a);
}

Test(interpose_refused, programs_of_types_that_cannot_be_hooked_are_named)
{
	static const char lookup[] = BPF_PRELUDE BPF_HELPERS MODEST
		"SEC(\"sk_lookup\") int lookup(void *ctx) { return ktime() > 5; }\n"
		"SEC(\"sk_lookup\") int pass(void *ctx) { return 1; }\n";
	struct interposed_object o;
	struct lines lines;
	size_t n;

	NEEDS_ROOT();
	o = load("lookup", lookup, &lines);
	object_pristine_programs(o.object, &n);
	cr_assert_eq(n, 1);
	expect_pristine(&o, 0, "lookup (programs of type sk_lookup cannot be interposed)");
	cr_expect_eq(lines.warnings, 1);
	cr_expect(!object_program_interposed(o.object, "lookup"));
	cr_expect_eq(notes_of(&o, "modest"), 1);
	cr_expect_eq(interposed_slot(&o, 0), 5);
	interposed_free(&o);
}
