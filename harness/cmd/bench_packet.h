/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A packet of a few words: "10.0.1.10|40000 > 10.0.1.20|80", TCP with 50 bytes of data, by either family. */
#ifndef VERDICT_CMD_BENCH_PACKET_H
#define VERDICT_CMD_BENCH_PACKET_H

#include <stdint.h>

#include "base/err.h"

enum { BENCH_TCP_SYN = 2, BENCH_TCP_ACK = 16 };

struct bench_packet {
	uint8_t data[256];
	uint32_t len;
	uint32_t sport_at; /* where the source port stands */
};

/* dst, src: MAC addresses. Input error for text that says no packet. */
int bench_packet_make(const char *text, uint8_t flags, const uint8_t dst[6], const uint8_t src[6],
		      struct bench_packet *out, struct err *err);

#endif
