/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A packet in one line, for people, and in hex. */
#ifndef VERDICT_PACKET_PRINT_H
#define VERDICT_PACKET_PRINT_H

#include "base/buf.h"
#include "packet/parse.h"

/* "10.160.128.31:2379 > 10.160.128.34:24824 tcp PSH,ACK len 17"; ICMP errors with what they quote;
 * fragments, truncation and unparsable packets said as such. len is the length on the wire. No
 * newline.
 */
void packet_print(struct buf *out, const uint8_t *data, uint32_t caplen, uint32_t len,
		  uint16_t linktype);
/* As Cilium's monitor writes a connection: "10.160.128.31:2379 -> 10.160.128.34:24824 tcp SYN, ACK"
 * (of the flags it shows SYN, ACK, RST and FIN only) and "10.0.0.1 -> 10.0.0.2 EchoRequest".
 */
void packet_print_monitor(struct buf *out, const uint8_t *data, uint32_t caplen, uint16_t linktype);
/* Offset, 16 bytes of hex, characters; a newline after each row. */
void packet_hexdump(struct buf *out, const uint8_t *data, uint32_t len);

#endif
