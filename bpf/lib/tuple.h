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
	TUPLE_F_OUT = 0, /* the flow left the node */
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

/* One direction of a flow as packets show it. */
struct flow4 {
	__be32 saddr, daddr;
	__be16 sport, dport;
	__u8 protocol;
};

static __always_inline __u8 tuple_flags_of(enum direction dir)
{
	return dir == DIR_INGRESS ? TUPLE_F_IN : TUPLE_F_OUT;
}

/* The entry of the flow that a packet seen in that direction began. */
static __always_inline struct ipv4_ct_tuple tuple_forward(const struct flow4 *f, enum direction dir)
{
	return (struct ipv4_ct_tuple){
		.daddr = f->saddr,
		.saddr = f->daddr,
		.dport = f->dport,
		.sport = f->sport,
		.nexthdr = f->protocol,
		.flags = tuple_flags_of(dir),
	};
}

/* The entry of the flow that a packet seen in that direction answers. */
static __always_inline struct ipv4_ct_tuple tuple_reverse(const struct flow4 *f, enum direction dir)
{
	const struct flow4 answered = {
		.saddr = f->daddr,
		.daddr = f->saddr,
		.sport = f->dport,
		.dport = f->sport,
		.protocol = f->protocol,
	};

	return tuple_forward(&answered, opposite(dir));
}

#endif
