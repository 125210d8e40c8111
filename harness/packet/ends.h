/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whom a packet goes from and to, and giving it other ends: addresses, and what tells flows between
 * them apart. Checksums are corrected by the difference (RFC 1624; SCTP's CRC32c is linear too), so
 * one that was wrong stays wrong.
 */
#ifndef VERDICT_PACKET_ENDS_H
#define VERDICT_PACKET_ENDS_H

#include "packet/rewrite.h"

/* port: of TCP, UDP and SCTP, host order. An ICMP echo has one number for both directions, the
 * identifier: it stands with the side that asks, and the other has 0, as in a NAT (RFC 5508, 3.1).
 */
struct packet_end {
	struct ip_addr addr;
	uint16_t port;
};

struct packet_ends {
	uint8_t proto; /* IPPROTO_* */
	bool has_ports; /* false: later fragments, ICMP errors, protocols without ports */
	struct packet_end src, dst;
};

bool packet_end_equal(const struct packet_end *a, const struct packet_end *b);
struct packet_ends packet_ends_reverse(const struct packet_ends *e);

/* Of the outermost IP packet; false if there is none. */
bool frame_ends(const struct frame *f, struct packet_ends *out);
/* Of the packet that an ICMP error quotes; false if it is none. */
bool frame_quoted_ends(const struct frame *f, struct packet_ends *out);

/* Writes in place. Families must be the packet's; ports are written where to->has_ports and the
 * packet has them. The CRC of an SCTP packet that is not all there (a fragment, a quoted one) is left
 * as it is when ports change.
 */
void frame_set_ends(struct frame *f, const struct packet_ends *to);
void frame_set_quoted_ends(struct frame *f, const struct packet_ends *to);

#endif
