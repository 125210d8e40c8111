/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A scenario run again with one thing changed that must not matter: what is changed, and of which packets.
 *
 * - vlan: on the wire to a node, and where a pod sends, frames carry an 802.1Q tag of VLAN 0, which says a
 *   priority and no VLAN (IEEE 802.1Q, 6.9). XDP programs find it in the data, tc programs in skb->vlan_tci
 *   (engine/sim_vlan.c); stacks take it off. What is of another VLAN is dropped or passed by rules of its
 *   own, and is no variant of anything.
 * - ip-options: IPv4 headers have four bytes more (RFC 791: no operation, thrice, and the end of the list).
 *   Packets near the MTU keep their size: they have as many bytes of data less.
 * - extension-headers: the same for IPv6, with a hop-by-hop header of padding (RFC 8200, 4.3).
 * - gso: a TCP segment or UDP datagram with data becomes several in one skb, with gso_size and gso_segs, larger
 *   than the MTU where its size lets it. Each segment is what the packet was, so it fares as the packet did.
 *   XDP programs see segments alone, so clusters that have some there are left out; and so is what gets
 *   headers by bpf_skb_adjust_room(): a test run says no type of GSO, and the kernel refuses that.
 * - non-linear: the skb's linear part is the Ethernet header. testrun: by data_end, which Linux knows since
 *   6.19; netns: frames are put into a ring of a packet socket, whose pages become the skb's fragments.
 * - checksum-complete: of what came in from a wire tc programs get skbs whose sum is known, and the kernel adds up
 *   again afterwards. Only who receives such a packet minds a wrong sum: sent on, it is forgotten; but a test run
 *   does not say what became of it.
 * - ipv6: in script space, packets are translated (packet/to_ip6.h): members have their own IPv6 addresses,
 *   the world those of RFC 6052.
 * - seeds: another scenario.seed; nothing is done here.
 */
#ifndef VERDICT_ENGINE_VARIANT_H
#define VERDICT_ENGINE_VARIANT_H

#include "engine/engine.h"
#include "packet/to_ip6.h"
#include "scenario/sweep.h"

struct variant {
	enum variant_kind kind;
	const char *name; /* "vlan", "seed 7" */
	uint64_t seed; /* of kind seeds */
};

/* Why an engine, or this machine, cannot run it on the cluster; NULL: it can. Static text, or from a. */
const char *variant_refused(const struct variant *v, const struct engine_ops *ops,
			    const struct cluster *c, struct arena *a);

/* Changes what is about to be injected, which may be live already: all kinds but ipv6. False: *why says why
 * the packet goes as it is. Bytes from a.
 */
bool variant_change(const struct variant *v, const struct cluster *c, struct injection *in,
		    struct arena *a, const char **why);

/* Before headers of `more` bytes come to it: a packet near the MTU gets as much data less. */
void variant_keep_size(struct frame *f, uint32_t more, struct arena *a);

/* The addresses of ipv6: whose they are in the cluster, or among the scenario's hosts. */
struct variant_family {
	struct to_ip6 to;
	const struct cluster *cluster;
	const struct scenario *scenario;
	struct arena *a;
};

/* Translates *f, in script space. False: it goes as it is, v->to.why says why. */
bool variant_to_ip6(struct variant_family *v, struct frame *f);
/* The IPv4 address of who has that IPv6 address; family 0: nobody has one. */
struct ip_addr variant_ip4_of(const struct variant_family *v, const struct ip_addr *six);

#endif
