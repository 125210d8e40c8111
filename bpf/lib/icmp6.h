/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Neighbour discovery on a pod's link (RFC 4861): the node answers for the router and for every pod it has;
 * its own addresses are the stack's to answer for.
 */
#ifndef VERDICT_LIB_ICMP6_H
#define VERDICT_LIB_ICMP6_H

#include <linux/if_ether.h>

#include <lib/endpoint.h>
#include <lib/icmp_error.h>
#include <lib/l4.h>

#define ND_HOP_LIMIT	       255 /* RFC 4861, 7.1.1: nobody has forwarded it */
#define ND_OPT_TARGET_MAC      2
#define ND_SCOPE_LINK	       2 /* of a group's address (RFC 4291, 2.7) */
#define ND_ROUTER_SOLICITATION 133

enum na_flags {
	NA_ROUTER = 0x80,
	NA_SOLICITED = 0x40,
	NA_OVERRIDE = 0x20,
};

struct nd_message {
	__u8 type;
	__u8 code;
	__u16 checksum;
	__u8 flags; /* enum na_flags */
	__u8 reserved[3];
	union v6addr target;
};

struct nd_advertisement {
	struct ipv6_header ip;
	struct nd_message nd;
	__u8 opt_type;
	__u8 opt_len; /* in units of 8 bytes */
	__u8 mac[ETH_ALEN];
};

#define NA_LEN (sizeof(struct nd_advertisement) - sizeof(struct ipv6_header))

/* What a pod needs its link for. RFC 6980: never in fragments; and nobody has reason to put it behind
 * extension headers.
 */
static __always_inline bool nd_is_discovery(const struct packet *pkt)
{
	return pkt->is_ipv6 && pkt->protocol == IPPROTO_ICMPV6 && !pkt->more_fragments &&
	       !pkt->later_fragment && pkt->l4_off == pkt->l3_off + sizeof(struct ipv6_header);
}

static __always_inline bool addr6_is_link_local(const union v6addr *a)
{
	return a->addr[0] == 0xfe && (a->addr[1] & 0xc0) == 0x80;
}

static __always_inline bool addr6_equal(const union v6addr *a, const union v6addr *b)
{
	return a->d.d1 == b->d.d1 && a->d.d2 == b->d.d2;
}

/* Whom a pod reaches without a router: its link, and the host at the other end. */
static __always_inline bool nd_is_on_link(const struct packet *pkt)
{
	union v6addr router = CONFIG_IP6(router_ipv6);
	const union v6addr *to = &pkt->daddr.ip6;
	const struct endpoint_info *ep;

	if (to->addr[0] == 0xff)
		return (to->addr[1] & 0x0f) <= ND_SCOPE_LINK;
	if (addr6_is_link_local(to) || addr6_equal(to, &router))
		return true;
	ep = endpoint_lookup(&pkt->daddr, true);
	return ep && endpoint_is_host(ep);
}

/* Nobody has forwarded it. */
static __always_inline bool nd_is_of_link(ctx_t *ctx, const struct packet *pkt)
{
	__u8 hop;

	return ctx_load(ctx, pkt->l3_off + offsetof(struct ipv6_header, hop_limit), &hop,
			sizeof(hop)) &&
	       hop == ND_HOP_LIMIT;
}

static __always_inline bool addr6_is_none(const union v6addr *a)
{
	return !a->d.d1 && !a->d.d2;
}

/* 1: ours to answer; 0: the stack's. Nobody has the address: that ends here. */
static __always_inline int nd_target(struct packet *pkt, const union v6addr *target, __u8 *flags)
{
	union v6addr router = CONFIG_IP6(router_ipv6), own = CONFIG_IP6(endpoint_ipv6);
	const struct endpoint_info *ep;
	union addr addr = { .ip6 = *target };

	*flags = NA_SOLICITED | NA_OVERRIDE;
	if (addr6_equal(target, &router)) {
		*flags = NA_SOLICITED | NA_ROUTER;
		return 1;
	}
	/* its own: it looks for duplicates, and there are none */
	if (addr6_equal(target, &own) || addr6_is_link_local(target))
		return 0;
	ep = endpoint_lookup(&addr, true);
	if (!ep)
		return DROP(pkt, DROP_UNKNOWN_TARGET);
	return !endpoint_is_host(ep);
}

static __always_inline void nd_seal(ctx_t *ctx, struct nd_advertisement *na)
{
	__be32 pseudo[2] = { bpf_htonl(NA_LEN), bpf_htonl(IPPROTO_ICMPV6) };
	__s64 sum = bpf_csum_diff(NULL, 0, pseudo, sizeof(pseudo), 0);

	sum = bpf_csum_diff(NULL, 0, (__be32 *)&na->ip.saddr, 2 * sizeof(na->ip.saddr),
			    (__wsum)sum);
	sum = bpf_csum_diff(NULL, 0, (__be32 *)&na->nd, NA_LEN, (__wsum)sum);
	na->nd.checksum = icmp_fold(sum);
	/* the message cancels the pseudo header, and so the addresses: see icmp_write6() */
	ctx_settle_csum(ctx, bpf_csum_diff(pseudo, sizeof(pseudo), (__be32 *)&na->ip, 8, 0));
}

/* To who asked; where that has no address yet, to all (RFC 4861, 7.2.4). */
static __always_inline int nd_send(ctx_t *ctx, struct packet *pkt, const union v6addr *target,
				   __u8 flags)
{
	union macaddr own = CONFIG_MAC(interface_mac), asker = { .pad = 0 };
	struct nd_advertisement na = {
		.ip = {
			.version_class = { 0x60 },
			.payload_len = bpf_htons(NA_LEN),
			.nexthdr = IPPROTO_ICMPV6,
			.hop_limit = ND_HOP_LIMIT,
			.saddr = *target,
			.daddr = pkt->saddr.ip6,
		},
		.nd = {
			.type = ICMP6_NEIGHBOUR_ADVERTISEMENT,
			.flags = flags,
			.target = *target,
		},
		.opt_type = ND_OPT_TARGET_MAC,
		.opt_len = 1,
	};
	int ret;

	__builtin_memcpy(na.mac, own.addr, ETH_ALEN);
	if (bpf_skb_change_tail(ctx, pkt->l3_off + sizeof(na), 0) ||
	    !ctx_load(ctx, ETH_ALEN, asker.addr, ETH_ALEN))
		return DROP(pkt, DROP_WRITE_ERROR);
	if (addr6_is_none(&pkt->saddr.ip6)) {
		asker = (union macaddr){ .addr = { 0x33, 0x33, 0, 0, 0, 1 } };
		na.ip.daddr = (union v6addr){ .addr = { 0xff, 0x02, [15] = 1 } };
		na.nd.flags &= (__u8)~NA_SOLICITED;
	}
	nd_seal(ctx, &na);
	ret = rewrite_macs(ctx, pkt, &own, &asker);
	if (ret)
		return ret;
	if (!ctx_store(ctx, pkt->l3_off, &na, sizeof(na)))
		return DROP(pkt, DROP_WRITE_ERROR);
	return (int)bpf_redirect(ctx_ifindex(ctx), 0);
}

__subprogram int nd_solicited(ctx_t *ctx, struct packet *pkt)
{
	struct nd_message ns;
	__u8 flags;
	int ret;

	if (!packet_load(ctx, pkt, pkt->l4_off, &ns, sizeof(ns)) || !nd_is_of_link(ctx, pkt) ||
	    ns.code || ns.target.addr[0] == 0xff)
		return DROP(pkt, DROP_INVALID);
	ret = nd_target(pkt, &ns.target, &flags);
	return ret > 0 ? nd_send(ctx, pkt, &ns.target, flags) : ret;
}

#endif
