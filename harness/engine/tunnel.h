/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What tunnel devices put around a packet and take off again: VXLAN (RFC 7348), Geneve (RFC 8926), IP in
 * IP (RFC 2003, RFC 2473).
 */
#ifndef VERDICT_ENGINE_TUNNEL_H
#define VERDICT_ENGINE_TUNNEL_H

#include "packet/parse.h"
#include "packet/rewrite.h"
#include "target/helper_env.h"

#define VXLAN_PORT  8472 /* Linux's and Cilium's; IANA's is 4789 */
#define GENEVE_PORT 6081

enum tunnel_kind { TUNNEL_VXLAN, TUNNEL_GENEVE };

/* *in is the Ethernet frame that was sent on the device, *key what a program asked for; src is the outer
 * source where the key names none. *out has an Ethernet header without MACs. The source port is a hash of
 * the inner flow, as the kernel's is, but the same in every run.
 */
void tunnel_wrap(enum tunnel_kind kind, uint16_t port, const struct frame *in,
		 const struct tunnel_meta *key, const struct ip_addr *src, struct arena *a,
		 struct frame *out);
/* True if *in, whose headers are *l, is such a packet to that port; *out is the frame inside, *key what
 * the device says of it. False too for a header that the device would refuse.
 */
bool tunnel_unwrap(enum tunnel_kind kind, uint16_t port, const struct frame *in,
		   const struct layers *l, struct arena *a, struct frame *out,
		   struct tunnel_meta *key);
/* True if *in carries an IP packet right behind its IP header; *out is that, with *in's MACs. */
bool ipip_unwrap(const struct frame *in, const struct layers *l, struct arena *a,
		 struct frame *out);

#endif
