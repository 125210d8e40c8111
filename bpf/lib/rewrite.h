/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Addresses and ports of a packet replaced, checksums with them; TTLs lowered; MACs set. The packet's
 * description follows what is done to it.
 */
#ifndef VERDICT_LIB_REWRITE_H
#define VERDICT_LIB_REWRITE_H

#include <linux/if_ether.h>

#include <lib/csum.h>
#include <lib/ipv4.h>
#include <lib/ipv6.h>
#include <lib/l4.h>
#include <lib/reasons.h>

enum rewrite_side {
	REWRITE_SOURCE,
	REWRITE_DESTINATION,
};

#define IPV4_OFF_TTL   8
#define IPV4_OFF_SADDR 12
#define IPV4_OFF_DADDR 16
#define IPV6_OFF_NEXT  6
#define IPV6_OFF_HOP   7
#define IPV6_OFF_SADDR 8
#define IPV6_OFF_DADDR 24

#define IPV6_NEXT_AND_HOP 2 /* bytes */

/* The end of IPv4's fixed header. */
struct ipv4_end {
	__u8 ttl, protocol;
	__u16 sum;
	__be32 saddr, daddr;
};

/* With the header's checksum, in one piece: skb->csum covers both and stays. */
static __always_inline int rewrite_addr4(ctx_t *ctx, struct packet *pkt, enum rewrite_side side,
					 const union addr *to, __s64 *diff)
{
	__u32 off = pkt->l3_off + IPV4_OFF_TTL;
	__be32 was, is = to->ip4;
	struct ipv4_end end;

	if (!ctx_load_header(ctx, off, &end, sizeof(end)))
		return DROP_WRITE_ERROR;
	if (side == REWRITE_SOURCE) {
		was = end.saddr;
		end.saddr = is;
	} else {
		was = end.daddr;
		end.daddr = is;
	}
	*diff = csum_diff(&was, &is, sizeof(is));
	end.sum = csum_fold((__u32)*diff + (__u16)~end.sum);
	return ctx_store_header(ctx, off, &end, sizeof(end)) ? 0 : DROP_WRITE_ERROR;
}

/* Writes an address; *diff is what it changes in a sum. */
static __always_inline int rewrite_addr_bytes(ctx_t *ctx, struct packet *pkt,
					      enum rewrite_side side, const union addr *from,
					      const union addr *to, __s64 *diff)
{
	union addr was = *from, is = *to;
	__u32 off;

	if (!pkt->is_ipv6)
		return rewrite_addr4(ctx, pkt, side, to, diff);
	off = pkt->l3_off + (side == REWRITE_SOURCE ? IPV6_OFF_SADDR : IPV6_OFF_DADDR);
	*diff = csum_diff(&was, &is, sizeof(is.ip6));
	return ctx_store_header(ctx, off, &is, sizeof(is.ip6)) ? 0 : DROP_WRITE_ERROR;
}

/* A port; of an ICMP echo the identifier, which stands elsewhere. *diff as above. */
static __always_inline int rewrite_port_bytes(ctx_t *ctx, struct packet *pkt,
					      enum rewrite_side side, __be16 from, __be16 to,
					      __s64 *diff)
{
	__be32 was = from, is = to;
	__u32 off = pkt->l4_off;

	if (is_icmp(pkt))
		off += 4;
	else if (side == REWRITE_DESTINATION)
		off += 2;
	*diff = csum_diff(&was, &is, sizeof(is));
	return ctx_store_header(ctx, off, &to, sizeof(to)) ? 0 : DROP_WRITE_ERROR;
}

/* ICMP for IPv4 has no pseudo header; SCTP's sum knows no addresses. */
static __always_inline bool rewrite_has_pseudo(const struct packet *pkt)
{
	return pkt->protocol == IPPROTO_TCP || pkt->protocol == IPPROTO_UDP ||
	       pkt->protocol == IPPROTO_ICMPV6;
}

/* The transport header's; an IPv6 header has none itself. */
static __always_inline int rewrite_sum(ctx_t *ctx, const struct packet *pkt, __s64 address,
				       __s64 port)
{
	__u32 off;

	if (pkt->later_fragment || !rewrite_has_pseudo(pkt)) {
		if (pkt->is_ipv6 && address)
			csum_changed(ctx, address);
		address = 0;
	}
	if ((!address && !port) || !csum_l4_offset(pkt->protocol, &off))
		return 0;
	return csum_l4(ctx, pkt->l4_off + off, address, port, pkt->protocol == IPPROTO_UDP,
		       pkt->is_ipv6);
}

static __always_inline void rewrite_note(struct packet *pkt)
{
	if (pkt->rewritten)
		return;
	pkt->rewritten = true;
	pkt->was.saddr = pkt->saddr;
	pkt->was.daddr = pkt->daddr;
	pkt->was.sport = pkt->sport;
	pkt->was.dport = pkt->dport;
}

/* To rewrite(): a port that is meant even where it is 0, as an echo's identifier may be. */
#define REWRITE_PORT(port) ((__u32)(port) | 1U << 16)

/* Replaces one side's address and port; port 0 stays as it is. A later fragment has no transport header: it
 * gets the address alone. 0, or the reason to drop.
 */
__verified_alone int rewrite(ctx_t *ctx, struct packet *pkt, enum rewrite_side side,
			     const union addr *addr, __u32 port)
{
	__be16 *own_port, to = (__be16)port;
	__s64 of_addr = 0, of_port = 0;
	union addr *own;
	int ret = 0;

	if (!pkt || !addr)
		return DROP_INVALID;
	own = side == REWRITE_SOURCE ? &pkt->saddr : &pkt->daddr;
	own_port = side == REWRITE_SOURCE ? &pkt->sport : &pkt->dport;
	/* its CRC covers the ports, also of a datagram whose first fragment has them */
	if (port && to != *own_port && pkt->protocol == IPPROTO_SCTP)
		return DROP(pkt, DROP_CSUM_L4);
	rewrite_note(pkt);
	if (!addr_equal(own, addr)) {
		ret = rewrite_addr_bytes(ctx, pkt, side, own, addr, &of_addr);
		if (ret)
			return DROP(pkt, ret);
		*own = *addr;
	}
	if (port && to != *own_port) {
		if (!pkt->later_fragment)
			ret = rewrite_port_bytes(ctx, pkt, side, *own_port, to, &of_port);
		if (ret)
			return DROP(pkt, ret);
		*own_port = to;
	}
	return rewrite_sum(ctx, pkt, of_addr, of_port) ? DROP(pkt, DROP_CSUM_L4) : 0;
}

/* As the packet came: for whom its sender is told of it. */
static __always_inline int rewrite_undo(ctx_t *ctx, struct packet *pkt)
{
	union addr saddr = pkt->was.saddr, daddr = pkt->was.daddr;
	int ret;

	if (!pkt->rewritten)
		return 0;
	ret = rewrite(ctx, pkt, REWRITE_SOURCE, &saddr, REWRITE_PORT(pkt->was.sport));
	return ret ? ret
		   : rewrite(ctx, pkt, REWRITE_DESTINATION, &daddr, REWRITE_PORT(pkt->was.dport));
}

/* IPv4's TTL with what stands behind it. */
struct ttl_word {
	__u8 ttl, protocol;
	__u16 sum;
};

/* Beside it stands a byte: sums are of words. */
static __always_inline int rewrite_hop_limit(ctx_t *ctx, struct packet *pkt)
{
	__u32 off = pkt->l3_off + IPV6_OFF_NEXT;
	union {
		struct {
			__u8 next, limit;
		};
		__be32 word;
	} was = {}, is;

	if (!ctx_load_header(ctx, off, &was, IPV6_NEXT_AND_HOP))
		return DROP(pkt, DROP_INVALID);
	if (was.limit <= 1)
		return DROP(pkt, DROP_TTL_EXCEEDED);
	is = was;
	is.limit--;
	if (!ctx_store_header(ctx, off, &is, IPV6_NEXT_AND_HOP))
		return DROP(pkt, DROP_WRITE_ERROR);
	csum_changed(ctx, csum_diff(&was, &is, sizeof(is)));
	return 0;
}

/* No router may send it on. */
static __always_inline bool rewrite_ttl_ends(ctx_t *ctx, const struct packet *pkt)
{
	__u8 ttl;

	return ctx_load_header(ctx, pkt->l3_off + (pkt->is_ipv6 ? IPV6_OFF_HOP : IPV4_OFF_TTL),
			       &ttl, sizeof(ttl)) &&
	       ttl <= 1;
}

/* What a router does. 0; DROP_TTL_EXCEEDED where it was the last hop; or another reason to drop. The TTL is the
 * upper byte of a 16-bit word: one less makes the sum of the others, the checksum, 0x100 more. skb->csum covers
 * both and stays.
 */
static __always_inline int rewrite_ttl(ctx_t *ctx, struct packet *pkt)
{
	struct ttl_word word;

	if (pkt->is_ipv6)
		return rewrite_hop_limit(ctx, pkt);
	if (!ctx_load_header(ctx, pkt->l3_off + IPV4_OFF_TTL, &word, sizeof(word)))
		return DROP(pkt, DROP_INVALID);
	if (word.ttl <= 1)
		return DROP(pkt, DROP_TTL_EXCEEDED);
	word.ttl--;
	word.sum = csum_fold((__u16)~word.sum + (__u16)~bpf_htons(0x100));
	return ctx_store_header(ctx, pkt->l3_off + IPV4_OFF_TTL, &word, sizeof(word))
		       ? 0
		       : DROP(pkt, DROP_WRITE_ERROR);
}

static __always_inline int rewrite_macs(ctx_t *ctx, struct packet *pkt, const union macaddr *src,
					const union macaddr *dst)
{
	struct {
		__u8 dst[ETH_ALEN], src[ETH_ALEN];
	} macs;

	__builtin_memcpy(macs.dst, dst->addr, ETH_ALEN);
	__builtin_memcpy(macs.src, src->addr, ETH_ALEN);
	return ctx_store_header(ctx, 0, &macs, sizeof(macs)) ? 0 : DROP(pkt, DROP_WRITE_ERROR);
}

#endif
