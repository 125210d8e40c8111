/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From service to backend when a socket connects or sends, and back when it asks who its peer is. */
#ifndef VERDICT_LIB_SOCK_TRANSLATE_H
#define VERDICT_LIB_SOCK_TRANSLATE_H

#include <lib/lb_choice.h>
#include <lib/lb_skip.h>
#include <lib/metrics.h>
#include <lib/sock_reverse.h>
#include <lib/sock_service.h>
#include <lib/source.h>

/* What is counted; numbers are shared with Cilium. */
enum sock_reason {
	REASON_LB_NO_BACKEND = 6,
	REASON_LB_REVNAT_UPDATE = 7,
	REASON_LB_REVNAT_STALE = 8,
	REASON_LB_REVNAT_DELETE = 14,
};

#define SOCK_COUNT(reason, dir) metrics_add(reason, dir, SOURCE_FILE, SOURCE_LINE, 0)

/* What proxies serve: the host calls them directly, pods are redirected packet by packet. */
static __always_inline void sock_to_proxy(struct sock_end *end, const struct lb_frontend *f)
{
	end->addr = addr_ip4(bpf_htonl(0x7f000001));
	if (end->is_ipv6)
		end->addr = (union addr){ .ip6.p.p4 = bpf_htonl(1) };
	end->port = (__be16)f->affinity_timeout;
}

/* A datagram socket stays with its backend as long as the service's slots don't change. */
static __always_inline __u32 sock_place_to_begin(__u64 cookie, __u8 protocol)
{
	return protocol == IPPROTO_TCP ? bpf_get_prandom_u32() : (__u32)cookie;
}

static __always_inline struct lb_client sock_client(__u64 netns)
{
	return (struct lb_client){ .id.ip6.d.d1 = netns, .is_cookie = true };
}

/* The backend that clients of that namespace had last. False: none that still takes new ones. */
__verified_alone bool sock_choose_had(const struct lb_frontend *f, __u64 netns,
				      struct lb_backend *be)
{
	struct lb_client client = sock_client(netns);
	__u32 id;

	if (!f || !be)
		return false;
	id = lb_affinity_backend(f, lb_affinity_find(f, &client));
	return id && lb_backend_find(be, id, f->is_ipv6) && be->state == LB_ACTIVE;
}

__verified_alone int sock_note_choice(const struct lb_frontend *f, __u64 netns, __u32 backend_id)
{
	struct lb_client client = sock_client(netns);

	if (f)
		lb_affinity_keep(f, &client, lb_affinity_find(f, &client), backend_id);
	return 0;
}

static __always_inline bool sock_choose_seldom(struct bpf_sock_addr *ctx,
					       const struct lb_frontend *f, __u32 begin,
					       struct lb_backend *be)
{
	__u64 netns = f->flags & LB_F_AFFINITY ? bpf_get_netns_cookie(ctx) : 0;
	struct lb_frontend copy = *f;

	if (!(netns && sock_choose_had(&copy, netns, be)) && !lb_pick_any(&copy, begin, false, be))
		return false;
	if (netns)
		sock_note_choice(&copy, netns, be->id);
	return true;
}

static __always_inline bool sock_choose(struct bpf_sock_addr *ctx, const struct lb_frontend *f,
					__u64 cookie, struct lb_backend *be)
{
	__u32 begin = sock_place_to_begin(cookie, f->protocol);

	if (!(f->flags & LB_F_AFFINITY) && lb_try_here(f, begin, false, be) &&
	    be->state == LB_ACTIVE)
		return true;
	return sock_choose_seldom(ctx, f, begin, be);
}

static __always_inline int sock_no_backend(const struct lb_frontend *f)
{
	if (CONFIG(enable_no_service_endpoints_routable) || lb_has_local_policy(f)) {
		SOCK_COUNT(REASON_LB_NO_BACKEND, DIR_EGRESS);
		return -EHOSTUNREACH;
	}
	return 0;
}

/* 1: *end is the proxy's now; 0: delegated, or left to packets. */
static __always_inline int sock_forward_to_proxy(struct bpf_sock_addr *ctx, struct sock_end *end,
						 const struct lb_frontend *f)
{
	if (f->flags2 & LB_F2_LOOPBACK || !sock_in_host(ctx))
		return 0;
	sock_to_proxy(end, f);
	return 1;
}

/* 1: *end is a backend's now; 0: not to be translated here; negative: the call fails. */
static __always_inline int sock_forward_to_backend(struct bpf_sock_addr *ctx,
						   const struct sock_end *called,
						   struct sock_end *end,
						   const struct lb_frontend *f, __u64 cookie)
{
	struct lb_backend be = {};

	if (!f->count)
		return sock_no_backend(f);
	if (f->flags2 & LB_F2_NAT46X64 || sock_is_for_another(called, f) ||
	    (CONFIG(enable_lrp) && lb_skips(f, bpf_get_netns_cookie(ctx))))
		return 0;
	if (!sock_choose(ctx, f, cookie, &be))
		return sock_no_backend(f);
	end->addr = be.address;
	end->port = be.port ? be.port : end->port;
	return 1;
}

/* 1: end is the backend's now; 0: no service, or not to be translated here; negative: the call fails. To what is verified
 * alone goes `called`, or a copy: of the rest the compiler knows that it stays what it is, the family above all.
 */
static __always_inline int sock_forward(struct bpf_sock_addr *ctx, struct sock_end *end)
{
	struct sock_end called = sock_end_again(end);
	struct lb_frontend f;
	__u64 cookie;
	int ret;

	if (!sock_is_translated(end->protocol) || !sock_find_service(ctx, &called, &f))
		return 0;
	cookie = bpf_get_socket_cookie(ctx);
	ret = f.flags2 & LB_F2_L7 ? sock_forward_to_proxy(ctx, end, &f)
				  : sock_forward_to_backend(ctx, &called, end, &f, cookie);
	if (ret <= 0)
		return ret;
	if (sock_remember(cookie, end, &called, f.rev_nat_index)) {
		SOCK_COUNT(REASON_LB_REVNAT_UPDATE, DIR_EGRESS);
		return -ENOMEM;
	}
	return 1;
}

/* 1: end is what the socket has called its peer; 0: that is what it is. A service that is gone, or is
 * another one now, is not named any more.
 */
static __always_inline int sock_back(struct bpf_sock_addr *ctx, struct sock_end *end)
{
	struct sock_end called = sock_end_again(end);
	__u64 cookie = bpf_get_socket_cookie(ctx);
	__u16 rev_nat_index = 0;
	struct lb_frontend f;

	if (sock_recall(cookie, end, &called, &rev_nat_index))
		return 0;
	if (!sock_find_service(ctx, &called, &f) || f.rev_nat_index != rev_nat_index ||
	    (!f.count && !(f.flags2 & LB_F2_L7))) {
		sock_forget(cookie, end);
		SOCK_COUNT(REASON_LB_REVNAT_STALE, DIR_INGRESS);
		return 0;
	}
	end->addr = called.addr;
	end->port = called.port;
	return 1;
}

#endif
