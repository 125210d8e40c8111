/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Trace events: a packet passed this point, as this flow, between these identities. */
#ifndef VERDICT_LIB_TRACE_H
#define VERDICT_LIB_TRACE_H

#include <lib/conntrack.h>
#include <lib/notify.h>

enum trace_point {
	TRACE_TO_LXC = 0,
	TRACE_TO_PROXY = 1,
	TRACE_TO_HOST = 2,
	TRACE_TO_STACK = 3,
	TRACE_TO_OVERLAY = 4,
	TRACE_FROM_LXC = 5,
	TRACE_FROM_PROXY = 6,
	TRACE_FROM_HOST = 7,
	TRACE_FROM_STACK = 8,
	TRACE_FROM_OVERLAY = 9,
	TRACE_FROM_NETWORK = 10,
	TRACE_TO_NETWORK = 11,
};

#define TRACE_REASON_UNKNOWN 5 /* else an enum ct_status */

struct trace_notify {
	struct notify_header hdr;
	__u32 src_label;
	__u32 dst_label;
	__u16 dst_id;
	__u8 reason;
	__u8 flags;
	__u32 ifindex;
	union {
		__be32 orig_ip4; /* the source before translation */
		union v6addr orig_ip6;
	};
	__u64 ip_trace_id;
};

_Static_assert(sizeof(struct trace_notify) == 56, "readers rely on the layout");

/* report: this packet is news about its connection. */
static __always_inline bool trace_wanted(enum trace_point point, bool report)
{
	if (!CONFIG(trace_events))
		return false;
	if (CONFIG(monitor_aggregation) >= AGGREGATE_RX && point >= TRACE_FROM_LXC &&
	    point <= TRACE_FROM_NETWORK)
		return false;
	return CONFIG(monitor_aggregation) < AGGREGATE_ACTIVE_CT || report;
}

/* Who gets the packet: an endpoint; of what goes to a proxy, its port. */
static __always_inline __u16 trace_dst_id(const struct packet *pkt, enum trace_point point)
{
	switch (point) {
	case TRACE_TO_HOST:
		return CONFIG(host_ep_id);
	case TRACE_TO_PROXY:
		return bpf_ntohs(pkt->proxy_port);
	default:
		return pkt->dst_endpoint;
	}
}

__subprogram int trace_packet(ctx_t *ctx, const struct packet *pkt, enum trace_point point,
			      __u8 reason)
{
	struct trace_notify msg;

	if (!notify_wanted(NOTIFY_TRACE))
		return 0;
	msg = (struct trace_notify){
		.hdr = notify_header(ctx, NOTIFY_TRACE, point, NOTIFY_TRACE_VERSION),
		.src_label = pkt->src_identity,
		.dst_label = pkt->dst_identity,
		.dst_id = trace_dst_id(pkt, point),
		.reason = reason,
		.flags = notify_flags(pkt),
		.ifindex = point == TRACE_TO_LXC ? CONFIG(interface_ifindex) : ctx_ifindex(ctx),
		.orig_ip6 = pkt->orig_saddr.ip6,
	};
	notify_send(ctx, NOTIFY_TRACE, msg.hdr.len_cap, &msg, sizeof(msg));
	return 0;
}

#endif
