/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files that make a target's description share; of this room only. */
#ifndef VERDICT_SCENARIO_TARGET_DESC_PARTS_H
#define VERDICT_SCENARIO_TARGET_DESC_PARTS_H

#include "scenario/target_desc.h"

/* With its arena and defaults, no name. */
struct target_desc *target_desc_new(void);

#endif
