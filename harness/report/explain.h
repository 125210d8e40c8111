/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A packet's way as a tree: each hop with its programs, what they looked up and found, what they changed; what
 * nodes did in between; the end, and of a drop what in the manifests decided it. Stable: the same run gives
 * the same text, without times or numbers of the machine.
 */
#ifndef VERDICT_REPORT_EXPLAIN_H
#define VERDICT_REPORT_EXPLAIN_H

#include "base/buf.h"
#include "engine/trace.h"

/* what: "packet 3 of etcd.pcapng". */
void explain_print(struct buf *out, const char *what, const struct trace *t);
/* Its events one after the other, as `cilium monitor -D -vv` prints them, a line "------" before each hop. */
void explain_print_monitor(struct buf *out, const struct trace *t);

#endif
