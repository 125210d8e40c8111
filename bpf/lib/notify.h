/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Events to user space: the perf ring, the header that all of them share, which of them are wanted, and how
 * many a second. What the limit or a full ring swallows is counted in cilium_ratelimit_metrics.
 */
#ifndef VERDICT_LIB_NOTIFY_H
#define VERDICT_LIB_NOTIFY_H

#include <lib/config.h>
#include <lib/ctx.h>
#include <lib/ratelimit.h>

#include <linux/errno.h>

DECLARE_CONFIG(bool, drop_events, true, "Tell of drops");
DECLARE_CONFIG(bool, trace_events, true, "Tell of packets passing by");
DECLARE_CONFIG(bool, policy_verdict_events, true, "Tell what policy said");
/* A burst of 0 is what the limit lets pass in a second. */
DECLARE_CONFIG(__u32, drop_events_limit, 0, "Drop events a second; 0: no limit");
DECLARE_CONFIG(__u32, drop_events_burst, 0, "Drop events at once");
DECLARE_CONFIG(__u32, trace_events_limit, 0, "Trace events a second; 0: no limit");
DECLARE_CONFIG(__u32, trace_events_burst, 0, "Trace events at once");
DECLARE_CONFIG(__u32, policy_verdict_events_limit, 0, "Policy verdicts a second; 0: no limit");
DECLARE_CONFIG(__u32, policy_verdict_events_burst, 0, "Policy verdicts at once");
DECLARE_CONFIG(__u32, debug_events_limit, 0, "Debug messages a second; 0: no limit");
DECLARE_CONFIG(__u32, debug_events_burst, 0, "Debug messages at once");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} cilium_events SEC(".maps");

enum notify_type {
	NOTIFY_DROP = 1,
	NOTIFY_DEBUG = 2,
	NOTIFY_TRACE = 4,
	NOTIFY_POLICY_VERDICT = 5,
};

enum notify_version {
	NOTIFY_DROP_VERSION = 3,
	NOTIFY_TRACE_VERSION = 2,
	NOTIFY_POLICY_VERDICT_VERSION = 0,
};

#define NOTIFY_FLAG_IPV6 1

struct notify_header {
	__u8 type;
	__u8 subtype;
	__u16 source;
	__u32 hash;
	__u32 len_orig;
	__u16 len_cap;
	__u8 version;
	__u8 ext_version;
};

static __always_inline __u16 notify_source(void)
{
	return CONFIG(endpoint_id) ? CONFIG(endpoint_id) : CONFIG(host_ep_id);
}

static __always_inline struct notify_header notify_header(ctx_t *ctx, enum notify_type type,
							  __u8 subtype, enum notify_version version)
{
	__u32 captured = CONFIG(trace_payload_len);

	if (captured > ctx_len(ctx))
		captured = ctx_len(ctx);
	return (struct notify_header){
		.type = type,
		.subtype = subtype,
		.source = notify_source(),
		.hash = ctx_hash(ctx),
		.len_orig = ctx_len(ctx),
		.len_cap = captured,
		.version = version,
	};
}

static __always_inline bool notify_within(__u32 type, __u32 limit, __u32 burst)
{
	struct ratelimit_key key = { .usage = RATE_EVENTS, .key = { .event_type = type } };

	return !limit || limit > NSEC_PER_SEC || ratelimit_take(&key, limit, burst ?: limit);
}

/* Asked once an event that is to be sent: it takes a token. */
static __always_inline bool notify_wanted(enum notify_type type)
{
	switch (type) {
	case NOTIFY_DROP:
		return CONFIG(drop_events) &&
		       notify_within(type, CONFIG(drop_events_limit), CONFIG(drop_events_burst));
	case NOTIFY_DEBUG:
		return notify_within(type, CONFIG(debug_events_limit), CONFIG(debug_events_burst));
	case NOTIFY_TRACE:
		return CONFIG(trace_events) &&
		       notify_within(type, CONFIG(trace_events_limit), CONFIG(trace_events_burst));
	case NOTIFY_POLICY_VERDICT:
		return CONFIG(policy_verdict_events) &&
		       notify_within(type, CONFIG(policy_verdict_events_limit),
				     CONFIG(policy_verdict_events_burst));
	}
	return true;
}

/* The packet's first `captured` bytes follow the message. Without a reader there is no loss. */
static __always_inline void notify_send(ctx_t *ctx, enum notify_type type, __u32 captured,
					void *message, __u32 size)
{
	long ret = bpf_perf_event_output(ctx, &cilium_events,
					 BPF_F_CURRENT_CPU | (__u64)captured << 32, message, size);

	if (ret == -ENOSPC)
		ratelimit_count(RATE_EVENTS_RING + type);
}

static __always_inline __u8 notify_flags(const struct packet *pkt)
{
	return pkt->is_ipv6 ? NOTIFY_FLAG_IPV6 : 0;
}

#endif
