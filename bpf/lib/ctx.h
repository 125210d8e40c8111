/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The packet under the program: bounded reads and writes, and what parsing found out about it.
 *
 * Reads and writes of an skb are right for paged and linear packets alike. A program for XDP defines CTX_XDP
 * before it includes anything; what needs an skb is left out then.
 */
#ifndef VERDICT_LIB_CTX_H
#define VERDICT_LIB_CTX_H

#include <stddef.h>

#include <linux/pkt_cls.h>

#include <lib/common.h>
#include <lib/direct.h>
#include <lib/lb_state.h>

#define LINK_HEADER_MAX 22 /* Ethernet and two VLAN tags */

#ifdef CTX_XDP

typedef struct xdp_md ctx_t;

#define CTX_IS_XDP true
#define CTX_PASS   XDP_PASS
#define CTX_DROP   XDP_DROP

/* The programs take no packets in fragments: what is not where it should be is nowhere else. */
static __always_inline bool ctx_load(ctx_t *ctx, __u32 off, void *to, __u32 len)
{
	const void *at;

	if (!DIRECT_FITS(len))
		return bpf_xdp_load_bytes(ctx, off, to, len) == 0;
	at = DIRECT_AT(ctx, off, len);
	if (!at)
		return false;
	direct_copy(to, at, len);
	return true;
}

static __always_inline bool ctx_load_header(ctx_t *ctx, __u32 off, void *to, __u32 len)
{
	return ctx_load(ctx, off, to, len);
}

static __always_inline bool ctx_store(ctx_t *ctx, __u32 off, void *from, __u32 len)
{
	void *at;

	if (!DIRECT_FITS(len))
		return bpf_xdp_store_bytes(ctx, off, from, len) == 0;
	at = DIRECT_AT(ctx, off, len);
	if (!at)
		return false;
	direct_write(at, from, len);
	return true;
}

static __always_inline bool ctx_store_header(ctx_t *ctx, __u32 off, void *from, __u32 len)
{
	return ctx_store(ctx, off, from, len);
}

static __always_inline bool ctx_store_summed(ctx_t *ctx, __u32 off, void *from, __u32 len)
{
	return ctx_store(ctx, off, from, len);
}

static __always_inline __u32 ctx_len(ctx_t *ctx)
{
	__u64 end = ctx->data_end, len = end - ctx->data;

	asm volatile("" : "+r"(len)); /* a difference of pointers: no terms of others in it */
	return (__u32)len;
}

static __always_inline __u32 ctx_hash(ctx_t *ctx)
{
	(void)ctx;
	return 0;
}

static __always_inline __u32 ctx_ifindex(ctx_t *ctx)
{
	return ctx->ingress_ifindex;
}

static __always_inline __u32 ctx_gso_size(ctx_t *ctx)
{
	(void)ctx;
	return 0;
}

/* What the stack takes for the EtherType where there is no Ethernet header: XDP always has one. */
static __always_inline __be16 ctx_protocol(ctx_t *ctx)
{
	(void)ctx;
	return 0;
}

/* Cuts the packet to len bytes; it is not shorter. */
static __always_inline int ctx_trim(ctx_t *ctx, __u32 len)
{
	return (int)bpf_xdp_adjust_tail(ctx, (int)len - (int)ctx_len(ctx));
}

/* Room before the network header, its bytes undefined. The longest link-layer header is moved along: what
 * is moved too much lies in the room.
 */
static __always_inline int ctx_grow_l3(ctx_t *ctx, __u32 room)
{
	__u8 link[LINK_HEADER_MAX];

	if (bpf_xdp_adjust_head(ctx, -(int)room) || !ctx_load(ctx, room, link, sizeof(link)))
		return -1;
	return ctx_store(ctx, 0, link, sizeof(link)) ? 0 : -1;
}

/* An skb has a sum of its own. */
static __always_inline void ctx_settle_csum(ctx_t *ctx, __s64 sum)
{
	(void)ctx;
	(void)sum;
}

#else

typedef struct __sk_buff ctx_t;

#define CTX_IS_XDP false
#define CTX_PASS   TC_ACT_OK
#define CTX_DROP   TC_ACT_SHOT

static __always_inline bool ctx_load(ctx_t *ctx, __u32 off, void *to, __u32 len)
{
	return bpf_skb_load_bytes(ctx, off, to, len) == 0;
}

/* For what most packets are asked for: without a call where it is linear, as headers are but for senders that
 * want it otherwise. The verifier goes both ways.
 */
static __always_inline bool ctx_load_header(ctx_t *ctx, __u32 off, void *to, __u32 len)
{
	const void *at = DIRECT_AT(ctx, off, len);

	if (!at)
		return ctx_load(ctx, off, to, len);
	direct_copy(to, at, len);
	return true;
}

/* Leaves checksums to the caller, the skb's own (CHECKSUM_COMPLETE) included. */
static __always_inline bool ctx_store(ctx_t *ctx, __u32 off, const void *from, __u32 len)
{
	return bpf_skb_store_bytes(ctx, off, from, len, 0) == 0;
}

/* The same, for what most packets are written to. The kernel sees to it that nobody else has the bytes, before a
 * program that writes to them in place begins (tc_cls_act_prologue()); the helper asks at each call, and takes as
 * long as a look into a map.
 */
static __always_inline bool ctx_store_header(ctx_t *ctx, __u32 off, const void *from, __u32 len)
{
	void *at = DIRECT_AT(ctx, off, len);

	if (!at)
		return ctx_store(ctx, off, from, len);
	direct_write(at, from, len);
	return true;
}

/* For bytes that no checksum in the packet covers: skb->csum follows. */
static __always_inline bool ctx_store_summed(ctx_t *ctx, __u32 off, const void *from, __u32 len)
{
	return bpf_skb_store_bytes(ctx, off, from, len, BPF_F_RECOMPUTE_CSUM) == 0;
}

static __always_inline __u32 ctx_len(ctx_t *ctx)
{
	return ctx->len;
}

/* As the device or the socket has given it, else 0: to compute one takes a third of what an event costs. */
static __always_inline __u32 ctx_hash(ctx_t *ctx)
{
	return ctx->hash;
}

static __always_inline __u32 ctx_ifindex(ctx_t *ctx)
{
	return ctx->ifindex;
}

/* Bytes of L4 payload of each segment that the packet will be cut into; 0: it stays as it is. */
static __always_inline __u32 ctx_gso_size(ctx_t *ctx)
{
	return ctx->gso_size;
}

static __always_inline __be16 ctx_protocol(ctx_t *ctx)
{
	return (__be16)ctx->protocol;
}

static __always_inline int ctx_trim(ctx_t *ctx, __u32 len)
{
	return (int)bpf_skb_change_tail(ctx, len, 0);
}

static __always_inline int ctx_grow_l3(ctx_t *ctx, __u32 room)
{
	return (int)bpf_skb_adjust_room(ctx, (int)room, BPF_ADJ_ROOM_MAC, 0);
}

/* After the packet was made anew: skb->csum is the sum of its bytes from the network header on, where
 * there is one (CHECKSUM_COMPLETE).
 */
static __always_inline void ctx_settle_csum(ctx_t *ctx, __s64 sum)
{
	__s64 was = bpf_csum_update(ctx, 0);

	if (was < 0)
		return;
	bpf_csum_update(ctx, ~(__wsum)was);
	bpf_csum_update(ctx, (__wsum)sum);
}

#endif

enum ct_status {
	CT_NEW = 0,
	CT_ESTABLISHED = 1,
	CT_REPLY = 2,
	CT_RELATED = 3,
};

/* What conntrack knows of the packet's flow; what ct_create() is to keep of it. */
struct ct_state {
	__u8 status; /* enum ct_status */
	bool report; /* worth a trace event even when events are aggregated */
	bool node_port; /* came by a node's port: its replies go back through this node */
	bool dsr; /* nat_addr and nat_port are what the client called the backend */
	bool loopback; /* of a pod to itself through a service */
	bool to_initiator; /* the packet goes to the one who began the flow: an answer, or an error about
			    * what he sent
			    */
	bool proxy_redirect;
	bool from_tunnel;
	bool from_l7lb; /* a proxy began it for the pod */
	bool closing;
	__u16 rev_nat_index; /* of the service that the flow was sent to; 0: none */
	__be16 nat_port;
	__u32 src_sec_id; /* of the one who began the flow */
	union addr nat_addr;
};

/* One packet; filled by eth.h, ip.h and l4.h in that order. */
struct packet {
	__u32 l3_off;
	__u32 l4_off;
	__u32 end; /* first byte after the IP packet: link-layer padding is no part of it */
	__u32 now; /* see packet_now() */
	__u32 src_identity, dst_identity; /* 0 until looked up */
	bool unidentified; /* not yet, but whoever tells of the packet is to */
	union addr saddr, daddr;
	__be32 frag_id; /* IPv4: in the first two bytes */
	__be16 sport, dport; /* see l4.h for ICMP */
	__u16 ethertype; /* host order, below VLAN tags */
	__u16 vlan; /* 0: of none, whatever tags of VLAN 0 it has */
	__u8 protocol; /* of IPv6 behind the extension headers */
	__u8 tcp_flags; /* byte 13 of the TCP header; 0 in later fragments */
	__u8 icmp_type, icmp_code;
	bool is_ipv6;
	bool more_fragments;
	bool later_fragment; /* has no L4 header */
	bool trackable; /* can belong to a flow */
	bool icmp_error;
	bool from_host; /* the host's stack has sent it */
	bool from_tunnel;
	bool from_proxy; /* a proxy has sent it for the pod */
	__be16 proxy_port; /* where policy sends it; 0: to no proxy */
	__u16 dst_endpoint; /* id of the pod it is for, where that is known: events name it */
	union addr orig_saddr; /* before translation, for events; 0: as it is */
	bool hop_made; /* XDP has lowered the TTL: see handed_on.h */
	bool handed_on; /* XDP leaves the rest to tc: see there */
	bool l4_parsed;
	bool rewritten;
	struct ct_state ct;
	struct lb_state lb;
	struct { /* for CALL_ICMP_ERROR */
		__u16 type_code; /* type in the upper byte */
		__u16 mtu;
		__s16 reason; /* to drop where no answer may be given, negative */
	} answer;
	__s32 so_far; /* see packet_so_far() */
	/* A drop's cause: set where it is decided, told where the program ends. */
	__u8 drop_file;
	__u16 drop_line;
	/* From here on packet_begin() leaves what it finds. */
	struct { /* where rewritten: as it was before the first rewrite() */
		union addr saddr, daddr;
		__be16 sport, dport;
	} was;
};

/* The packet at hand lies in a map and not on the stack, of which programs have little, and so that a
 * tail call finds what was parsed already. One a CPU: no program of ours interrupts another one, and none
 * runs another one's packet before its own is done.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct packet);
	__uint(max_entries, 1);
} packet_at_hand SEC(".maps") __scratch;

/* As the program before a tail call left it. NULL, which cannot be, satisfies the verifier. */
static __always_inline struct packet *packet_resume(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&packet_at_hand, &zero);
}

static __always_inline struct packet *packet_begin(void)
{
	struct packet *pkt = packet_resume();

	if (pkt)
		__builtin_memset(pkt, 0, offsetof(struct packet, was));
	return pkt;
}

/* now_seconds(), asked once a packet: clock and division cost as much as a look into a map. */
static __always_inline __u32 packet_now(struct packet *pkt)
{
	if (!pkt->now)
		pkt->now = now_seconds();
	return pkt->now;
}

/* ret, and the verifier does not know it: for what is kept while a subprogram is called and decides a branch
 * afterwards. Linux 6.1's verifier, looking back through the call, takes a register of the subprogram for the
 * caller's, holds 0 and a reason to drop for the same, and removes the branch that it has not gone.
 */
static __always_inline int packet_so_far(struct packet *pkt, int ret)
{
	*(volatile __s32 *)&pkt->so_far = ret;
	return *(volatile __s32 *)&pkt->so_far;
}

/* Reads only inside the IP packet. */
static __always_inline bool packet_load(ctx_t *ctx, const struct packet *pkt, __u32 off, void *to,
					__u32 len)
{
	return off + len <= pkt->end && ctx_load(ctx, off, to, len);
}

#endif
