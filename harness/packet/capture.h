/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reading packet captures: classic pcap through libpcap, pcapng through packet/pcapng_read.c. */
#ifndef VERDICT_PACKET_CAPTURE_H
#define VERDICT_PACKET_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

/* LINKTYPE_ values (tcpdump.org/linktypes.html) that packets can be replayed from. */
enum linktype {
	LINK_NULL = 0,
	LINK_ETHERNET = 1,
	LINK_RAW = 101,
	LINK_LOOP = 108,
	LINK_LINUX_SLL = 113,
	LINK_IPV4 = 228,
	LINK_IPV6 = 229,
	LINK_LINUX_SLL2 = 276,
};

/* One packet as the capture holds it. Pointers are valid until the next capture_next(). */
struct capture_packet {
	uint32_t number; /* as Wireshark counts: from 1, over the whole file */
	uint64_t ts_ns; /* since the epoch; 0 where the block has none (simple packet block) */
	uint32_t interface; /* index in the file; 0 for classic pcap */
	const char *interface_name; /* NULL if not said */
	uint16_t linktype;
	const uint8_t *data; /* caplen bytes */
	uint32_t caplen;
	uint32_t len; /* on the wire; > caplen when the packet was truncated */
	const char *comment; /* first opt_comment, NULL if none */
	bool has_verdict;
	uint8_t verdict_type; /* 0 hardware, 1 eBPF TC, 2 eBPF XDP */
	uint64_t verdict;
	bool has_packetid;
	uint64_t packetid;
	uint32_t flags; /* epb_flags; low 2 bits: 1 inbound, 2 outbound */
};

struct capture;

/* Opens either format, told apart by the magic number. Input error (file, what is wrong, what to
 * do) for a missing or empty file, an unknown format, a broken header.
 */
int capture_open(const char *path, struct capture **out, struct err *err);
/* 1: *p is filled. 0: end of file. Negative: the file is broken here; the message names the packet
 * number and the offset in the file. Packets before the break have been returned.
 */
int capture_next(struct capture *cap, struct capture_packet *p, struct err *err);
/* How much of the file was read, from 0 to 1; 0 where that is not known (a pipe). */
double capture_progress(const struct capture *cap);
void capture_close(struct capture *cap); /* NULL is fine */

/* The whole capture at once, copied into the arena. */
int capture_load(struct arena *a, const char *path, struct capture_packet **packets, size_t *n,
		 struct err *err);

/* "ETHERNET", "LINUX_SLL" ...; NULL for one we cannot replay. */
const char *linktype_name(uint16_t linktype);

#endif
