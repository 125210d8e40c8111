/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Changes in mid-flow: what is applied and deleted takes effect, and what is not keeps its numbers. */
#include "cluster/policy.h"
#include "cluster_text.h"
#include "scenario/manifest_change.h"

static void start(void)
{
	struct buf b = BUF_INIT;

	setup();
	node(&b, "a", "192.168.0.1", "");
	pod(&b, "m", "a", "10.1.0.1", "app: m");
	pod(&b, "n", "a", "10.1.0.2", "app: n");
	policy(&b, CCNP, "endpointSelector: {}, ingress: [{fromCIDR: [203.0.113.0/24]}]");
	load(&b, "");
}

TestSuite(cluster_change, .init = start, .fini = teardown, .timeout = 60);

#define POD(name, ip, label)                                                                       \
	"apiVersion: v1\nkind: Pod\nmetadata: {name: " name ", namespace: s, labels: {app: " label \
	"}}\nspec: {nodeName: a}\nstatus: {podIP: " ip "}\n"

static void apply(const char *text)
{
	files_write("change.yaml", text);
	cr_assert_eq(cluster_apply(c, "change.yaml", &err), 0, "%s", err.text);
	cr_assert_eq(cluster_compile_node(c, 0, &err), 0, "%s", err.text);
}

static void delete (const char *kind, const char *ns, const char *name)
{
	cr_assert_eq(cluster_delete(c, kind, ns, name, NULL, &err), 0, "%s", err.text);
	cr_assert_eq(cluster_compile_node(c, 0, &err), 0, "%s", err.text);
}

static unsigned endpoint_id(const char *name)
{
	for (size_t i = 0; i < c->nodes[0].n_endpoints; i++)
		if (strcmp(c->nodes[0].endpoints[i].name, name) == 0)
			return c->nodes[0].endpoints[i].id;
	return 0;
}

static bool has_net(const char *address, unsigned id)
{
	return strstr(dump("a", "cilium_ipcache_v2"),
		      arena_printf(arena, "ip4: %s} -> {sec_identity: %u}", address, id)) != NULL;
}

/* A label set that sorts before the others would be 256 in a cluster read at once. */
Test(cluster_change, a_pod_applied_gets_new_numbers_and_leaves_others_theirs)
{
	unsigned m = identity("a", "10.1.0.1"), n = identity("a", "10.1.0.2");

	cr_assert_eq(m, 256);
	cr_assert_eq(n, 257);
	apply(POD("a0", "10.1.0.3", "a0"));
	cr_expect_eq(identity("a", "10.1.0.1"), m);
	cr_expect_eq(identity("a", "10.1.0.2"), n);
	cr_expect_eq(identity("a", "10.1.0.3"), 258);
	cr_expect_eq(endpoint_id("s/m"), 2);
	cr_expect_eq(endpoint_id("s/n"), 3);
	cr_expect_eq(endpoint_id("s/a0"), 4);
	cr_expect_eq(c->generation, 2);
}

Test(cluster_change, a_pod_deleted_is_forgotten_and_remembered_when_it_is_back)
{
	delete ("Pod", "s", "m");
	cr_expect_eq(identity("a", "10.1.0.1"), 0);
	cr_expect_eq(identity("a", "10.1.0.2"), 257);
	cr_expect_eq(endpoint_id("s/m"), 0);
	cr_expect_eq(endpoint_id("s/n"), 3);
	apply(POD("other", "10.1.0.9", "m"));
	cr_expect_eq(identity("a", "10.1.0.9"), 256);
}

Test(cluster_change, an_object_applied_again_takes_the_place_of_the_old)
{
	apply(POD("m", "10.1.0.77", "n"));
	cr_expect_eq(c->manifests.n_pods, 2);
	cr_expect_eq(identity("a", "10.1.0.1"), 0);
	cr_expect_eq(identity("a", "10.1.0.77"), 257);
	cr_expect_eq(endpoint_id("s/m"), 2);
}

Test(cluster_change, a_policy_applied_and_deleted_changes_entries_not_numbers)
{
	const char *before = dump("a", "cilium_policy_v2_00002");

	cr_assert(has_net("203.0.113.0", 16777217));
	apply("apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: x, "
	      "namespace: s}\nspec: {endpointSelector: {}, ingress: [{fromCIDR: "
	      "[192.0.2.0/24]}]}\n");
	cr_expect(has_net("203.0.113.0", 16777217));
	cr_expect(has_net("192.0.2.0", 16777218));
	cr_expect_str_neq(dump("a", "cilium_policy_v2_00002"), before);
	delete ("CiliumNetworkPolicy", "s", "x");
	cr_expect_not(has_net("192.0.2.0", 16777218));
	cr_expect_str_eq(dump("a", "cilium_policy_v2_00002"), before);
}

/* One object of several specs is replaced whole. */
Test(cluster_change, a_policy_of_fewer_specs_loses_the_others)
{
	static const char head[] = "apiVersion: cilium.io/v2\nkind: "
				   "CiliumClusterwideNetworkPolicy\nmetadata: {name: two}\n";
	size_t n = c->manifests.n_policies;

	apply(arena_printf(arena,
			   "%sspecs: [{endpointSelector: {}, ingress: [{}]}, "
			   "{endpointSelector: {}, egress: [{}]}]\n",
			   head));
	cr_expect_eq(c->manifests.n_policies, n + 2);
	apply(arena_printf(arena, "%sspec: {endpointSelector: {}, egress: [{}]}\n", head));
	cr_expect_eq(c->manifests.n_policies, n + 1);
}

Test(cluster_change, a_namespace_takes_along_what_is_in_it)
{
	apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: s}\n");
	delete ("Namespace", NULL, "s");
	cr_expect_eq(c->manifests.n_pods, 0);
	cr_expect_eq(c->manifests.n_nodes, 1);
	cr_expect_eq(c->manifests.n_policies, 1);
}

Test(cluster_change, mistakes_are_named_and_change_nothing)
{
	struct loc at = { NULL, 0, 0 };

	cr_assert_lt(cluster_delete(c, "Pod", "s", "nobody", &at, &err), 0);
	cr_expect_str_eq(err.text, "there is no Pod s/nobody in the cluster");
	cr_assert_lt(cluster_delete(c, "Pods", "s", "m", &at, &err), 0);
	cr_expect_str_eq(err.text, "no kind 'Pods' is read from manifests; did you mean 'Pod'?");
	cr_assert_lt(cluster_delete(c, "Service", NULL, "x", &at, &err), 0);
	cr_expect_str_eq(err.text, "there is no Service default/x in the cluster");
	files_write("change.yaml", POD("z", "10.1.0.8", "z") "---\n" POD("z", "10.1.0.9", "z"));
	cr_assert_lt(cluster_apply(c, "change.yaml", &err), 0);
	cr_expect(strstr(err.text, "change.yaml:9:18: Pod s/z is already given at change.yaml:3"),
		  "%s", err.text);
	cr_expect_eq(c->manifests.n_pods, 2);
	cr_expect_eq(c->generation, 1);
}

#define NODE(name, ip, net, more)                                                                  \
	"apiVersion: v1\nkind: Node\nmetadata: {name: " name ", labels: {" more "}}\n"             \
	"spec: {podCIDR: " net "}\nstatus: {addresses: [{type: InternalIP, address: " ip "}]}\n"

static const struct cluster_node *named(const char *name)
{
	return cluster_node_by_name(c, name);
}

static const char *router(const char *name)
{
	struct buf b = BUF_INIT;
	const char *text;

	ip_addr_print(&b, &named(name)->router_ips[0]);
	text = arena_strdup(arena, buf_str(&b));
	buf_free(&b);
	return text;
}

Test(cluster_change, a_node_that_comes_is_known_to_the_others)
{
	apply(NODE("b", "192.168.0.2", "10.2.0.0/24", ""));
	cr_assert_not_null(named("b"));
	cr_expect_eq(named("b")->index, 1);
	cr_expect_eq(named("a")->index, 0);
	cr_expect_eq(identity("a", "192.168.0.2"), 6);
	cr_expect(strstr(dump("a", "cilium_node_map_v2"), "192.168.0.2"));
	cr_expect_eq(cluster_compile_node(c, 1, &err), 0, "%s", err.text);
	cr_expect_eq(identity("b", "192.168.0.1"), 6);
	cr_expect_eq(identity("b", "10.1.0.1"), 256);
}

Test(cluster_change, a_node_that_goes_takes_its_pods_along_and_leaves_its_place)
{
	uint8_t mac[6];

	apply(NODE("b", "192.168.0.2", "10.2.0.0/24", ""));
	memcpy(mac, cluster_device_of_role(named("b"), "native")->mac, 6);
	delete ("Node", NULL, "a");
	cr_expect_null(named("a"));
	cr_expect_eq(c->manifests.n_pods, 0);
	cr_expect(c->nodes[0].is_gone);
	cr_expect_eq(named("b")->index, 1);
	cr_expect_eq(cluster_compile_node(c, 1, &err), 0, "%s", err.text);
	cr_expect_eq(identity("b", "192.168.0.1"), 0);
	cr_expect_eq(identity("b", "10.1.0.1"), 0);
	cr_expect_not(strstr(dump("b", "cilium_node_map_v2"), "192.168.0.1"));
	/* its MAC is on no wire any more */
	cr_expect_null(cluster_node_by_mac(c, c->nodes[0].devices[0].mac));
	cr_expect_eq(cluster_node_by_mac(c, mac), named("b"));
	apply(NODE("a", "192.168.0.1", "10.1.0.0/24", "") "---\n" POD("m", "10.1.0.1", "m"));
	cr_expect_eq(named("a")->index, 0);
	cr_expect_eq(endpoint_id("s/m"), 2);
	cr_expect_eq(identity("a", "10.1.0.1"), 256);
}

Test(cluster_change, a_nodes_address_network_and_labels_may_change)
{
	apply(NODE("b", "192.168.0.2", "10.2.0.0/24", ""));
	cr_expect_str_eq(router("b"), "10.2.0.1");
	apply(NODE("b", "192.168.0.2", "10.2.0.0/16", "role: edge"));
	cr_expect_str_eq(router("b"), "10.2.0.1", "it is of the network still");
	cr_expect_str_eq(labels_get(&named("b")->manifest->meta.labels, "role"), "edge");
	apply(NODE("b", "192.168.0.22", "10.22.0.0/24", ""));
	cr_expect_str_eq(router("b"), "10.22.0.1");
	cr_expect_eq(identity("a", "192.168.0.2"), 0);
	cr_expect_eq(identity("a", "192.168.0.22"), 6);
}

Test(cluster_change, a_pod_cannot_be_on_a_node_that_went)
{
	apply(NODE("b", "192.168.0.2", "10.2.0.0/24", ""));
	delete ("Node", NULL, "a");
	files_write("change.yaml", POD("z", "10.1.0.8", "z"));
	cr_assert_lt(cluster_apply(c, "change.yaml", &err), 0);
	cr_expect(strstr(err.text, "no node 'a' in the cluster"), "%s", err.text);
}

Test(cluster_change, two_nodes_cannot_have_one_address)
{
	files_write("change.yaml", NODE("b", "192.168.0.1", "10.2.0.0/24", ""));
	cr_assert_lt(cluster_apply(c, "change.yaml", &err), 0);
	cr_expect(strstr(err.text, "node b has an address of node a"), "%s", err.text);
}
