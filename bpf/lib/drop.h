/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The end of a packet: one event, one count, CTX_DROP. */
#ifndef VERDICT_LIB_DROP_H
#define VERDICT_LIB_DROP_H

#include <lib/ipcache.h>
#include <lib/metrics.h>
#include <lib/notify.h>
#include <lib/reasons.h>

struct drop_notify {
	struct notify_header hdr;
	__u32 src_label;
	__u32 dst_label;
	__u32 dst_id; /* endpoint; 0 for none */
	__u16 line;
	__u8 file;
	__s8 ext_error;
	__u32 ifindex;
	__u8 flags;
	__u8 pad[3];
	__u64 ip_trace_id;
};

_Static_assert(sizeof(struct drop_notify) == 48, "readers rely on the layout");

static __always_inline void drop_tell(ctx_t *ctx, const struct packet *pkt, int reason)
{
	struct drop_notify msg = {
		.hdr = notify_header(ctx, NOTIFY_DROP, -reason, NOTIFY_DROP_VERSION),
		.src_label = source_identity(pkt),
		.dst_label = destination_identity(pkt),
		.dst_id = pkt->dst_endpoint,
		.line = pkt->drop_line,
		.file = pkt->drop_file,
		.ifindex = ctx_ifindex(ctx),
		.flags = notify_flags(pkt),
	};
	notify_send(ctx, NOTIFY_DROP, msg.hdr.len_cap, &msg, sizeof(msg));
}

/* reason is negative, as functions return it. */
__subprogram int drop_packet(ctx_t *ctx, const struct packet *pkt, int reason, enum direction dir)
{
	if (notify_wanted(NOTIFY_DROP))
		drop_tell(ctx, pkt, reason);
	metrics_add(-reason, dir, pkt->drop_file, pkt->drop_line, ctx_len(ctx));
	return CTX_DROP;
}

#endif
