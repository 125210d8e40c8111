/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tail calls between the programs of one object: numbers that Cilium's agents and tools know too. What a
 * program leaves for the next one lies in the packet at hand (ctx.h).
 */
#ifndef VERDICT_LIB_CALLS_H
#define VERDICT_LIB_CALLS_H

#include <lib/ctx.h>
#include <lib/reasons.h>

enum call {
	CALL_DROP_NOTIFY = 1,
	CALL_ICMP_ERROR = 5, /* answers the packet with pkt->answer */
	CALL_ARP = 6,
	CALL_IP = 7, /* ours is of both families */
	CALL_POLICY = 11,
	CALL_TO_ENDPOINT = 13,
	CALL_NAT_EGRESS = 15,
	CALL_REV_DNAT = 17,
	CALL_NAT_FWD = 20,
	CALL_DSR = 21,
	CALL_FROM_HOST = 23,
	CALL_IP_CONT = 26,
	CALL_CT_INGRESS = 28,
	CALL_CT_EGRESS = 30,
	CALL_NAT_INGRESS = 36,
	CALLS_MAX = 49,
};

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
	__uint(max_entries, CALLS_MAX);
} cilium_calls SEC(".maps");

#define __call_name(n)	   #n
#define __call_tag(map, n) __attribute__((btf_decl_tag("tail:" #map "/" __call_name(n))))
/* `__call(26)` before a program puts it into that slot. */
#define __call(n) __call_tag(cilium_calls, n)

#ifdef CTX_XDP
#define CALL_SECTION "xdp"
#else
#define CALL_SECTION "tc"
#endif

/* Comes back only if the slot is empty: the reason to drop. */
#define CALL(ctx, pkt, n)                                                                          \
	(bpf_tail_call_static(ctx, &cilium_calls, n), DROP(pkt, DROP_MISSED_TAIL_CALL))

#endif
