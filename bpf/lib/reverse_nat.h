/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An address and a port as services and NAT entries hold them. */
#ifndef VERDICT_LIB_REVERSE_NAT_H
#define VERDICT_LIB_REVERSE_NAT_H

#include <lib/common.h>

struct lb4_reverse_nat {
	__be32 address;
	__be16 port;
} __attribute__((packed));

struct lb6_reverse_nat {
	union v6addr address;
	__be16 port;
} __attribute__((packed));

#endif
