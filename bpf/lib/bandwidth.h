/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Bandwidth of pods. What leaves the node gets the time at which it may: fq, where it is the device's
 * qdisc, holds the packet back until then. What comes in for a pod is let through as long as its bucket
 * has tokens: nothing on this side can hold it back.
 *
 * The pod's program marks what it sends by the endpoint's id in skb->queue_mapping, which lives until the
 * device chooses a queue.
 */
#ifndef VERDICT_LIB_BANDWIDTH_H
#define VERDICT_LIB_BANDWIDTH_H

#include <linux/if_ether.h>

#include <lib/config.h>
#include <lib/reasons.h>

DECLARE_CONFIG(bool, enable_bandwidth_manager, false, "Limit the bandwidth of pods");

#ifndef CTX_XDP

#define BUCKET_BPS_MAX (1ULL << 34) /* times the nanoseconds of a second fits in 64 bits */

struct edt_id {
	__u32 id; /* of the endpoint */
	__u8 direction; /* enum direction */
	__u8 pad[3];
};

struct edt_info {
	__u64 bps; /* bytes per second; 0: no limit */
	__u64 t_last; /* monotonic ns: latest departure; last packet */
	union {
		__u64 t_horizon_drop; /* ns that a departure may lie ahead */
		__u64 tokens; /* bytes that may come in now */
	};
	__u32 prio; /* of skb, plus one; 0: as it is */
	__u32 pad_32;
	__u64 pad[3];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct edt_id);
	__type(value, struct edt_info);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} cilium_throttle SEC(".maps");

/* In the pod's program: who has sent the packet. */
static __always_inline void bandwidth_mark(ctx_t *ctx, __u16 endpoint_id)
{
	if (CONFIG(enable_bandwidth_manager))
		ctx->queue_mapping = endpoint_id;
}

static __always_inline struct edt_info *bandwidth_find(__u32 id, enum direction dir)
{
	struct edt_id key = { .id = id, .direction = dir };

	return id ? bpf_map_lookup_elem(&cilium_throttle, &key) : NULL;
}

/* 0, or the reason to drop. Packets sent at once by several CPUs may take the same departure: the limit
 * is one on average.
 */
static __always_inline int bandwidth_schedule(ctx_t *ctx, struct packet *pkt, struct edt_info *info)
{
	__u64 now = bpf_ktime_get_ns(), wanted = ctx->tstamp, next;

	if (wanted < now)
		wanted = now;
	next = info->t_last + (__u64)ctx->wire_len * NSEC_PER_SEC / info->bps;
	if (next <= wanted) {
		info->t_last = wanted;
		return 0;
	}
	if (next - now >= info->t_horizon_drop)
		return DROP(pkt, DROP_EDT_HORIZON);
	info->t_last = next;
	ctx->tstamp = next;
	return 0;
}

/* At tc egress of a device that leads off the node. 0, or the reason to drop. */
static __always_inline int bandwidth_egress(ctx_t *ctx, struct packet *pkt)
{
	struct edt_info *info;
	__u32 id;
	int ret = 0;

	if (!CONFIG(enable_bandwidth_manager) ||
	    (pkt->ethertype != ETH_P_IP && pkt->ethertype != ETH_P_IPV6))
		return 0;
	id = ctx->queue_mapping;
	ctx->queue_mapping = 0; /* the device's queue is chosen by the flow, not by the pod */
	info = bandwidth_find(id, DIR_EGRESS);
	if (!info)
		return 0;
	if (info->bps)
		ret = bandwidth_schedule(ctx, pkt, info);
	if (!ret && info->prio)
		ctx->priority = info->prio - 1;
	return ret;
}

/* What a second brings is the most a bucket holds. The time of what is less than a byte stays in the
 * account: else a bucket asked often enough would never fill.
 */
static __always_inline __u64 bandwidth_refill(struct edt_info *info, __u64 now)
{
	__u64 bps = info->bps < BUCKET_BPS_MAX ? info->bps : BUCKET_BPS_MAX;
	__u64 since = now - info->t_last, tokens = bps;

	info->t_last = now;
	if (since < NSEC_PER_SEC) {
		tokens = info->tokens + since * bps / NSEC_PER_SEC;
		info->t_last -= since * bps % NSEC_PER_SEC / bps;
	}
	return tokens < bps ? tokens : bps;
}

/* What comes from other nodes for a pod of this one. 0, or the reason to drop. */
static __always_inline int bandwidth_ingress(ctx_t *ctx, struct packet *pkt, __u16 endpoint_id)
{
	struct edt_info *info;
	__u64 tokens;

	if (!CONFIG(enable_bandwidth_manager))
		return 0;
	info = bandwidth_find(endpoint_id, DIR_INGRESS);
	if (!info || !info->bps)
		return 0;
	tokens = bandwidth_refill(info, bpf_ktime_get_ns());
	if (tokens < ctx->wire_len) {
		info->tokens = tokens;
		return DROP(pkt, DROP_RATE_LIMITED);
	}
	info->tokens = tokens - ctx->wire_len;
	return 0;
}

#endif

#endif
