/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Removing what was pinned: a folder of a bpffs and all below it. */
#ifndef VERDICT_ENGINE_PINS_H
#define VERDICT_ENGINE_PINS_H

#include "base/err.h"

/* What does not exist is no error. */
int pins_remove(const char *dir, struct err *err);

#endif
