/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Events to user space: the perf ring and the header that all of them share. */
#ifndef VERDICT_LIB_NOTIFY_H
#define VERDICT_LIB_NOTIFY_H

#include <lib/config.h>
#include <lib/ctx.h>

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} cilium_events SEC(".maps");

enum notify_type {
	NOTIFY_DROP = 1,
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

static __always_inline struct notify_header notify_header(ctx_t *ctx, enum notify_type type,
							  __u8 subtype, enum notify_version version)
{
	__u32 captured = CONFIG(trace_payload_len);

	if (captured > ctx_len(ctx))
		captured = ctx_len(ctx);
	return (struct notify_header){
		.type = type,
		.subtype = subtype,
		.source = CONFIG(endpoint_id) ? CONFIG(endpoint_id) : CONFIG(host_ep_id),
		.hash = ctx_hash(ctx),
		.len_orig = ctx_len(ctx),
		.len_cap = captured,
		.version = version,
	};
}

/* The packet's first len_cap bytes follow the message. */
static __always_inline void notify_send(ctx_t *ctx, const struct notify_header *hdr, void *message,
					__u32 size)
{
	bpf_perf_event_output(ctx, &cilium_events, BPF_F_CURRENT_CPU | (__u64)hdr->len_cap << 32,
			      message, size);
}

static __always_inline __u8 notify_flags(const struct packet *pkt)
{
	return pkt->is_ipv6 ? NOTIFY_FLAG_IPV6 : 0;
}

#endif
