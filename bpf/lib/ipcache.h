/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From address to identity: the longest prefix that the agent has written. */
#ifndef VERDICT_LIB_IPCACHE_H
#define VERDICT_LIB_IPCACHE_H

#include <lib/ctx.h>
#include <lib/identity.h>

enum endpoint_family {
	FAMILY_IPV4 = 1,
	FAMILY_IPV6 = 2,
};

struct ipcache_key {
	struct bpf_lpm_trie_key lpm_key;
	__u16 cluster_id;
	__u8 pad1;
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

struct remote_endpoint_info {
	__u32 sec_identity;
	union {
		struct {
			__u32 ip4;
			__u32 pad1;
			__u32 pad2;
			__u32 pad3;
		};
		union v6addr ip6;
	} tunnel_endpoint __attribute__((packed));
	__u16 pad;
	__u8 key;
	__u8 flag_skip_tunnel : 1;
	__u8 flag_has_tunnel_ep : 1;
	__u8 flag_ipv6_tunnel_ep : 1;
	__u8 flag_remote_cluster : 1;
	__u8 pad2 : 4;
};

#define IPCACHE_STATIC_BITS 32 /* cluster, padding, family: always matched */
#define IPCACHE_IPV4_BITS   (IPCACHE_STATIC_BITS + 32)
#define IPCACHE_IPV6_BITS   (IPCACHE_STATIC_BITS + 128)

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__type(key, struct ipcache_key);
	__type(value, struct remote_endpoint_info);
	__uint(max_entries, 512000);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_RDONLY_PROG);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} cilium_ipcache_v2 SEC(".maps");

/* NULL: nothing is known of the address. */
__subprogram const struct remote_endpoint_info *ipcache_lookup(const union addr *addr, bool ipv6)
{
	struct ipcache_key key = {
		.lpm_key.prefixlen = ipv6 ? IPCACHE_IPV6_BITS : IPCACHE_IPV4_BITS,
		.family = ipv6 ? FAMILY_IPV6 : FAMILY_IPV4,
		.ip6 = addr->ip6,
	};

	return bpf_map_lookup_elem(&cilium_ipcache_v2, &key);
}

static __always_inline __u32 ipcache_identity(const union addr *addr, bool ipv6)
{
	const struct remote_endpoint_info *info = ipcache_lookup(addr, ipv6);

	return info && info->sec_identity ? info->sec_identity : IDENTITY_WORLD;
}

/* Who has sent the packet. XDP looks only when it is asked: most of its packets need no answer. */
static __always_inline __u32 source_identity(const struct packet *pkt)
{
	if (!(CTX_IS_XDP || pkt->unidentified) || pkt->src_identity)
		return pkt->src_identity;
	return ipcache_identity(pkt->rewritten ? &pkt->was.saddr : &pkt->saddr, pkt->is_ipv6);
}

/* For whom it was when it came. XDP does not say. */
static __always_inline __u32 destination_identity(const struct packet *pkt)
{
	if (CTX_IS_XDP || !pkt->unidentified)
		return pkt->dst_identity;
	return ipcache_identity(pkt->rewritten ? &pkt->was.daddr : &pkt->daddr, pkt->is_ipv6);
}

#endif
