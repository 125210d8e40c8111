/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From a packet of a capture to what an engine injects: addresses bound to members of the cluster,
 * the nodes it goes from and to, the MACs of the modelled wire.
 */
#ifndef VERDICT_ENGINE_PREPARE_H
#define VERDICT_ENGINE_PREPARE_H

#include "engine/engine.h"

/* 0: *in and the packet's part of *trace are filled; ready to inject. 1: the packet cannot be placed;
 * trace->outcome is unmodelled and trace->why says why. Negative: scenario error. Memory from a.
 * in->now_ns is left to the caller.
 */
int prepare_packet(const struct cluster *cluster, const struct topology *topology,
		   const struct send_step *send, const struct capture_packet *packet,
		   struct arena *a, struct injection *in, struct trace *trace, struct err *err);

#endif
