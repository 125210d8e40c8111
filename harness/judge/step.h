/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What judge/step.c and judge/text.c share, and map changes as report/ prints them too. */
#ifndef VERDICT_JUDGE_STEP_H
#define VERDICT_JUDGE_STEP_H

#include "judge/check.h"

uint64_t step_lost(const struct step_trace *t);
const char *map_kind_name(enum map_change_kind kind); /* "added" ... */
/* "master-0: added cilium_ct4_global {...} = {...}" */
void print_map_change(struct buf *out, const struct node_map_change *ch);

void check_monitor(struct check *c, const struct text_expect *e);
void check_log(struct check *c, const struct text_expect *e);

#endif
