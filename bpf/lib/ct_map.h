/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The conntrack maps: TCP has its own, so that a flood of datagrams evicts no connection. */
#ifndef VERDICT_LIB_CT_MAP_H
#define VERDICT_LIB_CT_MAP_H

#include <linux/in.h>

#include <lib/ct_entry.h>
#include <lib/tuple.h>

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct ipv4_ct_tuple);
	__type(value, struct ct_entry);
	__uint(max_entries, 65536);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} cilium_ct4_global SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct ipv4_ct_tuple);
	__type(value, struct ct_entry);
	__uint(max_entries, 65536);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} cilium_ct_any4_global SEC(".maps");

static __always_inline void *ct_map(const struct ipv4_ct_tuple *tuple)
{
	if (tuple->nexthdr == IPPROTO_TCP)
		return &cilium_ct4_global;
	return &cilium_ct_any4_global;
}

/* An expired entry is absent, whether or not garbage collection came by. */
static __always_inline struct ct_entry *ct_find(const struct ipv4_ct_tuple *tuple, __u32 now)
{
	struct ct_entry *entry = bpf_map_lookup_elem(ct_map(tuple), tuple);

	if (!entry || entry->lifetime < now)
		return NULL;
	return entry;
}

#endif
