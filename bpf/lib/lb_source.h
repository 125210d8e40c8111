/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* loadBalancerSourceRanges: from where a service may be called, or may not. */
#ifndef VERDICT_LIB_LB_SOURCE_H
#define VERDICT_LIB_LB_SOURCE_H

#include <lib/lb_maps.h>
#include <lib/lb_state.h>

#define LB_RANGE_BITS(key) (8 * (sizeof(key) - sizeof(struct bpf_lpm_trie_key)))

__subprogram bool lb_source_listed(const struct lb_frontend *f, const union addr *source)
{
	if (f->is_ipv6) {
		struct lb6_src_range_key key = {
			.lpm_key.prefixlen = LB_RANGE_BITS(key),
			.rev_nat_id = f->rev_nat_index,
			.addr = source->ip6,
		};

		return map_look_up(&cilium_lb6_source_range, &key);
	} else {
		struct lb4_src_range_key key = {
			.lpm_key.prefixlen = LB_RANGE_BITS(key),
			.rev_nat_id = f->rev_nat_index,
			.addr = source->ip4,
		};

		return map_look_up(&cilium_lb4_source_range, &key);
	}
}

static __always_inline bool lb_source_allowed(const struct lb_frontend *f, const union addr *source)
{
	bool deny = f->flags2 & LB_F2_SOURCE_RANGE_DENY;

	return !(f->flags & LB_F_SOURCE_RANGE) || lb_source_listed(f, source) != deny;
}

#endif
