/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the benchmark needs from the testrun engine beyond the interface all engines share. */
#ifndef VERDICT_ENGINE_TESTRUN_H
#define VERDICT_ENGINE_TESTRUN_H

#include "engine/engine.h"
#include "target/agent.h"

/* The program an engine_testrun instance runs at a node's hook. */
int testrun_program_fd(const struct engine *e, unsigned node, enum hook hook);
struct testrun_place {
	struct agent
		*agent; /* its programs are run by agent_test_run() until all they call is loaded */
	struct agent_program program;
	int ns_fd; /* the node's namespace */
	struct helper_env *env; /* NULL: programs are as shipped */
};
/* The same at any device, by its name; the thread is in the node's namespace afterwards. -ENOENT without err: nothing
 * sits there.
 */
int testrun_at(struct engine *e, unsigned node, const char *device, enum hook hook,
	       struct testrun_place *out, struct err *err);
/* Reads and throws away what events wait; for runs made outside the engine. */
int testrun_drop_events(struct engine *e, struct err *err);
/* Forgets which node's namespace the thread is in: the caller is about to change it. */
void testrun_leave(struct engine *e);

#endif
