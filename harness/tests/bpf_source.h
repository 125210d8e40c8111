/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Small BPF objects made on the spot: a test says its program in C, clang makes the object. */
#ifndef VERDICT_TESTS_BPF_SOURCE_H
#define VERDICT_TESTS_BPF_SOURCE_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/ns.h"

/* Enters the sandbox; without root the test is skipped, and says so. */
#define NEEDS_ROOT()                                                                               \
	do {                                                                                       \
		struct err root_err = { 0 };                                                       \
		if (geteuid() != 0)                                                                \
			cr_skip_test("needs root");                                                \
		cr_assert_eq(sandbox_enter(&root_err), 0, "%s", root_err.text);                    \
	} while (0)

/* What every source below begins with: no header of the system is needed. */
#define BPF_PRELUDE                                                                                \
	"typedef unsigned char __u8; typedef unsigned short __u16; typedef unsigned int __u32;\n"  \
	"typedef unsigned long long __u64; typedef __u16 __be16; typedef __u32 __be32;\n"          \
	"#define SEC(n) __attribute__((section(n), used))\n"                                       \
	"#define __uint(name, val) int (*name)[val]\n"                                             \
	"#define __type(name, val) typeof(val) *name\n"                                            \
	"char _license[] SEC(\"license\") = \"Dual BSD/GPL\";\n"                                   \
	"static void *(*map_lookup)(void *, const void *) = (void *)1;\n"                          \
	"static long (*map_update)(void *, const void *, const void *, __u64) = (void *)2;\n"

/* A folder of this test's own, in the sandbox's tmpfs. */
static inline const char *test_dir(struct arena *a)
{
	char *dir = arena_printf(a, SANDBOX_NETNS "/test-%d", (int)getpid());
	struct err err = { 0 };

	cr_assert_eq(file_mkdir_p(dir, &err), 0, "%s", err.text);
	return dir;
}

/* debug is "-g" or "-g0". */
static inline const char *compile_for(struct arena *a, const char *target, const char *debug,
				      const char *name, const char *source)
{
	char *from = arena_printf(a, "%s/%s.c", test_dir(a), name);
	char *to = arena_printf(a, "%s/%s.o", test_dir(a), name);
	const char *argv[] = {
		"clang", "-O2", debug, "-target", target, "-c", "-o", to, from, NULL
	};
	struct err err = { 0 };

	if (!tool_exists("clang"))
		cr_skip_test("needs clang");
	cr_assert_eq(file_write(from, source, strlen(source), &err), 0, "%s", err.text);
	cr_assert_eq(run_tool(argv, -1, NULL, NULL, 60, &err), 0, "%s", err.text);
	return to;
}

static inline const char *compile_bpf(struct arena *a, const char *name, const char *source)
{
	return compile_for(a, "bpf", "-g", name, source);
}

#endif
