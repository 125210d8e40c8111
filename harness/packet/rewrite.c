/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Makes a captured packet fit to be injected, and gives it other addresses. Checksums follow by
 * difference and are never computed anew.
 */
#include "packet/rewrite.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "packet/bytes.h"
#include "packet/csum.h"
#include "packet/rewrite_parts.h"

enum { ETH_HEADER = 14, ARP_SENDER = 14, ARP_TARGET = 24 };

/* ---- addresses ---- */

bool ip_addr_parse(const char *text, struct ip_addr *out)
{
	*out = (struct ip_addr){ 0 };
	if (inet_pton(AF_INET, text, out->bytes) == 1)
		out->family = 4;
	else if (inet_pton(AF_INET6, text, out->bytes) == 1)
		out->family = 6;
	return out->family;
}

void ip_addr_print(struct buf *out, const struct ip_addr *addr)
{
	char text[INET6_ADDRSTRLEN];

	if (addr->family != 4 && addr->family != 6)
		return;
	inet_ntop(addr->family == 4 ? AF_INET : AF_INET6, addr->bytes, text, sizeof(text));
	buf_puts(out, text);
}

static size_t addr_size(const struct ip_addr *a)
{
	return a->family == 4 ? 4 : a->family == 6 ? 16 : 0;
}

bool ip_addr_equal(const struct ip_addr *a, const struct ip_addr *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, addr_size(a)) == 0;
}

/* ---- link layer ---- */

/* How many bytes of link header to take off, and the Ethernet type to put on; false with a cause. */
static bool link_header(const struct capture_packet *p, uint32_t *strip, uint16_t *ethertype,
			const char **cause)
{
	struct layers l;

	if (packet_parse(p->data, p->caplen, p->linktype, &l) < 0) {
		*cause = l.stop;
		return false;
	}
	switch (p->linktype) {
	case LINK_LINUX_SLL:
		*strip = 16;
		*ethertype = get_be16(p->data + 14);
		break;
	case LINK_LINUX_SLL2:
		*strip = 20;
		*ethertype = get_be16(p->data);
		break;
	default:
		*strip = p->linktype == LINK_NULL || p->linktype == LINK_LOOP ? 4 : 0;
		*ethertype = l.ethertype;
	}
	/* Below 0x600 the field would be read as a length (IEEE 802.3). */
	if (*ethertype < 0x600)
		*cause = "it carries no protocol that Ethernet has a type for";
	return *ethertype >= 0x600;
}

static int unknown_linktype(const struct capture_packet *p, struct err *err)
{
	err_input(err, NULL, "packet %u: link type %u cannot be turned into Ethernet frames",
		  p->number, p->linktype);
	return err_hint(err,
			"known are ETHERNET (%d), NULL (%d), RAW (%d), LOOP (%d), "
			"LINUX_SLL (%d), IPV4 (%d), IPV6 (%d), LINUX_SLL2 (%d)",
			LINK_ETHERNET, LINK_NULL, LINK_RAW, LINK_LOOP, LINK_LINUX_SLL, LINK_IPV4,
			LINK_IPV6, LINK_LINUX_SLL2);
}

/* Longer than any packet of the kernel's, offloads included (GSO_MAX_SIZE is 8 * 65535 + headers);
 * a length above it is a broken capture, not a reason to allocate gigabytes.
 */
#define WIRE_MAX (1u << 20)

int frame_from_capture(struct arena *a, const struct capture_packet *p, struct frame *out,
		       struct err *err)
{
	uint32_t strip = 0, add = 0, wire = p->len > p->caplen ? p->len : p->caplen;
	uint16_t ethertype = 0;
	const char *cause = NULL;

	if (!linktype_name(p->linktype))
		return unknown_linktype(p, err);
	if (wire > WIRE_MAX)
		return err_input(err, NULL, "packet %u: a length of %u bytes cannot be true",
				 p->number, wire);
	if (p->linktype != LINK_ETHERNET) {
		if (!link_header(p, &strip, &ethertype, &cause))
			return err_input(err, NULL, "packet %u: no Ethernet frame: %s", p->number,
					 cause);
		add = ETH_HEADER;
	} else if (p->caplen < ETH_HEADER) {
		return err_input(err, NULL,
				 "packet %u: %u bytes captured, an Ethernet header has %d",
				 p->number, p->caplen, ETH_HEADER);
	}
	out->wire_len = out->len = wire - strip + add;
	out->padded = wire > p->caplen;
	out->data = arena_alloc(a, out->len);
	if (add)
		put_be16(out->data + 12, ethertype);
	memcpy(out->data + add, p->data + strip, p->caplen - strip);
	return 0;
}

void frame_set_macs(struct frame *f, const uint8_t src[6], const uint8_t dst[6])
{
	if (f->len < ETH_HEADER)
		return;
	memcpy(f->data, dst, 6);
	memcpy(f->data + 6, src, 6);
}

/* ---- addresses in the packet ---- */

static void read_addr(const uint8_t *data, uint8_t family, struct ip_addr *out)
{
	*out = (struct ip_addr){ .family = family };
	memcpy(out->bytes, data, family == 4 ? 4 : 16);
}

int source_at(const struct ip_layers *ip)
{
	return ip->l3 + (ip->version == 4 ? 12 : 8);
}

bool frame_addresses(const struct frame *f, struct ip_addr *src, struct ip_addr *dst)
{
	struct layers l;
	int at;

	if (packet_parse(f->data, f->len, LINK_ETHERNET, &l) < 0 || l.ip.l3 < 0)
		return false;
	at = source_at(&l.ip);
	read_addr(f->data + at, l.ip.version, src);
	read_addr(f->data + at + (l.ip.version == 4 ? 4 : 16), l.ip.version, dst);
	return true;
}

/* Where the transport checksum stands that covers this packet's addresses: TCP, UDP and ICMPv6 have
 * them in their pseudo header, ICMP and SCTP do not. NO_OFFSET if none, cut off, or switched off.
 */
static int pseudo_checksum_at(const uint8_t *data, const struct ip_layers *ip)
{
	int at;

	if (ip->l4 < 0)
		return NO_OFFSET;
	switch (ip->proto) {
	case IPPROTO_TCP:
		at = ip->l4 + 16;
		break;
	case IPPROTO_UDP:
		at = ip->l4 + 6;
		break;
	case IPPROTO_ICMPV6:
		at = ip->l4 + 2;
		break;
	default:
		return NO_OFFSET;
	}
	if (at + 2 > ip->end || (ip->proto == IPPROTO_UDP && !get_be16(data + at)))
		return NO_OFFSET;
	return at;
}

void cover_note(struct cover *c, const uint8_t *was, int at, uint32_t len)
{
	if (c->check >= 0)
		put_be16(c->data + c->check,
			 csum_replace(get_be16(c->data + c->check), was, c->data + at, len));
}

void replace_address(uint8_t *data, const struct ip_layers *ip, int at, const uint8_t *to,
		     uint32_t size, struct cover *cover)
{
	int l3_check = ip->version == 4 ? ip->l3 + 10 : NO_OFFSET;
	int l4_check = pseudo_checksum_at(data, ip);
	uint8_t was[16], was_l3[2], was_l4[2];
	uint16_t sum;

	memcpy(was, data + at, size);
	if (l3_check >= 0) {
		memcpy(was_l3, data + l3_check, 2);
		put_be16(data + l3_check, csum_replace(get_be16(data + l3_check), was, to, size));
		cover_note(cover, was_l3, l3_check, 2);
	}
	if (l4_check >= 0) {
		memcpy(was_l4, data + l4_check, 2);
		sum = csum_replace(get_be16(was_l4), was, to, size);
		/* In UDP zero means no checksum (RFC 768): a sum of zero is sent as ones. */
		put_be16(data + l4_check, ip->proto == IPPROTO_UDP && !sum ? 0xffff : sum);
		cover_note(cover, was_l4, l4_check, 2);
	}
	memcpy(data + at, to, size);
	cover_note(cover, was, at, size);
}

static int replace_ip(uint8_t *data, const struct ip_layers *ip, const struct ip_addr *from,
		      const struct ip_addr *to, struct cover *cover)
{
	uint32_t size = (uint32_t)addr_size(from);
	int n = 0;

	if (ip->l3 < 0 || ip->version != from->family)
		return 0;
	for (int i = 0; i < 2; i++) {
		int at = source_at(ip) + i * (int)size;

		if (memcmp(data + at, from->bytes, size) != 0)
			continue;
		replace_address(data, ip, at, to->bytes, size, cover);
		n++;
	}
	return n;
}

static int replace_arp(struct frame *f, int arp, const struct ip_addr *from,
		       const struct ip_addr *to)
{
	static const int places[] = { ARP_SENDER, ARP_TARGET };
	const uint8_t *h = f->data + arp;
	int n = 0;

	/* Protocol IPv4, hardware addresses of 6 bytes, protocol addresses of 4. */
	if (from->family != 4 || (uint32_t)arp + ARP_TARGET + 4 > f->len ||
	    get_be16(h + 2) != 0x0800 || h[4] != 6 || h[5] != 4)
		return 0;
	for (int i = 0; i < 2; i++) {
		if (memcmp(h + places[i], from->bytes, 4) != 0)
			continue;
		memcpy(f->data + arp + places[i], to->bytes, 4);
		n++;
	}
	return n;
}

int frame_rewrite_address(struct frame *f, const struct ip_addr *from, const struct ip_addr *to)
{
	struct cover none = { f->data, NO_OFFSET }, icmp = { f->data, NO_OFFSET };
	struct layers l;
	int n;

	if (from->family != to->family || !from->family ||
	    packet_parse(f->data, f->len, LINK_ETHERNET, &l) < 0)
		return 0;
	if (l.arp >= 0)
		return replace_arp(f, l.arp, from, to);
	n = replace_ip(f->data, &l.ip, from, to, &none);
	if (l.inner.l3 >= 0)
		icmp.check = l.ip.l4 + 2;
	return n + replace_ip(f->data, &l.inner, from, to, &icmp);
}

bool ip_addr_is_group(const struct ip_addr *a)
{
	static const uint8_t all[4] = { 255, 255, 255, 255 };

	if (a->family == 4)
		return a->bytes[0] >> 4 == 0xe || memcmp(a->bytes, all, sizeof(all)) == 0;
	return a->bytes[0] == 0xff;
}

bool frame_hop(struct frame *f, const struct layers *l, struct arena *a)
{
	bool is_ip4 = l->ip.version == 4;
	uint8_t *ip = f->data + l->ip.l3;
	uint8_t was[2], *pair;

	if (ip[is_ip4 ? 8 : 7] <= 1)
		return false;
	f->data = arena_memdup(a, f->data, f->len);
	ip = f->data + l->ip.l3;
	if (!is_ip4) {
		ip[7]--;
		return true;
	}
	pair = ip + 8;
	memcpy(was, pair, sizeof(was));
	pair[0]--;
	put_be16(ip + 10, csum_replace(get_be16(ip + 10), was, pair, sizeof(was)));
	return true;
}
