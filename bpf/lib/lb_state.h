/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A service and a backend as programs handle them, whatever the family; lb_maps.h has them as agents
 * write them.
 */
#ifndef VERDICT_LIB_LB_STATE_H
#define VERDICT_LIB_LB_STATE_H

#include <lib/common.h>

/* enum lb_scope: who asks. A service may have other backends for pods and sockets of the cluster than
 * for those who come from outside.
 */
enum lb_scope {
	LB_EXTERNAL = 0,
	LB_INTERNAL = 1,
};

/* A service as its client calls it; what follows scope is filled by lb_find(). */
struct lb_frontend {
	union addr address;
	__be16 port;
	__u8 protocol;
	bool is_ipv6;
	__u8 scope; /* enum lb_scope */
	__u8 flags, flags2; /* enum lb_flags, lb_flags2 */
	__u8 algorithm; /* enum lb_algorithm; 0: names none */
	__u16 count; /* slots 1 to count name backends */
	__u16 rev_nat_index;
	__u32 affinity_timeout; /* seconds; of an L7 service the proxy's port, network order */
};

struct lb_backend {
	union addr address;
	__u32 id; /* 0: none */
	__be16 port; /* 0: as the client's */
	__u8 state; /* enum lb_backend_state */
	__u8 zone;
};

/* Whom session affinity sticks to: an address, or the network namespace of a socket. */
struct lb_client {
	union addr id; /* a cookie lies in d1 */
	bool is_cookie;
};

/* What a packet's translation was: kept until it is told to conntrack, or undone. */
struct lb_state {
	struct lb_frontend frontend; /* rev_nat_index 0: no service */
	struct lb_backend backend;
	bool loopback; /* the client is its own backend */
	bool midway; /* the backend has not seen the connection begin */
	bool any_address; /* the service is one at every node's address: the client's is kept for answers */
};

#endif
