/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Targets made on the spot: small objects, a target file beside them. */
#ifndef VERDICT_TESTS_TARGET_FIXTURE_H
#define VERDICT_TESTS_TARGET_FIXTURE_H

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>

#include "bpf_source.h"
#include "target/target.h"

#define MAP_OF(name, type, size, more)                                                             \
	"struct { __uint(type, " type "); __uint(max_entries, " size "); __type(key, __u32);\n"    \
	"	 __type(value, __u32); " more "} " name " SEC(\".maps\");\n"
#define PINNED(name, type, size) MAP_OF(name, type, size, "__uint(pinning, 1); ")
#define OWN(name, type, size)	 MAP_OF(name, type, size, "")
#define JUMP			 "static long (*tail_call)(void *, void *, __u32) = (void *)12;\n"

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

static inline struct target *open_target(const struct target_opts *opts)
{
	struct target *t = NULL;

	cr_assert_eq(target_open(opts, &t, &err), 0, "%s", err.text);
	return t;
}

/* The description in the test's folder, of objects that were compiled there. */
static inline struct target_desc *describe(const char *yaml)
{
	const char *path = arena_printf(arena, "%s/t.yaml", test_dir(arena));
	struct target_desc *d = NULL;

	cr_assert_eq(file_write(path, yaml, strlen(yaml), &err), 0, "%s", err.text);
	cr_assert_eq(target_desc_load(path, &d, &err), 0, "%s", err.text);
	return d;
}

static inline struct target_program program_of(const struct target *t, const char *name,
					       const char *device)
{
	struct target_program prog;

	cr_assert_eq(target_program(t, NULL, name, device, &prog, &err), 0, "%s", err.text);
	return prog;
}

static inline int run_program(int fd)
{
	char packet[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet));

	cr_assert_eq(bpf_prog_test_run_opts(fd, &opts), 0);
	return (int)opts.retval;
}

static inline int run(const struct target *t, const char *name, const char *device)
{
	return run_program(program_of(t, name, device).fd);
}

static inline uint32_t program_id(const struct target *t, const char *name)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	cr_assert_eq(bpf_obj_get_info_by_fd(program_of(t, name, NULL).fd, &info, &len), 0);
	return info.id;
}

static inline struct map *map_named(const struct target *t, const char *name)
{
	struct map *m = target_find_map(t, name);

	cr_assert(m, "no map %s", name);
	return m;
}

static inline uint32_t map_id(const struct target *t, const char *name)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	cr_assert_eq(bpf_obj_get_info_by_fd(map_named(t, name)->fd, &info, &len), 0);
	return info.id;
}

/* The value at a key; -1: none. */
static inline long value_at(const struct target *t, const char *map, uint32_t key)
{
	uint32_t value[64] = { 0 };

	return bpf_map_lookup_elem(map_named(t, map)->fd, &key, value) ? -1 : (long)value[0];
}

#endif
