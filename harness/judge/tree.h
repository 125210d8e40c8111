/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A packet's way as a tree: each hop with its programs, what they looked up and found, what they changed; what
 * nodes did in between; the end, and of a drop what in the manifests decided it. Stable: the same way gives
 * the same text on every machine. Source lines of the datapath, which move with each edit of it, stand on
 * lines of their own; of manifests the file's name stands there, not its folder's.
 */
#ifndef VERDICT_JUDGE_TREE_H
#define VERDICT_JUDGE_TREE_H

#include "base/buf.h"
#include "engine/trace.h"

/* The first line: "step 4, packet 3: 10.0.1.10:40003 > 10.96.0.31:80 tcp SYN len 0". */
void tree_print(struct buf *out, unsigned step, const struct trace *t);
/* Its events one after the other, as `cilium monitor -D -vv` prints them, each behind its node's name. */
void tree_print_monitor(struct buf *out, const struct trace *t);

#endif
