/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What scenarios of one run share: a cluster once read, its namespaces, and an engine that can be made as
 * new without loading programs again.
 */
#ifndef VERDICT_ENGINE_SESSION_H
#define VERDICT_ENGINE_SESSION_H

#include "engine/engine.h"

struct run_cache;

/* One that is loaded and waits while another engine runs a scenario on the same cluster. */
struct engine_aside {
	const struct engine_ops *ops;
	struct engine *engine;
	char *engine_key; /* NULL: none */
	char pin_root[64];
};

struct session {
	struct session *next;
	char *key; /* cluster folder, the scenario's values, whether lookups are noted */
	struct cluster *cluster;
	struct topology *topology; /* NULL until an engine needs it */
	/* The engine that is open or kept; NULL: none. */
	const struct engine_ops *ops;
	struct engine *engine;
	char *engine_key;
	char pin_root[64];
	struct engine_aside aside;
	bool changed; /* a step applied or deleted something */
	/* Clusters that were changed, which what is loaded may still point to. */
	struct cluster **former;
	size_t n_former;
};

/* Scenarios with the same key share a session. malloc'ed; of scenarios with a cluster. */
char *session_key(const struct scenario *s);
/* The session for a scenario's cluster, from the cache or made. */
int session_get(struct run_cache *c, const struct scenario *s, struct session **out,
		struct err *err);
/* s->engine: open, as new. eo: objects, pristine, seed and target; the rest is filled in here. */
int session_open(struct run_cache *c, struct session *s, const struct engine_ops *ops,
		 struct engine_opts *eo, const struct log_sink *log, struct err *err);
/* The scenario is over: keeps the engine if it can be reset and all went well, else closes it. */
int session_close(struct run_cache *c, struct session *s, const struct scenario *scenario,
		  bool failed, struct err *err);

#endif
