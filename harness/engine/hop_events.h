/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A program's events, read, and what they say about the hop that sent them; shared by every engine. */
#ifndef VERDICT_ENGINE_HOP_EVENTS_H
#define VERDICT_ENGINE_HOP_EVENTS_H

#include "engine/trace.h"
#include "scenario/target_desc.h"

/* Sets ct, identities, drop_reason, drop_file and drop_line of *hop from the n decoded events of that
 * one program run, oldest first; what no event tells becomes unknown. Does not store the events in
 * the hop.
 *
 * ct: the last trace event that knows the state; else new, if policy was asked (a policy verdict, or
 * a drop by policy), since only new packets ask it; else unknown.
 * Identities: for each side the last one that is not 0 (a from-network event does not know the
 * destination yet); has_identities if either side is known.
 */
void hop_take_events(struct hop *hop, const struct event *events, size_t n);

/* Reads what the ring holds into the hop, with all that hop_take_events() concludes of it, and hop->lost. What
 * the decoder does not know becomes a raw event. Data is copied to a. ring NULL: there are none.
 */
int hop_read_events(struct hop *hop, struct event_ring *ring, enum event_decoder decoder,
		    struct arena *a, struct err *err);

#endif
