/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the agent's parts share: agent.c (the order of a start), agent_entries.c, agent_gc.c. */
#ifndef VERDICT_TARGET_AGENT_INTERNAL_H
#define VERDICT_TARGET_AGENT_INTERNAL_H

#include "base/arena.h"
#include "target/agent.h"
#include "target/object.h"

#define AGENT_OBJECTS 1

struct agent {
	struct arena *arena;
	struct agent_opts opts; /* used during agent_start(); log and pin_dir also later */
	struct object *objects[AGENT_OBJECTS];
	struct event_ring *events;
	int lock; /* on the pin folder, -1: none */
};

/* One logfmt line: level=LEVEL msg=... subsys=SUBSYS. */
void agent_log(const struct agent *a, const char *level, const char *subsys, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Writes the node's entries. The maps an agent owns whole (ipcache, endpoints, policy) hold exactly
 * those afterwards: all wanted entries are written before the first stale one is deleted.
 */
int agent_write_entries(struct agent *a, struct err *err);
/* The first conntrack collection, over the pinned maps and those being migrated away from. */
int agent_collect(struct agent *a, struct err *err);

#endif
