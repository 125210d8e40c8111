/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Builds packets for tests, byte by byte and with sums computed the slow way. Shares no code with
 * harness/packet/, so that one can judge the other, and needs no Criterion.
 */
#ifndef VERDICT_TESTS_PACKET_BYTES_H
#define VERDICT_TESTS_PACKET_BYTES_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct pkt {
	uint8_t b[2048];
	uint32_t len;
	uint16_t linktype;
};

/* A generator of our own: the same packets on every machine. */
static inline uint32_t rnd(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

static inline void put8(struct pkt *p, uint8_t v)
{
	p->b[p->len++] = v;
}

static inline void put16(struct pkt *p, uint16_t v)
{
	put8(p, (uint8_t)(v >> 8));
	put8(p, (uint8_t)v);
}

static inline void put32(struct pkt *p, uint32_t v)
{
	put16(p, (uint16_t)(v >> 16));
	put16(p, (uint16_t)v);
}

static inline void put_bytes(struct pkt *p, const void *data, uint32_t len)
{
	memcpy(p->b + p->len, data, len);
	p->len += len;
}

/* Data no dissector takes for something. */
static inline void put_data(struct pkt *p, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		put8(p, (uint8_t)(0xe0 + i % 13));
}

static inline void set16(struct pkt *p, uint32_t at, uint16_t v)
{
	p->b[at] = (uint8_t)(v >> 8);
	p->b[at + 1] = (uint8_t)v;
}

static inline uint16_t at16(const struct pkt *p, uint32_t at)
{
	return (uint16_t)(p->b[at] << 8 | p->b[at + 1]);
}

static inline void put_eth(struct pkt *p, uint16_t type)
{
	*p = (struct pkt){ .linktype = 1 };
	put_bytes(p, "\x02\x00\x00\x00\x00\x0b\x02\x00\x00\x00\x00\x0a", 12);
	put16(p, type);
}

static inline void put_vlan(struct pkt *p, uint16_t tci, uint16_t type)
{
	put16(p, tci);
	put16(p, type);
}

static inline void put_addr(struct pkt *p, const char *text)
{
	uint8_t a[16];

	if (strchr(text, ':')) {
		inet_pton(AF_INET6, text, a);
		put_bytes(p, a, 16);
	} else {
		inet_pton(AF_INET, text, a);
		put_bytes(p, a, 4);
	}
}

static inline uint32_t put_ip4(struct pkt *p, const char *src, const char *dst, uint8_t proto)
{
	uint32_t at = p->len;

	put8(p, 0x45);
	put8(p, 0);
	put16(p, 0); /* length: end_ip() */
	put16(p, 0x1234);
	put16(p, 0x4000);
	put8(p, 64);
	put8(p, proto);
	put16(p, 0);
	put_addr(p, src);
	put_addr(p, dst);
	return at;
}

static inline uint32_t put_ip6(struct pkt *p, const char *src, const char *dst, uint8_t next)
{
	uint32_t at = p->len;

	put32(p, 0x60000000);
	put16(p, 0);
	put8(p, next);
	put8(p, 64);
	put_addr(p, src);
	put_addr(p, dst);
	return at;
}

static inline uint16_t slow_sum(const uint8_t *p, uint32_t len, uint32_t sum)
{
	for (uint32_t i = 0; i < len; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Fills in the length and the header checksum of the IP packet at `at`, which ends the packet. */
static inline void end_ip(struct pkt *p, uint32_t at)
{
	if (p->b[at] >> 4 == 6) {
		set16(p, at + 4, (uint16_t)(p->len - at - 40));
		return;
	}
	set16(p, at + 2, (uint16_t)(p->len - at));
	set16(p, at + 10, 0);
	set16(p, at + 10, slow_sum(p->b + at, (p->b[at] & 0xfu) * 4, 0));
}

/* The headers of a piece of a UDP datagram, which id names, up to IP's; offset: in bytes, a multiple of 8. Returns
 * where IP's begins.
 */
static inline uint32_t put_udp_piece(struct pkt *p, bool v6, const char *src, const char *dst,
				     uint16_t id, uint16_t offset, bool more)
{
	uint32_t l3;

	put_eth(p, v6 ? 0x86dd : 0x0800);
	l3 = v6 ? put_ip6(p, src, dst, 44) : put_ip4(p, src, dst, 17);
	if (v6) {
		put8(p, 17);
		put8(p, 0);
		put16(p, (uint16_t)(offset | more));
		put32(p, id);
	} else {
		set16(p, l3 + 4, id);
		set16(p, l3 + 6, (uint16_t)(offset / 8 | (more ? 0x2000 : 0)));
	}
	return l3;
}

/* Sets the checksum at l4 + off over all behind l4; l3 < 0: without a pseudo header. */
static inline void end_l4(struct pkt *p, int l3, uint32_t l4, uint32_t off, uint8_t proto)
{
	uint32_t len = p->len - l4, sum = 0;

	set16(p, l4 + off, 0);
	if (l3 >= 0) {
		uint32_t from = p->b[l3] >> 4 == 4 ? 12 : 8, n = p->b[l3] >> 4 == 4 ? 8 : 32;

		for (uint32_t i = 0; i < n; i += 2)
			sum += at16(p, (uint32_t)l3 + from + i);
		sum += len + proto;
	}
	set16(p, l4 + off, slow_sum(p->b + l4, len, sum));
}

static inline uint32_t put_tcp(struct pkt *p, uint16_t sport, uint16_t dport, uint8_t flags)
{
	uint32_t at = p->len;

	put16(p, sport);
	put16(p, dport);
	put32(p, 0x01020304);
	put32(p, flags & 0x10 ? 0x0a0b0c0d : 0);
	put8(p, 0x50);
	put8(p, flags);
	put16(p, 501);
	put16(p, 0);
	put16(p, 0);
	return at;
}

static inline uint32_t put_udp(struct pkt *p, uint16_t sport, uint16_t dport, uint16_t data)
{
	uint32_t at = p->len;

	put16(p, sport);
	put16(p, dport);
	put16(p, (uint16_t)(data + 8));
	put16(p, 0);
	return at;
}

static inline uint32_t put_icmp(struct pkt *p, uint8_t type, uint8_t code, uint16_t a, uint16_t b)
{
	uint32_t at = p->len;

	put8(p, type);
	put8(p, code);
	put16(p, 0);
	put16(p, a);
	put16(p, b);
	return at;
}

/* CRC32c as RFC 9260, appendix A, describes it: a division of bits sent lowest first. */
static inline void end_sctp(struct pkt *p, uint32_t l4)
{
	uint32_t rest = 0xffffffff;

	memset(p->b + l4 + 8, 0, 4);
	for (uint32_t i = l4 * 8; i < p->len * 8; i++) {
		uint32_t bit = p->b[i / 8] >> i % 8 & 1;

		rest = rest << 1 ^ ((rest >> 31 ^ bit) ? 0x1edc6f41 : 0);
	}
	for (uint32_t i = 0; i < 32; i++)
		p->b[l4 + 8 + i / 8] |= (uint8_t)((~rest >> (31 - i) & 1) << i % 8);
}

/* A whole TCP packet behind whatever link header p has. */
static inline void put_tcp4(struct pkt *p, const char *src, uint16_t sport, const char *dst,
			    uint16_t dport, uint8_t flags, uint32_t data)
{
	uint32_t l3 = put_ip4(p, src, dst, 6), l4 = put_tcp(p, sport, dport, flags);

	put_data(p, data);
	end_l4(p, (int)l3, l4, 16, 6);
	end_ip(p, l3);
}

static inline void put_tcp6(struct pkt *p, const char *src, uint16_t sport, const char *dst,
			    uint16_t dport, uint8_t flags, uint32_t data)
{
	uint32_t l3 = put_ip6(p, src, dst, 6), l4 = put_tcp(p, sport, dport, flags);

	put_data(p, data);
	end_l4(p, (int)l3, l4, 16, 6);
	end_ip(p, l3);
}

static inline void put_udp4(struct pkt *p, const char *src, uint16_t sport, const char *dst,
			    uint16_t dport, uint16_t data)
{
	uint32_t l3 = put_ip4(p, src, dst, 17), l4 = put_udp(p, sport, dport, data);

	put_data(p, data);
	end_l4(p, (int)l3, l4, 6, 17);
	end_ip(p, l3);
}

/* An ICMP error (of the family of its addresses) that quotes `quoted` bytes of inner's IP packet. */
static inline void put_error(struct pkt *p, const char *src, const char *dst, uint8_t type,
			     uint8_t code, uint32_t word, const struct pkt *inner, uint32_t quoted)
{
	bool v6 = strchr(src, ':');
	uint32_t l3 = v6 ? put_ip6(p, src, dst, 58) : put_ip4(p, src, dst, 1);
	uint32_t l4 = put_icmp(p, type, code, (uint16_t)(word >> 16), (uint16_t)word);

	put_bytes(p, inner->b + 14, quoted < inner->len - 14 ? quoted : inner->len - 14);
	end_l4(p, v6 ? (int)l3 : -1, l4, 2, 58);
	end_ip(p, l3);
}

#endif
