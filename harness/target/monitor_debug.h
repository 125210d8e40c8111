/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef VERDICT_TARGET_MONITOR_DEBUG_H
#define VERDICT_TARGET_MONITOR_DEBUG_H

#include "target/events.h"

/* "MARK 0x0 FROM 1 DEBUG: Successfully mapped addr=10.0.0.1 to identity=7"; messages that are not known by
 * number and arguments.
 */
void monitor_print_debug(struct buf *out, const struct event *e);

#endif
