/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How a row of the field table describes a field; only field*.c know. */
#ifndef VERDICT_PACKET_FIELD_TABLE_H
#define VERDICT_PACKET_FIELD_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "packet/parse.h"

/* What off counts from. */
enum field_base {
	BASE_FRAME,
	BASE_ETH,
	BASE_VLAN, /* the TCI of 802.1Q tags */
	BASE_QINQ, /* the TCI of 802.1ad tags */
	BASE_ARP,
	BASE_IP, /* of either version */
	BASE_IP4,
	BASE_IP6,
	BASE_IP6_FRAGMENT, /* the fragment header */
	BASE_TCP,
	BASE_UDP,
	BASE_SCTP,
	BASE_ICMP,
	BASE_ICMP6,
	BASE_VXLAN,
	BASE_GENEVE,
	BASE_PAYLOAD, /* what no other field shows */
};

enum field_kind { KIND_DEC, KIND_HEX, KIND_FLAG, KIND_MAC, KIND_IP4, KIND_IP6, KIND_BYTES };

/* A field that only some packets of its protocol have. */
enum field_when {
	WHEN_ALWAYS,
	WHEN_TYPE, /* an EtherType, not a length */
	WHEN_ARP_IP4, /* Ethernet and IPv4 addresses */
	WHEN_ECHO, /* ICMP messages with identifier and sequence number */
	WHEN_FRAG_NEEDED,
	WHEN_REDIRECT,
	WHEN_ECHO6,
	WHEN_TOO_BIG,
	WHEN_SOLICIT,
	WHEN_ADVERT,
};

/* Values that are not simply bytes at an offset. */
enum field_special {
	SPECIAL_NONE,
	SPECIAL_LEN,
	SPECIAL_OPTIONS,
	SPECIAL_PAYLOAD,
	SPECIAL_CHECKSUM, /* its state: Wireshark's PROTO_CHECKSUM_E_* (epan/proto.h) */
};

struct field {
	const char *name, *text;
	uint8_t base; /* enum field_base */
	uint8_t kind; /* enum field_kind */
	uint8_t when; /* enum field_when */
	uint8_t special; /* enum field_special */
	uint8_t nth; /* 0: the outermost header of that protocol, 1: the next ("#2") */
	uint8_t off; /* from the base */
	uint8_t off2; /* a second place the value may be in (ip.addr); 0: none */
	uint8_t size; /* bytes */
	uint32_t mask; /* of a number; 0: all of it */
	uint8_t shift; /* to the right, after the mask */
	uint8_t scale; /* the value is multiplied by this; 0: 1 */
	uint8_t digits; /* of a hex number; 0: two a byte */
	bool part; /* bits or places that another field shows whole: no difference of their own */
};

extern const struct field field_table[];
extern const size_t field_table_n;

/* What one packet has for a field. */
struct field_place {
	const uint8_t *at; /* its bytes; NULL for a length */
	const uint8_t *at2; /* of the second place, or NULL */
	uint32_t len; /* how many bytes; of a length and of a checksum's state, its value */
};

/* False if the packet does not have the field. */
bool field_locate(const struct field *f, const uint8_t *data, uint32_t caplen,
		  const struct layers *l, struct field_place *out);
/* The value of a field of the number kinds; at is one of v's. */
uint32_t field_number(const struct field *f, const struct field_place *v, const uint8_t *at);

#endif
