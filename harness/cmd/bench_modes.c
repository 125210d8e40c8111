/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The table. Node 192.168.10.1 with pods client 10.0.1.10 and server 10.0.1.20; 10.0.2.30 behind the
 * tunnel; clients in the world at 192.168.10.100. Services: fixtures/maps/cilium-1.19/node.yaml.
 */
#include "cmd/bench_modes.h"

#include "cmd/bench_packet.h"

#define SYN BENCH_TCP_SYN
#define ACK BENCH_TCP_ACK

#define NODEPORT "enable_nodeport: true, lb_mode: 3"

/* Cilium's objects as `make -C bpf` builds them hold back all events but those of the first second: where a
 * packet makes some, ours are compared without.
 */
#define NO_EVENTS "trace_events: false, policy_verdict_events: false, drop_events: false"

#define FROM_POD(pod, packet, flags)                                                               \
	{                                                                                          \
		pod, "ingress", packet, flags, 0                                                   \
	}
#define FROM_WIRE(packet, flags)                                                                   \
	{                                                                                          \
		"eth0", "ingress", packet, flags, 0                                                \
	}
#define TO_WIRE(packet, flags)                                                                     \
	{                                                                                          \
		"eth0", "egress", packet, flags, 0                                                 \
	}
#define AT_XDP(packet, flags)                                                                      \
	{                                                                                          \
		"eth0", "xdp", packet, flags, 0                                                    \
	}
/* As the node's rules mark what the host itself sends. */
#define MARK_HOST 0x0c00

#define FROM_HOST_STACK(packet, flags)                                                             \
	{                                                                                          \
		"cilium_host", "egress", packet, flags, 0, MARK_HOST                               \
	}
/* With the number of the pod that a proxy sends for. */
#define FROM_PROXY(pod, packet, flags)                                                             \
	{                                                                                          \
		"cilium_host", "egress", packet, flags, 0, 0x0900 | (pod) << 16                    \
	}
#define TO_HOST_STACK(packet, flags)                                                               \
	{                                                                                          \
		"cilium_net", "ingress", packet, flags, 0                                          \
	}
#define TO_POD(pod, packet, flags)                                                                 \
	{                                                                                          \
		pod, "egress", packet, flags, 0                                                    \
	}
#define FROM_TUNNEL(packet, flags, id)                                                             \
	{                                                                                          \
		"cilium_vxlan", "ingress", packet, flags, id                                       \
	}

#define POD_TO_POD   "10.0.1.10|40000 > 10.0.1.20|80"
#define POD_TO_POD6  "fd00:1::10|40000 > fd00:1::20|80"
#define TO_SERVICE   "10.0.1.10|40001 > 10.96.0.10|80"
#define TO_REMOTE    "10.0.1.10|40002 > 10.0.2.30|80"
#define FROM_REMOTE  "10.0.2.30|40003 > 10.0.1.20|80"
#define TO_WORLD     "10.0.1.10|40004 > 192.168.10.100|80"
#define PORT_LOCAL   "192.168.10.100|50000 > 192.168.10.1|30080"
#define PORT_REMOTE  "192.168.10.100|50001 > 192.168.10.1|30090"
#define TO_HOST	     "192.168.10.100|50003 > 192.168.10.1|22"
#define HOST_ANSWER  "192.168.10.1|22 > 192.168.10.100|50003"
#define FROM_HOST    "192.168.10.1|50004 > 192.168.10.100|80"
#define HOST_TO_POD  "192.168.10.1|50006 > 10.0.1.20|80"
#define POD_TO_HOST  "10.0.1.10|40005 > 192.168.10.1|22"
#define WORLD_TO_POD "192.168.10.100|50007 > 10.0.1.20|8080"
#define LISTED	     "203.0.113.9|50005 > 192.168.10.1|30080"

#define HOST_POLICY                                                                                \
	"{bpf_host.o/cilium_policy_v2: [{key: {lpm_key: {prefixlen: 64}, protocol: 6, dport: "     \
	"22}, "                                                                                    \
	"value: {lpm_prefix_length: 24}}, {key: {lpm_key: {prefixlen: 40}, egress: 1}, value: "    \
	"{}}]}"

#define HOST_FIREWALL "enable_host_firewall: true"

#define HOST_MAY_ENTER                                                                             \
	"{server/cilium_policy_v2: [{key: {lpm_key: {prefixlen: 64}, sec_label: 1, protocol: 6, "  \
	"dport: 80}, value: {lpm_prefix_length: 24}}], bpf_host.o/cilium_policy_v2: [{key: "       \
	"{lpm_key: {prefixlen: 40}, egress: 1}, value: {}}]}"
#define BY_A_PROXY                                                                                 \
	"{client/cilium_policy_v2: [{key: {lpm_key: {prefixlen: 64}, sec_label: 30020, egress: "   \
	"1, "                                                                                      \
	"protocol: 6, dport: 80}, value: {lpm_prefix_length: 24, proxy_port: 10000}}]}"

const struct bench_mode bench_modes[] = {
	{ .name = "pod to pod, established",
	  .config = "monitor_aggregation: 3",
	  .before = { FROM_POD("client", POD_TO_POD, SYN) },
	  .measured = FROM_POD("client", POD_TO_POD, ACK) },
	{ .name = "pod to pod, answer",
	  .config = "monitor_aggregation: 3",
	  .before = { FROM_POD("client", POD_TO_POD, SYN) },
	  .measured = FROM_POD("server", "10.0.1.20|80 > 10.0.1.10|40000", ACK) },
	{ .name = "pod to pod, new flows",
	  .config = "monitor_aggregation: 3",
	  .measured = FROM_POD("client", POD_TO_POD, SYN),
	  .fresh = true,
	  .ours_alone = true },
	{ .name = "pod to pod, new flows, no events",
	  .config = NO_EVENTS,
	  .measured = FROM_POD("client", POD_TO_POD, SYN),
	  .fresh = true },
	{ .name = "pod to pod, denied",
	  .config = "monitor_aggregation: 3",
	  .measured = FROM_POD("client", "10.0.1.10|40000 > 10.0.1.20|25", SYN),
	  .ours_alone = true },
	{ .name = "pod to pod, denied, no events",
	  .config = NO_EVENTS,
	  .measured = FROM_POD("client", "10.0.1.10|40000 > 10.0.1.20|25", SYN) },
	{ .name = "pod to pod, IPv6",
	  .config = "monitor_aggregation: 3",
	  .before = { FROM_POD("client", POD_TO_POD6, SYN) },
	  .measured = FROM_POD("client", POD_TO_POD6, ACK) },
	{ .name = "pod to service",
	  .config = "monitor_aggregation: 3",
	  .before = { FROM_POD("client", TO_SERVICE, SYN) },
	  .measured = FROM_POD("client", TO_SERVICE, ACK) },
	{ .name = "pod to world, by route",
	  .config = "monitor_aggregation: 3",
	  .before = { FROM_POD("client", TO_WORLD, SYN) },
	  .measured = FROM_POD("client", TO_WORLD, ACK) },
	{ .name = "pod to pod, by a proxy",
	  .config = "monitor_aggregation: 3",
	  .entries = BY_A_PROXY,
	  .before = { FROM_POD("client", POD_TO_POD, SYN) },
	  .measured = FROM_POD("client", POD_TO_POD, ACK),
	  .ours_alone = true }, /* theirs wants a socket of the proxy's */
	{ .name = "pod to pod, from its proxy",
	  .config = "monitor_aggregation: 3",
	  .before = { FROM_PROXY(10, POD_TO_POD, SYN) },
	  .measured = FROM_PROXY(10, POD_TO_POD, ACK),
	  .ours_alone = true },
	{ .name = "pod to host",
	  .config = NODEPORT ", " HOST_FIREWALL,
	  .entries = HOST_POLICY,
	  .before = { FROM_POD("client", POD_TO_HOST, SYN) },
	  .measured = FROM_POD("client", POD_TO_HOST, ACK),
	  .ours_alone = true }, /* theirs sends it to another device */
	{ .name = "world to pod, by the stack",
	  .config = "monitor_aggregation: 3, enable_endpoint_routes: true",
	  .before = { TO_POD("server", WORLD_TO_POD, SYN) },
	  .measured = TO_POD("server", WORLD_TO_POD, ACK) },
	{ .name = "host to pod",
	  .config = NODEPORT ", " HOST_FIREWALL,
	  .entries = HOST_MAY_ENTER,
	  .before = { FROM_HOST_STACK(HOST_TO_POD, SYN) },
	  .measured = FROM_HOST_STACK(HOST_TO_POD, ACK) },
	{ .name = "pod to host, as it comes up",
	  .config = NODEPORT ", " HOST_FIREWALL,
	  .entries = HOST_POLICY,
	  .before = { TO_HOST_STACK(POD_TO_HOST, SYN) },
	  .measured = TO_HOST_STACK(POD_TO_HOST, ACK) },
	{ .name = "pod into the tunnel",
	  .config = "monitor_aggregation: 3",
	  .before = { FROM_POD("client", TO_REMOTE, SYN) },
	  .measured = FROM_POD("client", TO_REMOTE, ACK) },
	{ .name = "out of the tunnel to a pod",
	  .config = NODEPORT,
	  .before = { FROM_TUNNEL(FROM_REMOTE, SYN, 30030) },
	  .measured = FROM_TUNNEL(FROM_REMOTE, ACK, 30030) },
	{ .name = "node port, pod here",
	  .config = NODEPORT,
	  .before = { FROM_WIRE(PORT_LOCAL, SYN) },
	  .measured = FROM_WIRE(PORT_LOCAL, ACK) },
	{ .name = "node port, pod there, SNAT",
	  .config = NODEPORT,
	  .before = { FROM_WIRE(PORT_REMOTE, SYN) },
	  .measured = FROM_WIRE(PORT_REMOTE, ACK) },
	{ .name = "host firewall, in",
	  .config = NODEPORT ", " HOST_FIREWALL,
	  .entries = HOST_POLICY,
	  .before = { FROM_WIRE(TO_HOST, SYN) },
	  .measured = FROM_WIRE(TO_HOST, ACK) },
	{ .name = "host firewall, out",
	  .config = NODEPORT ", " HOST_FIREWALL,
	  .entries = HOST_POLICY,
	  .before = { TO_WIRE(FROM_HOST, SYN) },
	  .measured = TO_WIRE(FROM_HOST, ACK) },
	{ .name = "host firewall, answer",
	  .config = NODEPORT ", " HOST_FIREWALL,
	  .entries = HOST_POLICY,
	  .before = { FROM_WIRE(TO_HOST, SYN) },
	  .measured = TO_WIRE(HOST_ANSWER, ACK) },
	{ .name = "XDP prefilter, listed",
	  .config = NODEPORT ", enable_prefilter: true, enable_nodeport_acceleration: true",
	  .measured = AT_XDP(LISTED, SYN) },
	{ .name = "XDP prefilter, passed on",
	  .config = NODEPORT ", enable_prefilter: true, enable_nodeport_acceleration: true",
	  .measured = AT_XDP(TO_HOST, SYN) },
	{ .name = "XDP node port, pod here",
	  .config = NODEPORT ", enable_prefilter: true, enable_nodeport_acceleration: true",
	  .before = { AT_XDP(PORT_LOCAL, SYN) },
	  .measured = AT_XDP(PORT_LOCAL, ACK) },
	{ .name = "XDP node port, pod there, SNAT",
	  .config = NODEPORT
	  ", enable_prefilter: true, enable_nodeport_acceleration: true, tunnel_ifindex: 0",
	  .before = { AT_XDP(PORT_REMOTE, SYN) },
	  .measured = AT_XDP(PORT_REMOTE, ACK) },
};

const size_t n_bench_modes = sizeof(bench_modes) / sizeof(bench_modes[0]);
