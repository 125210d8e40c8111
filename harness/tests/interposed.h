/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One small object, loaded with its helper calls replaced or as shipped, its programs run by name. */
#ifndef VERDICT_TESTS_INTERPOSED_H
#define VERDICT_TESTS_INTERPOSED_H

#include <bpf/bpf.h>
#include <time.h>

#include "bpf_source.h"
#include "target/helper_env.h"
#include "target/object.h"

/* What sources below the prelude call, by number. */
#define BPF_HELPERS                                                                                \
	"static __u64 (*ktime)(void) = (void *)5;\n"                                               \
	"static __u32 (*prandom)(void) = (void *)7;\n"                                             \
	"static long (*clone_redirect)(void *, __u32, __u64) = (void *)13;\n"                      \
	"static long (*get_tunnel_key)(void *, void *, __u32, __u64) = (void *)20;\n"              \
	"static long (*set_tunnel_key)(void *, const void *, __u32, __u64) = (void *)21;\n"        \
	"static long (*redirect)(__u32, __u64) = (void *)23;\n"                                    \
	"static long (*get_tunnel_opt)(void *, void *, __u32) = (void *)29;\n"                     \
	"static long (*set_tunnel_opt)(void *, const void *, __u32) = (void *)30;\n"               \
	"static long (*redirect_map)(void *, __u64, __u64) = (void *)51;\n"                        \
	"static __u64 (*jiffies64)(void) = (void *)118;\n"                                         \
	"static long (*redirect_neigh)(__u32, void *, int, __u64) = (void *)152;\n"                \
	"static long (*redirect_peer)(__u32, __u64) = (void *)155;\n"                              \
	"struct { __uint(type, 2); __uint(max_entries, 16); __type(key, __u32);\n"                 \
	"	 __type(value, __u64); } out SEC(\".maps\");\n"                                          \
	"static __attribute__((noinline)) void put(__u32 slot, __u64 v) {\n"                       \
	"	map_update(&out, &slot, &v, 0); }\n"

struct interposed_object {
	struct arena *arena;
	struct helper_env *env; /* NULL: as shipped */
	struct object *object;
};

/* What a program made of its packet. */
struct ran {
	int verdict;
	unsigned char bytes[256];
	uint32_t len;
};

static inline struct interposed_object interposed_load(const char *name, const char *source,
						       struct object_opts opts, bool interpose)
{
	struct interposed_object o = { .arena = arena_new() };
	struct err err = { 0 };

	opts.pin_dir = SANDBOX_BPFFS "/interposed";
	opts.path = compile_bpf(o.arena, name, source);
	if (interpose) {
		cr_assert_eq(helper_env_new(&o.env, &err), 0, "%s", err.text);
		opts.env = o.env;
	}
	cr_assert_eq(object_load(&opts, &o.object, &err), 0, "%s", err.text);
	return o;
}

static inline void interposed_free(struct interposed_object *o)
{
	object_free(o->object);
	helper_env_free(o->env);
	arena_free(o->arena);
}

static inline struct ran interposed_run(const struct interposed_object *o, const char *program)
{
	unsigned char packet[64] = { [12] = 0x08, [14] = 0x45 };
	struct ran out = { .verdict = -1 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet),
		    .data_out = out.bytes, .data_size_out = sizeof(out.bytes));
	struct err err = { 0 };
	int fd = object_program_fd(o->object, program, &err);

	cr_assert_geq(fd, 0, "%s", err.text);
	if (o->env)
		helper_env_begin(o->env);
	cr_assert_eq(bpf_prog_test_run_opts(fd, &opts), 0, "%s", program);
	out.verdict = (int)opts.retval;
	out.len = opts.data_size_out;
	return out;
}

static inline uint64_t interposed_slot(const struct interposed_object *o, uint32_t i)
{
	uint64_t v = 0;

	cr_assert_eq(bpf_map_lookup_elem(object_map_fd(o->object, "out"), &i, &v), 0);
	return v;
}

static inline uint64_t monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

#endif
