/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From a packet of a capture to what an engine injects: addresses bound to members of the cluster,
 * the nodes it goes from and to, the MACs of the modelled wire.
 */
#ifndef VERDICT_ENGINE_PREPARE_H
#define VERDICT_ENGINE_PREPARE_H

#include "engine/engine.h"
#include "engine/flow.h"
#include "engine/variant.h"

struct prepare {
	const struct cluster *cluster;
	/* For engines that do not follow packets: MACs and MTUs are its. NULL: the engine sets MACs. */
	const struct topology *topology;
	bool follows; /* as the engine does */
	struct flows *flows; /* NULL: packets are sent as they are */
	struct variant_family *family; /* packets are translated to IPv6; NULL: no */
};

/* 0: *in, *pass and the packet's part of *trace are filled; ready to inject. 1: the packet is not sent:
 * it cannot be placed (trace->outcome is unmodelled), or nobody is there who could send it (none);
 * trace->why says why. Negative: scenario error. Memory from a. in->now_ns is left to the caller.
 */
int prepare_packet(const struct prepare *p, const struct send_step *send,
		   const struct capture_packet *packet, struct arena *a, struct injection *in,
		   struct flow_pass *pass, struct trace *trace, struct err *err);

#endif
