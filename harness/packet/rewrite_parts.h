/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What changes bytes of a packet and its checksums by the difference; of this room only. */
#ifndef VERDICT_PACKET_REWRITE_PARTS_H
#define VERDICT_PACKET_REWRITE_PARTS_H

#include "packet/parse.h"

/* Inside the packet that an ICMP error quotes, every change is one of the error's data too. */
struct cover {
	uint8_t *data;
	int check; /* offset of the error's checksum; NO_OFFSET for the outer packet */
};

/* Tells the cover that len bytes at `at` were `was` before. */
void cover_note(struct cover *c, const uint8_t *was, int at, uint32_t len);
/* Replaces the IP address of size bytes at `at`, in the header and in the pseudo header. */
void replace_address(uint8_t *data, const struct ip_layers *ip, int at, const uint8_t *to,
		     uint32_t size, struct cover *cover);
/* Offset of the source address. */
int source_at(const struct ip_layers *ip);

#endif
