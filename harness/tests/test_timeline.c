/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The scenario's time. */
#include <criterion/criterion.h>

#include "engine/timeline.h"

#define S 1000000000ULL

static struct arena *arena;
static struct timeline t;

static void set_up(void)
{
	arena = arena_new();
	timeline_init(&t, arena);
}

static void tear_down(void)
{
	arena_free(arena);
}

TestSuite(timeline, .init = set_up, .fini = tear_down);

Test(timeline, packets_keep_the_distance_they_were_captured_with)
{
	cr_assert_eq(timeline_packet(&t, "a", 500 * S), 0);
	cr_assert_eq(timeline_packet(&t, "a", 503 * S), 3 * S);
}

Test(timeline, an_advance_delays_the_rest_of_the_capture)
{
	timeline_packet(&t, "a", 500 * S);
	cr_assert_eq(timeline_advance(&t, 90 * S), 90 * S);
	cr_assert_eq(timeline_packet(&t, "a", 501 * S), 91 * S);
}

Test(timeline, a_second_capture_begins_at_the_present_whatever_its_clock_says)
{
	timeline_packet(&t, "a", 500 * S);
	timeline_packet(&t, "a", 502 * S);
	cr_assert_eq(timeline_packet(&t, "b", 7 * S), 2 * S);
	cr_assert_eq(timeline_packet(&t, "b", 8 * S), 3 * S);
	cr_assert_eq(timeline_packet(&t, "a", 503 * S), 3 * S);
}

Test(timeline, time_never_goes_back)
{
	timeline_packet(&t, "a", 500 * S);
	timeline_packet(&t, "a", 510 * S);
	cr_assert_eq(timeline_packet(&t, "a", 505 * S), 10 * S);
	cr_assert_eq(timeline_packet(&t, "a", 100 * S), 10 * S, "even before the first");
}
