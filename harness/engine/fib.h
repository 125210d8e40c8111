/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A node's own routing, asked by rtnetlink: what its stack would do with a packet. */
#ifndef VERDICT_ENGINE_FIB_H
#define VERDICT_ENGINE_FIB_H

#include "base/err.h"
#include "packet/rewrite.h"

struct fib;

/* The namespace may be left and forgotten afterwards; the calling thread stays where it is. */
int fib_open(int ns_fd, struct fib **out, struct err *err);
void fib_close(struct fib *f); /* NULL is fine */

struct fib_query {
	struct ip_addr dst;
	struct ip_addr src; /* family 0: the stack chooses */
	uint32_t iif; /* the packet came in there; 0: made by the node itself */
	uint32_t oif; /* it is to leave by that device; 0: any */
	uint32_t mark;
};

enum fib_kind {
	FIB_UNICAST, /* goes on by a device */
	FIB_LOCAL, /* is the node's own, or a group's it listens to */
	FIB_NONE, /* no route, or one that says so: `no` tells how */
};

struct fib_route {
	enum fib_kind kind;
	uint32_t ifindex;
	bool has_gateway;
	struct ip_addr gateway;
	struct ip_addr src; /* that the stack would send from; family 0: not told */
	uint32_t mtu; /* the route's own; 0: the device's */
	int no; /* FIB_NONE: ENETUNREACH, EHOSTUNREACH, EACCES (prohibit), EINVAL (the source is martian, or
		 * the route a blackhole)
		 */
};

int fib_route(struct fib *f, const struct fib_query *q, struct fib_route *out, struct err *err);
/* The MAC of a neighbour; -ENOENT without err: the stack would have to ask for it. */
int fib_neighbour(struct fib *f, uint32_t ifindex, const struct ip_addr *addr, uint8_t mac[6],
		  struct err *err);

#endif
