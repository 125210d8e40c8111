/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A node's IP: what is for itself, what it forwards, and by which device; its own routes and neighbours
 * decide.
 */
#include <errno.h>
#include <linux/if_ether.h>
#include <string.h>

#include "engine/sim_internal.h"
#include "engine/stack.h"

static struct fib *node_fib(const struct walk *w)
{
	return w->sim->nodes[w->node].fib;
}

/* ---- out ---- */

static bool find_mac(struct walk *w, const struct ip_addr *next, uint8_t mac[6], struct err *err,
		     int *ret)
{
	/* cilium_host asks nobody (IFF_NOARP): arp_constructor() takes the device's own address */
	if (is_role(w->dev, "host") || is_role(w->dev, "net")) {
		memcpy(mac, w->dev->mac, ETH_ALEN);
		return true;
	}
	if (is_role(w->dev, "endpoint")) {
		memcpy(mac, w->dev->endpoint->mac, ETH_ALEN);
		return true;
	}
	*ret = fib_neighbour(node_fib(w), w->dev->ifindex, next, mac, err);
	return *ret == 0;
}

static int no_neighbour(struct walk *w, const struct ip_addr *next)
{
	__cleanup_buf struct buf b = BUF_INIT;

	ip_addr_print(&b, next);
	return walk_unmodelled(w, arena_printf(w->a,
					       "node %s would have to ask by ARP or neighbour "
					       "discovery who has %s",
					       walk_node(w)->name, buf_str(&b)));
}

static void note_next(struct walk *w, const struct ip_addr *next)
{
	__cleanup_buf struct buf b = BUF_INIT;

	ip_addr_print(&b, next);
	walk_note(w, NULL, "routes it to %s by %s", buf_str(&b), w->dev->name);
}

static int output_to(struct walk *w, const struct ip_addr *next, struct err *err)
{
	uint8_t mac[ETH_ALEN];
	int ret = 0;

	if (!find_mac(w, next, mac, err, &ret))
		return ret == -ENOENT ? no_neighbour(w, next) : ret;
	note_next(w, next);
	w->frame.data = arena_memdup(w->a, w->frame.data, w->frame.len);
	frame_set_macs(&w->frame, w->dev->mac, mac);
	w->step = SIM_EGRESS;
	return 0;
}

static const char *no_route(const struct fib_route *r)
{
	switch (r->no) {
	case EINVAL:
		return "the node's routing refuses it: a source that cannot come from there";
	case EACCES:
		return "the node's routing prohibits it";
	default:
		return "the node has no route for it";
	}
}

static bool route_device(struct walk *w, const struct fib_route *r)
{
	const struct cluster_device *dev = cluster_device_by_ifindex(walk_node(w), r->ifindex);

	if (!dev)
		return false;
	w->dev = dev;
	return true;
}

int sim_neigh_output(struct walk *w, const struct ip_addr *next_hop, struct err *err)
{
	struct fib_query q = { .oif = w->dev->ifindex };
	struct fib_route r;
	struct ip_addr src;
	int ret;

	if (next_hop)
		return output_to(w, next_hop, err);
	if (!frame_addresses(&w->frame, &src, &q.dst))
		return walk_end(w, OUTCOME_DROPPED, walk_at(w),
				"bpf_redirect_neigh of what is no IP packet");
	q.mark = w->mark;
	ret = fib_route(node_fib(w), &q, &r, err);
	if (ret)
		return ret;
	if (r.kind != FIB_UNICAST)
		return walk_end(w, OUTCOME_DROPPED, walk_at(w),
				"bpf_redirect_neigh finds no route by that device");
	return output_to(w, r.has_gateway ? &r.gateway : &q.dst, err);
}

/* IPv6 is never cut on the way. */
static bool must_not_fragment(const struct frame *f, const struct layers *l)
{
	return l->ip.version == 6 || f->data[l->ip.l3 + 6] & 0x40;
}

/* Headers with the next hop's MACs first: each piece has them. */
static int output_pieces(struct walk *w, const struct layers *l, uint32_t mtu,
			 const struct ip_addr *next, struct err *err)
{
	int ret = output_to(w, next, err);

	if (ret || w->step != SIM_EGRESS || walk_ip_len(w) <= mtu)
		return ret;
	return sim_cut(w, l, mtu);
}

/* A group's packets and those without IP leave by the native device, with the MACs they have. */
static int output_unrouted(struct walk *w)
{
	w->dev = cluster_device_of_role(walk_node(w), "native");
	w->step = SIM_EGRESS;
	return 0;
}

/* What the node itself makes and has no room for by that route. */
static int output_too_big(struct walk *w, const struct layers *l, uint32_t mtu,
			  const struct ip_addr *next, struct err *err)
{
	const char *size =
		arena_printf(w->a, "%u bytes, and %s takes %u", walk_ip_len(w), w->dev->name, mtu);

	if (l->ip.version == 6 && w->is_outer)
		return walk_unmodelled(w, arena_printf(w->a,
						       "the tunnel's packet has %s: IPv6 fragments "
						       "are not modelled",
						       size));
	if (must_not_fragment(&w->frame, l))
		return walk_end(w, OUTCOME_DROPPED, walk_node(w)->name,
				arena_printf(w->a,
					     "it has %s; it must not be cut, so its sender gets "
					     "EMSGSIZE or sends less",
					     size));
	return output_pieces(w, l, mtu, next, err);
}

/* By the loopback device, where no program sits. */
static int to_itself(struct walk *w)
{
	w->trace->final = w->frame;
	w->trace->place = (struct cluster_place){ .node = (int)w->node };
	return walk_end(w, OUTCOME_DELIVERED, arena_printf(w->a, "%s/lo", walk_node(w)->name),
			NULL);
}

int sim_output(struct walk *w, struct err *err)
{
	struct fib_query q = { .mark = w->mark };
	const struct ip_addr *next;
	struct fib_route r;
	struct layers l;
	uint32_t mtu;
	int ret;

	if (!frame_addresses(&w->frame, &q.src, &q.dst) || ip_addr_is_group(&q.dst))
		return output_unrouted(w);
	if (sim_has_ipip(w->sim->cluster)) /* it may come from a service's address */
		q.src.family = 0;
	ret = fib_route(node_fib(w), &q, &r, err);
	if (ret)
		return ret;
	if (r.kind == FIB_LOCAL)
		return to_itself(w);
	if (r.kind == FIB_NONE)
		return walk_end(w, OUTCOME_DROPPED, walk_node(w)->name, no_route(&r));
	if (!route_device(w, &r))
		return walk_unmodelled(w, "its route leads to a device that is not modelled");
	mtu = r.mtu ? r.mtu : w->dev->mtu;
	next = r.has_gateway ? &r.gateway : &q.dst;
	if (walk_ip_len(w) <= mtu)
		return output_to(w, next, err);
	packet_parse(w->frame.data, w->frame.len, LINK_ETHERNET, &l);
	return output_too_big(w, &l, mtu, next, err);
}

/* ---- in ---- */

static int into_overlay(struct walk *w, const struct frame *inner, const struct tunnel_meta *key)
{
	w->frame = *inner;
	w->dev = cluster_device_of_role(walk_node(w), "overlay");
	walk_note(w, NULL, "takes the tunnel's headers off: VNI %u", key->id);
	w->tunnel = arena_memdup(w->a, key, sizeof(*key));
	w->iif = w->dev->ifindex;
	w->mark = 0;
	w->step = SIM_INGRESS;
	return 0;
}

static int local(struct walk *w, const struct layers *l)
{
	const struct cluster_device *overlay = cluster_device_of_role(walk_node(w), "overlay");
	struct tunnel_meta key;
	struct frame inner;
	uint16_t port;
	enum tunnel_kind kind = sim_tunnel(w->sim->cluster, &port);

	if (l->ip.more_fragments || l->ip.frag_off)
		return walk_deliver(w, NULL);
	if (overlay && tunnel_unwrap(kind, port, &w->frame, l, w->a, &inner, &key))
		return into_overlay(w, &inner, &key);
	if (sim_has_ipip(w->sim->cluster) && ipip_unwrap(&w->frame, l, w->a, &inner)) {
		w->frame = inner;
		walk_note(
			w, NULL,
			"takes the outer IP header off; the service's address is on its loopback, "
			"as DSR by IP in IP asks of backends");
	}
	return walk_deliver(w, NULL);
}

static int not_forwarded(struct walk *w, const struct layers *l, enum sim_error error, uint32_t mtu,
			 const char *why, struct err *err)
{
	int ret = sim_answer(w, l, error, mtu, err);

	return ret ? ret : walk_end(w, OUTCOME_DROPPED, walk_node(w)->name, why);
}

static enum sim_error error_of(const struct fib_route *r)
{
	return r->no == EACCES	       ? SIM_PROHIBITED
	       : r->no == EHOSTUNREACH ? SIM_NO_HOST
				       : SIM_NO_ROUTE;
}

static int forward(struct walk *w, const struct layers *l, const struct fib_route *r,
		   const struct ip_addr *dst, struct err *err)
{
	uint32_t mtu;

	if (!route_device(w, r))
		return walk_unmodelled(w, "its route leads to a device that is not modelled");
	mtu = r->mtu ? r->mtu : w->dev->mtu;
	if (!frame_hop(&w->frame, l, w->a))
		return not_forwarded(w, l, SIM_TTL, 0, "its TTL ends here", err);
	if (walk_ip_len(w) > mtu && must_not_fragment(&w->frame, l))
		return not_forwarded(w, l, SIM_TOO_BIG, mtu,
				     arena_printf(w->a, "it has %u bytes, and %s takes %u",
						  walk_ip_len(w), w->dev->name, mtu),
				     err);
	return output_pieces(w, l, mtu, r->has_gateway ? &r->gateway : dst, err);
}

static int route_in(struct walk *w, const struct layers *l, struct err *err)
{
	struct fib_query q = { .iif = w->dev->ifindex, .mark = w->mark };
	struct fib_route r;
	int ret;

	frame_addresses(&w->frame, &q.src, &q.dst);
	if (ip_addr_is_group(&q.dst))
		return walk_deliver(w, NULL);
	ret = fib_route(node_fib(w), &q, &r, err);
	if (ret)
		return ret;
	switch (r.kind) {
	case FIB_LOCAL:
		return local(w, l);
	case FIB_UNICAST:
		return forward(w, l, &r, &q.dst, err);
	default:
		if (r.no == EINVAL) /* dropped without a word */
			return walk_end(w, OUTCOME_DROPPED, walk_node(w)->name, no_route(&r));
		return not_forwarded(w, l, error_of(&r), 0, no_route(&r), err);
	}
}

int sim_stack(struct walk *w, struct err *err)
{
	const char *ignored = stack_ignores(&w->frame, w->dev->mac);
	struct layers l;

	if (ignored)
		return walk_unmodelled(w, ignored);
	sim_drop_priority_tags(w);
	packet_parse(w->frame.data, w->frame.len, 1, &l);
	if (l.ip.l3 == NO_OFFSET)
		return walk_deliver(w, NULL); /* ARP, and what only a packet socket would see */
	return route_in(w, &l, err);
}
