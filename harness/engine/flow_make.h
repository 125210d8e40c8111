/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The packets of hand-written flows, in script space: numbered, timed and whole, as if a capture held
 * them. A flow's state (sequence numbers, tags, time) goes on from step to step.
 */
#ifndef VERDICT_ENGINE_FLOW_MAKE_H
#define VERDICT_ENGINE_FLOW_MAKE_H

#include "cluster/cluster.h"
#include "packet/capture.h"
#include "scenario/flow.h"

struct flow_maker;

/* All memory from a. The same scenario, cluster and seed give the same bytes. */
struct flow_maker *flow_maker_new(struct arena *a, const struct cluster *c,
				  const struct scenario *s);
/* The packets of one step; called once a step, in order. */
int flow_make(struct flow_maker *m, const struct flow_step *f, struct capture_packet **packets,
	      size_t *n, struct err *err);
/* 1: its sender would not send it, for what it answers did not arrive: *why says so. A packet of the side of
 * `to` needs the last one of the other side, and all that follows a handshake needs that.
 */
int flow_may_send(const struct flow_maker *m, const struct flow_step *f, uint32_t number,
		  const char **why);
/* What became of it. */
void flow_note_sent(struct flow_maker *m, const struct flow_step *f, uint32_t number,
		    enum outcome outcome);

#endif
