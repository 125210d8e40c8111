/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tables by which all nodes send a flow to the same backend: Maglev (Eisenbud et al., NSDI 2016, 3.4), its
 * permutations from MurmurHash3 as Cilium has them, so that nodes of either agree.
 */
#ifndef VERDICT_CLUSTER_MAGLEV_H
#define VERDICT_CLUSTER_MAGLEV_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

struct maglev_backend {
	const char *name; /* by which it is known on all nodes: "[10.0.0.1:80/TCP,State:active]" */
	uint32_t id; /* this node's */
};

/* A table to be filled: size, a prime, backend ids. */
struct maglev_table {
	uint32_t *ids;
	uint32_t size;
	uint32_t seed;
};

/* Which backend each place of the table leads to. The order of backends is of no consequence: they are sorted
 * by name. n is at least 1.
 */
void maglev_fill(const struct maglev_table *t, struct maglev_backend *backends, size_t n,
		 struct arena *scratch);

/* MurmurHash3_x64_128 with its seed in both halves. */
void murmur3_128(const void *data, size_t len, uint32_t seed, uint64_t out[2]);

#endif
