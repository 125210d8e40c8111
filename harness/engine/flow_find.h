/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The flows of a run, for flow.c: which of them a packet of the script is of. */
#ifndef VERDICT_ENGINE_FLOW_FIND_H
#define VERDICT_ENGINE_FLOW_FIND_H

#include "base/table.h"
#include "engine/flow.h"
#include "packet/ends.h"

enum { OPENER, ANSWERER };

/* What one side of the flow sees, as ends of a packet from the opener. */
struct view {
	bool bound;
	struct packet_ends ends;
	struct cluster_place place;
	unsigned generation; /* of the cluster, when place was its */
};

struct flow {
	struct packet_ends script; /* of a packet from the opener */
	struct view live[2];
	/* The last packet to the answerer that did not arrive, while none has; 0: none. */
	uint32_t lost;
	enum outcome lost_to;
};

struct flows {
	struct arena *arena;
	const struct cluster *cluster;
	struct table by_ends;
	struct table by_addresses; /* the flow that was last seen between them */
	struct table fragments;
};

/* Fills flow, back and quoted of an empty pass; what begins a flow opens it. False: it is of none. */
bool flow_find(struct flows *fs, const struct frame *f, struct flow_pass *pass);

/* Where one of them has no ports, by addresses alone. */
bool flow_same_ends(const struct packet_ends *a, const struct packet_ends *b);

#endif
