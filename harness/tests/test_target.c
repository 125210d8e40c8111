/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Targets: loaded, asked for programs and maps, wired across objects, kept for the next. */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>

#include "bpf_source.h"
#include "target/target.h"

#define PINNED(name, type, size)                                                                   \
	"struct { __uint(type, " type "); __uint(max_entries, " size "); __type(key, __u32);\n"    \
	"	 __type(value, __u32); __uint(pinning, 1); } " name " SEC(\".maps\");\n"
#define OWN(name, type, size)                                                                      \
	"struct { __uint(type, " type "); __uint(max_entries, " size "); __type(key, __u32);\n"    \
	"	 __type(value, __u32); } " name " SEC(\".maps\");\n"

static struct arena *arena;
static struct err err;

static void setup(void)
{
	arena = arena_new();
}

static void teardown(void)
{
	target_forget();
	arena_free(arena);
}

TestSuite(target, .init = setup, .fini = teardown, .timeout = 60);

static struct target *open_target(const struct target_opts *opts)
{
	struct target *t = NULL;

	cr_assert_eq(target_open(opts, &t, &err), 0, "%s", err.text);
	return t;
}

static const char counter[] = BPF_PRELUDE PINNED("hits", "2", "4")
	OWN("seen", "1",
	    "16") "int base = 5;\n"
		  "SEC(\"tc\") int count(void *ctx) { __u32 k = 1, *v = map_lookup(&hits, &k);\n"
		  "	if (v) *v += 1; map_update(&seen, &k, &k, 0); return base++; }\n";

static int run(int fd)
{
	char packet[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet));

	cr_assert_eq(bpf_prog_test_run_opts(fd, &opts), 0);
	return (int)opts.retval;
}

Test(target, an_object_by_itself_is_a_target)
{
	struct target_desc *d = NULL;
	struct target_program prog;
	struct target *t;
	uint32_t one = 1, value = 0;

	NEEDS_ROOT();
	cr_assert_eq(target_desc_of_object(compile_bpf(arena, "counter", counter), &d, &err), 0);
	cr_expect_str_eq(d->name, "counter.o");
	t = open_target(&(struct target_opts){ .desc = d });
	cr_assert_eq(target_program(t, NULL, "count", NULL, &prog, &err), 0, "%s", err.text);
	cr_expect_eq(prog.type, BPF_PROG_TYPE_SCHED_CLS);
	cr_expect_str_eq(prog.object, "counter.o");
	cr_expect_null(prog.device);
	cr_expect_eq(run(prog.fd), 5);
	cr_expect_eq(target_n_maps(t), 2, "data sections are no maps of it");
	cr_assert(target_find_map(t, "hits"));
	cr_expect_eq(bpf_map_lookup_elem(target_find_map(t, "hits")->fd, &one, &value), 0);
	cr_expect_eq(value, 1);
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
