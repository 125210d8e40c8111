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

static struct preference preference_of(const char *name, uint32_t seed)
{
	uint64_t h[2];

	murmur3_128(name, strlen(name), seed, h);
	return (struct preference){
		.next = (uint32_t)(h[0] % MAGLEV_SIZE),
		.skip = (uint32_t)(h[1] % (MAGLEV_SIZE - 1)) + 1,
	};
}

void maglev_fill(struct maglev_backend *backends, size_t n, uint32_t seed, struct arena *scratch,
		 uint32_t table[MAGLEV_SIZE])
{
	struct preference *p = arena_alloc(scratch, n * sizeof(*p));
	bool *taken = arena_alloc(scratch, MAGLEV_SIZE * sizeof(*taken));

	qsort(backends, n, sizeof(*backends), by_name);
	for (size_t i = 0; i < n; i++)
		p[i] = preference_of(backends[i].name, seed);
	for (size_t filled = 0; filled < MAGLEV_SIZE; filled++) {
		struct preference *turn = &p[filled % n];

		while (taken[turn->next])
			turn->next = (turn->next + turn->skip) % MAGLEV_SIZE;
		taken[turn->next] = true;
		table[turn->next] = backends[filled % n].id;
	}
}
