/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Places a captured packet in the cluster. */
#include "engine/prepare.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <string.h>

#include "base/words.h"

#define ETH_HLEN      14
#define VLAN_HLEN     4
#define ARP_SENDER_IP 14 /* RFC 826 for Ethernet and IPv4 */
#define ARP_TARGET_IP 24

struct placement {
	struct ip_addr src, dst;
	bool arp;
};

/* An address that stands in for binding i between two rewrites: never a unicast one. */
static struct ip_addr placeholder(const struct ip_addr *like, size_t i)
{
	struct ip_addr p = { .family = like->family };

	if (like->family == 4)
		p.bytes[0] = p.bytes[1] = 0xfe;
	else
		p.bytes[0] = 0xff;
	p.bytes[like->family == 4 ? 2 : 14] = (uint8_t)(i >> 8);
	p.bytes[like->family == 4 ? 3 : 15] = (uint8_t)i;
	return p;
}

/* Rewrites what `as:` binds, all at once: by way of placeholders, so that two addresses can change
 * places. A binding to the world keeps the captured address.
 */
static int bind_addresses(const struct cluster *cluster, const struct send_step *send,
			  struct frame *frame, struct err *err)
{
	for (size_t i = 0; i < send->n_as; i++) {
		struct ip_addr via = placeholder(&send->as[i].address, i);

		if (send->as[i].member.kind != MEMBER_WORLD)
			frame_rewrite_address(frame, &send->as[i].address, &via);
	}
	for (size_t i = 0; i < send->n_as; i++) {
		const struct binding *b = &send->as[i];
		struct ip_addr via = placeholder(&b->address, i), to;
		int ret;

		if (b->member.kind == MEMBER_WORLD)
			continue;
		ret = cluster_member_address(cluster, &b->member, &b->address, &to, err);
		if (ret)
			return ret;
		frame_rewrite_address(frame, &via, &to);
	}
	return 0;
}

static bool find_addresses(const struct frame *frame, struct placement *p)
{
	struct layers l;

	p->arp = false;
	if (frame_addresses(frame, &p->src, &p->dst))
		return true;
	if (packet_parse(frame->data, frame->len, LINK_ETHERNET, &l) || l.arp == NO_OFFSET ||
	    (uint32_t)l.arp + ARP_TARGET_IP + 4 > frame->len)
		return false;
	p->arp = true;
	p->src.family = p->dst.family = 4;
	memcpy(p->src.bytes, frame->data + l.arp + ARP_SENDER_IP, 4);
	memcpy(p->dst.bytes, frame->data + l.arp + ARP_TARGET_IP, 4);
	return true;
}

static bool bound_to_world(const struct send_step *send, const struct ip_addr *addr)
{
	for (size_t i = 0; i < send->n_as; i++)
		if (send->as[i].member.kind == MEMBER_WORLD &&
		    ip_addr_equal(&send->as[i].address, addr))
			return true;
	return false;
}

/* Who sends from, or receives at, an address. */
static struct cluster_place owner(const struct prepare *p, const struct send_step *send,
				  const struct ip_addr *addr)
{
	if (bound_to_world(send, addr))
		return (struct cluster_place){ .node = -1 };
	return cluster_place_by_ip(p->cluster, addr);
}

static const char *addresses_text(struct arena *a, const struct placement *p)
{
	struct buf b = BUF_INIT;
	const char *text;

	ip_addr_print(&b, &p->src);
	buf_puts(&b, " and ");
	ip_addr_print(&b, &p->dst);
	text = arena_strdup(a, buf_str(&b));
	buf_free(&b);
	return text;
}

static int unmodelled(struct trace *trace, const char *why)
{
	trace->outcome = OUTCOME_UNMODELLED;
	trace->why = why;
	return 1;
}

static int strangers(struct trace *trace, const struct placement *at, struct arena *a)
{
	return unmodelled(trace, arena_printf(a,
					      "neither of its addresses %s belongs to a node; bind "
					      "them with `as:`",
					      addresses_text(a, at)));
}

/* Between nodes and the world: what engines can do that do not follow packets. */
static int place_simple(const struct placement *at, const struct cluster_place *dst,
			struct arena *a, struct injection *in, struct trace *trace)
{
	if (in->sender.endpoint || dst->endpoint)
		return unmodelled(trace, "it goes from or to a pod with an address of its own, "
					 "where this engine follows no packet");
	if (in->from < 0 && in->to < 0)
		return strangers(trace, at, a);
	if (in->from == in->to)
		return unmodelled(trace, "it goes from a node to the same node, by its loopback "
					 "device, where no program sits");
	return 0;
}

static bool has_address(const struct ip_addr *ips, size_t n, const struct ip_addr *ip)
{
	for (size_t i = 0; i < n; i++)
		if (ip_addr_equal(&ips[i], ip))
			return true;
	return false;
}

static bool is_service(const struct cluster *c, const struct ip_addr *ip)
{
	for (size_t i = 0; i < c->manifests.n_services; i++) {
		const struct k8s_service *s = &c->manifests.services[i];

		if (has_address(s->cluster_ips, s->n_cluster_ips, ip) ||
		    has_address(s->external_ips, s->n_external_ips, ip) ||
		    has_address(s->lb_ips, s->n_lb_ips, ip))
			return true;
	}
	return false;
}

static int no_such_node(const struct cluster *c, const struct send_step *send, struct arena *a,
			struct err *err)
{
	const char **names = arena_alloc(a, (c->n_nodes + 1) * sizeof(*names));
	const char *near;
	size_t n = 0;

	for (size_t i = 0; i < c->n_nodes; i++)
		if (!c->nodes[i].is_gone)
			names[n++] = c->nodes[i].name;
	near = nearest_name(send->via, names, n);
	return err_input(err, &send->via_loc, "via: no node '%s' in the cluster %s%s%s%s",
			 send->via, c->dir, near ? "; did you mean '" : "", near ? near : "",
			 near ? "'?" : "");
}

static int first_node(const struct cluster *c)
{
	for (size_t i = 0; i < c->n_nodes; i++)
		if (!c->nodes[i].is_gone)
			return (int)i;
	return -1;
}

/* What comes from the world reaches the node that has the address, or where it is said to enter, or for
 * an address of a service any node: the first.
 */
static int place_entry(const struct prepare *p, const struct send_step *send,
		       const struct placement *at, struct arena *a, struct injection *in,
		       struct trace *trace, struct err *err)
{
	const struct cluster_node *n;

	if (send->via) {
		n = cluster_node_by_name(p->cluster, send->via);
		if (!n)
			return no_such_node(p->cluster, send, a, err);
		in->to = (int)n->index;
	} else if (in->to < 0 && is_service(p->cluster, &at->dst)) {
		in->to = first_node(p->cluster);
	}
	return in->to < 0 ? strangers(trace, at, a) : 0;
}

static int place(const struct prepare *p, const struct send_step *send, const struct placement *at,
		 const struct flow_pass *pass, struct arena *a, struct injection *in,
		 struct trace *trace, struct err *err)
{
	struct cluster_place dst = owner(p, send, &at->dst);

	in->sender = pass->has_sender ? pass->sender : owner(p, send, &at->src);
	in->from = in->sender.node;
	in->to = dst.node;
	if (!p->follows)
		return place_simple(at, &dst, a, in, trace);
	if (in->sender.node < 0)
		return place_entry(p, send, at, a, in, trace, err);
	return 0;
}

static void set_macs(const struct topology *topology, const struct placement *at,
		     struct injection *in)
{
	const uint8_t *src = in->from < 0 ? topology->gateway_mac : topology->nodes[in->from].mac;
	const uint8_t *dst = in->to < 0 ? topology->gateway_mac : topology->nodes[in->to].mac;
	static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	bool to_all = at->arp && in->frame.len >= 6 && !memcmp(in->frame.data, broadcast, 6);

	frame_set_macs(&in->frame, src, to_all ? broadcast : dst);
}

/* A tag is no part of what the MTU counts (IEEE 802.3, 3.2.7). */
static bool is_tagged(const struct frame *f)
{
	uint16_t type = f->len < ETH_HLEN ? 0 : (uint16_t)(f->data[12] << 8 | f->data[13]);

	return type == ETH_P_8021Q || type == ETH_P_8021AD;
}

/* The device that the packet leaves its sender by, or comes in at from the world. */
static void first_device(const struct prepare *p, const struct injection *in, struct arena *a,
			 const char **name, uint16_t *mtu)
{
	const struct cluster_node *n = &p->cluster->nodes[in->from < 0 ? in->to : in->from];
	const struct cluster_device *d = in->sender.endpoint ? in->sender.endpoint->device
							     : cluster_device_of_role(n, "native");

	if (p->topology) {
		const struct topo_node *t = &p->topology->nodes[n->index];

		*name = arena_printf(a, "%s/%s", t->name, t->device);
		*mtu = t->mtu;
		return;
	}
	*name = arena_printf(a, "%s/%s", n->name, d->name);
	*mtu = d->mtu;
}

static int check_size(const struct prepare *p, const struct send_step *send,
		      const struct capture_packet *packet, const struct injection *in,
		      struct arena *a, struct err *err)
{
	uint32_t tag = is_tagged(&in->frame) ? VLAN_HLEN : 0;
	const char *device;
	uint16_t mtu;

	first_device(p, in, a, &device, &mtu);
	if (in->frame.len <= (uint32_t)mtu + ETH_HLEN + tag)
		return 0;
	err_input(err, &send->capture_loc,
		  "packet %u of %s has %u bytes, more than %s can carry (MTU %u)", packet->number,
		  send->capture, in->frame.len, device, mtu);
	if (send->flow)
		return err_hint(err, "say a smaller size in `do:`, or a larger `MTU` in `values:`");
	return err_hint(err, "the capture was made with segmentation or receive offload; "
			     "capture again after `ethtool -K DEVICE gro off gso off tso off`, "
			     "or leave the packet out with `packets:`");
}

static int fill_trace(const struct send_step *send, const struct capture_packet *packet,
		      struct arena *a, struct injection *in, struct trace *trace, struct err *err)
{
	int ret;

	trace->number = packet->number;
	trace->ts_ns = packet->ts_ns;
	trace->capture = send->capture;
	ret = frame_from_capture(a, packet, &in->frame, err);
	if (ret)
		return err_wrap(err, "%s", send->capture);
	trace->truncated = in->frame.padded;
	trace->frame = in->frame;
	trace->captured = in->frame;
	/* what follows writes in place */
	in->frame.data = arena_memdup(a, in->frame.data, in->frame.len);
	return 0;
}

/* Into live space. 1: not sent. */
static int go_live(const struct prepare *p, struct arena *a, struct injection *in,
		   struct flow_pass *pass, struct trace *trace)
{
	*pass = (struct flow_pass){ .flow = NULL };
	if (!p->flows)
		return 0;
	trace->scripted = in->frame;
	trace->scripted.data = arena_memdup(a, in->frame.data, in->frame.len);
	if (!flows_send(p->flows, &in->frame, pass, &trace->why))
		return 0;
	trace->frame = trace->scripted;
	trace->outcome = OUTCOME_NONE;
	return 1;
}

int prepare_packet(const struct prepare *p, const struct send_step *send,
		   const struct capture_packet *packet, struct arena *a, struct injection *in,
		   struct flow_pass *pass, struct trace *trace, struct err *err)
{
	struct placement at;
	int ret = fill_trace(send, packet, a, in, trace, err);

	if (!ret)
		ret = bind_addresses(p->cluster, send, &in->frame, err);
	if (!ret && p->family)
		variant_to_ip6(p->family, &in->frame);
	if (!ret)
		ret = go_live(p, a, in, pass, trace);
	if (ret)
		return ret;
	if (!find_addresses(&in->frame, &at))
		return unmodelled(trace,
				  "it has no IP header, so no node can be named as its sender");
	ret = place(p, send, &at, pass, a, in, trace, err);
	if (!ret)
		ret = check_size(p, send, packet, in, a, err);
	if (ret)
		return ret;
	if (p->topology)
		set_macs(p->topology, &at, in);
	trace->frame = in->frame;
	return 0;
}
