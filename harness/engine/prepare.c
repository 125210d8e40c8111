/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Places a captured packet in the cluster. */
#include "engine/prepare.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <string.h>

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

/* Index of the node an address belongs to, -1 for the world. */
static int node_of(const struct cluster *cluster, const struct send_step *send,
		   const struct ip_addr *addr)
{
	const struct cluster_node *n;

	if (bound_to_world(send, addr))
		return -1;
	n = cluster_node_by_ip(cluster, addr);
	return n ? (int)n->index : -1;
}

static bool is_pod_address(const struct cluster *cluster, const struct ip_addr *addr)
{
	for (size_t i = 0; i < cluster->manifests.n_pods; i++) {
		const struct k8s_pod *pod = &cluster->manifests.pods[i];

		for (size_t j = 0; !pod->host_network && j < pod->n_ips; j++)
			if (ip_addr_equal(&pod->ips[j], addr))
				return true;
	}
	return false;
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

static int place(const struct cluster *cluster, const struct send_step *send,
		 const struct placement *p, struct arena *a, struct injection *in,
		 struct trace *trace)
{
	in->from = node_of(cluster, send, &p->src);
	in->to = node_of(cluster, send, &p->dst);
	if (is_pod_address(cluster, &p->src) || is_pod_address(cluster, &p->dst))
		return unmodelled(trace, "it goes from or to a pod with an address of its own, and "
					 "the datapath under test has no program for pods");
	if (in->from < 0 && in->to < 0)
		return unmodelled(trace,
				  arena_printf(a,
					       "neither of its addresses %s belongs to a node; "
					       "bind them with `as:`",
					       addresses_text(a, p)));
	if (in->from == in->to)
		return unmodelled(trace, "it goes from a node to the same node, by its loopback "
					 "device, where no program sits");
	return 0;
}

static void set_macs(const struct topology *topology, const struct placement *p,
		     struct injection *in)
{
	const uint8_t *src = in->from < 0 ? topology->gateway_mac : topology->nodes[in->from].mac;
	const uint8_t *dst = in->to < 0 ? topology->gateway_mac : topology->nodes[in->to].mac;
	static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	bool to_all = p->arp && in->frame.len >= 6 && !memcmp(in->frame.data, broadcast, 6);

	frame_set_macs(&in->frame, src, to_all ? broadcast : dst);
}

/* A tag is no part of what the MTU counts (IEEE 802.3, 3.2.7). */
static bool is_tagged(const struct frame *f)
{
	uint16_t type = f->len < ETH_HLEN ? 0 : (uint16_t)(f->data[12] << 8 | f->data[13]);

	return type == ETH_P_8021Q || type == ETH_P_8021AD;
}

static int check_size(const struct topology *topology, const struct send_step *send,
		      const struct capture_packet *packet, const struct injection *in,
		      struct err *err)
{
	const struct topo_node *n = &topology->nodes[in->from < 0 ? in->to : in->from];
	uint32_t tag = is_tagged(&in->frame) ? VLAN_HLEN : 0;

	if (in->frame.len > (uint32_t)n->mtu + ETH_HLEN + tag) {
		err_input(err, &send->capture_loc,
			  "packet %u of %s has %u bytes, more than %s/%s can carry (MTU %u)",
			  packet->number, send->capture, in->frame.len, n->name, n->device, n->mtu);
		return err_hint(err,
				"the capture was made with segmentation or receive offload; "
				"capture again after `ethtool -K DEVICE gro off gso off tso off`, "
				"or leave the packet out with `packets:`");
	}
	return 0;
}

int prepare_packet(const struct cluster *cluster, const struct topology *topology,
		   const struct send_step *send, const struct capture_packet *packet,
		   struct arena *a, struct injection *in, struct trace *trace, struct err *err)
{
	struct placement p;
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
	ret = bind_addresses(cluster, send, &in->frame, err);
	if (ret)
		return ret;
	if (!find_addresses(&in->frame, &p))
		return unmodelled(trace,
				  "it has no IP header, so no node can be named as its sender");
	ret = place(cluster, send, &p, a, in, trace);
	if (ret)
		return ret;
	ret = check_size(topology, send, packet, in, err);
	if (ret)
		return ret;
	set_macs(topology, &p, in);
	trace->frame = in->frame;
	return 0;
}
