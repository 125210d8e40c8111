/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Transport headers: ports, TCP flags, ICMP types. Reads only, decides nothing: the callers, which
 * have a number in source.h, drop.
 *
 * An ICMP echo has its identifier in place of ports: it is the source port of a request and the
 * destination port of a reply, the other one is 0. So both belong to one flow, like a datagram and
 * its answer.
 */
#ifndef VERDICT_LIB_L4_H
#define VERDICT_LIB_L4_H

#include <linux/in.h>
#include <linux/in6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include <lib/ctx.h>

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

/* Of a packet that begins a connection, and none that is nonsense besides. */
#define TCP_BEGINS(flags) (((flags) & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN)

#define SCTP_HDR_LEN  12
#define ICMP_HDR_LEN  8
#define L4_QUOTED_LEN 8 /* RFC 792: what an error quotes at least */

/* RFC 792. <linux/icmp.h> draws in the C library, which has no place in a program of the kernel. */
enum icmp_type {
	ICMP_ECHOREPLY = 0,
	ICMP_DEST_UNREACH = 3,
	ICMP_SOURCE_QUENCH = 4,
	ICMP_REDIRECT = 5,
	ICMP_ECHO = 8,
	ICMP_TIME_EXCEEDED = 11,
	ICMP_PARAMETERPROB = 12,
};

/* RFC 4443, 4861 */
enum icmp6_type {
	ICMP6_DEST_UNREACH = 1,
	ICMP6_PACKET_TOO_BIG = 2,
	ICMP6_TIME_EXCEEDED = 3,
	ICMP6_PARAM_PROB = 4,
	ICMP6_ECHO_REQUEST = 128,
	ICMP6_ECHO_REPLY = 129,
	ICMP6_NEIGHBOUR_SOLICITATION = 135,
	ICMP6_NEIGHBOUR_ADVERTISEMENT = 136,
	ICMP6_REDIRECT = 137,
};

struct icmp_header {
	__u8 type;
	__u8 code;
	__be16 checksum;
	__be16 id;
	__be16 sequence;
};

struct l4_ports {
	__be16 sport;
	__be16 dport;
};

/* As far as the flags. */
struct tcp_start {
	struct l4_ports ports;
	__be32 seq, ack;
	__u8 doff; /* in the upper half */
	__u8 flags;
	__be16 window;
};

static __always_inline bool is_icmp(const struct packet *pkt)
{
	return pkt->protocol == (pkt->is_ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
}

static __always_inline bool icmp_is_request(bool ipv6, __u8 type)
{
	return type == (ipv6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO);
}

static __always_inline bool icmp_is_echo(bool ipv6, __u8 type)
{
	return icmp_is_request(ipv6, type) || type == (ipv6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY);
}

/* RFC 1122, 3.2.2: the messages that quote a packet. A redirect quotes one too, but changes routes:
 * it is not about the flow and has to pass policy. Those of ICMPv6 have the types below 128, of which
 * RFC 4443 defines four.
 */
static __always_inline bool icmp_is_error(bool ipv6, __u8 type)
{
	if (ipv6)
		return type >= ICMP6_DEST_UNREACH && type <= ICMP6_PARAM_PROB;
	return type == ICMP_DEST_UNREACH || type == ICMP_SOURCE_QUENCH ||
	       type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETERPROB;
}

static __always_inline struct l4_ports icmp_echo_ports(bool ipv6, __u8 type, __be16 id)
{
	return icmp_is_request(ipv6, type) ? (struct l4_ports){ .sport = id }
					   : (struct l4_ports){ .dport = id };
}

/* False if the header isn't whole or not possible. A first fragment too small for its flags is as
 * bad (RFC 1858).
 */
static __always_inline bool tcp_parse(ctx_t *ctx, struct packet *pkt)
{
	struct tcp_start tcp;
	__u32 hlen;

	if (pkt->l4_off + sizeof(struct tcphdr) > pkt->end ||
	    !ctx_load_header(ctx, pkt->l4_off, &tcp, sizeof(tcp)))
		return false;
	hlen = (tcp.doff >> 4) * 4;
	if (hlen < sizeof(struct tcphdr) || pkt->l4_off + hlen > pkt->end)
		return false;
	pkt->sport = tcp.ports.sport;
	pkt->dport = tcp.ports.dport;
	pkt->tcp_flags = tcp.flags;
	pkt->trackable = true;
	return true;
}

/* UDP and SCTP, of which hdr_len bytes must be there. */
static __always_inline bool ports_parse(ctx_t *ctx, struct packet *pkt, __u32 hdr_len)
{
	struct l4_ports ports;

	if (pkt->l4_off + hdr_len > pkt->end ||
	    !ctx_load_header(ctx, pkt->l4_off, &ports, sizeof(ports)))
		return false;
	pkt->sport = ports.sport;
	pkt->dport = ports.dport;
	pkt->trackable = true;
	return true;
}

static __always_inline bool icmp_parse(ctx_t *ctx, struct packet *pkt)
{
	struct icmp_header icmp;
	struct l4_ports ports;

	if (!packet_load(ctx, pkt, pkt->l4_off, &icmp, sizeof(icmp)))
		return false;
	pkt->icmp_type = icmp.type;
	pkt->icmp_code = icmp.code;
	pkt->icmp_error = icmp_is_error(pkt->is_ipv6, icmp.type);
	if (!icmp_is_echo(pkt->is_ipv6, icmp.type))
		return true;
	ports = icmp_echo_ports(pkt->is_ipv6, icmp.type, icmp.id);
	pkt->sport = ports.sport;
	pkt->dport = ports.dport;
	pkt->trackable = true;
	return true;
}

#endif
