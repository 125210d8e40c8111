// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reads and writes the two ends of a packet, and of the packet an ICMP error quotes. */
#include "packet/ends.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#include "packet/bytes.h"
#include "packet/csum.h"
#include "packet/rewrite_parts.h"

#define SCTP_CHECKSUM 8

bool packet_end_equal(const struct packet_end *a, const struct packet_end *b)
{
	return a->port == b->port && ip_addr_equal(&a->addr, &b->addr);
}

struct packet_ends packet_ends_reverse(const struct packet_ends *e)
{
	return (struct packet_ends){ e->proto, e->has_ports, e->dst, e->src };
}

static bool asks(const uint8_t *data, const struct ip_layers *ip)
{
	return data[ip->l4] == (ip->proto == IPPROTO_ICMP ? ICMP_ECHO : ICMP6_ECHO_REQUEST);
}

static bool is_echo(const uint8_t *data, const struct ip_layers *ip)
{
	uint8_t type = data[ip->l4];

	if (ip->proto == IPPROTO_ICMP)
		return type == ICMP_ECHO || type == ICMP_ECHOREPLY;
	return ip->proto == IPPROTO_ICMPV6 &&
	       (type == ICMP6_ECHO_REQUEST || type == ICMP6_ECHO_REPLY);
}

/* Offsets of the numbers, NO_OFFSET where there is none. The parser has seen 8 bytes behind l4. */
static void port_places(const uint8_t *data, const struct ip_layers *ip, int *src, int *dst)
{
	*src = *dst = NO_OFFSET;
	if (ip->l4 < 0)
		return;
	if (ip->proto == IPPROTO_TCP || ip->proto == IPPROTO_UDP || ip->proto == IPPROTO_SCTP) {
		*src = ip->l4;
		*dst = ip->l4 + 2;
	} else if (is_echo(data, ip)) {
		*(asks(data, ip) ? src : dst) = ip->l4 + 4;
	}
}

static void read_addr(const uint8_t *data, uint8_t family, struct ip_addr *out)
{
	*out = (struct ip_addr){ .family = family };
	memcpy(out->bytes, data, family == 4 ? 4 : 16);
}

static bool read_ends(const uint8_t *data, const struct ip_layers *ip, struct packet_ends *out)
{
	int at, src, dst;

	*out = (struct packet_ends){ .proto = ip->proto };
	if (ip->l3 < 0)
		return false;
	at = source_at(ip);
	read_addr(data + at, ip->version, &out->src.addr);
	read_addr(data + at + (ip->version == 4 ? 4 : 16), ip->version, &out->dst.addr);
	port_places(data, ip, &src, &dst);
	out->has_ports = src >= 0 || dst >= 0;
	out->src.port = src >= 0 ? get_be16(data + src) : 0;
	out->dst.port = dst >= 0 ? get_be16(data + dst) : 0;
	return true;
}

bool frame_ends(const struct frame *f, struct packet_ends *out)
{
	struct layers l;

	return !packet_parse(f->data, f->len, LINK_ETHERNET, &l) && read_ends(f->data, &l.ip, out);
}

bool frame_quoted_ends(const struct frame *f, struct packet_ends *out)
{
	struct layers l;

	return !packet_parse(f->data, f->len, LINK_ETHERNET, &l) &&
	       read_ends(f->data, &l.inner, out);
}

/* Where the 16-bit checksum stands that covers the transport header itself; NO_OFFSET: none there. */
static int checksum_at(const uint8_t *data, const struct ip_layers *ip)
{
	int at = NO_OFFSET;

	if (ip->proto == IPPROTO_TCP)
		at = ip->l4 + 16;
	else if (ip->proto == IPPROTO_UDP)
		at = ip->l4 + 6;
	else if (ip->proto == IPPROTO_ICMP || ip->proto == IPPROTO_ICMPV6)
		at = ip->l4 + 2;
	if (at + 2 > ip->end || (ip->proto == IPPROTO_UDP && at >= 0 && !get_be16(data + at)))
		return NO_OFFSET;
	return at;
}

static bool whole(const uint8_t *data, const struct ip_layers *ip)
{
	uint32_t need =
		ip->version == 4 ? get_be16(data + ip->l3 + 2) : get_be16(data + ip->l3 + 4) + 40u;

	return !ip->more_fragments && !ip->frag_off && ip->payload >= 0 &&
	       ip->l3 + (int)need == ip->end;
}

static void replace_port(uint8_t *data, const struct ip_layers *ip, int at, uint16_t port,
			 struct cover *cover)
{
	bool crc = ip->proto == IPPROTO_SCTP && whole(data, ip);
	uint32_t len = (uint32_t)(ip->end - ip->l4), sum = crc ? csum_sctp(data + ip->l4, len) : 0;
	int check = checksum_at(data, ip);
	uint8_t was[2], was_check[4];

	memcpy(was, data + at, 2);
	put_be16(data + at, port);
	cover_note(cover, was, at, 2);
	if (check >= 0) {
		uint16_t now = csum_replace(get_be16(data + check), was, data + at, 2);

		memcpy(was_check, data + check, 2);
		put_be16(data + check, ip->proto == IPPROTO_UDP && !now ? 0xffff : now);
		cover_note(cover, was_check, check, 2);
	} else if (crc) {
		check = ip->l4 + SCTP_CHECKSUM;
		sum ^= csum_sctp(data + ip->l4, len);
		memcpy(was_check, data + check, 4);
		for (int i = 0; i < 4; i++)
			data[check + i] ^= (uint8_t)(sum >> 8 * i);
		cover_note(cover, was_check, check, 4);
	}
}

static void write_ends(uint8_t *data, const struct ip_layers *ip, const struct packet_ends *to,
		       struct cover *cover)
{
	uint32_t size = ip->version == 4 ? 4 : 16;
	int at, src, dst;

	if (ip->l3 < 0 || to->src.addr.family != ip->version || to->dst.addr.family != ip->version)
		return;
	at = source_at(ip);
	replace_address(data, ip, at, to->src.addr.bytes, size, cover);
	replace_address(data, ip, at + (int)size, to->dst.addr.bytes, size, cover);
	port_places(data, ip, &src, &dst);
	if (to->has_ports && src >= 0)
		replace_port(data, ip, src, to->src.port, cover);
	if (to->has_ports && dst >= 0)
		replace_port(data, ip, dst, to->dst.port, cover);
}

void frame_set_ends(struct frame *f, const struct packet_ends *to)
{
	struct cover none = { f->data, NO_OFFSET };
	struct layers l;

	if (!packet_parse(f->data, f->len, LINK_ETHERNET, &l))
		write_ends(f->data, &l.ip, to, &none);
}

void frame_set_quoted_ends(struct frame *f, const struct packet_ends *to)
{
	struct cover icmp = { f->data, NO_OFFSET };
	struct layers l;

	if (packet_parse(f->data, f->len, LINK_ETHERNET, &l) || l.inner.l3 < 0)
		return;
	icmp.check = l.ip.l4 + 2;
	write_ends(f->data, &l.inner, to, &icmp);
}
