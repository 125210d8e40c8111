/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The endpoints of this node by address: its pods, and the addresses of the host itself. */
#ifndef VERDICT_LIB_ENDPOINT_H
#define VERDICT_LIB_ENDPOINT_H

#include <lib/common.h>
#include <lib/ipcache.h>

typedef __u64 mac_t; /* six bytes in the order of the wire, then two of padding */

enum endpoint_flags {
	ENDPOINT_F_HOST = 1, /* an address of the node */
	ENDPOINT_F_ATHOSTNS = 2, /* lives in the host's network namespace */
};

struct endpoint_key {
	union {
		struct {
			__u32 ip4; /* network order */
			__u32 pad1;
			__u32 pad2;
			__u32 pad3;
		};
		union v6addr ip6;
	};
	__u8 family; /* enum endpoint_family */
	__u8 key;
	__u16 cluster_id;
} __attribute__((packed));

struct endpoint_info {
	__u32 ifindex; /* the pod's end on the host */
	__u16 unused;
	__u16 lxc_id;
	__u32 flags;
	mac_t mac; /* the pod's */
	mac_t node_mac; /* of ifindex */
	__u32 sec_id;
	__u32 parent_ifindex;
	__u32 pad[2];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct endpoint_key);
	__type(value, struct endpoint_info);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} cilium_lxc SEC(".maps");

/* NULL: no address of this node. */
static __always_inline const struct endpoint_info *endpoint_lookup(const union addr *addr,
								   bool ipv6)
{
	union {
		struct endpoint_key key;
		struct {
			union v6addr ip6;
			__u32 family; /* see two_halves() */
		};
	} key = {
		.ip6 = addr->ip6,
		.family = two_halves(two_bytes(ipv6 ? FAMILY_IPV6 : FAMILY_IPV4, 0), 0),
	};

	return bpf_map_lookup_elem(&cilium_lxc, &key.key);
}

/* What is sent to it goes to the host's stack. */
static __always_inline bool endpoint_is_host(const struct endpoint_info *ep)
{
	return ep->flags & (ENDPOINT_F_HOST | ENDPOINT_F_ATHOSTNS);
}

#endif
