/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where a node's maps are pinned, and removing what was. */
#ifndef VERDICT_ENGINE_PINS_H
#define VERDICT_ENGINE_PINS_H

#include "base/arena.h"
#include "base/err.h"

/* "<root>/<node>/tc/globals"; a dot in the node's name becomes '_', which no node's name has: a bpffs
 * refuses dots.
 */
const char *pins_node_dir(struct arena *a, const char *root, const char *node);

/* A folder of a bpffs and all below it. What does not exist is no error. */
int pins_remove(const char *dir, struct err *err);

#endif
