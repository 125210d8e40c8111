/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Programs on a device of the current network namespace, by clsact. */
#ifndef VERDICT_ENGINE_NETNS_ATTACH_H
#define VERDICT_ENGINE_NETNS_ATTACH_H

#include <stdint.h>

#include "base/err.h"
#include "engine/trace.h"

/* Attaches a program as the device's only one at that hook, or replaces in one step what an earlier
 * call attached: no packet passes in between.
 */
int netns_attach(uint32_t ifindex, enum hook hook, int prog_fd, struct err *err);
/* Takes clsact off the device, with all that is attached; none there is no error. */
int netns_detach(uint32_t ifindex, struct err *err);

#endif
