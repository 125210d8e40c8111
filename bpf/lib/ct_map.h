/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The conntrack maps: TCP has its own, so that a flood of datagrams evicts no connection. */
#ifndef VERDICT_LIB_CT_MAP_H
#define VERDICT_LIB_CT_MAP_H

#include <linux/in.h>

#include <lib/ct_entry.h>
#include <lib/tuple.h>

#define CT_MAP(name, key_type)                                                                     \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_LRU_HASH);                                               \
		__type(key, struct key_type);                                                      \
		__type(value, struct ct_entry);                                                    \
		__uint(max_entries, 65536);                                                        \
		__uint(pinning, LIBBPF_PIN_BY_NAME);                                               \
	} name SEC(".maps")

CT_MAP(cilium_ct4_global, ipv4_ct_tuple);
CT_MAP(cilium_ct_any4_global, ipv4_ct_tuple);
CT_MAP(cilium_ct6_global, ipv6_ct_tuple);
CT_MAP(cilium_ct_any6_global, ipv6_ct_tuple);

/* The entry under the flow's own key; an expired one is absent, whether or not garbage collection
 * came by. The packet has the clock, which one that belongs to no flow does not need.
 */
static __always_inline struct ct_entry *ct_find(struct packet *pkt, const struct flow *f,
						__u8 flags)
{
	struct ct_entry *entry;

	if (f->is_ipv6) {
		union tuple6_words key = flow_tuple6(f, flags);

		entry = f->protocol == IPPROTO_TCP
				? map_look_up(&cilium_ct6_global, &key.tuple)
				: map_look_up(&cilium_ct_any6_global, &key.tuple);
	} else {
		union tuple4_words key = flow_tuple4(f, flags);

		entry = f->protocol == IPPROTO_TCP
				? map_look_up(&cilium_ct4_global, &key.tuple)
				: map_look_up(&cilium_ct_any4_global, &key.tuple);
	}
	if (!entry || entry->lifetime < packet_now(pkt))
		return NULL;
	return entry;
}

__subprogram int ct_store(const struct flow *f, __u8 flags, const struct ct_entry *entry)
{
	if (f->is_ipv6) {
		union tuple6_words key = flow_tuple6(f, flags);

		if (f->protocol == IPPROTO_TCP)
			return (int)map_update(&cilium_ct6_global, &key.tuple, entry, BPF_ANY);
		return (int)map_update(&cilium_ct_any6_global, &key.tuple, entry, BPF_ANY);
	} else {
		union tuple4_words key = flow_tuple4(f, flags);

		if (f->protocol == IPPROTO_TCP)
			return (int)map_update(&cilium_ct4_global, &key.tuple, entry, BPF_ANY);
		return (int)map_update(&cilium_ct_any4_global, &key.tuple, entry, BPF_ANY);
	}
}

#endif
