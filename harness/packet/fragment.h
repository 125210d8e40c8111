/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* IPv4 packets cut into fragments, and fragments put together (RFC 791, 3.2). */
#ifndef VERDICT_PACKET_FRAGMENT_H
#define VERDICT_PACKET_FRAGMENT_H

#include "packet/parse.h"
#include "packet/rewrite.h"

/* Pieces of *f, whose headers are *l, of at most mtu bytes of IP each; all bytes from a. As Linux does it: a later
 * piece has No Operation in the place of options that are not copied. Returns how many; 0: no piece of 8 bytes of
 * data fits, or the frame holds less than its header says.
 */
size_t frame_cut(const struct frame *f, const struct layers *l, uint32_t mtu, struct arena *a,
		 struct frame **out);
/* The whole of n pieces in their order, with the headers of the first. False: they do not follow each other. */
bool frame_join(const struct frame *pieces, size_t n, struct arena *a, struct frame *out);

#endif
