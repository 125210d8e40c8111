/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* DSR at the node that balances: the packet goes on to its backend with the client's address, and with it,
 * where an answer has to know it, what the client called the backend.
 *
 * Of a connection that is said with each SYN, and with each packet to a backend that did not see one; of
 * datagrams, which have none, with each packet.
 */
#ifndef VERDICT_LIB_DSR_H
#define VERDICT_LIB_DSR_H

#include <lib/csum.h>
#include <lib/dsr_option.h>
#include <lib/encap.h>
#include <lib/fib.h>
#include <lib/icmp_error.h>
#include <lib/lb_state.h>
#include <lib/rewrite.h>

static __always_inline bool dsr_to_be_told(const struct packet *pkt)
{
	return pkt->protocol != IPPROTO_TCP || pkt->tcp_flags & TCP_SYN || pkt->lb.midway;
}

/* How many bytes more the packet will have, link layer aside. */
static __always_inline __u32 dsr_overhead(const struct packet *pkt)
{
	if (CONFIG(dsr_dispatch) == DSR_IPIP)
		return pkt->is_ipv6 ? sizeof(struct ipv6_header) : sizeof(struct iphdr);
	if (!dsr_to_be_told(pkt) && CONFIG(dsr_dispatch) == DSR_OPTION)
		return 0;
	if (CONFIG(dsr_dispatch) == DSR_OPTION)
		return pkt->is_ipv6 ? sizeof(struct dsr_opt6) : sizeof(struct dsr_opt4);
	/* outer IPv4, UDP, Geneve, inner Ethernet */
	return 20 + 8 + 8 + 14 +
	       (!dsr_to_be_told(pkt) ? 0
		: pkt->is_ipv6	     ? sizeof(struct dsr_geneve6)
				     : sizeof(struct dsr_geneve4));
}

#define TCP_OFFSET_AT 12 /* RFC 9293, 3.1: its upper half is the length of the header in words */

/* Bytes from the IP header to the end of the largest packet that this one becomes on the wire. */
static __always_inline __u32 dsr_segment(ctx_t *ctx, const struct packet *pkt)
{
	__u32 payload = ctx_gso_size(ctx), l4 = sizeof(struct udphdr);
	__u8 offset;

	if (!payload)
		return pkt->end - pkt->l3_off;
	if (pkt->protocol == IPPROTO_TCP) {
		if (!ctx_load(ctx, pkt->l4_off + TCP_OFFSET_AT, &offset, sizeof(offset)))
			return 0;
		l4 = offset / 16 * 4;
	}
	return pkt->l4_off - pkt->l3_off + l4 + payload;
}

/* bpf_skb_adjust_room() makes TCP's segments smaller by what it adds; a tunnel device adds to each as it is, and
 * datagrams stay whole. SCTP's are of sizes of their own, which nobody tells.
 */
static __always_inline bool dsr_segments_shrink(const struct packet *pkt)
{
	return pkt->protocol == IPPROTO_SCTP ||
	       (pkt->protocol == IPPROTO_TCP && CONFIG(dsr_dispatch) != DSR_GENEVE);
}

/* Before anything of the packet is changed, so that the answer quotes it as its client sent it. */
static __always_inline bool dsr_fits(ctx_t *ctx, const struct packet *pkt)
{
	if (ctx_gso_size(ctx) && dsr_segments_shrink(pkt))
		return true;
	return dsr_segment(ctx, pkt) + dsr_overhead(pkt) <= CONFIG(device_mtu);
}

#ifdef CTX_XDP

/* Room for another header before the packet's. */
static __always_inline int dsr_grow_before(ctx_t *ctx, __u32 room)
{
	return ctx_grow_l3(ctx, room);
}

#else

static __always_inline int dsr_grow_before(ctx_t *ctx, __u32 room)
{
	return (int)bpf_skb_adjust_room(ctx, (int)room, BPF_ADJ_ROOM_MAC,
					BPF_F_ADJ_ROOM_NO_CSUM_RESET);
}

#endif

/* A link on the way is smaller than the node's. Who is told so finds his packet as he sent it, before it has grown, and
 * is told what leaves the room.
 */
static __always_inline int dsr_too_big(ctx_t *ctx, struct packet *pkt,
				       const struct bpf_fib_lookup *fib, __u32 room)
{
	return icmp_too_big(ctx, pkt, fib->mtu_result - (__u16)room);
}

static __always_inline int dsr_add_option(ctx_t *ctx, struct packet *pkt)
{
	return pkt->is_ipv6 ? dsr_add_option6(ctx, pkt) : dsr_add_option4(ctx, pkt);
}

/* Also who is told that a packet's time has ended is to find it as it was sent: the option comes last. */
static __always_inline int dsr_send_option(ctx_t *ctx, struct packet *pkt)
{
	struct bpf_fib_lookup fib = {};
	__u32 room = dsr_overhead(pkt);
	bool too_big;
	int found, ret;

	if (room && rewrite_ttl_ends(ctx, pkt))
		return icmp_time_exceeded(ctx, pkt);
	fib_ask(ctx, pkt, &fib);
	found = fib_look_up(ctx, &fib, room);
	too_big = found == BPF_FIB_LKUP_RET_FRAG_NEEDED;
	if (too_big && !fib_may_fragment(ctx, pkt))
		return dsr_too_big(ctx, pkt, &fib, room);
	ret = room ? dsr_add_option(ctx, pkt) : 0;
	if (ret)
		return ret;
	return too_big ? CTX_PASS : fib_follow(ctx, pkt, &fib, found);
}

/* Receivers spread packets over their queues by the outer source: clients differ in it. */
static __always_inline __u32 dsr_client_hash(const struct packet *pkt)
{
	const union addr *a = &pkt->saddr;
	__u32 ports = (__u32)pkt->sport << 16 | pkt->dport;
	__u32 hash = a->ip6.p.p1 ^ a->ip6.p.p2 ^ a->ip6.p.p3 ^ a->ip6.p.p4 ^ ports;

	hash *= 0x9e3779b1; /* the golden ratio's: mixes low bits into high ones */
	return hash ^ hash >> 15;
}

static __always_inline __be32 dsr_host_bits(__u32 hash, __u32 bits)
{
	return bits >= 32 ? bpf_htonl(hash) : bpf_htonl(hash & ((1U << bits) - 1));
}

/* From the address that stands for the client, to the backend's. */
static __always_inline void dsr_ends(const struct packet *pkt, union addr *from, union addr *to)
{
	__u32 hash = dsr_client_hash(pkt);

	*to = pkt->lb.backend.address;
	if (pkt->is_ipv6) {
		from->ip6 = CONFIG_IP6(dsr_rss_prefix6);
		from->ip6.p.p4 |= dsr_host_bits(hash, 128 - CONFIG(dsr_rss_prefix6_len));
	} else {
		*from = addr_ip4(CONFIG(dsr_rss_prefix4).be32 |
				 dsr_host_bits(hash, 32 - CONFIG(dsr_rss_prefix4_len)));
	}
}

static __always_inline int dsr_wrap4(ctx_t *ctx, struct packet *pkt, const union addr *from,
				     const union addr *to)
{
	__u32 len = pkt->end - pkt->l3_off;
	struct iphdr ip = {
		.version = 4,
		.ihl = sizeof(ip) / 4,
		.tot_len = bpf_htons((__u16)(len + sizeof(ip))),
		.ttl = ICMP_ERROR_TTL,
		.protocol = IPPROTO_IPIP,
		.saddr = from->ip4,
		.daddr = to->ip4,
	};

	ip.check = csum_fold((__u32)bpf_csum_diff(NULL, 0, (__be32 *)&ip, sizeof(ip), 0));
	if (dsr_grow_before(ctx, sizeof(ip)))
		return DROP(pkt, DROP_INVALID);
	if (!ctx_store(ctx, pkt->l3_off, &ip, sizeof(ip)))
		return DROP(pkt, DROP_WRITE_ERROR);
	dsr_grown(pkt, sizeof(ip));
	return 0;
}

static __always_inline int dsr_wrap6(ctx_t *ctx, struct packet *pkt, const union addr *from,
				     const union addr *to)
{
	__u32 len = pkt->end - pkt->l3_off;
	struct ipv6_header ip = {
		.version_class = { 0x60 },
		.payload_len = bpf_htons((__u16)len),
		.nexthdr = IPPROTO_IPV6,
		.hop_limit = ICMP_ERROR_TTL,
		.saddr = from->ip6,
		.daddr = to->ip6,
	};

	if (dsr_grow_before(ctx, sizeof(ip)))
		return DROP(pkt, DROP_INVALID);
	if (!ctx_store(ctx, pkt->l3_off, &ip, sizeof(ip)))
		return DROP(pkt, DROP_WRITE_ERROR);
	csum_changed(ctx, bpf_csum_diff(NULL, 0, (__be32 *)&ip, sizeof(ip), 0));
	dsr_grown(pkt, sizeof(ip));
	return 0;
}

static __always_inline void dsr_ask_outer(ctx_t *ctx, const struct packet *pkt,
					  const union addr *from, const union addr *to,
					  struct bpf_fib_lookup *fib)
{
	fib_ask(ctx, pkt, fib);
	fib->l4_protocol = pkt->is_ipv6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
	if (pkt->is_ipv6) {
		__builtin_memcpy(fib->ipv6_src, &from->ip6, sizeof(fib->ipv6_src));
		__builtin_memcpy(fib->ipv6_dst, &to->ip6, sizeof(fib->ipv6_dst));
	} else {
		fib->ipv4_src = from->ip4;
		fib->ipv4_dst = to->ip4;
	}
}

/* The packet is not translated: the backend's node undoes the outer header and balances it itself. */
static __always_inline int dsr_send_ipip(ctx_t *ctx, struct packet *pkt)
{
	struct bpf_fib_lookup fib = {};
	__u32 room = dsr_overhead(pkt);
	union addr from = {}, to;
	int found, ret;

	dsr_ends(pkt, &from, &to);
	dsr_ask_outer(ctx, pkt, &from, &to, &fib);
	found = fib_look_up(ctx, &fib, room);
	if (found == BPF_FIB_LKUP_RET_FRAG_NEEDED)
		return dsr_too_big(ctx, pkt, &fib, room);
	ret = pkt->is_ipv6 ? dsr_wrap6(ctx, pkt, &from, &to) : dsr_wrap4(ctx, pkt, &from, &to);
	if (ret)
		return ret;
	pkt->saddr = from;
	pkt->daddr = to;
	pkt->protocol = fib.l4_protocol;
	return fib_follow(ctx, pkt, &fib, found);
}

#ifdef CTX_XDP

/* XDP has no tunnel device: the same packet reaches tc untouched, see nodeport_ingress(). */
static __always_inline int dsr_send_geneve(ctx_t *ctx, struct packet *pkt)
{
	(void)ctx;
	return DROP(pkt, DROP_DSR_ENCAP_UNSUPP_PROTO);
}

#else

/* A node is its own end of the tunnel: to a backend in its namespace nobody else has to be asked (#36901),
 * and others, whose packets go there directly, are not led into the tunnel by an entry that says so (#38101).
 */
static __always_inline void dsr_node_is_end(const struct packet *pkt,
					    struct remote_endpoint_info *info)
{
	if (info->flag_has_tunnel_ep || !identity_is_remote_node(info->sec_identity))
		return;
	info->flag_has_tunnel_ep = 1;
	info->flag_ipv6_tunnel_ep = pkt->is_ipv6;
	if (pkt->is_ipv6)
		info->tunnel_endpoint.ip6 = pkt->daddr.ip6;
	else
		info->tunnel_endpoint.ip4 = pkt->daddr.ip4;
}

/* As the world's: to the backend's node it must not look like one of the cluster. */
static __always_inline int dsr_send_geneve(ctx_t *ctx, struct packet *pkt)
{
	const struct remote_endpoint_info *info = ipcache_lookup(&pkt->daddr, pkt->is_ipv6);
	struct remote_endpoint_info to;
	struct dsr_info from = dsr_frontend(pkt);
	struct dsr_geneve_header hdr = {
		.class = bpf_htons(DSR_GENEVE_CLASS),
		.type = DSR_GENEVE_TYPE,
	};

	if (!info)
		return DROP(pkt, DROP_NO_TUNNEL_ENDPOINT);
	to = *info;
	dsr_node_is_end(pkt, &to);
	if (!dsr_to_be_told(pkt))
		return encap(ctx, pkt, &to, IDENTITY_WORLD);
	if (pkt->is_ipv6) {
		struct dsr_geneve6 opt = {
			.hdr = hdr,
			.addr = from.addr.ip6,
			.port = from.port,
		};

		opt.hdr.len = (sizeof(opt) - sizeof(hdr)) / 4;
		return encap_with_options(ctx, pkt, &to, IDENTITY_WORLD, &opt, sizeof(opt));
	} else {
		struct dsr_geneve4 opt = {
			.hdr = hdr,
			.addr = from.addr.ip4,
			.port = from.port,
		};

		opt.hdr.len = (sizeof(opt) - sizeof(hdr)) / 4;
		return encap_with_options(ctx, pkt, &to, IDENTITY_WORLD, &opt, sizeof(opt));
	}
}

#endif

/* The packet is the backend's by now, unless it will travel in another one. The verdict, or the reason to
 * drop.
 */
static __always_inline int dsr_send(ctx_t *ctx, struct packet *pkt)
{
	switch (CONFIG(dsr_dispatch)) {
	case DSR_GENEVE:
		return dsr_send_geneve(ctx, pkt);
	case DSR_IPIP:
		return dsr_send_ipip(ctx, pkt);
	default:
		return dsr_send_option(ctx, pkt);
	}
}

#endif
