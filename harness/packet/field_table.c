/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The one table of packet fields, by Wireshark's names and in its value formats. */
#include "packet/field_table.h"

/* clang-format off */
#define NUMBER(o, n) .off = (o), .size = (n)
#define BITS(o, n, m, s) .off = (o), .size = (n), .mask = (m), .shift = (s)
#define FLAG(o, n, m) .kind = KIND_FLAG, .off = (o), .size = (n), .mask = (m), .part = true
#define HEX .kind = KIND_HEX
#define MAC(o) .kind = KIND_MAC, .off = (o), .size = 6
#define IP4(o) .kind = KIND_IP4, .off = (o), .size = 4
#define IP6(o) .kind = KIND_IP6, .off = (o), .size = 16
#define OR(o) .off2 = (o), .part = true

/* Headers a packet has one of. */
#define FIELDS_ONCE(X) \
	X("frame.len", "length of the frame in bytes", FRAME, .special = SPECIAL_LEN) \
	X("arp.hw.type", "hardware type", ARP, NUMBER(0, 2)) \
	X("arp.proto.type", "protocol type", ARP, HEX, NUMBER(2, 2)) \
	X("arp.hw.size", "length of a hardware address", ARP, NUMBER(4, 1)) \
	X("arp.proto.size", "length of a protocol address", ARP, NUMBER(5, 1)) \
	X("arp.opcode", "1 request, 2 reply", ARP, NUMBER(6, 2)) \
	X("arp.src.hw_mac", "sender's MAC", ARP, MAC(8), .when = WHEN_ARP_IP4) \
	X("arp.src.proto_ipv4", "sender's address", ARP, IP4(14), .when = WHEN_ARP_IP4) \
	X("arp.dst.hw_mac", "target's MAC", ARP, MAC(18), .when = WHEN_ARP_IP4) \
	X("arp.dst.proto_ipv4", "target's address", ARP, IP4(24), .when = WHEN_ARP_IP4) \
	X("vxlan.flags", "0x0800: there is a VNI", VXLAN, HEX, NUMBER(0, 2)) \
	X("vxlan.vni", "VXLAN network identifier", VXLAN, BITS(4, 4, 0xffffff00, 8)) \
	X("geneve.version", "0", GENEVE, BITS(0, 1, 0xc0, 6)) \
	X("geneve.flags", "control packet, critical options", GENEVE, HEX, NUMBER(1, 1)) \
	X("geneve.proto_type", "0x6558: Ethernet", GENEVE, HEX, NUMBER(2, 2)) \
	X("geneve.vni", "virtual network identifier", GENEVE, HEX, BITS(4, 4, 0xffffff00, 8), .digits = 6)

/* Headers that may come twice: a second VLAN tag, the packet an ICMP error quotes or a tunnel carries. */
#define FIELDS_TWICE(X) \
	X("eth.dst", "destination MAC", ETH, MAC(0)) \
	X("eth.src", "source MAC", ETH, MAC(6)) \
	X("eth.addr", "source or destination MAC", ETH, MAC(0), OR(6)) \
	X("eth.type", "EtherType behind the MACs", ETH, HEX, NUMBER(12, 2), .when = WHEN_TYPE) \
	X("vlan.id", "VLAN of the 802.1Q tag", VLAN, BITS(0, 2, 0x0fff, 0)) \
	X("vlan.priority", "priority of the 802.1Q tag", VLAN, BITS(0, 2, 0xe000, 13)) \
	X("vlan.dei", "drop eligible", VLAN, .kind = KIND_FLAG, BITS(0, 2, 0x1000, 12)) \
	X("vlan.etype", "EtherType behind the 802.1Q tag", VLAN, HEX, NUMBER(2, 2), \
	  .when = WHEN_TYPE) \
	X("ieee8021ad.id", "VLAN of the 802.1ad tag", QINQ, BITS(0, 2, 0x0fff, 0)) \
	X("ieee8021ad.priority", "priority of the 802.1ad tag", QINQ, BITS(0, 2, 0xe000, 13)) \
	X("ip.version", "4 or 6", IP, BITS(0, 1, 0xf0, 4)) \
	X("ip.hdr_len", "length of the header in bytes", IP4, BITS(0, 1, 0x0f, 0), .scale = 4) \
	X("ip.dsfield", "DSCP and ECN", IP4, HEX, NUMBER(1, 1)) \
	X("ip.dsfield.dscp", "differentiated services", IP4, BITS(1, 1, 0xfc, 2), .part = true) \
	X("ip.dsfield.ecn", "congestion notification", IP4, BITS(1, 1, 0x03, 0), .part = true) \
	X("ip.len", "length of header and data", IP4, NUMBER(2, 2)) \
	X("ip.id", "identification", IP4, HEX, NUMBER(4, 2)) \
	X("ip.flags", "reserved bit, DF, MF", IP4, HEX, BITS(6, 1, 0xe0, 5)) \
	X("ip.flags.rb", "reserved bit", IP4, FLAG(6, 1, 0x80)) \
	X("ip.flags.df", "don't fragment", IP4, FLAG(6, 1, 0x40)) \
	X("ip.flags.mf", "more fragments", IP4, FLAG(6, 1, 0x20)) \
	X("ip.frag_offset", "fragment offset in units of 8 bytes", IP4, BITS(6, 2, 0x1fff, 0)) \
	X("ip.ttl", "time to live", IP4, NUMBER(8, 1)) \
	X("ip.proto", "1 ICMP, 6 TCP, 17 UDP, 132 SCTP", IP4, NUMBER(9, 1)) \
	X("ip.checksum", "header checksum", IP4, HEX, NUMBER(10, 2)) \
	X("ip.checksum.status", "whether it is right: 1 yes, 0 no, 2 cannot be told, 3 none", IP4, \
	  .special = SPECIAL_CHECKSUM, .size = 1, .part = true) \
	X("ip.src", "source address", IP4, IP4(12)) \
	X("ip.dst", "destination address", IP4, IP4(16)) \
	X("ip.addr", "source or destination address", IP4, IP4(12), OR(16)) \
	X("ipv6.version", "6", IP6, BITS(0, 1, 0xf0, 4)) \
	X("ipv6.tclass", "traffic class", IP6, HEX, BITS(0, 4, 0x0ff00000, 20)) \
	X("ipv6.tclass.dscp", "differentiated services", IP6, BITS(0, 4, 0x0fc00000, 22), \
	  .part = true) \
	X("ipv6.tclass.ecn", "congestion notification", IP6, BITS(0, 4, 0x00300000, 20), \
	  .part = true) \
	X("ipv6.flow", "flow label", IP6, HEX, BITS(0, 4, 0x000fffff, 0), .digits = 6) \
	X("ipv6.plen", "length behind the header", IP6, NUMBER(4, 2)) \
	X("ipv6.nxt", "type of the next header", IP6, NUMBER(6, 1)) \
	X("ipv6.hlim", "hop limit", IP6, NUMBER(7, 1)) \
	X("ipv6.src", "source address", IP6, IP6(8)) \
	X("ipv6.dst", "destination address", IP6, IP6(24)) \
	X("ipv6.addr", "source or destination address", IP6, IP6(8), OR(24)) \
	X("ipv6.fraghdr.nxt", "type of the header behind", IP6_FRAGMENT, NUMBER(0, 1)) \
	X("ipv6.fraghdr.offset", "fragment offset in units of 8 bytes", IP6_FRAGMENT, \
	  BITS(2, 2, 0xfff8, 3)) \
	X("ipv6.fraghdr.more", "more fragments", IP6_FRAGMENT, .kind = KIND_FLAG, \
	  BITS(2, 2, 0x0001, 0)) \
	X("ipv6.fraghdr.ident", "identification", IP6_FRAGMENT, HEX, NUMBER(4, 4)) \
	X("tcp.srcport", "source port", TCP, NUMBER(0, 2)) \
	X("tcp.dstport", "destination port", TCP, NUMBER(2, 2)) \
	X("tcp.port", "source or destination port", TCP, NUMBER(0, 2), OR(2)) \
	X("tcp.seq_raw", "sequence number as sent", TCP, NUMBER(4, 4)) \
	X("tcp.ack_raw", "acknowledgment number as sent", TCP, NUMBER(8, 4)) \
	X("tcp.hdr_len", "length of the header in bytes", TCP, BITS(12, 1, 0xf0, 4), .scale = 4) \
	X("tcp.flags", "all flags; also by name: SYN,ACK", TCP, HEX, BITS(12, 2, 0x0fff, 0)) \
	X("tcp.flags.cwr", "congestion window reduced", TCP, FLAG(13, 1, 0x80)) \
	X("tcp.flags.ece", "ECN echo", TCP, FLAG(13, 1, 0x40)) \
	X("tcp.flags.urg", "urgent", TCP, FLAG(13, 1, 0x20)) \
	X("tcp.flags.ack", "acknowledgment", TCP, FLAG(13, 1, 0x10)) \
	X("tcp.flags.push", "push", TCP, FLAG(13, 1, 0x08)) \
	X("tcp.flags.reset", "reset", TCP, FLAG(13, 1, 0x04)) \
	X("tcp.flags.syn", "synchronise", TCP, FLAG(13, 1, 0x02)) \
	X("tcp.flags.fin", "finish", TCP, FLAG(13, 1, 0x01)) \
	X("tcp.window_size_value", "window as sent, not scaled", TCP, NUMBER(14, 2)) \
	X("tcp.checksum", "checksum", TCP, HEX, NUMBER(16, 2)) \
	X("tcp.checksum.status", "whether it is right: 1 yes, 0 no, 2 cannot be told, 3 none", TCP, \
	  .special = SPECIAL_CHECKSUM, .size = 1, .part = true) \
	X("tcp.urgent_pointer", "urgent pointer", TCP, NUMBER(18, 2)) \
	X("tcp.options", "options, as bytes", TCP, .kind = KIND_BYTES, \
	  .special = SPECIAL_OPTIONS) \
	X("tcp.len", "bytes of data", TCP, .special = SPECIAL_LEN) \
	X("tcp.payload", "data, as bytes", TCP, .kind = KIND_BYTES, .special = SPECIAL_PAYLOAD) \
	X("udp.srcport", "source port", UDP, NUMBER(0, 2)) \
	X("udp.dstport", "destination port", UDP, NUMBER(2, 2)) \
	X("udp.port", "source or destination port", UDP, NUMBER(0, 2), OR(2)) \
	X("udp.length", "length of header and data", UDP, NUMBER(4, 2)) \
	X("udp.checksum", "checksum; 0x0000 is none", UDP, HEX, NUMBER(6, 2)) \
	X("udp.checksum.status", "whether it is right: 1 yes, 0 no, 2 cannot be told, 3 none", UDP, \
	  .special = SPECIAL_CHECKSUM, .size = 1, .part = true) \
	X("udp.payload", "data, as bytes", UDP, .kind = KIND_BYTES, .special = SPECIAL_PAYLOAD) \
	X("sctp.srcport", "source port", SCTP, NUMBER(0, 2)) \
	X("sctp.dstport", "destination port", SCTP, NUMBER(2, 2)) \
	X("sctp.port", "source or destination port", SCTP, NUMBER(0, 2), OR(2)) \
	X("sctp.verification_tag", "verification tag", SCTP, HEX, NUMBER(4, 4)) \
	X("sctp.checksum", "CRC32c", SCTP, HEX, NUMBER(8, 4)) \
	X("sctp.checksum.status", "whether it is right: 1 yes, 0 no, 2 cannot be told, 3 none", SCTP, \
	  .special = SPECIAL_CHECKSUM, .size = 1, .part = true) \
	X("icmp.type", "0 echo reply, 3 unreachable, 8 echo request, 11 time exceeded", ICMP, \
	  NUMBER(0, 1)) \
	X("icmp.code", "detail of the type", ICMP, NUMBER(1, 1)) \
	X("icmp.checksum", "checksum", ICMP, HEX, NUMBER(2, 2)) \
	X("icmp.checksum.status", "whether it is right: 1 yes, 0 no, 2 cannot be told, 3 none", ICMP, \
	  .special = SPECIAL_CHECKSUM, .size = 1, .part = true) \
	X("icmp.ident", "identifier of an echo", ICMP, NUMBER(4, 2), .when = WHEN_ECHO) \
	X("icmp.seq", "sequence number of an echo", ICMP, NUMBER(6, 2), .when = WHEN_ECHO) \
	X("icmp.mtu", "MTU, where fragmentation is needed", ICMP, NUMBER(6, 2), \
	  .when = WHEN_FRAG_NEEDED) \
	X("icmp.redir_gw", "router of a redirect", ICMP, IP4(4), .when = WHEN_REDIRECT) \
	X("icmpv6.type", "1 unreachable, 2 too big, 128 echo request, 129 echo reply", ICMP6, \
	  NUMBER(0, 1)) \
	X("icmpv6.code", "detail of the type", ICMP6, NUMBER(1, 1)) \
	X("icmpv6.checksum", "checksum", ICMP6, HEX, NUMBER(2, 2)) \
	X("icmpv6.checksum.status", "whether it is right: 1 yes, 0 no, 2 cannot be told, 3 none", ICMP6, \
	  .special = SPECIAL_CHECKSUM, .size = 1, .part = true) \
	X("icmpv6.echo.identifier", "identifier of an echo", ICMP6, HEX, NUMBER(4, 2), \
	  .when = WHEN_ECHO6) \
	X("icmpv6.echo.sequence_number", "sequence number of an echo", ICMP6, NUMBER(6, 2), \
	  .when = WHEN_ECHO6) \
	X("icmpv6.mtu", "MTU, where the packet was too big", ICMP6, NUMBER(4, 4), \
	  .when = WHEN_TOO_BIG) \
	X("icmpv6.nd.ns.target_address", "whose MAC is asked for", ICMP6, IP6(8), \
	  .when = WHEN_SOLICIT) \
	X("icmpv6.nd.na.target_address", "whose MAC is told", ICMP6, IP6(8), \
	  .when = WHEN_ADVERT)

#define FIRST(n, t, b, ...) { .name = n, .text = t, .base = BASE_##b, __VA_ARGS__ },
#define SECOND(n, t, b, ...) \
	{ .name = n "#2", .text = t ", of the second such header", .base = BASE_##b, .nth = 1, \
	  __VA_ARGS__ },

const struct field field_table[] = {
	FIELDS_ONCE(FIRST)
	FIELDS_TWICE(FIRST)
	FIRST("data.data", "data that no protocol was found for, as bytes", PAYLOAD,
	      .kind = KIND_BYTES, .special = SPECIAL_PAYLOAD)
	FIELDS_TWICE(SECOND)
};
/* clang-format on */

const size_t field_table_n = sizeof(field_table) / sizeof(field_table[0]);
