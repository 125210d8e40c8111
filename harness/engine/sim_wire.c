/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What lies behind a device: the wire with the other nodes and the world's router, a pod's namespace, the
 * other end of cilium_host, a tunnel.
 */
#include <errno.h>
#include <linux/if_ether.h>
#include <string.h>

#include "engine/sim_internal.h"
#include "engine/sim_net.h"
#include "engine/stack.h"

static bool has_address(const struct cluster_endpoint *ep, const struct ip_addr *ip)
{
	for (size_t i = 0; i < ep->n_ips; i++)
		if (ip_addr_equal(&ep->ips[i], ip))
			return true;
	return false;
}

/* A pod forwards nothing: its stack takes what is for its MAC and its address. */
int sim_into_pod(struct walk *w, const struct cluster_endpoint *ep)
{
	const char *ignored = stack_ignores(&w->frame, ep->mac);
	struct ip_addr src, dst;

	if (ignored)
		return walk_end(w, OUTCOME_DROPPED, ep->name, ignored);
	if (frame_addresses(&w->frame, &src, &dst) && !ip_addr_is_group(&dst) &&
	    !has_address(ep, &dst)) {
		struct layers l;

		packet_parse(w->frame.data, w->frame.len, 1, &l);
		return walk_end(
			w, OUTCOME_DROPPED, ep->name,
			arena_printf(w->a, "pod %s has not the address it goes to", ep->name));
	}
	return walk_deliver(w, ep);
}

static int to_world(struct walk *w)
{
	walk_end(w, OUTCOME_SENT, "world", NULL);
	w->trace->final = w->frame;
	w->trace->place = (struct cluster_place){ .node = -1 };
	return 0;
}

static int to_node(struct walk *w, unsigned node)
{
	const char *from = walk_at(w);

	w->node = node;
	w->dev = cluster_device_of_role(walk_node(w), "native");
	walk_note(w, from, "on the wire to %s", walk_at(w));
	w->mark = 0;
	w->tunnel = NULL;
	w->is_outer = false;
	w->iif = w->dev->ifindex;
	sim_put_priority_tag(w);
	w->step = SIM_RECEIVE;
	return 0;
}

/* The router sends on what comes back to the cluster: a node's address is on its wire, too. */
static int to_router(struct walk *w)
{
	struct cluster_place to;
	struct ip_addr src, dst;
	struct layers l;

	if (!frame_addresses(&w->frame, &src, &dst))
		return to_world(w);
	to = cluster_place_by_ip(w->sim->cluster, &dst);
	if (to.node < 0)
		return to_world(w);
	packet_parse(w->frame.data, w->frame.len, 1, &l);
	if (!frame_hop(&w->frame, &l, w->a))
		return walk_end(w, OUTCOME_DROPPED, "world", "its TTL ends at the world's router");
	walk_note(w, "world", "the router sends it on to %s", w->sim->cluster->nodes[to.node].name);
	frame_set_macs(&w->frame, sim_gateway_mac,
		       cluster_device_of_role(&w->sim->cluster->nodes[to.node], "native")->mac);
	return to_node(w, (unsigned)to.node);
}

/* Which node's native device a switch sends the frame to; -1: none's. */
static int receiver(const struct cluster *c, const struct frame *f)
{
	const struct cluster_node *n = f->len >= ETH_ALEN ? cluster_node_by_mac(c, f->data) : NULL;

	return n ? (int)n->index : -1;
}

static int on_the_wire(struct walk *w)
{
	int node = receiver(w->sim->cluster, &w->frame);

	if (node >= 0 && (unsigned)node != w->node)
		return to_node(w, (unsigned)node);
	if (node >= 0)
		return walk_end(w, OUTCOME_DROPPED, walk_at(w),
				"it was sent to the node's own MAC, and no switch sends a frame "
				"back where it came from");
	if (w->frame.len >= ETH_ALEN && memcmp(w->frame.data, sim_gateway_mac, ETH_ALEN) == 0)
		return to_router(w);
	return to_world(w);
}

static const struct ip_addr *outer_source(const struct cluster_node *n,
					  const struct tunnel_meta *key)
{
	for (size_t i = 0; i < n->n_ips; i++)
		if (n->ips[i].family == (key->ipv6 ? 6 : 4))
			return &n->ips[i];
	return &n->ips[0];
}

static int into_tunnel(struct walk *w)
{
	struct frame outer;
	uint16_t port;
	enum tunnel_kind kind = sim_tunnel(w->sim->cluster, &port);

	if (!w->tunnel || !w->tunnel->has_key)
		return walk_end(w, OUTCOME_DROPPED, walk_at(w),
				"it was sent on the tunnel device without a tunnel key");
	tunnel_wrap(kind, port, &w->frame, w->tunnel, outer_source(walk_node(w), w->tunnel), w->a,
		    &outer);
	walk_note(w, walk_at(w), "%s header for VNI %u put on",
		  kind == TUNNEL_GENEVE ? "a Geneve" : "a VXLAN", w->tunnel->id);
	w->frame = outer;
	w->tunnel = NULL;
	w->is_outer = true;
	w->iif = 0;
	w->step = SIM_OUTPUT;
	return 0;
}

/* veth: what is sent on cilium_host comes in by cilium_net, and the other way round. */
static int through_pair(struct walk *w)
{
	const char *peer = is_role(w->dev, "host") ? "net" : "host";

	w->dev = cluster_device_of_role(walk_node(w), peer);
	w->iif = w->dev->ifindex;
	w->step = SIM_INGRESS;
	return 0;
}

int sim_transmit(struct walk *w, struct err *err)
{
	(void)err;
	if (is_role(w->dev, "native"))
		return on_the_wire(w);
	if (is_role(w->dev, "overlay"))
		return into_tunnel(w);
	if (is_role(w->dev, "endpoint"))
		return sim_into_pod(w, w->dev->endpoint);
	return through_pair(w);
}
