/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a program changed in a packet: field by field, then bytes. */
#ifndef VERDICT_PACKET_PACKET_DIFF_H
#define VERDICT_PACKET_PACKET_DIFF_H

#include "base/buf.h"
#include "packet/rewrite.h"

bool frames_differ(const struct frame *was, const struct frame *is);
/* Lines, each begun with indent; nothing if they are the same. */
void print_packet_diff(struct buf *out, const struct frame *was, const struct frame *is,
		       const char *indent);

#endif
