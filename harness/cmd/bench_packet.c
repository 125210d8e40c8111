/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* RFC 791, 8200, 9293. */
#include "cmd/bench_packet.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "packet/bytes.h"
#include "packet/csum.h"

#define ETH_LEN	 14
#define IP4_LEN	 20
#define IP6_LEN	 40
#define TCP_LEN	 20
#define DATA_LEN 50
#define IP_TCP	 6
#define TTL	 64

static bool addresses(int family, const char *src, const char *dst, uint8_t *at)
{
	return inet_pton(family, src, at) == 1 &&
	       inet_pton(family, dst, at + (family == AF_INET ? 4 : 16)) == 1;
}

static bool put_ip4(struct bench_packet *p, const char *src, const char *dst)
{
	uint8_t *ip = p->data + ETH_LEN;

	put_be16(p->data + 12, 0x0800);
	ip[0] = 0x45;
	put_be16(ip + 2, IP4_LEN + TCP_LEN + DATA_LEN);
	ip[8] = TTL;
	ip[9] = IP_TCP;
	p->sport_at = ETH_LEN + IP4_LEN;
	if (!addresses(AF_INET, src, dst, ip + 12))
		return false;
	put_be16(ip + 10, csum_fold(csum_add(0, ip, IP4_LEN)));
	return true;
}

static bool put_ip6(struct bench_packet *p, const char *src, const char *dst)
{
	uint8_t *ip = p->data + ETH_LEN;

	put_be16(p->data + 12, 0x86dd);
	ip[0] = 0x60;
	put_be16(ip + 4, TCP_LEN + DATA_LEN);
	ip[6] = IP_TCP;
	ip[7] = TTL;
	p->sport_at = ETH_LEN + IP6_LEN;
	return addresses(AF_INET6, src, dst, ip + 8);
}

/* Addresses lie right before the ports in both families. */
static void put_tcp(struct bench_packet *p, unsigned sport, unsigned dport, uint8_t flags, bool v6)
{
	uint8_t *tcp = p->data + p->sport_at;
	uint32_t pseudo = v6 ? 32 : 8, len = TCP_LEN + DATA_LEN, sum;

	put_be16(tcp, (uint16_t)sport);
	put_be16(tcp + 2, (uint16_t)dport);
	tcp[12] = TCP_LEN / 4 << 4;
	tcp[13] = flags;
	put_be16(tcp + 14, 0xffff);
	memset(tcp + TCP_LEN, 0x5a, DATA_LEN);
	sum = csum_add(IP_TCP + len, tcp - pseudo, pseudo);
	put_be16(tcp + 16, csum_fold(csum_add(sum, tcp, len)));
	p->len = p->sport_at + len;
}

int bench_packet_make(const char *text, uint8_t flags, const uint8_t dst[6], const uint8_t src[6],
		      struct bench_packet *out, struct err *err)
{
	char from[64], to[64];
	unsigned sport, dport;
	bool v6, good;

	memset(out, 0, sizeof(*out));
	if (sscanf(text, "%63[^|]|%u > %63[^|]|%u", from, &sport, to, &dport) != 4)
		return err_input(err, NULL, "'%s' is no packet of the benchmark", text);
	memcpy(out->data, dst, 6);
	memcpy(out->data + 6, src, 6);
	v6 = strchr(from, ':');
	good = v6 ? put_ip6(out, from, to) : put_ip4(out, from, to);
	if (!good)
		return err_input(err, NULL, "'%s' has addresses that are none", text);
	put_tcp(out, sport, dport, flags, v6);
	return 0;
}
