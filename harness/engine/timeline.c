/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Keeps one anchor a capture: where its clock stands against the run's. */
#include "engine/timeline.h"

#include <string.h>

void timeline_init(struct timeline *t, struct arena *a)
{
	*t = (struct timeline){ .arena = a };
}

static struct timeline_anchor *anchor_of(struct timeline *t, const char *capture, uint64_t ts_ns)
{
	for (size_t i = 0; i < t->n_anchors; i++)
		if (t->anchors[i].capture == capture || !strcmp(t->anchors[i].capture, capture))
			return &t->anchors[i];
	t->anchors = arena_grow(t->arena, t->anchors, t->n_anchors, sizeof(*t->anchors));
	t->anchors[t->n_anchors] = (struct timeline_anchor){ capture, ts_ns, t->now_ns };
	return &t->anchors[t->n_anchors++];
}

uint64_t timeline_packet(struct timeline *t, const char *capture, uint64_t ts_ns)
{
	const struct timeline_anchor *anchor = anchor_of(t, capture, ts_ns);

	if (ts_ns > anchor->first_ts_ns) {
		uint64_t at = anchor->at_ns + (ts_ns - anchor->first_ts_ns);

		if (at > t->now_ns)
			t->now_ns = at;
	}
	return t->now_ns;
}

uint64_t timeline_advance(struct timeline *t, uint64_t ns)
{
	for (size_t i = 0; i < t->n_anchors; i++)
		t->anchors[i].at_ns += ns;
	t->now_ns += ns;
	return t->now_ns;
}
