/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Changing a captured packet before it is injected: link layer, MACs, addresses.
 *
 * Checksums are corrected by the difference (RFC 1624), so a checksum that was wrong in the capture
 * stays wrong.
 */
#ifndef VERDICT_PACKET_REWRITE_H
#define VERDICT_PACKET_REWRITE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "packet/capture.h"
#include "packet/parse.h"

struct ip_addr {
	uint8_t family; /* 4 or 6; 0 is none */
	uint8_t bytes[16]; /* network order */
};

bool ip_addr_parse(const char *text, struct ip_addr *out);
/* Appends the text form. */
void ip_addr_print(struct buf *out, const struct ip_addr *addr);
bool ip_addr_equal(const struct ip_addr *a, const struct ip_addr *b);
/* Multicast, or 255.255.255.255. */
bool ip_addr_is_group(const struct ip_addr *a);

/* A frame to be injected. Bytes in an arena. */
struct frame {
	uint8_t *data;
	uint32_t len; /* bytes present */
	uint32_t wire_len; /* the packet's true length; > what was captured if truncated */
	bool padded; /* true: the capture cut the packet, zeros fill it up to wire_len */
};

/* The captured packet as an Ethernet frame: SLL, RAW, NULL and the like get an Ethernet header
 * (zero MACs), a truncated packet is filled with zeros to its true length. -EINVAL with a message
 * for a link type or a packet that cannot be an Ethernet frame.
 */
int frame_from_capture(struct arena *a, const struct capture_packet *p, struct frame *out,
		       struct err *err);
void frame_set_macs(struct frame *f, const uint8_t src[6], const uint8_t dst[6]);
/* Source and destination of the outermost IP header; false if there is none. */
bool frame_addresses(const struct frame *f, struct ip_addr *src, struct ip_addr *dst);
/* Replaces every occurrence of from as an IP source or destination, in the outer header, an ARP
 * packet, and the packet an ICMP error quotes. Families must be the same. Returns how many.
 */
int frame_rewrite_address(struct frame *f, const struct ip_addr *from, const struct ip_addr *to);

/* One hop further: TTL or hop limit less one, in a copy of the bytes. False, and nothing changed, where it
 * would be 0 then (RFC 1812, 5.3.1). *l are the frame's headers, with IP.
 */
bool frame_hop(struct frame *f, const struct layers *l, struct arena *a);

#endif
