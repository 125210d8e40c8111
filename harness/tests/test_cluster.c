/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From manifests to map entries: identities, ipcache, endpoints, constants, members. */
#include "cluster_text.h"

TestSuite(cluster, .init = setup, .fini = teardown, .timeout = 60);

/* ---- identities and addresses ---- */

Test(cluster, a_nodes_own_address_is_host_and_others_are_remote)
{
	struct buf b = BUF_INIT;

	node(&b, "a", "10.0.0.1", "");
	node(&b, "b", "10.0.0.2", "");
	load(&b, FIREWALL);
	cr_assert_str_eq(
		dump("a", "cilium_ipcache_v2"),
		"{lpm_key: {prefixlen: 64}, family: 1, ip4: 10.0.0.1} -> {sec_identity: 1}\n"
		"{lpm_key: {prefixlen: 64}, family: 1, ip4: 10.0.0.2} -> {sec_identity: 6}\n"
		"{lpm_key: {prefixlen: 32}, family: 1, ip4: 0.0.0.0} -> {sec_identity: 2}\n"
		"{lpm_key: {prefixlen: 32}, family: 2, ip6: ::} -> {sec_identity: 2}\n");
	cr_assert_str_eq(dump("a", "cilium_lxc"), "{family: 1, ip4: 10.0.0.1} -> {flags: 1}\n");
	cr_assert_eq(identity("b", "10.0.0.1"), 6);
	cr_assert_eq(identity("b", "10.0.0.2"), 1);
}

Test(cluster, an_ipv6_address_has_its_own_prefix_and_family)
{
	struct buf b = BUF_INIT;

	node(&b, "a", "'fd00::1'", "");
	load(&b, FIREWALL);
	cr_assert(strstr(
		dump("a", "cilium_ipcache_v2"),
		"{lpm_key: {prefixlen: 160}, family: 2, ip6: fd00::1} -> {sec_identity: 1}"));
}

Test(cluster, a_node_with_an_api_server_is_seven_from_elsewhere_and_host_to_itself)
{
	static const char *const sources[] = {
		"apiVersion: v1\nkind: Endpoints\nmetadata: {name: kubernetes}\n"
		"subsets: [{addresses: [{ip: 10.0.0.1}]}]\n",
		"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
		"metadata: {name: x, labels: {kubernetes.io/service-name: kubernetes}}\n"
		"endpoints: [{addresses: [10.0.0.1]}]\n",
	};

	for (size_t i = 0; i < 2; i++) {
		struct buf b = BUF_INIT;

		node(&b, "a", "10.0.0.1", "");
		node(&b, "b", "10.0.0.2", "");
		buf_puts(&b, sources[i]);
		load(&b, FIREWALL);
		cr_assert_eq(identity("a", "10.0.0.1"), 1);
		cr_assert_eq(identity("b", "10.0.0.1"), 7);
		cr_assert_eq(identity("a", "10.0.0.2"), 6);
		cr_assert_eq(cluster_node_by_name(c, "a")->remote_identity, 7);
	}
}

Test(cluster, another_service_of_that_name_makes_no_api_server)
{
	struct buf b = BUF_INIT;

	node(&b, "a", "10.0.0.1", "");
	node(&b, "b", "10.0.0.2", "");
	buf_puts(&b, "apiVersion: v1\nkind: Endpoints\nmetadata: {name: kubernetes, namespace: s}\n"
		     "subsets: [{addresses: [{ip: 10.0.0.1}]}]\n");
	load(&b, FIREWALL);
	cr_assert_eq(identity("b", "10.0.0.1"), 6);
}

Test(cluster, pods_of_the_same_labels_share_an_identity_whatever_their_order)
{
	struct buf b = BUF_INIT;
	unsigned first;

	node(&b, "a", "10.0.0.1", "");
	pod(&b, "x", "a", "10.1.0.1", "app: web, pod-template-hash: abc");
	pod(&b, "y", "a", "10.1.0.2", "app: db");
	pod(&b, "z", "a", "10.1.0.3", "app: web, pod-template-hash: def");
	load(&b, FIREWALL);
	first = identity("a", "10.1.0.1");
	cr_assert_geq(first, 256);
	cr_assert_eq(identity("a", "10.1.0.3"), first);
	cr_assert_neq(identity("a", "10.1.0.2"), first);

	node(&b, "a", "10.0.0.1", "");
	pod(&b, "z", "a", "10.1.0.3", "app: web, pod-template-hash: def");
	pod(&b, "y", "a", "10.1.0.2", "app: db");
	load(&b, FIREWALL);
	cr_assert_eq(identity("a", "10.1.0.3"), first);
}

Test(cluster, local_pods_are_endpoints_from_two_on)
{
	struct buf b = BUF_INIT;
	const struct cluster_node *a;

	node(&b, "a", "10.0.0.1", "");
	node(&b, "b", "10.0.0.2", "");
	pod(&b, "y", "a", "10.1.0.2", "");
	pod(&b, "x", "a", "10.1.0.1", "app: x");
	pod(&b, "w", "b", "10.1.1.1", "");
	load(&b, FIREWALL);
	a = cluster_node_by_name(c, "a");
	cr_assert_eq(a->n_endpoints, 3);
	cr_assert(a->endpoints[0].is_host && a->endpoints[0].id == 1);
	cr_assert_str_eq(a->endpoints[0].policy_map, "cilium_policy_v2_00001");
	cr_assert_str_eq(a->endpoints[1].name, "s/x");
	cr_assert_eq(a->endpoints[1].id, 2);
	cr_assert_str_eq(a->endpoints[2].policy_map, "cilium_policy_v2_00003");
	cr_assert(strstr(dump("a", "cilium_lxc"),
			 "{family: 1, ip4: 10.1.0.1} -> {ifindex: 10002, lxc_id: 2, "
			 "mac: 02:70:00:01:00:02, node_mac: 02:78:00:01:00:02, sec_id: "));
	cr_assert_null(strstr(dump("a", "cilium_lxc"), "10.1.1.1"));
	cr_assert_geq(identity("a", "10.1.1.1"), 256);
}

Test(cluster, a_tunnel_leads_to_the_pods_of_other_nodes_only)
{
	struct buf b = BUF_INIT;
	const char *cache;

	node(&b, "a", "10.0.0.1", "");
	node(&b, "b", "10.0.0.2", "");
	pod(&b, "x", "a", "10.1.0.1", "");
	pod(&b, "y", "b", "10.1.0.2", "");
	load(&b, "routingMode: tunnel\n");
	cache = dump("a", "cilium_ipcache_v2");
	cr_assert(strstr(cache, "ip4: 10.1.0.2} -> {sec_identity: 256, tunnel_endpoint: {ip4: "
				"10.0.0.2}, flag_has_tunnel_ep: 1}\n"));
	cr_assert(strstr(cache, "ip4: 10.1.0.1} -> {sec_identity: 256}\n"));
}

Test(cluster, nodes_are_found_by_name_address_and_mac)
{
	struct ip_addr ip = { 4, { 10, 0, 0, 2 } }, pod_ip = { 4, { 10, 1, 0, 1 } };
	struct cluster_place place;
	struct buf b = BUF_INIT;

	node(&b, "a", "10.0.0.1", "");
	node(&b, "b", "10.0.0.2", "");
	pod(&b, "x", "b", "10.1.0.1", "");
	load(&b, "");
	cr_expect_eq(cluster_node_by_name(c, "b"), &c->nodes[1]);
	cr_expect_null(cluster_node_by_name(c, "c"));
	cr_expect_eq(cluster_node_by_ip(c, &ip), &c->nodes[1]);
	cr_expect_eq(cluster_node_by_mac(c, c->nodes[1].devices[0].mac), &c->nodes[1]);
	cr_expect_null(cluster_node_by_mac(c, c->nodes[1].devices[1].mac), "it is cilium_net's");
	place = cluster_place_by_ip(c, &pod_ip);
	cr_expect_eq(place.node, 1);
	cr_expect_eq(place.endpoint, &c->nodes[1].endpoints[1]);
	pod_ip.bytes[3] = 2;
	cr_expect_eq(cluster_place_by_ip(c, &pod_ip).node, -1);
}

/* Through the tunnel to a node itself go only answers of DSR, and everything with the host firewall. */
Test(cluster, nodes_are_routed_to_unless_the_host_firewall_is_on)
{
	static const struct {
		const char *values, *entry;
	} cases[] = {
		{ "routingMode: tunnel\n", "{sec_identity: 6, tunnel_endpoint: {ip4: 10.0.0.2}, "
					   "flag_skip_tunnel: 1, flag_has_tunnel_ep: 1}" },
		{ "routingMode: tunnel\nhostFirewall: {enabled: true}\n",
		  "{sec_identity: 6, tunnel_endpoint: {ip4: 10.0.0.2}, flag_has_tunnel_ep: 1}" },
		{ "routingMode: native\nkubeProxyReplacement: true\ntunnelProtocol: geneve\n"
		  "loadBalancer: {mode: dsr, dsrDispatch: geneve}\n",
		  "{sec_identity: 6, tunnel_endpoint: {ip4: 10.0.0.2}, flag_skip_tunnel: 1, "
		  "flag_has_tunnel_ep: 1}" },
		{ "routingMode: native\n", "{sec_identity: 6}" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf b = BUF_INIT;

		node(&b, "a", "10.0.0.1", "");
		node(&b, "b", "10.0.0.2", "");
		load(&b, cases[i].values);
		cr_expect(strstr(dump("a", "cilium_ipcache_v2"),
				 arena_printf(arena, "ip4: 10.0.0.2} -> %s\n", cases[i].entry)),
			  "%s", dump("a", "cilium_ipcache_v2"));
		cr_expect(strstr(dump("a", "cilium_ipcache_v2"),
				 "ip4: 10.0.0.1} -> {sec_identity: 1}\n"));
	}
}

/* A pod that nobody knows yet is on the node whose network its address is of. */
Test(cluster, routers_and_pods_networks_are_behind_the_tunnel)
{
	struct buf b = BUF_INIT;
	const char *cache;

	for (int i = 1; i <= 2; i++)
		buf_printf(&b,
			   "apiVersion: v1\nkind: Node\nmetadata: {name: n%d%s}\n"
			   "spec: {podCIDRs: [10.1.%d.0/24]}\n"
			   "status: {addresses: [{type: InternalIP, address: 10.0.0.%d}]}\n---\n",
			   i,
			   i == 2 ? ", annotations: {network.cilium.io/ipv4-cilium-host: "
				    "10.1.2.77}"
				  : "",
			   i, i);
	pod(&b, "p", "n1", "10.1.1.1", "");
	load(&b, "routingMode: tunnel\n");
	cache = dump("n1", "cilium_ipcache_v2");
	/* the pod has the first address, so the router has the next */
	cr_expect(strstr(cache, "ip4: 10.1.1.2} -> {sec_identity: 1}\n"), "%s", cache);
	cr_expect(strstr(cache, "ip4: 10.1.2.77} -> {sec_identity: 6, tunnel_endpoint: {ip4: "
				"10.0.0.2}, flag_has_tunnel_ep: 1}\n"),
		  "%s", cache);
	cr_expect(strstr(cache, "{lpm_key: {prefixlen: 56}, family: 1, ip4: 10.1.2.0} -> "
				"{sec_identity: 2, tunnel_endpoint: {ip4: 10.0.0.2}, "
				"flag_has_tunnel_ep: 1}\n"),
		  "%s", cache);
	cr_expect_null(strstr(cache, "ip4: 10.1.1.0}"), "its own network is no other node's");
	cr_expect_str_eq(dump("n1", "cilium_node_map_v2"),
			 "{family: 1, ip4: 10.0.0.2} -> {id: 2}\n");
	cr_expect(strstr(dump("n1", "cilium_lxc"), "ip4: 10.1.1.2} -> {flags: 1}\n"));
	cr_expect_str_eq(config("n2", "router_ipv4"), "10.1.2.77");
}

Test(cluster, members_have_addresses_of_the_captures_family)
{
	struct ip_addr like = { 4, { 1, 2, 3, 4 } }, like6 = { .family = 6 }, out;
	struct member m = { .kind = MEMBER_NODE, .name = "a" };
	struct buf b = BUF_INIT;

	node(&b, "a", "10.0.0.1", "");
	pod(&b, "x", "a", "10.1.0.1", "");
	load(&b, "");
	cr_assert_eq(cluster_member_address(c, &m, &like, &out, &err), 0);
	cr_assert_eq(out.bytes[3], 1);
	cr_assert_lt(cluster_member_address(c, &m, &like6, &out, &err), 0);
	cr_assert_str_eq(err.text, "node 'a' has no IPv6 address");
	m = (struct member){ .kind = MEMBER_POD, .ns = "s", .name = "x" };
	cr_assert_eq(cluster_member_address(c, &m, &like, &out, &err), 0);
	cr_assert_eq(out.bytes[1], 1);
	m.name = "z";
	cr_assert_lt(cluster_member_address(c, &m, &like, &out, &err), 0);
	cr_assert_str_eq(err.text, "no pod 's/z' in the cluster c; did you mean 's/x'?");
	m = (struct member){ .kind = MEMBER_WORLD };
	cr_assert_eq(cluster_member_address(c, &m, &like, &out, &err), 0);
	cr_assert(ip_addr_equal(&out, &like));
}

Test(cluster, one_address_has_one_owner)
{
	struct buf b = BUF_INIT;

	node(&b, "a", "10.0.0.1", "");
	node(&b, "b", "10.0.0.1", "");
	cr_assert_lt(try_load(&b, ""), 0);
	cr_assert_str_eq(err.text, "c/all.yaml:8:18: node b has an address of node a\n"
				   "     8 | metadata: {name: b, labels: {}}\n"
				   "       |                  ^");
	node(&b, "a", "10.0.0.1", "");
	pod(&b, "x", "n", "10.1.0.1", "");
	cr_assert_lt(try_load(&b, ""), 0);
	cr_assert(strstr(err.text, "c/all.yaml:9:18: no node 'n' in the cluster c"), "%s",
		  err.text);
}

Test(cluster, two_pods_have_two_addresses)
{
	struct buf b = BUF_INIT;

	node(&b, "a", "10.0.0.1", "");
	pod(&b, "x", "a", "10.1.0.1", "");
	pod(&b, "y", "a", "10.1.0.1", "");
	cr_expect_lt(try_load(&b, ""), 0);
	cr_expect(strstr(err.text, "pod s/y has the address of pod s/x"), "%s", err.text);
	node(&b, "a", "10.0.0.1", "");
	pod(&b, "x", "a", "10.0.0.1", "");
	cr_expect_lt(try_load(&b, ""), 0);
	cr_expect(strstr(err.text, "pod s/x has a node's address but is not hostNetwork"), "%s",
		  err.text);
}

/* ---- configuration ---- */

Test(cluster, constants_follow_the_helm_values)
{
	struct buf b = BUF_INIT;

	node(&b, "a", "10.0.0.1", "");
	load(&b, "");
	cr_assert_str_eq(config("a", "security_label"), "1");
	cr_assert_str_eq(config("a", "host_ep_id"), "1");
	cr_assert_str_eq(config("a", "trace_payload_len"), "128");
	cr_assert_str_eq(config("a", "monitor_aggregation"), "3");
	cr_assert_str_eq(config("a", "enable_host_firewall"), "false");
	cr_assert_str_eq(config("a", "ct_lifetime_tcp"), "8000");
	cr_assert_str_eq(config("a", "ct_lifetime_nontcp"), "60");
	cr_assert_str_eq(config("a", "ct_syn_timeout"), "60");
	cr_assert_str_eq(config("a", "ct_close_timeout"), "10");
	cr_assert_str_eq(config("a", "enable_icmp_rule"), "true");
	cr_assert_str_eq(config("a", "policy_audit_mode"), "false");

	node(&b, "a", "10.0.0.1", "");
	load(&b, "bpf: {monitorAggregation: none}\nhostFirewall: {enabled: true}\n"
		 "policyAuditMode: true\ndevices: ens3\n"
		 "extraConfig: {bpf-ct-timeout-regular-tcp: 6h, enable-icmp-rules: 'false'}\n");
	cr_assert_str_eq(config("a", "monitor_aggregation"), "0");
	cr_assert_str_eq(config("a", "enable_host_firewall"), "true");
	cr_assert_str_eq(config("a", "policy_audit_mode"), "true");
	cr_assert_str_eq(config("a", "ct_lifetime_tcp"), "21600");
	cr_assert_str_eq(config("a", "enable_icmp_rule"), "false");
	cr_assert_str_eq(cluster_node_by_name(c, "a")->device, "ens3");
}

/* ---- the cluster of the first story ---- */

Test(cluster, two_masters_open_etcd_to_each_other_and_nothing_else)
{
	const char *dir = file_join(arena, files_source_root(), "fixtures/clusters/two-masters");
	static const char *const names[] = { "master-0", "master-1" };

	cr_assert_eq(load_whole(dir), 0, "%s", err.text);
	cr_assert_eq(c->n_nodes, 2);
	for (int i = 0; i < 2; i++) {
		cr_assert_str_eq(config(names[i], "enable_host_firewall"), "true");
		cr_assert_str_eq(config(names[i], "monitor_aggregation"), "0");
		cr_assert_eq(identity(names[i], i ? "10.160.128.31" : "10.160.128.34"), 1);
		cr_assert_eq(identity(names[i], i ? "10.160.128.34" : "10.160.128.31"), 7);
		cr_assert_eq(cluster_node_by_name(c, names[i])->n_endpoints, 1);
	}
	/* lookups look at the first node, which is like the second */
	cr_assert_eq(by_entries(7, 6, 2379), 1);
	cr_assert_eq(by_entries(7, 6, 24824), 0); /* the reply's ephemeral port: conntrack only */
	cr_assert_eq(by_entries(7, 6, 2380), 0);
	cr_assert_eq(by_entries(7, 17, 2379), 0);
	cr_assert_eq(by_entries(2, 6, 2379), 0);
}
