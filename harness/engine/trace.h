/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What was seen: a packet's hops in order and its outcome; a step's traces, log and map changes.
 * Both engines fill the same structures; judge/ and report/ read nothing else.
 */
#ifndef VERDICT_ENGINE_TRACE_H
#define VERDICT_ENGINE_TRACE_H

#include "base/value.h"
#include "base/words.h"
#include "packet/rewrite.h"
#include "scenario/scenario.h"
#include "target/events.h"

enum hook { HOOK_TC_INGRESS, HOOK_TC_EGRESS };

/* One program run at one hook. */
struct hop {
	const char *node, *device, *program;
	const char *at; /* "master-0/eth0" */
	enum hook hook;
	uint32_t ifindex;
	int verdict; /* TC_ACT_* */
	bool verdict_inferred; /* netns: concluded from what came out, not returned */
	int drop_reason; /* positive; 0 if not dropped or not said */
	uint8_t drop_file; /* words_source_file */
	uint16_t drop_line;
	enum ct_state ct; /* UNKNOWN where no event told */
	bool has_identities;
	uint32_t src_identity, dst_identity;
	struct frame in, out; /* bytes at entry and exit; out.data NULL when dropped */
	struct event *events; /* data copied, owned by the step's arena */
	size_t n_events;
	uint64_t lost;
};

struct trace {
	uint32_t number; /* in the capture, from 1 */
	uint64_t ts_ns; /* capture time, since the epoch */
	uint64_t rel_ns; /* since the capture's first packet */
	const char *capture;
	struct frame
		captured; /* as an Ethernet frame, before `as:` and the MACs: what `match:` speaks of */
	struct frame frame; /* as injected */
	bool truncated; /* capture had cut it; zeros were filled in */
	struct hop *hops;
	size_t n_hops;
	enum outcome outcome;
	const char *at; /* where it ended: "master-0/eth0", "world" */
	const char *why; /* unmodelled, or lost: the reason; else NULL */
};

struct node_map_change {
	const char *node, *map;
	enum map_change_kind
		kind; /* ADDED, CHANGED, REMOVED; PRESENT: all entries after the step */
	struct value *key, *was, *is; /* NULL where absent */
};

struct log_line {
	const char *node;
	const char *text;
};

struct step_trace {
	const struct step *step;
	struct trace *packets;
	size_t n_packets;
	struct log_line *log; /* the agents' lines during the step */
	size_t n_log;
	struct node_map_change *changes; /* of the maps the scenario's expectations name */
	size_t n_changes;
	uint64_t lost; /* events */
};

struct run_trace {
	struct step_trace *steps;
	size_t n_steps;
	unsigned interposed; /* helper calls replaced; 0 on netns */
};

#endif
