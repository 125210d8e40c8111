/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* DSR by option: what the client called the backend is put into the packet's own IP header. */
#ifndef VERDICT_LIB_DSR_OPTION_H
#define VERDICT_LIB_DSR_OPTION_H

#include <lib/csum.h>
#include <lib/dsr_wire.h>
#include <lib/ipv6.h>

/* An extension header of IPv6 counts the words of 8 bytes behind its first in a byte (RFC 8200, 4.3). */
#define IPV6_EXTHDR_WORDS_MAX 256

/* The IPv6 header from its fifth byte on. */
struct ipv6_lengths {
	__be16 len;
	__u8 nexthdr, hop_limit;
} __attribute__((aligned(4)));

static __always_inline struct dsr_info dsr_frontend(const struct packet *pkt)
{
	return (struct dsr_info){ .addr = pkt->lb.frontend.address, .port = pkt->lb.frontend.port };
}

#ifdef CTX_XDP

/* Room behind the fixed IP header, of fixed bytes: what is before it moves to the front. Services are for frames
 * without a VLAN tag alone here, and both numbers the compiler knows.
 */
static __always_inline int dsr_grow(ctx_t *ctx, const struct packet *pkt, const __u32 room,
				    const __u32 fixed)
{
	void *front;

	if (pkt->l3_off != ETH_HLEN || bpf_xdp_adjust_head(ctx, -(int)room))
		return -1;
	front = DIRECT_AT(ctx, 0, room + ETH_HLEN + fixed);
	if (!front)
		return -1;
	direct_move(front, front + room, ETH_HLEN + fixed);
	return 0;
}

#else

/* The kernel takes datagrams that are sent as one only where their size is to stay (bpf_skb_net_grow()). */
static __always_inline int dsr_grow(ctx_t *ctx, const struct packet *pkt, __u32 room, __u32 fixed)
{
	__u64 flags = BPF_F_ADJ_ROOM_NO_CSUM_RESET;

	(void)fixed;
	if (pkt->protocol == IPPROTO_UDP)
		flags |= BPF_F_ADJ_ROOM_FIXED_GSO;
	return (int)bpf_skb_adjust_room(ctx, (int)room, BPF_ADJ_ROOM_NET, flags);
}

#endif

static __always_inline void dsr_grown(struct packet *pkt, __u32 room)
{
	pkt->l4_off += room;
	pkt->end += room;
}

/* Over 64 KiB a packet that is yet to be cut into segments says 0, see ip_length(). */
static __always_inline __be16 dsr_length(__be16 was, __u32 room)
{
	__u32 len = bpf_ntohs(was) + room;

	return was && len <= 0xffff ? bpf_htons((__u16)len) : 0;
}

/* Version and header length, then at byte 2 the total length: the words that the option changes. */
static __always_inline int dsr_add_option4(ctx_t *ctx, struct packet *pkt)
{
	struct dsr_info info = dsr_frontend(pkt);
	struct dsr_opt4 opt = dsr_opt4_write(&info);
	union {
		__be32 word;
		struct {
			__u8 version_ihl, tos;
			__be16 len;
		};
	} was, is;
	__s64 diff;

	if (pkt->l4_off - pkt->l3_off + sizeof(opt) > 60)
		return DROP(pkt, DROP_CT_INVALID_HDR);
	if (!ctx_load_header(ctx, pkt->l3_off, &was, sizeof(was)))
		return DROP(pkt, DROP_INVALID);
	is = was;
	is.version_ihl += sizeof(opt) / 4;
	is.len = dsr_length(was.len, sizeof(opt));
	diff = csum_diff(&was, &is, sizeof(is)) + csum_of(&opt, sizeof(opt));
	if (dsr_grow(ctx, pkt, sizeof(opt), sizeof(struct iphdr)))
		return DROP(pkt, DROP_INVALID);
	if (!ctx_store_header(ctx, pkt->l3_off, &is, sizeof(is)) ||
	    !ctx_store_header(ctx, pkt->l3_off + sizeof(struct iphdr), &opt, sizeof(opt)))
		return DROP(pkt, DROP_WRITE_ERROR);
	if (csum_l3(ctx, pkt->l3_off + CSUM_OFF_IPV4, diff))
		return DROP(pkt, DROP_CSUM_L3);
	dsr_grown(pkt, sizeof(opt));
	return 0;
}

/* Options that are every hop's come first (RFC 8200, 4.1), and stay there: how many words of 8 bytes they have.
 * Negative: the reason to drop. More than one such header there cannot be, and one that has the packet's length
 * in it, for want of room where it belongs (RFC 2675), would have to be told another.
 */
static __always_inline int dsr_hop_words(ctx_t *ctx, struct packet *pkt, __be16 payload_len,
					 __u8 *next)
{
	struct {
		__u8 next, len;
	} hop;

	if (!ctx_load(ctx, pkt->l3_off + sizeof(struct ipv6_header), &hop, sizeof(hop)))
		return DROP(pkt, DROP_INVALID);
	if (!payload_len || hop.next == EXTHDR_HOP)
		return DROP(pkt, DROP_INVALID_EXTHDR);
	*next = hop.next;
	return hop.len + 1;
}

/* They are behind the room for ours, and go before it. 0, or -1. */
__verified_alone int dsr_move_hop(ctx_t *ctx, __u32 off, __u32 words)
{
	__u64 word;

	for (__u32 i = 0; i < IPV6_EXTHDR_WORDS_MAX && i < words; i++) {
		__u32 to = off + i * sizeof(word);

		if (!ctx_load(ctx, to + sizeof(struct dsr_opt6), &word, sizeof(word)) ||
		    !ctx_store(ctx, to, &word, sizeof(word)))
			return -1;
	}
	return 0;
}

/* Writes what the room is for. */
static __always_inline bool dsr_store6(ctx_t *ctx, const struct packet *pkt, __u32 hop_words,
				       struct ipv6_lengths *is, struct dsr_opt6 *opt)
{
	__u32 off = pkt->l3_off + sizeof(struct ipv6_header);
	__u8 ours = EXTHDR_DEST;

	if (!hop_words)
		is->nexthdr = ours;
	else if (dsr_move_hop(ctx, off, hop_words) || !ctx_store(ctx, off, &ours, sizeof(ours)))
		return false;
	return ctx_store_header(ctx, pkt->l3_off + 4, is, sizeof(*is)) &&
	       ctx_store_header(ctx, off + hop_words * 8, opt, sizeof(*opt));
}

/* To the sum it makes no difference where a header names the next: all begin at even places, and what is new is
 * that one names ours.
 */
static __always_inline int dsr_add_option6(ctx_t *ctx, struct packet *pkt)
{
	struct dsr_info info = dsr_frontend(pkt);
	struct dsr_opt6 opt = {
		.nexthdr = EXTHDR_DEST,
		.hdrlen = DSR_OPT6_EXT_LEN,
		.type = DSR_OPT6_TYPE,
		.len = sizeof(opt) - 4,
		.addr = info.addr.ip6,
		.port = info.port,
	};
	struct ipv6_lengths was, is;
	int hop_words = 0;
	__s64 diff;

	if (!ctx_load_header(ctx, pkt->l3_off + 4, &was, sizeof(was)))
		return DROP(pkt, DROP_INVALID);
	is = was;
	is.len = dsr_length(was.len, sizeof(opt));
	diff = csum_diff(&was, &is, sizeof(is)) + csum_of(&opt, sizeof(opt));
	opt.nexthdr = was.nexthdr;
	if (was.nexthdr == EXTHDR_HOP)
		hop_words = dsr_hop_words(ctx, pkt, was.len, &opt.nexthdr);
	if (hop_words < 0)
		return hop_words;
	if (dsr_grow(ctx, pkt, sizeof(opt), sizeof(struct ipv6_header)))
		return DROP(pkt, DROP_INVALID);
	if (!dsr_store6(ctx, pkt, (__u32)hop_words, &is, &opt))
		return DROP(pkt, DROP_WRITE_ERROR);
	csum_changed(ctx, diff);
	dsr_grown(pkt, sizeof(opt));
	return 0;
}

#endif
