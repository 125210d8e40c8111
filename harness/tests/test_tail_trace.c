/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tail calls are seen, and lead where they led. */
#include <errno.h>
#include <linux/bpf.h>

#include "interposed.h"
#include "target/tail_trace.h"

#define CALLS(name, n)                                                                             \
	"struct { __uint(type, 3); __uint(max_entries, " n "); __type(key, __u32);\n"              \
	"	 __type(value, __u32); } " name " SEC(\".maps\");\n"
#define CHAIN                                                                                      \
	"static long (*tail_call)(void *, void *, __u32) = (void *)12;\n"                          \
	"struct { __uint(type, 2); __uint(max_entries, 1); __type(key, __u32);\n"                  \
	"	 __type(value, __u64); } left SEC(\".maps\");\n"                                         \
	"static __attribute__((noinline)) __u64 count_down(void) { __u32 zero = 0;\n"              \
	"	__u64 *n = map_lookup(&left, &zero); return n ? (*n)-- : 0; }\n"

/* Slots 1 and 2 lead on; slot 3 is empty; slot 4 calls itself as often as `left` says. */
#define PROGRAMS(sec, prefix, calls)                                                               \
	"SEC(\"" sec "\") int " prefix "_start(void *ctx) {\n"                                     \
	"	tail_call(ctx, &" calls ", 3); tail_call(ctx, &" calls ", 1); return 0; }\n"       \
	"__attribute__((btf_decl_tag(\"tail:" calls "/1\"))) SEC(\"" sec "\")\n"                   \
	"int " prefix "_one(void *ctx) { put(0, ktime());\n"                                       \
	"	tail_call(ctx, &" calls ", 2); return 0; }\n"                                      \
	"__attribute__((btf_decl_tag(\"tail:" calls "/2\"))) SEC(\"" sec "\")\n"                   \
	"int " prefix "_two(void *ctx) { return redirect(5, 0); }\n"                               \
	"__attribute__((btf_decl_tag(\"tail:" calls "/4\"))) SEC(\"" sec "\")\n"                   \
	"int " prefix "_loop(void *ctx) {\n"                                                       \
	"	if (count_down()) tail_call(ctx, &" calls ", 4);\n"                                \
	"	return 3; }\n"                                                                           \
	"SEC(\"" sec "\") int " prefix "_into_loop(void *ctx) {\n"                                 \
	"	tail_call(ctx, &" calls ", 4); return 1; }\n"

#define CG_PROGRAMS                                                                                \
	"SEC(\"cgroup_skb/egress\") int cg_start(void *ctx) {\n"                                   \
	"	tail_call(ctx, &cg_calls, 1); return 0; }\n"                                             \
	"__attribute__((btf_decl_tag(\"tail:cg_calls/1\"))) SEC(\"cgroup_skb/egress\")\n"          \
	"int cg_one(void *ctx) { return 1; }\n"

/* clang-format off */
static const char source[] = BPF_PRELUDE BPF_HELPERS CHAIN
	CALLS("tc_calls", "8") CALLS("xdp_calls", "8") CALLS("frags_calls", "8")
	CALLS("cg_calls", "2")
	PROGRAMS("tc", "tc", "tc_calls")
	PROGRAMS("xdp", "xdp", "xdp_calls")
	PROGRAMS("xdp.frags", "frags", "frags_calls")
	CG_PROGRAMS;
/* clang-format on */

static const char *const kinds[] = { "tc", "xdp", "frags" };

static struct interposed_object load(void)
{
	return interposed_load("tail", source, (struct object_opts){ 0 }, true);
}

static int array_of(const struct interposed_object *o, const char *kind)
{
	return object_map_fd(o->object, arena_printf(o->arena, "%s_calls", kind));
}

static struct tail_trace *install(const struct interposed_object *o, const char *kind)
{
	struct err err = { 0 };
	struct tail_trace *t = NULL;
	struct tail_place places[10];

	for (uint32_t i = 0; i < 10; i++) /* 0 again; those that are empty */
		places[i] = (struct tail_place){ array_of(o, kind), i % 8 };
	cr_assert_eq(tail_trace_install(o->env, places, 10, &t, &err), 0, "%s", err.text);
	return t;
}

static void take_away(struct tail_trace *t)
{
	struct err err = { 0 };

	cr_assert_eq(tail_trace_remove(t, &err), 0, "%s", err.text);
}

static uint32_t map_id(int fd)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	cr_assert_eq(bpf_obj_get_info_by_fd(fd, &info, &len), 0);
	return info.id;
}

static int run(const struct interposed_object *o, const char *kind, const char *program)
{
	return interposed_run(o, arena_printf(o->arena, "%s_%s", kind, program)).verdict;
}

static void chain_is_seen(const struct interposed_object *o, const char *kind)
{
	int before = run(o, kind, "start");
	struct tail_trace *t = install(o, kind);
	const struct helper_note *notes;
	const char *why;
	size_t n, lost;

	cr_expect_eq(tail_trace_slots(t), 3, "%s: %zu slots", kind, tail_trace_slots(t));
	cr_expect_eq(tail_trace_untraced(t, &why), 0, "%s: %s", kind, why);
	cr_expect_eq(run(o, kind, "start"), before, "%s", kind);
	notes = helper_env_notes(o->env, &n, &lost);
	cr_assert_eq(n, 3, "%s: %zu notes", kind, n);
	for (uint32_t i = 0; i < 2; i++) {
		cr_expect_eq(notes[i].kind, NOTE_TAIL_CALL);
		cr_expect_eq(notes[i].key, i + 1, "%s: slot %u", kind, notes[i].key);
		cr_expect_eq(notes[i].map_id, map_id(array_of(o, kind)));
		cr_expect_eq(notes[i].ret, 0);
	}
	cr_expect(notes[2].kind == NOTE_REDIRECT && notes[2].ifindex == 5);
	cr_expect_eq(interposed_slot(o, 0), 4711, "a replaced call beside a tail call");
	take_away(t);
}

Test(tail_trace, each_slot_entered_is_noted_in_order_and_verdicts_stay)
{
	struct interposed_object o;

	NEEDS_ROOT();
	o = load();
	helper_env_set_clock(o.env, 4711);
	for (size_t i = 0; i < 3; i++)
		chain_is_seen(&o, kinds[i]);
	interposed_free(&o);
}

static uint32_t program_in(const struct interposed_object *o, const char *kind, uint32_t slot)
{
	uint32_t id = 0;

	bpf_map_lookup_elem(array_of(o, kind), &slot, &id);
	return id;
}

Test(tail_trace, removed_it_leaves_every_slot_as_it_was)
{
	struct interposed_object o;
	uint32_t before[8];
	struct tail_trace *t;
	size_t n, lost;

	NEEDS_ROOT();
	o = load();
	for (uint32_t i = 0; i < 8; i++)
		before[i] = program_in(&o, "tc", i);
	t = install(&o, "tc");
	cr_expect_neq(program_in(&o, "tc", 1), before[1]);
	take_away(t);
	for (uint32_t i = 0; i < 8; i++)
		cr_expect_eq(program_in(&o, "tc", i), before[i], "slot %u", i);
	run(&o, "tc", "start");
	helper_env_notes(o.env, &n, &lost);
	cr_expect_eq(n, 1, "the redirect alone");
	interposed_free(&o);
}

Test(tail_trace, a_program_put_into_a_slot_meanwhile_stays_there)
{
	struct interposed_object o;
	struct err err = { 0 };
	struct tail_trace *t;
	uint32_t slot = 1;
	int other;

	NEEDS_ROOT();
	o = load();
	t = install(&o, "tc");
	other = object_program_fd(o.object, "tc_into_loop", &err);
	cr_assert_eq(bpf_map_update_elem(array_of(&o, "tc"), &slot, &other, 0), 0);
	take_away(t);
	cr_expect_eq(run(&o, "tc", "start"), 3, "it calls the loop");
	interposed_free(&o);
}

static int into_loop(const struct interposed_object *o, const char *kind, uint64_t rounds)
{
	uint32_t zero = 0;

	cr_assert_eq(bpf_map_update_elem(object_map_fd(o->object, "left"), &zero, &rounds, 0), 0);
	return run(o, kind, "into_loop");
}

static const struct helper_note *last_note(const struct interposed_object *o, size_t *n)
{
	size_t lost;
	const struct helper_note *notes = helper_env_notes(o->env, n, &lost);

	cr_assert_gt(*n, 0);
	return &notes[*n - 1];
}

/* One tail call into the loop, and one a round. */
Test(tail_trace, a_chain_of_sixteen_is_followed_and_a_longer_one_says_that_it_was_cut)
{
	struct interposed_object o;
	struct tail_trace *t;
	size_t n;

	NEEDS_ROOT();
	o = load();
	for (size_t i = 0; i < 3; i++) {
		cr_expect_eq(into_loop(&o, kinds[i], 20), 3);
		t = install(&o, kinds[i]);
		cr_expect_eq(into_loop(&o, kinds[i], 15), 3);
		cr_expect_eq(last_note(&o, &n)->ret, 0);
		cr_expect_eq(n, 16, "%zu", n);
		cr_expect_eq(into_loop(&o, kinds[i], 16), strcmp(kinds[i], "tc") == 0 ? 2 : 0);
		cr_expect_eq(last_note(&o, &n)->ret, -ELOOP);
		take_away(t);
	}
	interposed_free(&o);
}

Test(tail_trace, slots_of_other_programs_are_left_alone_and_counted)
{
	struct interposed_object o;
	struct tail_trace *t;
	const char *why;
	uint32_t before;

	NEEDS_ROOT();
	o = load();
	before = program_in(&o, "cg", 1);
	t = install(&o, "cg");
	cr_expect_eq(tail_trace_slots(t), 0);
	cr_expect_eq(tail_trace_untraced(t, &why), 1);
	cr_expect(why && strstr(why, "slot 1 of") && strstr(why, "neither a tc nor an XDP program"),
		  "%s", why);
	cr_expect_eq(program_in(&o, "cg", 1), before);
	cr_expect_eq(run(&o, "cg", "start"), 1);
	take_away(t);
	interposed_free(&o);
}
