/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sources whose packets are dropped before all else: networks by longest prefix, and single addresses. In a flood
 * of them nothing more may be done than has to be: the address is taken from where it lies.
 */
#ifndef VERDICT_LIB_PREFILTER_H
#define VERDICT_LIB_PREFILTER_H

#include <stddef.h>

#include <linux/if_ether.h>

#include <lib/config.h>
#include <lib/drop.h>
#include <lib/ipv6.h>
#include <lib/lpm.h>
#include <lib/metrics_batch.h>

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

struct metrics_batch prefilter_drops[METRICS_CPUS];

static __always_inline bool prefilter_has4(const void *saddr)
{
	struct lpm_v4_key key = { .lpm.prefixlen = 32 };

	direct_copy(key.addr, saddr, sizeof(key.addr));
	return bpf_map_lookup_elem(&cilium_cidr_v4_dyn, &key) ||
	       bpf_map_lookup_elem(&cilium_cidr_v4_fix, &key);
}

static __always_inline bool prefilter_has6(const void *saddr)
{
	struct lpm_v6_key key = { .lpm.prefixlen = 128 };

	direct_copy(key.addr, saddr, sizeof(key.addr));
	return bpf_map_lookup_elem(&cilium_cidr_v6_dyn, &key) ||
	       bpf_map_lookup_elem(&cilium_cidr_v6_fix, &key);
}

/* Of a frame without a VLAN tag, whose first bytes are there as far as an IPv4 header's end. */
static __always_inline bool prefilter_has_untagged(ctx_t *ctx, const __u8 *data, __be16 type)
{
	if (type == bpf_htons(ETH_P_IP))
		return prefilter_has4(data + ETH_HLEN + offsetof(struct iphdr, saddr));
	if (type != bpf_htons(ETH_P_IPV6) ||
	    data + ETH_HLEN + sizeof(struct ipv6_header) > (const __u8 *)(long)ctx->data_end)
		return false;
	return prefilter_has6(data + ETH_HLEN + offsetof(struct ipv6_header, saddr));
}

static __always_inline bool prefilter_has(const struct packet *pkt)
{
	return pkt->is_ipv6 ? prefilter_has6(&pkt->saddr) : prefilter_has4(&pkt->saddr);
}

/* True: the packet is counted, and nobody is told of it. */
static __always_inline bool prefilter_count(ctx_t *ctx)
{
	struct metrics_batch *here = metrics_batch_here(prefilter_drops);
	__u32 len = ctx_len(ctx);

	if (metrics_batch_count(here, len))
		return true;
	if (CONFIG(monitor_aggregation) == AGGREGATE_NONE)
		return false;
	metrics_batch_tell(here, -DROP_POLICY_DENY, DIR_INGRESS, SOURCE_FILE, SOURCE_LINE, len);
	return true;
}

static __always_inline int prefilter_tell(ctx_t *ctx, struct packet *pkt)
{
	return drop_packet(ctx, pkt, DROP(pkt, DROP_POLICY_DENY), DIR_INGRESS);
}

#endif
