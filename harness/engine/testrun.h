/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the benchmark needs from the testrun engine beyond the interface all engines share. */
#ifndef VERDICT_ENGINE_TESTRUN_H
#define VERDICT_ENGINE_TESTRUN_H

#include "engine/engine.h"

/* The program an engine_testrun instance runs at a node's hook. */
int testrun_program_fd(const struct engine *e, unsigned node, enum hook hook);
/* Reads and throws away what events wait; for runs made outside the engine. */
int testrun_drop_events(struct engine *e, struct err *err);
/* Forgets which node's namespace the thread is in: the caller is about to change it. */
void testrun_leave(struct engine *e);

#endif
