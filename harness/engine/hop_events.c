/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reads conntrack state, identities and drop reason of a hop out of its program's events. */
#include "engine/hop_events.h"

/* Drop reasons that only the policy decision gives: POLICY, POLICY_DENY, POLICY_AUTH_REQUIRED. */
static bool is_policy_drop(uint8_t reason)
{
	return reason == 133 || reason == 181 || reason == 189;
}

static void take_drop(struct hop *hop, const struct event *e)
{
	hop->drop_reason = e->subtype;
	hop->drop_file = e->file;
	hop->drop_line = e->line;
}

void hop_take_events(struct hop *hop, const struct event *events, size_t n)
{
	enum ct_state told = CT_STATE_UNKNOWN;
	bool policy_asked = false;

	hop->src_identity = hop->dst_identity = IDENTITY_UNKNOWN;
	hop->drop_reason = hop->drop_file = hop->drop_line = 0;
	for (size_t i = 0; i < n; i++) {
		const struct event *e = &events[i];

		switch (e->type) {
		case EVENT_TRACE:
			if (e->reason <= CT_STATE_RELATED)
				told = (enum ct_state)e->reason;
			break;
		case EVENT_DROP:
			take_drop(hop, e);
			policy_asked |= is_policy_drop(e->subtype);
			break;
		case EVENT_POLICY_VERDICT:
			policy_asked = true;
			break;
		default: /* debug and capture events carry no identities */
			continue;
		}
		if (e->src_identity)
			hop->src_identity = e->src_identity;
		if (e->dst_identity)
			hop->dst_identity = e->dst_identity;
	}
	hop->has_identities = hop->src_identity || hop->dst_identity;
	if (told == CT_STATE_UNKNOWN && policy_asked)
		told = CT_STATE_NEW;
	hop->ct = told;
}

struct event_sink {
	struct arena *a;
	struct hop *hop;
	enum event_decoder decoder;
};

static void take_raw(struct event_sink *s, const void *record, uint32_t size)
{
	struct hop *hop = s->hop;

	hop->raw_events =
		arena_grow(s->a, hop->raw_events, hop->n_raw_events, sizeof(*hop->raw_events));
	hop->raw_events[hop->n_raw_events++] = (struct raw_event){
		.data = arena_memdup(s->a, record, size),
		.size = size,
	};
}

static void take_event(void *arg, const void *record, uint32_t size)
{
	struct event_sink *s = arg;
	struct hop *hop = s->hop;
	struct event e;

	if (s->decoder == DECODER_NONE || event_decode(record, size, &e, NULL)) {
		take_raw(s, record, size);
		return;
	}
	e.data = arena_memdup(s->a, e.data, e.caplen);
	hop->events = arena_grow(s->a, hop->events, hop->n_events, sizeof(e));
	hop->events[hop->n_events++] = e;
}

int hop_read_events(struct hop *hop, struct event_ring *ring, enum event_decoder decoder,
		    struct arena *a, struct err *err)
{
	struct event_sink sink = { a, hop, decoder };
	int ret;

	if (!ring)
		return 0;
	ret = event_ring_read(ring, take_event, &sink, &hop->lost, err);
	if (!ret)
		hop_take_events(hop, hop->events, hop->n_events);
	return ret;
}
