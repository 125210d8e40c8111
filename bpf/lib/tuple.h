/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The key of a conntrack entry.
 *
 * The two addresses are stored the wrong way round and the ports are not; every reader of the maps
 * relies on it: daddr is the address of the one who began the flow, sport his port.
 */
#ifndef VERDICT_LIB_TUPLE_H
#define VERDICT_LIB_TUPLE_H

#include <lib/ctx.h>

enum tuple_flags {
	TUPLE_F_OUT = 0, /* the flow left the endpoint */
	TUPLE_F_IN = 1, /* the flow came in */
	TUPLE_F_RELATED = 2,
	TUPLE_F_SERVICE = 4,
};

struct ipv4_ct_tuple {
	__be32 daddr;
	__be32 saddr;
	__be16 dport;
	__be16 sport;
	__u8 nexthdr;
	__u8 flags;
} __attribute__((packed));

struct ipv6_ct_tuple {
	union v6addr daddr;
	union v6addr saddr;
	__be16 dport;
	__be16 sport;
	__u8 nexthdr;
	__u8 flags;
} __attribute__((packed));

/* One direction of a flow as packets show it. */
struct flow {
	union addr saddr, daddr;
	__be16 sport, dport;
	__u8 protocol;
	bool is_ipv6;
};

static __always_inline __u8 tuple_flags_of(enum direction dir)
{
	return dir == DIR_INGRESS ? TUPLE_F_IN : TUPLE_F_OUT;
}

/* The direction of packets that answer this one. */
static __always_inline void flow_turn(struct flow *f)
{
	union addr addr = f->saddr;
	__be16 port = f->sport;

	f->saddr = f->daddr;
	f->daddr = addr;
	f->sport = f->dport;
	f->dport = port;
}

/* See two_halves(). */
union tuple4_words {
	struct ipv4_ct_tuple tuple;
	struct {
		__be32 daddr, saddr;
		__u32 ports; /* dport, sport */
		__u16 proto_flags;
	};
};

union tuple6_words {
	struct ipv6_ct_tuple tuple;
	struct {
		union v6addr daddr, saddr;
		__u32 ports;
		__u16 proto_flags;
	};
};

/* The key of the entry that a packet of this flow makes. */
static __always_inline union tuple4_words flow_tuple4(const struct flow *f, __u8 flags)
{
	return (union tuple4_words){
		.daddr = f->saddr.ip4,
		.saddr = f->daddr.ip4,
		.ports = two_halves(f->dport, f->sport),
		.proto_flags = two_bytes(f->protocol, flags),
	};
}

static __always_inline union tuple6_words flow_tuple6(const struct flow *f, __u8 flags)
{
	return (union tuple6_words){
		.daddr = f->saddr.ip6,
		.saddr = f->daddr.ip6,
		.ports = two_halves(f->dport, f->sport),
		.proto_flags = two_bytes(f->protocol, flags),
	};
}

#endif
