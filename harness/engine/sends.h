/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The packets that the sends of a scenario replay; a capture stays read while steps stay with it. */
#ifndef VERDICT_ENGINE_SENDS_H
#define VERDICT_ENGINE_SENDS_H

#include "engine/trace.h"
#include "packet/capture.h"
#include "scenario/scenario.h"

struct sends {
	struct arena *arena;
	const char *loaded; /* the capture at hand; NULL: none */
	struct capture_packet *packets; /* all of it */
	size_t n;
	uint64_t first_ts_ns; /* from which the packets' times are counted for people */
};

/* Fills s->packets with those of the send's capture. Packet numbers that it does not have are an
 * input error: they would make no state, and so perhaps let a later expectation hold.
 */
int sends_load(struct sends *s, const struct send_step *send, struct err *err);
/* Whether the send asks for this one of them. */
bool sends_wants(const struct send_step *send, const struct capture_packet *p);
/* Reads what the send's other vantage points saw. */
int sends_load_seen(struct sends *s, const struct send_step *send, struct step_trace *out,
		    struct err *err);

#endif
