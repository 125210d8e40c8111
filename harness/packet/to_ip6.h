/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An IPv4 packet as IPv6, as RFC 7915 translates: headers, ICMP with what it quotes, checksums. */
#ifndef VERDICT_PACKET_TO_IP6_H
#define VERDICT_PACKET_TO_IP6_H

#include "packet/rewrite.h"

struct to_ip6 {
	struct arena *a;
	/* The IPv6 address of whoever has that IPv4 address; false: *why says why there is none. */
	bool (*address)(void *arg, const struct ip_addr *four, struct ip_addr *six,
			const char **why);
	void *arg;
	const char *why; /* of a packet that was not translated */
};

/* *f gets new bytes from t->a: 20 more, 40 of an ICMP error. False, and *f as it was, for what is no whole IPv4 packet with
 * right checksums, or has no counterpart in ICMPv6.
 */
bool frame_to_ip6(struct frame *f, struct to_ip6 *t);

#endif
