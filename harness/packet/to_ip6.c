// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Translates header by header. Options of IPv4 are not carried over (RFC 7915, 4.1). */
#include "packet/to_ip6.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#include "packet/bytes.h"
#include "packet/csum.h"

enum { IP6_HEADER = 40, ETHERTYPE_6 = 0x86dd, ICMP_HEADER = 8, HEADERS_DIFFER = 20 };

/* ---- ICMP ---- */

/* RFC 7915, 4.2; the code is of ICMPv6's destination unreachable. */
static bool unreachable(uint8_t code, uint8_t *out)
{
	switch (code) {
	case ICMP_PORT_UNREACH:
		*out = ICMP6_DST_UNREACH_NOPORT;
		return true;
	case ICMP_NET_ANO:
	case ICMP_HOST_ANO:
	case ICMP_PKT_FILTERED:
	case ICMP_PREC_CUTOFF:
		*out = ICMP6_DST_UNREACH_ADMIN;
		return true;
	case ICMP_NET_UNREACH:
	case ICMP_HOST_UNREACH:
	case ICMP_SR_FAILED:
	case ICMP_NET_UNKNOWN:
	case ICMP_HOST_UNKNOWN:
	case ICMP_HOST_ISOLATED:
	case ICMP_NET_UNR_TOS:
	case ICMP_HOST_UNR_TOS:
		*out = ICMP6_DST_UNREACH_NOROUTE;
		return true;
	default:
		return false;
	}
}

static bool too_big(uint8_t *icmp)
{
	uint32_t mtu = get_be16(icmp + 6);

	icmp[0] = ICMP6_PACKET_TOO_BIG;
	icmp[1] = 0;
	put_be32(icmp + 4, mtu + HEADERS_DIFFER);
	return true;
}

static bool icmp_types(uint8_t *icmp)
{
	switch (icmp[0]) {
	case ICMP_ECHO:
		icmp[0] = ICMP6_ECHO_REQUEST;
		return true;
	case ICMP_ECHOREPLY:
		icmp[0] = ICMP6_ECHO_REPLY;
		return true;
	case ICMP_TIME_EXCEEDED:
		icmp[0] = ICMP6_TIME_EXCEEDED;
		return true;
	case ICMP_DEST_UNREACH:
		if (icmp[1] == ICMP_FRAG_NEEDED)
			return too_big(icmp);
		icmp[0] = ICMP6_DST_UNREACH;
		return unreachable(icmp[1], &icmp[1]);
	default:
		return false;
	}
}

/* ---- headers ---- */

static bool not_so(struct to_ip6 *t, const char *why)
{
	t->why = why;
	return false;
}

static bool put_address(struct to_ip6 *t, const uint8_t *four, uint8_t *six)
{
	struct ip_addr from = { .family = 4 }, to = { 0 };

	memcpy(from.bytes, four, 4);
	if (!t->address(t->arg, &from, &to, &t->why))
		return false;
	memcpy(six, to.bytes, 16);
	return true;
}

/* four: a whole header; six: room for 40 bytes. */
static bool put_header(struct to_ip6 *t, const uint8_t *four, uint8_t *six)
{
	uint32_t header = (four[0] & 0xfu) * 4;

	put_be32(six, 6u << 28 | (uint32_t)four[1] << 20);
	put_be16(six + 4, (uint16_t)(get_be16(four + 2) - header));
	six[6] = four[9] == IPPROTO_ICMP ? IPPROTO_ICMPV6 : four[9];
	six[7] = four[8];
	return put_address(t, four + 12, six + 8) && put_address(t, four + 16, six + 24);
}

/* The checksum of what is quoted, by difference: all of the packet need not be there. ICMP has a pseudo
 * header in IPv6 alone.
 */
static void quoted_checksum(const uint8_t *four, const uint8_t *six, const uint8_t *was_l4,
			    uint8_t *l4, uint32_t len)
{
	uint32_t at = four[9] == IPPROTO_TCP ? 16 : four[9] == IPPROTO_UDP ? 6 : 2, sum;
	uint32_t l4_len = get_be16(six + 4);

	if ((four[9] != IPPROTO_TCP && four[9] != IPPROTO_UDP && four[9] != IPPROTO_ICMP) ||
	    at + 2 > len)
		return;
	sum = (uint16_t)~get_be16(l4 + at);
	if (four[9] == IPPROTO_ICMP) { /* type and code are others, too */
		sum += l4_len + IPPROTO_ICMPV6 + get_be16(l4);
		sum += (uint16_t)~get_be16(was_l4);
	} else {
		sum += csum_fold(
			csum_add(0, four + 12, 8)); /* folded is complemented: subtracted */
	}
	put_be16(l4 + at, csum_fold(csum_add(sum, six + 8, 32)));
}

/* What an ICMP error quotes: data from `from`, len bytes of it; into `to`. */
static bool put_quoted(struct to_ip6 *t, const uint8_t *from, uint32_t len, uint8_t *to)
{
	uint32_t header = len >= 20 ? (from[0] & 0xfu) * 4 : 0;
	uint8_t *l4 = to + IP6_HEADER;

	if (header < 20 || header > len || from[0] >> 4 != 4 || get_be16(from + 2) < header)
		return not_so(t, "it quotes a packet that is cut off");
	if (!put_header(t, from, to))
		return false;
	len -= header;
	memcpy(l4, from + header, len);
	if (from[9] == IPPROTO_ICMP && (len < ICMP_HEADER || !icmp_types(l4)))
		return not_so(t, "it quotes an ICMP message that ICMPv6 does not have");
	quoted_checksum(from, to, from + header, l4, len);
	return true;
}

static bool put_payload(struct to_ip6 *t, const struct frame *f, const struct layers *l,
			uint8_t *ip6, uint32_t *len)
{
	const uint8_t *l4 = f->data + l->ip.l4;
	uint8_t *to = ip6 + IP6_HEADER;

	memcpy(to, l4, l->ip.proto == IPPROTO_ICMP && icmp_is_error(l4[0]) ? ICMP_HEADER : *len);
	if (l->ip.proto != IPPROTO_ICMP)
		return true;
	if (*len < ICMP_HEADER || !icmp_types(to))
		return not_so(t, "ICMPv6 has no such message");
	if (!icmp_is_error(l4[0]))
		return true;
	if (!put_quoted(t, l4 + ICMP_HEADER, *len - ICMP_HEADER, to + ICMP_HEADER))
		return false;
	*len += IP6_HEADER - (l4[ICMP_HEADER] & 0xfu) * 4;
	put_be16(ip6 + 4, (uint16_t)*len);
	return true;
}

static bool can_be(const struct frame *f, const struct layers *l, struct to_ip6 *t)
{
	if (l->ip.version != 4)
		return not_so(t, "it is no IPv4 packet");
	if (l->ip.frag_off || l->ip.more_fragments)
		return not_so(t, "it is a fragment");
	if (l->ip.l4 == NO_OFFSET || csum_l3(f->data, f->len, &l->ip) != CSUM_GOOD ||
	    csum_l4(f->data, f->len, &l->ip) == CSUM_BAD ||
	    csum_l4(f->data, f->len, &l->ip) == CSUM_UNVERIFIABLE)
		return not_so(t, "it is no whole packet with right checksums");
	return true;
}

bool frame_to_ip6(struct frame *f, struct to_ip6 *t)
{
	struct frame six = *f;
	uint32_t len;
	struct layers l;

	if (packet_parse(f->data, f->len, LINK_ETHERNET, &l) || !can_be(f, &l, t))
		return t->why ? false : not_so(t, "it is no IPv4 packet");
	len = (uint32_t)(l.ip.end - l.ip.l4);
	/* room for both headers that may grow */
	six.data = arena_alloc(t->a, (uint32_t)l.ip.l3 + 2 * IP6_HEADER + len);
	memcpy(six.data, f->data, (uint32_t)l.ip.l3);
	put_be16(six.data + l.ip.l3 - 2, ETHERTYPE_6);
	if (!put_header(t, f->data + l.ip.l3, six.data + l.ip.l3) ||
	    !put_payload(t, f, &l, six.data + l.ip.l3, &len))
		return false;
	six.len = six.wire_len = (uint32_t)l.ip.l3 + IP6_HEADER + len;
	packet_parse(six.data, six.len, LINK_ETHERNET, &l);
	csum_fill(six.data, &l.ip);
	*f = six;
	return true;
}
