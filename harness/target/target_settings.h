/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Objects that have a node's settings compiled in lie in one folder for each: found by the header that each was
 * compiled with (node_config.h, and ep_config.h and netdev_config.h if they are there), not by a name.
 */
#ifndef VERDICT_TARGET_TARGET_SETTINGS_H
#define VERDICT_TARGET_TARGET_SETTINGS_H

#include "cluster/node_config.h"
#include "scenario/target_desc.h"

struct settings_found {
	const char *folder;
	/* What is compiled in there otherwise than the node has it, in a line; NULL: all fits. */
	const char *otherwise;
};

/* Of `folder` and those in it, the first whose settings fit the node best. A folder without the header has
 * objects of which nothing is known; it is taken only where no folder has one. Memory from a.
 */
int target_settings_find(struct arena *a, const struct target_desc *d, const char *folder,
			 const struct node_defines *wanted, struct settings_found *out,
			 struct err *err);

#endif
