/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Debug messages: what was looked up, and what was found. Off unless asked for: the verifier prunes them.
 *
 * Numbers and arguments are Cilium's, so that its monitor prints them.
 */
#ifndef VERDICT_LIB_DEBUG_H
#define VERDICT_LIB_DEBUG_H

#include <lib/notify.h>

DECLARE_CONFIG(bool, debug, false, "Debug messages among the events");

enum debug_kind {
	DEBUG_POLICY_DENIED = 5, /* source identity, destination identity */
	DEBUG_CT_VERDICT = 15, /* status, index of the service */
	DEBUG_CT_LOOKUP4_1 = 48, /* source, destination, ports: destination's above */
	DEBUG_CT_LOOKUP4_2 = 49, /* protocol above the tuple's flags, direction, scope */
	DEBUG_CT_CREATED4 = 50, /* index of the service, source identity */
	DEBUG_CT_LOOKUP6_1 = 51, /* as IPv4, the addresses' last 4 bytes */
	DEBUG_CT_LOOKUP6_2 = 52,
	DEBUG_CT_CREATED6 = 53,
	DEBUG_IPCACHE_MISS4 = 56, /* address */
	DEBUG_IPCACHE_MISS6 = 57,
	DEBUG_IPCACHE_HIT4 = 58, /* address, identity */
	DEBUG_IPCACHE_HIT6 = 59,
};

#define DEBUG_SCOPE_BOTH 2 /* of the two directions of a tuple */

struct debug_msg { /* its header is shorter than that of events which bring the packet along */
	__u8 type;
	__u8 subtype;
	__u16 source;
	__u32 hash;
	__u32 args[3];
};

_Static_assert(sizeof(struct debug_msg) == 20, "readers rely on the layout");

__subprogram int debug_send(ctx_t *ctx, __u8 kind, __u32 arg1, __u32 arg2, __u32 arg3)
{
	struct debug_msg msg = {
		.type = NOTIFY_DEBUG,
		.subtype = kind,
		.source = notify_source(),
		.hash = ctx_hash(ctx),
		.args = { arg1, arg2, arg3 },
	};

	if (notify_wanted(NOTIFY_DEBUG))
		notify_send(ctx, NOTIFY_DEBUG, 0, &msg, sizeof(msg));
	return 0;
}

static __always_inline void debug(ctx_t *ctx, enum debug_kind kind, __u32 arg1, __u32 arg2,
				  __u32 arg3)
{
	if (CONFIG(debug))
		debug_send(ctx, kind, arg1, arg2, arg3);
}

static __always_inline __u32 debug_addr(const union addr *addr, bool is_ipv6)
{
	return is_ipv6 ? addr->ip6.p.p4 : addr->ip4;
}

static __always_inline void debug_identity(ctx_t *ctx, const union addr *addr, bool is_ipv6,
					   __u32 identity)
{
	enum debug_kind hit = is_ipv6 ? DEBUG_IPCACHE_HIT6 : DEBUG_IPCACHE_HIT4;
	enum debug_kind miss = is_ipv6 ? DEBUG_IPCACHE_MISS6 : DEBUG_IPCACHE_MISS4;

	debug(ctx, identity ? hit : miss, debug_addr(addr, is_ipv6), identity, 0);
}

static __always_inline void debug_ct_lookup(ctx_t *ctx, const struct packet *pkt,
					    enum direction dir)
{
	debug(ctx, pkt->is_ipv6 ? DEBUG_CT_LOOKUP6_1 : DEBUG_CT_LOOKUP4_1,
	      debug_addr(&pkt->saddr, pkt->is_ipv6), debug_addr(&pkt->daddr, pkt->is_ipv6),
	      (__u32)bpf_ntohs(pkt->dport) << 16 | bpf_ntohs(pkt->sport));
	/* flags of the reverse direction, which is looked up first (0 out, 1 in) */
	debug(ctx, pkt->is_ipv6 ? DEBUG_CT_LOOKUP6_2 : DEBUG_CT_LOOKUP4_2,
	      (__u32)pkt->protocol << 8 | (dir != DIR_INGRESS), dir, DEBUG_SCOPE_BOTH);
}

static __always_inline void debug_ct_verdict(ctx_t *ctx, const struct packet *pkt)
{
	debug(ctx, DEBUG_CT_VERDICT, pkt->ct.status, pkt->ct.rev_nat_index, 0);
}

static __always_inline void debug_ct_created(ctx_t *ctx, const struct packet *pkt)
{
	debug(ctx, pkt->is_ipv6 ? DEBUG_CT_CREATED6 : DEBUG_CT_CREATED4, pkt->ct.rev_nat_index,
	      pkt->src_identity, 0);
}

static __always_inline void debug_policy_denied(ctx_t *ctx, const struct packet *pkt)
{
	debug(ctx, DEBUG_POLICY_DENIED, pkt->src_identity, pkt->dst_identity, 0);
}

#endif
