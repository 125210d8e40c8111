/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Backends of local redirect services that call the service itself: by namespace, they get what is behind
 * the redirect.
 */
#ifndef VERDICT_LIB_LB_SKIP_H
#define VERDICT_LIB_LB_SKIP_H

#include <lib/config.h>
#include <lib/lb_maps.h>
#include <lib/lb_state.h>

DECLARE_CONFIG(bool, enable_lrp, false, "Backends of local redirect services may skip them");

struct skip_lb4_key {
	__u64 netns_cookie;
	__u32 address; /* of the service, network order */
	__u16 port; /* network order */
	__u16 pad;
};

struct skip_lb6_key {
	__u64 netns_cookie;
	union v6addr address;
	__u32 pad;
	__u16 port;
	__u16 pad2;
};

LB_MAP(cilium_skip_lb4, BPF_MAP_TYPE_HASH, struct skip_lb4_key, __u8, 100, BPF_F_NO_PREALLOC);
LB_MAP(cilium_skip_lb6, BPF_MAP_TYPE_HASH, struct skip_lb6_key, __u8, 100, BPF_F_NO_PREALLOC);

/* f's address and port are those that were called. */
static __always_inline bool lb_skips(const struct lb_frontend *f, __u64 netns_cookie)
{
	if (!CONFIG(enable_lrp) || !(f->flags2 & LB_F2_LOCAL_REDIRECT))
		return false;
	if (f->is_ipv6) {
		struct skip_lb6_key key = {
			.netns_cookie = netns_cookie,
			.address = f->address.ip6,
			.port = f->port,
		};

		return bpf_map_lookup_elem(&cilium_skip_lb6, &key);
	} else {
		struct skip_lb4_key key = {
			.netns_cookie = netns_cookie,
			.address = f->address.ip4,
			.port = f->port,
		};

		return bpf_map_lookup_elem(&cilium_skip_lb4, &key);
	}
}

#endif
