/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Programs read the virtual clock wherever they ask for the time, and nothing else changes. */
#include "interposed.h"

#define SLOTS 8

static const char source[] = BPF_PRELUDE
	"static __u64 (*ktime)(void) = (void *)5;\n"
	"static __u64 (*boot)(void) = (void *)125;\n"
	"static __u64 (*coarse)(void) = (void *)160;\n"
	"static __u64 (*tai)(void) = (void *)208;\n"
	"struct { __uint(type, 2); __uint(max_entries, 8); __type(key, __u32);\n"
	"	 __type(value, __u64); } out SEC(\".maps\");\n"
	"static __attribute__((noinline)) void put(__u32 slot, __u64 v) {\n"
	"	map_update(&out, &slot, &v, 0); }\n"
	"static __attribute__((noinline)) __u64 deep(int n) {\n"
	"	__u64 t = ktime(); return n > 100 ? t : t + (__u64)n; }\n"
	"__attribute__((noinline)) __u64 global(int n) { return n ? boot() : ktime(); }\n"
	"SEC(\"tc\") int at_tc(void *ctx) {\n"
	"	__u64 sum = 0;\n"
	"	put(0, ktime()); put(1, boot()); put(2, coarse()); put(3, tai());\n"
	"	put(4, deep(7)); put(5, global(1));\n"
	"#pragma clang loop unroll(disable)\n"
	"	for (int i = 0; i < 10; i++) { if (i == 5) continue; sum += ktime(); }\n"
	"	put(6, sum); return 0; }\n"
	"SEC(\"classifier\") int at_named(void *ctx) { put(7, ktime()); return 0; }\n"
	"SEC(\"xdp\") int at_xdp(void *ctx) { put(7, ktime() * 2); return 2; }\n"
	"SEC(\"tc\") int no_time(void *ctx) { put(7, 42); return 0; }\n";

struct fixture {
	struct arena *arena;
	struct helper_env *env;
	struct object *object;
};

static void load(struct fixture *f, bool virtual)
{
	struct object_opts opts = { .pin_dir = SANDBOX_BPFFS "/interpose" };
	struct err err = { 0 };

	f->arena = arena_new();
	opts.path = compile_bpf(f->arena, "clock", source);
	if (virtual) {
		cr_assert_eq(helper_env_new(&f->env, &err), 0, "%s", err.text);
		opts.env = f->env;
	}
	cr_assert_eq(object_load(&opts, &f->object, &err), 0, "%s", err.text);
}

static void unload(struct fixture *f)
{
	object_free(f->object);
	helper_env_free(f->env);
	arena_free(f->arena);
}

static void run(const struct fixture *f, const char *program)
{
	unsigned char packet[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet));
	struct err err = { 0 };
	int fd = object_program_fd(f->object, program, &err);

	cr_assert_geq(fd, 0, "%s", err.text);
	cr_assert_eq(bpf_prog_test_run_opts(fd, &opts), 0);
}

static uint64_t slot(const struct fixture *f, uint32_t i)
{
	uint64_t v = 0;

	cr_assert_eq(bpf_map_lookup_elem(object_map_fd(f->object, "out"), &i, &v), 0);
	return v;
}

static void check_all_at(const struct fixture *f, uint64_t now)
{
	helper_env_set_clock(f->env, now);
	cr_expect_eq(helper_env_clock(f->env), now);
	run(f, "at_tc");
	for (uint32_t i = 0; i < 4; i++)
		cr_expect_eq(slot(f, i), now, "helper of slot %u", i);
	cr_expect_eq(slot(f, 4), now + 7, "in a static subprogram");
	cr_expect_eq(slot(f, 5), now, "in a global subprogram");
	cr_expect_eq(slot(f, 6), 9 * now, "in a loop, jumps around the call intact");
}

Test(interpose, every_time_helper_in_program_and_subprograms_reads_the_virtual_clock)
{
	struct fixture f = { 0 };

	NEEDS_ROOT();
	load(&f, true);
	check_all_at(&f, 1234567890123ULL);
	check_all_at(&f, 5);
	check_all_at(&f, 0);
	unload(&f);
}

Test(interpose, sections_of_every_kind_are_hooked)
{
	struct fixture f = { 0 };

	NEEDS_ROOT();
	load(&f, true);
	helper_env_set_clock(f.env, 77);
	run(&f, "at_named");
	cr_expect_eq(slot(&f, 7), 77, "classifier");
	run(&f, "at_xdp");
	cr_expect_eq(slot(&f, 7), 154, "xdp");
	run(&f, "no_time");
	cr_expect_eq(slot(&f, 7), 42, "a program that asks for no time is untouched");
	unload(&f);
}

Test(interpose, call_sites_are_counted)
{
	struct fixture f = { 0 };

	NEEDS_ROOT();
	load(&f, true);
	/* at_tc: four, one in deep, two in global, one in the loop; one each in at_named, at_xdp */
	cr_expect_eq(object_interposed(f.object), 10, "%u", object_interposed(f.object));
	unload(&f);
}

Test(interpose, without_a_clock_time_is_the_kernels_also_after_a_virtual_load)
{
	struct fixture virtual = { 0 }, real = { 0 };
	uint64_t before, after;

	NEEDS_ROOT();
	load(&virtual, true);
	load(&real, false);
	helper_env_set_clock(virtual.env, 1);
	before = monotonic();
	run(&real, "at_tc");
	after = monotonic();
	cr_expect(slot(&real, 0) >= before && slot(&real, 0) <= after);
	cr_expect_eq(object_interposed(real.object), 0);
	run(&virtual, "at_tc");
	cr_expect_eq(slot(&virtual, 0), 1);
	unload(&real);
	unload(&virtual);
}

/* Without BTF no function is described to the kernel, and the appended ones need not be. */
Test(interpose, an_object_without_btf_is_interposed_as_well)
{
	static const char bare[] = BPF_PRELUDE
		"static long (*redirect)(__u32, __u64) = (void *)23;\n"
		"static __u32 (*prandom)(void) = (void *)7;\n"
		"static __attribute__((noinline)) int pick(__u32 n) { return prandom() % n; }\n"
		"SEC(\"tc\") int at_tc(void *ctx) { return redirect(pick(7) + 1, 0); }\n";
	struct object_opts opts = { .pin_dir = SANDBOX_BPFFS "/interpose" };
	struct interposed_object o = { .arena = arena_new() };
	const struct helper_note *notes;
	struct err err = { 0 };
	size_t n, lost;

	NEEDS_ROOT();
	opts.path = compile_for(o.arena, "bpf", "-g0", "bare", bare);
	cr_assert_eq(helper_env_new(&o.env, &err), 0, "%s", err.text);
	opts.env = o.env;
	cr_assert_eq(object_load(&opts, &o.object, &err), 0, "%s", err.text);
	cr_assert(!object_btf(o.object));
	cr_expect_eq(interposed_run(&o, "at_tc").verdict, 7);
	notes = helper_env_notes(o.env, &n, &lost);
	cr_assert_eq(n, 1);
	/* SplitMix64's first number for seed 0 */
	cr_expect_eq(notes[0].ifindex, 0xe220a839 % 7 + 1);
	interposed_free(&o);
}
