/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From services and endpoints to a node's map entries. */
#include "cluster_text.h"

TestSuite(cluster_services, .init = setup, .fini = teardown, .timeout = 60);

#define KPR "kubeProxyReplacement: 'true'\nroutingMode: native\n"

static void service(struct buf *b, const char *name, const char *spec)
{
	buf_printf(b, "apiVersion: v1\nkind: Service\nmetadata: {name: %s}\nspec: {%s}\n---\n",
		   name, spec);
}

static void slice(struct buf *b, const char *service, const char *endpoints)
{
	buf_printf(b,
		   "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: IPv4\n"
		   "metadata: {name: %s%zu, labels: {kubernetes.io/service-name: %s}}\n"
		   "endpoints: [%s]\nports: [{name: http, port: 8080, protocol: TCP}]\n---\n",
		   service, b->len, service, endpoints);
}

#define HTTP "ports: [{name: http, port: 80, protocol: TCP}]"

static void two_nodes(struct buf *b)
{
	node(b, "a", "10.0.0.1", "");
	node(b, "b", "10.0.0.2", "");
}

#define READY(ip, node) "{addresses: [" ip "], nodeName: " node "}"

Test(cluster_services, a_cluster_ip_has_a_slot_for_each_backend_and_a_way_back)
{
	struct buf b = BUF_INIT;

	two_nodes(&b);
	service(&b, "web", "clusterIP: 10.96.0.1, clusterIPs: [10.96.0.1], " HTTP);
	slice(&b, "web", READY("10.1.0.2", "b") ", " READY("10.1.0.1", "a"));
	load(&b, KPR);
	cr_expect_str_eq(
		dump("a", "cilium_lb4_services_v2"),
		"{address: 10.96.0.1, dport: 80, backend_slot: 1, proto: 6} -> "
		"{backend_id: 2, rev_nat_index: 1}\n"
		"{address: 10.96.0.1, dport: 80, backend_slot: 2, proto: 6} -> "
		"{backend_id: 1, rev_nat_index: 1}\n"
		"{address: 10.96.0.1, dport: 80, proto: 6} -> {count: 2, rev_nat_index: 1}\n"
		"{address: 10.96.0.1} -> {}\n");
	cr_expect_str_eq(dump("a", "cilium_lb4_backends_v3"),
			 "2 -> {address: 10.1.0.1, port: 8080, proto: 6}\n"
			 "1 -> {address: 10.1.0.2, port: 8080, proto: 6}\n");
	cr_expect_str_eq(dump("a", "cilium_lb4_reverse_nat"),
			 "1 -> {address: 10.96.0.1, port: 80}\n");
	cr_expect_str_eq(dump("b", "cilium_lb4_backends_v3"), dump("a", "cilium_lb4_backends_v3"));
}

Test(cluster_services, node_ports_are_at_each_address_of_the_node_and_at_none)
{
	struct buf b = BUF_INIT;
	const char *map;

	two_nodes(&b);
	node(&b, "c", "10.0.0.3}, {type: InternalIP, address: 10.0.1.3", "");
	service(&b, "web",
		"type: NodePort, clusterIP: 10.96.0.1, "
		"ports: [{name: http, port: 80, nodePort: 30080}]");
	slice(&b, "web", READY("10.1.0.1", "a"));
	load(&b, KPR);
	map = dump("c", "cilium_lb4_services_v2");
	cr_expect(strstr(map, "{address: 10.0.0.3, dport: 30080, proto: 6} -> ") &&
			  strstr(map, "{address: 10.0.1.3, dport: 30080, proto: 6} -> "),
		  "%s", map);
	map = dump("b", "cilium_lb4_services_v2");
	cr_expect(strstr(map, "{address: 0.0.0.0, dport: 30080, proto: 6} -> "
			      "{count: 1, rev_nat_index: 2, flags: 2}\n"),
		  "%s", map);
	cr_expect(strstr(map, "{address: 10.0.0.2, dport: 30080, proto: 6} -> "
			      "{count: 1, rev_nat_index: 3, flags: 66}\n"),
		  "%s", map);
	cr_expect_null(strstr(map, "10.0.0.1,"));
	two_nodes(&b);
	service(&b, "web",
		"type: NodePort, clusterIP: 10.96.0.1, "
		"ports: [{name: http, port: 80, nodePort: 30080}]");
	load(&b, "routingMode: native\n");
	cr_expect_null(strstr(dump("b", "cilium_lb4_services_v2"), "30080"),
		       "kube-proxy serves them");
}

Test(cluster_services, local_policies_leave_the_backends_of_this_node)
{
	struct buf b = BUF_INIT;
	const char *here, *there;

	two_nodes(&b);
	service(&b, "web",
		"type: LoadBalancer, clusterIP: 10.96.0.1, externalTrafficPolicy: Local, "
		"ports: [{name: http, port: 80, nodePort: 30080}]}\n"
		"status: {loadBalancer: {ingress: [{ip: 203.0.113.1}]}");
	slice(&b, "web", READY("10.1.0.1", "a"));
	load(&b, KPR);
	here = dump("a", "cilium_lb4_services_v2");
	there = dump("b", "cilium_lb4_services_v2");
	/* from outside: those of the node; from inside: all, in a scope of their own */
	cr_expect(strstr(here, "{address: 203.0.113.1, dport: 80, proto: 6} -> "
			       "{count: 1, rev_nat_index: 6, flags: 100, flags2: 32}\n"),
		  "%s", here);
	cr_expect(strstr(there, "{address: 203.0.113.1, dport: 80, proto: 6} -> "
				"{count: 0, rev_nat_index: 6, flags: 100, flags2: 32}\n"),
		  "%s", there);
	cr_expect(strstr(there, "{address: 203.0.113.1, dport: 80, proto: 6, scope: 1} -> "
				"{count: 1, rev_nat_index: 7, flags: 100, flags2: 32}\n"),
		  "%s", there);
	cr_expect(strstr(there, "{address: 10.96.0.1, dport: 80, proto: 6} -> "
				"{count: 1, rev_nat_index: 1, flags: 4}\n"),
		  "%s", there);
	cr_expect(strstr(there, "{address: 203.0.113.1} -> {flags: 32}\n"), "%s", there);
	cr_expect_not_null(
		strstr(there, "{address: 0.0.0.0, dport: 30080, proto: 6} -> {count: 0"));

	two_nodes(&b);
	service(&b, "web", "clusterIP: 10.96.0.1, internalTrafficPolicy: Local, " HTTP);
	slice(&b, "web", READY("10.1.0.1", "a"));
	load(&b, KPR);
	cr_expect(strstr(dump("a", "cilium_lb4_services_v2"),
			 "count: 1, rev_nat_index: 1, flags2: 16"));
	cr_expect(strstr(dump("b", "cilium_lb4_services_v2"),
			 "count: 0, rev_nat_index: 1, flags2: 16"));
	cr_expect_str_empty(dump("b", "cilium_lb4_backends_v3"));
}

Test(cluster_services, states_of_backends_decide_who_takes_new_flows)
{
	static const char all[] =
		"{addresses: [10.1.0.1], conditions: {ready: false}}, "
		"{addresses: [10.1.0.2], conditions: {ready: false, serving: true, terminating: "
		"true}}, "
		"{addresses: [10.1.0.3], conditions: {ready: false, serving: false, terminating: "
		"true}}, ";
	struct buf b = BUF_INIT;
	const char *map;

	two_nodes(&b);
	service(&b, "web", "clusterIP: 10.96.0.1, " HTTP);
	slice(&b, "web", arena_printf(arena, "%s{addresses: [10.1.0.4]}", all));
	load(&b, KPR);
	map = dump("a", "cilium_lb4_services_v2");
	cr_expect(strstr(map, "dport: 80, proto: 6} -> {count: 1, rev_nat_index: 1, qcount: 2}\n"),
		  "%s", map);
	cr_expect(strstr(map, "backend_slot: 1, proto: 6} -> {backend_id: 4,"), "%s", map);
	cr_expect_null(strstr(map, "backend_slot: 4"));
	map = dump("a", "cilium_lb4_backends_v3");
	cr_expect(strstr(map, "{address: 10.1.0.1, port: 8080, proto: 6, flags: 3}"), "%s", map);
	cr_expect(strstr(map, "{address: 10.1.0.2, port: 8080, proto: 6, flags: 1}"), "%s", map);
	cr_expect(strstr(map, "{address: 10.1.0.4, port: 8080, proto: 6}"), "%s", map);

	/* none is active: those that still serve take over */
	two_nodes(&b);
	service(&b, "web", "clusterIP: 10.96.0.1, " HTTP);
	slice(&b, "web", all);
	load(&b, KPR);
	map = dump("a", "cilium_lb4_services_v2");
	cr_expect(strstr(map, "dport: 80, proto: 6} -> {count: 1, rev_nat_index: 1, qcount: 1}\n"),
		  "%s", map);

	/* publishNotReadyAddresses: whatever is there is ready */
	two_nodes(&b);
	service(&b, "web", "publishNotReadyAddresses: true, clusterIP: 10.96.0.1, " HTTP);
	slice(&b, "web", all);
	load(&b, KPR);
	map = dump("a", "cilium_lb4_services_v2");
	cr_expect(strstr(map, "dport: 80, proto: 6} -> {count: 3, rev_nat_index: 1}\n"), "%s", map);
}

Test(cluster_services, affinity_and_source_ranges)
{
	struct buf b = BUF_INIT;

	two_nodes(&b);
	service(&b, "web",
		"type: LoadBalancer, clusterIP: 10.96.0.1, sessionAffinity: ClientIP, "
		"loadBalancerSourceRanges: [192.0.2.0/24], "
		"sessionAffinityConfig: {clientIP: {timeoutSeconds: 600}}, " HTTP "}\n"
		"status: {loadBalancer: {ingress: [{ip: 203.0.113.1}]}");
	slice(&b, "web", READY("10.1.0.1", "a"));
	load(&b, KPR);
	cr_expect(strstr(dump("a", "cilium_lb4_services_v2"),
			 "{address: 203.0.113.1, dport: 80, proto: 6} -> {affinity_timeout: 600, "
			 "count: 1, rev_nat_index: 2, flags: 240}\n"),
		  "%s", dump("a", "cilium_lb4_services_v2"));
	cr_expect_str_eq(dump("a", "cilium_lb_affinity_match"),
			 "{backend_id: 1, rev_nat_id: 1} -> 0\n"
			 "{backend_id: 1, rev_nat_id: 2} -> 0\n");
	cr_expect(strstr(dump("a", "cilium_lb4_source_range"),
			 "{lpm_key: {prefixlen: 56}, rev_nat_id: 2, addr: 192.0.2.0} -> 0\n"));
}

Test(cluster_services, host_ports_of_pods_here_are_served)
{
	struct buf b = BUF_INIT;
	const char *map;

	two_nodes(&b);
	buf_puts(&b,
		 "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: s}\nspec:\n"
		 "  nodeName: a\n  containers: [{name: c, ports: [{containerPort: 8080, hostPort: "
		 "8088}, {containerPort: 9, hostPort: 99, hostIP: 127.0.0.1}, "
		 "{containerPort: 10, hostPort: 30001}]}]\n"
		 "status: {podIP: 10.1.0.1}\n---\n");
	load(&b, KPR);
	map = dump("a", "cilium_lb4_services_v2");
	cr_expect(strstr(map, "{address: 10.0.0.1, dport: 8088, proto: 6} -> "
			      "{count: 1, rev_nat_index: 2, flags: 72}\n"),
		  "%s", map);
	cr_expect(strstr(map, "{address: 0.0.0.0, dport: 8088, proto: 6} -> "
			      "{count: 1, rev_nat_index: 1, flags: 8}\n"),
		  "%s", map);
	cr_expect(strstr(map, "{address: 0.0.0.0, dport: 99, proto: 6} -> "
			      "{count: 1, rev_nat_index: 3, flags: 8, flags2: 8}\n"),
		  "%s", map);
	cr_expect_null(strstr(map, "30001"), "it is a node port's number");
	cr_expect_str_empty(dump("b", "cilium_lb4_services_v2"));
}

Test(cluster_services, some_services_are_not_the_datapaths)
{
	struct buf b = BUF_INIT;

	two_nodes(&b);
	service(&b, "a", "clusterIP: None, " HTTP);
	service(&b, "b", "type: ExternalName, externalName: x.example");
	slice(&b, "a", READY("10.1.0.1", "a"));
	load(&b, KPR);
	cr_expect_str_empty(dump("a", "cilium_lb4_services_v2"));
	cr_expect_str_empty(dump("a", "cilium_lb4_backends_v3"));
}

Test(cluster_services, one_address_and_port_has_one_service)
{
	struct buf b = BUF_INIT;

	two_nodes(&b);
	service(&b, "a", "clusterIP: 10.96.0.1, externalIPs: [192.0.2.1], " HTTP);
	service(&b, "b", "clusterIP: 10.96.0.2, externalIPs: [192.0.2.1], " HTTP);
	cr_expect_lt(try_load(&b, KPR), 0);
	cr_expect(strstr(err.text, "192.0.2.1 port 80 is asked for by service at c/all.yaml:13"),
		  "%s", err.text);
}

/* As `verdict` counts them: a node's entries of all service maps. */
static const char *all_maps(const char *node)
{
	static const char *const maps[] = {
		"cilium_lb4_services_v2",   "cilium_lb4_backends_v3",  "cilium_lb4_reverse_nat",
		"cilium_lb6_services_v2",   "cilium_lb6_backends_v3",  "cilium_lb6_reverse_nat",
		"cilium_lb_affinity_match", "cilium_lb4_source_range", "cilium_lb6_source_range",
	};
	struct buf b = BUF_INIT;
	char *text;

	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		buf_puts(&b, dump(node, maps[i]));
	text = arena_strdup(arena, buf_str(&b));
	buf_free(&b);
	return text;
}

/* Files are read in the order of their names. */
Test(cluster_services, the_order_of_files_decides_nothing)
{
	static const char *const files[] = { "nodes", "pods", "services", "endpointslices" };
	const char *dir = file_join(arena, files_source_root(), "fixtures/clusters/two-nodes"),
		   *first[2] = { NULL, NULL };

	for (int turn = 0; turn < 2; turn++) {
		for (int i = 0; i < 4; i++) {
			int at = turn ? 3 - i : i;
			char *text;

			cr_assert_eq(file_read(arena,
					       arena_printf(arena, "%s/%s.yaml", dir, files[at]),
					       &text, NULL, &err),
				     0);
			files_write(arena_printf(arena, "c/%d.yaml", i), text);
		}
		files_write("c/values.yaml", KPR "ipv6: {enabled: true}\n");
		cluster_free(c);
		c = NULL;
		cr_assert_eq(load_whole("c"), 0, "%s", err.text);
		for (int n = 0; n < 2; n++) {
			const char *text = all_maps(n ? "node-2" : "node-1");

			if (turn)
				cr_expect_str_eq(text, first[n]);
			first[n] = text;
		}
	}
	cr_expect_gt(strlen(first[0]), 1000);
}

Test(cluster_services, numbers_stay_when_others_come_and_go)
{
	const char *before, *after;
	struct buf b = BUF_INIT;

	two_nodes(&b);
	service(&b, "m", "clusterIP: 10.96.0.1, " HTTP);
	slice(&b, "m", READY("10.1.0.5", "a"));
	pod(&b, "m", "a", "10.1.0.5", "app: m");
	/* before it in every order */
	service(&b, "a", "clusterIP: 10.96.0.0, " HTTP);
	slice(&b, "a", READY("10.1.0.1", "a"));
	pod(&b, "a", "a", "10.1.0.1", "app: a");
	load(&b, KPR);
	before = dump("a", "cilium_lb4_backends_v3");
	cr_expect_str_eq(before, "1 -> {address: 10.1.0.1, port: 8080, proto: 6}\n"
				 "2 -> {address: 10.1.0.5, port: 8080, proto: 6}\n");
	cr_assert_eq(cluster_delete(c, "Service", "default", "a", NULL, &err), 0, "%s", err.text);
	cr_assert_eq(cluster_delete(c, "Pod", "s", "a", NULL, &err), 0, "%s", err.text);
	cr_assert_eq(cluster_compile_node(c, 0, &err), 0, "%s", err.text);
	cr_expect_eq(c->generation, 3);
	after = dump("a", "cilium_lb4_backends_v3");
	cr_expect_str_eq(after, "2 -> {address: 10.1.0.5, port: 8080, proto: 6}\n");
	cr_expect_str_eq(dump("a", "cilium_lb4_reverse_nat"),
			 "2 -> {address: 10.96.0.1, port: 80}\n");
	cr_expect(strstr(dump("a", "cilium_lxc"), "lxc_id: 3"), "%s", dump("a", "cilium_lxc"));
	cr_expect_null(strstr(dump("a", "cilium_lxc"), "lxc_id: 2"));
	cr_expect_eq(c->nodes[0].endpoints[1].device->ifindex, 10003);
}
