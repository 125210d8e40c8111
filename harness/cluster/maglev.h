/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tables by which all nodes send a flow to the same backend: Maglev (Eisenbud et al., NSDI 2016, 3.4), its
 * permutations from MurmurHash3 as Cilium has them, so that nodes of either agree.
 */
#ifndef VERDICT_CLUSTER_MAGLEV_H
#define VERDICT_CLUSTER_MAGLEV_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

#define MAGLEV_SIZE 16381 /* a prime */

struct maglev_backend {
	const char *name; /* by which it is known on all nodes: "[10.0.0.1:80/TCP,State:active]" */
	uint32_t id; /* this node's */
};

/* Which backend each place of the table leads to. The order of backends is of no consequence; n is at least
 * 1. *backends is sorted by name.
 */
void maglev_fill(struct maglev_backend *backends, size_t n, uint32_t seed, struct arena *scratch,
		 uint32_t table[MAGLEV_SIZE]);

/* MurmurHash3_x64_128 with its seed in both halves. */
void murmur3_128(const void *data, size_t len, uint32_t seed, uint64_t out[2]);

#endif
