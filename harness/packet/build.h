/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whole packets from nothing: for flows that a scenario writes by hand. Every one is an Ethernet frame
 * (zero MACs) with right lengths and checksums; bytes from the arena.
 */
#ifndef VERDICT_PACKET_BUILD_H
#define VERDICT_PACKET_BUILD_H

#include "packet/ends.h"

struct build_ip {
	struct packet_end src, dst; /* of one family; an echo's identifier is its asker's port */
	uint8_t ttl, tos; /* IPv6: hop limit, traffic class */
	uint16_t id; /* IPv4 only; don't fragment is set */
};

struct build_tcp {
	uint32_t seq, ack; /* host order */
	uint8_t flags; /* TH_* */
	uint16_t window;
	uint16_t mss; /* an option if not 0 */
};

struct frame build_tcp(struct arena *a, const struct build_ip *ip, const struct build_tcp *tcp,
		       const void *data, uint32_t len);
struct frame build_udp(struct arena *a, const struct build_ip *ip, const void *data, uint32_t len);

/* One SCTP chunk (RFC 9260, 3.2): its length and padding are filled in. */
struct build_chunk {
	uint8_t type, flags;
	const void *value; /* behind the four bytes of its header */
	uint32_t len;
};

struct frame build_sctp(struct arena *a, const struct build_ip *ip, uint32_t tag,
			const struct build_chunk *chunk);
/* ICMP or ICMPv6, by the family. Of an echo, the identifier comes from ip; word: the rest of the header,
 * host order (of an echo its low half, the sequence).
 */
struct frame build_icmp(struct arena *a, const struct build_ip *ip, uint8_t type, uint8_t code,
			uint32_t word, const void *data, uint32_t len);
/* How many bytes of a packet an ICMP error of that family quotes at most, as Linux sends them: so that
 * it has 576 bytes (RFC 1812, 4.3.2.3), or 1280 (RFC 4443, 2.4).
 */
uint32_t build_quoted_max(uint8_t family);

#endif
