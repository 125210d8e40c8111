/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Settings of node ports, source NAT and masquerade. Names that Cilium has are Cilium's. */
#ifndef VERDICT_LIB_NODEPORT_CONFIG_H
#define VERDICT_LIB_NODEPORT_CONFIG_H

#include <lib/config.h>

/* How a backend on another node is reached. */
enum lb_mode {
	LB_SNAT = 0, /* the node stands in for the client, answers come back through it */
	LB_DSR = 1, /* the backend's node answers the client */
	LB_HYBRID = 2, /* TCP by DSR, the rest by SNAT */
	LB_ANNOTATED = 3, /* by DSR where the service asks for it */
};

/* How the backend's node learns by DSR what the client asked for. */
enum dsr_dispatch {
	DSR_OPTION = 0, /* an IPv4 option, an IPv6 destination option */
	DSR_GENEVE = 1, /* an option of the tunnel's header */
	DSR_IPIP = 2, /* from the packet inside, which is as the client sent it */
};

DECLARE_CONFIG(bool, enable_nodeport, false, "Serve services at the node's edge");
DECLARE_CONFIG(bool, host_policy_on_services, false,
	       "The host's policy judges what is asked of services here, too");
DECLARE_CONFIG(__u16, nodeport_port_max, 32767, "Last node port; NAT takes ports above it");
DECLARE_CONFIG(__u8, lb_mode, LB_SNAT, "To remote backends: 0 SNAT, 1 DSR, 2 hybrid, 3 annotated");
DECLARE_CONFIG(__u8, dsr_dispatch, DSR_OPTION, "DSR by 0 IP option, 1 Geneve, 2 IP in IP");
DECLARE_CONFIG(union v4addr, router_ipv4, { .be32 = 0 },
	       "IPv4 address of the node in its pods' network");
DECLARE_CONFIG(bool, dsr_option_network_order, false,
	       "Write DSR's IPv4 option in network order, not as Cilium on little-endian machines");
DECLARE_CONFIG(union v4addr, dsr_rss_prefix4, { .be32 = 0 }, "Sources of IP in IP: network");
DECLARE_CONFIG(__u8, dsr_rss_prefix4_len, 32, "Sources of IP in IP: bits of the network");
DECLARE_CONFIG(union v6addr, dsr_rss_prefix6, { .addr = { 0 } }, "Sources of IPv6 in IPv6");
DECLARE_CONFIG(__u8, dsr_rss_prefix6_len, 128, "Sources of IPv6 in IPv6: bits of the network");

DECLARE_CONFIG(bool, enable_ipv4_masquerade, false, "Pods reach the world as the node: IPv4");
DECLARE_CONFIG(bool, enable_ipv6_masquerade, false, "Pods reach the world as the node: IPv6");
DECLARE_CONFIG(bool, enable_remote_node_masquerade, false, "And other nodes too");
DECLARE_CONFIG(union v4addr, native_routing_cidr4, { .be32 = 0 }, "Not masqueraded: network");
DECLARE_CONFIG(__u8, native_routing_cidr4_len, 255, "Not masqueraded: bits; 255 for none");
DECLARE_CONFIG(union v6addr, native_routing_cidr6, { .addr = { 0 } }, "Not masqueraded: network");
DECLARE_CONFIG(__u8, native_routing_cidr6_len, 255, "Not masqueraded: bits; 255 for none");
DECLARE_CONFIG(__u16, ephemeral_min, 32768, "First port that NAT takes where no node ports are");

#endif
