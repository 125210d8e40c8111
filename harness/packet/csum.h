/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Internet checksums: RFC 1071 sums, RFC 1624 differences, and checking those of a packet. */
#ifndef VERDICT_PACKET_CSUM_H
#define VERDICT_PACKET_CSUM_H

#include <stdint.h>

#include "packet/parse.h"

uint16_t csum_fold(uint32_t sum); /* the checksum as it stands in the packet, host order */
uint32_t csum_add(uint32_t sum, const uint8_t *data, uint32_t len); /* 16-bit words, big endian */
/* RFC 1624 eq. 3: what the big-endian checksum field becomes when `was` turns into `is`; both have
 * len bytes and start at an even offset of the summed data.
 */
uint16_t csum_replace(uint16_t check, const uint8_t *was, const uint8_t *is, uint32_t len);

/* SCTP's checksum (RFC 9260, appendix A) over len bytes at h, of which the field itself counts as
 * zero, in host order: it is the one value the protocol sends low byte first. len is at least 12.
 */
uint32_t csum_sctp(const uint8_t *h, uint32_t len);
/* Writes the header checksum of IPv4 and the transport checksum of TCP, UDP, SCTP, ICMP and ICMPv6.
 * The packet is whole and no fragment.
 */
void csum_fill(uint8_t *data, const struct ip_layers *ip);

enum csum_state { CSUM_NONE, CSUM_GOOD, CSUM_BAD, CSUM_UNVERIFIABLE /* truncated, fragment */ };
enum csum_state csum_l3(const uint8_t *data, uint32_t caplen, const struct ip_layers *ip);
enum csum_state csum_l4(const uint8_t *data, uint32_t caplen, const struct ip_layers *ip);

#endif
