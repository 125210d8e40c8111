/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sources whose packets are dropped before all else: networks by longest prefix, and single addresses. */
#ifndef VERDICT_LIB_PREFILTER_H
#define VERDICT_LIB_PREFILTER_H

#include <lib/config.h>
#include <lib/lpm.h>
#include <lib/reasons.h>

DECLARE_CONFIG(bool, enable_prefilter, false, "Drop what comes from the networks of cilium_cidr_*");

#define CIDR_MAP(name, map_type, key_type)                                                         \
	struct {                                                                                   \
		__uint(type, map_type);                                                            \
		__type(key, struct key_type);                                                      \
		__type(value, struct lpm_val);                                                     \
		__uint(max_entries, 1024);                                                         \
		__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_RDONLY_PROG);                          \
		__uint(pinning, LIBBPF_PIN_BY_NAME);                                               \
	} name SEC(".maps")

CIDR_MAP(cilium_cidr_v4_dyn, BPF_MAP_TYPE_LPM_TRIE, lpm_v4_key);
CIDR_MAP(cilium_cidr_v4_fix, BPF_MAP_TYPE_HASH, lpm_v4_key);
CIDR_MAP(cilium_cidr_v6_dyn, BPF_MAP_TYPE_LPM_TRIE, lpm_v6_key);
CIDR_MAP(cilium_cidr_v6_fix, BPF_MAP_TYPE_HASH, lpm_v6_key);

static __always_inline bool prefilter_has4(const struct packet *pkt)
{
	struct lpm_v4_key key = { .lpm.prefixlen = 32 };

	__builtin_memcpy(key.addr, &pkt->saddr.ip4, sizeof(key.addr));
	return bpf_map_lookup_elem(&cilium_cidr_v4_dyn, &key) ||
	       bpf_map_lookup_elem(&cilium_cidr_v4_fix, &key);
}

static __always_inline bool prefilter_has6(const struct packet *pkt)
{
	struct lpm_v6_key key = { .lpm.prefixlen = 128 };

	__builtin_memcpy(key.addr, &pkt->saddr.ip6, sizeof(key.addr));
	return bpf_map_lookup_elem(&cilium_cidr_v6_dyn, &key) ||
	       bpf_map_lookup_elem(&cilium_cidr_v6_fix, &key);
}

/* 0, or the reason to drop. */
static __always_inline int prefilter(struct packet *pkt)
{
	if (!CONFIG(enable_prefilter))
		return 0;
	if (pkt->is_ipv6 ? prefilter_has6(pkt) : prefilter_has4(pkt))
		return DROP(pkt, DROP_POLICY_DENY);
	return 0;
}

#endif
