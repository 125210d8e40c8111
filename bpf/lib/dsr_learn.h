/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* DSR at the backend's node: the first packets of a flow say what their client called the backend, and the
 * flow's entry keeps it, so that answers come from there (nodeport_reply()).
 *
 * The entry is the one of the answers (flags OUT), marked DSR. A connection that begins without the option
 * is direct, whatever an entry of an older flow with the same ports says (#17759); one that begins, or goes
 * on, with another service's is that service's (#18632).
 */
#ifndef VERDICT_LIB_DSR_LEARN_H
#define VERDICT_LIB_DSR_LEARN_H

#include <lib/conntrack.h>
#include <lib/dsr_wire.h>
#include <lib/ipcache.h>
#include <lib/lb_lookup.h>

/* Of an address that nobody in the cluster has, the bytes are in the other order. */
static __always_inline bool dsr_plausible(struct packet *pkt, const struct dsr_info *info)
{
	__u32 identity = ipcache_identity(&info->addr, pkt->is_ipv6);
	struct lb_frontend *f = &pkt->lb.frontend;

	if (!identity_is_world(identity) && !identity_is_cidr(identity))
		return true;
	*f = (struct lb_frontend){
		.address = info->addr,
		.port = info->port,
		.protocol = pkt->protocol,
		.is_ipv6 = pkt->is_ipv6,
	};
	return lb_find(f, LB_EXTERNAL);
}

/* The option stands right behind the fixed header (RFC 791). */
static __always_inline int dsr_read4(ctx_t *ctx, struct packet *pkt, struct dsr_info *info)
{
	__u32 off = pkt->l3_off + sizeof(struct iphdr);
	bool order = CONFIG(dsr_option_network_order);
	struct dsr_info other;
	struct dsr_opt4 opt;

	if (pkt->l4_off < off + sizeof(opt) || !ctx_load(ctx, off, &opt, sizeof(opt)) ||
	    opt.type != DSR_OPT4_TYPE || opt.len != sizeof(opt))
		return 0;
	*info = dsr_opt4_read(&opt, order);
	if (!dsr_plausible(pkt, info)) {
		other = dsr_opt4_read(&opt, !order);
		if (dsr_plausible(pkt, &other))
			*info = other;
	}
	return 1;
}

/* Where an extension header stands, and of which type it is. */
struct dsr_place {
	__u32 off, type;
};

/* One extension header. 1: it is the option; 0: look at the next one, which is not for every hop any more (RFC
 * 8200, 4.1); negative: there is none.
 */
__verified_alone int dsr_step6(ctx_t *ctx, struct dsr_place *at, struct dsr_info *info)
{
	struct dsr_opt6 opt;
	__u8 next_len[2];

	if (!at || !info || !ipv6_is_exthdr((__u8)at->type) ||
	    !ctx_load(ctx, at->off, next_len, sizeof(next_len)))
		return -1;
	if (at->type == EXTHDR_DEST && next_len[1] == DSR_OPT6_EXT_LEN &&
	    ctx_load(ctx, at->off, &opt, sizeof(opt)) && opt.type == DSR_OPT6_TYPE &&
	    opt.len == sizeof(opt) - 4) {
		info->addr.ip6 = opt.addr;
		info->port = opt.port;
		return 1;
	}
	if (at->type == EXTHDR_FRAGMENT)
		at->off += 8;
	else
		at->off += at->type == EXTHDR_AUTH ? (next_len[1] + 2) * 4 : (next_len[1] + 1) * 8;
	at->type = next_len[0];
	return at->type == EXTHDR_HOP ? -1 : 0;
}

static __always_inline int dsr_read6(ctx_t *ctx, struct packet *pkt, struct dsr_info *info)
{
	struct dsr_place at = { .off = pkt->l3_off + sizeof(struct ipv6_header) };
	int ret = 0;
	__u8 type;

	if (at.off == pkt->l4_off || !ctx_load(ctx, pkt->l3_off + 6, &type, sizeof(type)))
		return 0;
	at.type = type;
	for (int i = 0; i < IPV6_EXTHDR_MAX && !ret; i++)
		ret = dsr_step6(ctx, &at, info);
	return ret > 0;
}

#ifndef CTX_XDP

/* The option of the tunnel that the packet came by. */
static __always_inline int dsr_read_geneve(ctx_t *ctx, struct packet *pkt, struct dsr_info *info)
{
	struct dsr_geneve6 opt = {};
	const struct dsr_geneve4 *opt4 = (const struct dsr_geneve4 *)&opt;
	int len = (int)bpf_skb_get_tunnel_opt(ctx, &opt, sizeof(opt));

	if (len < (int)sizeof(*opt4) || opt.hdr.class != bpf_htons(DSR_GENEVE_CLASS) ||
	    opt.hdr.type != DSR_GENEVE_TYPE)
		return 0;
	if (!pkt->is_ipv6) {
		info->addr = addr_ip4(opt4->addr);
		info->port = opt4->port;
		return 1;
	}
	if (len < (int)sizeof(opt))
		return 0;
	info->addr.ip6 = opt.addr;
	info->port = opt.port;
	return 1;
}

#endif

/* IPv4 addresses lie in the last word of an entry, as Cilium keeps them. */
static __always_inline void dsr_to_ct(struct ct_state *ct, const struct dsr_info *info, bool ipv6)
{
	union v6addr addr = info->addr.ip6;

	if (!ipv6)
		addr = (union v6addr){ .p = { .p4 = info->addr.ip4 } };
	*ct = (struct ct_state){ .status = CT_NEW, .report = true, .dsr = true };
	ct->nat_addr.ip6 = addr;
	ct->nat_port = info->port;
}

static __always_inline struct dsr_info dsr_from_entry(const struct ct_entry *entry, bool ipv6)
{
	struct dsr_info info = { .port = entry->nat_port };

	if (ipv6)
		info.addr.ip6 = entry->nat_addr;
	else
		info.addr = addr_ip4(entry->nat_addr.p.p4);
	return info;
}

static __always_inline bool dsr_same(const struct ct_entry *entry, const struct dsr_info *info,
				     bool ipv6)
{
	struct dsr_info known = dsr_from_entry(entry, ipv6);

	return entry->dsr_internal && addr_equal(&known.addr, &info->addr) &&
	       known.port == info->port;
}

static __always_inline bool dsr_begins_direct(const struct packet *pkt)
{
	return pkt->protocol == IPPROTO_TCP && TCP_BEGINS(pkt->tcp_flags);
}

/* A connection that begins without a service is direct: what an entry of an older one with the same ports says
 * of its answers holds no more (#37566). Only of one that was closed: where XDP has translated this SYN, the
 * entry is its own, and open.
 */
static __always_inline void dsr_forget_service(struct ct_entry *entry)
{
	if (entry && entry->node_port && ct_closing(entry))
		entry->node_port = 0;
}

/* A packet came for a backend: told says whether with *info. True: the flow's entry has to be told of that. */
__verified_alone bool dsr_note(ctx_t *ctx, struct packet *pkt, const struct dsr_info *info,
			       bool told)
{
	struct ct_entry *entry;
	bool syn, begins;
	struct flow f;

	if (!pkt || !info)
		return false;
	syn = pkt->protocol == IPPROTO_TCP && pkt->tcp_flags & TCP_SYN;
	begins = syn || pkt->protocol != IPPROTO_TCP;
	f = packet_flow(pkt);
	entry = ct_find(pkt, &f, TUPLE_F_OUT);
	if (!told && dsr_begins_direct(pkt))
		dsr_forget_service(entry);
	if (!told && (!entry || !entry->dsr_internal))
		return false;
	if (!told && begins) {
		entry->dsr_internal = 0;
		return false;
	}
	if (entry && (!told || (!syn && dsr_same(entry, info, pkt->is_ipv6)))) {
		ct_update(entry, pkt, DIR_EGRESS, packet_now(pkt));
		ct_count(entry, ctx_len(ctx));
		return false;
	}
	return true;
}

/* 0, or the reason to drop. */
static __always_inline int dsr_keep(ctx_t *ctx, struct packet *pkt, const struct dsr_info *info)
{
	int ret;

	dsr_to_ct(&pkt->ct, info, pkt->is_ipv6);
	ret = ct_create(ctx, pkt, DIR_EGRESS);
	/* of the packet's own flow nothing is known yet */
	__builtin_memset(&pkt->ct, 0, sizeof(pkt->ct));
	return ret;
}

/* What came by the network: the option, if any, is in the packet's IP header. */
__subprogram int dsr_learn(ctx_t *ctx, struct packet *pkt)
{
	struct dsr_info info = {};
	bool told;

	if (!pkt->trackable || is_icmp(pkt))
		return 0;
	told = pkt->is_ipv6 ? dsr_read6(ctx, pkt, &info) : dsr_read4(ctx, pkt, &info);
	return dsr_note(ctx, pkt, &info, told && info.port) ? dsr_keep(ctx, pkt, &info) : 0;
}

#ifndef CTX_XDP

/* What came by the tunnel: of the packet's way nothing is known but what the tunnel says. */
__subprogram int dsr_learn_geneve(ctx_t *ctx, struct packet *pkt)
{
	struct dsr_info info = {};
	bool told;

	if (!pkt->trackable || is_icmp(pkt))
		return 0;
	told = dsr_read_geneve(ctx, pkt, &info);
	return dsr_note(ctx, pkt, &info, told && info.port) ? dsr_keep(ctx, pkt, &info) : 0;
}

#endif

#endif
