/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The packet under the program: bounded reads, and what parsing found out about it.
 *
 * Reads go through bpf_skb_load_bytes(): right for paged and linear packets alike.
 */
#ifndef VERDICT_LIB_CTX_H
#define VERDICT_LIB_CTX_H

#include <linux/pkt_cls.h>

#include <lib/common.h>

/* One packet; filled by eth.h, ipv4.h and l4.h in that order. */
struct packet {
	__u32 l3_off;
	__u32 l4_off;
	__u32 end; /* first byte after the IP packet: link-layer padding is no part of it */
	__u32 src_identity, dst_identity; /* 0 until looked up */
	__be32 saddr, daddr;
	__be16 frag_id;
	__be16 sport, dport; /* see l4.h for ICMP */
	__u16 ethertype; /* host order, below VLAN tags */
	__u8 protocol;
	__u8 tcp_flags; /* byte 13 of the TCP header; 0 in later fragments */
	__u8 icmp_type;
	bool more_fragments;
	bool later_fragment; /* has no L4 header */
	bool trackable; /* can belong to a flow */
	bool icmp_error;
	/* A drop's cause: set where it is decided, told where the program ends. */
	__u8 drop_file;
	__u16 drop_line;
};

static __always_inline bool ctx_load(struct __sk_buff *ctx, __u32 off, void *to, __u32 len)
{
	return bpf_skb_load_bytes(ctx, off, to, len) == 0;
}

/* Reads only inside the IP packet. */
static __always_inline bool packet_load(struct __sk_buff *ctx, const struct packet *pkt, __u32 off,
					void *to, __u32 len)
{
	return off + len <= pkt->end && ctx_load(ctx, off, to, len);
}

#endif
