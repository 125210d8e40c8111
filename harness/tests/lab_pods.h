/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A node with two pods, client and server, in both families, under bpf_lxc alone. Policies, further entries
 * and settings are each test's.
 */
#ifndef VERDICT_TESTS_LAB_PODS_H
#define VERDICT_TESTS_LAB_PODS_H

#include "lab.h"

enum {
	CLIENT = 10,
	SERVER = 20,
	ETH0 = 2,
	HOST = 4
}; /* ifindexes; of pods also their endpoints' ids */
enum { TO_LXC, TO_PROXY, TO_HOST, TO_STACK, TO_OVERLAY, FROM_LXC, FROM_PROXY, TO_NETWORK = 11 };

#define CLIENT_ID 30010
#define SERVER_ID 30020

/* By family: [0] IPv4, [1] IPv6. */
static const char *const client[] = { "10.0.1.10", "fd00:1::10" };
static const char *const server[] = { "10.0.1.20", "fd00:1::20" };
static const char *const remote[] = { "10.0.2.30", "fd00:2::30" };
static const char *const host[] = { "192.168.10.1", "fd00:f::1" };
static const char *const world[] = { "192.168.10.100", "fd00:f::100" };

/* %s: further settings. */
static const char pods_target[] =
	"summary: two pods\n"
	"config: {host_ep_id: 1, router_ipv6: 'fd00:1::1', nat_ipv4_masquerade: 192.168.10.1,\n"
	"  nat_ipv6_masquerade: 'fd00:f::1', service_loopback_ipv6: 'fd00:e::1',\n"
	"  cilium_host_ifindex: 4, cilium_host_mac: 02:00:00:00:00:04, %s}\n"
	"hooks:\n"
	"  endpoint:\n"
	"    ingress: bpf_lxc.o/cil_from_container\n"
	"    egress: bpf_lxc.o/cil_to_container\n"
	"  plain: {ingress: bpf_lxc.o/cil_to_container} # nothing is run there\n"
	"tail_calls:\n"
	"- map: cilium_call_policy\n"
	"  index: 10\n"
	"  program: bpf_lxc.o/cil_lxc_policy\n"
	"  device: client\n"
	"- map: cilium_call_policy\n"
	"  index: 20\n"
	"  program: bpf_lxc.o/cil_lxc_policy\n"
	"  device: server\n"
	"- map: cilium_egresscall_policy\n"
	"  index: 10\n"
	"  program: bpf_lxc.o/cil_lxc_policy_egress\n"
	"  device: client\n"
	"maps: {cilium_policy_v2: {scope: device}}\n"
	"events: {map: cilium_events}\n"
	"devices:\n"
	"- {name: eth0, ifindex: 2, role: plain, mac: 02:00:c0:a8:0a:01}\n"
	"- {name: cilium_host, ifindex: 4, role: plain, mac: 02:00:00:00:00:04}\n"
	"- name: client\n"
	"  ifindex: 10\n"
	"  role: endpoint\n"
	"  mac: 02:00:0a:00:01:aa\n"
	"  config: {endpoint_id: 10, endpoint_ipv4: 10.0.1.10, endpoint_ipv6: 'fd00:1::10',\n"
	"    security_label: 30010, interface_ifindex: 10, interface_mac: 02:00:0a:00:01:aa}\n"
	"- name: server\n"
	"  ifindex: 20\n"
	"  role: endpoint\n"
	"  mac: 02:00:0a:00:01:bb\n"
	"  config: {endpoint_id: 20, endpoint_ipv4: 10.0.1.20, endpoint_ipv6: 'fd00:1::20',\n"
	"    security_label: 30020, interface_ifindex: 20, interface_mac: 02:00:0a:00:01:bb}\n";

static const char pods_maps[] =
	"maps:\n"
	"  cilium_lxc:\n"
	"    entries:\n"
	"    - key: {ip4: 10.0.1.10, family: 1}\n"
	"      value: {ifindex: 10, lxc_id: 10, mac: 02:00:0a:00:01:10, node_mac: "
	"02:00:0a:00:01:aa}\n"
	"    - key: {ip4: 10.0.1.20, family: 1}\n"
	"      value: {ifindex: 20, lxc_id: 20, mac: 02:00:0a:00:01:20, node_mac: "
	"02:00:0a:00:01:bb}\n"
	"    - key: {ip6: 'fd00:1::10', family: 2}\n"
	"      value: {ifindex: 10, lxc_id: 10, mac: 02:00:0a:00:01:10, node_mac: "
	"02:00:0a:00:01:aa}\n"
	"    - key: {ip6: 'fd00:1::20', family: 2}\n"
	"      value: {ifindex: 20, lxc_id: 20, mac: 02:00:0a:00:01:20, node_mac: "
	"02:00:0a:00:01:bb}\n"
	"    - {key: {ip4: 192.168.10.1, family: 1}, value: {flags: 1}}\n"
	"    - {key: {ip6: 'fd00:f::1', family: 2}, value: {flags: 1}}\n"
	"  cilium_ipcache_v2:\n"
	"    entries:\n"
	"    - {key: {lpm_key: {prefixlen: 64}, family: 1, ip4: 10.0.1.10}, value: {sec_identity: "
	"30010}}\n"
	"    - {key: {lpm_key: {prefixlen: 64}, family: 1, ip4: 10.0.1.20}, value: {sec_identity: "
	"30020}}\n"
	"    - {key: {lpm_key: {prefixlen: 64}, family: 1, ip4: 192.168.10.1}, value: "
	"{sec_identity: 1}}\n"
	"    - key: {lpm_key: {prefixlen: 64}, family: 1, ip4: 10.0.2.30}\n"
	"      value: {sec_identity: 30030, tunnel_endpoint: {ip4: 192.168.10.2}, "
	"flag_has_tunnel_ep: 1}\n"
	"    - key: {lpm_key: {prefixlen: 160}, family: 2, ip6: 'fd00:1::10'}\n"
	"      value: {sec_identity: 30010}\n"
	"    - key: {lpm_key: {prefixlen: 160}, family: 2, ip6: 'fd00:1::20'}\n"
	"      value: {sec_identity: 30020}\n"
	"    - {key: {lpm_key: {prefixlen: 160}, family: 2, ip6: 'fd00:f::1'}, value: "
	"{sec_identity: 1}}\n"
	"    - key: {lpm_key: {prefixlen: 160}, family: 2, ip6: 'fd00:2::30'}\n"
	"      value: {sec_identity: 30030, tunnel_endpoint: {ip4: 192.168.10.2}, "
	"flag_has_tunnel_ep: 1}\n";

static const char pods_routes[] =
	"address add 192.168.10.1/24 dev eth0\n"
	"neighbour add 192.168.10.100 lladdr 02:00:c0:a8:0a:64 dev eth0 nud permanent\n"
	"address add fd00:f::1/64 dev eth0 nodad\n"
	"neighbour add fd00:f::100 lladdr 02:00:c0:a8:0a:64 dev eth0 nud permanent\n";

/* An entry of a policy map: {egress, label, protocol, port} as far as bits count, and what it says. */
#define RULE(bits, key, value)                                                                     \
	"    - {key: {lpm_key: {prefixlen: " bits "}, " key "}, value: {" value "}}\n"
#define ALL_OUT RULE("40", "egress: 1", "")
#define ALL_IN	RULE("40", "egress: 0", "")

static struct lab *lab;

/* policies: RULEs of the client, of the server; further: more maps, with two spaces before. */
static inline void pods(const char *config, const char *client_rules, const char *server_rules,
			const char *further)
{
	struct arena *a = arena_new();
	const char *maps = pods_maps;

	if (client_rules)
		maps = arena_printf(a, "%s  client/cilium_policy_v2:\n    entries:\n%s", maps,
				    client_rules);
	if (server_rules)
		maps = arena_printf(a, "%s  server/cilium_policy_v2:\n    entries:\n%s", maps,
				    server_rules);
	if (further)
		maps = arena_printf(a, "%s%s", maps, further);
	lab = lab_open(a, (struct lab_opts){ .target = arena_printf(a, pods_target, config),
					     .maps = maps,
					     .routes = pods_routes,
					     .role = "client",
					     .hook = "ingress" });
}

/* ---- packets ---- */

static inline struct pkt tcp(const char *src, uint16_t sport, const char *dst, uint16_t dport,
			     uint8_t flags)
{
	bool v6 = strchr(src, ':');
	struct pkt p;

	put_eth(&p, v6 ? 0x86dd : 0x0800);
	if (v6)
		put_tcp6(&p, src, sport, dst, dport, flags, 4);
	else
		put_tcp4(&p, src, sport, dst, dport, flags, 4);
	return p;
}

static inline struct pkt udp(const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
	bool v6 = strchr(src, ':');
	uint32_t l3, l4;
	struct pkt p;

	put_eth(&p, v6 ? 0x86dd : 0x0800);
	l3 = v6 ? put_ip6(&p, src, dst, 17) : put_ip4(&p, src, dst, 17);
	l4 = put_udp(&p, sport, dport, 4);
	put_data(&p, 4);
	end_l4(&p, (int)l3, l4, 6, 17);
	end_ip(&p, l3);
	return p;
}

static inline struct pkt icmp(const char *src, const char *dst, uint8_t type, uint8_t code,
			      uint16_t id)
{
	bool v6 = strchr(src, ':');
	uint32_t l3, l4;
	struct pkt p;

	put_eth(&p, v6 ? 0x86dd : 0x0800);
	l3 = v6 ? put_ip6(&p, src, dst, 58) : put_ip4(&p, src, dst, 1);
	l4 = put_icmp(&p, type, code, id, 1);
	put_data(&p, 8);
	end_l4(&p, v6 ? (int)l3 : -1, l4, 2, 58);
	end_ip(&p, l3);
	return p;
}

static inline const struct hop *leaves(const char *pod, struct pkt p)
{
	return lab_run(lab, pod, "ingress", &p);
}

static inline const struct hop *comes(const char *pod, uint32_t mark, struct pkt p)
{
	return lab_run_at(lab, (struct replay_place){ .role = pod, .hook = "egress", .mark = mark },
			  &p);
}

/* ---- what came of it ---- */

static inline void expect_delivered(uint32_t pod)
{
	lab_expect_verdict(lab, TC_ACT_REDIRECT);
	lab_expect_redirect(lab, NOTE_REDIRECT, pod);
}

static inline void expect_drop(int reason, const char *file)
{
	lab_expect_drop(lab, TC_ACT_SHOT, reason, file);
}

static inline const struct event *drop_event(int reason)
{
	const struct event *e = lab_event(lab, EVENT_DROP, reason);

	cr_assert(e, "%s: no drop event %d", lab->last, reason);
	return e;
}

/* The last one: those of a run by lab_expect_complete() come first. */
static inline const struct event *expect_trace(int point)
{
	const struct hop *hop = lab_hop(lab);
	const struct event *e = NULL;

	for (size_t i = 0; i < hop->n_events; i++)
		if (hop->events[i].type == EVENT_TRACE && hop->events[i].subtype == point)
			e = &hop->events[i];
	cr_assert(e, "%s: no event %s", lab->last, word_name(&words_trace_point, point));
	return e;
}

static inline size_t count_traces(void)
{
	size_t n = 0;

	for (size_t i = 0; i < lab_hop(lab)->n_events; i++)
		n += lab_hop(lab)->events[i].type == EVENT_TRACE;
	return n;
}

#endif
