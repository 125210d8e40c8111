/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The parts of a step's expectation that judge/text.c holds. Internal to judge/. */
#ifndef VERDICT_JUDGE_STEP_H
#define VERDICT_JUDGE_STEP_H

#include "judge/check.h"

void check_monitor(struct check *c, const struct text_expect *e);
void check_log(struct check *c, const struct text_expect *e);

#endif
