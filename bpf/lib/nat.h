/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Source NAT: a packet leaves with the node's address, and its answer finds back.
 *
 * A port belongs to a flow as soon as the entry of the answers is there: it is made first, and only if no
 * other flow to the same peer has it. The maps forget what was long not used, one entry at a time: a missing
 * partner is written again from the other one, so that a flow keeps its port (#29994).
 */
#ifndef VERDICT_LIB_NAT_H
#define VERDICT_LIB_NAT_H

#include <lib/conntrack.h>
#include <lib/nat_map.h>
#include <lib/nodeport_config.h>
#include <lib/quote.h>
#include <lib/rewrite.h>
#include <lib/signals.h>

#define NAT_PORT_MAX 65535

static __always_inline __u16 nat_port_min(void)
{
	return CONFIG(enable_nodeport) ? CONFIG(nodeport_port_max) + 1 : CONFIG(ephemeral_min);
}

static __always_inline bool nat_port_ours(__be16 port)
{
	return bpf_ntohs(port) >= nat_port_min();
}

static __always_inline __u16 nat_port_random(void)
{
	__u32 ports = NAT_PORT_MAX - nat_port_min() + 1;

	return nat_port_min() + (__u16)((bpf_get_prandom_u32() & 0xffff) * ports >> 16);
}

/* The answers to a packet of the flow that left as `to`, and what they get back. */
static __always_inline void nat_expect_answers(struct nat_work *w, const struct nat_to *to)
{
	w->answers.saddr = w->flow.daddr;
	w->answers.daddr = to->addr;
	w->answers.sport = w->flow.dport; /* an echo has its identifier on one side only */
	w->answers.dport = to->port;
	w->answers.protocol = w->flow.protocol;
	w->answers.is_ipv6 = w->flow.is_ipv6;
	w->back.addr = w->flow.saddr;
	w->back.port = w->flow.sport;
	w->back.needs_ct = to->needs_ct;
}

/* For the flow that nat_allocate() works at: its own port if that is one of ours, then a port somewhere else, and
 * from there on.
 */
static __always_inline __u16 nat_port_try(const struct nat_work *w, __u32 nth)
{
	__u16 port = bpf_ntohs(w->to.port);

	if (!nth && nat_port_ours(w->flow.sport))
		return bpf_ntohs(w->flow.sport);
	return nth < 2 || port == NAT_PORT_MAX ? nat_port_random() : port + 1;
}

/* The entry of the answers is this flow's. */
static __always_inline bool nat_leads_back(struct nat_work *w)
{
	struct nat_to there;

	return nat_find(w, &w->answers, TUPLE_F_IN, &there) &&
	       addr_equal(&there.addr, &w->back.addr) && there.port == w->back.port;
}

/* The entry of the answers with the nth port; not 0 if another flow has it. One that is left of this flow serves it on:
 * only the other one was lost. Linux 6.1 takes no map's key by a
 * function's argument that is verified alone: it looks for the work itself.
 */
__verified_alone int nat_claim(__u32 nth)
{
	struct nat_work *w = nat_begin();

	if (!w)
		return -1;
	w->to.port = bpf_htons(nat_port_try(w, nth));
	w->answers.dport = w->to.port;
	if (w->flow.is_ipv6)
		w->key6.ports = two_halves(w->to.port, w->answers.sport);
	else
		w->key4.ports = two_halves(w->to.port, w->answers.sport);
	return nat_put(w, w->flow.is_ipv6, &w->back, BPF_NOEXIST) && !nat_leads_back(w);
}

/* Takes a port for the flow at hand, its own one if nobody has it. */
__verified_alone int nat_allocate(struct packet *pkt)
{
	struct nat_work *w = nat_begin();
	bool fixed;
	int retries;

	if (!pkt || !w)
		return DROP_INVALID;
	fixed = w->flow.protocol == IPPROTO_SCTP; /* see csum_l4_offset() */
	if (fixed && !nat_port_ours(w->flow.sport))
		return DROP(pkt, DROP_CSUM_L4);
	nat_expect_answers(w, &w->to);
	nat_key(w, &w->answers, TUPLE_F_IN);
	for (retries = 0; retries < NAT_RETRIES; retries++) {
		/* else the end of the loop may lie before its head: Linux 6.1 takes no way back
		 * without a jump
		 */
		if (__builtin_expect(!nat_claim(retries), true))
			break;
		if (fixed)
			return DROP(pkt, DROP_NAT_NO_MAPPING);
	}
	nat_count_retries(w->flow.is_ipv6, retries);
	w->crowded = retries > NAT_CROWDED;
	if (retries == NAT_RETRIES)
		return DROP(pkt, DROP_NAT_NO_MAPPING);
	if (nat_store(w, &w->flow, TUPLE_F_OUT, &w->to, BPF_ANY)) {
		nat_delete(w, &w->answers, TUPLE_F_IN);
		return DROP(pkt, DROP_NAT_NO_MAPPING);
	}
	return 0;
}

/* True if the answers' entry leads back to the flow: as found, or written anew where it was lost. */
static __always_inline bool nat_pair_whole(struct nat_work *w)
{
	return nat_leads_back(w) || !nat_store(w, &w->answers, TUPLE_F_IN, &w->back, BPF_NOEXIST);
}

/* What packets of w->flow leave as, in w->to; made if the flow is new, or was sent from another address. */
__subprogram int nat_mapping(struct packet *pkt, struct nat_work *w)
{
	if (nat_find(w, &w->flow, TUPLE_F_OUT, &w->found)) {
		bool same = addr_equal(&w->found.addr, &w->to.addr) &&
			    w->found.needs_ct == w->to.needs_ct;

		nat_expect_answers(w, &w->found);
		if (same && nat_pair_whole(w)) {
			w->to = w->found;
			return 0;
		}
		if (!same && nat_leads_back(w))
			nat_delete(w, &w->answers, TUPLE_F_IN);
		nat_delete(w, &w->flow, TUPLE_F_OUT);
	}
	return nat_allocate(pkt);
}

/* Only flows have ports to tell answers by. Of ICMP that is a request for an echo. */
static __always_inline bool nat_possible(const struct packet *pkt)
{
	return pkt->trackable && (!is_icmp(pkt) || icmp_is_request(pkt->is_ipv6, pkt->icmp_type));
}

/* An error about a packet whose other direction is translated: outwards it comes from the address that
 * its receiver knows, inwards it goes to the one behind. 1 if there was something to translate.
 */
__subprogram int nat_error(ctx_t *ctx, struct packet *pkt, enum rewrite_side side)
{
	enum rewrite_side other = side == REWRITE_SOURCE ? REWRITE_DESTINATION : REWRITE_SOURCE;
	struct nat_work *w = nat_begin();
	struct flow *quoted;
	int ret;

	if (!w)
		return DROP(pkt, DROP_SNAT_NO_MAP_FOUND);
	quoted = &w->quote.flow;
	__builtin_memset(quoted, 0, sizeof(*quoted));
	ret = quote_read(ctx, pkt, &w->quote);
	/* who answers a packet does so to its source */
	if (ret <= 0 || !addr_equal(&quoted->saddr, &pkt->daddr))
		return ret < 0 ? ret : 0;
	w->answers = *quoted;
	flow_turn(&w->answers);
	if (!nat_find(w, &w->answers, side == REWRITE_SOURCE ? TUPLE_F_OUT : TUPLE_F_IN, &w->found))
		return 0;
	w->side.addr = w->found.addr;
	w->side.port = w->found.port;
	w->side.has_port = true;
	ret = rewrite_quoted(ctx, pkt, &w->quote, other, &w->side);
	/* a router on the way has an address of its own */
	if (!ret && (side == REWRITE_DESTINATION || addr_equal(&pkt->saddr, &quoted->daddr)))
		ret = rewrite(ctx, pkt, side, &w->side.addr, 0);
	return ret ? ret : 1;
}

/* Outwards: the packet's source becomes *addr. needs_ct: see struct nat_entry. 0, or the reason to drop. */
__subprogram int nat_forward(ctx_t *ctx, struct packet *pkt, const union addr *addr, bool needs_ct)
{
	struct nat_work *w = nat_begin();
	int ret;

	if (!w)
		return DROP(pkt, DROP_SNAT_NO_MAP_FOUND);
	if (pkt->icmp_error) {
		ret = nat_error(ctx, pkt, REWRITE_SOURCE);
		return ret < 0 ? ret : 0;
	}
	if (!nat_possible(pkt))
		return DROP(pkt, DROP_NAT_UNSUPP_PROTO);
	w->flow = packet_flow(pkt);
	w->to.addr = *addr;
	w->to.needs_ct = needs_ct;
	w->crowded = false;
	ret = nat_mapping(pkt, w);
	if (w->crowded)
		signal_nat_fill_up(ctx, pkt->is_ipv6);
	return ret ? ret : rewrite(ctx, pkt, REWRITE_SOURCE, &w->to.addr, w->to.port);
}

/* The entry of the flow outwards, where it was lost. */
static __always_inline void nat_repair(struct nat_work *w)
{
	w->flow.saddr = w->back.addr;
	w->flow.daddr = w->answers.saddr;
	w->flow.sport = w->back.port;
	w->flow.dport = w->answers.sport;
	w->flow.protocol = w->answers.protocol;
	w->flow.is_ipv6 = w->answers.is_ipv6;
	if (nat_find(w, &w->flow, TUPLE_F_OUT, &w->found))
		return;
	w->to.addr = w->answers.daddr;
	w->to.port = w->answers.dport;
	w->to.needs_ct = w->back.needs_ct;
	nat_store(w, &w->flow, TUPLE_F_OUT, &w->to, BPF_NOEXIST);
}

/* Inwards: an answer gets back its destination. 1: done; 0: it answers no flow that was translated. */
__subprogram int nat_reverse(ctx_t *ctx, struct packet *pkt)
{
	struct nat_work *w = nat_begin();
	int ret;

	if (!w)
		return DROP(pkt, DROP_SNAT_NO_MAP_FOUND);
	if (pkt->icmp_error)
		return nat_error(ctx, pkt, REWRITE_DESTINATION);
	if (!pkt->trackable || !nat_port_ours(pkt->dport))
		return 0;
	w->answers = packet_flow(pkt);
	if (!nat_find(w, &w->answers, TUPLE_F_IN, &w->back))
		return 0;
	nat_repair(w);
	ret = rewrite(ctx, pkt, REWRITE_DESTINATION, &w->back.addr, REWRITE_PORT(w->back.port));
	return ret ? ret : 1;
}

#endif
