/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Settings that an agent writes before load. The section is frozen then, so the verifier takes them
 * for constants and prunes what they switch off: no build variants.
 */
#ifndef VERDICT_LIB_CONFIG_H
#define VERDICT_LIB_CONFIG_H

#include <lib/common.h>

#define DECLARE_CONFIG(type, name, value, text)                                                    \
	__description("config:" text) volatile const type __config_##name SEC(".rodata.config") =  \
		value

#define CONFIG(name) __config_##name

/* Of addresses, word by word: what a volatile union is copied to is undefined for clang 14 where a part of it
 * is read next.
 */
#define CONFIG_IP6(name) ((union v6addr){ .d = { CONFIG(name).d.d1, CONFIG(name).d.d2 } })
#define CONFIG_MAC(name) ((union macaddr){ .pad = CONFIG(name).pad })

enum monitor_aggregation {
	AGGREGATE_NONE = 0,
	AGGREGATE_RX = 1, /* nothing on packets coming in */
	AGGREGATE_ACTIVE_CT = 3, /* and only news about a connection */
};

/* The device and the endpoint: names are Cilium's. Agents write all of them.
 */
DECLARE_CONFIG(__u32, interface_ifindex, 0, "Interface index of the device");
DECLARE_CONFIG(union macaddr, interface_mac, { .pad = 0 }, "MAC address of the device");
DECLARE_CONFIG(__u16, device_mtu, 1500, "MTU of the device");
DECLARE_CONFIG(__u8, eth_header_length, 14, "Length of the Ethernet header, 0 without one");
DECLARE_CONFIG(__u32, security_label, 1, "Identity of the endpoint the programs belong to");
DECLARE_CONFIG(__u16, host_ep_id, 0, "Endpoint id of the host, source of its events");
DECLARE_CONFIG(__u16, endpoint_id, 0, "Id of the pod's endpoint, source of its events; 0: no pod");
DECLARE_CONFIG(union v4addr, endpoint_ipv4, { .be32 = 0 }, "IPv4 address of the pod");
DECLARE_CONFIG(union v6addr, endpoint_ipv6, { .addr = { 0 } }, "IPv6 address of the pod");
DECLARE_CONFIG(union v6addr, router_ipv6, { .addr = { 0 } }, "IPv6 address that pods route by");
DECLARE_CONFIG(__u32, trace_payload_len, 128, "Bytes of a packet that follow an event");
DECLARE_CONFIG(bool, enable_icmp_rule, false, "Policy matches ICMP types as ports");
DECLARE_CONFIG(__u32, policy_verdict_log_filter, 3,
	       "Verdict events of: 1 the way in, 2 out, 3 both");
DECLARE_CONFIG(bool, allow_icmp_frag_needed, false, "Path MTU discovery passes the policy of pods");

/* What stands for the node where the packet of its own making has to come from somewhere. */
DECLARE_CONFIG(union v4addr, nat_ipv4_masquerade, { .be32 = 0 }, "IPv4 address of the node");
DECLARE_CONFIG(union v6addr, nat_ipv6_masquerade, { .addr = { 0 } }, "IPv6 address of the node");

/* Build-time settings in Cilium, ours at load time. */
DECLARE_CONFIG(bool, enable_ipv4, true, "IPv4; off: of it nothing is looked at");
DECLARE_CONFIG(bool, enable_ipv6, true, "IPv6; off: of it nothing is looked at");
DECLARE_CONFIG(bool, enable_host_routing, false, "Pods' packets pass by the host's stack");
DECLARE_CONFIG(bool, enable_endpoint_routes, false,
	       "Each pod has a route, its policy on the way in a program at tc egress");
DECLARE_CONFIG(__u32, cilium_host_ifindex, 0, "The host's own end of cilium_host and cilium_net");
DECLARE_CONFIG(union macaddr, cilium_host_mac, { .pad = 0 }, "Its MAC address");
DECLARE_CONFIG(bool, enable_host_firewall, false, "Track and filter the host's own traffic");
DECLARE_CONFIG(__u8, monitor_aggregation, AGGREGATE_NONE, "Fewer trace events: 0, 1 or 3");
DECLARE_CONFIG(bool, enable_sip_verification, true, "Pods send from their own addresses only");
DECLARE_CONFIG(bool, policy_on_established, false,
	       "Pods' policy judges each packet of who began a flow, not its first alone");
DECLARE_CONFIG(bool, policy_audit_mode, false, "Let pass what policy denies, and say so");
DECLARE_CONFIG(__u32, ct_lifetime_tcp, 8000, "Seconds a TCP connection lives without packets");
DECLARE_CONFIG(__u32, ct_lifetime_nontcp, 60, "Seconds any other flow lives without packets");
DECLARE_CONFIG(__u32, ct_syn_timeout, 60,
	       "Seconds a connection lives of which only SYNs were seen");
DECLARE_CONFIG(__u32, ct_close_timeout, 10, "Seconds a closed connection lives");
DECLARE_CONFIG(__u8, ct_report_flags, 0xff, "TCP flags whose first one is worth an event");
DECLARE_CONFIG(__u32, ct_report_interval, 5, "Seconds between trace events of one connection");

#endif
