/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Manifests as kubectl prints them, Helm values, and the mistakes that would change a verdict. */
#include <criterion/criterion.h>

#include "files.h"
#include "scenario/manifest.h"
#include "scenario/values.h"
#include "scenario/yaml.h"

#define NODE                                                                                       \
	"apiVersion: v1\nkind: Node\nmetadata: {name: m}\n"                                        \
	"status: {addresses: [{type: InternalIP, address: 10.0.0.1}]}\n"
#define CCNP                                                                                       \
	"apiVersion: cilium.io/v2\nkind: CiliumClusterwideNetworkPolicy\n"                         \
	"metadata: {name: p}\nspec:\n  nodeSelector: {}\n"

static struct arena *arena;
static struct manifests m;
static struct err err;

static void setup(void)
{
	arena = arena_new();
	files_enter();
	files_write("c/0-node.yaml", NODE);
}

static void teardown(void)
{
	files_leave();
	arena_free(arena);
}

TestSuite(manifest, .init = setup, .fini = teardown, .timeout = 30);

static int load(const char *text)
{
	files_write("c/x.yaml", text);
	return manifests_load(arena, "c", NULL, &m, &err);
}

static void loads(const char *text)
{
	cr_assert_eq(load(text), 0, "%s", err.text);
}

static void fails(const char *text, const char *message)
{
	cr_assert_lt(load(text), 0, "accepted: %s", text);
	cr_assert_eq(err.kind, ERR_INPUT);
	cr_assert_str_eq(err.text, message);
}

static bool is(const struct ip_addr *ip, const char *text)
{
	struct ip_addr other;

	return ip_addr_parse(text, &other) && ip_addr_equal(ip, &other);
}

/* ---- kinds ---- */

Test(manifest, a_node_gives_its_internal_addresses_only)
{
	loads("apiVersion: v1\nkind: Node\nmetadata: {name: n, labels: {a: b, c: \"\"}}\n"
	      "spec: {podCIDRs: [10.244.0.0/24], podCIDR: 10.244.0.0/24, unknownField: 1}\n"
	      "status:\n  addresses:\n  - {type: Hostname, address: n}\n"
	      "  - {type: InternalIP, address: 10.0.0.2}\n  - {type: ExternalIP, address: "
	      "1.2.3.4}\n"
	      "  - {type: InternalIP, address: 'fd00::2'}\n");
	cr_assert_eq(m.n_nodes, 2);
	cr_assert_str_eq(m.nodes[1].meta.name, "n");
	cr_assert_null(m.nodes[1].meta.ns);
	cr_assert_str_eq(labels_get(&m.nodes[1].meta.labels, "a"), "b");
	cr_assert_str_eq(labels_get(&m.nodes[1].meta.labels, "c"), "");
	cr_assert_null(labels_get(&m.nodes[1].meta.labels, "d"));
	cr_assert_eq(m.nodes[1].n_internal_ips, 2);
	cr_assert(is(&m.nodes[1].internal_ips[0], "10.0.0.2"));
	cr_assert(is(&m.nodes[1].internal_ips[1], "fd00::2"));
	cr_assert_eq(m.nodes[1].n_external_ips, 1);
	cr_assert(is(&m.nodes[1].external_ips[0], "1.2.3.4"));
	cr_assert_eq(m.nodes[1].n_pod_cidrs, 1);
	cr_assert(is(&m.nodes[1].pod_cidrs[0].addr, "10.244.0.0"));
	cr_assert_eq(m.nodes[1].pod_cidrs[0].prefix, 24);
}

Test(manifest, pods_are_read_with_each_address_once)
{
	loads("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {nodeName: m}\n"
	      "status: {podIP: 10.1.0.1, podIPs: [{ip: 10.1.0.1}, {ip: 'fd00::1'}]}\n---\n"
	      "apiVersion: v1\nkind: Pod\nmetadata: {name: q, namespace: s}\n"
	      "spec: {hostNetwork: true, serviceAccountName: sa}\n");
	cr_assert_eq(m.n_pods, 2);
	cr_assert_str_eq(m.pods[0].meta.ns, "default");
	cr_assert_str_eq(m.pods[0].node, "m");
	cr_assert_not(m.pods[0].host_network);
	cr_assert_eq(m.pods[0].n_ips, 2);
	cr_assert_str_eq(m.pods[1].meta.ns, "s");
	cr_assert_str_eq(m.pods[1].service_account, "sa");
	cr_assert(m.pods[1].host_network);
	cr_assert_null(m.pods[1].node);
}

Test(manifest, a_pod_that_has_ended_holds_no_address)
{
	loads("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {nodeName: m}\n"
	      "status: {phase: Succeeded, podIP: 10.1.0.1}\n");
	cr_assert_eq(m.n_pods, 0);
}

Test(manifest, endpoints_and_slices_give_the_addresses_behind_a_service)
{
	loads("apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: IPv4\n"
	      "metadata: {name: k-abc, labels: {kubernetes.io/service-name: k}}\n"
	      "endpoints:\n- {addresses: [10.0.0.1]}\n"
	      "- {addresses: [10.0.0.2], conditions: {ready: false}}\n---\n"
	      "apiVersion: v1\nkind: Endpoints\nmetadata: {name: e}\n"
	      "subsets: [{addresses: [{ip: 10.0.0.3}], notReadyAddresses: [{ip: 10.0.0.4}]}]\n");
	cr_assert_eq(m.n_endpoints, 2);
	/* sorted by name: e, k-abc */
	cr_assert_str_eq(m.endpoints[0].service, "e");
	cr_assert_eq(m.endpoints[0].n_addresses, 1);
	cr_assert_eq(m.endpoints[0].n, 2);
	cr_assert_not(m.endpoints[0].list[1].ready);
	cr_assert_str_eq(m.endpoints[1].service, "k");
	cr_assert_eq(m.endpoints[1].n_addresses, 1);
	cr_assert_eq(m.endpoints[1].n, 2);
	cr_assert(is(&m.endpoints[1].addresses[0], "10.0.0.1"));
}

Test(manifest, lists_are_unfolded_and_harmless_kinds_passed_over)
{
	loads("apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: "
	      "a}}\n"
	      "- {apiVersion: apps/v1, kind: Deployment, metadata: {name: d}}\n"
	      "- {apiVersion: v1, kind: ConfigMap}\n---\n"
	      "apiVersion: v1\nkind: PodList\nitems:\n- metadata: {name: b}\n");
	cr_assert_eq(m.n_pods, 2);
	cr_assert_str_eq(m.pods[1].meta.name, "b");
}

Test(manifest, files_are_read_in_the_order_of_their_names)
{
	files_write("c/b.yml", "apiVersion: v1\nkind: Pod\nmetadata: {name: second}\n");
	files_write("c/a.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: first}\n");
	files_write("c/README.md", "# not YAML: [\n");
	loads("");
	cr_assert_eq(m.n_pods, 2);
	cr_assert_str_eq(m.pods[0].meta.name, "first");
}

Test(manifest, a_misspelt_kind_gets_the_nearest)
{
	fails("apiVersion: v1\nkind: Nod\n",
	      "c/x.yaml:2:7: unknown kind 'Nod'; did you mean 'Node'?\n"
	      "     2 | kind: Nod\n"
	      "       |       ^");
}

Test(manifest, a_kind_that_steers_packets_is_never_passed_over)
{
	fails("apiVersion: cilium.io/v2\nkind: CiliumEnvoyConfig\n",
	      "c/x.yaml:2:7: CiliumEnvoyConfig is not supported: leaving it out would change "
	      "verdicts\n"
	      "     2 | kind: CiliumEnvoyConfig\n"
	      "       |       ^");
}

Test(manifest, an_older_api_version_is_named)
{
	fails("apiVersion: discovery.k8s.io/v1beta1\nkind: EndpointSlice\nmetadata: {name: x}\n",
	      "c/x.yaml:1:13: kind EndpointSlice is read as apiVersion discovery.k8s.io/v1, this "
	      "one "
	      "has "
	      "discovery.k8s.io/v1beta1\n"
	      "     1 | apiVersion: discovery.k8s.io/v1beta1\n"
	      "       |             ^");
}

Test(manifest, what_is_no_object_is_refused)
{
	fails("- a\n- b\n", "c/x.yaml:1:1: this is no Kubernetes object\n"
			    "     1 | - a\n"
			    "       | ^");
	fails("a: b\n", "c/x.yaml:1:1: this is no Kubernetes object: it has no kind\n"
			"     1 | a: b\n"
			"       | ^");
}

Test(manifest, a_node_needs_an_address_and_a_name_of_its_own)
{
	fails("apiVersion: v1\nkind: Node\nmetadata: {name: n}\n",
	      "c/x.yaml:3:18: node n has no InternalIP in status.addresses\n"
	      "     3 | metadata: {name: n}\n"
	      "       |                  ^");
	fails(NODE, "c/x.yaml:3:18: Node m is already given at c/0-node.yaml:3\n"
		    "     3 | metadata: {name: m}\n"
		    "       |                  ^");
}

Test(manifest, a_cluster_needs_a_node)
{
	files_write("empty/values.yaml", "{}\n");
	cr_assert_lt(manifests_load(arena, "empty", NULL, &m, &err), 0);
	cr_assert_str_eq(err.text, "empty: no Node among the manifests of this cluster");
	cr_assert_lt(manifests_load(arena, "none", NULL, &m, &err), 0);
	cr_assert_str_eq(err.text,
			 "cannot read the cluster folder none: No such file or directory");
}

/* ---- policies ---- */

Test(manifest, a_policy_is_read_in_full)
{
	const struct policy_rule *r;

	loads(CCNP "  description: text\n  ingress:\n"
		   "  - fromEntities: [remote-node]\n    toPorts:\n"
		   "    - ports: [{port: '2379', protocol: TCP}, {port: 30000, endPort: 32767}]\n"
		   "  - icmps: [{fields: [{type: 8}, {family: IPv6, type: EchoRequest}]}]\n"
		   "  ingressDeny:\n  - fromCIDRSet: [{cidr: 10.1.2.3/8, except: [10.2.0.0/16]}]\n"
		   "  egress:\n  - toEndpoints: [{matchLabels: {'k8s:app': a}}]\n");
	cr_assert_eq(m.n_policies, 1);
	cr_assert(m.policies[0].has_node_selector);
	cr_assert(m.policies[0].enforce_ingress && m.policies[0].enforce_egress);
	cr_assert_eq(m.policies[0].n_rules, 4);
	r = &m.policies[0].rules[0];
	cr_assert(!r->egress && !r->deny && r->has_peers);
	cr_assert_str_eq(r->entities[0], "remote-node");
	cr_assert_eq(r->n_ports, 2);
	cr_assert(r->ports[0].port == 2379 && r->ports[0].end_port == 2379);
	cr_assert_eq(r->ports[0].proto, 6);
	cr_assert(r->ports[1].end_port == 32767 && r->ports[1].proto == 0);
	r = &m.policies[0].rules[1];
	cr_assert_not(r->has_peers);
	cr_assert(r->icmps[0].family == 4 && r->icmps[0].type == 8);
	cr_assert(r->icmps[1].family == 6 && r->icmps[1].type == 128);
	r = &m.policies[0].rules[2];
	cr_assert(r->deny && is(&r->cidrs[0].addr, "10.0.0.0") && r->cidrs[0].prefix == 8);
	cr_assert_eq(r->cidrs[0].n_except, 1);
	r = &m.policies[0].rules[3];
	cr_assert(r->egress);
	cr_assert_str_eq(r->endpoints[0].terms[0].key, "app");
}

Test(manifest, empty_lists_enforce_nothing_and_empty_rules_everything)
{
	loads(CCNP "  ingress: []\n  egress: [{}]\n");
	cr_assert_not(m.policies[0].enforce_ingress);
	cr_assert(m.policies[0].enforce_egress);
	cr_assert(m.policies[0].rules[0].has_peers);
	cr_assert_eq(m.policies[0].rules[0].n_entities, 0);
}

Test(manifest, a_policy_may_say_itself_what_it_enforces)
{
	loads(CCNP "  enableDefaultDeny: {ingress: false}\n  ingress: [{fromEntities: [all]}]\n");
	cr_assert_not(m.policies[0].enforce_ingress);
}

Test(manifest, what_would_change_a_verdict_is_never_passed_over)
{
	static const struct {
		const char *key, *why, *text;
	} parts[] = {
		{ "toFQDNs", "names come to addresses by the DNS proxy, which is not modelled",
		  "  egress: [{toFQDNs: [{matchName: a.b}]}]\n" },
		{ "fromNodes", "nodes have no identities of their own by default",
		  "  ingress: [{fromNodes: [{}]}]\n" },
		{ "toNodes", "nodes have no identities of their own by default",
		  "  egressDeny: [{toNodes: [{}]}]\n" },
		{ "fromGroups", "groups are looked up at a cloud provider",
		  "  ingress: [{fromGroups: [{}]}]\n" },
		{ "fromRequires", "Cilium 1.19 has no such field",
		  "  ingress: [{fromRequires: [{}]}]\n" },
		{ "rules", "rules of layer 7 hand packets to a proxy, which is not modelled",
		  "  ingress: [{toPorts: [{ports: [{port: 80}], rules: {http: [{}]}}]}]\n" },
		{ "rules", "rules of layer 7 hand packets to a proxy, which is not modelled",
		  "  egress: [{toPorts: [{ports: [{port: 53}], rules: {dns: [{}]}}]}]\n" },
		{ "listener", "it hands packets to a proxy",
		  "  ingress: [{toPorts: [{ports: [{port: 80}], listener: {}}]}]\n" },
		{ "cidrGroupRef", "CiliumCIDRGroups are not read",
		  "  ingress: [{fromCIDRSet: [{cidrGroupRef: x}]}]\n" },
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		char text[400], message[500], line[200];
		int col = (int)(strstr(parts[i].text, parts[i].key) - parts[i].text);

		snprintf(text, sizeof(text), CCNP "%s", parts[i].text);
		snprintf(line, sizeof(line), "%.*s", (int)strlen(parts[i].text) - 1, parts[i].text);
		snprintf(message, sizeof(message),
			 "c/x.yaml:6:%d: '%s' is not supported: leaving it out would change "
			 "verdicts (%s)\n"
			 "     6 | %s\n       | %*s^",
			 col + 1, parts[i].key, parts[i].why, line, col, "");
		fails(text, message);
	}
}

Test(manifest, authentication_by_handshake_is_refused_and_its_other_modes_read)
{
	fails(CCNP "  ingress: [{authentication: {mode: required}}]\n",
	      "c/x.yaml:6:37: authentication mode 'required' is not supported: leaving it out "
	      "would "
	      "change verdicts (agents' handshakes are not modelled)\n"
	      "     6 |   ingress: [{authentication: {mode: required}}]\n"
	      "       |                                     ^");
	loads(CCNP
	      "  ingress: [{authentication: {mode: test-always-fail}}, {authentication: {mode: "
	      "disabled}}, {}]\n");
	cr_assert_eq(m.policies[0].rules[0].auth, AUTH_ALWAYS_FAIL);
	cr_assert_eq(m.policies[0].rules[1].auth, AUTH_DISABLED);
	cr_assert_eq(m.policies[0].rules[2].auth, AUTH_NONE);
}

Test(manifest, an_unknown_field_of_a_policy_is_an_error)
{
	fails(CCNP "  ingress:\n  - fromEntites: [world]\n",
	      "c/x.yaml:7:5: unknown key 'fromEntites' in ingress rule; did you mean "
	      "'fromEntities'?\n"
	      "     7 |   - fromEntites: [world]\n"
	      "       |     ^");
}

Test(manifest, an_unknown_entity_gets_the_nearest_or_the_list)
{
	fails(CCNP "  ingress:\n  - fromEntities: [host, remote-nod]\n",
	      "c/x.yaml:7:26: unknown entity 'remote-nod'; did you mean 'remote-node'?\n"
	      "     7 |   - fromEntities: [host, remote-nod]\n"
	      "       |                          ^");
	fails(CCNP "  ingress:\n  - fromEntities: [everything]\n",
	      "c/x.yaml:7:20: unknown entity 'everything'\n"
	      "     7 |   - fromEntities: [everything]\n"
	      "       |                    ^\n"
	      "  known: all, cluster, world, host, remote-node, kube-apiserver, health, init, "
	      "ingress, unmanaged, world-ipv4, world-ipv6, none");
}

Test(manifest, ports_and_prefixes_are_checked)
{
	fails(CCNP "  ingress: [{toPorts: [{ports: [{port: no_name}]}]}]\n",
	      "c/x.yaml:6:40: expected a number from 0 to 65535, found 'no_name'\n"
	      "     6 |   ingress: [{toPorts: [{ports: [{port: no_name}]}]}]\n"
	      "       |                                        ^");
	fails(CCNP "  ingress: [{toPorts: [{ports: [{port: http, endPort: 90}]}]}]\n",
	      "c/x.yaml:6:55: endPort needs a port's number, not a name\n"
	      "     6 |   ingress: [{toPorts: [{ports: [{port: http, endPort: 90}]}]}]\n"
	      "       |                                                       ^");
	fails(CCNP "  ingress: [{toPorts: [{ports: [{port: 80, endPort: 79}]}]}]\n",
	      "c/x.yaml:6:53: endPort 79 is before port 80\n"
	      "     6 |   ingress: [{toPorts: [{ports: [{port: 80, endPort: 79}]}]}]\n"
	      "       |                                                     ^");
	fails(CCNP "  ingress: [{fromCIDR: [10.0.0.0/33]}]\n",
	      "c/x.yaml:6:25: '10.0.0.0/33' is no CIDR\n"
	      "     6 |   ingress: [{fromCIDR: [10.0.0.0/33]}]\n"
	      "       |                         ^");
}

Test(manifest, a_policy_selects_nodes_or_endpoints)
{
	fails(CCNP "  endpointSelector: {}\n",
	      "c/x.yaml:6:21: a policy has an endpointSelector or a nodeSelector, never both\n"
	      "     6 |   endpointSelector: {}\n"
	      "       |                     ^");
	fails("apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: p}\n"
	      "spec: {nodeSelector: {}}\n",
	      "c/x.yaml:4:22: nodeSelector belongs into a CiliumClusterwideNetworkPolicy\n"
	      "     4 | spec: {nodeSelector: {}}\n"
	      "       |                      ^");
}

/* Kubernetes, "Labels and Selectors": NotIn also holds where the key is absent. */
Test(manifest, selectors_match_as_in_kubernetes)
{
	static const struct {
		const char *selector;
		bool matches;
	} cases[] = {
		{ "{}", true },
		{ "{matchLabels: {a: x}}", true },
		{ "{matchLabels: {a: y}}", false },
		{ "{matchLabels: {'k8s:a': x, b: ''}}", true },
		{ "{matchExpressions: [{key: a, operator: In, values: [y, x]}]}", true },
		{ "{matchExpressions: [{key: a, operator: NotIn, values: [x]}]}", false },
		{ "{matchExpressions: [{key: c, operator: NotIn, values: [x]}]}", true },
		{ "{matchExpressions: [{key: a, operator: Exists}]}", true },
		{ "{matchExpressions: [{key: c, operator: Exists}]}", false },
		{ "{matchExpressions: [{key: c, operator: DoesNotExist}]}", true },
		{ "{matchLabels: {a: x}, matchExpressions: [{key: b, operator: DoesNotExist}]}",
		  false },
	};
	struct label list[] = { { "a", "x" }, { "b", "" } };
	struct labels labels = { list, 2 };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[400];

		snprintf(text, sizeof(text),
			 "apiVersion: cilium.io/v2\nkind: CiliumClusterwideNetworkPolicy\n"
			 "metadata: {name: p}\nspec: {nodeSelector: %s}\n",
			 cases[i].selector);
		loads(text);
		cr_assert_eq(selector_matches(&m.policies[0].node_selector, &labels),
			     cases[i].matches, "%s", cases[i].selector);
	}
}

Test(manifest, a_selector_operator_takes_its_values)
{
	fails(CCNP "  ingress: [{fromEndpoints: [{matchExpressions: [{key: a, operator: In}]}]}]\n",
	      "c/x.yaml:6:50: In takes one or more values\n"
	      "     6 |   ingress: [{fromEndpoints: [{matchExpressions: [{key: a, operator: "
	      "In}]}]}]\n"
	      "       |                                                  ^");
}

/* ---- values ---- */

static const struct value *parse(const char *text)
{
	struct value **docs;
	size_t n;

	files_write("over.yaml", text);
	cr_assert_eq(yaml_load(arena, "over.yaml", &docs, &n, &err), 0, "%s", err.text);
	return docs[0];
}

Test(manifest, values_are_merged_as_helm_merges_them)
{
	const struct value *over =
		parse("bpf: {monitorAggregation: none, x: null}\ndevices: [eth1]\n");

	files_write("c/values.yaml", "bpf: {monitorAggregation: low, x: 1, y: 2}\ndevices: eth0\n"
				     "hostFirewall: {enabled: true}\nsomething: {else: 1}\n");
	cr_assert_eq(manifests_load(arena, "c", over, &m, &err), 0, "%s", err.text);
	cr_assert_str_eq(values_get(m.values, "bpf.monitorAggregation"), "none");
	cr_assert_null(value_path(m.values, "bpf.x"));
	cr_assert_str_eq(value_text(value_path(m.values, "bpf.y")), "2");
	cr_assert_str_eq(values_get(m.values, "devices"), "eth1");
	cr_assert(values_bool(m.values, "hostFirewall.enabled"));
	cr_assert_eq(values_seconds(m.values, "extraConfig.bpf-ct-timeout-regular-tcp"), 8000);
}

Test(manifest, known_values_have_their_types)
{
	files_write("c/values.yaml", "hostFirewall: {enabled: yes}\n");
	cr_assert_lt(manifests_load(arena, "c", NULL, &m, &err), 0);
	cr_assert_str_eq(err.text, "c/values.yaml:1:25: expected true or false, found 'yes'\n"
				   "     1 | hostFirewall: {enabled: yes}\n"
				   "       |                         ^");
	files_write("c/values.yaml", "bpf:\n  monitorAggregation: mediun\n");
	cr_assert_lt(manifests_load(arena, "c", NULL, &m, &err), 0);
	cr_assert_str_eq(err.text,
			 "c/values.yaml:2:23: bpf.monitorAggregation: expected one of none, "
			 "lowest, low, medium, maximum\n"
			 "     2 |   monitorAggregation: mediun\n"
			 "       |                       ^");
	files_write("c/values.yaml", "encryption: {enabled: true}\n");
	cr_assert_lt(manifests_load(arena, "c", NULL, &m, &err), 0);
	cr_assert_str_eq(err.text, "c/values.yaml:1:23: encryption.enabled: true is not supported: "
				   "leaving it out would change verdicts\n"
				   "     1 | encryption: {enabled: true}\n"
				   "       |                       ^");
}

Test(manifest, a_plain_value_where_helm_has_a_map_is_an_error)
{
	const struct value *over = parse("bpf: none\n");

	files_write("c/values.yaml", "hostFirewall: {enabled: true}\n");
	cr_assert_lt(manifests_load(arena, "c", over, &m, &err), 0);
	cr_assert_not_null(strstr(err.text, "over.yaml:1:6: the Helm values bpf.* are a map"));
}

Test(manifest, a_misspelt_value_of_the_scenario_is_an_error_but_not_one_of_helm)
{
	const struct value *over = parse("bpf: {monitorAggregaton: none}\n");

	files_write("c/values.yaml", "hostFirewal: {enabled: true}\n");
	cr_assert_eq(manifests_load(arena, "c", NULL, &m, &err), 0);
	cr_assert_lt(manifests_load(arena, "c", over, &m, &err), 0);
	cr_assert_str_eq(err.text,
			 "over.yaml:1:7: unknown Helm value 'bpf.monitorAggregaton'; did you "
			 "mean 'bpf.monitorAggregation'?\n"
			 "     1 | bpf: {monitorAggregaton: none}\n"
			 "       |       ^");
}
