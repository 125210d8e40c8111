/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Packets with their hops, written to a pcapng one by one: every program run is two records, at its
 * entry and at its exit with the verdict, on interfaces named as xdpdump names them.
 */
#ifndef VERDICT_REPORT_PCAPNG_HOPS_H
#define VERDICT_REPORT_PCAPNG_HOPS_H

#include "base/buf.h"
#include "engine/trace.h"

struct pcapng_hops;

int pcapng_hops_open(const char *path, struct pcapng_hops **out, struct err *err);
/* remark, which may be NULL, adds to the comment at a hop's exit, beginning with a newline. */
int pcapng_hops_packet(struct pcapng_hops *p, const struct trace *t,
		       void (*remark)(void *arg, const struct hop *h, struct buf *out), void *arg,
		       struct err *err);
/* Reports a full disk. Frees p in any case; with `discard` the file is removed, too. */
int pcapng_hops_close(struct pcapng_hops *p, bool discard, struct err *err);

#endif
