/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One line a packet, made for reading in a hurry: who to whom, what, how much, and what is odd
 * about it. The form Cilium's monitor uses: print_monitor.c.
 */
#include "packet/print.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>

#include "packet/bytes.h"
#include "packet/capture.h"
#include "packet/print_parts.h"

struct name {
	int number;
	const char *name;
};

static const char *name_of(const struct name *names, size_t n, int number)
{
	for (size_t i = 0; i < n; i++) {
		if (names[i].number == number)
			return names[i].name;
	}
	return NULL;
}

#define NAME_OF(table, number) name_of(table, sizeof(table) / sizeof((table)[0]), number)

/* ---- parts ---- */

void print_mac(struct buf *out, const uint8_t *p)
{
	buf_printf(out, "%02x:%02x:%02x:%02x:%02x:%02x", p[0], p[1], p[2], p[3], p[4], p[5]);
}

static void print_ip4(struct buf *out, const uint8_t *p)
{
	buf_printf(out, "%u.%u.%u.%u", p[0], p[1], p[2], p[3]);
}

static void print_ip6(struct buf *out, const uint8_t *p)
{
	char text[INET6_ADDRSTRLEN];

	buf_puts(out, inet_ntop(AF_INET6, p, text, sizeof(text)));
}

bool has_ports(const struct ip_layers *ip)
{
	return ip->l4 >= 0 &&
	       (ip->proto == IPPROTO_TCP || ip->proto == IPPROTO_UDP || ip->proto == IPPROTO_SCTP);
}

void print_endpoint(struct buf *out, const uint8_t *data, const struct ip_layers *ip, bool dst)
{
	const uint8_t *h = data + ip->l3;
	bool ports = has_ports(ip);

	if (ip->version == 4) {
		print_ip4(out, h + (dst ? 16 : 12));
	} else {
		if (ports)
			buf_putc(out, '[');
		print_ip6(out, h + (dst ? 24 : 8));
		if (ports)
			buf_putc(out, ']');
	}
	if (ports)
		buf_printf(out, ":%u", get_be16(data + ip->l4 + (dst ? 2 : 0)));
}

/* How many bytes the IP packet has behind `from` by its own length, captured or not. */
static int bytes_behind(const uint8_t *data, const struct ip_layers *ip, int from)
{
	const uint8_t *h = data + ip->l3;
	int len = ip->version == 4 ? get_be16(h + 2) : get_be16(h + 4);
	int end = ip->l3 + len + (ip->version == 4 ? 0 : 40);

	if (!len || end < ip->end)
		end = ip->end;
	return end - from;
}

static void print_proto(struct buf *out, uint8_t proto)
{
	static const struct name protos[] = {
		{ IPPROTO_ICMP, "icmp" }, { IPPROTO_IGMP, "igmp" }, { IPPROTO_IPIP, "ipip" },
		{ IPPROTO_TCP, "tcp" },	  { IPPROTO_UDP, "udp" },   { IPPROTO_IPV6, "ipv6-in-ip" },
		{ IPPROTO_GRE, "gre" },	  { IPPROTO_ESP, "esp" },   { IPPROTO_ICMPV6, "icmp6" },
		{ 89, "ospf" },		  { 112, "vrrp" },	    { IPPROTO_SCTP, "sctp" },
	};
	const char *name = NAME_OF(protos, proto);

	if (name)
		buf_puts(out, name);
	else if (proto == IPPROTO_NONE)
		buf_puts(out, "no next header");
	else
		buf_printf(out, "protocol %u", proto);
}

/* ---- transport ---- */

static void print_tcp_flags(struct buf *out, uint8_t flags)
{
	static const struct name names[] = {
		{ 0x02, "SYN" }, { 0x01, "FIN" }, { 0x04, "RST" }, { 0x08, "PSH" },
		{ 0x10, "ACK" }, { 0x20, "URG" }, { 0x40, "ECE" }, { 0x80, "CWR" },
	};
	const char *between = " ";

	if (!flags)
		buf_puts(out, " no flags");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!(flags & names[i].number))
			continue;
		buf_puts(out, between);
		buf_puts(out, names[i].name);
		between = ",";
	}
}

static void print_sctp_chunk(struct buf *out, uint8_t type)
{
	static const struct name chunks[] = {
		{ 0, "DATA" },
		{ 1, "INIT" },
		{ 2, "INIT-ACK" },
		{ 3, "SACK" },
		{ 4, "HEARTBEAT" },
		{ 5, "HEARTBEAT-ACK" },
		{ 6, "ABORT" },
		{ 7, "SHUTDOWN" },
		{ 8, "SHUTDOWN-ACK" },
		{ 9, "ERROR" },
		{ 10, "COOKIE-ECHO" },
		{ 11, "COOKIE-ACK" },
		{ 14, "SHUTDOWN-COMPLETE" },
	};
	const char *name = NAME_OF(chunks, type);

	if (name)
		buf_printf(out, " %s", name);
	else
		buf_printf(out, " chunk %u", type);
}

/* Type and code of ICMP or ICMPv6, by name where they have one. */
static void print_icmp_kind(struct buf *out, const uint8_t *h, const char *name, const char *code)
{
	if (name)
		buf_printf(out, " %s", name);
	else
		buf_printf(out, " type %u", h[0]);
	if (code)
		buf_printf(out, ": %s", code);
	else if (h[1] || !name)
		buf_printf(out, " code %u", h[1]);
}

static void print_icmp(struct buf *out, const uint8_t *data, const struct ip_layers *ip)
{
	static const struct name types[] = {
		{ 0, "echo reply" },	       { 3, "unreachable" },
		{ 4, "source quench" },	       { 5, "redirect" },
		{ 8, "echo request" },	       { 9, "router advertisement" },
		{ 10, "router solicitation" }, { 11, "time exceeded" },
		{ 12, "parameter problem" },   { 13, "timestamp request" },
		{ 14, "timestamp reply" },
	};
	static const struct name unreachable[] = {
		{ 0, "net" },
		{ 1, "host" },
		{ 2, "protocol" },
		{ 3, "port" },
		{ 4, "fragmentation needed" },
		{ 5, "source route failed" },
		{ 9, "net prohibited" },
		{ 10, "host prohibited" },
		{ 13, "prohibited" },
	};
	const uint8_t *h = data + ip->l4;
	const char *name = NAME_OF(types, h[0]);
	const char *code = h[0] == 3 ? NAME_OF(unreachable, h[1]) : NULL;

	print_icmp_kind(out, h, name, code);
	if (h[0] == 0 || h[0] == 8)
		buf_printf(out, " id %u seq %u", get_be16(h + 4), get_be16(h + 6));
	if (h[0] == 3 && h[1] == 4)
		buf_printf(out, ", mtu %u", get_be16(h + 6));
	if (h[0] == 5) {
		buf_puts(out, " to ");
		print_ip4(out, h + 4);
	}
}

static void print_icmp6(struct buf *out, const uint8_t *data, const struct ip_layers *ip)
{
	static const struct name types[] = {
		{ 1, "unreachable" },
		{ 2, "packet too big" },
		{ 3, "time exceeded" },
		{ 4, "parameter problem" },
		{ 128, "echo request" },
		{ 129, "echo reply" },
		{ 130, "listener query" },
		{ 131, "listener report" },
		{ 132, "listener done" },
		{ 133, "router solicitation" },
		{ 134, "router advertisement" },
		{ 135, "neighbor solicitation" },
		{ 136, "neighbor advertisement" },
		{ 137, "redirect" },
		{ 143, "listener report v2" },
	};
	static const struct name unreachable[] = {
		{ 0, "no route" }, { 1, "prohibited" },	   { 2, "beyond scope" }, { 3, "address" },
		{ 4, "port" },	   { 5, "source policy" }, { 6, "reject route" },
	};
	const uint8_t *h = data + ip->l4;
	const char *name = NAME_OF(types, h[0]);
	const char *code = h[0] == 1 ? NAME_OF(unreachable, h[1]) : NULL;

	print_icmp_kind(out, h, name, code);
	if (h[0] == 128 || h[0] == 129)
		buf_printf(out, " id %u seq %u", get_be16(h + 4), get_be16(h + 6));
	if (h[0] == 2)
		buf_printf(out, ", mtu %u", get_be32(h + 4));
	if ((h[0] == 135 || h[0] == 136) && ip->l4 + 24 <= ip->end) {
		buf_putc(out, ' ');
		print_ip6(out, h + 8);
	}
}

static void print_l4(struct buf *out, const uint8_t *data, const struct ip_layers *ip)
{
	if (ip->proto == IPPROTO_TCP && ip->l4 + 14 <= ip->end)
		print_tcp_flags(out, data[ip->l4 + 13]);
	else if (ip->proto == IPPROTO_SCTP && ip->payload >= 0 && ip->payload < ip->end)
		print_sctp_chunk(out, data[ip->payload]);
	else if (ip->proto == IPPROTO_ICMP)
		print_icmp(out, data, ip);
	else if (ip->proto == IPPROTO_ICMPV6)
		print_icmp6(out, data, ip);
}

/* ---- network ---- */

static void print_fragment(struct buf *out, const uint8_t *data, const struct ip_layers *ip)
{
	int extension = ip6_extension(data, ip, IPPROTO_FRAGMENT);

	if (!ip->frag_off && !ip->more_fragments)
		return;
	buf_puts(out, ip->more_fragments ? ip->frag_off ? ", middle" : ", first" : ", last");
	if (ip->version == 4)
		buf_printf(out, " fragment of 0x%04x", get_be16(data + ip->l3 + 4));
	else
		buf_printf(out, " fragment of 0x%08x", get_be32(data + extension + 4));
	buf_printf(out, " at byte %u", ip->frag_off);
}

static void print_ip(struct buf *out, const uint8_t *data, const struct ip_layers *ip)
{
	print_endpoint(out, data, ip, false);
	buf_puts(out, " > ");
	print_endpoint(out, data, ip, true);
	buf_putc(out, ' ');
	print_proto(out, ip->proto);
	if (ip->l4 >= 0)
		print_l4(out, data, ip);
}

static bool quotes(const struct layers *l)
{
	return l->inner.l3 >= 0;
}

static void print_tunnel(struct buf *out, const uint8_t *data, const struct layers *l)
{
	if (l->vxlan >= 0)
		buf_printf(out, " vxlan VNI %u", get_be32(data + l->vxlan + 4) >> 8);
	else if (l->geneve >= 0)
		buf_printf(out, " geneve VNI %u", get_be32(data + l->geneve + 4) >> 8);
	buf_puts(out, " [");
	print_ip(out, data, &l->carried);
	buf_putc(out, ']');
}

static void print_packet_ip(struct buf *out, const uint8_t *data, const struct layers *l)
{
	print_ip(out, data, &l->ip);
	if (l->carried.l3 >= 0) {
		print_tunnel(out, data, l);
	} else if (quotes(l)) {
		buf_puts(out, ", about ");
		print_ip(out, data, &l->inner);
	} else if (l->ip.payload >= 0) {
		buf_printf(out, " len %d", bytes_behind(data, &l->ip, l->ip.payload));
	} else if (l->ip.l4 >= 0 && !l->stop) {
		buf_printf(out, " len %d", bytes_behind(data, &l->ip, l->ip.l4));
	}
	print_fragment(out, data, &l->ip);
}

static void print_arp(struct buf *out, const uint8_t *h)
{
	uint16_t op = get_be16(h + 6);

	if (get_be16(h) != 1 || get_be16(h + 2) != 0x0800 || h[4] != 6 || h[5] != 4) {
		buf_printf(out, "arp operation %u, hardware type %u, protocol 0x%04x", op,
			   get_be16(h), get_be16(h + 2));
	} else if (op == 1) {
		buf_puts(out, "arp who has ");
		print_ip4(out, h + 24);
		buf_puts(out, ", tell ");
		print_ip4(out, h + 14);
	} else if (op == 2) {
		buf_puts(out, "arp ");
		print_ip4(out, h + 14);
		buf_puts(out, " is at ");
		print_mac(out, h + 8);
	} else {
		buf_printf(out, "arp operation %u from ", op);
		print_ip4(out, h + 14);
	}
}

/* Neither IP nor ARP, or too broken to tell. */
static void print_other(struct buf *out, const uint8_t *data, const struct layers *l)
{
	const char *link = linktype_name(l->linktype);

	if (l->eth >= 0) {
		print_mac(out, data + 6);
		buf_puts(out, " > ");
		print_mac(out, data);
		buf_putc(out, ' ');
	}
	if (l->ethertype >= 0x600)
		buf_printf(out, "type 0x%04x", l->ethertype);
	else if (l->eth >= 0)
		buf_puts(out, "802.3 frame");
	else if (link)
		buf_printf(out, "%s packet", link);
	else
		buf_printf(out, "packet of link type %u", l->linktype);
}

void packet_print(struct buf *out, const uint8_t *data, uint32_t caplen, uint32_t len,
		  uint16_t linktype)
{
	struct layers l;

	packet_parse(data, caplen, linktype, &l);
	for (int i = 0; i < 2 && l.vlan[i] >= 0; i++)
		buf_printf(out, "vlan %u ", get_be16(data + l.vlan[i]) & 0xfff);
	if (l.ip.l3 >= 0) {
		print_packet_ip(out, data, &l);
	} else if (l.arp >= 0 && !l.stop) {
		print_arp(out, data + l.arp);
	} else {
		print_other(out, data, &l);
		buf_printf(out, " len %u", len > caplen ? len : caplen);
	}
	if (l.stop)
		buf_printf(out, " [%s]", l.stop);
	if (len > caplen)
		buf_printf(out, " [%u of %u bytes captured]", caplen, len);
}

void packet_hexdump(struct buf *out, const uint8_t *data, uint32_t len)
{
	for (uint32_t row = 0; row < len; row += 16) {
		uint32_t n = len - row < 16 ? len - row : 16;

		buf_printf(out, "%04x ", row);
		for (uint32_t i = 0; i < 16; i++) {
			buf_puts(out, i == 8 ? "  " : " ");
			if (i < n)
				buf_printf(out, "%02x", data[row + i]);
			else
				buf_puts(out, "  ");
		}
		buf_puts(out, "  ");
		for (uint32_t i = 0; i < n; i++)
			buf_putc(out, data[row + i] < 0x7f && isprint(data[row + i])
					      ? (char)data[row + i]
					      : '.');
		buf_putc(out, '\n');
	}
}
