/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Policy: one trie an endpoint, asked twice, for the peer's identity and for any.
 *
 * The prefix covers identity and direction always, then protocol and port as far as an entry names
 * them; port ranges are shorter prefixes of the port. lpm_prefix_length in the value says how many
 * of those last 24 bits count.
 */
#ifndef VERDICT_LIB_POLICY_H
#define VERDICT_LIB_POLICY_H

#include <lib/config.h>
#include <lib/identity.h>
#include <lib/l4.h>
#include <lib/reasons.h>

struct policy_key {
	struct bpf_lpm_trie_key lpm_key;
	__u32 sec_label;
	__u8 egress : 1;
	__u8 pad : 7;
	__u8 protocol;
	__be16 dport;
};

struct policy_entry {
	__be16 proxy_port;
	__u8 deny : 1;
	__u8 reserved : 2;
	__u8 lpm_prefix_length : 5;
	__u8 auth_type : 7;
	__u8 has_explicit_auth_type : 1;
	__u32 precedence;
	__u32 cookie;
};

#define POLICY_FULL_PREFIX 64
#define POLICY_PROTO_BITS  8

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__type(key, struct policy_key);
	__type(value, struct policy_entry);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_RDONLY_PROG);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} cilium_policy_v2 SEC(".maps");

enum policy_match {
	MATCH_NONE = 0,
	MATCH_L3_ONLY = 1,
	MATCH_L3_L4 = 2,
	MATCH_L4_ONLY = 3,
	MATCH_ALL = 4,
	MATCH_L3_PROTO = 5,
	MATCH_PROTO_ONLY = 6,
};

struct policy_verdict {
	int verdict; /* 0 pass, else minus the drop reason */
	__u32 cookie;
	__be16 proxy_port; /* of what passes; 0: no proxy */
	__u8 match;
	__u8 auth_type;
};

/* True if the entry for any identity beats the identity's own. */
static __always_inline bool policy_any_wins(const struct policy_entry *own,
					    const struct policy_entry *any)
{
	if (own->precedence != any->precedence)
		return any->precedence > own->precedence;
	if (own->lpm_prefix_length != any->lpm_prefix_length)
		return any->lpm_prefix_length > own->lpm_prefix_length;
	return any->deny && !own->deny;
}

static __always_inline enum policy_match policy_match_type(const struct policy_entry *entry,
							   bool any)
{
	if (entry->lpm_prefix_length > POLICY_PROTO_BITS)
		return any ? MATCH_L4_ONLY : MATCH_L3_L4;
	if (entry->lpm_prefix_length > 0)
		return any ? MATCH_PROTO_ONLY : MATCH_L3_PROTO;
	return any ? MATCH_ALL : MATCH_L3_ONLY;
}

/* The entry's own, or that of the beaten one where it says nothing and the other is of the same weight. */
static __always_inline __u8 policy_auth_type(const struct policy_entry *entry,
					     const struct policy_entry *beaten)
{
	if (beaten && !entry->has_explicit_auth_type && beaten->precedence == entry->precedence &&
	    beaten->auth_type > entry->auth_type)
		return beaten->auth_type;
	return entry->auth_type;
}

/* What policy takes for the port of an ICMP message: its type, where rules may name types. */
static __always_inline __be16 policy_dport(const struct packet *pkt)
{
	if (!is_icmp(pkt))
		return pkt->dport;
	return CONFIG(enable_icmp_rule) ? bpf_htons(pkt->icmp_type) : 0;
}

/* DROP_POLICY_AUTH_REQUIRED is for the caller to ask on: see auth.h. */
static __always_inline int policy_entry_verdict(const struct policy_entry *entry, __u8 auth_type)
{
	if (entry->deny)
		return DROP_POLICY_DENY;
	return auth_type ? DROP_POLICY_AUTH_REQUIRED : 0;
}

__subprogram int policy_lookup(__u32 identity, bool egress, __u8 protocol, __be16 dport,
			       struct policy_verdict *out)
{
	struct policy_key key = {
		.lpm_key.prefixlen = POLICY_FULL_PREFIX,
		.sec_label = identity,
		.egress = egress,
		.protocol = protocol,
		.dport = dport,
	};
	const struct policy_entry *own = bpf_map_lookup_elem(&cilium_policy_v2, &key);
	const struct policy_entry *entry, *any;

	key.sec_label = IDENTITY_ANY;
	any = bpf_map_lookup_elem(&cilium_policy_v2, &key);
	entry = own;
	if (any && (!own || policy_any_wins(own, any)))
		entry = any;
	*out = (struct policy_verdict){ .verdict = DROP_POLICY };
	if (!entry)
		return DROP_POLICY;
	out->auth_type = policy_auth_type(entry, entry == any ? own : any);
	out->verdict = policy_entry_verdict(entry, out->auth_type);
	out->match = policy_match_type(entry, entry == any);
	out->cookie = entry->cookie;
	out->proxy_port = entry->proxy_port;
	return out->verdict;
}

#endif
