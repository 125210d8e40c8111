/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Health checks of backends by the host: a socket marked so binds to the backend it is to check and
 * connects to the service. The bind is only noted, for those who check by a tunnel, and the connect is not
 * translated.
 */
#ifndef VERDICT_LIB_SOCK_HEALTH_H
#define VERDICT_LIB_SOCK_HEALTH_H

#include <lib/lb_maps.h>
#include <lib/sock.h>
#include <lib/sock_reverse.h>

#define MARK_HEALTH 0x0d00

struct lb4_health {
	struct lb4_backend peer;
};

struct lb6_health {
	struct lb6_backend peer;
};

LB_LRU(cilium_lb4_health, __sock_cookie, struct lb4_health);
LB_LRU(cilium_lb6_health, __sock_cookie, struct lb6_health);

static __always_inline bool sock_is_health_check(struct bpf_sock_addr *ctx)
{
	const struct bpf_sock *sk = ctx->sk;

	return sk && sk->mark == MARK_HEALTH;
}

/* The mark has done its work: packets must not carry it. */
static __always_inline void sock_end_health_check(struct bpf_sock_addr *ctx)
{
	int mark = 0;

	bpf_setsockopt(ctx, SOL_SOCKET, SO_MARK, &mark, sizeof(mark));
}

static __always_inline int sock_note_health(__u64 cookie, const struct sock_end *end)
{
	if (end->is_ipv6) {
		struct lb6_health health = {
			.peer = { .address = end->addr.ip6,
				  .port = end->port,
				  .proto = end->protocol },
		};

		return (int)bpf_map_update_elem(&cilium_lb6_health, &cookie, &health, BPF_ANY);
	} else {
		struct lb4_health health = {
			.peer = { .address = end->addr.ip4,
				  .port = end->port,
				  .proto = end->protocol },
		};

		return (int)bpf_map_update_elem(&cilium_lb4_health, &cookie, &health, BPF_ANY);
	}
}

#endif
