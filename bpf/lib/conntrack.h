/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Connection tracking: which flow a packet belongs to, and how long that flow lives.
 *
 * No handshake is checked: the first packet that policy lets pass makes the entry, whatever its flags.
 * An ICMP error belongs to the flow of the packet it quotes. ICMP messages other than echoes and
 * errors open no flow: each is new.
 */
#ifndef VERDICT_LIB_CONNTRACK_H
#define VERDICT_LIB_CONNTRACK_H

#include <lib/config.h>
#include <lib/ct_map.h>
#include <lib/debug.h>
#include <lib/frag.h>
#include <lib/ipcache.h>
#include <lib/ipv4.h>
#include <lib/ipv6.h>
#include <lib/l4.h>
#include <lib/reasons.h>

static __always_inline int ct_recall_fragment(struct packet *pkt)
{
	struct ipv4_frag_l4ports found;
	struct l4_ports ports;
	int ret = frag_recall(pkt, &found);

	if (ret)
		return ret;
	ports = (struct l4_ports){ .sport = found.sport, .dport = found.dport };
	if (is_icmp(pkt)) {
		pkt->icmp_type = (__u8)bpf_ntohs(found.dport);
		ports = icmp_echo_ports(pkt->is_ipv6, pkt->icmp_type, found.sport);
	}
	pkt->sport = ports.sport;
	pkt->dport = ports.dport;
	pkt->trackable = true;
	pkt->l4_parsed = true;
	return 0;
}

static __always_inline void ct_remember_fragment(const struct packet *pkt)
{
	if (is_icmp(pkt))
		frag_remember(pkt, pkt->sport | pkt->dport, bpf_htons(pkt->icmp_type));
	else
		frag_remember(pkt, pkt->sport, pkt->dport);
}

/* Fills ports, flags and ICMP type; once: a translated packet is known by then under other ports. */
static __always_inline int ct_parse_l4(ctx_t *ctx, struct packet *pkt)
{
	bool whole;

	if (pkt->l4_parsed)
		return 0;
	if (pkt->protocol != IPPROTO_TCP && pkt->protocol != IPPROTO_UDP &&
	    pkt->protocol != IPPROTO_SCTP && !is_icmp(pkt))
		return DROP(pkt, DROP_CT_UNKNOWN_PROTO);
	if (pkt->later_fragment)
		return ct_recall_fragment(pkt);
	if (pkt->protocol == IPPROTO_TCP)
		whole = tcp_parse(ctx, pkt);
	else if (is_icmp(pkt))
		whole = icmp_parse(ctx, pkt);
	else
		whole = ports_parse(ctx, pkt,
				    pkt->protocol == IPPROTO_SCTP ? SCTP_HDR_LEN
								  : sizeof(struct udphdr));
	if (!whole)
		return DROP(pkt, DROP_CT_INVALID_HDR);
	if (pkt->more_fragments && pkt->trackable)
		ct_remember_fragment(pkt);
	pkt->l4_parsed = true;
	return 0;
}

static __always_inline bool ct_closing(const struct ct_entry *entry)
{
	return entry->rx_closing || entry->tx_closing;
}

static __always_inline bool ct_closed(const struct ct_entry *entry)
{
	return entry->rx_closing && entry->tx_closing;
}

/* TCP flags into the entry's state. A SYN begins anew what was closing: ports are used again. */
static __always_inline void ct_tcp_state(struct ct_entry *entry, __u8 flags, enum direction dir)
{
	if (TCP_BEGINS(flags) && ct_closing(entry)) {
		entry->rx_closing = 0;
		entry->tx_closing = 0;
		entry->seen_non_syn = 0;
		entry->tx_flags_seen = 0;
		entry->rx_flags_seen = 0;
	}
	if (!(flags & TCP_SYN))
		entry->seen_non_syn = 1;
	if (flags & TCP_RST || (flags & TCP_FIN && dir == DIR_INGRESS))
		entry->rx_closing = 1;
	if (flags & TCP_RST || (flags & TCP_FIN && dir == DIR_EGRESS))
		entry->tx_closing = 1;
}

static __always_inline __u32 ct_lifetime(const struct ct_entry *entry, bool tcp)
{
	if (!tcp)
		return CONFIG(ct_lifetime_nontcp);
	if (ct_closed(entry))
		return CONFIG(ct_close_timeout);
	return entry->seen_non_syn ? CONFIG(ct_lifetime_tcp) : CONFIG(ct_syn_timeout);
}

/* Notes flags and, once an interval or when a flag is new, the time. True if this is news. */
static __always_inline bool ct_note_report(struct ct_entry *entry, __u8 flags, enum direction dir,
					   __u32 now)
{
	__u8 *seen = dir == DIR_INGRESS ? &entry->rx_flags_seen : &entry->tx_flags_seen;
	__u32 *last = dir == DIR_INGRESS ? &entry->last_rx_report : &entry->last_tx_report;
	bool news;

	flags &= CONFIG(ct_report_flags);
	news = (*seen | flags) != *seen || *last + CONFIG(ct_report_interval) < now;
	*seen |= flags;
	if (news)
		*last = now;
	return news;
}

/* One more packet of the entry's flow. What is closed stays so long and no longer: stray packets don't keep
 * it; but a FIN that comes again does, to be answered (RFC 9293, 3.10.7.4; #15455).
 */
static __always_inline bool ct_update(struct ct_entry *entry, const struct packet *pkt,
				      enum direction dir, __u32 now)
{
	bool tcp = pkt->protocol == IPPROTO_TCP;
	bool was_closed = ct_closed(entry);

	if (tcp && !pkt->later_fragment)
		ct_tcp_state(entry, pkt->tcp_flags, dir);
	if (!was_closed || !ct_closed(entry) || pkt->tcp_flags & TCP_FIN)
		entry->lifetime = now + ct_lifetime(entry, tcp);
	return ct_note_report(entry, pkt->tcp_flags, dir, now);
}

static __always_inline void ct_count(struct ct_entry *entry, __u32 bytes)
{
	__sync_fetch_and_add(&entry->packets, 1);
	__sync_fetch_and_add(&entry->bytes, bytes);
}

static __always_inline struct flow packet_flow(const struct packet *pkt)
{
	return (struct flow){
		.saddr = pkt->saddr,
		.daddr = pkt->daddr,
		.sport = pkt->sport,
		.dport = pkt->dport,
		.protocol = pkt->protocol,
		.is_ipv6 = pkt->is_ipv6,
	};
}

/* The network header that an error quotes; *l4 is where the transport header stands, 0 if the quote is of
 * a kind that flows are not made of.
 */
static __always_inline int ct_quoted_ip4(ctx_t *ctx, struct packet *pkt, struct flow *quoted,
					 __u32 *l4)
{
	__u32 off = pkt->l4_off + ICMP_HDR_LEN, hlen;
	struct iphdr ip;

	if (!packet_load(ctx, pkt, off, &ip, sizeof(ip)))
		return DROP(pkt, DROP_CT_INVALID_HDR);
	hlen = ip.ihl * 4;
	if (ip.version != 4 || hlen < sizeof(ip))
		return DROP(pkt, DROP_CT_INVALID_HDR);
	quoted->saddr.ip4 = ip.saddr;
	quoted->daddr.ip4 = ip.daddr;
	quoted->protocol = ip.protocol;
	*l4 = bpf_ntohs(ip.frag_off) & IPV4_OFFSET_MASK ? 0 : off + hlen;
	return 0;
}

/* Of an IPv6 packet only the headers right behind the fixed one: a quote with extension headers is
 * related to nothing.
 */
static __always_inline int ct_quoted_ip6(ctx_t *ctx, struct packet *pkt, struct flow *quoted,
					 __u32 *l4)
{
	__u32 off = pkt->l4_off + ICMP_HDR_LEN;
	struct ipv6_header ip;

	if (!packet_load(ctx, pkt, off, &ip, sizeof(ip)) || ip.version_class[0] >> 4 != 6)
		return DROP(pkt, DROP_CT_INVALID_HDR);
	quoted->saddr.ip6 = ip.saddr;
	quoted->daddr.ip6 = ip.daddr;
	quoted->protocol = ip.nexthdr;
	quoted->is_ipv6 = true;
	*l4 = ipv6_is_exthdr(ip.nexthdr) ? 0 : off + sizeof(ip);
	return 0;
}

/* Reads the packet an ICMP error quotes. 1: quoted is filled, and *l4_off is where its transport header
 * stands; 0: it is not of a kind that flows are made of; negative: drop.
 */
static __always_inline int ct_quoted_flow(ctx_t *ctx, struct packet *pkt, struct flow *quoted,
					  __u32 *l4_off)
{
	struct {
		struct l4_ports ports; /* of ICMP: type, code, checksum */
		__be16 id, sequence;
	} l4;
	int ret = pkt->is_ipv6 ? ct_quoted_ip6(ctx, pkt, quoted, l4_off)
			       : ct_quoted_ip4(ctx, pkt, quoted, l4_off);

	if (ret || !*l4_off)
		return ret;
	if (!packet_load(ctx, pkt, *l4_off, &l4, L4_QUOTED_LEN))
		return DROP(pkt, DROP_CT_INVALID_HDR);
	if (quoted->protocol == (pkt->is_ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP)) {
		__u8 type = *(__u8 *)&l4;

		if (!icmp_is_echo(pkt->is_ipv6, type))
			return 0;
		l4.ports = icmp_echo_ports(pkt->is_ipv6, type, l4.id);
	} else if (quoted->protocol != IPPROTO_TCP && quoted->protocol != IPPROTO_UDP &&
		   quoted->protocol != IPPROTO_SCTP) {
		return 0;
	}
	quoted->sport = l4.ports.sport;
	quoted->dport = l4.ports.dport;
	return 1;
}

static __always_inline void ct_take(struct ct_state *ct, const struct ct_entry *entry,
				    enum ct_status status)
{
	ct->status = status;
	ct->node_port = entry->node_port;
	ct->dsr = entry->dsr_internal;
	ct->loopback = entry->lb_loopback;
	ct->proxy_redirect = entry->proxy_redirect;
	ct->from_tunnel = entry->from_tunnel;
	ct->from_l7lb = entry->from_l7lb;
	ct->closing = ct_closing(entry);
	ct->rev_nat_index = entry->rev_nat_index;
	ct->nat_port = entry->nat_port;
	ct->src_sec_id = entry->src_sec_id;
	ct->nat_addr.ip6 = entry->nat_addr;
	if (status == CT_REPLY)
		ct->to_initiator = true;
}

/* An error goes against the packet it quotes, to the one who sent that packet: anything else would
 * let a forged quote open the way to others. It doesn't prolong the flow's life.
 */
static __always_inline int ct_lookup_error(ctx_t *ctx, struct packet *pkt, enum direction dir)
{
	enum direction quoted_dir = opposite(dir);
	struct flow quoted = {};
	struct ct_entry *entry;
	__u32 l4_off;
	int ret = ct_quoted_flow(ctx, pkt, &quoted, &l4_off);

	if (ret < 0)
		return ret;
	if (ret == 0 || !addr_equal(&quoted.saddr, &pkt->daddr))
		return 0;
	entry = ct_find(pkt, &quoted, tuple_flags_of(quoted_dir));
	pkt->ct.to_initiator = entry;
	if (!entry) {
		flow_turn(&quoted);
		entry = ct_find(pkt, &quoted, tuple_flags_of(dir));
	}
	if (entry)
		ct_take(&pkt->ct, entry, CT_RELATED);
	return 0;
}

static __always_inline int ct_lookup_packet(ctx_t *ctx, struct packet *pkt, enum direction dir)
{
	struct flow flow = packet_flow(pkt);
	enum ct_status status = CT_REPLY;
	struct ct_entry *entry;

	pkt->ct = (struct ct_state){ .status = CT_NEW, .report = true };
	if (pkt->icmp_error)
		return ct_lookup_error(ctx, pkt, dir);
	if (!pkt->trackable)
		return 0;
	flow_turn(&flow);
	entry = ct_find(pkt, &flow, tuple_flags_of(opposite(dir)));
	if (!entry) {
		flow_turn(&flow);
		entry = ct_find(pkt, &flow, tuple_flags_of(dir));
		status = CT_ESTABLISHED;
	}
	if (!entry)
		return 0;
	pkt->ct.report = ct_update(entry, pkt, dir, packet_now(pkt));
	ct_count(entry, ctx_len(ctx));
	ct_take(&pkt->ct, entry, status);
	return 0;
}

static __always_inline int ct_lookup_told(ctx_t *ctx, struct packet *pkt, enum direction dir)
{
	int ret;

	if (!pkt)
		return DROP_INVALID;
	debug_ct_lookup(ctx, pkt, dir);
	ret = ct_lookup_packet(ctx, pkt, dir);
	debug_ct_verdict(ctx, pkt);
	return ret;
}

__verified_alone int ct_lookup_in(ctx_t *ctx, struct packet *pkt)
{
	return ct_lookup_told(ctx, pkt, DIR_INGRESS);
}

__verified_alone int ct_lookup_out(ctx_t *ctx, struct packet *pkt)
{
	return ct_lookup_told(ctx, pkt, DIR_EGRESS);
}

/* Which flow the packet belongs to; the flow's entry takes note of it, and pkt->ct of the entry. The
 * status is CT_NEW where there is none. pkt's L4 fields must be filled. 0, or the reason to drop.
 */
static __always_inline int ct_lookup(ctx_t *ctx, struct packet *pkt, enum direction dir)
{
	return dir == DIR_INGRESS ? ct_lookup_in(ctx, pkt) : ct_lookup_out(ctx, pkt);
}

/* Makes the entry of the flow that this packet begins, with what pkt->ct says of it. */
__subprogram int ct_create(ctx_t *ctx, struct packet *pkt, enum direction dir)
{
	struct flow flow = packet_flow(pkt);
	struct ct_entry entry = {
		.nat_addr = pkt->ct.nat_addr.ip6,
		.packets = 1,
		.bytes = ctx_len(ctx),
		.node_port = pkt->ct.node_port,
		.dsr_internal = pkt->ct.dsr,
		.lb_loopback = pkt->ct.loopback,
		.proxy_redirect = pkt->ct.proxy_redirect,
		.from_tunnel = pkt->ct.from_tunnel,
		.from_l7lb = pkt->ct.from_l7lb,
		.rev_nat_index = pkt->ct.rev_nat_index,
		.nat_port = pkt->ct.nat_port,
		.src_sec_id = source_identity(pkt),
	};

	if (!pkt->trackable)
		return 0;
	if (pkt->later_fragment)
		entry.seen_non_syn = 1;
	ct_update(&entry, pkt, dir, packet_now(pkt));
	if (ct_store(&flow, tuple_flags_of(dir), &entry))
		return DROP(pkt, DROP_CT_CREATE_FAILED);
	debug_ct_created(ctx, pkt);
	return 0;
}

#endif
