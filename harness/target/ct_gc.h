/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What an agent does to conntrack maps: collect garbage, and let time pass over entries. */
#ifndef VERDICT_TARGET_CT_GC_H
#define VERDICT_TARGET_CT_GC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "cluster/cluster.h"
#include "target/maps.h"

#define CT_MAPS 4
extern const char *const ct_map_names[CT_MAPS];

struct ct_gc_opts {
	uint32_t now; /* seconds, as lifetimes count them */
	/* Not NULL: also delete entries neither of whose addresses an endpoint of this node has on
	 * record (cilium/cilium#19367: the host endpoint has none).
	 */
	const struct cluster_node *endpoints_of;
	/* told of each entry deleted for want of an endpoint; may be NULL */
	void (*orphan)(void *arg, const struct map *m, const void *key);
	void *arg;
};

struct ct_gc_stats {
	uint64_t scanned, expired, no_endpoint;
};

/* Raises the counts of *stats. Input error if the map is no conntrack map. */
int ct_collect(struct map *m, const struct ct_gc_opts *opts, struct ct_gc_stats *stats,
	       struct err *err);
/* Takes seconds off every entry's lifetime, and off the times of its last reports; negative: adds.
 * An entry that the datapath writes in the same moment may lose that write's counters.
 */
int ct_age(struct map *m, int64_t seconds, struct err *err);

#endif
