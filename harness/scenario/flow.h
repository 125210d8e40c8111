/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A flow written by hand: `tcp: {from: client, to: svc/web:80, do: [handshake, "GET /", reply, fin]}`.
 *
 * As pure data: names are resolved against the cluster and packets are made by engine/flow_make.h. What
 * `do` says is unfolded here, so that one item is one packet and packet numbers are known before any
 * run: `handshake` becomes three items.
 */
#ifndef VERDICT_SCENARIO_FLOW_H
#define VERDICT_SCENARIO_FLOW_H

#include "scenario/scenario.h"

struct world_host { /* a line of the scenario's `hosts:` */
	const char *name;
	struct ip_addr *ips; /* at least one */
	size_t n_ips;
	struct loc loc;
};

enum flow_end_kind {
	FLOW_END_NAME, /* a host of `hosts:`, or the short name of a pod, a node, a service */
	FLOW_END_NODE,
	FLOW_END_POD,
	FLOW_END_SERVICE,
	FLOW_END_ADDRESS,
};

/* Which address of a service. */
enum flow_frontend {
	FLOW_CLUSTER_IP,
	FLOW_NODE_PORT, /* of .node, at the port's node port */
	FLOW_LOAD_BALANCER,
	FLOW_EXTERNAL_IP,
};

struct flow_end {
	enum flow_end_kind kind;
	const char *ns; /* pods and services; NULL: not said */
	const char *name;
	struct ip_addr address; /* FLOW_END_ADDRESS */
	uint16_t port; /* host order; 0: not said by number */
	const char *port_name; /* of a service's port; NULL */
	enum flow_frontend frontend;
	const char *node; /* FLOW_NODE_PORT: whose address */
	const char *text; /* as written */
	struct loc loc;
};

enum flow_item_kind {
	/* TCP */
	FLOW_SYN,
	FLOW_SYN_ACK,
	FLOW_ACK,
	FLOW_FIN, /* FIN and ACK: one packet */
	FLOW_RST,
	/* SCTP, a chunk each */
	FLOW_INIT,
	FLOW_INIT_ACK,
	FLOW_COOKIE_ECHO,
	FLOW_COOKIE_ACK,
	FLOW_SHUTDOWN,
	FLOW_SHUTDOWN_ACK,
	FLOW_SHUTDOWN_COMPLETE,
	FLOW_ABORT,
	/* of all */
	FLOW_DATA, /* ICMP: an echo, by `reply` its answer */
	FLOW_RETRANSMIT, /* the packet before, again */
	FLOW_ERROR, /* an ICMP error about the packet before */
	FLOW_IDLE, /* no packet: time passes */
};

enum flow_error {
	FLOW_PORT_UNREACHABLE,
	FLOW_HOST_UNREACHABLE,
	FLOW_PROHIBITED,
	FLOW_FRAG_NEEDED, /* IPv6: packet too big */
	FLOW_TTL_EXCEEDED,
};

struct flow_item {
	enum flow_item_kind kind;
	bool reply; /* from the side of `to` */
	const char *text; /* DATA by text; NULL: .size bytes of filler */
	uint32_t size;
	uint64_t idle_ns;
	enum flow_error error;
	uint32_t mtu; /* FLOW_FRAG_NEEDED */
	const struct flow_end *by; /* who sends the error; NULL: who the packet before was for */
	struct loc loc;
};

struct flow_step {
	uint8_t proto; /* IPPROTO_TCP, _UDP, _SCTP, _ICMP (of either family) */
	const char *name; /* NULL: no later step goes on with it */
	const struct flow_step *earlier; /* the step this one goes on with; NULL: a new flow */
	unsigned index; /* of new flows: how many the scenario began before it */
	struct flow_end from, to; /* of new flows */
	uint8_t family; /* 4, 6; 0: IPv4 where both have it */
	uint16_t sport; /* 0: chosen by index; ICMP: the identifier */
	uint8_t ttl, tos;
	uint16_t mss; /* TCP's option; 0: what the MTU gives */
	const char *via; /* node where a packet from the world enters; NULL */
	struct loc loc, via_loc;
	struct flow_item *items;
	size_t n_items;
	uint32_t first; /* number of the first packet: counted over all steps of the flow, from 1 */
	uint32_t n_packets; /* of this step */
};

/* The words of `do:`, for the reference. */
void flow_print_words(struct buf *out);

#endif
