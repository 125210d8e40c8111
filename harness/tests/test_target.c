/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Targets: loaded, asked for programs and maps, wired across objects and devices. */
#include "target_fixture.h"

TestSuite(target, .init = setup, .fini = teardown, .timeout = 60);

static const char counter[] = BPF_PRELUDE PINNED("hits", "2", "4")
	OWN("seen", "1",
	    "16") "int base = 5;\n"
		  "SEC(\"tc\") int count(void *ctx) { __u32 k = 1, *v = map_lookup(&hits, &k);\n"
		  "	if (v) *v += 1; map_update(&seen, &k, &k, 0); return base++; }\n";

Test(target, an_object_by_itself_is_a_target)
{
	struct target_desc *d = NULL;
	struct target_program prog;
	struct target *t;

	NEEDS_ROOT();
	cr_assert_eq(target_desc_of_object(compile_bpf(arena, "counter", counter), &d, &err), 0);
	cr_expect_str_eq(d->name, "counter.o");
	t = open_target(&(struct target_opts){ .desc = d });
	prog = program_of(t, "count", NULL);
	cr_expect_eq(prog.type, BPF_PROG_TYPE_SCHED_CLS);
	cr_expect_str_eq(prog.object, "counter.o");
	cr_expect_null(prog.device);
	cr_expect(!prog.interposed, "nobody asked for it");
	cr_expect_null(target_env(t));
	cr_expect_eq(run_program(prog.fd), 5);
	cr_expect_eq(target_n_maps(t), 2, "data sections are no maps of it");
	cr_expect_eq(value_at(t, "hits", 1), 1);
	cr_expect_str_eq(target_map_name(t, map_id(t, "hits")), "hits");
	cr_expect_null(target_map_name(t, 0));
	cr_expect_null(target_find_map(t, "hit"));
	cr_expect_str_eq(target_nearest_map(t, "hit"), "hits");
	cr_expect_null(target_events(t));
	cr_expect_eq(target_n_images(t), 1);
	target_close(t);
	target_desc_free(d);
}

Test(target, a_program_the_object_lacks_is_named_with_the_nearest)
{
	struct target_desc *d = NULL;
	struct target_program prog;
	struct target *t;

	NEEDS_ROOT();
	cr_assert_eq(target_desc_of_object(compile_bpf(arena, "counter", counter), &d, &err), 0);
	t = open_target(&(struct target_opts){ .desc = d });
	cr_expect_eq(target_program(t, "counter.o", "coun", NULL, &prog, &err), -EINVAL);
	cr_expect_str_eq(err.text, "counter.o has no program coun\n  did you mean count?");
	target_close(t);
	target_desc_free(d);
}

/* ---- constants ---- */

static const char constants[] = BPF_PRELUDE
	"volatile const __u32 __config_limit __attribute__((section(\".rodata.config\"))) = 1;\n"
	"volatile const __u32 plain = 2;\n"
	"int counter = 3, zeroed;\n"
	"SEC(\"tc\") int sum(void *ctx) { return __config_limit * 100 + plain * 10 + counter + "
	"zeroed; }\n";

static struct setting setting(const char *name, const char *value)
{
	return (struct setting){ .name = name, .value = value_scalar(arena, "%s", value) };
}

static int sum_with(const char *yaml, const struct setting *config, size_t n)
{
	struct target_desc *d = describe(yaml);
	struct target *t =
		open_target(&(struct target_opts){ .desc = d, .config = config, .n_config = n });
	int sum = run(t, "sum", NULL);

	target_close(t);
	target_desc_free(d);
	return sum;
}

#define CONSTANTS "objects: {dir: .}\nhooks: {native: {ingress: constants.o/sum}}\n"

Test(target, constants_are_set_by_name_and_the_nearest_word_counts)
{
	struct setting asked[] = { setting("limit", "7"), setting("counter", "1") };

	NEEDS_ROOT();
	compile_bpf(arena, "constants", constants);
	cr_expect_eq(sum_with(CONSTANTS, NULL, 0), 123);
	cr_expect_eq(sum_with(CONSTANTS "config: {limit: 4, plain: 5}\n", NULL, 0), 453);
	cr_expect_eq(sum_with(CONSTANTS "config: {zeroed: 1000}\n", NULL, 0), 1123);
	cr_expect_eq(sum_with(CONSTANTS "config: {__config_limit: 4, other?: 5}\n", NULL, 0), 423);
	cr_expect_eq(sum_with("objects: {dir: ., files: {constants.o: {config: {limit: 9}}}}\n"
			      "config: {limit: 4}\nhooks: {native: {ingress: constants.o/sum}}\n",
			      NULL, 0),
		     923, "an object's own goes before that of all");
	cr_expect_eq(sum_with(CONSTANTS "config: {limit: 4, plain: 5}\n", asked, 2), 751,
		     "the command line's goes before the file's");
}

static void refused(const struct target_opts *opts, const char *because)
{
	struct target *t = NULL;

	cr_assert_lt(target_open(opts, &t, &err), 0, "opened: %s", because);
	cr_expect_eq(err.kind, ERR_INPUT, "%s", err.text);
	cr_expect(strstr(err.text, because), "is: %s\nnot: %s", err.text, because);
	err_clear(&err);
}

static void file_refused(const char *yaml, const char *because)
{
	struct target_desc *d = describe(yaml);

	refused(&(struct target_opts){ .desc = d }, because);
	target_desc_free(d);
}

Test(target, constants_nobody_has_are_named_with_the_nearest)
{
	struct setting asked = setting("limt", "7");
	struct target_desc *d;

	NEEDS_ROOT();
	compile_bpf(arena, "constants", constants);
	d = describe(CONSTANTS);
	refused(&(struct target_opts){ .desc = d, .config = &asked, .n_config = 1 },
		"t has no constant 'limt'; did you mean 'limit'?");
	asked = setting("__config_limt", "7");
	refused(&(struct target_opts){ .desc = d, .config = &asked, .n_config = 1 },
		"did you mean '__config_limit'?");
	asked = setting("limit", "seven");
	refused(&(struct target_opts){ .desc = d, .config = &asked, .n_config = 1 },
		"setting __config_limit of");
	target_desc_free(d);
	file_refused(CONSTANTS "config: {plan: 1}\n",
		     "t.yaml:3:10: the target has no constant 'plan'; did you mean "
		     "'plain'?");
	file_refused("objects: {dir: ., files: {constants.o: {config: {plan: 1}}}}\n",
		     "t.yaml:1:50: constants.o has no constant 'plan'; did you mean 'plain'?");
	file_refused(
		CONSTANTS "devices: [{name: a, ifindex: 2, role: native, config: {plan: 1}}]\n",
		"t.yaml:3:56: the role 'native' has no constant 'plan'; did you mean 'plain'?");
}

/* ---- objects ---- */

Test(target, an_object_that_is_not_there_is_named_where_it_was_asked_for)
{
	struct target_desc *d;
	const char *wrong = "counts.o";

	NEEDS_ROOT();
	compile_bpf(arena, "counter", counter);
	file_refused("objects: {dir: .}\nhooks: {native: {ingress: countr.o/count}}\n",
		     "t.yaml:2:27: no object countr.o in");
	file_refused("objects: {dir: .}\nhooks: {native: {ingress: countr.o/count}}\n",
		     "did you mean counter.o?");
	file_refused("objects: {dir: ./none}\nhooks: {native: {ingress: counter.o/count}}\n",
		     "/none for the objects of t");
	file_refused(
		"objects: {env: VERDICT_NO_SUCH, hint: ask your agent}\n"
		"hooks: {native: {ingress: counter.o/count}}\n",
		"the variable VERDICT_NO_SUCH that names their folder is not set\n"
		"  ask your agent\n  then name the folder: VERDICT_NO_SUCH=DIR, or --objects DIR");
	file_refused("objects: {dir: .}\nhooks: {native: {ingress: counter.o/coun}}\n",
		     "t.yaml:2:27: counter.o has no program 'coun'; did you mean 'count'?");
	file_refused("objects: {dir: .}\nhooks: {native: {xdp: counter.o/count}}\n",
		     "t.yaml:2:23: count cannot sit at XDP: its section tc makes it a sched_cls "
		     "program");
	file_refused("objects: {dir: .}\nhooks: {native: {ingress: t.yaml/count}}\n", "t.yaml");
	d = describe("objects: {dir: .}\nhooks: {native: {ingress: counter.o/count}}\n");
	refused(&(struct target_opts){ .desc = d, .only = &wrong, .n_only = 1 },
		"the target t has no object counts.o\n  did you mean counter.o?");
	target_desc_free(d);
}

static const char asleep[] = BPF_PRELUDE "SEC(\"tc\") int f(void *ctx) { return 2; }\n"
					 "SEC(\"?tc\") int g(void *ctx) { return 3; }\n";

Test(target, a_program_that_sleeps_is_loaded_where_a_hook_names_it)
{
	struct target_program prog;
	struct target_desc *d;
	struct target *t;

	NEEDS_ROOT();
	compile_bpf(arena, "asleep", asleep);
	d = describe("objects: {dir: .}\nhooks: {native: {ingress: asleep.o/f}}\n");
	t = open_target(&(struct target_opts){ .desc = d });
	cr_expect_lt(target_program(t, NULL, "g", NULL, &prog, &err), 0);
	target_close(t);
	target_desc_free(d);
	d = describe("objects: {dir: .}\nhooks: {native: {ingress: asleep.o/g}}\n");
	t = open_target(&(struct target_opts){ .desc = d });
	cr_expect_eq(run(t, "g", NULL), 3);
	target_close(t);
	target_desc_free(d);
}

Test(target, the_folder_of_the_objects_comes_from_the_caller_the_environment_or_the_file)
{
	const char *dir;
	struct target_desc *d;

	NEEDS_ROOT();
	dir = test_dir(arena);
	compile_bpf(arena, "counter", counter);
	d = describe("objects: {env: VERDICT_TEST_OBJECTS, dir: none}\n"
		     "hooks: {native: {ingress: counter.o/count}}\n");
	refused(&(struct target_opts){ .desc = d }, "/none for the objects of t");
	target_close(open_target(&(struct target_opts){ .desc = d, .objects = dir }));
	setenv("VERDICT_TEST_OBJECTS", dir, 1);
	target_close(open_target(&(struct target_opts){ .desc = d }));
	refused(&(struct target_opts){ .desc = d, .objects = "/nonexistent" },
		"no folder /nonexistent for the objects of t (--objects names it)");
	target_desc_free(d);
}

static const char odd[] = BPF_PRELUDE "SEC(\"prog\") int f(void *ctx) { return 2; }\n"
				      "SEC(\"tc\") int g(void *ctx) { return 3; }\n";

Test(target, a_section_that_tells_no_type_gets_the_one_it_is_given)
{
	struct elf_type_override type = { "prog", "xdp" };
	struct target_desc *d;
	struct target *t;

	NEEDS_ROOT();
	compile_bpf(arena, "odd", odd);
	d = describe("objects: {dir: ., files: {odd.o: {types: {prog: xdp}}}}\n"
		     "hooks: {native: {xdp: odd.o/f}}\n");
	t = open_target(&(struct target_opts){ .desc = d });
	cr_expect_eq(program_of(t, "f", NULL).type, BPF_PROG_TYPE_XDP);
	cr_expect_eq(run(t, "f", NULL), 2);
	target_close(t);
	target_desc_free(d);
	d = describe("objects: {dir: .}\nhooks: {native: {ingress: odd.o/g}}\n");
	t = open_target(&(struct target_opts){ .desc = d, .types = &type, .n_types = 1 });
	cr_expect_eq(program_of(t, "f", NULL).type, BPF_PROG_TYPE_XDP);
	target_close(t);
	type.section = "prg";
	refused(&(struct target_opts){ .desc = d, .types = &type, .n_types = 1 },
		"t has no section of programs 'prg'; did you mean 'prog'?");
	target_desc_free(d);
	file_refused("objects: {dir: ., files: {odd.o: {types: {prg: xdp}}}}\n",
		     "t.yaml:1:43: odd.o has no section of programs 'prg'");
}

/* ---- maps ---- */

#define COUNTER "objects: {dir: .}\nhooks: {native: {ingress: counter.o/count}}\n"

Test(target, maps_are_of_the_size_asked_for)
{
	struct map_override size = { .map = "seen", .max_entries = 3 };
	struct target_desc *d;
	struct target *t;

	NEEDS_ROOT();
	compile_bpf(arena, "counter", counter);
	d = describe(COUNTER "maps: {seen: {max_entries: 5}, hits: {max_entries: 6}, no?: "
			     "{max_entries: 1}}\n");
	t = open_target(&(struct target_opts){ .desc = d });
	cr_expect_eq(map_named(t, "seen")->max_entries, 5);
	cr_expect_eq(map_named(t, "hits")->max_entries, 6);
	target_close(t);
	t = open_target(&(struct target_opts){ .desc = d, .maps = &size, .n_maps = 1 });
	cr_expect_eq(map_named(t, "seen")->max_entries, 3, "the command line's goes first");
	target_close(t);
	size.map = "sen";
	refused(&(struct target_opts){ .desc = d, .maps = &size, .n_maps = 1 },
		"t has no map 'sen'; did you mean 'seen'?");
	target_desc_free(d);
	file_refused(COUNTER "maps: {hit: {max_entries: 5}}\n",
		     "t.yaml:3:8: t has no map 'hit'; did you mean 'hits'?");
	file_refused(COUNTER "events: {map: cilium_event}\n",
		     "t.yaml:3:15: t has no map 'cilium_event'");
	file_refused(COUNTER "events: {map: seen}\n",
		     "t.yaml:3:15: seen of counter.o is no perf event array");
}

/* Another object that shares a map with the first, and has one of the same name for itself. */
static const char other[] = BPF_PRELUDE PINNED("hits", "2", "4")
	OWN("seen", "1",
	    "16") "SEC(\"tc\") int look(void *ctx) { __u32 k = 1, *v = map_lookup(&hits, &k);\n"
		  "	return v ? *v : -1; }\n";

Test(target, objects_share_maps_that_are_pinned_and_have_others_for_themselves)
{
	struct target_desc *d;
	struct target *t;

	NEEDS_ROOT();
	compile_bpf(arena, "counter", counter);
	compile_bpf(arena, "other", other);
	d = describe("objects: {dir: .}\nhooks: {native: {ingress: counter.o/count, egress: "
		     "other.o/look}}\n");
	t = open_target(&(struct target_opts){ .desc = d });
	run(t, "count", NULL);
	cr_expect_eq(run(t, "look", NULL), 1);
	cr_expect_eq(target_n_maps(t), 3);
	cr_expect_eq(value_at(t, "counter.o/seen", 1), 1);
	cr_expect_eq(value_at(t, "other.o/seen", 1), -1);
	cr_expect_null(target_find_map(t, "seen"), "whose?");
	cr_expect_str_eq(target_nearest_map(t, "seen"), "counter.o/seen");
	cr_expect_eq(target_find_map(t, "counter.o/hits"), target_find_map(t, "hits"));
	target_close(t);
	target_desc_free(d);
}

Test(target, the_file_says_who_shares_a_map)
{
	struct target_desc *d;
	struct target *t;

	NEEDS_ROOT();
	compile_bpf(arena, "counter", counter);
	compile_bpf(arena, "other", other);
	d = describe("objects: {dir: .}\nhooks: {native: {ingress: counter.o/count, egress: "
		     "other.o/look}}\nmaps: {hits: {scope: device}, seen: {scope: node}}\n");
	t = open_target(&(struct target_opts){ .desc = d });
	run(t, "count", NULL);
	cr_expect_eq(run(t, "look", NULL), 0, "a map of its own");
	cr_expect_eq(value_at(t, "seen", 1), 1);
	cr_expect_eq(value_at(t, "counter.o/hits", 1), 1);
	cr_expect_eq(value_at(t, "other.o/hits", 1), 0);
	target_close(t);
	target_desc_free(d);
}

static const char misfit[] = BPF_PRELUDE PINNED(
	"hits", "2",
	"8") "SEC(\"tc\") int look(void *ctx) { __u32 k = 1, *v = map_lookup(&hits, &k);\n"
	     "	return v ? *v : -1; }\n";

Test(target, objects_that_do_not_agree_on_a_shared_map_are_refused)
{
	NEEDS_ROOT();
	compile_bpf(arena, "counter", counter);
	compile_bpf(arena, "misfit", misfit);
	file_refused("objects: {dir: .}\nhooks: {native: {ingress: counter.o/count, egress: "
		     "misfit.o/look}}\n",
		     "misfit.o: its map hits is not the one that objects loaded before it share "
		     "(max_entries 4 -> 8)");
}

/* ---- devices ---- */

#define TWO_DEVICES                                                                                \
	"objects: {dir: .}\nhooks: {pod: {ingress: constants.o/sum}, native: {ingress: "           \
	"counter.o/count}}\n"                                                                      \
	"devices:\n  - {name: a, ifindex: 2, role: pod, config: {limit: 2}}\n"                     \
	"  - {name: b, ifindex: 3, role: pod, config: {limit: 3}}\n"                               \
	"  - {name: eth0, ifindex: 4, role: native}\n"

Test(target, each_device_has_the_programs_of_its_role_and_its_own_constants)
{
	struct target_program prog;
	struct target_desc *d;
	struct target *t;

	NEEDS_ROOT();
	compile_bpf(arena, "constants", constants);
	compile_bpf(arena, "counter", counter);
	d = describe(TWO_DEVICES);
	t = open_target(&(struct target_opts){ .desc = d });
	cr_expect_eq(target_n_images(t), 3, "nothing needs a third load of constants.o");
	cr_expect_eq(run(t, "sum", "a"), 223);
	cr_expect_eq(run(t, "sum", "b"), 323);
	cr_expect_eq(target_at(t, "b", HOOK_TC_INGRESS, &prog), 0);
	cr_expect_str_eq(prog.device, "b");
	cr_expect_eq(run_program(prog.fd), 323);
	cr_expect_eq(target_at(t, "pod", HOOK_TC_INGRESS, &prog), 0);
	cr_expect_str_eq(prog.device, "a", "the first of the role");
	cr_expect_eq(target_at(t, "eth0", HOOK_TC_INGRESS, &prog), 0);
	cr_expect_str_eq(prog.name, "count");
	cr_expect_null(prog.device);
	cr_expect_eq(target_at(t, "b", HOOK_TC_EGRESS, &prog), -ENOENT);
	cr_expect_eq(target_at(t, "c", HOOK_TC_INGRESS, &prog), -ENOENT);
	target_close(t);
	target_desc_free(d);
}

Test(target, only_what_is_asked_for_is_loaded)
{
	const char *only = "counter.o";
	struct target_desc *d;
	struct target *t;

	NEEDS_ROOT();
	compile_bpf(arena, "constants", constants);
	compile_bpf(arena, "counter", counter);
	d = describe(TWO_DEVICES "config: {plain: 4}\nmaps: {hits: {max_entries: 7}}\n");
	t = open_target(&(struct target_opts){ .desc = d, .only = &only, .n_only = 1 });
	cr_expect_eq(target_n_images(t), 1);
	cr_expect_eq(map_named(t, "hits")->max_entries, 7);
	target_close(t);
	target_desc_free(d);
	d = describe(TWO_DEVICES "config: {nowhere: 4}\n");
	refused(&(struct target_opts){ .desc = d, .only = &only, .n_only = 1 }, "'nowhere'");
	target_desc_free(d);
}

/* ---- tail calls ---- */

static const char jumper[] = BPF_PRELUDE JUMP PINNED("calls", "3", "4")
	OWN("own", "3",
	    "4") "SEC(\"tc\") int jump(void *ctx) { tail_call(ctx, &calls, 2); return 1; }\n"
		 "SEC(\"tc\") int jump_own(void *ctx) { tail_call(ctx, &own, 1); return 1; }\n"
		 "__attribute__((btf_decl_tag(\"tail:own/1\")))\n"
		 "SEC(\"tc\") int landing(void *ctx) { return 9; }\n";

#define JUMPS                                                                                      \
	"objects: {dir: .}\nhooks: {native: {ingress: jumper.o/jump}, pod: {ingress: "             \
	"constants.o/sum}}\n"

Test(target, a_slot_of_the_file_leads_into_another_object)
{
	struct target_desc *d;
	struct target *t;

	NEEDS_ROOT();
	compile_bpf(arena, "constants", constants);
	compile_bpf(arena, "jumper", jumper);
	d = describe(JUMPS "tail_calls: [{map: calls, index: 2, program: constants.o/sum}]\n");
	t = open_target(&(struct target_opts){ .desc = d });
	cr_expect_eq(run(t, "jump", NULL), 123);
	cr_expect_eq(run(t, "jump_own", NULL), 9, "the object's own tags hold as well");
	cr_expect_str_eq(target_slot_program(t, map_id(t, "calls"), 2), "sum");
	cr_expect_str_eq(target_slot_program(t, map_id(t, "own"), 1), "landing");
	cr_expect_null(target_slot_program(t, map_id(t, "calls"), 1));
	cr_expect_null(target_slot_program(t, map_id(t, "calls"), 4));
	cr_expect_null(target_slot_program(t, 0, 2));
	target_close(t);
	target_desc_free(d);
}

Test(target, a_slot_leads_into_the_load_of_the_device_it_names)
{
	struct target_desc *d;
	struct target *t;

	NEEDS_ROOT();
	compile_bpf(arena, "constants", constants);
	compile_bpf(arena, "jumper", jumper);
	d = describe(JUMPS
		     "tail_calls: [{map: calls, index: 2, program: constants.o/sum, device: b}]\n"
		     "devices: [{name: a, ifindex: 2, role: pod, config: {limit: 2}},\n"
		     "  {name: b, ifindex: 3, role: pod, config: {limit: 3}}]\n");
	t = open_target(&(struct target_opts){ .desc = d });
	cr_expect_eq(run(t, "jump", NULL), 323);
	target_close(t);
	target_desc_free(d);
}

Test(target, slots_that_cannot_be_filled_are_named)
{
	NEEDS_ROOT();
	compile_bpf(arena, "constants", constants);
	compile_bpf(arena, "jumper", jumper);
	compile_bpf(arena, "odd", odd);
	file_refused(JUMPS "tail_calls: [{map: calls, index: 4, program: constants.o/sum}]\n",
		     "t.yaml:3:14: slot 4 is past the 4 slots of calls");
	file_refused(JUMPS "tail_calls: [{map: call, index: 2, program: constants.o/sum}]\n",
		     "t.yaml:3:14: no prog array 'call' to put sum into; did you mean 'calls'?");
	file_refused(JUMPS "tail_calls: [{map: calls, index: 2, program: constants.o/sun}]\n",
		     "t.yaml:3:46: constants.o has no program 'sun'; did you mean 'sum'?");
	file_refused("objects: {dir: ., files: {odd.o: {types: {prog: xdp}}}}\nhooks: {native: "
		     "{ingress: jumper.o/jump}}\n"
		     "tail_calls: [{map: calls, index: 2, program: odd.o/f}]\n",
		     "t.yaml:3:14: f does not fit into calls");
}

/* ---- events, interposition ---- */

static const char teller[] =
	BPF_PRELUDE "struct { __uint(type, 4); __uint(key_size, 4); __uint(value_size, 4); "
		    "__uint(pinning, 1); } cilium_events SEC(\".maps\");\n"
		    "static long (*output)(void *, void *, __u64, void *, __u64) = (void *)25;\n"
		    "static __u64 (*now)(void) = (void *)5;\n"
		    "SEC(\"tc\") int tell(void *ctx) { __u64 t = now();\n"
		    "	output(ctx, &cilium_events, 0xffffffff, &t, sizeof(t)); return t; }\n";

static void note_value(void *arg, const void *record, uint32_t size)
{
	if (size >= sizeof(uint64_t))
		memcpy(arg, record, sizeof(uint64_t));
}

static uint64_t told(const struct target *t)
{
	uint64_t value = 0, lost = 0;

	cr_assert(target_events(t));
	cr_assert_eq(event_ring_read(target_events(t), note_value, &value, &lost, &err), 0);
	return value;
}

Test(target, events_are_read_and_helpers_replaced)
{
	struct target_desc *d = NULL;
	struct target *t;

	NEEDS_ROOT();
	cr_assert_eq(target_desc_of_object(compile_bpf(arena, "teller", teller), &d, &err), 0);
	t = open_target(&(struct target_opts){ .desc = d, .interpose = true });
	cr_assert(target_env(t));
	helper_env_set_clock(target_env(t), 77);
	cr_expect(program_of(t, "tell", NULL).interposed);
	cr_expect_eq(target_interposed(t), 1);
	cr_expect_eq(run(t, "tell", NULL), 77);
	cr_expect_eq(told(t), 77);
	cr_expect_eq(told(t), 0, "read once");
	target_close(t);
	d->objects[0].interpose = false;
	t = open_target(&(struct target_opts){ .desc = d, .interpose = true });
	cr_expect(!program_of(t, "tell", NULL).interposed, "the file says so");
	target_close(t);
	target_desc_free(d);
}

/* Like teller, under another name and with an event map that is not shared. */
static const char alone[] =
	BPF_PRELUDE "struct { __uint(type, 4); __uint(key_size, 4); __uint(value_size, 4); } "
		    "own_events SEC(\".maps\");\n"
		    "static long (*output)(void *, void *, __u64, void *, __u64) = (void *)25;\n"
		    "SEC(\"tc\") int NAME(void *ctx) { __u64 t = 5;\n"
		    "	return output(ctx, &own_events, 0xffffffff, &t, sizeof(t)); }\n";

#define TWO_TELLERS "objects: {dir: .}\nhooks: {native: {ingress: a.o/f, egress: b.o/g}}\n"

Test(target, of_several_event_maps_one_is_meant)
{
	struct target_desc *d;
	struct target *t;

	NEEDS_ROOT();
	compile_bpf(arena, "a", arena_printf(arena, "#define NAME f\n%s", alone));
	compile_bpf(arena, "b", arena_printf(arena, "#define NAME g\n%s", alone));
	file_refused(TWO_TELLERS "events: {map: own_events}\n",
		     "t.yaml:3:15: there is more than one map own_events");
	d = describe(TWO_TELLERS "events: {map: b.o/own_events}\n");
	t = open_target(&(struct target_opts){ .desc = d });
	run(t, "f", NULL);
	cr_expect_eq(told(t), 0);
	run(t, "g", NULL);
	cr_expect_eq(told(t), 5);
	target_close(t);
	target_desc_free(d);
	d = describe(TWO_TELLERS "events: {map: own_events}\nmaps: {own_events: {scope: node}}\n");
	t = open_target(&(struct target_opts){ .desc = d });
	run(t, "f", NULL);
	cr_expect_eq(told(t), 5);
	target_close(t);
	target_desc_free(d);
}
