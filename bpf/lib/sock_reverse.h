/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a socket called its peer, by what the peer is: recvmsg and getpeername say it again. */
#ifndef VERDICT_LIB_SOCK_REVERSE_H
#define VERDICT_LIB_SOCK_REVERSE_H

#include <lib/lb_maps.h>
#include <lib/sock.h>

typedef __u64 __sock_cookie;

struct ipv4_revnat_tuple {
	__sock_cookie cookie;
	__be32 address; /* the backend's */
	__be16 port;
	__u16 pad;
};

struct ipv4_revnat_entry {
	__be32 address; /* the service's */
	__be16 port;
	__u16 rev_nat_index;
};

struct ipv6_revnat_tuple {
	__sock_cookie cookie;
	union v6addr address;
	__be16 port;
	__u16 pad;
};

struct ipv6_revnat_entry {
	union v6addr address;
	__be16 port;
	__u16 rev_nat_index;
} __attribute__((packed));

LB_MAP(cilium_lb4_reverse_sk, BPF_MAP_TYPE_LRU_HASH, struct ipv4_revnat_tuple,
       struct ipv4_revnat_entry, 262144, 0);
LB_MAP(cilium_lb6_reverse_sk, BPF_MAP_TYPE_LRU_HASH, struct ipv6_revnat_tuple,
       struct ipv6_revnat_entry, 262144, 0);

/* See two_halves(). */
union sock_key4 {
	struct ipv4_revnat_tuple tuple;
	struct {
		__sock_cookie cookie;
		__be32 address;
		__u32 port_pad;
	};
};

/* Four bytes at its end have no name in the tuple, and count. */
union sock_key6 {
	struct ipv6_revnat_tuple tuple;
	struct {
		__sock_cookie cookie;
		union v6addr address;
		__u32 port_pad, end;
	};
};

static __always_inline union sock_key4 sock_key4(__u64 cookie, const struct sock_end *peer)
{
	return (union sock_key4){
		.cookie = cookie,
		.address = peer->addr.ip4,
		.port_pad = two_halves(peer->port, 0),
	};
}

static __always_inline union sock_key6 sock_key6(__u64 cookie, const struct sock_end *peer)
{
	return (union sock_key6){
		.cookie = cookie,
		.address = peer->addr.ip6,
		.port_pad = two_halves(peer->port, 0),
	};
}

/* peer is the backend, called is what the socket asked for. 0, or negative. What is known already is not written
 * again: that takes longer than all the rest.
 */
static __always_inline int sock_remember(__u64 cookie, const struct sock_end *peer,
					 const struct sock_end *called, __u16 rev_nat_index)
{
	if (peer->is_ipv6) {
		union sock_key6 key = sock_key6(cookie, peer);
		struct ipv6_revnat_entry entry = {
			.address = called->addr.ip6,
			.port = called->port,
			.rev_nat_index = rev_nat_index,
		};
		const struct ipv6_revnat_entry *known =
			map_look_up(&cilium_lb6_reverse_sk, &key.tuple);

		if (known && known_v6(known)->d.d1 == called->addr.ip6.d.d1 &&
		    known_v6(known)->d.d2 == called->addr.ip6.d.d2 && known->port == entry.port &&
		    known->rev_nat_index == entry.rev_nat_index)
			return 0;
		return (int)map_update(&cilium_lb6_reverse_sk, &key.tuple, &entry, BPF_ANY);
	} else {
		union sock_key4 key = sock_key4(cookie, peer);
		struct ipv4_revnat_entry entry = {
			.address = called->addr.ip4,
			.port = called->port,
			.rev_nat_index = rev_nat_index,
		};
		const struct ipv4_revnat_entry *known =
			map_look_up(&cilium_lb4_reverse_sk, &key.tuple);

		if (known && known->address == entry.address && known->port == entry.port &&
		    known->rev_nat_index == entry.rev_nat_index)
			return 0;
		return (int)map_update(&cilium_lb4_reverse_sk, &key.tuple, &entry, BPF_ANY);
	}
}

/* 0: called is filled but for its protocol; negative: nothing is known of that peer. */
static __always_inline int sock_recall(__u64 cookie, const struct sock_end *peer,
				       struct sock_end *called, __u16 *rev_nat_index)
{
	if (peer->is_ipv6) {
		union sock_key6 key = sock_key6(cookie, peer);
		const struct ipv6_revnat_entry *entry =
			map_look_up(&cilium_lb6_reverse_sk, &key.tuple);

		if (!entry)
			return -ENOENT;
		called->addr.ip6 = *known_v6(entry);
		called->port = entry->port;
		*rev_nat_index = entry->rev_nat_index;
	} else {
		union sock_key4 key = sock_key4(cookie, peer);
		const struct ipv4_revnat_entry *entry =
			map_look_up(&cilium_lb4_reverse_sk, &key.tuple);

		if (!entry)
			return -ENOENT;
		called->addr = addr_ip4(entry->address);
		called->port = entry->port;
		*rev_nat_index = entry->rev_nat_index;
	}
	return 0;
}

static __always_inline int sock_forget(__u64 cookie, const struct sock_end *peer)
{
	if (peer->is_ipv6) {
		union sock_key6 key = sock_key6(cookie, peer);

		return (int)bpf_map_delete_elem(&cilium_lb6_reverse_sk, &key.tuple);
	} else {
		union sock_key4 key = sock_key4(cookie, peer);

		return (int)bpf_map_delete_elem(&cilium_lb4_reverse_sk, &key.tuple);
	}
}

#endif
