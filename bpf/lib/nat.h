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

/* The flow of the answers to a packet of f that left as `to`. */
static __always_inline struct flow nat_answers(const struct flow *f, const struct nat_to *to)
{
	return (struct flow){
		.saddr = f->daddr,
		.daddr = to->addr,
		/* an echo has its identifier on one side only */
		.sport = f->dport,
		.dport = to->port,
		.protocol = f->protocol,
		.is_ipv6 = f->is_ipv6,
	};
}

/* Takes a port for the flow, its own one if nobody has it. */
static __always_inline int nat_allocate(struct packet *pkt, const struct flow *f, struct nat_to *to)
{
	struct nat_to back = { .addr = f->saddr, .port = f->sport, .needs_ct = to->needs_ct };
	__u16 port = nat_port_ours(f->sport) ? bpf_ntohs(f->sport) : nat_port_random();
	bool fixed = f->protocol == IPPROTO_SCTP; /* see csum_l4_offset() */
	struct flow answers;
	int retries;

	if (fixed && !nat_port_ours(f->sport))
		return DROP(pkt, DROP_CSUM_L4);
	for (retries = 0; retries < NAT_RETRIES; retries++) {
		to->port = bpf_htons(port);
		answers = nat_answers(f, to);
		if (!nat_store(&answers, TUPLE_F_IN, &back, BPF_NOEXIST))
			break;
		if (fixed)
			return DROP(pkt, DROP_NAT_NO_MAPPING);
		/* somewhere else first, then from there on */
		port = !retries || port == NAT_PORT_MAX ? nat_port_random() : port + 1;
	}
	nat_count_retries(f->is_ipv6, retries);
	if (retries == NAT_RETRIES)
		return DROP(pkt, DROP_NAT_NO_MAPPING);
	if (nat_store(f, TUPLE_F_OUT, to, BPF_ANY)) {
		nat_delete(&answers, TUPLE_F_IN);
		return DROP(pkt, DROP_NAT_NO_MAPPING);
	}
	return 0;
}

/* True if the answers' entry leads back to the flow: as found, or written anew where it was lost. */
static __always_inline bool nat_pair_whole(const struct flow *f, const struct nat_to *to)
{
	struct nat_to back = { .addr = f->saddr, .port = f->sport, .needs_ct = to->needs_ct };
	struct flow answers = nat_answers(f, to);
	struct nat_to found;

	if (nat_find(&answers, TUPLE_F_IN, &found))
		return addr_equal(&found.addr, &back.addr) && found.port == back.port;
	return !nat_store(&answers, TUPLE_F_IN, &back, BPF_NOEXIST);
}

/* What packets of the flow leave as; made if the flow is new, or was sent from another address. */
__subprogram int nat_mapping(struct packet *pkt, const struct flow *f, struct nat_to *to)
{
	struct nat_to found;
	struct flow answers;

	if (nat_find(f, TUPLE_F_OUT, &found)) {
		bool same = addr_equal(&found.addr, &to->addr) && found.needs_ct == to->needs_ct;

		if (same && nat_pair_whole(f, &found)) {
			*to = found;
			return 0;
		}
		answers = nat_answers(f, &found);
		if (!same)
			nat_delete(&answers, TUPLE_F_IN);
		nat_delete(f, TUPLE_F_OUT);
	}
	return nat_allocate(pkt, f, to);
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
	struct quote q = {};
	struct quote_side as;
	struct nat_to to;
	struct flow f;
	int ret = quote_read(ctx, pkt, &q);

	if (ret <= 0)
		return ret;
	/* who answers a packet does so to its source */
	if (!addr_equal(&q.flow.saddr, &pkt->daddr))
		return 0;
	f = q.flow;
	flow_turn(&f);
	if (!nat_find(&f, side == REWRITE_SOURCE ? TUPLE_F_OUT : TUPLE_F_IN, &to))
		return 0;
	as = (struct quote_side){ .addr = to.addr, .port = to.port };
	ret = rewrite_quoted(ctx, pkt, &q, other, &as);
	/* a router on the way has an address of its own */
	if (!ret && (side == REWRITE_DESTINATION || addr_equal(&pkt->saddr, &q.flow.daddr)))
		ret = rewrite(ctx, pkt, side, &to.addr, 0);
	return ret ? ret : 1;
}

/* Outwards: the packet's source becomes *addr. needs_ct: see struct nat_entry. 0, or the reason to drop. */
__subprogram int nat_forward(ctx_t *ctx, struct packet *pkt, const union addr *addr, bool needs_ct)
{
	struct flow f = packet_flow(pkt);
	struct nat_to to = { .addr = *addr, .needs_ct = needs_ct };
	int ret;

	if (pkt->icmp_error) {
		ret = nat_error(ctx, pkt, REWRITE_SOURCE);
		return ret < 0 ? ret : 0;
	}
	if (!nat_possible(pkt))
		return DROP(pkt, DROP_NAT_UNSUPP_PROTO);
	ret = nat_mapping(pkt, &f, &to);
	return ret ? ret : rewrite(ctx, pkt, REWRITE_SOURCE, &to.addr, to.port);
}

/* The entry of the flow outwards, where it was lost. */
static __always_inline void nat_repair(const struct flow *answers, const struct nat_to *back)
{
	struct nat_to to = { .addr = answers->daddr,
			     .port = answers->dport,
			     .needs_ct = back->needs_ct };
	struct flow f = {
		.saddr = back->addr,
		.daddr = answers->saddr,
		.sport = back->port,
		.dport = answers->sport,
		.protocol = answers->protocol,
		.is_ipv6 = answers->is_ipv6,
	};
	struct nat_to found;

	if (!nat_find(&f, TUPLE_F_OUT, &found))
		nat_store(&f, TUPLE_F_OUT, &to, BPF_NOEXIST);
}

/* Inwards: an answer gets back its destination. 1: done; 0: it answers no flow that was translated. */
__subprogram int nat_reverse(ctx_t *ctx, struct packet *pkt)
{
	struct flow f = packet_flow(pkt);
	struct nat_to back;
	int ret;

	if (pkt->icmp_error)
		return nat_error(ctx, pkt, REWRITE_DESTINATION);
	if (!pkt->trackable || !nat_port_ours(f.dport) || !nat_find(&f, TUPLE_F_IN, &back))
		return 0;
	nat_repair(&f, &back);
	ret = rewrite(ctx, pkt, REWRITE_DESTINATION, &back.addr, back.port);
	return ret ? ret : 1;
}

#endif
