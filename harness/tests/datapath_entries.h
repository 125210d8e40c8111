/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Map entries for tests of the datapath alone, as Cilium 1.19 lays them out. */
#ifndef VERDICT_TESTS_DATAPATH_ENTRIES_H
#define VERDICT_TESTS_DATAPATH_ENTRIES_H

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <string.h>

#include "datapath_object.h"

enum { INGRESS = 0, EGRESS = 1 }; /* the policy key's bit */
enum { FLAG_OUT = 0, FLAG_IN = 1 };

#define ALLOW 0
#define DENY  1

/* struct ct_entry, 56 bytes */
struct ct_raw {
	uint8_t nat_addr[16];
	uint64_t packets, bytes;
	uint32_t lifetime;
	uint16_t bits; /* rx_closing 0, tx_closing 1, seen_non_syn 4 */
	uint16_t rev_nat_index, nat_port;
	uint8_t tx_flags, rx_flags;
	uint32_t src_sec_id, last_tx_report, last_rx_report;
};

/* struct ipv4_ct_tuple, 14 bytes */
struct ct_key {
	uint32_t daddr, saddr;
	uint16_t dport, sport;
	uint8_t nexthdr, flags;
} __attribute__((packed));

static inline void dp_ipcache(struct dp *dp, const char *addr, unsigned bits, uint32_t identity)
{
	uint8_t key[24] = { 0 }, value[24] = { 0 };
	uint32_t prefix = 32 + bits;

	memcpy(key, &prefix, 4);
	key[7] = 1; /* IPv4 */
	inet_pton(AF_INET, addr, key + 8);
	memcpy(value, &identity, 4);
	cr_assert_eq(bpf_map_update_elem(dp_map(dp, "cilium_ipcache_v2"), key, value, BPF_ANY), 0);
}

struct rule {
	uint32_t label;
	int egress;
	unsigned bits; /* of protocol and port that count: 0, 8, 9 to 24 */
	uint8_t proto;
	uint16_t port;
	int deny;
	uint32_t precedence;
	uint8_t auth;
	uint16_t proxy;
	uint32_t cookie;
};

static inline void dp_rule(struct dp *dp, struct rule r)
{
	uint8_t key[12] = { 0 }, value[12] = { 0 };
	uint32_t prefix = 40 + r.bits;
	uint16_t port = htons(r.port), proxy = htons(r.proxy);

	memcpy(key, &prefix, 4);
	memcpy(key + 4, &r.label, 4);
	key[8] = (uint8_t)r.egress;
	key[9] = r.proto;
	memcpy(key + 10, &port, 2);
	memcpy(value, &proxy, 2);
	value[2] = (uint8_t)(r.deny | r.bits << 3);
	value[3] = r.auth;
	memcpy(value + 4, &r.precedence, 4);
	memcpy(value + 8, &r.cookie, 4);
	cr_assert_eq(bpf_map_update_elem(dp_map(dp, "cilium_policy_v2"), key, value, BPF_ANY), 0);
}

static inline void dp_clear(const struct dp *dp, const char *name)
{
	int fd = dp_map(dp, name);
	uint8_t key[64];

	while (bpf_map_get_next_key(fd, NULL, key) == 0)
		bpf_map_delete_elem(fd, key);
}

static inline struct ct_key ct_key(const char *daddr, const char *saddr, uint16_t dport,
				   uint16_t sport, uint8_t proto, uint8_t flags)
{
	struct ct_key k = {
		.dport = htons(dport), .sport = htons(sport), .nexthdr = proto, .flags = flags
	};
	uint32_t addr;

	inet_pton(AF_INET, daddr, &addr);
	k.daddr = addr;
	inet_pton(AF_INET, saddr, &addr);
	k.saddr = addr;
	return k;
}

static inline const char *ct_map_name(const struct ct_key *k)
{
	return k->nexthdr == IPPROTO_TCP ? "cilium_ct4_global" : "cilium_ct_any4_global";
}

static inline bool ct_get(const struct dp *dp, struct ct_key k, struct ct_raw *entry)
{
	return bpf_map_lookup_elem(dp_map(dp, ct_map_name(&k)), &k, entry) == 0;
}

static inline void ct_put(const struct dp *dp, struct ct_key k, const struct ct_raw *entry)
{
	cr_assert_eq(bpf_map_update_elem(dp_map(dp, ct_map_name(&k)), &k, entry, BPF_ANY), 0);
}

static inline int map_count(const struct dp *dp, const char *name)
{
	int fd = dp_map(dp, name), n = 0;
	uint8_t key[64], next[64];
	void *at = NULL;

	while (bpf_map_get_next_key(fd, at, next) == 0) {
		memcpy(key, next, sizeof(key));
		at = key;
		n++;
	}
	return n;
}

#endif
