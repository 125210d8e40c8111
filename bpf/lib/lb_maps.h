/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Services, their backends, and what is remembered of their clients: the maps, as agents write them. */
#ifndef VERDICT_LIB_LB_MAPS_H
#define VERDICT_LIB_LB_MAPS_H

#include <lib/common.h>
#include <lib/reverse_nat.h>

enum lb_flags {
	LB_F_EXTERNAL_IP = 1,
	LB_F_NODE_PORT = 2,
	LB_F_EXTERNAL_LOCAL = 4, /* externalTrafficPolicy: Local */
	LB_F_HOST_PORT = 8,
	LB_F_AFFINITY = 16,
	LB_F_LOAD_BALANCER = 32,
	LB_F_ROUTABLE = 64, /* from outside as well */
	LB_F_SOURCE_RANGE = 128,
};

enum lb_flags2 {
	LB_F2_LOCAL_REDIRECT = 1,
	LB_F2_NAT46X64 = 2,
	LB_F2_L7 = 4,
	LB_F2_LOOPBACK =
		8, /* of a hostPort on a loopback address; with L7: delegated to the proxy */
	LB_F2_INTERNAL_LOCAL = 16, /* internalTrafficPolicy: Local */
	LB_F2_TWO_SCOPES = 32,
	LB_F2_SOURCE_RANGE_DENY = 64,
	LB_F2_DSR = 128,
};

enum lb_backend_state {
	LB_ACTIVE = 0,
	LB_TERMINATING = 1,
	LB_QUARANTINED = 2,
	LB_MAINTENANCE = 3,
};

struct lb4_key {
	__be32 address;
	__be16 dport;
	__u16 backend_slot; /* 0: the service itself */
	__u8 proto;
	__u8 scope;
	__u8 pad[2];
};

struct lb6_key {
	union v6addr address;
	__be16 dport;
	__u16 backend_slot;
	__u8 proto;
	__u8 scope;
	__u8 pad[2];
};

/* Slot 0: low 24 bits of the union are the affinity timeout, high 8 the algorithm. */
struct lb4_service {
	union {
		__u32 backend_id;
		__u32 affinity_timeout;
		__u32 l7_lb_proxy_port;
	};
	__u16 count;
	__u16 rev_nat_index;
	__u8 flags;
	__u8 flags2;
	__u16 qcount; /* quarantined backends, in the slots behind count */
};

struct lb6_service {
	union {
		__u32 backend_id;
		__u32 affinity_timeout;
		__u32 l7_lb_proxy_port;
	};
	__u16 count;
	__u16 rev_nat_index;
	__u8 flags;
	__u8 flags2;
	__u16 qcount;
};

#define LB_AFFINITY_BITS 24

struct lb4_backend {
	__be32 address;
	__be16 port;
	__u8 proto;
	__u8 flags; /* enum lb_backend_state */
	__u16 cluster_id;
	__u8 zone;
	__u8 pad;
};

struct lb6_backend {
	union v6addr address;
	__be16 port;
	__u8 proto;
	__u8 flags;
	__u16 cluster_id;
	__u8 zone;
	__u8 pad;
};

union lb4_affinity_client_id {
	__u32 client_ip;
	__u64 client_cookie;
} __attribute__((packed));

union lb6_affinity_client_id {
	union v6addr client_ip;
	__u64 client_cookie;
} __attribute__((packed));

struct lb4_affinity_key {
	union lb4_affinity_client_id client_id;
	__u16 rev_nat_id;
	__u8 netns_cookie : 1;
	__u8 reserved : 7;
	__u8 pad1;
	__u32 pad2;
} __attribute__((packed));

struct lb6_affinity_key {
	union lb6_affinity_client_id client_id;
	__u16 rev_nat_id;
	__u8 netns_cookie : 1;
	__u8 reserved : 7;
	__u8 pad1;
	__u32 pad2;
} __attribute__((packed));

struct lb_affinity_val {
	__u64 last_used; /* monotonic seconds */
	__u32 backend_id;
	__u32 pad;
} __attribute__((packed));

/* Present: that backend is still one of that service. */
struct lb_affinity_match {
	__u32 backend_id;
	__u16 rev_nat_id;
	__u16 pad;
} __attribute__((packed));

struct lb4_src_range_key {
	struct bpf_lpm_trie_key lpm_key;
	__u16 rev_nat_id;
	__u16 pad;
	__u32 addr; /* network order */
};

struct lb6_src_range_key {
	struct bpf_lpm_trie_key lpm_key;
	__u16 rev_nat_id;
	__u16 pad;
	union v6addr addr;
};

#define LB_MAP(name, map_type, key_type, value_type, entries, flags)                               \
	struct {                                                                                   \
		__uint(type, map_type);                                                            \
		__type(key, key_type);                                                             \
		__type(value, value_type);                                                         \
		__uint(max_entries, entries);                                                      \
		__uint(map_flags, flags);                                                          \
		__uint(pinning, LIBBPF_PIN_BY_NAME);                                               \
	} name SEC(".maps")

#define LB_HASH(name, key_type, value_type)                                                        \
	LB_MAP(name, BPF_MAP_TYPE_HASH, key_type, value_type, 65536, BPF_F_NO_PREALLOC)
#define LB_LRU(name, key_type, value_type)                                                         \
	LB_MAP(name, BPF_MAP_TYPE_LRU_HASH, key_type, value_type, 65536, 0)

LB_HASH(cilium_lb4_services_v2, struct lb4_key, struct lb4_service);
LB_HASH(cilium_lb6_services_v2, struct lb6_key, struct lb6_service);
LB_HASH(cilium_lb4_backends_v3, __u32, struct lb4_backend);
LB_HASH(cilium_lb6_backends_v3, __u32, struct lb6_backend);
LB_HASH(cilium_lb4_reverse_nat, __u16, struct lb4_reverse_nat);
LB_HASH(cilium_lb6_reverse_nat, __u16, struct lb6_reverse_nat);
LB_HASH(cilium_lb_affinity_match, struct lb_affinity_match, __u8);
LB_LRU(cilium_lb4_affinity, struct lb4_affinity_key, struct lb_affinity_val);
LB_LRU(cilium_lb6_affinity, struct lb6_affinity_key, struct lb_affinity_val);
LB_MAP(cilium_lb4_source_range, BPF_MAP_TYPE_LPM_TRIE, struct lb4_src_range_key, __u8, 1000,
       BPF_F_NO_PREALLOC);
LB_MAP(cilium_lb6_source_range, BPF_MAP_TYPE_LPM_TRIE, struct lb6_src_range_key, __u8, 1000,
       BPF_F_NO_PREALLOC);

/* A prime, and an agent's default. Of another size are the inner maps of agents that are told so; who
 * loads the programs for them gives the inner map's definition that size.
 */
#define LB_MAGLEV_SIZE 16381

/* By rev_nat_index, a table of backend ids. */
#define LB_MAGLEV(name)                                                                            \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);                                           \
		__type(key, __u16);                                                                \
		__type(value, __u32);                                                              \
		__uint(max_entries, 65536);                                                        \
		__uint(map_flags, BPF_F_NO_PREALLOC);                                              \
		__uint(pinning, LIBBPF_PIN_BY_NAME);                                               \
		__array(                                                                           \
			values, struct {                                                           \
				__uint(type, BPF_MAP_TYPE_ARRAY);                                  \
				__uint(key_size, sizeof(__u32));                                   \
				__uint(value_size, sizeof(__u32) * LB_MAGLEV_SIZE);                \
				__uint(max_entries, 1);                                            \
			});                                                                        \
	} name SEC(".maps")

LB_MAGLEV(cilium_lb4_maglev);
LB_MAGLEV(cilium_lb6_maglev);

#endif
