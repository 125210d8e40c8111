/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Script space and live space: what a capture or a hand-written flow calls addresses and ports (after
 * `as:`), and what the sockets at its two ends really see.
 *
 * A flow is told by its ends in script space. Whoever sends its first packet is its opener, whose live
 * view is what was sent. The other side's is bound when the first packet is delivered: to what arrived,
 * where it arrived. From then on its packets are written as that place would send them, and what arrives
 * is translated back. TCP, UDP, SCTP and ICMP echo; ICMP errors about them quote what their sender saw;
 * later fragments follow their first one. Other packets pass as they are.
 *
 * What is not done: sequence numbers and timestamps are never translated; a later fragment that comes
 * before its first is taken for the flow that last went between its addresses.
 */
#ifndef VERDICT_ENGINE_FLOW_H
#define VERDICT_ENGINE_FLOW_H

#include "engine/engine.h"

struct flows;
struct flow;

/* All memory from a. The cluster may change between packets. */
struct flows *flows_new(struct arena *a, const struct cluster *c);

/* A packet's part in a flow, from flows_send() to flows_sent(). */
struct flow_pass {
	struct flow *flow; /* NULL: of none */
	bool back; /* not from the opener; of an ICMP error: what it quotes is not */
	bool quoted; /* an ICMP error about a packet of the flow */
	bool has_sender; /* who sends it is known from the flow, not from its address */
	struct cluster_place sender;
};

/* *f: in script space; rewritten in place into what its sender really sends. number: the packet's, for
 * messages. 1: nobody is there who could send it, *why (from the arena) says so.
 */
int flows_send(struct flows *fs, struct frame *f, struct flow_pass *pass, const char **why);
/* After the engine had it: learns from t->frame, outcome, final and place, fills t->received and binds.
 * Engines that do not follow packets leave final empty: then the last hop's bytes and in->to tell.
 */
void flows_sent(struct flows *fs, const struct flow_pass *pass, const struct injection *in,
		struct trace *t);

#endif
