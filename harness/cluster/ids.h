/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Numbers for things that have a name: given in order when first asked for, and the same ever after,
 * whatever comes and goes besides. An agent keeps its numbers so too: flows hold on to them.
 */
#ifndef VERDICT_CLUSTER_IDS_H
#define VERDICT_CLUSTER_IDS_H

#include <stdint.h>

#include "base/table.h"

struct ids {
	struct table numbers;
	uint32_t first; /* not 0 */
};

static inline struct ids ids_from(struct arena *a, uint32_t first)
{
	return (struct ids){ TABLE_INIT(a), first };
}

static inline uint32_t ids_give(struct ids *ids, const void *key, size_t len)
{
	void **slot = table_slot(&ids->numbers, key, len);

	if (!*slot) /* the table counts the new one already */
		*slot = (void *)(uintptr_t)(ids->first + ids->numbers.n - 1);
	return (uint32_t)(uintptr_t)*slot;
}

#endif
