/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Packets for tests of the datapath alone. Checksums are left out: nothing under test reads them. */
#ifndef VERDICT_TESTS_DATAPATH_PACKETS_H
#define VERDICT_TESTS_DATAPATH_PACKETS_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

struct packet {
	uint8_t data[2048];
	uint32_t len;
};

static inline void packet_ip(struct packet *p, const char *src, const char *dst, uint8_t proto,
			     const void *l4, uint32_t l4_len)
{
	static const uint8_t eth[14] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0 };
	uint16_t total = htons((uint16_t)(20 + l4_len));
	uint8_t *ip = p->data + 14;

	memcpy(p->data, eth, 14);
	memset(ip, 0, 20);
	ip[0] = 0x45;
	memcpy(ip + 2, &total, 2);
	ip[8] = 64;
	ip[9] = proto;
	inet_pton(AF_INET, src, ip + 12);
	inet_pton(AF_INET, dst, ip + 16);
	memcpy(ip + 20, l4, l4_len);
	p->len = 34 + l4_len;
}

static inline struct packet tcp(const char *src, uint16_t sport, const char *dst, uint16_t dport,
				uint8_t flags)
{
	uint8_t l4[24] = { (uint8_t)(sport >> 8), (uint8_t)sport, (uint8_t)(dport >> 8),
			   (uint8_t)dport };
	struct packet p;

	l4[12] = 0x50;
	l4[13] = flags;
	packet_ip(&p, src, dst, IPPROTO_TCP, l4, sizeof(l4));
	return p;
}

/* UDP or SCTP with 12 bytes: a whole SCTP header. */
static inline struct packet datagram(uint8_t proto, const char *src, uint16_t sport,
				     const char *dst, uint16_t dport)
{
	uint8_t l4[12] = { (uint8_t)(sport >> 8),
			   (uint8_t)sport,
			   (uint8_t)(dport >> 8),
			   (uint8_t)dport,
			   0,
			   sizeof(l4) };
	struct packet p;

	packet_ip(&p, src, dst, proto, l4, sizeof(l4));
	return p;
}

static inline struct packet icmp(const char *src, const char *dst, uint8_t type, uint16_t id)
{
	uint8_t l4[16] = { type, 0, 0, 0, (uint8_t)(id >> 8), (uint8_t)id, 0, 1 };
	struct packet p;

	packet_ip(&p, src, dst, IPPROTO_ICMP, l4, sizeof(l4));
	return p;
}

/* An error that quotes the other packet's IP header and 8 bytes more. */
static inline struct packet icmp_error(const char *src, const char *dst, uint8_t type,
				       const struct packet *quoted)
{
	uint8_t l4[8 + 28] = { type, 1 };
	struct packet p;

	memcpy(l4 + 8, quoted->data + 14, 28);
	packet_ip(&p, src, dst, IPPROTO_ICMP, l4, sizeof(l4));
	return p;
}

static inline struct packet fragment(struct packet p, uint16_t id, uint16_t offset8, bool more)
{
	uint16_t frag = htons((uint16_t)(offset8 | (more ? 0x2000 : 0))), net_id = htons(id);

	memcpy(p.data + 14 + 4, &net_id, 2);
	memcpy(p.data + 14 + 6, &frag, 2);
	return p;
}

#endif
