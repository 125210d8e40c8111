/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of the simulator share: sim.c (the order of steps), sim_hop.c (one program run),
 * sim_follow.c (after a program), sim_stack.c (a node's IP), sim_fragment.c (what it cuts), sim_answer.c (its errors), sim_wire.c (between nodes, pods and the world).
 */
#ifndef VERDICT_ENGINE_SIM_INTERNAL_H
#define VERDICT_ENGINE_SIM_INTERNAL_H

#include <string.h>

#include "engine/prog_run.h"
#include "engine/sim.h"
#include "engine/tunnel.h"
#include "packet/parse.h"

/* What happens to the packet next. */
enum sim_step {
	SIM_DONE, /* the trace has its outcome */
	SIM_RECEIVE, /* a native device has it from the wire: XDP, then tc */
	SIM_INGRESS, /* tc ingress of the device */
	SIM_STACK, /* the node's IP has it from the device */
	SIM_OUTPUT, /* the node's own namespace sends it */
	SIM_EGRESS, /* tc egress of the device */
	SIM_TRANSMIT, /* behind the device */
};

struct cut;

/* A packet on its way. */
struct walk {
	struct sim *sim;
	struct trace *trace;
	struct arena *a;
	struct frame frame;
	enum sim_step step;
	unsigned node;
	const struct cluster_device *dev;
	uint32_t mark; /* of the skb */
	struct skb_shape shape;
	uint32_t iif; /* device of this node it came in by; 0: made here */
	const struct tunnel_meta *tunnel; /* metadata it carries; NULL: none */
	bool is_outer; /* a tunnel device of this node made it */
	unsigned steps;
	struct cut *cut; /* the frame is a piece of what a node's stack cut; NULL: it is whole */
	struct frame answer; /* an ICMP error that the node it ended at sends; data NULL: none */
};

/* The packet's end. Returns 0. */
int walk_end(struct walk *w, enum outcome outcome, const char *at, const char *why);
int walk_unmodelled(struct walk *w, const char *why);
/* A socket's owner has it; endpoint NULL: the node's own namespace. */
int walk_deliver(struct walk *w, const struct cluster_endpoint *endpoint);
/* What happens between two programs, for people; at NULL: the node. */
void walk_note(struct walk *w, const char *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Bytes of its largest segment from the IP header on: what an MTU is compared with. */
uint32_t walk_ip_len(const struct walk *w);
const struct cluster_node *walk_node(const struct walk *w);
/* "master-0/eth0" */
const char *walk_at(const struct walk *w);

/* Of a device, by its name. */
static inline bool is_role(const struct cluster_device *dev, const char *role)
{
	return strcmp(dev->role, role) == 0;
}

/* sim_hooks.c: true if an agent attaches a program there with the cluster's values. */
bool sim_attached(const struct cluster *c, const struct cluster_device *dev, enum hook hook);
bool sim_has_ipip(const struct cluster *c);
enum tunnel_kind sim_tunnel(const struct cluster *c, uint16_t *port);

/* sim_hop.c. 0: it ran, the trace's last hop says how; 1: nothing sits there; 2: the trace has its outcome. */
int sim_hop(struct walk *w, enum hook hook, struct err *err);
/* sim_vlan.c. A frame's outer tag is in skb->vlan_tci where tc programs see it, not in the bytes: r runs by way of
 * a program that puts it there, and r->out has it again. As prog_run(), which runs what has none.
 */
int sim_run_tagged(struct sim *s, struct prog_run *r, const struct frame *whole, const char **why,
		   struct err *err);
/* Takes tags of VLAN 0 off, as a node's IP does that has no device for them. */
void sim_drop_priority_tags(struct walk *w);
/* Where it comes in from a wire or a pod: puts one on, if its shape says so and it has none. */
void sim_put_priority_tag(struct walk *w);
/* sim_follow.c: what the last hop comes to. */
int sim_after_xdp(struct walk *w, struct err *err);
int sim_after_tc(struct walk *w, enum sim_step otherwise, struct err *err);
/* sim_stack.c */
int sim_stack(struct walk *w, struct err *err);
int sim_output(struct walk *w, struct err *err);
/* Routes by the device alone, as bpf_redirect_neigh() does; next_hop NULL: by the packet's destination. */
int sim_neigh_output(struct walk *w, const struct ip_addr *next_hop, struct err *err);
/* sim_fragment.c: the frame, which is about to go out by w->dev, goes in pieces of at most mtu bytes. Each is
 * followed to its end; where all of them end they are one packet again, which goes on.
 */
int sim_cut(struct walk *w, const struct layers *l, uint32_t mtu);
/* w->step is SIM_DONE and w->cut is set: on with the next piece, or with the whole. */
int sim_next_piece(struct walk *w);
/* sim_answer.c: why a node's stack does not forward it. */
enum sim_error { SIM_TTL, SIM_TOO_BIG, SIM_NO_ROUTE, SIM_NO_HOST, SIM_PROHIBITED };
/* mtu: of SIM_TOO_BIG; else 0. */
int sim_answer(struct walk *w, const struct layers *l, enum sim_error error, uint32_t mtu,
	       struct err *err);
/* sim_advice.c: of a packet that a program dropped, what in the manifests did. */
int sim_advise(struct walk *w, struct err *err);
/* A place in the manifests that outlives the cluster. */
struct loc sim_loc(const struct walk *w, const struct loc *at);
/* sim_tell.c: what can be said of a packet's hops once it is at its end, where lookups are noted: the policy
 * that was asked for, and what was looked up without numbers of the machine.
 */
int sim_tell(struct walk *w, struct err *err);
/* sim_policy.c: of one hop at that node, hop->policy. */
int sim_tell_policy(struct walk *w, unsigned node, struct hop *hop, struct err *err);
/* sim_wire.c */
int sim_transmit(struct walk *w, struct err *err);
int sim_into_pod(struct walk *w, const struct cluster_endpoint *ep);

#endif
