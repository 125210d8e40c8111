/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Services at the socket: who connects or sends to a service gets a connection to a backend, no packet
 * of it needs translation. Attached to the root of the control groups.
 */
#include <lib/sock_health.h>
#include <lib/sock_translate.h>

static __always_inline int sock_fail(int err)
{
	bpf_set_retval(err);
	return SYS_REJECT;
}

static __always_inline int forward4(struct bpf_sock_addr *ctx)
{
	struct sock_end end = sock_end4(ctx);
	int ret = sock_forward(ctx, &end);

	if (ret < 0)
		return sock_fail(ret);
	if (ret)
		sock_store4(ctx, &end);
	return SYS_PROCEED;
}

/* Of each family a copy: the verifier goes through each once, and not through what they have in common with all that
 * may have come before.
 */
static __always_inline int forward_as(struct bpf_sock_addr *ctx, struct sock_end *end, bool ipv6)
{
	end->is_ipv6 = ipv6;
	return sock_forward(ctx, end);
}

static __always_inline int forward6(struct bpf_sock_addr *ctx)
{
	struct sock_end end = sock_end6(ctx);
	int ret = end.is_ipv6 ? forward_as(ctx, &end, true) : forward_as(ctx, &end, false);

	if (ret < 0)
		return sock_fail(ret);
	if (ret)
		sock_store6(ctx, &end);
	return SYS_PROCEED;
}

/* Cannot refuse: the kernel asks only what to say. */
static __always_inline int back4(struct bpf_sock_addr *ctx)
{
	struct sock_end end = sock_end4(ctx);

	if (sock_back(ctx, &end))
		sock_store4(ctx, &end);
	return SYS_PROCEED;
}

static __always_inline int back_as(struct bpf_sock_addr *ctx, struct sock_end *end, bool ipv6)
{
	end->is_ipv6 = ipv6;
	return sock_back(ctx, end);
}

static __always_inline int back6(struct bpf_sock_addr *ctx)
{
	struct sock_end end = sock_end6(ctx);

	if (end.is_ipv6 ? back_as(ctx, &end, true) : back_as(ctx, &end, false))
		sock_store6(ctx, &end);
	return SYS_PROCEED;
}

SEC("cgroup/connect4")
int cil_sock4_connect(struct bpf_sock_addr *ctx)
{
	if (sock_is_health_check(ctx)) {
		sock_end_health_check(ctx);
		return SYS_PROCEED;
	}
	return forward4(ctx);
}

SEC("cgroup/connect6")
int cil_sock6_connect(struct bpf_sock_addr *ctx)
{
	if (sock_is_health_check(ctx)) {
		sock_end_health_check(ctx);
		return SYS_PROCEED;
	}
	return forward6(ctx);
}

SEC("cgroup/sendmsg4")
int cil_sock4_sendmsg(struct bpf_sock_addr *ctx)
{
	return forward4(ctx);
}

SEC("cgroup/sendmsg6")
int cil_sock6_sendmsg(struct bpf_sock_addr *ctx)
{
	return forward6(ctx);
}

SEC("cgroup/recvmsg4")
int cil_sock4_recvmsg(struct bpf_sock_addr *ctx)
{
	return back4(ctx);
}

SEC("cgroup/recvmsg6")
int cil_sock6_recvmsg(struct bpf_sock_addr *ctx)
{
	return back6(ctx);
}

SEC("cgroup/getpeername4")
int cil_sock4_getpeername(struct bpf_sock_addr *ctx)
{
	return back4(ctx);
}

SEC("cgroup/getpeername6")
int cil_sock6_getpeername(struct bpf_sock_addr *ctx)
{
	return back6(ctx);
}

/* 1: end is what the bind asked for is noted, and nothing is bound. */
static __always_inline int note_health(struct bpf_sock_addr *ctx, struct sock_end *end)
{
	if (!sock_is_translated(end->protocol) || !sock_in_host(ctx) || !sock_is_health_check(ctx))
		return 0;
	if (sock_note_health(bpf_get_socket_cookie(ctx), end))
		return -ENOBUFS;
	end->addr = addr_ip4(0);
	end->port = 0;
	return 1;
}

SEC("cgroup/bind4")
int cil_sock4_pre_bind(struct bpf_sock_addr *ctx)
{
	struct sock_end end = sock_end4(ctx);
	int ret = note_health(ctx, &end);

	if (ret > 0)
		sock_store4(ctx, &end);
	return ret < 0 ? sock_fail(ret) : SYS_PROCEED;
}

SEC("cgroup/bind6")
int cil_sock6_pre_bind(struct bpf_sock_addr *ctx)
{
	struct sock_end end = sock_end6(ctx);
	int ret = note_health(ctx, &end);

	if (ret > 0)
		sock_store6(ctx, &end);
	return ret < 0 ? sock_fail(ret) : SYS_PROCEED;
}

/* The host must not take a port that its services are called at: nobody would reach it. Proxies that serve
 * a service do take its port.
 */
static __always_inline int check_bind(const struct sock_end *end)
{
	struct lb_frontend f = sock_frontend(end);
	bool found = lb_find(&f, LB_INTERNAL);

	if (!found && sock_is_node_port(end->port) && sock_find_at_any_address(&f))
		found = sock_place_of(end, true) & SOCK_HERE && f.flags & LB_F_NODE_PORT;
	if (found && !(f.flags2 & LB_F2_L7) &&
	    f.flags & (LB_F_NODE_PORT | LB_F_EXTERNAL_IP | LB_F_LOAD_BALANCER))
		return sock_fail(-EADDRINUSE);
	return SYS_PROCEED;
}

static __always_inline struct sock_end bound_end(struct bpf_sock *ctx)
{
	return (struct sock_end){
		.port = bpf_htons((__u16)SOCK_WORD(ctx, src_port)),
		.protocol = (__u8)SOCK_WORD(ctx, protocol),
	};
}

SEC("cgroup/post_bind4")
int cil_sock4_post_bind(struct bpf_sock *ctx)
{
	struct sock_end end = bound_end(ctx);

	if (!sock_is_translated(end.protocol) || !sock_in_host(ctx))
		return SYS_PROCEED;
	end.addr = addr_ip4(SOCK_WORD(ctx, src_ip4));
	return check_bind(&end);
}

SEC("cgroup/post_bind6")
int cil_sock6_post_bind(struct bpf_sock *ctx)
{
	struct sock_end end = bound_end(ctx);
	union v6addr ip6;

	if (!sock_is_translated(end.protocol) || !sock_in_host(ctx))
		return SYS_PROCEED;
	ip6.p.p1 = SOCK_WORD(ctx, src_ip6[0]);
	ip6.p.p2 = SOCK_WORD(ctx, src_ip6[1]);
	ip6.p.p3 = SOCK_WORD(ctx, src_ip6[2]);
	ip6.p.p4 = SOCK_WORD(ctx, src_ip6[3]);
	sock_set_ip6(&end, &ip6);
	return check_bind(&end);
}

/* Of connected sockets, what was remembered of the peer. */
SEC("cgroup/sock_release")
int cil_sock_release(struct bpf_sock *ctx)
{
	struct sock_end peer = { .port = *(volatile __be16 *)&ctx->dst_port };

	if (SOCK_WORD(ctx, family) == 2 /* AF_INET */) {
		peer.addr = addr_ip4(SOCK_WORD(ctx, dst_ip4));
	} else if (SOCK_WORD(ctx, family) == 10 /* AF_INET6 */) {
		union v6addr ip6 = {
			.p.p1 = SOCK_WORD(ctx, dst_ip6[0]),
			.p.p2 = SOCK_WORD(ctx, dst_ip6[1]),
			.p.p3 = SOCK_WORD(ctx, dst_ip6[2]),
			.p.p4 = SOCK_WORD(ctx, dst_ip6[3]),
		};

		sock_set_ip6(&peer, &ip6);
	} else {
		return SYS_PROCEED;
	}
	if (peer.port && !sock_forget(bpf_get_socket_cookie(ctx), &peer))
		SOCK_COUNT(REASON_LB_REVNAT_DELETE, DIR_EGRESS);
	return SYS_PROCEED;
}

char _license[] SEC("license") = "Dual BSD/GPL";
