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

static __always_inline bool sock_choose(const struct lb_frontend *f, __u64 cookie, __u64 netns,
					struct lb_backend *be)
{
	struct lb_client client = { .id.ip6.d.d1 = netns, .is_cookie = true };

	if (!lb_pick_by_affinity(f, &client, be) &&
	    !lb_pick(f, sock_place_to_begin(cookie, f->protocol), false, be))
		return false;
	if (f->flags & LB_F_AFFINITY)
		lb_affinity_note(f, &client, be->id);
	return true;
}

static __always_inline int sock_no_backend(const struct lb_frontend *f)
{
	if (CONFIG(enable_no_service_endpoints_routable) || lb_has_local_policy(f)) {
		SOCK_COUNT(REASON_LB_NO_BACKEND, DIR_EGRESS);
		return -EHOSTUNREACH;
	}
	return 0;
}

/* 1: end is the backend's now; 0: no service, or not to be translated here; negative: the call fails. */
__subprogram int sock_forward(struct sock_end *end, __u64 cookie, __u64 netns)
{
	bool in_host = sock_cookie_is_host(netns);
	struct sock_end called = *end;
	struct lb_backend be = {};
	struct lb_frontend f;

	if (!sock_is_translated(end->protocol) || !sock_find_service(end, in_host, &f))
		return 0;
	if (f.flags2 & LB_F2_L7) {
		if (f.flags2 & LB_F2_LOOPBACK || !in_host) /* delegated, or left to packets */
			return 0;
		sock_to_proxy(end, &f);
	} else {
		if (!f.count)
			return sock_no_backend(&f);
		if (f.flags2 & LB_F2_NAT46X64 || sock_is_for_another(end, &f) ||
		    lb_skips(&f, netns))
			return 0;
		if (!sock_choose(&f, cookie, netns, &be))
			return sock_no_backend(&f);
		end->addr = be.address;
		end->port = be.port ? be.port : end->port;
	}
	if (sock_remember(cookie, end, &called, f.rev_nat_index)) {
		SOCK_COUNT(REASON_LB_REVNAT_UPDATE, DIR_EGRESS);
		return -ENOMEM;
	}
	return 1;
}

/* 1: end is what the socket has called its peer; 0: that is what it is. A service that is gone, or is
 * another one now, is not named any more.
 */
__subprogram int sock_back(struct sock_end *end, __u64 cookie, __u64 netns)
{
	struct sock_end called = *end;
	struct lb_frontend f;
	__u16 rev_nat_index = 0;

	if (sock_recall(cookie, end, &called, &rev_nat_index))
		return 0;
	if (!sock_find_service(&called, sock_cookie_is_host(netns), &f) ||
	    f.rev_nat_index != rev_nat_index || (!f.count && !(f.flags2 & LB_F2_L7))) {
		sock_forget(cookie, end);
		SOCK_COUNT(REASON_LB_REVNAT_STALE, DIR_INGRESS);
		return 0;
	}
	*end = called;
	return 1;
}

#endif
