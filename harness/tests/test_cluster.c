/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From manifests to map entries: identities, ipcache, endpoints, policy. The policy compiler is held
 * against a second reading of the same rules, packet by packet.
 */
#include <criterion/criterion.h>

#include "cluster/cluster.h"
#include "files.h"
#include "scenario/yaml.h"

static struct cluster *c;
static struct arena *arena;
static struct err err;

static void setup(void)
{
	arena = arena_new();
	files_enter();
}

static void teardown(void)
{
	cluster_free(c);
	c = NULL;
	files_leave();
	arena_free(arena);
}

TestSuite(cluster, .init = setup, .fini = teardown, .timeout = 60);

static void node(struct buf *b, const char *name, const char *ip, const char *labels)
{
	buf_printf(b,
		   "apiVersion: v1\nkind: Node\nmetadata: {name: %s, labels: {%s}}\n"
		   "status: {addresses: [{type: InternalIP, address: %s}]}\n---\n",
		   name, labels, ip);
}

static void pod(struct buf *b, const char *name, const char *on, const char *ip, const char *labels)
{
	buf_printf(b,
		   "apiVersion: v1\nkind: Pod\nmetadata: {name: %s, namespace: s, labels: {%s}}\n"
		   "spec: {nodeName: %s}\nstatus: {podIP: %s}\n---\n",
		   name, labels, on, ip);
}

static void policy(struct buf *b, const char *kind, const char *spec)
{
	buf_printf(b,
		   "apiVersion: cilium.io/v2\nkind: %s\nmetadata: {name: p%zu}\nspec: {%s}\n---\n",
		   kind, b->len, spec);
}

#define CCNP "CiliumClusterwideNetworkPolicy"

static int try_load(struct buf *text, const char *values)
{
	files_write("c/all.yaml", buf_str(text));
	files_write("c/values.yaml", values);
	buf_free(text);
	cluster_free(c);
	c = NULL;
	return cluster_load("c", NULL, &c, &err);
}

static void load(struct buf *text, const char *values)
{
	cr_assert_eq(try_load(text, values), 0, "%s", err.text);
}

#define FIREWALL "hostFirewall: {enabled: true}\nroutingMode: native\n"

/* All entries of one map of one node, one a line: "key -> value". */
static const char *dump(const char *name, const char *map)
{
	const struct cluster_node *n = cluster_node_by_name(c, name);
	struct buf out = BUF_INIT;
	char *text;

	cr_assert_not_null(n);
	for (size_t i = 0; i < n->n_entries; i++) {
		if (strcmp(n->entries[i].map, map) != 0)
			continue;
		value_print(&out, n->entries[i].key);
		buf_puts(&out, " -> ");
		value_print(&out, n->entries[i].value);
		buf_puts(&out, "\n");
	}
	text = arena_strdup(arena, buf_str(&out));
	buf_free(&out);
	return text;
}

static const char *config(const char *name, const char *key)
{
	const struct cluster_node *n = cluster_node_by_name(c, name);

	for (size_t i = 0; i < n->n_config; i++)
		if (strcmp(n->config[i].name, key) == 0)
			return value_text(n->config[i].value);
	return NULL;
}

/* The identity that node's ipcache gives an address, by its /32 entry. */
static unsigned identity(const char *name, const char *ip)
{
	const struct cluster_node *n = cluster_node_by_name(c, name);

	for (size_t i = 0; i < n->n_entries; i++) {
		const struct map_entry *e = &n->entries[i];
		const char *addr = value_text(value_get(e->key, "ip4"));

		if (strcmp(e->map, "cilium_ipcache_v2") == 0 && addr && strcmp(addr, ip) == 0 &&
		    strcmp(value_text(value_path(e->key, "lpm_key.prefixlen")), "64") == 0)
			return (unsigned)atoi(value_text(value_get(e->value, "sec_identity")));
	}
	return 0;
}

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
	cr_assert(strstr(dump("a", "cilium_lxc"), "{family: 1, ip4: 10.1.0.1} -> {lxc_id: 2, "));
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
				"10.0.0.2}, flag_has_tunnel_ep: 1, flag_ipv6_tunnel_ep: 0}\n"));
	cr_assert(strstr(cache, "ip4: 10.1.0.1} -> {sec_identity: 256}\n"));
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

/* ---- policy ---- */

#define HOST_MAP   "cilium_policy_v2_00001"
#define ALLOW_ALL  "{deny: 0, lpm_prefix_length: 0, precedence: 0}\n"
#define ALLOW(len) "{deny: 0, lpm_prefix_length: " len ", precedence: 4294967040}\n"
#define DENY(len)  "{deny: 1, lpm_prefix_length: " len ", precedence: 4294967295}\n"
#define KEY(prefix, label, egress, proto, port)                                                    \
	"{lpm_key: {prefixlen: " prefix "}, sec_label: " label ", egress: " egress                 \
	", protocol: " proto ", dport: " port "} -> "
#define EGRESS_OPEN KEY("40", "0", "1", "0", "0") ALLOW_ALL
#define FROM_SELF   KEY("40", "1", "0", "0", "0") ALLOW("0")

static const char *host_policy(const char *spec)
{
	struct buf b = BUF_INIT;

	node(&b, "a", "10.0.0.1", "role: master");
	policy(&b, CCNP, spec);
	load(&b, FIREWALL);
	return dump("a", HOST_MAP);
}

Test(cluster, without_policy_both_directions_are_open)
{
	struct buf b = BUF_INIT;

	node(&b, "a", "10.0.0.1", "");
	load(&b, FIREWALL);
	cr_assert_str_eq(dump("a", HOST_MAP), KEY("40", "0", "0", "0", "0") ALLOW_ALL EGRESS_OPEN);
}

Test(cluster, without_the_host_firewall_no_policy_reaches_the_host)
{
	struct buf b = BUF_INIT;

	node(&b, "a", "10.0.0.1", "");
	policy(&b, CCNP, "nodeSelector: {}, ingress: [{}]");
	load(&b, "");
	cr_assert_str_eq(dump("a", HOST_MAP), KEY("40", "0", "0", "0", "0") ALLOW_ALL EGRESS_OPEN);
}

Test(cluster, an_empty_rule_closes_a_direction_to_all_but_the_node_itself)
{
	cr_assert_str_eq(host_policy("nodeSelector: {}, ingress: [{}]"), EGRESS_OPEN FROM_SELF);
}

Test(cluster, a_policy_is_for_the_nodes_it_selects)
{
	cr_assert_str_eq(host_policy("nodeSelector: {matchLabels: {role: worker}}, ingress: [{}]"),
			 KEY("40", "0", "0", "0", "0") ALLOW_ALL EGRESS_OPEN);
	cr_assert_str_eq(host_policy("nodeSelector: {matchLabels: {role: master}}, ingress: [{}]"),
			 EGRESS_OPEN FROM_SELF);
	cr_assert_str_eq(host_policy("endpointSelector: {}, ingress: [{}]"),
			 KEY("40", "0", "0", "0", "0") ALLOW_ALL EGRESS_OPEN);
}

Test(cluster, a_port_is_a_full_prefix_in_host_order_text)
{
	cr_assert_str_eq(host_policy("nodeSelector: {}, ingress: [{fromEntities: [world], "
				     "toPorts: [{ports: [{port: 2379, protocol: TCP}]}]}]"),
			 KEY("64", "2", "0", "6", "2379") ALLOW("24") EGRESS_OPEN FROM_SELF);
}

Test(cluster, anyone_is_label_zero)
{
	static const char expected[] =
		KEY("64", "0", "0", "17", "53") ALLOW("24") EGRESS_OPEN FROM_SELF;

	cr_assert_str_eq(host_policy("nodeSelector: {}, ingress: "
				     "[{toPorts: [{ports: [{port: 53, protocol: UDP}]}]}]"),
			 expected);
	cr_assert_str_eq(host_policy("nodeSelector: {}, ingress: [{fromEntities: [all], "
				     "toPorts: [{ports: [{port: 53, protocol: UDP}]}]}]"),
			 expected);
}

Test(cluster, a_remote_node_is_six_and_seven)
{
	cr_assert_str_eq(host_policy("nodeSelector: {}, ingress: [{fromEntities: [remote-node]}]"),
			 KEY("40", "6", "0", "0", "0") ALLOW("0") KEY("40", "7", "0", "0", "0")
				 ALLOW("0") EGRESS_OPEN FROM_SELF);
	cr_assert_str_eq(
		host_policy("nodeSelector: {}, ingress: [{fromEntities: [kube-apiserver]}]"),
		KEY("40", "7", "0", "0", "0") ALLOW("0") EGRESS_OPEN FROM_SELF);
}

Test(cluster, a_protocol_without_port_stops_at_its_prefix)
{
	cr_assert_str_eq(host_policy("nodeSelector: {}, ingress: [{fromEntities: [world], "
				     "toPorts: [{ports: [{port: 0, protocol: TCP}]}]}]"),
			 KEY("48", "2", "0", "6", "0") ALLOW("8") EGRESS_OPEN FROM_SELF);
}

Test(cluster, a_port_range_is_the_fewest_prefixes)
{
	/* 5 to 11 = 5, 6-7, 8-11 */
	cr_assert_str_eq(
		host_policy("nodeSelector: {}, ingress: [{fromEntities: [world], "
			    "toPorts: [{ports: [{port: 5, endPort: 11, protocol: TCP}]}]}]"),
		KEY("64", "2", "0", "6", "5") ALLOW("24") KEY("63", "2", "0", "6", "6") ALLOW("23")
			KEY("62", "2", "0", "6", "8") ALLOW("22") EGRESS_OPEN FROM_SELF);
}

Test(cluster, icmp_types_stand_in_the_port)
{
	struct buf b = BUF_INIT;

	cr_assert_str_eq(
		host_policy("nodeSelector: {}, ingress: [{icmps: [{fields: [{type: EchoRequest}, "
			    "{family: IPv6, type: EchoRequest}]}]}]"),
		KEY("64", "0", "0", "1", "8") ALLOW("24") KEY("64", "0", "0", "58", "128")
			ALLOW("24") EGRESS_OPEN FROM_SELF);
	node(&b, "a", "10.0.0.1", "");
	policy(&b, CCNP, "nodeSelector: {}, ingress: [{icmps: [{fields: [{type: 8}]}]}]");
	cr_assert_lt(try_load(&b, FIREWALL "extraConfig: {enable-icmp-rules: false}\n"), 0);
	cr_assert(strstr(err.text, "ICMP rules are switched off by extraConfig.enable-icmp-rules"));
}

Test(cluster, a_wide_deny_leaves_no_narrow_allow_of_the_same_identity)
{
	cr_assert_str_eq(host_policy("nodeSelector: {}, ingress: [{fromEntities: [world], toPorts: "
				     "[{ports: [{port: 80, protocol: TCP}]}]}], "
				     "ingressDeny: [{fromEntities: [world]}]"),
			 KEY("40", "2", "0", "0", "0") DENY("0") EGRESS_OPEN FROM_SELF);
}

Test(cluster, a_deny_replaces_an_allow_of_the_same_key)
{
	cr_assert_str_eq(host_policy("nodeSelector: {}, ingress: [{fromEntities: [world]}], "
				     "ingressDeny: [{fromEntities: [world]}]"),
			 KEY("40", "2", "0", "0", "0") DENY("0") EGRESS_OPEN FROM_SELF);
}

Test(cluster, an_unenforced_direction_stays_open_beside_a_deny)
{
	cr_assert_str_eq(host_policy("nodeSelector: {}, enableDefaultDeny: {ingress: false}, "
				     "ingressDeny: [{fromEntities: [world]}]"),
			 KEY("40", "2", "0", "0", "0") DENY("0") KEY("40", "0", "0", "0", "0")
				 ALLOW_ALL EGRESS_OPEN);
}

Test(cluster, cidrs_get_local_identities_and_exceptions_their_own)
{
	const char *cache;

	cr_assert_str_eq(host_policy("nodeSelector: {}, ingress: [{fromCIDRSet: "
				     "[{cidr: 192.168.0.0/16, except: [192.168.7.0/24]}]}]"),
			 KEY("40", "16777217", "0", "0", "0") ALLOW("0") EGRESS_OPEN FROM_SELF);
	cache = dump("a", "cilium_ipcache_v2");
	cr_assert(strstr(cache, "{lpm_key: {prefixlen: 48}, family: 1, ip4: 192.168.0.0} -> "
				"{sec_identity: 16777217}\n"));
	cr_assert(strstr(cache, "{lpm_key: {prefixlen: 56}, family: 1, ip4: 192.168.7.0} -> "
				"{sec_identity: 16777218}\n"));
}

Test(cluster, the_world_and_wider_cidrs_hold_the_cidrs_inside)
{
	cr_assert_str_eq(
		host_policy(
			"nodeSelector: {}, ingress: [{fromCIDR: [10.9.0.0/16]}, "
			"{fromEntities: [world], toPorts: [{ports: [{port: 1, protocol: TCP}]}]}, "
			"{fromCIDR: [10.0.0.0/8], toPorts: [{ports: [{port: 2, protocol: "
			"TCP}]}]}]"),
		KEY("40", "16777217", "0", "0", "0") ALLOW("0") KEY("64", "2", "0", "6", "1")
			ALLOW("24") KEY("64", "16777217", "0", "6", "1") ALLOW("24")
				KEY("64", "16777218", "0", "6", "1") ALLOW("24")
					KEY("64", "16777217", "0", "6", "2") ALLOW("24")
						KEY("64", "16777218", "0", "6", "2") ALLOW("24")
							EGRESS_OPEN FROM_SELF);
}

Test(cluster, a_cidr_of_a_node_leaves_it_its_identity)
{
	struct buf b = BUF_INIT;

	node(&b, "a", "10.0.0.1", "");
	node(&b, "b", "10.0.0.2", "");
	policy(&b, CCNP, "nodeSelector: {}, ingress: [{fromCIDR: [10.0.0.2/32]}]");
	load(&b, FIREWALL);
	cr_assert_eq(identity("a", "10.0.0.2"), 6);
	cr_assert_str_eq(dump("a", HOST_MAP), EGRESS_OPEN FROM_SELF);
}

/* docs.cilium.io: a namespaced policy's selectors stay in its namespace. */
Test(cluster, selectors_of_endpoints_stay_in_their_namespace)
{
	struct buf b = BUF_INIT;
	unsigned web;
	char expected[400];

	node(&b, "a", "10.0.0.1", "");
	pod(&b, "web", "a", "10.1.0.1", "app: web");
	buf_puts(&b, "apiVersion: v1\nkind: Pod\nmetadata: {name: o, namespace: other, labels: "
		     "{app: web}}\nspec: {nodeName: a}\nstatus: {podIP: 10.1.0.9}\n---\n");
	buf_puts(&b, "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: n, "
		     "namespace: s}\nspec: {endpointSelector: {}, ingress: [{fromEndpoints: "
		     "[{matchLabels: {app: web}}]}]}\n");
	load(&b, FIREWALL);
	web = identity("a", "10.1.0.1");
	cr_assert_neq(identity("a", "10.1.0.9"), web);
	/* endpoint 2 is other/o, which the policy does not select; 3 is s/web */
	cr_assert_str_eq(dump("a", "cilium_policy_v2_00002"),
			 KEY("40", "0", "0", "0", "0") ALLOW_ALL EGRESS_OPEN);
	snprintf(
		expected, sizeof(expected),
		"{lpm_key: {prefixlen: 40}, sec_label: %u, egress: 0, protocol: 0, dport: 0} -> %s",
		web, ALLOW("0") EGRESS_OPEN FROM_SELF);
	cr_assert_str_eq(dump("a", "cilium_policy_v2_00003"), expected);
}

Test(cluster, the_entity_cluster_is_all_but_the_world)
{
	struct buf b = BUF_INIT;
	const char *map;

	node(&b, "a", "10.0.0.1", "");
	pod(&b, "x", "a", "10.1.0.1", "");
	policy(&b, CCNP,
	       "nodeSelector: {}, ingress: [{fromEntities: [cluster]}, {fromCIDR: [9.9.9.9/32], "
	       "toPorts: [{ports: [{port: 1, protocol: TCP}]}]}]");
	load(&b, FIREWALL);
	map = dump("a", HOST_MAP);
	for (int id = 1; id <= 8; id++) {
		char key[100];

		snprintf(key, sizeof(key), "{prefixlen: 40}, sec_label: %d, egress: 0", id);
		cr_assert_eq(strstr(map, key) != NULL, id != 2, "%d", id);
	}
	cr_assert(strstr(map, "{prefixlen: 40}, sec_label: 256, egress: 0"));
	cr_assert_null(strstr(map, "{prefixlen: 40}, sec_label: 16777217"));
}

/* ---- the compiler against a second reading of the rules ---- */

struct rule {
	bool deny;
	int peer; /* index into peers[] */
	int proto; /* 0 any */
	int port, end; /* 0: all */
	bool no_ports; /* no toPorts at all */
};

static const struct {
	const char *entity;
	int ids[3];
} peers[] = { { "all", { -1 } },
	      { "world", { 2 } },
	      { "host", { 1 } },
	      { "remote-node", { 6, 7 } },
	      { "kube-apiserver", { 7 } },
	      { "health", { 4 } },
	      { "none", { 0 } } };

static bool peer_has(int peer, int id)
{
	for (int i = 0; i < 3; i++)
		if (peers[peer].ids[i] == -1 || peers[peer].ids[i] == id)
			return true;
	return false;
}

/* 0 no rule, 1 allowed, 2 denied: any deny wins, whatever its width (docs: "Deny Policies"). */
static int by_rules(const struct rule *r, int n, int id, int proto, int port)
{
	int verdict = id == 1; /* the node itself */

	for (int i = 0; i < n; i++, r++) {
		bool has_ports = proto == 6 || proto == 17 || proto == 132;

		if (!peer_has(r->peer, id))
			continue;
		if (!r->no_ports && (r->proto || r->port)) {
			if (r->proto ? proto != r->proto : !has_ports)
				continue;
			if (r->port && (port < r->port || port > r->end))
				continue;
		}
		if (r->deny)
			return 2;
		verdict = 1;
	}
	return verdict;
}

struct hit {
	bool found;
	unsigned bits, precedence;
	bool deny;
};

static unsigned number(const struct value *v, const char *path)
{
	return (unsigned)strtoul(value_text(value_path(v, path)), NULL, 10);
}

/* What the trie finds: the longest matching prefix of that label. */
static struct hit lookup(unsigned label, unsigned proto, unsigned port)
{
	const struct cluster_node *n = &c->nodes[0];
	struct hit h = { 0 };

	for (size_t i = 0; i < n->n_entries; i++) {
		const struct map_entry *e = &n->entries[i];
		unsigned bits;

		if (strcmp(e->map, HOST_MAP) != 0 || number(e->key, "egress") ||
		    number(e->key, "sec_label") != label)
			continue;
		bits = number(e->key, "lpm_key.prefixlen") - 40;
		cr_assert_eq(bits, number(e->value, "lpm_prefix_length"));
		if (bits >= 8 && number(e->key, "protocol") != proto)
			continue;
		if (bits > 8 && (number(e->key, "dport") ^ port) >> (24 - bits))
			continue;
		if (h.found && h.bits >= bits)
			continue;
		h = (struct hit){ true, bits, number(e->value, "precedence"),
				  number(e->value, "deny") };
	}
	return h;
}

static int by_entries(unsigned id, unsigned proto, unsigned port)
{
	struct hit own = lookup(id, proto, port), any = lookup(0, proto, port);

	if (!own.found)
		own = any;
	else if (any.found &&
		 (any.precedence > own.precedence ||
		  (any.precedence == own.precedence && any.bits > own.bits) ||
		  (any.precedence == own.precedence && any.bits == own.bits && any.deny)))
		own = any;
	return own.found ? own.deny ? 2 : 1 : 0;
}

static void write_rules(struct buf *b, const struct rule *r, int n, bool deny)
{
	static const char *const names[] = { [0] = "ANY", [6] = "TCP", [17] = "UDP" };

	for (int i = 0, k = 0; i < n; i++) {
		if (r[i].deny != deny)
			continue;
		buf_printf(b, "%s{fromEntities: [%s]", k++ ? ", " : "", peers[r[i].peer].entity);
		if (!r[i].no_ports) {
			buf_printf(b, ", toPorts: [{ports: [{port: %d, protocol: %s", r[i].port,
				   names[r[i].proto]);
			if (r[i].end != r[i].port)
				buf_printf(b, ", endPort: %d", r[i].end);
			buf_puts(b, "}]}]");
		}
		buf_putc(b, '}');
	}
}

static unsigned next_random(unsigned *state)
{
	*state = *state * 1103515245u + 12345u;
	return *state >> 16 & 0x7fff;
}

static struct rule random_rule(unsigned *state)
{
	static const int protos[] = { 0, 6, 17, 6 };
	struct rule r = { .deny = next_random(state) % 3 == 0,
			  .peer = (int)(next_random(state) % 7),
			  .proto = protos[next_random(state) % 4],
			  .no_ports = next_random(state) % 5 == 0 };

	if (next_random(state) % 4)
		r.port = 1 + (int)(next_random(state) % 40);
	r.end = r.port;
	if (r.port && next_random(state) % 2)
		r.end = r.port + (int)(next_random(state) % 30);
	return r;
}

Test(cluster, entries_decide_as_the_rules_do)
{
	static const int ids[] = { 1, 2, 4, 6, 7, 8 }, protos[] = { 1, 6, 17, 132 };
	unsigned state = 1;

	for (int round = 0; round < 150; round++) {
		struct buf b = BUF_INIT, spec = BUF_INIT;
		struct rule rules[6];
		int n = 1 + (int)(next_random(&state) % 6);

		for (int i = 0; i < n; i++)
			rules[i] = random_rule(&state);
		buf_puts(&spec, "nodeSelector: {}, enableDefaultDeny: {ingress: true}, ingress: [");
		write_rules(&spec, rules, n, false);
		buf_puts(&spec, "], ingressDeny: [");
		write_rules(&spec, rules, n, true);
		buf_puts(&spec, "]");
		node(&b, "a", "10.0.0.1", "");
		policy(&b, CCNP, buf_str(&spec));
		load(&b, FIREWALL);
		for (size_t i = 0; i < 6; i++)
			for (size_t j = 0; j < 4; j++)
				for (int port = 0; port < 75; port++)
					cr_assert_eq(by_entries((unsigned)ids[i],
								(unsigned)protos[j],
								(unsigned)port),
						     by_rules(rules, n, ids[i], protos[j], port),
						     "%s: identity %d protocol %d port %d",
						     buf_str(&spec), ids[i], protos[j], port);
		buf_free(&spec);
	}
}

/* ---- the cluster of the first story ---- */

Test(cluster, two_masters_open_etcd_to_each_other_and_nothing_else)
{
	const char *dir = file_join(arena, files_source_root(), "fixtures/clusters/two-masters");
	static const char *const names[] = { "master-0", "master-1" };

	cr_assert_eq(cluster_load(dir, NULL, &c, &err), 0, "%s", err.text);
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
