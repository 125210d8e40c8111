/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "engine/tunnel.h"

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <string.h>

#include "packet/bytes.h"
#include "packet/csum.h"

#define TUNNEL_HEADER	8 /* VXLAN's, and Geneve's without options */
#define VXLAN_HAS_VNI	0x08
#define GENEVE_ETHERNET 0x6558
#define SPORT_MIN	32768 /* net.ipv4.ip_local_port_range */
#define SPORT_COUNT	28232
#define HOP_LIMIT	64
#define IP_LEN		20
#define IP6_LEN		40

/* FNV-1a over addresses, protocol and ports. */
static uint16_t source_port(const struct frame *in)
{
	struct layers l;
	uint32_t hash = 2166136261u;
	int from, to;

	packet_parse(in->data, in->len, 1, &l);
	if (l.ip.l3 == NO_OFFSET)
		return SPORT_MIN;
	from = l.ip.l3 + (l.ip.version == 4 ? 12 : 8);
	to = from + (l.ip.version == 4 ? 8 : 32);
	for (int i = from; i < to; i++)
		hash = (hash ^ in->data[i]) * 16777619u;
	for (int i = 0; l.ip.l4 != NO_OFFSET && i < 4; i++)
		hash = (hash ^ in->data[l.ip.l4 + i]) * 16777619u;
	return (uint16_t)(SPORT_MIN + (hash ^ l.ip.proto) % SPORT_COUNT);
}

static void put_ip4(uint8_t *p, uint32_t len, const struct tunnel_meta *key,
		    const struct ip_addr *src)
{
	p[0] = 0x45;
	p[1] = key->tos;
	put_be16(p + 2, (uint16_t)len);
	put_be16(p + 6, key->flags & BPF_F_DONT_FRAGMENT ? IP_DF : 0);
	p[8] = key->ttl ? key->ttl : HOP_LIMIT;
	p[9] = IPPROTO_UDP;
	if (key->local_ip4)
		put_be32(p + 12, key->local_ip4);
	else
		memcpy(p + 12, src->bytes, 4);
	put_be32(p + 16, key->remote_ip4);
	put_be16(p + 10, csum_fold(csum_add(0, p, IP_LEN)));
}

static void put_ip6(uint8_t *p, uint32_t len, const struct tunnel_meta *key,
		    const struct ip_addr *src)
{
	static const uint8_t none[16];

	put_be32(p, 6u << 28 | (uint32_t)key->tos << 20 | (key->label & 0xfffff));
	put_be16(p + 4, (uint16_t)(len - IP6_LEN));
	p[6] = IPPROTO_UDP;
	p[7] = key->ttl ? key->ttl : HOP_LIMIT;
	memcpy(p + 8, memcmp(key->local_ip6, none, 16) ? key->local_ip6 : src->bytes, 16);
	memcpy(p + 24, key->remote_ip6, 16);
}

static void put_udp(uint8_t *p, uint32_t len, uint16_t sport, uint16_t dport)
{
	put_be16(p, sport);
	put_be16(p + 2, dport);
	put_be16(p + 4, (uint16_t)len);
}

/* Over IPv4 a program may do without (BPF_F_ZERO_CSUM_TX); the kernel lets it over IPv6, too. */
static void sum_udp(uint8_t *ip, uint8_t *udp, uint32_t len, bool is_ip6)
{
	uint32_t sum = is_ip6 ? csum_add(0, ip + 8, 32) : csum_add(0, ip + 12, 8);
	uint16_t check = csum_fold(csum_add(sum + IPPROTO_UDP + len, udp, len));

	put_be16(udp + 6, check ? check : 0xffff);
}

static uint32_t options_len(enum tunnel_kind kind, const struct tunnel_meta *key)
{
	return kind == TUNNEL_GENEVE && key->has_opt ? key->opt_len : 0;
}

static void put_tunnel(uint8_t *p, enum tunnel_kind kind, const struct tunnel_meta *key)
{
	uint32_t options = options_len(kind, key);

	put_be32(p + 4, key->id << 8);
	if (kind == TUNNEL_VXLAN) {
		p[0] = VXLAN_HAS_VNI;
		return;
	}
	p[0] = (uint8_t)(options / 4);
	put_be16(p + 2, GENEVE_ETHERNET);
	memcpy(p + TUNNEL_HEADER, key->opt, options);
}

void tunnel_wrap(enum tunnel_kind kind, uint16_t port, const struct frame *in,
		 const struct tunnel_meta *key, const struct ip_addr *src, struct arena *a,
		 struct frame *out)
{
	uint32_t ip_len = key->ipv6 ? IP6_LEN : IP_LEN;
	uint32_t head = TUNNEL_HEADER + options_len(kind, key);
	uint32_t udp_len = (uint32_t)sizeof(struct udphdr) + head + in->len;
	uint8_t *ip, *udp;

	*out = (struct frame){ .len = ETH_HLEN + ip_len + udp_len };
	out->wire_len = out->len;
	out->data = arena_alloc(a, out->len);
	memset(out->data, 0, out->len);
	put_be16(out->data + 12, key->ipv6 ? ETH_P_IPV6 : ETH_P_IP);
	ip = out->data + ETH_HLEN;
	udp = ip + ip_len;
	put_tunnel(udp + sizeof(struct udphdr), kind, key);
	memcpy(udp + sizeof(struct udphdr) + head, in->data, in->len);
	put_udp(udp, udp_len, source_port(in), port);
	if (key->ipv6)
		put_ip6(ip, ip_len + udp_len, key, src);
	else
		put_ip4(ip, ip_len + udp_len, key, src);
	if (!(key->flags & BPF_F_ZERO_CSUM_TX))
		sum_udp(ip, udp, udp_len, key->ipv6);
}

/* Bytes of the tunnel's header with options; 0: the device refuses it. */
static uint32_t header_len(enum tunnel_kind kind, const uint8_t *p, uint32_t room)
{
	uint32_t len = TUNNEL_HEADER;

	if (room < TUNNEL_HEADER)
		return 0;
	if (kind == TUNNEL_VXLAN)
		return p[0] & VXLAN_HAS_VNI ? len : 0;
	if (p[0] >> 6 || get_be16(p + 2) != GENEVE_ETHERNET)
		return 0;
	len += 4u * (p[0] & 0x3f);
	return len <= room ? len : 0;
}

static void take_key(const struct frame *in, const struct layers *l, struct tunnel_meta *key)
{
	const uint8_t *ip = in->data + l->ip.l3;

	key->has_key = true;
	key->ipv6 = l->ip.version == 6;
	if (key->ipv6) {
		memcpy(key->remote_ip6, ip + 8, 16);
		memcpy(key->local_ip6, ip + 24, 16);
		key->tos = (uint8_t)(get_be32(ip) >> 20);
		key->label = get_be32(ip) & 0xfffff;
		key->ttl = ip[7];
	} else {
		key->remote_ip4 = get_be32(ip + 12);
		key->local_ip4 = get_be32(ip + 16);
		key->tos = ip[1];
		key->ttl = ip[8];
	}
}

bool tunnel_unwrap(enum tunnel_kind kind, uint16_t port, const struct frame *in,
		   const struct layers *l, struct arena *a, struct frame *out,
		   struct tunnel_meta *key)
{
	uint32_t at, head;
	const uint8_t *p;

	if (l->ip.proto != IPPROTO_UDP || l->ip.payload == NO_OFFSET ||
	    get_be16(in->data + l->ip.l4 + 2) != port)
		return false;
	at = (uint32_t)l->ip.payload;
	p = in->data + at;
	head = header_len(kind, p, in->len - at);
	if (!head || in->len - at - head < ETH_HLEN)
		return false;
	*key = (struct tunnel_meta){ .id = get_be32(p + 4) >> 8 };
	take_key(in, l, key);
	key->opt_len = head - TUNNEL_HEADER;
	key->has_opt = key->opt_len > 0;
	memcpy(key->opt, p + TUNNEL_HEADER, key->opt_len);
	out->len = out->wire_len = in->len - at - head;
	out->padded = false;
	out->data = arena_memdup(a, p + head, out->len);
	return true;
}

bool ipip_unwrap(const struct frame *in, const struct layers *l, struct arena *a, struct frame *out)
{
	bool four = l->ip.proto == IPPROTO_IPIP, six = l->ip.proto == IPPROTO_IPV6;
	uint32_t at;

	if ((!four && !six) || l->ip.l4 == NO_OFFSET || l->ip.frag_off || l->ip.more_fragments)
		return false;
	at = (uint32_t)l->ip.l4;
	if (in->len < at + (four ? IP_LEN : IP6_LEN))
		return false;
	out->len = out->wire_len = ETH_HLEN + in->len - at;
	out->padded = false;
	out->data = arena_alloc(a, out->len);
	memcpy(out->data, in->data, 12);
	put_be16(out->data + 12, four ? ETH_P_IP : ETH_P_IPV6);
	memcpy(out->data + ETH_HLEN, in->data + at, in->len - at);
	return true;
}
