/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tables: what was put in is found again, and nothing else, also after they have grown. */
#include <criterion/criterion.h>

#include "base/table.h"

Test(table, what_was_put_in_is_found_and_nothing_else)
{
	struct arena *a = arena_new();
	struct table t = TABLE_INIT(a);
	static int values[10000];

	cr_expect_null(table_get_text(&t, "n0"));
	for (int i = 0; i < 10000; i++)
		*table_slot_text(&t, arena_printf(a, "n%d", i)) = &values[i];
	cr_expect_eq(t.n, 10000);
	for (int i = 0; i < 10000; i++)
		cr_assert_eq(table_get_text(&t, arena_printf(a, "n%d", i)), &values[i]);
	cr_expect_null(table_get_text(&t, "n10000"));
	cr_expect_null(table_get(&t, "n1", 1));
	arena_free(a);
}

Test(table, a_key_has_one_place_and_is_bytes)
{
	struct arena *a = arena_new();
	struct table t = TABLE_INIT(a);
	char key[3] = { 0, 1, 0 };
	int value;

	*table_slot(&t, key, 3) = &value;
	key[2] = 1; /* the table has a copy */
	cr_expect_null(table_get(&t, key, 3));
	key[2] = 0;
	cr_expect_eq(*table_slot(&t, key, 3), &value);
	cr_expect_eq(t.n, 1);
	cr_expect_null(table_get(&t, key, 2));
	arena_free(a);
}
