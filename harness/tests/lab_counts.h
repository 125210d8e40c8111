/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a lab's programs have counted in cilium_metrics. */
#ifndef VERDICT_TESTS_LAB_COUNTS_H
#define VERDICT_TESTS_LAB_COUNTS_H

#include "lab.h"

/* Packets forwarded in that direction: 1 in, 2 out. */
static inline uint64_t lab_forwarded(struct lab *l, unsigned direction)
{
	struct map_snapshot s;
	uint64_t sum = 0;

	cr_assert_eq(map_snapshot(lab_map(l, "cilium_metrics"), l->arena, &s, &l->err), 0, "%s",
		     l->err.text);
	for (size_t i = 0; i < s.n; i++) {
		const uint8_t *key = s.items[i].key;

		if (!key[0] && key[1] == direction)
			sum += *(const uint64_t *)s.items[i].value;
	}
	return sum;
}

#endif
