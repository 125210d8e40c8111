/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Mutual authentication: has the agent vouched for this pair of identities, on this node, until now? If not,
 * it is asked to, and the packet dropped: the next ones will pass.
 */
#ifndef VERDICT_LIB_AUTH_H
#define VERDICT_LIB_AUTH_H

#include <lib/ipcache.h>
#include <lib/reasons.h>
#include <lib/signals.h>

struct auth_key {
	__u32 local_sec_label;
	__u32 remote_sec_label;
	__u16 remote_node_id; /* 0: this node */
	__u8 auth_type;
	__u8 pad;
};

struct auth_info {
	__u64 expiration; /* Unix time in units of 512 ns */
};

struct node_key {
	__u16 pad1;
	__u8 pad2;
	__u8 family;
	union {
		struct {
			__u32 ip4; /* network order */
			__u32 pad4;
			__u32 pad5;
			__u32 pad6;
		};
		union v6addr ip6;
	};
} __attribute__((packed));

struct node_value {
	__u16 id;
	__u8 spi;
	__u8 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct auth_key);
	__type(value, struct auth_info);
	__uint(max_entries, 512000);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} cilium_auth_map SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct node_key);
	__type(value, struct node_value);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} cilium_node_map_v2 SEC(".maps");

/* Numbers that the agent renews while programs run. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, 256);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} cilium_runtime_config SEC(".maps");

enum runtime_config {
	RUNTIME_UNIX_OFFSET = 0, /* Unix time less monotonic time, in units of 512 ns */
};

struct auth_signal {
	__u32 number;
	struct auth_key key;
};

static __always_inline __u64 unix_time_512ns(void)
{
	__u32 index = RUNTIME_UNIX_OFFSET;
	const __u64 *offset = bpf_map_lookup_elem(&cilium_runtime_config, &index);

	return (bpf_ktime_get_ns() >> 9) + (offset ? *offset : 0);
}

/* The node behind a tunnel endpoint; 0 is not a node's id. */
static __always_inline __u16 node_id_of(const struct remote_endpoint_info *info)
{
	struct node_key key = {
		.family = info->flag_ipv6_tunnel_ep ? FAMILY_IPV6 : FAMILY_IPV4,
		.ip6 = info->tunnel_endpoint.ip6,
	};
	const struct node_value *node = bpf_map_lookup_elem(&cilium_node_map_v2, &key);

	return node ? node->id : 0;
}

/* remote: the peer's address. 0, or the reason to drop. */
static __always_inline int auth_lookup(ctx_t *ctx, const union addr *remote, bool ipv6,
				       __u32 local_identity, __u32 remote_identity, __u8 type)
{
	const struct remote_endpoint_info *info = ipcache_lookup(remote, ipv6);
	struct auth_signal ask = {
		.number = SIGNAL_AUTH_REQUIRED,
		.key = {
			.local_sec_label = local_identity,
			.remote_sec_label = remote_identity,
			.auth_type = type,
		},
	};
	const struct auth_info *auth;

	if (info && info->flag_has_tunnel_ep) {
		ask.key.remote_node_id = node_id_of(info);
		if (!ask.key.remote_node_id)
			return DROP_NO_NODE_ID;
	}
	auth = bpf_map_lookup_elem(&cilium_auth_map, &ask.key);
	if (auth && unix_time_512ns() < auth->expiration)
		return 0;
	bpf_perf_event_output(ctx, &cilium_signals, BPF_F_CURRENT_CPU, &ask, sizeof(ask));
	return DROP_POLICY_AUTH_REQUIRED;
}

#endif
