/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The scenario's time: nanoseconds since its run began, moved on by capture timestamps and `advance`.
 *
 * The first packet of a capture arrives at the present; later ones keep their distance from it as
 * captured. Time never goes back: captures with disordered timestamps stand still there.
 */
#ifndef VERDICT_ENGINE_TIMELINE_H
#define VERDICT_ENGINE_TIMELINE_H

#include <stdint.h>

#include "base/arena.h"

struct timeline_anchor {
	const char *capture;
	uint64_t first_ts_ns; /* of the first packet that was sent from it */
	uint64_t at_ns; /* run time that packet was sent at, advances since then added */
};

struct timeline {
	struct arena *arena;
	uint64_t now_ns;
	struct timeline_anchor *anchors;
	size_t n_anchors;
};

void timeline_init(struct timeline *t, struct arena *a);
/* Moves on to the packet's time and returns it. capture is compared by pointer or text. */
uint64_t timeline_packet(struct timeline *t, const char *capture, uint64_t ts_ns);
/* Time passes: the rest of every capture comes later by that much. */
uint64_t timeline_advance(struct timeline *t, uint64_t ns);

#endif
