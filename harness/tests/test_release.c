/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An upgrade stays through restarts. */
#include <criterion/criterion.h>

#include "engine/release.h"

static struct map_override ct = { .map = "cilium_ct4_global", .max_entries = 8192 };
static struct map_override ct_again = { .map = "cilium_ct4_global", .max_entries = 4096 };
static struct map_override any = { .map = "cilium_ct_any4_global", .max_entries = 77 };

static struct step upgrade(const char *objects, struct map_override *maps)
{
	struct step s = { .kind = STEP_UPGRADE };

	s.restart.objects = objects;
	s.restart.maps = maps;
	s.restart.n_maps = maps ? 1 : 0;
	return s;
}

Test(release, a_restart_keeps_the_objects_and_map_sizes_of_the_last_upgrade)
{
	struct arena *a = arena_new();
	struct release node = { 0 };
	struct step up = upgrade("upgrades/wide_ct", &ct);
	struct step again = { .kind = STEP_RESTART, .restart = { .node = "n", .graceful = true } };
	struct restart_step how;

	how = release_apply(&node, &again, a);
	cr_assert_null(how.objects);
	cr_assert_eq(how.n_maps, 0);
	release_apply(&node, &up, a);
	how = release_apply(&node, &again, a);
	cr_assert_str_eq(how.objects, "upgrades/wide_ct");
	cr_assert_eq(how.n_maps, 1);
	cr_assert_eq(how.maps[0].max_entries, 8192);
	cr_assert(how.graceful, "what the step itself says is kept");
	arena_free(a);
}

Test(release, a_second_upgrade_is_laid_over_the_first)
{
	struct arena *a = arena_new();
	struct release node = { 0 };
	struct step first = upgrade("upgrades/wide_ct", &ct), second = upgrade(NULL, &any);
	struct step third = upgrade(".", &ct_again);
	struct restart_step how;

	release_apply(&node, &first, a);
	how = release_apply(&node, &second, a);
	cr_assert_str_eq(how.objects, "upgrades/wide_ct");
	cr_assert_eq(how.n_maps, 2);
	how = release_apply(&node, &third, a);
	cr_assert_str_eq(how.objects, ".");
	cr_assert_eq(how.n_maps, 2);
	cr_assert_eq(how.maps[0].max_entries, 4096);
	cr_assert_eq(how.maps[1].max_entries, 77);
	arena_free(a);
}
