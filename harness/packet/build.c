// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Builds packets header by header. */
#include "packet/build.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#include "packet/bytes.h"
#include "packet/csum.h"

enum { ETH_HEADER = 14, IP4_HEADER = 20, IP6_HEADER = 40, IP4_DF = 0x4000 };
enum { TCP_HEADER = 20, TCP_MSS = 4, UDP_HEADER = 8, SCTP_HEADER = 12, ICMP_HEADER = 8 };
enum { ETHERTYPE_4 = 0x0800, ETHERTYPE_6 = 0x86dd };

static uint32_t ip_header(uint8_t family)
{
	return family == 4 ? IP4_HEADER : IP6_HEADER;
}

static void put_ip4(uint8_t *h, const struct build_ip *ip, uint8_t proto, uint32_t l4_len)
{
	h[0] = 0x45;
	h[1] = ip->tos;
	put_be16(h + 2, (uint16_t)(IP4_HEADER + l4_len));
	put_be16(h + 4, ip->id);
	put_be16(h + 6, IP4_DF);
	h[8] = ip->ttl;
	h[9] = proto;
	memcpy(h + 12, ip->src.addr.bytes, 4);
	memcpy(h + 16, ip->dst.addr.bytes, 4);
}

static void put_ip6(uint8_t *h, const struct build_ip *ip, uint8_t proto, uint32_t l4_len)
{
	put_be32(h, 6u << 28 | (uint32_t)ip->tos << 20);
	put_be16(h + 4, (uint16_t)l4_len);
	h[6] = proto;
	h[7] = ip->ttl;
	memcpy(h + 8, ip->src.addr.bytes, 16);
	memcpy(h + 24, ip->dst.addr.bytes, 16);
}

/* A frame with its IP header; *l4 is where len bytes of the transport's belong, zeros so far. */
static struct frame begin(struct arena *a, const struct build_ip *ip, uint8_t proto, uint32_t len,
			  uint8_t **l4)
{
	uint8_t family = ip->src.addr.family;
	struct frame f = { .len = ETH_HEADER + ip_header(family) + len };

	f.data = arena_alloc(a, f.len);
	f.wire_len = f.len;
	put_be16(f.data + 12, family == 4 ? ETHERTYPE_4 : ETHERTYPE_6);
	if (family == 4)
		put_ip4(f.data + ETH_HEADER, ip, proto, len);
	else
		put_ip6(f.data + ETH_HEADER, ip, proto, len);
	*l4 = f.data + ETH_HEADER + ip_header(family);
	return f;
}

static struct frame end(struct frame f)
{
	struct layers l;

	packet_parse(f.data, f.len, LINK_ETHERNET, &l);
	csum_fill(f.data, &l.ip);
	return f;
}

static void put_data(uint8_t *to, const void *data, uint32_t len)
{
	if (len)
		memcpy(to, data, len);
}

struct frame build_tcp(struct arena *a, const struct build_ip *ip, const struct build_tcp *tcp,
		       const void *data, uint32_t len)
{
	uint32_t header = TCP_HEADER + (tcp->mss ? TCP_MSS : 0);
	uint8_t *h;
	struct frame f = begin(a, ip, IPPROTO_TCP, header + len, &h);

	put_be16(h, ip->src.port);
	put_be16(h + 2, ip->dst.port);
	put_be32(h + 4, tcp->seq);
	put_be32(h + 8, tcp->ack);
	h[12] = (uint8_t)(header / 4 << 4);
	h[13] = tcp->flags;
	put_be16(h + 14, tcp->window);
	if (tcp->mss) {
		h[TCP_HEADER] = 2;
		h[TCP_HEADER + 1] = TCP_MSS;
		put_be16(h + TCP_HEADER + 2, tcp->mss);
	}
	put_data(h + header, data, len);
	return end(f);
}

struct frame build_udp(struct arena *a, const struct build_ip *ip, const void *data, uint32_t len)
{
	uint8_t *h;
	struct frame f = begin(a, ip, IPPROTO_UDP, UDP_HEADER + len, &h);

	put_be16(h, ip->src.port);
	put_be16(h + 2, ip->dst.port);
	put_be16(h + 4, (uint16_t)(UDP_HEADER + len));
	put_data(h + UDP_HEADER, data, len);
	return end(f);
}

struct frame build_sctp(struct arena *a, const struct build_ip *ip, uint32_t tag,
			const struct build_chunk *chunk)
{
	uint32_t padded = (4 + chunk->len + 3) & ~3u;
	uint8_t *h;
	struct frame f = begin(a, ip, IPPROTO_SCTP, SCTP_HEADER + padded, &h);

	put_be16(h, ip->src.port);
	put_be16(h + 2, ip->dst.port);
	put_be32(h + 4, tag);
	h[SCTP_HEADER] = chunk->type;
	h[SCTP_HEADER + 1] = chunk->flags;
	put_be16(h + SCTP_HEADER + 2, (uint16_t)(4 + chunk->len));
	put_data(h + SCTP_HEADER + 4, chunk->value, chunk->len);
	return end(f);
}

struct frame build_icmp(struct arena *a, const struct build_ip *ip, uint8_t type, uint8_t code,
			uint32_t word, const void *data, uint32_t len)
{
	bool v4 = ip->src.addr.family == 4;
	bool echo = v4 ? type == ICMP_ECHO || type == ICMP_ECHOREPLY
		       : type == ICMP6_ECHO_REQUEST || type == ICMP6_ECHO_REPLY;
	uint8_t *h;
	struct frame f = begin(a, ip, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6, ICMP_HEADER + len, &h);

	h[0] = type;
	h[1] = code;
	put_be32(h + 4, word);
	if (echo)
		put_be16(h + 4, ip->src.port ? ip->src.port : ip->dst.port);
	put_data(h + ICMP_HEADER, data, len);
	return end(f);
}

uint32_t build_quoted_max(uint8_t family)
{
	return (family == 4 ? 576 : 1280) - ip_header(family) - ICMP_HEADER;
}
