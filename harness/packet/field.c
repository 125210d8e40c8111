/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Finds packet fields and prints them. What fields there are: field_table.c; comparing them:
 * field_match.c. */
#include "packet/field.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/words.h"
#include "packet/bytes.h"
#include "packet/capture.h"
#include "packet/csum.h"
#include "packet/field_table.h"

const struct field *field_find(const char *name)
{
	for (size_t i = 0; i < field_table_n; i++) {
		if (strcmp(field_table[i].name, name) == 0)
			return &field_table[i];
	}
	return NULL;
}

const char *field_nearest(const char *name)
{
	const char *names[256];
	size_t n = field_table_n < 256 ? field_table_n : 256;

	for (size_t i = 0; i < n; i++)
		names[i] = field_table[i].name;
	return nearest_name(name, names, n);
}

const char *field_name(const struct field *f)
{
	return f->name;
}

const char *field_text(const struct field *f)
{
	return f->text;
}

const struct field *field_at(size_t i)
{
	return i < field_table_n ? &field_table[i] : NULL;
}

/* ---- where a field is ---- */

/* The bytes of a header (or payload) and where they end; at is NULL if the packet has none. */
struct span {
	const uint8_t *at;
	uint32_t len;
};

static struct span span_of(const uint8_t *data, int from, int to)
{
	if (from < 0 || to <= from)
		return (struct span){ NULL, 0 };
	return (struct span){ data + from, (uint32_t)(to - from) };
}

/* 802.1Q and 802.1ad tags are counted apart, as Wireshark does. */
static struct span vlan_span(const struct field *f, const uint8_t *data, uint32_t caplen,
			     const struct layers *l)
{
	int nth = f->nth;

	for (int i = 0; i < 2 && l->vlan[i] >= 0; i++) {
		/* SLL2 has its protocol first; in all others the type stands before the tag. */
		int type = i == 0 && l->linktype == LINK_LINUX_SLL2 ? 0 : l->vlan[i] - 2;
		bool dot1q = get_be16(data + type) == 0x8100;

		if (dot1q == (f->base == BASE_VLAN) && nth-- == 0)
			return span_of(data, l->vlan[i], (int)caplen);
	}
	return (struct span){ NULL, 0 };
}

static int ip_protocol(enum field_base base)
{
	switch (base) {
	case BASE_TCP:
		return IPPROTO_TCP;
	case BASE_UDP:
		return IPPROTO_UDP;
	case BASE_SCTP:
		return IPPROTO_SCTP;
	case BASE_ICMP:
		return IPPROTO_ICMP;
	default:
		return IPPROTO_ICMPV6;
	}
}

/* Offset of the field's header in this IP packet, NO_OFFSET if it has none. */
static int header_in(const struct field *f, const uint8_t *data, const struct ip_layers *ip)
{
	switch (f->base) {
	case BASE_IP:
		return ip->l3;
	case BASE_IP4:
		return ip->version == 4 ? ip->l3 : NO_OFFSET;
	case BASE_IP6:
		return ip->version == 6 ? ip->l3 : NO_OFFSET;
	case BASE_IP6_FRAGMENT:
		return ip6_extension(data, ip, IPPROTO_FRAGMENT);
	default:
		return ip->proto == ip_protocol(f->base) ? ip->l4 : NO_OFFSET;
	}
}

/* The IP packet that holds the field's header: the nth of its kind, from outside; NULL if none. */
static const struct ip_layers *holder(const struct field *f, const uint8_t *data,
				      const struct layers *l)
{
	const struct ip_layers *all[] = { &l->ip, l->inner.l3 >= 0 ? &l->inner : &l->carried };
	int nth = f->nth;

	for (int i = 0; i < 2; i++) {
		if (all[i]->l3 >= 0 && header_in(f, data, all[i]) >= 0 && nth-- == 0)
			return all[i];
	}
	return NULL;
}

static struct span transport_payload(const uint8_t *data, const struct ip_layers *ip)
{
	int end = ip->end;

	if (ip->proto == IPPROTO_UDP && ip->l4 >= 0) {
		int len = get_be16(data + ip->l4 + 4);

		if (len >= 8 && ip->l4 + len < end)
			end = ip->l4 + len;
	}
	return span_of(data, ip->payload, end);
}

/* Protocols whose header packet_parse() knows the length of. */
static bool is_transport(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP ||
	       proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

/* False where what follows the header has a shape of its own. */
static bool carries_data(const uint8_t *data, const struct ip_layers *ip)
{
	uint8_t type = ip->l4 >= 0 ? data[ip->l4] : 0;

	if (ip->proto == IPPROTO_ICMP)
		return ip->frag_off || type == 0 || type == 8;
	if (ip->proto == IPPROTO_ICMPV6)
		return ip->frag_off || type == 128 || type == 129;
	return ip->frag_off || ip->proto != IPPROTO_SCTP;
}

static struct span payload_span(const uint8_t *data, const struct layers *l)
{
	const struct ip_layers *ip = l->inner.l3 >= 0	  ? &l->inner
				     : l->carried.l3 >= 0 ? &l->carried
							  : &l->ip;

	if (ip->l3 < 0 || !carries_data(data, ip))
		return (struct span){ NULL, 0 };
	if (ip->payload < 0 && ip->l4 >= 0 && !is_transport(ip->proto))
		return span_of(data, ip->l4, ip->end);
	return transport_payload(data, ip);
}

/* The header a field is counted from, or for payload and options those bytes. */
static struct span base_span(const struct field *f, const uint8_t *data, uint32_t caplen,
			     const struct layers *l)
{
	const struct ip_layers *ip;

	switch (f->base) {
	case BASE_FRAME:
		return (struct span){ data, caplen };
	case BASE_ETH:
		return span_of(data, f->nth ? l->carried_eth : l->eth, (int)caplen);
	case BASE_VLAN:
	case BASE_QINQ:
		return vlan_span(f, data, caplen, l);
	case BASE_ARP:
		return span_of(data, l->arp, (int)caplen);
	case BASE_VXLAN:
		return span_of(data, l->vxlan, l->ip.end);
	case BASE_GENEVE:
		return span_of(data, l->geneve, l->ip.end);
	case BASE_PAYLOAD:
		return payload_span(data, l);
	default:
		break;
	}
	ip = holder(f, data, l);
	if (!ip)
		return (struct span){ NULL, 0 };
	if (f->special == SPECIAL_PAYLOAD)
		return transport_payload(data, ip);
	if (f->special == SPECIAL_OPTIONS)
		return ip->payload < 0 ? (struct span){ NULL, 0 }
				       : span_of(data, ip->l4 + 20, ip->payload);
	if (f->special == SPECIAL_LEN)
		return ip->payload < 0 ? (struct span){ NULL, 0 }
				       : (struct span){ data + ip->payload,
							(uint32_t)(ip->end - ip->payload) };
	return span_of(data, header_in(f, data, ip), ip->end);
}

static bool has_ident(uint8_t icmp_type)
{
	return icmp_type == 0 || icmp_type == 8 || (icmp_type >= 13 && icmp_type <= 18);
}

/* header is as long as the field's place at least. */
static bool applies(const struct field *f, struct span header)
{
	const uint8_t *h = header.at;

	switch ((enum field_when)f->when) {
	case WHEN_ALWAYS:
		return true;
	case WHEN_TYPE:
		return get_be16(h + f->off) >= 0x600;
	case WHEN_ARP_IP4:
		return get_be16(h) == 1 && get_be16(h + 2) == 0x0800 && h[4] == 6 && h[5] == 4;
	case WHEN_ECHO:
		return has_ident(h[0]);
	case WHEN_FRAG_NEEDED:
		return h[0] == 3 && h[1] == 4;
	case WHEN_REDIRECT:
		return h[0] == 5;
	case WHEN_ECHO6:
		return h[0] == 128 || h[0] == 129;
	case WHEN_TOO_BIG:
		return h[0] == 2;
	case WHEN_SOLICIT:
		return h[0] == 135;
	case WHEN_ADVERT:
		return h[0] == 136;
	}
	return false;
}

static uint32_t checksum_state(const struct field *f, const uint8_t *data, uint32_t caplen,
			       const struct layers *l)
{
	static const uint32_t states[] = {
		[CSUM_BAD] = 0, [CSUM_GOOD] = 1, [CSUM_UNVERIFIABLE] = 2, [CSUM_NONE] = 3
	};
	const struct ip_layers *ip = holder(f, data, l);

	return states[f->base == BASE_IP4 ? csum_l3(data, caplen, ip) : csum_l4(data, caplen, ip)];
}

bool field_locate(const struct field *f, const uint8_t *data, uint32_t caplen,
		  const struct layers *l, struct field_place *out)
{
	struct span header = base_span(f, data, caplen, l);

	if (!header.at)
		return false;
	*out = (struct field_place){ .len = header.len };
	if (f->special == SPECIAL_LEN)
		return true;
	if (f->special == SPECIAL_CHECKSUM) {
		out->len = checksum_state(f, data, caplen, l);
		return true;
	}
	if (f->special != SPECIAL_NONE) {
		out->at = header.at;
		return header.len > 0;
	}
	if (header.len < (uint32_t)f->off + f->size || header.len < (uint32_t)f->off2 + f->size)
		return false;
	if (!applies(f, header))
		return false;
	out->at = header.at + f->off;
	out->at2 = f->off2 ? header.at + f->off2 : NULL;
	out->len = f->size;
	return true;
}

uint32_t field_number(const struct field *f, const struct field_place *v, const uint8_t *at)
{
	uint32_t n;

	if (f->special == SPECIAL_LEN || f->special == SPECIAL_CHECKSUM)
		return v->len;
	n = f->size == 4 ? get_be32(at) : f->size == 2 ? get_be16(at) : at[0];
	if (f->mask)
		n = (n & f->mask) >> f->shift;
	return f->scale ? n * f->scale : n;
}

/* ---- text ---- */

static void print_bytes(struct buf *out, const uint8_t *p, uint32_t len, const char *between)
{
	static const char hex[] = "0123456789abcdef";

	for (uint32_t i = 0; p && i < len; i++) {
		if (i)
			buf_puts(out, between);
		buf_putc(out, hex[p[i] >> 4]);
		buf_putc(out, hex[p[i] & 15]);
	}
}

static void print_value(const struct field *f, const struct field_place *v, const uint8_t *at,
			struct buf *out)
{
	char text[INET6_ADDRSTRLEN];

	switch ((enum field_kind)f->kind) {
	case KIND_DEC:
		buf_printf(out, "%u", field_number(f, v, at));
		break;
	case KIND_FLAG:
		buf_putc(out, field_number(f, v, at) ? '1' : '0');
		break;
	case KIND_HEX:
		buf_printf(out, "0x%0*x", f->digits ? f->digits : 2 * f->size,
			   field_number(f, v, at));
		break;
	case KIND_MAC:
		print_bytes(out, at, 6, ":");
		break;
	case KIND_IP4:
		buf_puts(out, inet_ntop(AF_INET, at, text, sizeof(text)));
		break;
	case KIND_IP6:
		buf_puts(out, inet_ntop(AF_INET6, at, text, sizeof(text)));
		break;
	case KIND_BYTES:
		print_bytes(out, at, v->len, "");
		break;
	}
}

bool field_get(const struct field *f, const uint8_t *data, uint32_t caplen, const struct layers *l,
	       struct buf *out)
{
	struct field_place v;

	if (!field_locate(f, data, caplen, l, &v))
		return false;
	print_value(f, &v, v.at, out);
	if (v.at2) {
		buf_putc(out, ',');
		print_value(f, &v, v.at2, out);
	}
	return true;
}
