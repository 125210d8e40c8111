/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Runs a scenario's steps on an engine: the part that is the same for all of them. */
#ifndef VERDICT_ENGINE_RUN_H
#define VERDICT_ENGINE_RUN_H

#include "engine/engine.h"

/* Clusters, their namespaces and engines, kept from one scenario to the next (engine/session.h). */
struct run_cache;

struct run_cache *run_cache_new(void);
void run_cache_free(struct run_cache *c); /* takes the topologies down; NULL is fine */

struct run_opts {
	struct run_cache *cache;
	const char *objects; /* NULL: installed */
	const struct target_desc *target; /* of scenarios with a cluster; NULL: Verdict's own */
	bool pristine;
	bool lookups; /* programs note what they ask of maps: hop.lookups */
	const struct variant *variant; /* NULL: as it is written */
	const struct engine_ops *ops; /* in the place of the kind's own; NULL: that */
	bool all_maps; /* of raw scenarios: changes of every map, not of those expected alone */
	void (*progress)(void *arg, unsigned step, unsigned steps,
			 uint64_t packets); /* may be NULL */
	void *progress_arg;
};

/* All memory of *out from a. A raw scenario has no use for kind and cache. The topology is built for the cluster, or taken from the cache. Errors
 * are the harness's or the scenario's (err->kind), never a failed expectation.
 */
int run_scenario(const struct scenario *s, enum engine_kind kind, const struct run_opts *opts,
		 struct arena *a, struct run_trace *out, struct err *err);
#endif
