/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counters a CPU: packets and bytes by reason, direction and source line. */
#ifndef VERDICT_LIB_METRICS_H
#define VERDICT_LIB_METRICS_H

#include <lib/common.h>

#define REASON_FORWARDED 0

enum metrics_dir {
	METRIC_INGRESS = 1,
	METRIC_EGRESS = 2,
	METRIC_SERVICE = 3,
};

struct metrics_key {
	__u8 reason;
	__u8 dir : 2;
	__u8 pad : 6;
	__u16 line;
	__u8 file;
	__u8 reserved[3];
};

struct metrics_value {
	__u64 count;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__type(key, struct metrics_key);
	__type(value, struct metrics_value);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} cilium_metrics SEC(".maps");

static __always_inline enum metrics_dir metrics_dir_of(enum direction dir)
{
	return dir == DIR_INGRESS ? METRIC_INGRESS : METRIC_EGRESS;
}

static __always_inline void metrics_add_all(__u8 reason, enum direction dir, __u8 file, __u16 line,
					    const struct metrics_value *more)
{
	struct metrics_key key = {
		.reason = reason,
		.dir = metrics_dir_of(dir),
		.line = line,
		.file = file,
	};
	struct metrics_value *value = bpf_map_lookup_elem(&cilium_metrics, &key);

	if (value) {
		value->count += more->count;
		value->bytes += more->bytes;
	} else {
		bpf_map_update_elem(&cilium_metrics, &key, more, BPF_NOEXIST);
	}
}

static __always_inline void metrics_add(__u8 reason, enum direction dir, __u8 file, __u16 line,
					__u32 bytes)
{
	struct metrics_value one = { .count = 1, .bytes = bytes };

	metrics_add_all(reason, dir, file, line, &one);
}

#endif
