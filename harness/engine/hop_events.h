/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a program's events say about the hop that sent them; shared by every engine. */
#ifndef VERDICT_ENGINE_HOP_EVENTS_H
#define VERDICT_ENGINE_HOP_EVENTS_H

#include "engine/trace.h"

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

#endif
