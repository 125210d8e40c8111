/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The datapath attached to the nodes of netfilter_net.h: node ports 30080 lead to port 8080 of pod 20, in both
 * families.
 */
#ifndef VERDICT_TESTS_NETFILTER_LAB_H
#define VERDICT_TESTS_NETFILTER_LAB_H

#include <bpf/libbpf.h>

#include "netfilter_net.h"
#include "scenario/target_desc.h"
#include "target/maps_file.h"
#include "target/target.h"

struct cluster_opts {
	/* Settings as ", NAME: VALUE" each: of the balancer, of the node with pods, of its bpf_lxc alone */
	const char *balancing, *both, *pods;
	bool by_cilium_host; /* pods are reached by that device, as without endpoint routes */
	bool closed; /* pod 20 takes nothing from anybody */
};

#define NATIVE_HOOKS                                                                               \
	"hooks:\n"                                                                                 \
	"  native: {ingress: bpf_host.o/cil_from_netdev, egress: bpf_host.o/cil_to_netdev}\n"
#define DEVICE_ETH0(host)                                                                          \
	"devices:\n"                                                                               \
	"- {name: eth0, ifindex: 2, role: native, mac: 02:00:c0:a8:0a:0" host "}\n"
#define DEVICE_POD(n, mac)                                                                         \
	"- name: lxc" n "\n"                                                                       \
	"  ifindex: " n "\n"                                                                       \
	"  role: endpoint\n"                                                                       \
	"  mac: 02:00:0a:00:01:b" mac "\n"                                                         \
	"  config: {endpoint_id: " n ", endpoint_ipv4: 10.0.1." n ", endpoint_ipv6: 'fd00:1::" n   \
	"', security_label: 300" n ", interface_ifindex: " n                                       \
	", interface_mac: 02:00:0a:00:01:b" mac "%s}\n"
#define NODE_CONFIG(host)                                                                          \
	"interface_ifindex: 2, interface_mac: 02:00:c0:a8:0a:0" host ", enable_nodeport: true, "   \
	"nat_ipv4_masquerade: 192.168.10." host ", nat_ipv6_masquerade: 'fd00:10::" host "'"

/* %s: settings, as ", NAME: VALUE" each. */
static const char balancer_target[] =
	"summary: who has the node port\n"
	"config: {" NODE_CONFIG("2") "%s}\n" NATIVE_HOOKS DEVICE_ETH0("2");

/* %s: settings of both objects; of bpf_lxc alone, twice. */
static const char node_target[] =
	"summary: who has the backend\n"
	"config: {host_ep_id: 1, " NODE_CONFIG(
		"1") "%s}\n" NATIVE_HOOKS "  host: {egress: bpf_host.o/cil_from_host}\n"
		     "  endpoint: {ingress: bpf_lxc.o/cil_from_container, egress: "
		     "bpf_lxc.o/cil_to_container}\n"
		     "tail_calls:\n"
		     "- {map: cilium_call_policy, index: 20, program: bpf_lxc.o/cil_lxc_policy, "
		     "device: lxc20}\n"
		     "- {map: cilium_call_policy, index: 21, program: bpf_lxc.o/cil_lxc_policy, "
		     "device: lxc21}\n"
		     "maps: {cilium_policy_v2: {scope: device}}\n" DEVICE_ETH0(
			     "1") "- {name: cilium_host, ifindex: 4, role: host}\n" DEVICE_POD("20",
											       "0")
			     DEVICE_POD("21", "1");

#define IDENTITY4(addr, id)                                                                        \
	"    - {key: {lpm_key: {prefixlen: 64}, family: 1, ip4: " addr "}, value: {" id "}}\n"
#define IDENTITY6(addr, id)                                                                        \
	"    - {key: {lpm_key: {prefixlen: 160}, family: 2, ip6: '" addr "'}, value: {" id "}}\n"
#define SERVICE(v, addr, n)                                                                        \
	"  cilium_lb" v "_services_v2:\n    entries:\n"                                            \
	"    - {key: {address: '" addr "', dport: 30080, proto: 6}, "                              \
	"value: {count: 1, rev_nat_index: " n ", flags: 66}}\n"                                    \
	"    - {key: {address: '" addr "', dport: 30080, backend_slot: 1, proto: 6}, "             \
	"value: {backend_id: " n ", rev_nat_index: " n ", flags: 66}}\n"                           \
	"  cilium_lb" v "_reverse_nat:\n    entries:\n"                                            \
	"    - {key: " n ", value: {address: '" addr "', port: 30080}}\n"
#define BACKENDS                                                                                   \
	"  cilium_lb4_backends_v3: {entries: [{key: 4, value: {address: 10.0.1.20, port: "         \
	"8080}}]}\n"                                                                               \
	"  cilium_lb6_backends_v3: {entries: [{key: 6, value: {address: 'fd00:1::20', port: "      \
	"8080}}]}\n"

static const char balancer_maps[] =
	"maps:\n"
	"  cilium_lxc:\n    entries:\n"
	"    - {key: {ip4: 192.168.10.2, family: 1}, value: {flags: 1}}\n"
	"    - {key: {ip6: 'fd00:10::2', family: 2}, value: {flags: 1}}\n"
	"  cilium_ipcache_v2:\n    entries:\n" IDENTITY4("192.168.10.2", "sec_identity: 1")
		IDENTITY4("10.0.1.20", "sec_identity: 30020")
			IDENTITY6("fd00:10::2", "sec_identity: 1")
				IDENTITY6("fd00:1::20", "sec_identity: 30020")
					SERVICE("4", "192.168.10.2", "4")
						SERVICE("6", "fd00:10::2", "6") BACKENDS;

#define POD_ENDPOINT(n)                                                                            \
	"    - {key: {ip4: 10.0.1." n ", family: 1}, value: {ifindex: " n ", lxc_id: " n           \
	", mac: 02:00:0a:00:01:" n ", node_mac: 02:00:0a:00:01:bb}}\n"                             \
	"    - {key: {ip6: 'fd00:1::" n "', family: 2}, value: {ifindex: " n ", lxc_id: " n        \
	", mac: 02:00:0a:00:01:" n ", node_mac: 02:00:0a:00:01:bb}}\n"
#define POD_IDENTITY(n)                                                                            \
	IDENTITY4("10.0.1." n, "sec_identity: 300" n)                                              \
	IDENTITY6("fd00:1::" n, "sec_identity: "                                                   \
				"300" n)
#define ALL_ALLOWED(n)                                                                             \
	"  lxc" n "/cilium_policy_v2:\n    entries:\n"                                             \
	"    - {key: {lpm_key: {prefixlen: 40}, egress: 0}, value: {}}\n"                          \
	"    - {key: {lpm_key: {prefixlen: 40}, egress: 1}, value: {}}\n"

static const char node_maps[] =
	"maps:\n"
	"  cilium_lxc:\n    entries:\n"
	"    - {key: {ip4: 192.168.10.1, family: 1}, value: {flags: 1}}\n"
	"    - {key: {ip6: 'fd00:10::1', family: 2}, value: {flags: 1}}\n" POD_ENDPOINT("20")
		POD_ENDPOINT("21") ALL_ALLOWED("20")
			ALL_ALLOWED("21") "  cilium_ipcache_v2:\n    entries:\n" IDENTITY4(
				"192.168.10.1", "sec_identity: 1")
				IDENTITY6("fd00:10::1", "sec_identity: 1") POD_IDENTITY("20")
					POD_IDENTITY("21") SERVICE("4", "192.168.10.1", "4")
						SERVICE("6", "fd00:10::1", "6") BACKENDS;

static inline int find_map(void *arg, const struct value *name, struct map **out, struct err *e)
{
	*out = target_find_map(arg, name->text);
	return *out ? 0 : err_input(e, &name->loc, "no map %s", name->text);
}

static inline const char *write_file(const char *name, const char *text)
{
	const char *path = arena_printf(arena, "%s/%s", test_dir(arena), name);

	MUST(file_write(path, text, strlen(text), &err));
	return path;
}

static inline struct target *load(const char *name, const char *target, const char *maps)
{
	struct target_opts opts = { 0 };
	struct maps_load l = { .arena = arena };
	struct maps_finder finder = { .find = find_map };
	struct target_desc *desc;
	struct target *t;

	MUST(target_desc_load(write_file(name, target), &desc, &err));
	opts.desc = desc;
	MUST(target_open(&opts, &t, &err));
	finder.arg = t;
	MUST(maps_file_load_all(write_file("maps.yaml", maps), &finder, &l, &err));
	return t;
}

static inline void attach_at(const struct target *t, const char *device, int ifindex,
			     enum hook hook)
{
	LIBBPF_OPTS(bpf_tc_hook, at, .ifindex = ifindex);
	LIBBPF_OPTS(bpf_tc_opts, opts);
	struct target_program p;

	cr_assert_eq(target_at(t, device, hook, &p), 0);
	opts.prog_fd = p.fd;
	at.attach_point = hook == HOOK_TC_EGRESS ? BPF_TC_EGRESS : BPF_TC_INGRESS;
	cr_assert_eq(bpf_tc_attach(&at, &opts), 0, "%s at %s", p.name, device);
}

static inline void attach(const struct target *t, const char *device, int ifindex, bool ingress,
			  bool egress)
{
	LIBBPF_OPTS(bpf_tc_hook, both, .ifindex = ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);

	cr_assert_eq(bpf_tc_hook_create(&both), 0, "%s", device);
	if (ingress)
		attach_at(t, device, ifindex, HOOK_TC_INGRESS);
	if (egress)
		attach_at(t, device, ifindex, HOOK_TC_EGRESS);
}

static inline void start_balancer(const char *config)
{
	const struct target *t;

	go(balancer);
	t = load("balancer.yaml", arena_printf(arena, balancer_target, config), balancer_maps);
	attach(t, "eth0", ETH0, true, true);
}

/* Without the entry that lets everybody in. */
static inline const char *closed_maps(void)
{
	char *maps = arena_strdup(arena, node_maps), *at = strstr(maps, "lxc20/cilium_policy_v2");

	at = strstr(at, "    - {key: {lpm_key: {prefixlen: 40}, egress: 0}");
	memset(at, ' ', strcspn(at, "\n"));
	return maps;
}

static inline void start_node(const struct cluster_opts *o)
{
	const char *both = arena_printf(arena, "%s, enable_endpoint_routes: %s", o->both,
					o->by_cilium_host ? "false" : "true");
	const struct target *t;

	go(node);
	t = load("node.yaml", arena_printf(arena, node_target, both, o->pods, o->pods),
		 o->closed ? closed_maps() : node_maps);
	attach(t, "eth0", ETH0, true, true);
	attach(t, "lxc20", 20, true, !o->by_cilium_host);
	attach(t, "lxc21", 21, true, !o->by_cilium_host);
	if (o->by_cilium_host)
		attach(t, "cilium_host", CILIUM_HOST, false, true);
}

static inline void cluster(struct cluster_opts o)
{
	NEEDS_ROOT();
	arena = arena_new();
	add_nodes();
	add_pods(o.by_cilium_host);
	drop_invalid();
	start_balancer(o.balancing ? o.balancing : "");
	o.both = o.both ? o.both : "";
	o.pods = o.pods ? o.pods : "";
	start_node(&o);
}

#endif
