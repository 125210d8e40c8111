/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the kernel's stack does with a frame that tc ingress let pass, as far as the link layer goes. */
#ifndef VERDICT_ENGINE_STACK_H
#define VERDICT_ENGINE_STACK_H

#include <stdint.h>

#include "packet/rewrite.h"

/* Why the stack of a device with that MAC ignores the frame without a word; NULL if it takes it. Text
 * that lives for ever.
 */
const char *stack_ignores(const struct frame *f, const uint8_t mac[6]);

#endif
