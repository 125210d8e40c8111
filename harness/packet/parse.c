/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Walks a packet's headers from the link layer to the packet an ICMP error quotes. Nothing is
 * copied and nothing behind the captured bytes is touched.
 */
#include "packet/parse.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>

#include "packet/bytes.h"
#include "packet/capture.h"

enum {
	ETHERTYPE_IP4 = 0x0800,
	ETHERTYPE_ARP = 0x0806,
	ETHERTYPE_8021Q = 0x8100,
	ETHERTYPE_IP6 = 0x86dd,
	ETHERTYPE_8021AD = 0x88a8,
	ETHERTYPE_QINQ_OLD = 0x9100,
};

enum { EXT_HIP = 139, EXT_SHIM6 = 140 };

static bool is_vlan_tag(uint16_t ethertype)
{
	return ethertype == ETHERTYPE_8021Q || ethertype == ETHERTYPE_8021AD ||
	       ethertype == ETHERTYPE_QINQ_OLD;
}

bool icmp_is_error(uint8_t type)
{
	return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

bool icmp6_is_error(uint8_t type)
{
	return type >= 1 && type <= 4;
}

static void no_ip(struct ip_layers *ip)
{
	*ip = (struct ip_layers){ .l3 = NO_OFFSET, .l4 = NO_OFFSET, .payload = NO_OFFSET };
}

/* ---- transport ---- */

/* Length of the header at l4 by its own word, 0 for protocols we do not know. */
static int l4_header_len(const uint8_t *data, const struct ip_layers *ip)
{
	uint8_t type = data[ip->l4];

	switch (ip->proto) {
	case IPPROTO_TCP:
		return ip->end - ip->l4 < 13 ? 20 : (data[ip->l4 + 12] >> 4) * 4;
	case IPPROTO_UDP:
	case IPPROTO_ICMP:
		return 8;
	case IPPROTO_SCTP:
		return 12;
	case IPPROTO_ICMPV6:
		return icmp6_is_error(type) || type == 128 || type == 129 ? 8 : 4;
	default:
		return 0;
	}
}

static const char *truncated_l4(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return "truncated TCP header";
	case IPPROTO_UDP:
		return "truncated UDP header";
	case IPPROTO_SCTP:
		return "truncated SCTP header";
	case IPPROTO_ICMP:
		return "truncated ICMP header";
	default:
		return "truncated ICMPv6 header";
	}
}

static bool known_l4(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP ||
	       proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

/* at: behind the IP headers of a packet that is not a later fragment. */
static const char *parse_l4(const uint8_t *data, int at, struct ip_layers *ip)
{
	int len;

	if (!known_l4(ip->proto)) {
		if (ip->proto != IPPROTO_NONE && at < ip->end)
			ip->l4 = at;
		return NULL;
	}
	if (ip->end - at < 8)
		return truncated_l4(ip->proto);
	ip->l4 = at;
	len = l4_header_len(data, ip);
	if (ip->proto == IPPROTO_TCP && len < 20)
		return "bad TCP header length";
	if (ip->end - at < len)
		return truncated_l4(ip->proto);
	ip->payload = at + len;
	return NULL;
}

/* ---- network ---- */

static const char *parse_ip4(const uint8_t *data, int at, int end, struct ip_layers *ip)
{
	const uint8_t *h = data + at;
	int hdr_len, total;
	uint16_t frag;

	if (end - at < 20)
		return "truncated IPv4 header";
	if (h[0] >> 4 != 4)
		return "IPv4 header of another version";
	hdr_len = (h[0] & 0xf) * 4;
	if (hdr_len < 20)
		return "bad IPv4 header length";
	if (end - at < hdr_len)
		return "truncated IPv4 options";
	total = get_be16(h + 2);
	/* Length 0: captured before segmentation offload filled it in. */
	if (total && total < hdr_len)
		return "bad IPv4 total length";
	ip->l3 = at;
	ip->version = 4;
	ip->proto = h[9];
	ip->end = total && total < end - at ? at + total : end;
	frag = get_be16(h + 6);
	ip->more_fragments = frag & 0x2000;
	ip->frag_off = (uint16_t)((frag & 0x1fff) * 8);
	if (ip->frag_off) {
		ip->payload = at + hdr_len;
		return NULL;
	}
	return parse_l4(data, at + hdr_len, ip);
}

/* Steps over one IPv6 extension header; returns its length, 0 if type is none of them, -1 if cut.
 * *next is replaced by the type that follows.
 */
static int extension_len(const uint8_t *h, int left, uint8_t type, uint8_t *next)
{
	int len;

	switch (type) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_FRAGMENT:
	case IPPROTO_DSTOPTS:
	case IPPROTO_AH:
	case IPPROTO_MH:
	case EXT_HIP:
	case EXT_SHIM6:
		break;
	default:
		return 0;
	}
	if (left < 8)
		return -1;
	/* The authentication header counts in words of four, less two (RFC 4302). */
	if (type == IPPROTO_AH)
		len = (h[1] + 2) * 4;
	else
		len = type == IPPROTO_FRAGMENT ? 8 : (h[1] + 1) * 8;
	if (len < 8 || len > left)
		return -1;
	*next = h[0];
	return len;
}

static const char *parse_ip6(const uint8_t *data, int at, int end, struct ip_layers *ip)
{
	const uint8_t *h = data + at;
	int pos = at + 40, plen, len;
	uint8_t next;

	if (end - at < 40)
		return "truncated IPv6 header";
	if (h[0] >> 4 != 6)
		return "IPv6 header of another version";
	plen = get_be16(h + 4);
	next = h[6];
	ip->l3 = at;
	ip->version = 6;
	/* Length 0: a jumbogram (RFC 2675), or captured before segmentation offload. */
	ip->end = (plen || next == IPPROTO_NONE) && plen < end - pos ? pos + plen : end;
	for (;; pos += len) {
		ip->proto = next;
		len = extension_len(data + pos, ip->end - pos, ip->proto, &next);
		if (len <= 0)
			break;
		if (ip->proto != IPPROTO_FRAGMENT)
			continue;
		ip->frag_off = get_be16(data + pos + 2) & 0xfff8;
		ip->more_fragments = data[pos + 3] & 1;
		if (ip->frag_off) {
			/* What follows belongs to the fragmented packet, not to this one. */
			ip->proto = next;
			ip->payload = pos + len;
			return NULL;
		}
	}
	return len < 0 ? "truncated IPv6 extension header" : parse_l4(data, pos, ip);
}

int ip6_extension(const uint8_t *data, const struct ip_layers *ip, uint8_t type)
{
	int pos, len;
	uint8_t now, next;

	if (ip->l3 < 0 || ip->version != 6)
		return NO_OFFSET;
	next = data[ip->l3 + 6];
	for (pos = ip->l3 + 40;; pos += len) {
		now = next;
		len = extension_len(data + pos, ip->end - pos, now, &next);
		if (len <= 0)
			return NO_OFFSET;
		if (now == type)
			return pos;
		if (now == IPPROTO_FRAGMENT && (get_be16(data + pos + 2) & 0xfff8))
			return NO_OFFSET;
	}
}

/* The packet quoted behind the 8 bytes of an ICMP error. Routers quote as little as 8 bytes of its
 * transport header (RFC 792), so being cut short is no fault.
 */
static void parse_inner(const uint8_t *data, struct layers *l)
{
	if (l->ip.payload < 0 || l->ip.l4 < 0 || l->ip.payload >= l->ip.end)
		return;
	if (l->ip.proto == IPPROTO_ICMP && icmp_is_error(data[l->ip.l4]))
		parse_ip4(data, l->ip.payload, l->ip.end, &l->inner);
	else if (l->ip.proto == IPPROTO_ICMPV6 && icmp6_is_error(data[l->ip.l4]))
		parse_ip6(data, l->ip.payload, l->ip.end, &l->inner);
}

/* ---- tunnels ---- */

enum { PORT_VXLAN = 4789, PORT_VXLAN_LINUX = 8472, PORT_GENEVE = 6081 };
enum { ETH_LEN = 14, TUNNEL_LEN = 8, GENEVE_ETHERNET = 0x6558, VXLAN_HAS_VNI = 0x08 };

static void parse_carried_ip(const uint8_t *data, int at, int end, uint16_t ethertype,
			     struct layers *l)
{
	if (ethertype == ETHERTYPE_IP4)
		parse_ip4(data, at, end, &l->carried);
	else if (ethertype == ETHERTYPE_IP6)
		parse_ip6(data, at, end, &l->carried);
}

static void parse_carried_ethernet(const uint8_t *data, int at, struct layers *l)
{
	if (l->ip.end - at < ETH_LEN)
		return;
	l->carried_eth = at;
	parse_carried_ip(data, at + ETH_LEN, l->ip.end, get_be16(data + at + 12), l);
}

static void parse_vxlan(const uint8_t *data, struct layers *l)
{
	l->vxlan = l->ip.payload;
	if (data[l->vxlan] & VXLAN_HAS_VNI)
		parse_carried_ethernet(data, l->vxlan + TUNNEL_LEN, l);
}

static void parse_geneve(const uint8_t *data, struct layers *l)
{
	l->geneve = l->ip.payload;
	if (get_be16(data + l->geneve + 2) == GENEVE_ETHERNET)
		parse_carried_ethernet(data, l->geneve + TUNNEL_LEN + 4 * (data[l->geneve] & 0x3f),
				       l);
}

static void parse_tunnel(const uint8_t *data, struct layers *l)
{
	const struct ip_layers *ip = &l->ip;
	uint16_t port;

	if (ip->l4 < 0 || ip->frag_off)
		return;
	if (ip->proto == IPPROTO_IPIP || ip->proto == IPPROTO_IPV6) {
		parse_carried_ip(data, ip->l4, ip->end,
				 ip->proto == IPPROTO_IPIP ? ETHERTYPE_IP4 : ETHERTYPE_IP6, l);
		return;
	}
	if (ip->proto != IPPROTO_UDP || ip->payload < 0 || ip->end - ip->payload < TUNNEL_LEN)
		return;
	port = get_be16(data + ip->l4 + 2);
	if (port == PORT_VXLAN || port == PORT_VXLAN_LINUX)
		parse_vxlan(data, l);
	else if (port == PORT_GENEVE)
		parse_geneve(data, l);
}

/* ---- link ---- */

/* The 4 bytes are an AF_ value of the capturing system: 2 everywhere for IPv4, but 10, 24, 28 or 30
 * for IPv6, in either byte order.
 */
static uint16_t loopback_ethertype(const uint8_t *p)
{
	uint8_t family = p[0] ? p[0] : p[3];

	if (p[1] || p[2] || (p[0] && p[3]))
		return 0;
	if (family == 2)
		return ETHERTYPE_IP4;
	if (family == 10 || family == 24 || family == 28 || family == 30)
		return ETHERTYPE_IP6;
	return 0;
}

/* Sets *at behind the link header and l->ethertype (0: unknown). */
static const char *parse_link(const uint8_t *data, int len, struct layers *l, int *at)
{
	switch (l->linktype) {
	case LINK_ETHERNET:
		if (len < 14)
			return "truncated Ethernet header";
		l->eth = 0;
		l->ethertype = get_be16(data + 12);
		*at = 14;
		return NULL;
	case LINK_LINUX_SLL:
		if (len < 16)
			return "truncated SLL header";
		l->ethertype = get_be16(data + 14);
		*at = 16;
		return NULL;
	case LINK_LINUX_SLL2:
		if (len < 20)
			return "truncated SLL2 header";
		l->ethertype = get_be16(data);
		*at = 20;
		return NULL;
	case LINK_NULL:
	case LINK_LOOP:
		if (len < 4)
			return "truncated loopback header";
		l->ethertype = loopback_ethertype(data);
		*at = 4;
		return NULL;
	case LINK_RAW:
	case LINK_IPV4:
	case LINK_IPV6:
		if (len < 1)
			return "empty packet";
		*at = 0;
		if (data[0] >> 4 == 4)
			l->ethertype = ETHERTYPE_IP4;
		else if (data[0] >> 4 == 6)
			l->ethertype = ETHERTYPE_IP6;
		return l->ethertype ? NULL : "neither IPv4 nor IPv6";
	default:
		return "unknown link type";
	}
}

static const char *parse_vlans(const uint8_t *data, int len, struct layers *l, int *at)
{
	for (int i = 0; is_vlan_tag(l->ethertype); i++) {
		if (i == 2)
			return "more than two VLAN tags";
		if (len - *at < 4)
			return "truncated VLAN tag";
		l->vlan[i] = *at;
		l->ethertype = get_be16(data + *at + 2);
		*at += 4;
	}
	return NULL;
}

static const char *parse_network(const uint8_t *data, int len, int at, struct layers *l)
{
	const char *stop = NULL;

	switch (l->ethertype) {
	case ETHERTYPE_ARP:
		if (len - at < 8)
			return "truncated ARP header";
		l->arp = at;
		/* Two hardware and two protocol addresses follow; their sizes are in the header. */
		return len - at < 8 + 2 * (data[at + 4] + data[at + 5]) ? "truncated ARP packet"
									: NULL;
	case ETHERTYPE_IP4:
		stop = parse_ip4(data, at, len, &l->ip);
		break;
	case ETHERTYPE_IP6:
		stop = parse_ip6(data, at, len, &l->ip);
		break;
	default:
		break;
	}
	if (stop)
		return stop;
	parse_inner(data, l);
	parse_tunnel(data, l);
	return NULL;
}

int packet_parse(const uint8_t *data, uint32_t caplen, uint16_t linktype, struct layers *l)
{
	/* Offsets are ints; no packet comes near this, and headers stand at its start. */
	int len = caplen > INT32_MAX / 2 ? INT32_MAX / 2 : (int)caplen;
	int at = 0;

	l->linktype = linktype;
	l->eth = l->vlan[0] = l->vlan[1] = l->arp = NO_OFFSET;
	l->ethertype = 0;
	no_ip(&l->ip);
	no_ip(&l->inner);
	no_ip(&l->carried);
	l->vxlan = l->geneve = l->carried_eth = NO_OFFSET;
	l->stop = parse_link(data, len, l, &at);
	if (l->stop)
		return -EINVAL;
	l->stop = parse_vlans(data, len, l, &at);
	if (!l->stop)
		l->stop = parse_network(data, len, at, l);
	return 0;
}
