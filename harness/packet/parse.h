/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Finding the headers of a packet: offsets only, bytes stay where they are.
 *
 * Never reads past caplen, whatever the lengths inside the packet say. What could be parsed is
 * filled in; `stop` says why parsing ended early, if it did.
 */
#ifndef VERDICT_PACKET_PARSE_H
#define VERDICT_PACKET_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#define NO_OFFSET (-1)

/* L3 and L4 of one IP packet: the packet's own, or the one quoted in an ICMP error. */
struct ip_layers {
	int l3; /* offset of the IP header, NO_OFFSET if none */
	uint8_t version; /* 4, 6; 0 if none */
	/* Offset of the transport header; NO_OFFSET in later fragments or where cut. At least its first
	 * 8 bytes are there (ports; type, code and checksum), all of it only if payload is set.
	 */
	int l4;
	uint8_t proto; /* final protocol (after IPv6 extension headers) */
	uint16_t frag_off; /* in bytes */
	bool more_fragments;
	int payload; /* offset behind the whole transport header, NO_OFFSET if none or unknown */
	int end; /* where the IP packet ends by its own length, at most caplen */
};

struct layers {
	uint16_t linktype;
	int eth; /* offset of the Ethernet header, NO_OFFSET for others */
	int vlan[2]; /* offsets of the 802.1Q/ad tags' TCI, outermost first */
	uint16_t ethertype; /* innermost, host order; of RAW and NULL what they imply; 0: none */
	int arp; /* offset of the ARP header */
	struct ip_layers ip;
	struct ip_layers inner; /* quoted by an ICMP or ICMPv6 error */
	/* VXLAN (to UDP port 4789, or 8472 as Linux has it) or Geneve (6081): offset of that header;
	 * NO_OFFSET: none.
	 */
	int vxlan, geneve;
	int carried_eth; /* the Ethernet header in it; NO_OFFSET: none */
	struct ip_layers carried; /* what is in it, or right behind an IP header (IP in IP) */
	const char *stop; /* NULL, or "truncated IPv4 header" ... */
};

/* Returns 0, or -EINVAL when not even the link layer could be read (stop says why). */
int packet_parse(const uint8_t *data, uint32_t caplen, uint16_t linktype, struct layers *l);

/* True for ICMP/ICMPv6 types that quote a packet. */
bool icmp_is_error(uint8_t type);
bool icmp6_is_error(uint8_t type);

/* Offset of the first IPv6 extension header of that type (43 routing, 44 fragment ...), of which at
 * least 8 bytes are there; NO_OFFSET if the packet has none.
 */
int ip6_extension(const uint8_t *data, const struct ip_layers *ip, uint8_t type);

#endif
