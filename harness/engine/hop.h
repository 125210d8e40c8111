/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A packet's next hop, the same for every engine: which program sits at a hook, a hop's first lines,
 * who is at the other end of the wire.
 */
#ifndef VERDICT_ENGINE_HOP_H
#define VERDICT_ENGINE_HOP_H

#include "engine/topology.h"
#include "engine/trace.h"

/* The program of the default target at a native device's hook. */
const char *hop_program(enum hook hook);

/* Adds a hop to the trace: where it is and what goes in; verdict, events and the rest are the caller's
 * to fill. Strings are copied to a, since a trace outlives its engine and topology. The pointer stays good
 * while the trace has no more than four hops (arena_grow() moves the list then).
 */
struct hop *hop_add(struct trace *t, const struct topo_node *node, enum hook hook,
		    const struct frame *in, struct arena *a);

/* Index of the node that a frame on the wire goes to, by its destination MAC as a switch decides;
 * -1: the world, or all.
 */
int hop_receiver(const struct topology *t, const struct frame *f);

#endif
