/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From Helm values to the constants of a node's programs and of those at its devices. */
#include "cluster_text.h"
#include "scenario/values_known.h"

TestSuite(cluster_config, .init = setup, .fini = teardown, .timeout = 60);

static void two_nodes(struct buf *b)
{
	for (int i = 1; i <= 2; i++)
		buf_printf(b,
			   "apiVersion: v1\nkind: Node\nmetadata: {name: n%d}\n"
			   "spec: {podCIDRs: [10.1.%d.0/24, 'fd01:%d::/64']}\nstatus: {addresses: "
			   "[{type: InternalIP, address: 10.0.0.%d}, "
			   "{type: InternalIP, address: 'fd00::%d'}]}\n---\n",
			   i, i, i, i, i);
}

static void load_values(const char *values)
{
	struct buf b = BUF_INIT;

	two_nodes(&b);
	load(&b, values);
}

static void expect(const char *name, const char *want)
{
	const char *is = config("n1", name);

	cr_expect(is && strcmp(is, want) == 0, "%s is %s, not %s", name, is ? is : "not said",
		  want);
}

#define KPR "kubeProxyReplacement: 'true'\nipv6: {enabled: true}\n"
#define NATIVE                                                                                     \
	KPR "routingMode: native\nipv4NativeRoutingCIDR: 10.1.0.0/16\n"                            \
	    "ipv6NativeRoutingCIDR: 'fd01::/16'\n"

/* Helm's own: no replacement of kube-proxy, VXLAN, nothing masqueraded by BPF. */
Test(cluster_config, without_values_helms_defaults_hold)
{
	load_values("");
	expect("enable_ipv4", "true");
	expect("enable_ipv6", "false");
	expect("enable_nodeport", "false");
	expect("enable_host_routing", "false");
	expect("enable_ipv4_masquerade", "false");
	expect("enable_nodeport_acceleration", "false");
	expect("lb_mode", "0");
	expect("lb_algorithm", "1");
	expect("dsr_dispatch", "0");
	expect("nodeport_port_min", "30000");
	expect("nodeport_port_max", "32767");
	expect("allow_icmp_frag_needed", "true");
	expect("enable_sip_verification", "true");
	expect("drop_events", "true");
	expect("trace_events_limit", "0");
	expect("ct_report_flags", "255");
	expect("tunnel_ifindex", "4");
	expect("direct_routing_dev_ifindex", "10");
	expect("nat_ipv4_masquerade", "10.0.0.1");
	expect("nat_ipv6_masquerade", "fd00::1");
	expect("router_ipv4", "10.1.1.1");
	expect("router_ipv6", "fd01:1::1");
	expect("service_loopback_ipv4", "169.254.42.1");
	expect("service_loopback_ipv6", "fe80::1");
	expect("hash_init4_seed", "1910299206"); /* 71 dc da 46 of JLfvgnHc2kaSUFaI */
	expect("hash_init6_seed", "2454738568"); /* 92 50 56 88 */
}

Test(cluster_config, each_value_has_its_constant)
{
	static const struct {
		const char *values, *name, *is;
	} cases[] = {
		{ KPR, "enable_nodeport", "true" },
		{ "nodePort: {enabled: true}\n", "enable_nodeport", "true" },
		{ NATIVE, "tunnel_ifindex", "0" },
		{ NATIVE "bpf: {masquerade: true}\n", "enable_ipv4_masquerade", "true" },
		{ NATIVE "bpf: {masquerade: true}\n", "enable_ipv6_masquerade", "true" },
		{ NATIVE "bpf: {masquerade: true}\nenableIPv6Masquerade: false\n",
		  "enable_ipv6_masquerade", "false" },
		{ NATIVE, "native_routing_cidr4", "10.1.0.0" },
		{ NATIVE, "native_routing_cidr4_len", "16" },
		{ NATIVE, "native_routing_cidr6_len", "16" },
		{ "", "native_routing_cidr4", "10.1.1.0" },
		{ "", "native_routing_cidr4_len", "24" },
		/* the host's stack is passed by where nothing of it is needed */
		{ NATIVE "bpf: {masquerade: true}\n", "enable_host_routing", "true" },
		{ NATIVE, "enable_host_routing", "false" },
		{ NATIVE "enableIPv4Masquerade: false\nenableIPv6Masquerade: false\n",
		  "enable_host_routing", "true" },
		{ NATIVE "bpf: {masquerade: true, hostLegacyRouting: true}\n",
		  "enable_host_routing", "false" },
		{ NATIVE "loadBalancer: {mode: dsr}\n", "lb_mode", "1" },
		{ NATIVE "loadBalancer: {mode: hybrid}\n", "lb_mode", "2" },
		{ NATIVE "loadBalancer: {mode: annotation}\n", "lb_mode", "3" },
		{ NATIVE "bpf: {lbModeAnnotation: true}\n", "lb_mode", "3" },
		{ NATIVE "loadBalancer: {mode: dsr, dsrDispatch: ipip}\n", "dsr_dispatch", "2" },
		{ NATIVE "loadBalancer: {mode: dsr, dsrDispatch: geneve}\ntunnelProtocol: geneve\n",
		  "dsr_dispatch", "1" },
		{ NATIVE "loadBalancer: {mode: dsr, dsrDispatch: geneve}\ntunnelProtocol: geneve\n",
		  "tunnel_ifindex", "4" },
		{ NATIVE, "dsr_rss_prefix4", "10.0.0.1" },
		{ NATIVE, "dsr_rss_prefix4_len", "32" },
		{ NATIVE "extraConfig: {bpf-lb-rss-ipv4-src-cidr: 10.9.0.0/16}\n",
		  "dsr_rss_prefix4_len", "16" },
		{ KPR "loadBalancer: {acceleration: native}\n", "enable_nodeport_acceleration",
		  "true" },
		{ KPR "loadBalancer: {algorithm: maglev}\n", "lb_algorithm", "2" },
		{ "nodePort: {range: '31000,31999'}\n", "nodeport_port_max", "31999" },
		{ "endpointRoutes: {enabled: true}\n", "enable_endpoint_routes", "true" },
		{ "bandwidthManager: {enabled: true}\n", "enable_bandwidth_manager", "true" },
		{ "ipMasqAgent: {enabled: true}\n", "enable_ip_masq_agent", "true" },
		{ "bpf: {events: {drop: {enabled: false}}}\n", "drop_events", "false" },
		{ "bpf: {events: {policyVerdict: {enabled: false}}}\n", "policy_verdict_events",
		  "false" },
		{ "bpf: {events: {default: {rateLimit: 100, burstLimit: 200}}}\n",
		  "policy_verdict_events_burst", "200" },
		{ "bpf: {monitorFlags: 'syn,fin,rst'}\n", "ct_report_flags", "7" },
		{ "debug: {enabled: true, verbose: datapath}\n", "debug", "true" },
		{ "debug: {enabled: true}\n", "debug", "false" },
		{ "extraConfig: {enable-no-service-endpoints-routable: 'false'}\n",
		  "enable_no_service_endpoints_routable", "false" },
		{ "cluster: {id: 7}\n", "cluster_id", "7" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		load_values(cases[i].values);
		cr_expect(config("n1", cases[i].name) &&
				  !strcmp(config("n1", cases[i].name), cases[i].is),
			  "%s: %s is %s, not %s", cases[i].values, cases[i].name,
			  config("n1", cases[i].name), cases[i].is);
	}
}

Test(cluster_config, what_would_change_verdicts_and_is_not_supported_is_refused)
{
	static const struct {
		const char *values, *says;
	} cases[] = {
		{ KPR "loadBalancer: {mode: dsr}\n", "c/values.yaml:3:22: DSR through a tunnel "
						     "needs loadBalancer.dsrDispatch geneve" },
		{ NATIVE "loadBalancer: {mode: dsr, dsrDispatch: geneve}\n",
		  "loadBalancer.dsrDispatch geneve needs tunnelProtocol geneve" },
		{ KPR "routingMode: native\nbpf: {masquerade: true}\n",
		  "native routing with bpf.masquerade needs ipv4NativeRoutingCIDR" },
		{ "ipv4: {enabled: false}\n", "neither ipv4.enabled nor ipv6.enabled" },
		{ "loadBalancer: {mode: tunnel}\n",
		  "loadBalancer.mode: expected one of snat, dsr, hybrid, annotation" },
		{ "ipv4NativeRoutingCIDR: 'fd00::/8'\n",
		  "ipv4NativeRoutingCIDR: fd00::/8 is of the other family" },
		{ "ipv4NativeRoutingCIDR: 10.0.0.0/64\n", "'10.0.0.0/64' is no CIDR" },
		{ "nodePort: {range: 30000-32767}\n",
		  "nodePort.range: expected two ports such as \"30000,32767\"" },
		{ "nodePort: {addresses: [10.0.0.0/8]}\n", "nodePort.addresses is not supported" },
		{ "bpf: {vlanBypass: 100}\n",
		  "bpf.vlanBypass: expected a list such as [100, 200]" },
		{ "bpf: {vlanBypass: [4095]}\n", "bpf.vlanBypass: " },
		{ "bpf: {vlanBypass: [1, 2, 3, 4, 5, 6]}\n",
		  "bpf.vlanBypass: 6 VLANs, and agents take 5: [0] stands for every VLAN" },
		{ "bpf: {monitorFlags: fun}\n", "bpf.monitorFlags: expected all, or flags of TCP" },
		{ "encryption: {enabled: true}\n", "encryption.enabled: true is not supported" },
		{ "maglev: {hashSeed: abc}\n", "maglev.hashSeed: expected 12 bytes in base64" },
		{ "maglev: {tableSize: 1000}\n", "maglev.tableSize: expected one of 16381" },
		{ "devices: [eth0, eth1]\n", "devices: expected the name of one device" },
		{ "policyDenyResponse: icmp\n", "policyDenyResponse: expected one of none" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf b = BUF_INIT;

		two_nodes(&b);
		cr_expect_lt(try_load(&b, cases[i].values), 0, "%s", cases[i].values);
		cr_expect(strstr(err.text, cases[i].says), "%s: %s", cases[i].values, err.text);
	}
}

static const char *device_config(const struct cluster_device *d, const char *name)
{
	for (size_t i = 0; i < d->n_config; i++)
		if (strcmp(d->config[i].name, name) == 0)
			return value_text(d->config[i].value);
	return "";
}

Test(cluster_config, devices_have_constants_of_their_own)
{
	const struct cluster_device *d;
	struct buf b = BUF_INIT;

	two_nodes(&b);
	buf_puts(&b, "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: s}\n"
		     "spec: {nodeName: n2}\n"
		     "status: {podIPs: [{ip: 10.1.2.9}, {ip: 'fd01:2::9'}]}\n---\n");
	load(&b, "MTU: 1400\n" KPR);
	d = cluster_device_of_role(&c->nodes[1], "endpoint");
	cr_expect_str_eq(device_config(d, "endpoint_id"), "2");
	cr_expect_str_eq(device_config(d, "endpoint_ipv4"), "10.1.2.9");
	cr_expect_str_eq(device_config(d, "endpoint_ipv6"), "fd01:2::9");
	cr_expect_str_eq(device_config(d, "security_label"), "256");
	cr_expect_str_eq(device_config(d, "interface_ifindex"), "10002");
	cr_expect_str_eq(device_config(d, "interface_mac"), "02:78:00:02:00:02");
	cr_expect_str_eq(device_config(d, "device_mtu"), "1400");
	d = cluster_device_of_role(&c->nodes[1], "host");
	cr_expect_str_eq(device_config(d, "interface_ifindex"), "3");
	cr_expect_str_eq(device_config(d, "endpoint_id"), "");
	cr_expect_str_eq(cluster_device_of_role(&c->nodes[1], "overlay")->name, "cilium_vxlan");
	two_nodes(&b);
	load(&b, "tunnelProtocol: geneve\n");
	cr_expect_str_eq(cluster_device_of_role(&c->nodes[1], "overlay")->name, "cilium_geneve");
	two_nodes(&b);
	load(&b, NATIVE);
	cr_expect_null(cluster_device_of_role(&c->nodes[1], "overlay"));
}

Test(cluster_config, maps_have_the_sizes_that_values_say)
{
	load_values("bpf: {ctTcpMax: 1000, policyMapMax: 99}\n");
	cr_assert_eq(c->n_map_sizes, 3);
	cr_expect_str_eq(c->map_sizes[0].map, "cilium_ct4_global");
	cr_expect_eq(c->map_sizes[1].max_entries, 1000);
	cr_expect_str_eq(c->map_sizes[2].map, "cilium_policy_v2");
	cr_expect_eq(c->map_sizes[2].max_entries, 99);
	load_values("");
	cr_expect_eq(c->n_map_sizes, 0);
}

/* ---- masquerade and limits ---- */

Test(cluster_config, networks_that_see_pods_addresses)
{
	const char *map;

	load_values(NATIVE);
	cr_expect_str_empty(dump("n1", "cilium_ipmasq_v4"));
	load_values(NATIVE "ipMasqAgent: {enabled: true}\n");
	map = dump("n1", "cilium_ipmasq_v4");
	cr_expect(strstr(map, "{lpm: {prefixlen: 8}, addr: 10.0.0.0} -> {}\n"), "%s", map);
	cr_expect(strstr(map, "{lpm: {prefixlen: 16}, addr: 169.254.0.0} -> {}\n"), "%s", map);
	cr_expect_str_eq(dump("n1", "cilium_ipmasq_v6"),
			 "{lpm: {prefixlen: 10}, addr: fe80::} -> {}\n");
	load_values(NATIVE "ipMasqAgent: {enabled: true, config: {nonMasqueradeCIDRs: "
			   "[192.0.2.0/24, 'fd00::/8'], masqLinkLocal: true}}\n");
	cr_expect_str_eq(dump("n1", "cilium_ipmasq_v4"),
			 "{lpm: {prefixlen: 24}, addr: 192.0.2.0} -> {}\n");
	cr_expect(strstr(dump("n1", "cilium_ipmasq_v6"),
			 "{lpm: {prefixlen: 8}, addr: fd00::} -> {}\n"));
}

/* kubernetes.io/egress-bandwidth is in bits, the map in bytes a second. */
Test(cluster_config, limits_of_pods_are_in_bytes)
{
	static const char pod[] =
		"apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: s, annotations: "
		"{kubernetes.io/egress-bandwidth: 10M, kubernetes.io/ingress-bandwidth: 8k}}\n"
		"spec: {nodeName: n1}\nstatus: {podIP: 10.1.1.9}\n---\n";
	struct buf b = BUF_INIT;

	two_nodes(&b);
	buf_puts(&b, pod);
	load(&b, "bandwidthManager: {enabled: true}\n");
	cr_expect_str_eq(dump("n1", "cilium_throttle"),
			 "{id: 2} -> {bps: 1250000, t_horizon_drop: 2000000000}\n"
			 "{id: 2, direction: 1} -> {bps: 1000}\n");
	cr_expect_str_empty(dump("n2", "cilium_throttle"));
	two_nodes(&b);
	buf_puts(&b, pod);
	load(&b, "");
	cr_expect_str_empty(dump("n1", "cilium_throttle"));
}

/* Who looks for a value finds it in the page, and with it whether it is heeded. */
Test(cluster_config, each_known_value_is_in_the_documentation)
{
	char *text;

	cr_assert_eq(file_read(arena, file_join(arena, files_source_root(), "docs/clusters.md"),
			       &text, NULL, &err),
		     0, "%s", err.text);
	for (size_t i = 0; i < values_n_known; i++)
		cr_expect(strstr(text, arena_printf(arena, "`%s`", values_known[i].path)),
			  "docs/clusters.md lacks %s", values_known[i].path);
}
