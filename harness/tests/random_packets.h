/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Packets by chance: well-formed ones of all kinds between the peers of random_lab.h, answers and errors about packets
 * that were seen, and what a broken or hostile sender makes of them.
 */
#ifndef VERDICT_TESTS_RANDOM_PACKETS_H
#define VERDICT_TESTS_RANDOM_PACKETS_H

#include "packet/parse.h"
#include "random_lab.h"

#define RANDOM_SEEN 64

/* What a packet is to be like, before it is one. */
struct random_spec {
	unsigned v6;
	enum peer_name src, dst;
	uint8_t proto; /* of IPv4; echoes have ICMP's own numbers */
	uint16_t sport, dport;
	uint8_t tcp_flags, ttl;
	uint8_t icmp_type; /* 0 a request for an echo, 1 a reply, else as it stands there */
	uint32_t data;
	bool no_sum; /* UDP */
	bool fragments; /* some are to be made */
};

/* Packets that were seen: what answers and errors are about. */
struct random_seen {
	struct pkt ring[RANDOM_SEEN];
	unsigned n;
};

static inline uint16_t random_port(uint32_t *s)
{
	static const uint16_t ports[] = { 80,	 81,	82,    8080,  30080, 30090, 30070, 9000,
					  22,	 53,	0,     1,     32767, 32768, 40000, 40001,
					  50000, 50001, 50002, 65535, 4789,  6081 };

	return one_in(s, 8) ? (uint16_t)rnd(s) : ports[below(s, sizeof(ports) / sizeof(ports[0]))];
}

static inline enum peer_name random_peer(uint32_t *s)
{
	/* who matters is more often asked */
	return below(s, one_in(s, 4) ? N_PEERS : P_ROUTER);
}

static inline uint8_t random_tcp_flags(uint32_t *s)
{
	static const uint8_t usual[] = { 2, 18, 16, 16, 24, 17, 4, 20, 1 };

	return one_in(s, 12) ? (uint8_t)rnd(s) : usual[below(s, sizeof(usual))];
}

static inline uint8_t random_ttl(uint32_t *s)
{
	static const uint8_t ttls[] = { 64, 64, 64, 64, 255, 63, 2, 1, 1, 0 };

	return ttls[below(s, sizeof(ttls))];
}

static inline struct random_spec random_spec(uint32_t *s)
{
	static const uint8_t protocols[] = { 6, 6, 6, 6, 17, 17, 17, 132, 1, 1, 1, 47 };

	return (struct random_spec){
		.v6 = below(s, 2),
		.src = random_peer(s),
		.dst = random_peer(s),
		.proto = protocols[below(s, sizeof(protocols))],
		.sport = random_port(s),
		.dport = random_port(s),
		.tcp_flags = random_tcp_flags(s),
		.ttl = random_ttl(s),
		.icmp_type = one_in(s, 4) ? (uint8_t)rnd(s) : below(s, 2),
		.data = one_in(s, 16) ? 1300 + below(s, 260) : below(s, 40),
		.no_sum = one_in(s, 6),
		.fragments = one_in(s, 10),
	};
}

/* ---- headers ---- */

/* Options with a length, DSR's among them, and no-ops up to the word. */
static inline void random_options4(uint32_t *s, struct pkt *p)
{
	static const uint8_t types[] = { 7, 68, 130, 131, 136, 148, 0x9a, 0x9a, 30 };
	uint32_t words = 1 + below(s, 10), end = p->len + words * 4;

	while (p->len < end) {
		uint32_t room = end - p->len, len = 2 + below(s, 8);
		uint8_t type = types[below(s, sizeof(types))];

		if (type == 0x9a)
			len = 8;
		if (room < len || one_in(s, 3)) {
			put8(p, one_in(s, 6) ? 0 : 1);
			continue;
		}
		put8(p, type);
		put8(p, (uint8_t)len);
		for (uint32_t i = 2; i < len; i++)
			put8(p, type == 0x9a && i < 4 ? (i == 2 ? 0x8a : 0x75) : (uint8_t)rnd(s));
	}
	p->b[14] = (uint8_t)(0x40 + 5 + words);
}

static inline void random_exthdr(uint32_t *s, struct pkt *p, uint8_t type, uint8_t next)
{
	uint32_t at = p->len, words = one_in(s, 3) ? 3 : 1 + below(s, 3);

	put8(p, next);
	put8(p, (uint8_t)(type == 51 ? words * 2 - 2 : words - 1));
	if (type == 60 && words == 3 && !one_in(s, 3)) { /* DSR's */
		put8(p, 0x1b);
		put8(p, 20);
		put_addr(p, random_peers[below(s, N_PEERS)].addr[1]);
		put16(p, random_port(s));
		put16(p, 0);
		return;
	}
	put8(p, 1);
	put8(p, (uint8_t)(words * 8 - 4));
	while (p->len < at + words * 8)
		put8(p, 0);
}

/* Extension headers in front of the transport's; where the chain ends, the next header stands. */
static inline void random_chain6(uint32_t *s, struct pkt *p, uint8_t proto)
{
	static const uint8_t types[] = { 0, 43, 51, 60, 60 };
	uint8_t chain[4];
	unsigned n = one_in(s, 4) ? 1 + below(s, 3) : 0;

	for (unsigned i = 0; i < n; i++)
		chain[i] = types[below(s, sizeof(types))];
	chain[n] = proto;
	p->b[20] = chain[0];
	for (unsigned i = 0; i < n; i++)
		random_exthdr(s, p, chain[i], chain[i + 1]);
}

static inline uint8_t random_icmp_type(const struct random_spec *is)
{
	if (is->icmp_type < 2)
		return is->v6 ? 128 + is->icmp_type : 8 - is->icmp_type * 8;
	return is->icmp_type;
}

static inline void random_transport(struct pkt *p, const struct random_spec *is, uint32_t l3)
{
	uint32_t l4 = p->len;

	switch (is->proto) {
	case 6:
		put_tcp(p, is->sport, is->dport, is->tcp_flags);
		put_data(p, is->data);
		end_l4(p, (int)l3, l4, 16, 6);
		break;
	case 17:
		put_udp(p, is->sport, is->dport, (uint16_t)is->data);
		put_data(p, is->data);
		if (!is->no_sum)
			end_l4(p, (int)l3, l4, 6, 17);
		if (!is->no_sum && !at16(p, l4 + 6))
			set16(p, l4 + 6, 0xffff);
		break;
	case 132:
		put16(p, is->sport);
		put16(p, is->dport);
		put32(p, 1);
		put32(p, 0);
		put_data(p, is->data);
		end_sctp(p, l4);
		break;
	case 1:
		put_icmp(p, random_icmp_type(is), 0, is->sport, 1);
		put_data(p, is->data);
		end_l4(p, is->v6 ? (int)l3 : -1, l4, 2, 58);
		break;
	default:
		put_data(p, is->data + 4);
	}
}

static inline struct pkt random_build(uint32_t *s, const struct random_spec *is)
{
	const char *src = random_peers[is->src].addr[is->v6];
	const char *dst = random_peers[is->dst].addr[is->v6];
	uint8_t proto = is->v6 && is->proto == 1 ? 58 : is->proto;
	struct pkt p;
	uint32_t l3;

	put_eth(&p, is->v6 ? 0x86dd : 0x0800);
	l3 = is->v6 ? put_ip6(&p, src, dst, proto) : put_ip4(&p, src, dst, proto);
	p.b[l3 + (is->v6 ? 7 : 8)] = is->ttl;
	if (is->v6)
		random_chain6(s, &p, proto);
	else if (one_in(s, 8))
		random_options4(s, &p);
	if (!is->v6 && one_in(s, 3))
		set16(&p, l3 + 6, 0); /* it may be fragmented */
	random_transport(&p, is, l3);
	end_ip(&p, l3);
	return p;
}

/* ---- fragments, answers, errors ---- */

/* A piece of a whole packet without extension headers: bytes [from, to) of what IP carries. */
static inline struct pkt random_piece(const struct pkt *whole, uint32_t from, uint32_t to,
				      uint16_t id, bool last)
{
	bool v6 = whole->b[14] >> 4 == 6;
	uint32_t l4 = v6 ? 54 : 14 + (whole->b[14] & 15) * 4u;
	struct pkt p = { .linktype = 1 };

	put_bytes(&p, whole->b, l4);
	if (v6) {
		put8(&p, whole->b[20]);
		put8(&p, 0);
		put16(&p, (uint16_t)(from | !last));
		put32(&p, id);
		p.b[20] = 44;
	} else {
		set16(&p, 18, id);
		set16(&p, 20, (uint16_t)(from / 8 | (last ? 0 : 0x2000)));
	}
	put_bytes(&p, whole->b + l4 + from, to - from);
	end_ip(&p, 14);
	return p;
}

/* Up to four pieces, in any order; how many. A packet that has extension headers is one. */
static inline unsigned random_fragment(uint32_t *s, const struct pkt *p, struct pkt pieces[4])
{
	bool v6 = p->b[14] >> 4 == 6;
	uint32_t l4 = v6 ? 54 : 14 + (p->b[14] & 15) * 4u, data = p->len - l4;
	unsigned n = 2 + below(s, 3);
	uint32_t size = (data / n + 7) & ~7u;
	uint16_t id = (uint16_t)rnd(s);
	unsigned made = 0;

	if (p->len < l4 + 24 ||
	    (v6 && (p->b[20] == 0 || p->b[20] == 43 || p->b[20] == 51 || p->b[20] == 60)))
		return 0;
	for (uint32_t from = 0; from < data && made < 4; from += size) {
		uint32_t to = from + size < data && made < 3 ? from + size : data;

		pieces[made++] = random_piece(p, from, to, id, to == data);
		if (to == data)
			break;
	}
	for (unsigned i = made - 1; i && one_in(s, 3); i--) {
		unsigned k = below(s, i + 1);
		struct pkt swap = pieces[i];

		pieces[i] = pieces[k];
		pieces[k] = swap;
	}
	return made;
}

static inline void random_see(struct random_seen *seen, const uint8_t *b, uint32_t len)
{
	struct pkt *p = &seen->ring[seen->n % RANDOM_SEEN];

	if (len < 34 || len > sizeof(p->b))
		return;
	*p = (struct pkt){ .linktype = 1 };
	put_bytes(p, b, len);
	seen->n++;
}

static inline const struct pkt *random_any_seen(uint32_t *s, const struct random_seen *seen)
{
	return &seen->ring[below(s, seen->n < RANDOM_SEEN ? seen->n : RANDOM_SEEN)];
}

static inline void random_swap(uint8_t *a, uint8_t *b, unsigned n)
{
	while (n--) {
		uint8_t was = a[n];

		a[n] = b[n];
		b[n] = was;
	}
}

/* The same packet the other way round, as its receiver answers it; sums stay right. False: it has no answer. */
static inline bool random_answer(uint32_t *s, const struct pkt *to, struct pkt *p)
{
	struct layers l;

	packet_parse(to->b, to->len, LINK_ETHERNET, &l);
	if (l.ip.l3 != 14 || l.ip.l4 == NO_OFFSET || l.stop)
		return false;
	*p = *to;
	if (l.ip.version == 6)
		random_swap(p->b + 22, p->b + 38, 16);
	else
		random_swap(p->b + 26, p->b + 30, 4);
	if (l.ip.proto == 6 || l.ip.proto == 17 || l.ip.proto == 132)
		random_swap(p->b + l.ip.l4, p->b + l.ip.l4 + 2, 2);
	if (l.ip.proto == (l.ip.version == 6 ? 58 : 1) &&
	    (p->b[l.ip.l4] == 128 || p->b[l.ip.l4] == 8))
		p->b[l.ip.l4] = l.ip.version == 6 ? 129 : 0;
	if (l.ip.proto == 6)
		p->b[l.ip.l4 + 13] = random_tcp_flags(s);
	packet_parse(p->b, p->len, LINK_ETHERNET, &l);
	if (!l.ip.more_fragments && !l.ip.frag_off && csum_l4(p->b, p->len, &l.ip) == CSUM_BAD)
		csum_fill(p->b, &l.ip);
	return true;
}

/* What a receiver of it, or a router on its way, has to complain about. */
static inline bool random_error(uint32_t *s, const struct pkt *about, struct pkt *p)
{
	static const uint8_t types4[] = { 3, 3, 11, 12, 4 }, types6[] = { 1, 2, 3, 4 };
	bool v6 = about->b[14] >> 4 == 6;
	char src[64], dst[64];
	uint32_t quoted = one_in(s, 3) ? 28 : 20 + below(s, 100);

	if (about->len < (v6 ? 54u : 34u) || (about->b[14] >> 4 != 4 && !v6))
		return false;
	inet_ntop(v6 ? AF_INET6 : AF_INET, about->b + (v6 ? 22 : 26), dst, sizeof(dst));
	inet_ntop(v6 ? AF_INET6 : AF_INET, about->b + (v6 ? 38 : 30), src, sizeof(src));
	if (one_in(s, 3))
		snprintf(src, sizeof(src), "%s", random_peers[random_peer(s)].addr[v6]);
	put_eth(p, v6 ? 0x86dd : 0x0800);
	put_error(p, src, dst, v6 ? types6[below(s, 4)] : types4[below(s, 5)], (uint8_t)below(s, 5),
		  1300, about, quoted + (v6 ? 20 : 0));
	return true;
}

/* ---- what goes wrong ---- */

static inline void random_damage(uint32_t *s, struct pkt *p)
{
	static const uint8_t values[] = { 0, 1, 5, 8, 44, 51, 60, 127, 128, 255 };
	unsigned n = 1 + below(s, 3);

	while (n--) {
		uint32_t at = 14 + below(s, p->len - 14);

		switch (below(s, 7)) {
		case 0:
			p->b[at] ^= (uint8_t)(1U << below(s, 8));
			break;
		case 1:
			p->b[at] = values[below(s, sizeof(values))];
			break;
		case 2: /* a header most likely */
			p->b[14 + below(s, p->len - 14 < 60 ? p->len - 14 : 60)] = (uint8_t)rnd(s);
			break;
		case 3:
			p->len = at < 54 ? 54 : at;
			break;
		case 4: /* IP's length */
			set16(p, p->b[14] >> 4 == 6 ? 18 : 16, (uint16_t)below(s, p->len + 20));
			break;
		case 5: /* padding */
			if (p->len + 8 < sizeof(p->b))
				put_data(p, 1 + below(s, 7));
			break;
		case 6: /* what the frame says does not fit any more, the header sum does */
			if (p->b[14] >> 4 == 4) {
				set16(p, 24, 0);
				set16(p, 24, slow_sum(p->b + 14, (p->b[14] & 15) * 4u, 0));
			}
			break;
		}
	}
}

#endif
