// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a run notes of the files it loads. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "bpf_source.h"
#include "engine/loaded.h"
#include "engine/run.h"

#define SCENARIO "scenarios/etcd-upgrade-wider-conntrack"

static struct arena *arena;
static struct err *err;

static void set_up(void)
{
	NEEDS_ROOT();
	arena = arena_new();
	err = calloc(1, sizeof(*err));
}

static void tear_down(void)
{
	arena_free(arena);
	free(err);
}

TestSuite(loaded, .init = set_up, .fini = tear_down);

static void expect_sha256_of(const struct loaded_object *o)
{
	const char *const argv[] = { "sha256sum", o->path, NULL };
	struct buf out = BUF_INIT;

	cr_assert(run_tool(argv, -1, NULL, &out, 10, err) == 0, "%s", err->text);
	cr_expect(strncmp(buf_str(&out), o->sha256, 64) == 0, "%s is %s", o->sha256, buf_str(&out));
	buf_free(&out);
}

/* The upgrade goes to another release's file and back to the first by another path. */
static void expect_both_releases(enum engine_kind kind, bool interposed)
{
	struct run_opts opts = { .cache = run_cache_new() };
	struct scenario *s = NULL;
	struct run_trace t;

	cr_assert(scenario_load(SCENARIO "/scenario.yaml", &s, err) == 0, "%s", err->text);
	cr_assert(run_scenario(s, kind, &opts, arena, &t, err) == 0, "%s", err->text);
	cr_assert_eq(t.n_objects, 2);
	cr_expect(strcmp(t.objects[0].sha256, t.objects[1].sha256) != 0);
	cr_expect(strstr(t.objects[1].path, "wide_ct") != NULL, "%s", t.objects[1].path);
	for (size_t i = 0; i < t.n_objects; i++) {
		expect_sha256_of(&t.objects[i]);
		cr_expect(strstr(t.objects[i].producer, "clang version") != NULL);
		cr_expect((t.objects[i].interposed > 0) == interposed);
		cr_expect_eq(t.objects[i].n_pristine, 0);
	}
	run_cache_free(opts.cache);
	scenario_free(s);
}

Test(loaded, testrun_notes_both_releases_of_an_upgrade_and_what_was_interposed)
{
	expect_both_releases(ENGINE_TESTRUN, true);
}

Test(loaded, netns_notes_what_its_agents_loaded)
{
	expect_both_releases(ENGINE_NETNS, false);
}

Test(loaded, a_file_of_another_process_is_named_with_what_normalisation_changes)
{
	struct loaded_list list = { .arena = arena };
	const char *path = compile_bpf(arena, "odd",
				       "struct xdp_md;\n"
				       "__attribute__((section(\"xdp\"), used))\n"
				       "static int hidden(struct xdp_md *c) { return 2; }\n");
	const char *again = arena_printf(arena, "%s/./odd.o", file_dir(arena, path));

	cr_assert(loaded_add_file(&list, path, err) == 0, "%s", err->text);
	cr_assert(loaded_add_file(&list, again, err) == 0, "%s", err->text);
	cr_assert_eq(list.n, 1);
	expect_sha256_of(&list.items[0]);
	cr_assert_eq(list.items[0].n_changes, 1);
	cr_expect_str_eq(list.items[0].changes[0].where, "hidden");
	cr_expect(loaded_add_file(&list, "no/such.o", err) < 0);
}
