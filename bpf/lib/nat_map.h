/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The maps of source NAT: what a flow becomes.
 *
 * Two entries a flow. Under the packet that leaves (flags OUT): its new source. Under the packet that
 * answers (flags IN): the destination it gets back. Unlike conntrack's the addresses of these keys are as
 * packets show them.
 */
#ifndef VERDICT_LIB_NAT_MAP_H
#define VERDICT_LIB_NAT_MAP_H

#include <lib/quote.h>
#include <lib/reverse_nat.h>
#include <lib/tuple.h>

#define NAT_RETRIES 32
#define NAT_CROWDED 16 /* tries, after which the agent hears of it */

struct nat_entry {
	__u64 created; /* nanoseconds */
	__u64 needs_ct; /* a flow of the host: its port is taken, whether or not it is changed */
	__u64 pad1;
	__u64 pad2;
};

struct ipv4_nat_entry {
	struct nat_entry common;
	union {
		struct lb4_reverse_nat nat_info;
		struct {
			__be32 to_saddr;
			__be16 to_sport;
		};
		struct {
			__be32 to_daddr;
			__be16 to_dport;
		};
	};
};

struct ipv6_nat_entry {
	struct nat_entry common;
	union {
		struct lb6_reverse_nat nat_info;
		struct {
			union v6addr to_saddr;
			__be16 to_sport;
		};
		struct {
			union v6addr to_daddr;
			__be16 to_dport;
		};
	};
};

#define NAT_MAP(name, key_type, value_type)                                                        \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_LRU_HASH);                                               \
		__type(key, struct key_type);                                                      \
		__type(value, struct value_type);                                                  \
		__uint(max_entries, 524288);                                                       \
		__uint(pinning, LIBBPF_PIN_BY_NAME);                                               \
	} name SEC(".maps")

NAT_MAP(cilium_snat_v4_external, ipv4_ct_tuple, ipv4_nat_entry);
NAT_MAP(cilium_snat_v6_external, ipv6_ct_tuple, ipv6_nat_entry);

/* How often a new flow had to ask for another port; the last one: found none. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, NAT_RETRIES + 1);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} cilium_snat_v4_alloc_retries SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, NAT_RETRIES + 1);
} cilium_snat_v6_alloc_retries SEC(".maps");

/* What one direction of a flow becomes. */
struct nat_to {
	union addr addr;
	__be16 port;
	bool needs_ct;
};

/* Flows, keys and values while NAT is at them: too much for the stack. */
struct nat_work {
	struct flow flow; /* of the packet */
	struct flow answers; /* to it, as they come */
	struct nat_to to, back, found;
	struct quote quote; /* of an ICMP error */
	struct quote_side side;
	bool crowded; /* a port was hard to find */
	union {
		union tuple4_words key4;
		union tuple6_words key6;
	};
	union {
		struct ipv4_nat_entry entry4;
		struct ipv6_nat_entry entry6;
	};
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct nat_work);
	__uint(max_entries, 1);
} nat_at_hand SEC(".maps") __scratch;

/* NULL, which cannot be, satisfies the verifier. */
static __always_inline struct nat_work *nat_begin(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&nat_at_hand, &zero);
}

static __always_inline void nat_key(struct nat_work *w, const struct flow *f, __u8 flags)
{
	if (f->is_ipv6) {
		w->key6.saddr = f->saddr.ip6;
		w->key6.daddr = f->daddr.ip6;
		w->key6.ports = two_halves(f->dport, f->sport);
		w->key6.proto_flags = two_bytes(f->protocol, flags);
	} else {
		w->key4.saddr = f->saddr.ip4;
		w->key4.daddr = f->daddr.ip4;
		w->key4.ports = two_halves(f->dport, f->sport);
		w->key4.proto_flags = two_bytes(f->protocol, flags);
	}
}

__subprogram bool nat_find(struct nat_work *w, const struct flow *f, __u8 flags, struct nat_to *to)
{
	nat_key(w, f, flags);
	if (f->is_ipv6) {
		const struct ipv6_nat_entry *e =
			map_look_up(&cilium_snat_v6_external, &w->key6.tuple);

		if (!e)
			return false;
		to->addr.ip6 = e->to_saddr;
		to->port = e->to_sport;
		to->needs_ct = e->common.needs_ct;
	} else {
		const struct ipv4_nat_entry *e =
			map_look_up(&cilium_snat_v4_external, &w->key4.tuple);

		if (!e)
			return false;
		to->addr = addr_ip4(e->to_saddr);
		to->port = e->to_sport;
		to->needs_ct = e->common.needs_ct;
	}
	return true;
}

/* Under the key at hand. how: BPF_ANY, or BPF_NOEXIST: not 0 then if somebody else has the entry. */
static __always_inline int nat_put(struct nat_work *w, bool ipv6, const struct nat_to *to,
				   __u32 how)
{
	struct nat_entry *common = &w->entry6.common;

	common->created = bpf_ktime_get_ns();
	common->needs_ct = to->needs_ct;
	common->pad1 = 0;
	common->pad2 = 0;
	if (ipv6) {
		w->entry6.nat_info.address = to->addr.ip6;
		w->entry6.nat_info.port = to->port;
		return (int)map_update(&cilium_snat_v6_external, &w->key6.tuple, &w->entry6, how);
	}
	w->entry4.nat_info.address = to->addr.ip4;
	w->entry4.nat_info.port = to->port;
	return (int)map_update(&cilium_snat_v4_external, &w->key4.tuple, &w->entry4, how);
}

__subprogram int nat_store(struct nat_work *w, const struct flow *f, __u8 flags,
			   const struct nat_to *to, __u32 how)
{
	nat_key(w, f, flags);
	return nat_put(w, f->is_ipv6, to, how);
}

__subprogram int nat_delete(struct nat_work *w, const struct flow *f, __u8 flags)
{
	nat_key(w, f, flags);
	return f->is_ipv6 ? (int)bpf_map_delete_elem(&cilium_snat_v6_external, &w->key6.tuple)
			  : (int)bpf_map_delete_elem(&cilium_snat_v4_external, &w->key4.tuple);
}

static __always_inline void nat_count_retries(bool ipv6, __u32 retries)
{
	__u32 *n = ipv6 ? map_look_up(&cilium_snat_v6_alloc_retries, &retries)
			: map_look_up(&cilium_snat_v4_alloc_retries, &retries);

	if (n)
		++*n;
}

#endif
