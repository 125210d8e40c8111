/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A raw scenario and what a run of it showed, as the text of a scenario file that expects just that. */
#ifndef VERDICT_REPORT_RECORD_H
#define VERDICT_REPORT_RECORD_H

#include "base/buf.h"
#include "engine/trace.h"

/* How much of the maps is expected: what does not repeat from run to run cannot be. */
enum record_detail {
	RECORD_VALUES, /* entries with key and value */
	RECORD_KEYS,
	RECORD_COUNTS, /* how many were added, changed, removed */
	RECORD_PACKETS, /* nothing of maps */
};

struct record_opts {
	const char *from; /* where it comes from, for the comment at its head: one line */
	enum record_detail detail;
};

/* s: target and one send a step; captures and files of maps are named by their last part. t: with the
 * changes of every map (run_opts.all_maps). The text is marked as unreviewed. Packets that are
 * unmodelled are named in a comment, nothing is expected of them.
 */
void record_print(struct buf *out, const struct scenario *s, const struct run_trace *t,
		  const struct record_opts *opts);

#endif
