/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* RTM_GETROUTE and RTM_GETNEIGH for one address (rtnetlink(7)), over a socket that belongs to the node's
 * namespace wherever the thread is.
 */
#include "engine/fib.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/ns.h"

#define ANSWER_MAX 8192

struct fib {
	int sock;
	uint32_t seq;
	union {
		struct nlmsghdr head;
		uint8_t bytes[ANSWER_MAX];
	} answer;
};

struct request {
	struct nlmsghdr head;
	union {
		struct rtmsg route;
		struct ndmsg neighbour;
	};
	uint8_t room[256];
};

int fib_open(int ns_fd, struct fib **out, struct err *err)
{
	__cleanup_fd int home = ns_current(err);
	struct fib *f;
	int sock, ret = home < 0 ? home : ns_enter(ns_fd, err);

	if (ret)
		return ret;
	sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (sock < 0)
		err_system(err, errno, "cannot open a netlink socket");
	ret = ns_enter(home, err);
	if (sock < 0 || ret) {
		fd_cleanup(&sock);
		return -err->no;
	}
	f = calloc(1, sizeof(*f));
	f->sock = sock;
	*out = f;
	return 0;
}

void fib_close(struct fib *f)
{
	if (!f)
		return;
	close(f->sock);
	free(f);
}

static void put(struct request *r, unsigned short type, const void *data, size_t len)
{
	struct rtattr *a = (void *)((uint8_t *)r + NLMSG_ALIGN(r->head.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (unsigned short)RTA_LENGTH(len);
	memcpy(RTA_DATA(a), data, len);
	r->head.nlmsg_len = NLMSG_ALIGN(r->head.nlmsg_len) + (uint32_t)RTA_ALIGN(RTA_LENGTH(len));
}

static void put_number(struct request *r, unsigned short type, uint32_t n)
{
	put(r, type, &n, sizeof(n));
}

static size_t addr_len(const struct ip_addr *a)
{
	return a->family == 4 ? 4 : 16;
}

static unsigned char addr_family(const struct ip_addr *a)
{
	return a->family == 4 ? AF_INET : AF_INET6;
}

/* 0: the answer is in f->answer; a positive errno: the kernel's own refusal. */
static int ask(struct fib *f, struct request *r, struct err *err)
{
	const struct nlmsgerr *refusal;
	ssize_t n;

	r->head.nlmsg_flags = NLM_F_REQUEST;
	r->head.nlmsg_seq = ++f->seq;
	if (send(f->sock, r, r->head.nlmsg_len, 0) < 0)
		return err_system(err, errno, "asking the kernel for a route or neighbour");
	do {
		n = recv(f->sock, f->answer.bytes, sizeof(f->answer), 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_system(err, errno, "reading the kernel's answer about a route");
	if (!NLMSG_OK(&f->answer.head, n) || f->answer.head.nlmsg_seq != f->seq)
		return err_system(err, EPROTO, "the kernel's answer about a route");
	if (f->answer.head.nlmsg_type != NLMSG_ERROR)
		return 0;
	refusal = NLMSG_DATA(&f->answer.head);
	return -refusal->error;
}

static void take_addr(const struct rtattr *a, uint8_t family, struct ip_addr *out)
{
	*out = (struct ip_addr){ .family = family == AF_INET ? 4 : 6 };
	memcpy(out->bytes, RTA_DATA(a), addr_len(out));
}

/* An IPv4 route by an IPv6 gateway. */
static void take_via(const struct rtattr *a, struct ip_addr *out)
{
	const struct rtvia *via = RTA_DATA(a);

	*out = (struct ip_addr){ .family = via->rtvia_family == AF_INET ? 4 : 6 };
	memcpy(out->bytes, via->rtvia_addr, addr_len(out));
}

static uint32_t metric_mtu(struct rtattr *metrics)
{
	int len = RTA_PAYLOAD(metrics);

	for (struct rtattr *a = RTA_DATA(metrics); RTA_OK(a, len); a = RTA_NEXT(a, len))
		if (a->rta_type == RTAX_MTU)
			return *(const uint32_t *)RTA_DATA(a);
	return 0;
}

static void take_attribute(struct rtattr *a, const struct rtmsg *msg, struct fib_route *out)
{
	switch (a->rta_type) {
	case RTA_OIF:
		out->ifindex = *(const uint32_t *)RTA_DATA(a);
		break;
	case RTA_GATEWAY:
		out->has_gateway = true;
		take_addr(a, msg->rtm_family, &out->gateway);
		break;
	case RTA_VIA:
		out->has_gateway = true;
		take_via(a, &out->gateway);
		break;
	case RTA_PREFSRC:
		take_addr(a, msg->rtm_family, &out->src);
		break;
	case RTA_METRICS:
		out->mtu = metric_mtu(a);
		break;
	default:
		break;
	}
}

static int no_of_type(unsigned char type)
{
	switch (type) {
	case RTN_PROHIBIT:
		return EACCES;
	case RTN_BLACKHOLE:
		return EINVAL;
	case RTN_UNREACHABLE:
		return EHOSTUNREACH;
	default:
		return ENETUNREACH;
	}
}

static void take_route(struct fib *f, struct fib_route *out)
{
	const struct rtmsg *msg = NLMSG_DATA(&f->answer.head);
	int len = (int)RTM_PAYLOAD(&f->answer.head);

	for (struct rtattr *a = RTM_RTA(msg); RTA_OK(a, len); a = RTA_NEXT(a, len))
		take_attribute(a, msg, out);
	switch (msg->rtm_type) {
	case RTN_UNICAST:
		out->kind = FIB_UNICAST;
		break;
	case RTN_LOCAL:
	case RTN_ANYCAST:
	case RTN_BROADCAST:
	case RTN_MULTICAST:
		out->kind = FIB_LOCAL;
		break;
	default:
		out->kind = FIB_NONE;
		out->no = no_of_type(msg->rtm_type);
	}
}

int fib_route(struct fib *f, const struct fib_query *q, struct fib_route *out, struct err *err)
{
	struct request r = {
		.head = { .nlmsg_type = RTM_GETROUTE, .nlmsg_len = NLMSG_LENGTH(sizeof(r.route)) },
		.route = { .rtm_family = addr_family(&q->dst),
			   .rtm_dst_len = (unsigned char)(8 * addr_len(&q->dst)) },
	};
	int ret;

	put(&r, RTA_DST, q->dst.bytes, addr_len(&q->dst));
	if (q->src.family) {
		r.route.rtm_src_len = (unsigned char)(8 * addr_len(&q->src));
		put(&r, RTA_SRC, q->src.bytes, addr_len(&q->src));
	}
	if (q->iif)
		put_number(&r, RTA_IIF, q->iif);
	if (q->oif)
		put_number(&r, RTA_OIF, q->oif);
	if (q->mark)
		put_number(&r, RTA_MARK, q->mark);
	*out = (struct fib_route){ .kind = FIB_NONE };
	ret = ask(f, &r, err);
	if (ret < 0)
		return ret;
	if (ret)
		out->no = ret;
	else
		take_route(f, out);
	return 0;
}

int fib_neighbour(struct fib *f, uint32_t ifindex, const struct ip_addr *addr, uint8_t mac[6],
		  struct err *err)
{
	struct request r = {
		.head = { .nlmsg_type = RTM_GETNEIGH,
			  .nlmsg_len = NLMSG_LENGTH(sizeof(r.neighbour)) },
		.neighbour = { .ndm_family = addr_family(addr), .ndm_ifindex = (int)ifindex },
	};
	const struct ndmsg *msg;
	int ret, len;

	put(&r, NDA_DST, addr->bytes, addr_len(addr));
	ret = ask(f, &r, err);
	if (ret)
		return ret < 0 ? ret : -ENOENT;
	msg = NLMSG_DATA(&f->answer.head);
	len = (int)NLMSG_PAYLOAD(&f->answer.head, sizeof(*msg));
	for (struct rtattr *a = (void *)((uint8_t *)msg + NLMSG_ALIGN(sizeof(*msg)));
	     RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if (a->rta_type != NDA_LLADDR || RTA_PAYLOAD(a) != 6)
			continue;
		memcpy(mac, RTA_DATA(a), 6);
		return 0;
	}
	return -ENOENT;
}
