/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counters that cilium_metrics is told of in batches. To look for one there takes longer than XDP takes to drop a
 * packet, and a tenth of what it takes to send one on. The first packets are counted at once.
 */
#ifndef VERDICT_LIB_METRICS_BATCH_H
#define VERDICT_LIB_METRICS_BATCH_H

#include <lib/metrics.h>

#define METRICS_BATCH 64 /* packets */
#define METRICS_QUIET (1ULL << 48)
#define METRICS_CPUS  1024 /* a power of two */

/* On one CPU. */
struct metrics_batch {
	/* Of packets that cilium_metrics does not know of yet the bytes; above METRICS_QUIET how many more are
	 * only counted here. In one word: in a flood each access counts.
	 */
	__u64 untold;
	__u64 told; /* how often it was told, up to METRICS_BATCH */
} __attribute__((aligned(64)));

/* Of METRICS_CPUS, and in no per-CPU map: to look into one takes longer than to count. CPUs that are METRICS_CPUS
 * apart share a place, where a count may get lost.
 */
static __always_inline struct metrics_batch *metrics_batch_here(struct metrics_batch *all)
{
	return &all[bpf_get_smp_processor_id() & (METRICS_CPUS - 1)];
}

/* True: that is all there is to do; else metrics_batch_tell() does it. */
static __always_inline bool metrics_batch_count(struct metrics_batch *here, __u32 bytes)
{
	__u64 untold = here->untold + bytes;

	if (untold < METRICS_QUIET)
		return false;
	here->untold = untold - METRICS_QUIET;
	return true;
}

static __always_inline void metrics_batch_tell(struct metrics_batch *here, __u8 reason,
					       enum direction dir, __u8 file, __u16 line,
					       __u32 bytes)
{
	struct metrics_value more = { .count = METRICS_BATCH, .bytes = here->untold + bytes };

	if (here->told < METRICS_BATCH) {
		more.count = 1;
		here->told++;
	}
	here->untold = here->told == METRICS_BATCH ? (METRICS_BATCH - 1) * METRICS_QUIET : 0;
	metrics_add_all(reason, dir, file, line, &more);
}

#endif
