/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sockets of a control group that the process itself is not in. */
#ifndef VERDICT_ENGINE_SOCK_GROUP_H
#define VERDICT_ENGINE_SOCK_GROUP_H

#include "base/arena.h"
#include "base/err.h"

/* A folder below the process's own group, of a name that is this process's; it is not made. What a run left that was
 * killed between making its group and taking it away, is removed. System error where there are no control groups
 * of version 2.
 */
int sock_group_name(struct arena *a, char **out, struct err *err);

/* socket(family, type), of that group and network namespace (descriptors). Returns it, or a negative errno. */
int sock_in_group(int group, int ns, int family, int type, struct err *err);

#endif
