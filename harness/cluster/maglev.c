/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cluster/maglev.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct maglev_backend *)a)->name,
		      ((const struct maglev_backend *)b)->name);
}

/* A backend's order of preference among the places is next, next + skip, next + 2 skip, ... */
struct preference {
	uint32_t next, skip;
};

static struct preference preference_of(const struct maglev_table *t, const char *name)
{
	uint64_t h[2];

	murmur3_128(name, strlen(name), t->seed, h);
	return (struct preference){
		.next = (uint32_t)(h[0] % t->size),
		.skip = (uint32_t)(h[1] % (t->size - 1)) + 1,
	};
}

void maglev_fill(const struct maglev_table *t, struct maglev_backend *backends, size_t n,
		 struct arena *scratch)
{
	struct preference *p = arena_alloc(scratch, n * sizeof(*p));
	bool *taken = arena_alloc(scratch, t->size * sizeof(*taken));

	qsort(backends, n, sizeof(*backends), by_name);
	for (size_t i = 0; i < n; i++)
		p[i] = preference_of(t, backends[i].name);
	for (size_t filled = 0, turn = 0; filled < t->size; filled++) {
		struct preference *at = &p[turn];

		while (taken[at->next])
			at->next = (at->next + at->skip) % t->size;
		taken[at->next] = true;
		t->ids[at->next] = backends[turn].id;
		if (++turn == n)
			turn = 0;
	}
}
