/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Well-formed packets, one of every kind, of which datapath_hostile.h makes malformed ones. */
#ifndef VERDICT_TESTS_HOSTILE_PACKETS_H
#define VERDICT_TESTS_HOSTILE_PACKETS_H

#include "lab.h"

#define HOSTILE_SAMPLES 12

/* Who the packets are from and to; addresses of one family. */
struct hostile_ends {
	const char *src, *dst;
	uint16_t sport, dport;
};

static inline bool hostile_is_v6(const struct hostile_ends *e)
{
	return strchr(e->src, ':');
}

static inline uint32_t hostile_begin(struct pkt *p, const struct hostile_ends *e, uint8_t proto)
{
	put_eth(p, hostile_is_v6(e) ? 0x86dd : 0x0800);
	return hostile_is_v6(e) ? put_ip6(p, e->src, e->dst, proto)
				: put_ip4(p, e->src, e->dst, proto);
}

static inline struct pkt hostile_tcp(const struct hostile_ends *e, uint8_t flags)
{
	struct pkt p;
	uint32_t l3 = hostile_begin(&p, e, 6), l4 = put_tcp(&p, e->sport, e->dport, flags);

	put_data(&p, 6);
	end_l4(&p, (int)l3, l4, 16, 6);
	end_ip(&p, l3);
	return p;
}

static inline struct pkt hostile_udp(const struct hostile_ends *e)
{
	struct pkt p;
	uint32_t l3 = hostile_begin(&p, e, 17), l4 = put_udp(&p, e->sport, e->dport, 6);

	put_data(&p, 6);
	end_l4(&p, (int)l3, l4, 6, 17);
	end_ip(&p, l3);
	return p;
}

static inline struct pkt hostile_sctp(const struct hostile_ends *e)
{
	struct pkt p;
	uint32_t l3 = hostile_begin(&p, e, 132), l4 = p.len;

	put16(&p, e->sport);
	put16(&p, e->dport);
	put32(&p, 1);
	put32(&p, 0);
	put_data(&p, 16);
	end_sctp(&p, l4);
	end_ip(&p, l3);
	return p;
}

static inline struct pkt hostile_echo(const struct hostile_ends *e, bool reply)
{
	struct pkt p;
	bool v6 = hostile_is_v6(e);
	uint32_t l3 = hostile_begin(&p, e, v6 ? 58 : 1), l4;

	l4 = put_icmp(&p, v6 ? 128 + reply : 8 - 8 * reply, 0, 7, 1);
	put_data(&p, 8);
	end_l4(&p, v6 ? (int)l3 : -1, l4, 2, 58);
	end_ip(&p, l3);
	return p;
}

/* "Unreachable", about what the receiver never sent. */
static inline struct pkt hostile_error(const struct hostile_ends *e)
{
	struct hostile_ends back = { e->dst, e->src, e->dport, e->sport };
	struct pkt inner = hostile_tcp(&back, SYN), p;
	bool v6 = hostile_is_v6(e);

	put_eth(&p, v6 ? 0x86dd : 0x0800);
	put_error(&p, e->src, e->dst, v6 ? 1 : 3, v6 ? 4 : 3, 0, &inner, v6 ? 60 : 40);
	return p;
}

/* 12 bytes of options in front of TCP: no-ops, a record of the route, the end. */
static inline struct pkt hostile_options(const struct hostile_ends *e)
{
	static const uint8_t options[12] = { 1, 7, 7, 4, 0, 0, 0, 0, 1, 1, 1, 0 };
	struct pkt p;
	uint32_t l3, l4;

	put_eth(&p, 0x0800);
	l3 = put_ip4(&p, e->src, e->dst, 6);
	p.b[l3] = 0x48;
	put_bytes(&p, options, sizeof(options));
	l4 = put_tcp(&p, e->sport, e->dport, SYN);
	end_l4(&p, (int)l3, l4, 16, 6);
	end_ip(&p, l3);
	return p;
}

/* n extension headers of 8 bytes of a type in front of TCP. */
static inline struct pkt hostile_chain(const struct hostile_ends *e, uint8_t type, unsigned n)
{
	struct pkt p;
	uint32_t l3, l4;

	put_eth(&p, 0x86dd);
	l3 = put_ip6(&p, e->src, e->dst, n ? type : 6);
	while (n--) {
		put8(&p, n ? type : 6);
		put8(&p, 0);
		put16(&p, type == 44 ? 0 : 0x0104); /* PadN; an atomic fragment */
		put32(&p, 0);
	}
	l4 = put_tcp(&p, e->sport, e->dport, SYN);
	end_l4(&p, (int)l3, l4, 16, 6);
	end_ip(&p, l3);
	return p;
}

/* A piece of a UDP datagram: its bytes from `from` on, 8 at least. */
static inline struct pkt hostile_fragment(const struct hostile_ends *e, uint16_t offset8, bool more,
					  uint16_t bytes)
{
	struct pkt p;
	uint16_t word;
	uint32_t l3;

	if (hostile_is_v6(e)) {
		put_eth(&p, 0x86dd);
		l3 = put_ip6(&p, e->src, e->dst, 44);
		put16(&p, 17 << 8);
		put16(&p, (uint16_t)(offset8 << 3 | more));
		put32(&p, 4711);
	} else {
		word = (uint16_t)(offset8 | (more ? 0x2000 : 0));
		put_eth(&p, 0x0800);
		l3 = put_ip4(&p, e->src, e->dst, 17);
		set16(&p, l3 + 6, word);
	}
	if (!offset8 && bytes >= 8)
		put_udp(&p, e->sport, e->dport, 400);
	put_data(&p, bytes - (!offset8 && bytes >= 8 ? 8 : 0));
	end_ip(&p, l3);
	return p;
}

/* One of every kind. */
static inline unsigned hostile_samples(const struct hostile_ends *e, struct pkt s[HOSTILE_SAMPLES])
{
	unsigned n = 0;

	s[n++] = hostile_tcp(e, SYN);
	s[n++] = hostile_tcp(e, ACK);
	s[n++] = hostile_udp(e);
	s[n++] = hostile_sctp(e);
	s[n++] = hostile_echo(e, false);
	s[n++] = hostile_echo(e, true);
	s[n++] = hostile_error(e);
	s[n++] = hostile_fragment(e, 0, true, 16);
	if (hostile_is_v6(e)) {
		s[n++] = hostile_chain(e, 0, 1);
		s[n++] = hostile_chain(e, 60, 2);
		s[n++] = hostile_chain(e, 43, 1);
	} else {
		s[n++] = hostile_options(e);
	}
	return n;
}

#endif
