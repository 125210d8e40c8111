/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The modes of each object that matter, by name: settings as datapath_open.h takes them. */
#ifndef VERDICT_TESTS_DATAPATH_MODES_H
#define VERDICT_TESTS_DATAPATH_MODES_H

/* Addresses and devices where a mode needs them; numbers as they lie in memory. */
#define NODE                                                                                       \
	"interface_ifindex=2 nat_ipv4_masquerade=0x010aa8c0 nat_ipv6_masquerade=0x1000fd "         \
	"host_ep_id=4077 "
#define POD                                                                                        \
	"interface_ifindex=20 endpoint_id=20 security_label=30020 endpoint_ipv4=0x1401000a "       \
	"endpoint_ipv6=0x0100fd nat_ipv4_masquerade=0x010aa8c0 host_ep_id=4077 "
#define OVERLAY	 "tunnel_ifindex=9 "
#define NODEPORT "enable_nodeport=1 "
#define DSR	 NODEPORT "lb_mode=1 "
#define MASQ	 "enable_ipv4_masquerade=1 enable_ipv6_masquerade=1 "
#define EXCLUSION                                                                                  \
	"native_routing_cidr4=0x0a native_routing_cidr4_len=8 native_routing_cidr6=0xfd "          \
	"native_routing_cidr6_len=32 "
#define IPIP_FROM                                                                                  \
	"dsr_rss_prefix4=0x0a dsr_rss_prefix4_len=8 dsr_rss_prefix6=0xfd dsr_rss_prefix6_len=32 "
#define FIREWALL     "enable_host_firewall=1 "
#define ROUTING	     "enable_host_routing=1 "
#define QUIET	     "monitor_aggregation=3 "
#define DROPS_ONLY   "trace_events=0 policy_verdict_events=0 "
#define SILENT	     DROPS_ONLY "drop_events=0 "
#define ACCELERATION "enable_nodeport_acceleration=1 "

static const struct combination {
	const char *object, *name, *config;
} combinations[] = {
	{ "bpf_host", "as built", "" },
	{ "bpf_host", "firewall", NODE FIREWALL },
	{ "bpf_host", "firewall, aggregation rx", NODE FIREWALL "monitor_aggregation=1" },
	{ "bpf_host", "firewall, aggregation active", NODE FIREWALL QUIET },
	{ "bpf_host", "firewall, audit", NODE FIREWALL "policy_audit_mode=1" },
	{ "bpf_host", "firewall, ICMP rules", NODE FIREWALL "enable_icmp_rule=1" },
	{ "bpf_host", "firewall, ICMP rules, audit, quiet",
	  NODE FIREWALL QUIET "enable_icmp_rule=1 policy_audit_mode=1" },
	{ "bpf_host", "firewall, no verdict events", NODE FIREWALL "policy_verdict_log_filter=0" },
	{ "bpf_host", "firewall, long events", NODE FIREWALL "trace_payload_len=1500" },
	{ "bpf_host", "device without Ethernet", NODE FIREWALL "eth_header_length=0" },
	{ "bpf_host", "firewall, no events", NODE FIREWALL SILENT },
	{ "bpf_host", "firewall, drops only", NODE FIREWALL DROPS_ONLY },
	{ "bpf_host", "firewall, debug", NODE FIREWALL "debug=1" },
	{ "bpf_host", "host routing", NODE ROUTING },
	{ "bpf_host", "host routing, firewall, quiet", NODE ROUTING FIREWALL QUIET },
	{ "bpf_host", "endpoint routes", NODE "enable_endpoint_routes=1" },
	{ "bpf_host", "VLANs", NODE "enable_vlan_bypass=1" },
	{ "bpf_host", "every VLAN", NODE "enable_vlan_bypass=1 vlan_bypass_all=1" },
	{ "bpf_host", "overlay", NODE OVERLAY },
	{ "bpf_host", "overlay, host routing, firewall", NODE OVERLAY ROUTING FIREWALL },
	{ "bpf_host", "SNAT", NODE NODEPORT },
	{ "bpf_host", "SNAT, quiet", NODE NODEPORT QUIET },
	{ "bpf_host", "SNAT, host routing", NODE NODEPORT ROUTING },
	{ "bpf_host", "SNAT, firewall", NODE NODEPORT FIREWALL },
	{ "bpf_host", "SNAT, firewall before services",
	  NODE NODEPORT FIREWALL "host_policy_on_services=1" },
	{ "bpf_host", "DSR by option, firewall before services, host routing",
	  NODE DSR FIREWALL ROUTING MASQ "host_policy_on_services=1" },
	{ "bpf_host", "SNAT, overlay", NODE NODEPORT OVERLAY },
	{ "bpf_host", "SNAT, Maglev", NODE NODEPORT "lb_algorithm=2" },
	{ "bpf_host", "SNAT, no backend is no drop",
	  NODE NODEPORT "enable_no_service_endpoints_routable=0" },
	{ "bpf_host", "SNAT, device without Ethernet", NODE NODEPORT "eth_header_length=0" },
	{ "bpf_host", "DSR by option", NODE DSR },
	{ "bpf_host", "DSR by option, network order", NODE DSR "dsr_option_network_order=1" },
	{ "bpf_host", "DSR by Geneve", NODE DSR OVERLAY "dsr_dispatch=1" },
	{ "bpf_host", "DSR by IP in IP", NODE DSR IPIP_FROM "dsr_dispatch=2" },
	{ "bpf_host", "DSR by option, firewall, host routing", NODE DSR FIREWALL ROUTING },
	{ "bpf_host", "DSR by Geneve, firewall, Maglev",
	  NODE DSR OVERLAY FIREWALL "dsr_dispatch=1 lb_algorithm=2" },
	{ "bpf_host", "hybrid", NODE NODEPORT "lb_mode=2" },
	{ "bpf_host", "hybrid by Geneve", NODE NODEPORT OVERLAY "lb_mode=2 dsr_dispatch=1" },
	{ "bpf_host", "DSR where annotated", NODE NODEPORT "lb_mode=3" },
	{ "bpf_host", "DSR where annotated, IP in IP",
	  NODE NODEPORT IPIP_FROM "lb_mode=3 dsr_dispatch=2" },
	{ "bpf_host", "masquerade, IPv4", NODE "enable_ipv4_masquerade=1" },
	{ "bpf_host", "masquerade, IPv6", NODE "enable_ipv6_masquerade=1" },
	{ "bpf_host", "masquerade", NODE MASQ },
	{ "bpf_host", "masquerade with exclusions",
	  NODE MASQ EXCLUSION "enable_ip_masq_agent=1 enable_remote_node_masquerade=1" },
	{ "bpf_host", "masquerade, firewall, host routing", NODE MASQ FIREWALL ROUTING },
	{ "bpf_host", "bandwidth", NODE "enable_bandwidth_manager=1" },
	{ "bpf_host", "bandwidth, SNAT, masquerade",
	  NODE NODEPORT MASQ "enable_bandwidth_manager=1" },
	{ "bpf_host", "all by SNAT",
	  NODE NODEPORT MASQ EXCLUSION FIREWALL ROUTING OVERLAY
	  "enable_bandwidth_manager=1 enable_ip_masq_agent=1 lb_algorithm=2 enable_icmp_rule=1 "
	  "enable_remote_node_masquerade=1" },
	{ "bpf_host", "all by DSR option, quiet",
	  NODE DSR MASQ EXCLUSION FIREWALL ROUTING OVERLAY QUIET
	  "enable_bandwidth_manager=1 enable_ip_masq_agent=1 lb_algorithm=2 enable_icmp_rule=1" },
	{ "bpf_host", "all by DSR Geneve, audit",
	  NODE DSR MASQ EXCLUSION FIREWALL ROUTING OVERLAY
	  "enable_bandwidth_manager=1 enable_ip_masq_agent=1 dsr_dispatch=1 policy_audit_mode=1" },
	{ "bpf_host", "all by DSR IP in IP",
	  NODE DSR MASQ EXCLUSION FIREWALL ROUTING IPIP_FROM
	  "enable_bandwidth_manager=1 enable_ip_masq_agent=1 dsr_dispatch=2 enable_icmp_rule=1" },
	{ "bpf_host", "all where annotated",
	  NODE NODEPORT MASQ EXCLUSION FIREWALL ROUTING OVERLAY
	  "lb_mode=3 dsr_dispatch=1 enable_bandwidth_manager=1 enable_ip_masq_agent=1 "
	  "enable_icmp_rule=1" },

	{ "bpf_host", "IPv4 alone, SNAT, firewall, masquerade",
	  NODE NODEPORT FIREWALL MASQ "enable_ipv6=0" },
	{ "bpf_host", "IPv6 alone, SNAT, firewall, masquerade",
	  NODE NODEPORT FIREWALL MASQ "enable_ipv4=0" },
	{ "bpf_host", "IPv4 alone, DSR by option, host routing", NODE DSR ROUTING "enable_ipv6=0" },
	{ "bpf_host", "neither family", NODE NODEPORT "enable_ipv4=0 enable_ipv6=0" },
	{ "bpf_lxc", "IPv4 alone", POD "enable_ipv6=0" },
	{ "bpf_lxc", "IPv6 alone, host routing, quiet", POD ROUTING QUIET "enable_ipv4=0" },
	{ "bpf_overlay", "IPv4 alone, SNAT", NODE OVERLAY NODEPORT "enable_ipv6=0" },
	{ "bpf_overlay", "IPv6 alone", NODE OVERLAY "enable_ipv4=0" },
	{ "bpf_xdp", "IPv4 alone, all",
	  NODE NODEPORT ACCELERATION "enable_prefilter=1 enable_ipv6=0" },
	{ "bpf_xdp", "IPv6 alone, prefilter", NODE "enable_prefilter=1 enable_ipv4=0" },
	{ "bpf_lxc", "as built", "" },
	{ "bpf_lxc", "native", POD },
	{ "bpf_lxc", "native, aggregation rx", POD "monitor_aggregation=1" },
	{ "bpf_lxc", "native, aggregation active", POD QUIET },
	{ "bpf_lxc", "native, some TCP flags reported", POD QUIET "ct_report_flags=7" },
	{ "bpf_lxc", "no events", POD SILENT },
	{ "bpf_lxc", "drops only", POD DROPS_ONLY },
	{ "bpf_lxc", "debug", POD "debug=1" },
	{ "bpf_lxc", "overlay", POD OVERLAY },
	{ "bpf_lxc", "overlay, quiet", POD OVERLAY QUIET },
	{ "bpf_lxc", "overlay, host routing", POD OVERLAY ROUTING },
	{ "bpf_lxc", "host routing", POD ROUTING },
	{ "bpf_lxc", "host routing, SNAT", POD ROUTING NODEPORT },
	{ "bpf_lxc", "SNAT", POD NODEPORT },
	{ "bpf_lxc", "DSR by option, masquerade", POD DSR MASQ },
	{ "bpf_lxc", "host routing, DSR by option", POD ROUTING DSR },
	{ "bpf_lxc", "host routing, DSR by Geneve", POD ROUTING OVERLAY DSR "dsr_dispatch=1" },
	{ "bpf_lxc", "host routing, DSR by IP in IP", POD ROUTING DSR "dsr_dispatch=2" },
	{ "bpf_lxc", "endpoint routes", POD "enable_endpoint_routes=1" },
	{ "bpf_lxc", "endpoint routes, host routing", POD ROUTING "enable_endpoint_routes=1" },
	{ "bpf_lxc", "endpoint routes, overlay", POD OVERLAY "enable_endpoint_routes=1" },
	{ "bpf_lxc", "host firewall", POD FIREWALL },
	{ "bpf_lxc", "audit", POD "policy_audit_mode=1" },
	{ "bpf_lxc", "ICMP rules", POD "enable_icmp_rule=1" },
	{ "bpf_lxc", "path MTU discovery passes", POD "allow_icmp_frag_needed=1" },
	{ "bpf_lxc", "policy on established", POD "policy_on_established=1" },
	{ "bpf_lxc", "verdict events of the way in only", POD "policy_verdict_log_filter=1" },
	{ "bpf_lxc", "any source address", POD "enable_sip_verification=0" },
	{ "bpf_lxc", "Maglev", POD "lb_algorithm=2" },
	{ "bpf_lxc", "local redirect", POD "enable_lrp=1" },
	{ "bpf_lxc", "no backend is no drop", POD "enable_no_service_endpoints_routable=0" },
	{ "bpf_lxc", "bandwidth", POD "enable_bandwidth_manager=1" },
	{ "bpf_lxc", "proxy by cilium_net", POD "cilium_host_ifindex=5" },
	{ "bpf_lxc", "all, native",
	  POD ROUTING NODEPORT FIREWALL
	  "enable_icmp_rule=1 enable_bandwidth_manager=1 enable_lrp=1 allow_icmp_frag_needed=1 "
	  "lb_algorithm=2 policy_on_established=1" },
	{ "bpf_lxc", "all, overlay, quiet",
	  POD OVERLAY ROUTING DSR FIREWALL QUIET
	  "dsr_dispatch=1 enable_icmp_rule=1 enable_bandwidth_manager=1 enable_lrp=1 "
	  "allow_icmp_frag_needed=1 lb_algorithm=2 policy_audit_mode=1" },

	{ "bpf_overlay", "as built", "" },
	{ "bpf_overlay", "overlay", NODE OVERLAY },
	{ "bpf_overlay", "aggregation rx", NODE OVERLAY "monitor_aggregation=1" },
	{ "bpf_overlay", "aggregation active", NODE OVERLAY QUIET },
	{ "bpf_overlay", "no events", NODE OVERLAY SILENT },
	{ "bpf_overlay", "host routing", NODE OVERLAY ROUTING },
	{ "bpf_overlay", "endpoint routes", NODE OVERLAY "enable_endpoint_routes=1" },
	{ "bpf_overlay", "firewall", NODE OVERLAY FIREWALL },
	{ "bpf_overlay", "SNAT", NODE OVERLAY NODEPORT },
	{ "bpf_overlay", "SNAT, Maglev, quiet", NODE OVERLAY NODEPORT QUIET "lb_algorithm=2" },
	{ "bpf_overlay", "DSR by Geneve", NODE OVERLAY DSR "dsr_dispatch=1" },
	{ "bpf_overlay", "DSR by option", NODE OVERLAY DSR },
	{ "bpf_overlay", "hybrid", NODE OVERLAY NODEPORT "lb_mode=2 dsr_dispatch=1" },
	{ "bpf_overlay", "bandwidth", NODE OVERLAY "enable_bandwidth_manager=1" },
	{ "bpf_overlay", "masquerade", NODE OVERLAY MASQ EXCLUSION },
	{ "bpf_overlay", "all",
	  NODE OVERLAY DSR MASQ EXCLUSION FIREWALL ROUTING
	  "dsr_dispatch=1 enable_bandwidth_manager=1 lb_algorithm=2" },

	{ "bpf_xdp", "as built", "" },
	{ "bpf_xdp", "prefilter", NODE "enable_prefilter=1" },
	{ "bpf_xdp", "prefilter, quiet", NODE QUIET "enable_prefilter=1" },
	{ "bpf_xdp", "prefilter, no events", NODE SILENT "enable_prefilter=1" },
	{ "bpf_xdp", "acceleration, SNAT", NODE NODEPORT ACCELERATION },
	{ "bpf_xdp", "acceleration, SNAT, Maglev", NODE NODEPORT ACCELERATION "lb_algorithm=2" },
	{ "bpf_xdp", "acceleration, DSR by option", NODE DSR ACCELERATION },
	{ "bpf_xdp", "acceleration, DSR by option, network order",
	  NODE DSR ACCELERATION "dsr_option_network_order=1" },
	{ "bpf_xdp", "acceleration, DSR by Geneve",
	  NODE DSR OVERLAY ACCELERATION "dsr_dispatch=1" },
	{ "bpf_xdp", "acceleration, DSR by IP in IP",
	  NODE DSR IPIP_FROM ACCELERATION "dsr_dispatch=2" },
	{ "bpf_xdp", "acceleration, hybrid", NODE NODEPORT ACCELERATION "lb_mode=2" },
	{ "bpf_xdp", "acceleration, where annotated", NODE NODEPORT ACCELERATION "lb_mode=3" },
	{ "bpf_xdp", "all by DSR option, quiet",
	  NODE DSR ACCELERATION QUIET "enable_prefilter=1 lb_algorithm=2" },

	{ "bpf_sock", "as built", "" },
	{ "bpf_sock", "in the host only", "host_netns_cookie=1" },
	{ "bpf_sock", "Maglev", "host_netns_cookie=1 lb_algorithm=2" },
	{ "bpf_sock", "local redirect", "host_netns_cookie=1 enable_lrp=1" },
	{ "bpf_sock", "no backend is no drop",
	  "host_netns_cookie=1 enable_no_service_endpoints_routable=0" },
	{ "bpf_sock", "other node ports",
	  "host_netns_cookie=1 nodeport_port_min=20000 nodeport_port_max=22767" },
	{ "bpf_sock", "all", "host_netns_cookie=1 lb_algorithm=2 enable_lrp=1" },
};

#define N_COMBINATIONS (sizeof(combinations) / sizeof(combinations[0]))

#endif
