/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Services, packet by packet: a packet to a service goes to one of its backends, and what comes back
 * comes from the service.
 *
 * lb_service() is all of the way there. Who needs it in parts (nodePort: what follows depends on where
 * the backend is) calls lb_look_up(), lb_choose() and lb_translate(), which it is made of. Each leaves
 * what it found in pkt->lb. pkt's L4 fields must be filled, see ct_parse_l4().
 *
 * The flow to the backend is the caller's to track: ct_lookup(), and before ct_create() lb_tell_ct(),
 * which is how the answer will be known for the service's.
 */
#ifndef VERDICT_LIB_LB_H
#define VERDICT_LIB_LB_H

#include <lib/lb_choice.h>
#include <lib/lb_config.h>
#include <lib/lb_ct.h>
#include <lib/lb_source.h>
#include <lib/nodeport_config.h>
#include <lib/quote.h>
#include <lib/rewrite.h>

static __always_inline bool lb_is_service_protocol(__u8 protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP;
}

/* What a service keeps from those outside the cluster. */
static __always_inline int lb_admit(struct packet *pkt)
{
	const struct lb_frontend *f = &pkt->lb.frontend;

	if (!lb_source_allowed(f, &pkt->saddr))
		return DROP(pkt, DROP_NOT_IN_SRC_RANGE);
	if (!(f->flags & LB_F_ROUTABLE))
		return DROP(pkt, DROP_IS_CLUSTER_IP);
	if (f->flags2 & LB_F2_NAT46X64)
		return DROP(pkt, DROP_NO_SERVICE);
	return 1;
}

/* 1: the packet is for the service in pkt->lb.frontend, whose backend is still to be chosen; 0: for none,
 * or for one that a proxy serves (pkt->lb.frontend.flags2 has LB_F2_L7 then); negative: drop.
 */
static __always_inline int lb_look_up(struct packet *pkt, bool from_endpoint)
{
	struct lb_frontend *f = &pkt->lb.frontend;

	if (f->protocol) /* asked before, about a packet as it was then */
		__builtin_memset(&pkt->lb, 0, sizeof(pkt->lb));
	if (!lb_is_service_protocol(pkt->protocol))
		return 0;
	f->address = pkt->daddr;
	f->port = pkt->dport;
	f->protocol = pkt->protocol;
	f->is_ipv6 = pkt->is_ipv6;
	if (!lb_find(f, from_endpoint ? LB_INTERNAL : LB_EXTERNAL)) {
		if (!from_endpoint && lb_address_is_ours(f))
			return DROP(pkt, DROP_NO_SERVICE);
		return 0;
	}
	if (!from_endpoint) {
		int ret = lb_admit(pkt);

		if (ret < 0)
			return ret;
	}
	return f->flags2 & LB_F2_L7 ? 0 : 1;
}

/* A new flow's backend. */
__verified_alone bool lb_choose_anew(struct packet *pkt, const struct lb_client *client)
{
	const struct lb_frontend *f;
	bool by_hash;
	__u32 begin;

	if (!pkt || !client)
		return false;
	f = &pkt->lb.frontend;
	by_hash = lb_by_hash(f);
	if (lb_pick_by_affinity(f, client, &pkt->lb.backend))
		return true;
	begin = by_hash ? maglev_hash(f, &pkt->saddr, pkt->sport) : bpf_get_prandom_u32();
	return lb_pick(f, begin, by_hash, &pkt->lb.backend);
}

/* A flow stays where it is as long as its backend is there: one that is to go away serves on, but for
 * connections that begin anew. False: another one must be chosen.
 */
static __always_inline bool lb_stay(struct packet *pkt, const struct ct_entry *entry)
{
	if (!lb_backend_find_here(&pkt->lb.backend, (__u32)entry->backend_id, pkt->is_ipv6))
		return false;
	return pkt->lb.backend.state == LB_ACTIVE ||
	       !(pkt->protocol == IPPROTO_TCP && pkt->tcp_flags & TCP_SYN);
}

/* A connection that came to its backend when it had begun already: by DSR the backend's node has to be told
 * of the service all the same, or what it answers, a reset most likely, would come from the wrong address
 * (#27730, #32091). The flow's entry keeps it until a SYN: a packet may be lost.
 */
static __always_inline void lb_note_midway(struct packet *pkt, struct ct_entry *entry, bool stays)
{
	if (CONFIG(lb_mode) == LB_SNAT || pkt->protocol != IPPROTO_TCP || pkt->later_fragment)
		return;
	pkt->lb.midway = !(pkt->tcp_flags & TCP_SYN) && (!stays || (entry && entry->dsr_internal));
	if (entry)
		entry->dsr_internal = pkt->lb.midway;
}

static __always_inline int lb_no_backend(struct packet *pkt)
{
	if (CONFIG(enable_no_service_endpoints_routable) || lb_has_local_policy(&pkt->lb.frontend))
		return DROP(pkt, DROP_NO_SERVICE);
	return 0;
}

/* 1: pkt->lb.backend is the flow's, and the flow's entry says so; 0: the service has none, and may be
 * reached without; negative: drop.
 */
__verified_alone int lb_choose(ctx_t *ctx, struct packet *pkt)
{
	struct lb_client client = {};
	const struct lb_frontend *f;
	struct ct_entry *entry;
	struct flow answer;
	bool known, stays;

	if (!pkt)
		return DROP_INVALID;
	f = &pkt->lb.frontend;
	client.id = pkt->saddr;
	answer = lb_answer(pkt);
	entry = ct_find(pkt, &answer, TUPLE_F_SERVICE);
	known = entry && entry->rev_nat_index == f->rev_nat_index && !lb_ct_begins_anew(entry, pkt);
	stays = known && lb_stay(pkt, entry);
	if (!stays && !lb_choose_anew(pkt, &client))
		return lb_no_backend(pkt);
	lb_note_midway(pkt, known ? entry : NULL, stays);
	if (known) {
		entry->backend_id = pkt->lb.backend.id;
		lb_ct_update(ctx, entry, pkt);
	} else if (lb_ct_create(ctx, pkt, &answer)) {
		return DROP(pkt, DROP_CT_CREATE_FAILED);
	}
	if (f->flags & LB_F_AFFINITY)
		lb_affinity_note(f, &client, pkt->lb.backend.id);
	return 1;
}

static __always_inline void lb_loopback_address(bool ipv6, union addr *addr)
{
	if (ipv6)
		addr->ip6 = CONFIG_IP6(service_loopback_ipv6);
	else
		*addr = addr_ip4(CONFIG(service_loopback_ipv4).be32);
}

/* To the backend. An endpoint that is its own backend must not see its own address as source, which no
 * stack takes. SCTP's checksum forbids another port: 154. 0, or the reason to drop.
 */
static __always_inline int lb_translate(ctx_t *ctx, struct packet *pkt, bool from_endpoint)
{
	union addr address;
	int ret;

	if (from_endpoint && addr_equal(&pkt->saddr, &pkt->lb.backend.address)) {
		pkt->lb.loopback = true;
		lb_loopback_address(pkt->is_ipv6, &address);
		ret = rewrite(ctx, pkt, REWRITE_SOURCE, &address, 0);
		if (ret)
			return ret;
	}
	address = pkt->lb.backend.address;
	return rewrite(ctx, pkt, REWRITE_DESTINATION, &address, pkt->lb.backend.port);
}

/* What the client has called, in a flow's entry: IPv4 addresses lie in the last word, as Cilium keeps them. */
static __always_inline union v6addr lb_called(const struct packet *pkt)
{
	return pkt->is_ipv6 ? pkt->was.daddr.ip6
			    : (union v6addr){ .p = { .p4 = pkt->was.daddr.ip4 } };
}

static __always_inline bool lb_called_is(const struct ct_state *ct, const struct packet *pkt)
{
	union addr called = { .ip6 = lb_called(pkt) };

	return addr_equal(&ct->nat_addr, &called) && ct->nat_port == pkt->was.dport;
}

/* For the new entry of the flow to the backend: ct_lookup() makes pkt->ct as of nothing known. */
static __always_inline void lb_tell_ct(struct packet *pkt)
{
	pkt->ct.rev_nat_index = pkt->lb.frontend.rev_nat_index;
	pkt->ct.loopback = pkt->lb.loopback;
	if (!pkt->lb.any_address)
		return;
	pkt->ct.nat_addr.ip6 = lb_called(pkt);
	pkt->ct.nat_port = pkt->was.dport;
}

/* The service that the flow was sent to, as its client calls it. */
static __always_inline bool lb_service_of_flow(const struct packet *pkt, struct quote_side *service)
{
	const union v6addr *called = &pkt->ct.nat_addr.ip6;

	if (!lb_reverse_find(pkt->ct.rev_nat_index, pkt->is_ipv6, &service->addr, &service->port))
		return false;
	if (service->addr.ip6.d.d1 || service->addr.ip6.d.d2 || !pkt->ct.nat_port)
		return true;
	service->port = pkt->ct.nat_port;
	if (pkt->is_ipv6)
		service->addr.ip6 = *called;
	else
		service->addr = addr_ip4(called->p.p4);
	return true;
}

/* An ICMP error that a client sends about an answer of the service goes to the backend which sent it,
 * and quotes what that backend has sent. 1: translated; 0: it is about no service's flow.
 */
__verified_alone int lb_error_to_backend(ctx_t *ctx, struct packet *pkt)
{
	struct lb_backend be = {};
	struct quote q = {};
	struct quote_side to;
	struct ct_entry *entry;
	int ret;

	if (!pkt)
		return DROP_INVALID;
	ret = quote_read(ctx, pkt, &q);
	if (ret <= 0 || !addr_equal(&q.flow.saddr, &pkt->daddr))
		return ret < 0 ? ret : 0;
	entry = ct_find(pkt, &q.flow, TUPLE_F_SERVICE);
	if (!entry || !lb_backend_find(&be, (__u32)entry->backend_id, pkt->is_ipv6))
		return 0;
	to = (struct quote_side){ .addr = be.address, .port = be.port };
	ret = rewrite_quoted(ctx, pkt, &q, REWRITE_SOURCE, &to);
	if (!ret)
		ret = rewrite(ctx, pkt, REWRITE_DESTINATION, &to.addr, 0);
	return ret ? ret : 1;
}

/* 1, or the reason to drop. */
static __always_inline int lb_finish(ctx_t *ctx, struct packet *pkt, bool from_endpoint)
{
	int ret = lb_translate(ctx, pkt, from_endpoint);

	if (ret)
		return ret;
	lb_tell_ct(pkt);
	return 1;
}

/* 0: the packet is for no service and as it was; 1: it is the backend's now, and lb_tell_ct() was called;
 * negative: drop. from_endpoint: a pod or the host asks, not the world.
 */
static __always_inline int lb_service(ctx_t *ctx, struct packet *pkt, bool from_endpoint)
{
	int ret;

	if (pkt->icmp_error)
		return lb_error_to_backend(ctx, pkt);
	ret = lb_look_up(pkt, from_endpoint);
	if (ret > 0)
		ret = lb_choose(ctx, pkt);
	return ret > 0 ? lb_finish(ctx, pkt, from_endpoint) : ret;
}

/* An error about what was sent to the backend: its reader knows the service only. Who sends it is changed
 * if it is the backend itself, not if it is a router on the way.
 */
__subprogram int lb_reverse_error(ctx_t *ctx, struct packet *pkt, const struct quote_side *service)
{
	struct quote_side own = {};
	struct quote q = {};
	int ret;

	ret = quote_read(ctx, pkt, &q);
	if (ret <= 0)
		return ret;
	own.addr = q.flow.daddr;
	ret = rewrite_quoted(ctx, pkt, &q, REWRITE_DESTINATION, service);
	if (!ret && pkt->ct.loopback)
		ret = rewrite_quoted(ctx, pkt, &q, REWRITE_SOURCE, &own);
	if (!ret && pkt->ct.loopback)
		ret = rewrite(ctx, pkt, REWRITE_DESTINATION, &own.addr, 0);
	if (!ret && addr_equal(&pkt->saddr, &own.addr))
		ret = rewrite(ctx, pkt, REWRITE_SOURCE, &service->addr, 0);
	return ret;
}

/* What goes back to a service's client comes from the service. pkt->ct is what ct_lookup() said of the
 * packet; nothing is done to packets of flows through no service, or in the other direction. 0, or the
 * reason to drop.
 */
__verified_alone int lb_reverse(ctx_t *ctx, struct packet *pkt)
{
	struct quote_side service = {};
	int ret;

	if (!pkt)
		return DROP_INVALID;
	if (!pkt->ct.to_initiator || !pkt->ct.rev_nat_index || !lb_service_of_flow(pkt, &service))
		return 0;
	if (pkt->icmp_error)
		return lb_reverse_error(ctx, pkt, &service);
	if (pkt->ct.loopback) {
		ret = rewrite(ctx, pkt, REWRITE_DESTINATION, &pkt->saddr, 0);
		if (ret)
			return ret;
	}
	return rewrite(ctx, pkt, REWRITE_SOURCE, &service.addr, service.port);
}

#endif
