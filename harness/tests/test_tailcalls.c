/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tail calls: slots from tags, wired after the load, alive after the process that wired them. */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <unistd.h>

#include "bpf_source.h"
#include "own_arena.h"
#include "target/object.h"
#include "target/tailcalls.h"

/* Slot 3 is tagged, slot 5 is not: the call misses and the program falls through. */
#define TWO_PROGRAMS(tag)                                                                          \
	BPF_PRELUDE "static long (*tail_call)(void *, void *, __u32) = (void *)12;\n"              \
		    "struct { __uint(type, 3); __uint(max_entries, 8);\n"                          \
		    "	__uint(key_size, 4); __uint(value_size, 4); } calls SEC(\".maps\");\n"       \
		    "SEC(\"tc\") __attribute__((btf_decl_tag(\"" tag "\")))\n"                     \
		    "int tail_target(void *ctx) { return 7; }\n"                                   \
		    "SEC(\"tc\") int entry(void *ctx)\n"                                           \
		    "{ tail_call(ctx, &calls, 3); return 1; }\n"                                   \
		    "SEC(\"tc\") int entry_missing(void *ctx)\n"                                   \
		    "{ tail_call(ctx, &calls, 5); return 2; }\n"

TestSuite(tailcalls, .init = set_up, .fini = tear_down);

static int load(const char *name, const char *source, const char *pin_dir, struct object **o)
{
	struct object_opts opts = {
		.path = compile_for(arena, "bpf", "-g", name, source),
		.pin_dir = pin_dir,
	};

	if (pin_dir)
		cr_assert_eq(file_mkdir_p(pin_dir, err), 0, "%s", err->text);
	return object_load(&opts, o, err);
}

static unsigned run(const struct object *o, const char *program)
{
	unsigned char packet[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet));
	int fd = object_program_fd(o, program, err);

	cr_assert_geq(fd, 0, "%s", err->text);
	cr_assert_eq(bpf_prog_test_run_opts(fd, &opts), 0);
	return opts.retval;
}

Test(tailcalls, a_tagged_program_is_called_through_its_slot_and_no_other)
{
	struct object *o;

	NEEDS_ROOT();
	cr_assert_eq(load("tagged", TWO_PROGRAMS("tail:calls/3"), NULL, &o), 0, "%s", err->text);
	cr_assert_eq(run(o, "entry"), 7);
	cr_assert_eq(run(o, "entry_missing"), 2, "slot 5 is empty");
	cr_expect(access("(null)", F_OK), "without a folder for pins none is made");
	object_free(o);
}

Test(tailcalls, the_array_outlives_the_process_that_filled_it)
{
	const char *dir = SANDBOX_BPFFS "/tail/globals";
	uint32_t slot = 3, id = 0;
	struct object *o;
	int array;

	NEEDS_ROOT();
	cr_assert_eq(load("kept", TWO_PROGRAMS("tail:calls/3"), dir, &o), 0, "%s", err->text);
	object_free(o);
	array = bpf_obj_get(SANDBOX_BPFFS "/tail/globals/calls_kept_1");
	cr_assert_geq(array, 0);
	cr_assert_eq(bpf_map_lookup_elem(array, &slot, &id), 0, "the slot was emptied");
	cr_assert_neq(id, 0);
	close(array);
}

Test(tailcalls, an_older_array_stays_until_the_new_programs_are_attached)
{
	const char *first = SANDBOX_BPFFS "/tail/globals/calls_again_1";
	const char *second = SANDBOX_BPFFS "/tail/globals/calls_again_2";
	const char *dir = SANDBOX_BPFFS "/tail/globals";
	struct object *was, *is;

	NEEDS_ROOT();
	cr_assert_eq(load("again", TWO_PROGRAMS("tail:calls/3"), dir, &was), 0, "%s", err->text);
	object_free(was);
	cr_assert_eq(load("again", TWO_PROGRAMS("tail:calls/3"), dir, &is), 0, "%s", err->text);
	cr_assert_eq(access(first, F_OK), 0);
	cr_assert_eq(access(second, F_OK), 0);
	cr_assert_eq(object_finish_migration(is, err), 0, "%s", err->text);
	cr_assert_neq(access(first, F_OK), 0);
	cr_assert_eq(access(second, F_OK), 0);
	object_free(is);
}

Test(tailcalls, a_tag_that_names_no_slot_is_an_input_error)
{
	static const struct {
		const char *name, *tag, *says;
	} cases[] = {
		{ "syntax", "tail:calls", "names no tail-call slot" },
		{ "number", "tail:calls/x", "names no tail-call slot" },
		{ "map", "tail:kalls/3", "has no prog array kalls" },
		{ "range", "tail:calls/8", "past the 8 slots of calls" },
	};

	NEEDS_ROOT();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *source = NULL;
		struct object *o;

		switch (i) {
		case 0:
			source = TWO_PROGRAMS("tail:calls");
			break;
		case 1:
			source = TWO_PROGRAMS("tail:calls/x");
			break;
		case 2:
			source = TWO_PROGRAMS("tail:kalls/3");
			break;
		case 3:
			source = TWO_PROGRAMS("tail:calls/8");
			break;
		}
		cr_assert_neq(load(cases[i].name, source, NULL, &o), 0, "%s", cases[i].tag);
		cr_assert_eq(err->kind, ERR_INPUT);
		cr_assert_not_null(strstr(err->text, cases[i].says), "%s", err->text);
	}
}

Test(tailcalls, other_tags_are_left_alone)
{
	struct object *o;

	NEEDS_ROOT();
	cr_assert_eq(load("other", TWO_PROGRAMS("kflag:whatever"), NULL, &o), 0, "%s", err->text);
	cr_assert_eq(run(o, "entry"), 1);
	object_free(o);
}
