/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Each release of clang that distributions have builds the objects without a warning, and the verifier
 * takes what it builds: as built, and with all that the largest modes switch on.
 */
#include <criterion/parameterized.h>
#include <sys/utsname.h>

#include "bpf_source.h"
#include "datapath_load.h"
#include "datapath_modes.h"
#include "files.h"

static const char *const compilers[] = { "clang-14", "clang-16", "clang-19" };
static const char *const objects[] = { "bpf_host", "bpf_lxc", "bpf_overlay", "bpf_xdp",
				       "bpf_sock" };

#define N_COMPILERS (sizeof(compilers) / sizeof(compilers[0]))
#define N_OBJECTS   (sizeof(objects) / sizeof(objects[0]))

/* With the Makefile's flags. */
static const char *build(struct arena *a, const char *compiler, const char *object)
{
	const char *root = files_source_root();
	const char *to = arena_printf(a, "%s/%s.o", test_dir(a), object);
	struct err err = { 0 };
	struct utsname host;

	uname(&host);
	const char *argv[] = { compiler,
			       "-std=gnu11",
			       "-O2",
			       "-g",
			       "-target",
			       "bpf",
			       "-mcpu=v3",
			       "-Wall",
			       "-Wextra",
			       "-Werror",
			       arena_printf(a, "-I%s/bpf", root),
			       arena_printf(a, "-I/usr/include/%s-linux-gnu", host.machine),
			       "-c",
			       "-o",
			       to,
			       arena_printf(a, "%s/bpf/%s.c", root, object),
			       NULL };

	cr_assert_eq(run_tool(argv, -1, NULL, NULL, 60, &err), 0, "%s, %s: %s", compiler, object,
		     err.text);
	return to;
}

static bool is_wanted(const struct combination *c, const char *object)
{
	return strcmp(c->object, object) == 0 &&
	       (strncmp(c->name, "all", 3) == 0 || strcmp(c->name, "as built") == 0);
}

ParameterizedTestParameters(builds, builds_without_a_warning_and_loads)
{
	static size_t index[N_COMPILERS * N_OBJECTS];

	for (size_t i = 0; i < N_COMPILERS * N_OBJECTS; i++)
		index[i] = i;
	return cr_make_param_array(size_t, index, N_COMPILERS * N_OBJECTS);
}

ParameterizedTest(size_t *index, builds, builds_without_a_warning_and_loads, .timeout = 120)
{
	const char *compiler = compilers[*index / N_OBJECTS];
	const char *object = objects[*index % N_OBJECTS], *path;
	struct arena *a = arena_new();
	struct load l;

	NEEDS_ROOT();
	if (!tool_exists(compiler))
		cr_skip_test("%s is not installed", compiler);
	path = build(a, compiler, object);
	for (size_t i = 0; i < N_COMBINATIONS; i++) {
		if (!is_wanted(&combinations[i], object))
			continue;
		load_object(a, path, combinations[i].config, &l);
		cr_expect_eq(l.error, 0, "%s, %s, %s: %s is rejected:\n%s", compiler, object,
			     combinations[i].name, l.rejected, l.log);
		for (size_t k = 0; k < l.n; k++)
			cr_expect_leq(l.programs[k].instructions, 250000, "%s, %s, %s: %s: %lu",
				      compiler, object, combinations[i].name, l.programs[k].name,
				      (unsigned long)l.programs[k].instructions);
	}
	arena_free(a);
}
