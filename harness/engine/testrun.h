/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the benchmark needs from the testrun engine beyond the interface all engines share. */
#ifndef VERDICT_ENGINE_TESTRUN_H
#define VERDICT_ENGINE_TESTRUN_H

#include "engine/engine.h"

/* The program an engine_testrun instance runs at a node's hook. */
int testrun_program_fd(const struct engine *e, unsigned node, enum hook hook);

#endif
