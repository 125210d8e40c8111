/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Services at the socket, in test runs (socketLB.enabled): what a pod's or a node's program connects to is told
 * by a real socket. It is one of a control group with the node's socket programs, in the node's network namespace
 * or in one of the pod's own; TCP connects in repair mode (TCP_REPAIR), so that no packet is ever sent. UDP is taken
 * for connected, as resolvers have it: one connect() a flow.
 *
 * Not so: unconnected UDP, which asks at each sendmsg(); bind() to what is a node port; sockets that agents close
 * because their backend is gone.
 */
#ifndef VERDICT_ENGINE_SOCK_LB_H
#define VERDICT_ENGINE_SOCK_LB_H

#include "engine/sim.h"
#include "packet/ends.h"

struct sock_lb;

/* Of one node, until its maps or its namespace are others. objects: folder with bpf_sock.o; 1: there is none. */
int sock_lb_open(const struct sim *s, unsigned node, const char *objects, const char *pin_dir,
		 struct sock_lb **out, struct err *err);
void sock_lb_close(struct sock_lb *lb); /* NULL is fine */

/* True: with the cluster's values sockets of that sender ask the node's programs. */
bool sock_lb_is_for(const struct cluster *c, const struct cluster_place *sender);

struct sock_answer {
	struct packet_end peer; /* where the packets go */
	struct packet_end seen; /* what the program is told by getpeername() */
	int no; /* errno of connect(); 0: it is connected */
};

/* proto: IPPROTO_TCP or IPPROTO_UDP. */
int sock_lb_connect(struct sock_lb *lb, const struct cluster_place *sender, uint8_t proto,
		    const struct packet_end *to, struct sock_answer *out, struct err *err);

#endif
