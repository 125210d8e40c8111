/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Of an object of which only some programs are attached, those are loaded that they can reach. */
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <string.h>

#include "bpf_source.h"
#include "target/object.h"

#define TAIL(n) "__attribute__((btf_decl_tag(\"tail:" n "\"))) "

static const char source[] = BPF_PRELUDE
	"static long (*tail_call)(void *, void *, __u32) = (void *)12;\n"
	"struct array { __uint(type, 3); __uint(max_entries, 8); __uint(key_size, 4);\n"
	"	__uint(value_size, 4); };\n"
	"struct array calls SEC(\".maps\");\n"
	"struct array others SEC(\".maps\");\n"
	"struct { __uint(type, 3); __uint(max_entries, 8); __uint(key_size, 4);\n"
	"	__uint(value_size, 4); __uint(pinning, 1); } shared SEC(\".maps\");\n"
	"struct __sk_buff { __u32 len, pkt_type, mark; };\n"
	"__attribute__((noinline)) int leap(struct __sk_buff *ctx)\n"
	"{ tail_call(ctx, &calls, 3); return 1; }\n"
	"SEC(\"tc\") " TAIL(
		"calls/3") "int three(void *ctx) { return 33; }\n"
			   "SEC(\"tc\") " TAIL(
				   "calls/5") "int five(void *ctx)\n"
					      "{ tail_call(ctx, &others, 1); return 55; }\n"
					      "SEC(\"tc\") " TAIL(
						      "others/1") "int other(void *ctx) { return "
								  "11; }\n"
								  "SEC(\"tc\") " TAIL(
									  "shared/2") "int "
										      "for_all("
										      "void *ctx) "
										      "{ return "
										      "22; }\n"
										      "SEC(\"tc\") "
										      "int "
										      "by_function("
										      "struct "
										      "__sk_buff "
										      "*ctx) { "
										      "return "
										      "leap(ctx) + "
										      "1; }\n"
										      "SEC(\"tc\") "
										      "int "
										      "by_five("
										      "void *ctx) "
										      "{ "
										      "tail_call("
										      "ctx, "
										      "&calls, 5); "
										      "return 1; "
										      "}\n"
										      "SEC(\"tc\") "
										      "int "
										      "by_mark("
										      "struct "
										      "__sk_buff "
										      "*ctx)\n"
										      "{ "
										      "tail_call("
										      "ctx, "
										      "&calls, "
										      "ctx->mark); "
										      "return 1; "
										      "}\n"
										      "SEC(\"tc\") "
										      "int "
										      "by_choice("
										      "struct "
										      "__sk_buff "
										      "*ctx)\n"
										      "{ if "
										      "(ctx->mark "
										      "> 4) "
										      "tail_call("
										      "ctx, "
										      "&others, "
										      "4);\n"
										      "  "
										      "tail_call("
										      "ctx, "
										      "&calls, "
										      "ctx->len > "
										      "100 ? 3 : "
										      "6); return "
										      "1; }\n"
										      "SEC(\"tc\") "
										      "int "
										      "alone(void "
										      "*ctx) { "
										      "return 1; "
										      "}\n";

#define PINS SANDBOX_BPFFS "/reach"

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

TestSuite(reach, .init = set_up, .fini = tear_down);

static const char *compiled(const char *name)
{
	cr_assert_eq(file_mkdir_p(PINS, &err), 0, "%s", err.text);
	return compile_bpf(arena, name, source);
}

static bool is_loaded(const struct object *o, const char *program)
{
	return object_program_fd(o, program, &err) >= 0;
}

/* `loaded`: the names of those that are, with a space behind each. */
static void check(const char *path, const char *only, const char *loaded)
{
	static const char *const all[] = { "three",   "five",	 "other",     "by_function",
					   "by_five", "by_mark", "by_choice", "alone" };
	struct object_opts opts = { .path = path, .only = &only, .n_only = 1, .pin_dir = PINS };
	struct object *o;

	cr_assert_eq(object_load(&opts, &o, &err), 0, "%s", err.text);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		const char *word = arena_printf(arena, "%s ", all[i]);

		cr_expect_eq(is_loaded(o, all[i]), strstr(loaded, word) != NULL,
			     "with %s attached, %s", only, all[i]);
	}
	object_free(o);
}

Test(reach, what_is_attached_is_loaded_with_what_it_may_tail_call_and_nothing_else)
{
	const char *path;

	NEEDS_ROOT();
	path = compiled("reach");
	check(path, "alone", "alone ");
	check(path, "by_function", "by_function three ");
	check(path, "by_five", "by_five five other ");
	check(path, "by_mark", "by_mark three five other ");
	/* the slot is one of two: the instructions do not say which, so it may be any of the array */
	check(path, "by_choice", "by_choice three five other ");
}

Test(reach, a_slot_that_is_reached_is_filled)
{
	unsigned char packet[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = packet, .data_size_in = sizeof(packet));
	const char *only = "by_five";
	struct object_opts opts = { .only = &only, .n_only = 1, .pin_dir = PINS };
	struct object *o;

	NEEDS_ROOT();
	opts.path = compiled("filled");
	cr_assert_eq(object_load(&opts, &o, &err), 0, "%s", err.text);
	cr_assert_eq(bpf_prog_test_run_opts(object_program_fd(o, only, &err), &run), 0);
	cr_expect_eq(run.retval, 11, "five is called, and calls other");
	object_free(o);
}

Test(reach, an_array_that_is_pinned_is_called_by_others_too)
{
	const char *only = "alone";
	struct object_opts opts = { .only = &only, .n_only = 1, .pin_dir = PINS };
	struct object *o;

	NEEDS_ROOT();
	opts.path = compiled("pinned");
	cr_assert_eq(object_load(&opts, &o, &err), 0, "%s", err.text);
	cr_expect(is_loaded(o, "for_all"));
	cr_expect_not(is_loaded(o, "three"));
	object_free(o);
}
