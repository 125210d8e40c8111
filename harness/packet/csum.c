/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Internet checksums (RFC 1071, 1624) and SCTP's CRC32c (RFC 9260), and checking a packet's. */
#include "packet/csum.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "packet/bytes.h"

uint16_t csum_fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Sums in the machine's byte order, four bytes at a time, and swaps the result (RFC 1071, 2B). */
uint32_t csum_add(uint32_t sum, const uint8_t *data, uint32_t len)
{
	uint64_t wide = 0;
	uint32_t word;
	uint8_t last[2] = { 0, 0 };
	uint16_t half;

	for (; len >= 4; len -= 4, data += 4) {
		memcpy(&word, data, 4);
		wide += word;
	}
	if (len >= 2) {
		memcpy(&half, data, 2);
		wide += half;
		data += 2;
		len -= 2;
	}
	if (len) {
		last[0] = *data;
		memcpy(&half, last, 2);
		wide += half;
	}
	wide = (wide & 0xffffffff) + (wide >> 32);
	wide = (wide & 0xffff) + (wide >> 16 & 0xffff) + (wide >> 32);
	wide = (wide & 0xffff) + (wide >> 16);
	/* One bit may still be carried; leave room in sum for many more calls. */
	half = (uint16_t)((wide & 0xffff) + (wide >> 16));
	sum += ntohs(half);
	return (sum & 0xffff) + (sum >> 16);
}

uint16_t csum_replace(uint16_t check, const uint8_t *was, const uint8_t *is, uint32_t len)
{
	uint32_t sum = (uint16_t)~check;

	/* HC' = ~(~HC + ~m + m') */
	for (uint32_t i = 0; i + 1 < len; i += 2) {
		sum += (uint16_t)~get_be16(was + i);
		sum += get_be16(is + i);
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return csum_fold(sum);
}

enum csum_state csum_l3(const uint8_t *data, uint32_t caplen, const struct ip_layers *ip)
{
	uint32_t len;

	if (ip->l3 < 0 || ip->version != 4)
		return CSUM_NONE;
	len = (data[ip->l3] & 0xfu) * 4;
	if ((uint32_t)ip->l3 + len > caplen)
		return CSUM_UNVERIFIABLE;
	return csum_fold(csum_add(0, data + ip->l3, len)) ? CSUM_BAD : CSUM_GOOD;
}

static uint32_t crc32c(uint32_t crc, const uint8_t *data, uint32_t len)
{
	while (len--) {
		crc ^= *data++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return crc;
}

uint32_t csum_sctp(const uint8_t *h, uint32_t len)
{
	static const uint8_t zeros[4];
	uint32_t crc = 0xffffffff;

	crc = crc32c(crc, h, 8);
	crc = crc32c(crc, zeros, 4);
	return ~crc32c(crc, h + 12, len - 12);
}

static enum csum_state sctp_state(const uint8_t *h, uint32_t len)
{
	uint32_t field = (uint32_t)h[8] | (uint32_t)h[9] << 8 | (uint32_t)h[10] << 16 |
			 (uint32_t)h[11] << 24;

	return csum_sctp(h, len) == field ? CSUM_GOOD : CSUM_BAD;
}

/* False where the IP packet is not all there, or its last destination is not the header's. */
static bool whole(const uint8_t *data, uint32_t caplen, const struct ip_layers *ip)
{
	const uint8_t *h = data + ip->l3;
	uint32_t need = ip->version == 4 ? get_be16(h + 2) : get_be16(h + 4) + 40u;
	int routing;

	if (ip->frag_off || ip->more_fragments || ip->payload < 0 ||
	    (uint32_t)ip->l3 + need > (uint32_t)ip->end || (uint32_t)ip->end > caplen)
		return false;
	routing = ip6_extension(data, ip, IPPROTO_ROUTING);
	return routing < 0 || data[routing + 3] == 0;
}

static uint32_t pseudo_header(const uint8_t *data, const struct ip_layers *ip, uint32_t len)
{
	const uint8_t *h = data + ip->l3;
	uint32_t sum;

	sum = ip->version == 4 ? csum_add(0, h + 12, 8) : csum_add(0, h + 8, 32);
	return sum + ip->proto + (len >> 16) + (len & 0xffff);
}

enum csum_state csum_l4(const uint8_t *data, uint32_t caplen, const struct ip_layers *ip)
{
	const uint8_t *h = data + ip->l4;
	uint32_t len, sum = 0;

	if (ip->l3 < 0 || (ip->l4 < 0 && !ip->frag_off))
		return CSUM_NONE;
	switch (ip->proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_SCTP:
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		break;
	default:
		return CSUM_NONE;
	}
	if (ip->proto == IPPROTO_UDP && ip->l4 >= 0 && ip->version == 4 && !get_be16(h + 6))
		return CSUM_NONE;
	if (!whole(data, caplen, ip))
		return CSUM_UNVERIFIABLE;
	len = (uint32_t)(ip->end - ip->l4);
	if (ip->proto == IPPROTO_SCTP)
		return sctp_state(h, len);
	if (ip->proto == IPPROTO_UDP && get_be16(h + 4)) {
		if (get_be16(h + 4) < 8 || get_be16(h + 4) > len)
			return CSUM_BAD;
		len = get_be16(h + 4);
	}
	if (ip->proto != IPPROTO_ICMP)
		sum = pseudo_header(data, ip, len);
	return csum_fold(csum_add(sum, h, len)) ? CSUM_BAD : CSUM_GOOD;
}

static void fill_l4(uint8_t *data, const struct ip_layers *ip, uint32_t field)
{
	uint32_t len = (uint32_t)(ip->end - ip->l4), sum = 0;
	uint8_t *h = data + ip->l4;
	uint16_t check;

	put_be16(h + field, 0);
	if (ip->proto != IPPROTO_ICMP)
		sum = pseudo_header(data, ip, len);
	check = csum_fold(csum_add(sum, h, len));
	/* In UDP zero means no checksum (RFC 768). */
	put_be16(h + field, ip->proto == IPPROTO_UDP && !check ? 0xffff : check);
}

void csum_fill(uint8_t *data, const struct ip_layers *ip)
{
	uint8_t *h = data + ip->l3;

	if (ip->version == 4) {
		put_be16(h + 10, 0);
		put_be16(h + 10, csum_fold(csum_add(0, h, (h[0] & 0xfu) * 4)));
	}
	if (ip->l4 < 0)
		return;
	if (ip->proto == IPPROTO_TCP) {
		fill_l4(data, ip, 16);
	} else if (ip->proto == IPPROTO_UDP) {
		fill_l4(data, ip, 6);
	} else if (ip->proto == IPPROTO_ICMP || ip->proto == IPPROTO_ICMPV6) {
		fill_l4(data, ip, 2);
	} else if (ip->proto == IPPROTO_SCTP) {
		uint32_t crc = csum_sctp(data + ip->l4, (uint32_t)(ip->end - ip->l4));

		for (int i = 0; i < 4; i++)
			data[ip->l4 + 8 + i] = (uint8_t)(crc >> 8 * i);
	}
}
