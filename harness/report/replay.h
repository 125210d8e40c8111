/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A replay for people and for machines: its head, each packet as it comes, the totals. */
#ifndef VERDICT_REPORT_REPLAY_H
#define VERDICT_REPORT_REPLAY_H

#include <stdio.h>

#include "base/buf.h"
#include "engine/replay.h"

#define REPLAY_VERDICTS 16 /* that are counted by name */

/* What the capture says should have come of a packet (epb_verdict). */
struct replay_expected {
	bool is_known;
	int verdict;
	uint32_t number; /* of the record that says it */
};

struct replay_totals {
	uint64_t packets;
	struct {
		int verdict;
		uint64_t n;
	} verdicts[REPLAY_VERDICTS];
	size_t n_verdicts;
	uint64_t other; /* of verdicts beyond those */
	uint64_t unmodelled, truncated, lost;
	uint64_t compared, unexpected; /* verdicts of the capture */
	uint64_t duration_ns;
};

/* Counts a packet that ran. */
void replay_count(struct replay_totals *t, int verdict);

struct replay_head {
	const char *version, *kernel, *capture;
	const struct replay *replay;
	const struct loaded_object *objects;
	size_t n_objects;
};

/* Text: a line a packet, below it what it caused. */
void replay_print_head(struct buf *out, const struct replay_head *h, bool verbose);
void replay_print_packet(struct buf *out, const struct trace *t, bool verbose);
/* "  packet 7: expected XDP_DROP (record 8), actual XDP_PASS" */
void replay_print_unexpected(struct buf *out, uint32_t number, enum hook hook, int verdict,
			     const struct replay_expected *e);
void replay_print_totals(struct buf *out, const struct replay_totals *t, enum hook hook);

/* One JSON document, written as the packets come; reports/replay.schema.json describes it. */
struct replay_json;

struct replay_json *replay_json_open(FILE *f, const struct replay_head *h);
void replay_json_packet(struct replay_json *j, const struct trace *t);
void replay_json_unexpected(struct replay_json *j, uint32_t number, enum hook hook, int verdict,
			    const struct replay_expected *e);
void replay_json_close(struct replay_json *j, const struct replay_totals *t, enum hook hook);

#endif
