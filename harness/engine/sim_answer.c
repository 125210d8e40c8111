/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* ICMP errors that a node's stack sends because of a packet it cannot forward (RFC 1812, 4.3.2; RFC 4443,
 * 2.4): packets of their own, whose way is followed like that of any other.
 */
#include <linux/if_ether.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#include "engine/sim_internal.h"
#include "packet/build.h"

#define HOP_LIMIT 64

struct icmp_kind {
	uint8_t type, code;
};

static struct icmp_kind kind_of(enum sim_error error, bool is_ip4)
{
	static const struct icmp_kind four[] = {
		[SIM_TTL] = { ICMP_TIME_EXCEEDED, ICMP_EXC_TTL },
		[SIM_TOO_BIG] = { ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED },
		[SIM_NO_ROUTE] = { ICMP_DEST_UNREACH, ICMP_NET_UNREACH },
		[SIM_NO_HOST] = { ICMP_DEST_UNREACH, ICMP_HOST_UNREACH },
		[SIM_PROHIBITED] = { ICMP_DEST_UNREACH, ICMP_PKT_FILTERED },
	};
	static const struct icmp_kind six[] = {
		[SIM_TTL] = { ICMP6_TIME_EXCEEDED, ICMP6_TIME_EXCEED_TRANSIT },
		[SIM_TOO_BIG] = { ICMP6_PACKET_TOO_BIG, 0 },
		[SIM_NO_ROUTE] = { ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_NOROUTE },
		[SIM_NO_HOST] = { ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADDR },
		[SIM_PROHIBITED] = { ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADMIN },
	};

	return is_ip4 ? four[error] : six[error];
}

/* None about an error, a later fragment or what went to a group. */
static bool is_answered(const struct frame *f, const struct layers *l, const struct ip_addr *dst)
{
	if (l->ip.frag_off || ip_addr_is_group(dst))
		return false;
	if (l->ip.l4 == NO_OFFSET)
		return true;
	if (l->ip.proto == IPPROTO_ICMP)
		return !icmp_is_error(f->data[l->ip.l4]);
	return l->ip.proto != IPPROTO_ICMPV6 || f->data[l->ip.l4] & 0x80;
}

int sim_answer(struct walk *w, const struct layers *l, enum sim_error error, uint32_t mtu,
	       struct err *err)
{
	struct fib_query q = { 0 };
	struct build_ip ip = { .ttl = HOP_LIMIT };
	struct icmp_kind kind = kind_of(error, l->ip.version == 4);
	uint32_t max = build_quoted_max(l->ip.version);
	uint32_t len = (uint32_t)(l->ip.end - l->ip.l3);
	struct fib_route r;
	int ret;

	frame_addresses(&w->frame, &q.dst, &ip.src.addr);
	if (!is_answered(&w->frame, l, &ip.src.addr))
		return 0;
	ret = fib_route(w->sim->nodes[w->node].fib, &q, &r, err);
	if (ret || r.kind != FIB_UNICAST || !r.src.family)
		return ret;
	ip.src.addr = r.src;
	ip.dst.addr = q.dst;
	w->answer = build_icmp(w->a, &ip, kind.type, kind.code, mtu, w->frame.data + l->ip.l3,
			       len < max ? len : max);
	return 0;
}
