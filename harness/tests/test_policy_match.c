/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which entries of policy answer a question, and which came nearest where none does. */
#include "engine/policy_match.h"

#include <criterion/criterion.h>

enum { TCP = 6, UDP = 17 };

static const struct question q = { .remote = 256, .proto = TCP, .port = 8085 };

#define PORTS(who, p, n)                                                                           \
	{                                                                                          \
		.label = (who), .proto = TCP, .port = (p), .bits = (n)                             \
	}

Test(policy_match, an_entry_covers_what_its_bits_name)
{
	static const struct {
		struct policy_entry e;
		bool covers;
	} of[] = {
		{ PORTS(256, 8085, 24), true },
		{ PORTS(0, 8085, 24), true },
		{ PORTS(257, 8085, 24), false },
		{ PORTS(256, 8084, 24), false },
		{ PORTS(256, 8080, 21), true }, /* 8080 to 8087 */
		{ PORTS(256, 8088, 21), false },
		{ PORTS(256, 0, 8), true }, /* all of TCP */
		{ { .label = 256, .proto = UDP, .bits = 8 }, false },
		{ { .label = 256 }, true },
		{ { .label = 256, .egress = true }, false },
	};

	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++)
		cr_expect_eq(policy_covers(&of[i].e, &q), of[i].covers, "entry %zu", i);
}

Test(policy_match, entries_are_one_if_they_differ_in_what_does_not_count)
{
	struct policy_entry a = PORTS(256, 8080, 21), b = PORTS(256, 8087, 21);

	cr_expect(policy_same_entry(&a, &b), "the last three bits of the port");
	b.port = 8088;
	cr_expect_not(policy_same_entry(&a, &b));
	b = a;
	b.bits = 22;
	cr_expect_not(policy_same_entry(&a, &b));
	b = a;
	b.deny = true;
	cr_expect_not(policy_same_entry(&a, &b));
}

Test(policy_match, the_nearest_come_in_their_order)
{
	static const struct policy_entry e[] = {
		PORTS(257, 80, 24), /* another's, another port */
		PORTS(256, 9000, 24), /* further off */
		{ .label = 256, .deny = true },
		PORTS(256, 8064, 20), /* to 8079: six off */
		{ .label = 256, .egress = true },
		PORTS(256, 8090, 24), /* five off */
		PORTS(257, 8085, 24), /* the port, for somebody else */
		{ .label = 256, .proto = UDP, .port = 8085, .bits = 24 },
	};
	static const size_t order[] = { 5, 3, 1, 7, 6, 0 };
	bool skip[8] = { false };

	for (size_t i = 0; i < 6; i++) {
		const struct policy_entry *next = policy_nearest(e, 8, &q, skip);

		cr_assert(next && next - e == (long)order[i], "place %zu: entry %ld, not %zu", i,
			  next ? next - e : -1L, order[i]);
		skip[next - e] = true;
	}
	cr_expect_null(policy_nearest(e, 8, &q, skip), "denials and the other direction");
}
