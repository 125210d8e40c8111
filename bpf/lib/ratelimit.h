/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Token buckets: so much a second and no more, and a count of what was held back.
 *
 * CPUs share a bucket and do not wait for each other: at worst a few more pass than were asked for.
 */
#ifndef VERDICT_LIB_RATELIMIT_H
#define VERDICT_LIB_RATELIMIT_H

#include <lib/common.h>

/* Numbers that Cilium has given to what is limited, then ours. */
enum rate_usage {
	RATE_EVENTS = 2, /* of all types: what was over its limit */
	RATE_EVENTS_RING = 256, /* more the event's type: the ring was full */
};

struct ratelimit_key {
	__u32 usage;
	union {
		__u32 event_type;
	} key;
};

struct ratelimit_value {
	__u64 last_topup; /* nanoseconds; up to here tokens were given out */
	__u64 tokens;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct ratelimit_key);
	__type(value, struct ratelimit_value);
	__uint(max_entries, 1024);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} cilium_ratelimit SEC(".maps");

struct ratelimit_metrics_key {
	__u32 usage;
};

struct ratelimit_metrics_value {
	__u64 dropped;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct ratelimit_metrics_key);
	__type(value, struct ratelimit_metrics_value);
	__uint(max_entries, 64);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} cilium_ratelimit_metrics SEC(".maps");

/* One more was held back. */
static __always_inline void ratelimit_count(__u32 usage)
{
	struct ratelimit_metrics_key key = { .usage = usage };
	struct ratelimit_metrics_value none = {}, *value;

	value = bpf_map_lookup_elem(&cilium_ratelimit_metrics, &key);
	if (!value) { /* another CPU may be first: both count */
		bpf_map_update_elem(&cilium_ratelimit_metrics, &key, &none, BPF_NOEXIST);
		value = bpf_map_lookup_elem(&cilium_ratelimit_metrics, &key);
	}
	if (value)
		__sync_fetch_and_add(&value->dropped, 1);
}

static __always_inline void ratelimit_topup(struct ratelimit_value *bucket, __u32 a_second,
					    __u32 burst)
{
	__u64 interval = NSEC_PER_SEC / a_second, passed = bpf_ktime_get_ns() - bucket->last_topup;
	__u64 tokens = passed / interval;

	if (!tokens)
		return;
	bucket->last_topup += tokens * interval; /* the rest counts next time */
	tokens += bucket->tokens;
	bucket->tokens = tokens < burst ? tokens : burst;
}

/* Takes a token: false, and counted, if there is none. a_second: up to NSEC_PER_SEC; burst: at least 1,
 * what a bucket holds, and begins with.
 */
static __always_inline bool ratelimit_take(const struct ratelimit_key *key, __u32 a_second,
					   __u32 burst)
{
	struct ratelimit_value first, *bucket = bpf_map_lookup_elem(&cilium_ratelimit, key);

	if (!bucket) {
		first = (struct ratelimit_value){ .last_topup = bpf_ktime_get_ns(),
						  .tokens = burst - 1 };
		bpf_map_update_elem(&cilium_ratelimit, key, &first, BPF_ANY);
		return true;
	}
	ratelimit_topup(bucket, a_second, burst);
	if (!bucket->tokens) {
		ratelimit_count(key->usage);
		return false;
	}
	bucket->tokens--;
	return true;
}

#endif
