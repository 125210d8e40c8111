/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The address in a socket call, read and written: one form for IPv4, for IPv6, and for IPv4 by an IPv6
 * socket (::ffff:a.b.c.d), which is looked up as IPv4 and written as it came.
 */
#ifndef VERDICT_LIB_SOCK_H
#define VERDICT_LIB_SOCK_H

#include <asm/socket.h>
#include <linux/errno.h>
#include <linux/in.h>

#include <lib/config.h>

#define SYS_REJECT  0
#define SYS_PROCEED 1

#define MAPPED_WORD bpf_htonl(0xffff)

DECLARE_CONFIG(__u64, host_netns_cookie, 0,
	       "Network namespace of the host; 0: that of the first process");

/* One end of a socket. */
struct sock_end {
	union addr addr;
	__be16 port;
	__u8 protocol;
	bool is_ipv6; /* what addr is */
	bool by_ipv6; /* what the socket is */
};

/* The context has its words read and written one by one, at full width; of IPv6 addresses also two at once. */
#define SOCK_WORD(ctx, field)  (*(volatile __u32 *)&(ctx)->field)
#define SOCK_WORDS(ctx, field) (*(volatile __u64 *)&(ctx)->field)

static __always_inline void sock_set_ip6(struct sock_end *end, const union v6addr *ip6)
{
	end->by_ipv6 = true;
	end->is_ipv6 = !(ip6->d.d1 == 0 && ip6->p.p3 == MAPPED_WORD);
	if (end->is_ipv6)
		end->addr.ip6 = *ip6;
	else
		end->addr = addr_ip4(ip6->p.p4);
}

/* Field by field: to read in one what was written in pieces just before stalls the CPU. */
static __always_inline struct sock_end sock_end_again(const struct sock_end *end)
{
	return (struct sock_end){
		.addr = end->addr,
		.port = end->port,
		.protocol = end->protocol,
		.is_ipv6 = end->is_ipv6,
		.by_ipv6 = end->by_ipv6,
	};
}

static __always_inline struct sock_end sock_end4(struct bpf_sock_addr *ctx)
{
	return (struct sock_end){
		.addr = addr_ip4(SOCK_WORD(ctx, user_ip4)),
		.port = (__be16)SOCK_WORD(ctx, user_port),
		.protocol = (__u8)SOCK_WORD(ctx, protocol),
	};
}

static __always_inline struct sock_end sock_end6(struct bpf_sock_addr *ctx)
{
	struct sock_end end = {
		.port = (__be16)SOCK_WORD(ctx, user_port),
		.protocol = (__u8)SOCK_WORD(ctx, protocol),
	};
	union v6addr ip6 = {
		.d.d1 = SOCK_WORDS(ctx, user_ip6[0]),
		.d.d2 = SOCK_WORDS(ctx, user_ip6[2]),
	};

	sock_set_ip6(&end, &ip6);
	return end;
}

static __always_inline void sock_store4(struct bpf_sock_addr *ctx, const struct sock_end *end)
{
	SOCK_WORD(ctx, user_ip4) = end->addr.ip4;
	SOCK_WORD(ctx, user_port) = end->port;
}

static __always_inline void sock_store6(struct bpf_sock_addr *ctx, const struct sock_end *end)
{
	union v6addr mapped = { .p = { .p3 = MAPPED_WORD, .p4 = end->addr.ip4 } };

	SOCK_WORDS(ctx, user_ip6[0]) = end->is_ipv6 ? end->addr.ip6.d.d1 : 0;
	SOCK_WORDS(ctx, user_ip6[2]) = end->is_ipv6 ? end->addr.ip6.d.d2 : mapped.d.d2;
	SOCK_WORD(ctx, user_port) = end->port;
}

static __always_inline bool sock_is_loopback(const struct sock_end *end)
{
	if (end->is_ipv6)
		return end->addr.ip6.d.d1 == 0 && end->addr.ip6.p.p3 == 0 &&
		       end->addr.ip6.p.p4 == bpf_htonl(1);
	return (end->addr.ip4 & bpf_htonl(0xff000000)) == bpf_htonl(0x7f000000);
}

/* SCTP has no such hooks that know of its many addresses: packets are translated instead. */
static __always_inline bool sock_is_translated(__u8 protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE;
}

/* The helper's NULL asks for the first namespace. */
#define sock_in_host(ctx) sock_cookie_is_host(bpf_get_netns_cookie(ctx))

static __always_inline bool sock_cookie_is_host(__u64 cookie)
{
	__u64 host = CONFIG(host_netns_cookie);

	return cookie == (host ? host : bpf_get_netns_cookie(NULL));
}

#endif
