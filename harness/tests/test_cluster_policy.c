/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Policies of all three kinds against what Kubernetes' and Cilium's documents say they mean: each is laid
 * over the same small cluster, and packets are judged by the entries that it becomes.
 */
#include <netinet/in.h>

#include "cluster_text.h"

TestSuite(cluster_policy, .init = setup, .fini = teardown, .timeout = 60);

#define WEB	   "10.1.0.1" /* shop, app: web, port http is 8080 */
#define DB	   "10.1.0.2" /* shop, app: db */
#define JOB	   "10.1.0.3" /* shop, app: job, on the other node */
#define CLIENT	   "10.1.0.4" /* other, app: client */
#define OTHER_WEB  "10.1.0.5" /* other, app: web, port http is 9090, on the other node */
#define NODE	   "192.168.0.1"
#define OTHER_NODE "192.168.0.2"
#define WORLD	   "203.0.113.9"
#define WORLD6	   "2001:db8::9"
#define NAMESPACE(n)                                                                               \
	"apiVersion: v1\nkind: Namespace\nmetadata: {name: " n ", labels: {team: " n               \
	"-team}}\n---\n"

static void put_pod(struct buf *b, const char *ns, const char *name, const char *on, const char *ip,
		    unsigned port)
{
	buf_printf(b,
		   "apiVersion: v1\nkind: Pod\nmetadata: {name: %s, namespace: %s, labels: {app: "
		   "%s}}\nspec:\n  nodeName: %s\n  containers:\n  - ports:\n    - {name: http, "
		   "containerPort: %u}\nstatus: {podIP: %s}\n---\n",
		   name, ns, name, on, port, ip);
}

static int try_cluster(const char *policies, const char *values)
{
	struct buf b = BUF_INIT;

	node(&b, "a", NODE, "role: master");
	node(&b, "b", OTHER_NODE, "");
	buf_puts(&b, NAMESPACE("shop") NAMESPACE("other"));
	put_pod(&b, "shop", "web", "a", WEB, 8080);
	put_pod(&b, "shop", "db", "a", DB, 5432);
	put_pod(&b, "shop", "job", "b", JOB, 1);
	put_pod(&b, "other", "client", "a", CLIENT, 1);
	put_pod(&b, "other", "web", "b", OTHER_WEB, 9090);
	buf_puts(&b, policies);
	return try_load(&b, values);
}

static void cluster(const char *policies)
{
	cr_assert_eq(try_cluster(policies, FIREWALL), 0, "%s", err.text);
}

/* What node a's ipcache says of an address: the longest prefix. */
static unsigned identity_of(const char *address)
{
	const struct cluster_node *n = &c->nodes[0];
	unsigned best = 0, id = 0;
	struct ip_addr ip, net;

	cr_assert(ip_addr_parse(address, &ip));
	for (size_t i = 0; i < n->n_entries; i++) {
		const struct map_entry *e = &n->entries[i];
		const char *text = value_text(value_get(e->key, ip.family == 4 ? "ip4" : "ip6"));
		unsigned bits;

		if (strcmp(e->map, "cilium_ipcache_v2") != 0 || !text || !ip_addr_parse(text, &net))
			continue;
		bits = number(e->key, "lpm_key.prefixlen") - 32;
		for (unsigned j = 0; j < bits; j++)
			if ((net.bytes[j / 8] ^ ip.bytes[j / 8]) & 0x80 >> j % 8)
				goto next;
		if (!id || bits >= best) {
			best = bits;
			id = number(e->value, "sec_identity");
		}
	next:;
	}
	return id;
}

static const char *map_of(const char *endpoint)
{
	const struct cluster_node *n = &c->nodes[0];

	for (size_t i = 0; i < n->n_endpoints; i++)
		if (strcmp(n->endpoints[i].name, endpoint) == 0)
			return n->endpoints[i].policy_map;
	cr_assert_fail("no endpoint %s on node a", endpoint);
	return NULL;
}

static struct hit find(const char *map, unsigned label, bool egress, unsigned proto, unsigned port)
{
	const struct cluster_node *n = &c->nodes[0];
	struct hit h = { 0 };

	for (size_t i = 0; i < n->n_entries; i++) {
		const struct map_entry *e = &n->entries[i];
		unsigned bits;

		if (strcmp(e->map, map) != 0 || number(e->key, "egress") != egress ||
		    number(e->key, "sec_label") != label)
			continue;
		bits = number(e->key, "lpm_key.prefixlen") - 40;
		if ((bits >= 8 && number(e->key, "protocol") != proto) ||
		    (bits > 8 && (number(e->key, "dport") ^ port) >> (24 - bits)) ||
		    (h.found && h.bits >= bits))
			continue;
		h = (struct hit){ true, bits, number(e->value, "precedence"),
				  number(e->value, "deny") };
	}
	return h;
}

enum { IN, OUT };

/* As the program judges: the identity's own entry and the one for any, the higher precedence wins. */
static bool passes(int direction, const char *endpoint, const char *peer, unsigned proto,
		   unsigned port)
{
	const char *map = map_of(endpoint);
	struct hit own = find(map, identity_of(peer), direction, proto, port),
		   any = find(map, 0, direction, proto, port);

	if (!own.found ||
	    (any.found && (any.precedence > own.precedence || (any.precedence == own.precedence &&
							       (any.bits > own.bits || any.deny)))))
		own = any;
	return own.found && !own.deny;
}

#define TCP IPPROTO_TCP
#define UDP IPPROTO_UDP

#define YES(...) cr_expect(passes(__VA_ARGS__), "dropped")
#define NO(...)	 cr_expect(!passes(__VA_ARGS__), "passed")

#define NETPOL(spec)                                                                               \
	"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: np, namespace: "  \
	"shop}\nspec: {" spec "}\n---\n"
#define CNP(spec)                                                                                  \
	"apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: cnp, namespace: "   \
	"shop}\nspec: {" spec "}\n---\n"
#define CCNP_OF(spec)                                                                              \
	"apiVersion: cilium.io/v2\nkind: CiliumClusterwideNetworkPolicy\nmetadata: {name: ccnp}\n" \
	"spec: {" spec "}\n---\n"

/* ---- NetworkPolicy: kubernetes.io, Network Policies ---- */

Test(cluster_policy, without_a_policy_a_pod_is_open_both_ways)
{
	cluster("");
	YES(IN, "shop/web", WORLD, TCP, 80);
	YES(OUT, "shop/web", WORLD, UDP, 53);
	YES(IN, "shop/web", CLIENT, TCP, 80);
}

/* "Default deny all ingress traffic": isolates every pod of its namespace for ingress alone. */
Test(cluster_policy, default_deny_ingress_isolates_one_direction_in_one_namespace)
{
	cluster(NETPOL("podSelector: {}, policyTypes: [Ingress]"));
	NO(IN, "shop/web", DB, TCP, 80);
	NO(IN, "shop/db", WORLD, TCP, 80);
	YES(OUT, "shop/web", WORLD, TCP, 80);
	YES(IN, "other/client", WORLD, TCP, 80);
	/* "traffic from the node a pod runs on is always allowed" */
	YES(IN, "shop/web", NODE, TCP, 80);
	NO(IN, "shop/web", OTHER_NODE, TCP, 80);
}

Test(cluster_policy, allow_all_and_deny_all_of_egress)
{
	cluster(NETPOL("podSelector: {}, egress: [{}], policyTypes: [Egress]"));
	YES(OUT, "shop/web", WORLD, TCP, 80);
	YES(IN, "shop/web", WORLD, TCP, 80);
	cluster(NETPOL("podSelector: {}, policyTypes: [Egress]"));
	NO(OUT, "shop/web", DB, TCP, 80);
	NO(OUT, "shop/web", NODE, TCP, 80);
	YES(IN, "shop/web", WORLD, TCP, 80);
}

Test(cluster_policy, without_policy_types_ingress_is_isolated_and_egress_by_its_rules)
{
	cluster(NETPOL("podSelector: {matchLabels: {app: web}}"));
	NO(IN, "shop/web", DB, TCP, 80);
	YES(OUT, "shop/web", WORLD, TCP, 80);
	YES(IN, "shop/db", WEB, TCP, 80);
	cluster(NETPOL("podSelector: {}, egress: [{to: [{podSelector: {}}]}]"));
	NO(IN, "shop/web", DB, TCP, 80);
	NO(OUT, "shop/web", WORLD, TCP, 80);
	YES(OUT, "shop/web", DB, TCP, 80);
}

Test(cluster_policy, a_pod_selector_stays_in_the_policys_namespace)
{
	cluster(NETPOL("podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: "
		       "web}}}]}]"));
	YES(IN, "shop/db", WEB, TCP, 1);
	NO(IN, "shop/db", OTHER_WEB, TCP, 1);
	NO(IN, "shop/db", JOB, TCP, 1);
}

Test(cluster_policy, a_namespace_selector_takes_all_pods_of_the_namespaces_it_selects)
{
	cluster(NETPOL("podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: "
		       "{team: other-team}}}]}]"));
	YES(IN, "shop/db", CLIENT, TCP, 1);
	YES(IN, "shop/db", OTHER_WEB, TCP, 1);
	NO(IN, "shop/db", WEB, TCP, 1);
	NO(IN, "shop/db", WORLD, TCP, 1);
	cluster(NETPOL("podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: "
		       "{kubernetes.io/metadata.name: other}}}]}]"));
	YES(IN, "shop/db", CLIENT, TCP, 1);
	NO(IN, "shop/db", WEB, TCP, 1);
	/* {} is every namespace, and nobody who is in none */
	cluster(NETPOL("podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]"));
	YES(IN, "shop/db", CLIENT, TCP, 1);
	YES(IN, "shop/db", WEB, TCP, 1);
	NO(IN, "shop/db", WORLD, TCP, 1);
	NO(IN, "shop/db", OTHER_NODE, TCP, 1);
}

/* The document's warning: one peer of two selectors is AND, two peers are OR. */
Test(cluster_policy, selectors_of_one_peer_both_hold_and_of_two_either)
{
	cluster(NETPOL("podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: "
		       "{team: other-team}}, podSelector: {matchLabels: {app: web}}}]}]"));
	YES(IN, "shop/db", OTHER_WEB, TCP, 1);
	NO(IN, "shop/db", CLIENT, TCP, 1);
	NO(IN, "shop/db", WEB, TCP, 1);
	cluster(NETPOL("podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: "
		       "{team: other-team}}}, {podSelector: {matchLabels: {app: web}}}]}]"));
	YES(IN, "shop/db", OTHER_WEB, TCP, 1);
	YES(IN, "shop/db", CLIENT, TCP, 1);
	YES(IN, "shop/db", WEB, TCP, 1);
	NO(IN, "shop/db", JOB, TCP, 1);
}

Test(cluster_policy, match_expressions_select_as_in_all_of_kubernetes)
{
	cluster(NETPOL("podSelector: {matchExpressions: [{key: app, operator: NotIn, values: "
		       "[db]}]}, ingress: [{from: [{podSelector: {matchExpressions: [{key: app, "
		       "operator: In, values: [db, job]}, {key: absent, operator: "
		       "DoesNotExist}]}}]}]"));
	YES(IN, "shop/db", WORLD, TCP, 1);
	YES(IN, "shop/web", JOB, TCP, 1);
	NO(IN, "shop/web", CLIENT, TCP, 1);
}

Test(cluster_policy, an_ip_block_and_its_exceptions)
{
	cluster(NETPOL("podSelector: {}, egress: [{to: [{ipBlock: {cidr: 203.0.113.0/24, except: "
		       "[203.0.113.8/29]}}]}], policyTypes: [Egress]"));
	YES(OUT, "shop/web", "203.0.113.1", TCP, 1);
	NO(OUT, "shop/web", "203.0.113.9", TCP, 1);
	YES(OUT, "shop/web", "203.0.113.16", TCP, 1);
	NO(OUT, "shop/web", "203.0.114.1", TCP, 1);
	/* blocks are for what is outside the cluster: pods keep their identity (Cilium) */
	cluster(NETPOL("podSelector: {}, egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}], "
		       "policyTypes: [Egress]"));
	YES(OUT, "shop/web", WORLD, TCP, 1);
	NO(OUT, "shop/web", DB, TCP, 1);
	NO(OUT, "shop/web", OTHER_NODE, TCP, 1);
}

Test(cluster_policy, ports_are_tcp_unless_said_and_all_of_a_protocol_without_a_number)
{
	cluster(NETPOL("podSelector: {}, ingress: [{ports: [{port: 80}, {protocol: UDP}, "
		       "{port: 32000, endPort: 32768}]}]"));
	YES(IN, "shop/web", WORLD, TCP, 80);
	NO(IN, "shop/web", WORLD, TCP, 81);
	YES(IN, "shop/web", WORLD, UDP, 1);
	YES(IN, "shop/web", WORLD, UDP, 65535);
	NO(IN, "shop/web", WORLD, TCP, 31999);
	YES(IN, "shop/web", WORLD, TCP, 32000);
	YES(IN, "shop/web", WORLD, TCP, 32768);
	NO(IN, "shop/web", WORLD, TCP, 32769);
	NO(IN, "shop/web", WORLD, IPPROTO_SCTP, 80);
}

/* "port: ... the name of a port on a pod": each pod's own number for what comes in. */
Test(cluster_policy, a_named_port_is_the_pods_own_for_ingress)
{
	cluster(NETPOL("podSelector: {}, ingress: [{ports: [{port: http}]}]"));
	YES(IN, "shop/web", WORLD, TCP, 8080);
	NO(IN, "shop/web", WORLD, TCP, 5432);
	YES(IN, "shop/db", WORLD, TCP, 5432);
	NO(IN, "shop/db", WORLD, TCP, 8080);
	cluster(NETPOL("podSelector: {}, ingress: [{ports: [{port: http, protocol: UDP}]}, "
		       "{ports: [{port: nobodys}]}]"));
	NO(IN, "shop/web", WORLD, UDP, 8080);
	NO(IN, "shop/web", WORLD, TCP, 8080);
}

/* Cilium looks egress names up over all pods, and takes none if they disagree. */
Test(cluster_policy, a_named_port_of_egress_holds_where_all_pods_agree)
{
	struct buf b = BUF_INIT;

	cluster(NETPOL("podSelector: {}, egress: [{ports: [{port: http}]}]"));
	NO(OUT, "shop/web", DB, TCP, 5432);
	NO(OUT, "shop/web", DB, TCP, 8080);
	node(&b, "a", NODE, "");
	put_pod(&b, "shop", "web", "a", WEB, 8080);
	put_pod(&b, "shop", "more", "a", DB, 8080);
	buf_puts(&b, NETPOL("podSelector: {}, egress: [{ports: [{port: http}]}]"));
	load(&b, "");
	YES(OUT, "shop/web", DB, TCP, 8080);
	NO(OUT, "shop/web", DB, TCP, 9090);
}

/* "Network policies do not conflict; they are additive": also across the kinds. */
Test(cluster_policy, policies_of_all_kinds_add_up)
{
	cluster(NETPOL("podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: "
		       "db}}}]}]")
			CNP("endpointSelector: {}, ingress: [{fromEntities: [world], toPorts: "
			    "[{ports: [{port: 443, protocol: TCP}]}]}]")
				CCNP_OF("endpointSelector: {}, ingress: [{fromEntities: "
					"[remote-node]}]"));
	YES(IN, "shop/web", DB, TCP, 1);
	YES(IN, "shop/web", WORLD, TCP, 443);
	NO(IN, "shop/web", WORLD, TCP, 80);
	YES(IN, "shop/web", OTHER_NODE, TCP, 1);
	NO(IN, "shop/web", CLIENT, TCP, 443);
	/* the clusterwide one isolates pods of other namespaces as well */
	NO(IN, "other/client", WEB, TCP, 1);
}

/* ---- Cilium's kinds: docs.cilium.io ---- */

Test(cluster_policy, deny_wins_over_every_allow)
{
	cluster(CNP("endpointSelector: {}, ingress: [{fromEntities: [all]}], ingressDeny: "
		    "[{fromEndpoints: [{matchLabels: {app: db}}]}, {toPorts: [{ports: [{port: "
		    "22, protocol: TCP}]}]}]"));
	NO(IN, "shop/web", DB, TCP, 80);
	YES(IN, "shop/web", JOB, TCP, 80);
	NO(IN, "shop/web", JOB, TCP, 22);
	NO(IN, "shop/web", WORLD, TCP, 22);
	/* also over the node's own way in */
	NO(IN, "shop/web", NODE, TCP, 22);
	YES(IN, "shop/web", NODE, TCP, 80);
	/* a narrow allow of the same peer does not open what is denied wide */
	cluster(CNP("endpointSelector: {}, ingress: [{fromEntities: [world], toPorts: [{ports: "
		    "[{port: 443, protocol: TCP}]}]}], ingressDeny: [{fromEntities: [world]}]"));
	NO(IN, "shop/web", WORLD, TCP, 443);
}

Test(cluster_policy, default_deny_can_be_switched_off)
{
	cluster(CNP("endpointSelector: {}, enableDefaultDeny: {ingress: false}, ingressDeny: "
		    "[{fromEntities: [remote-node]}]"));
	NO(IN, "shop/web", OTHER_NODE, TCP, 80);
	YES(IN, "shop/web", WORLD, TCP, 80);
	cluster(CNP("endpointSelector: {}, enableDefaultDeny: {egress: true}, ingress: "
		    "[{fromEntities: [all]}]"));
	YES(IN, "shop/web", WORLD, TCP, 80);
	NO(OUT, "shop/web", WORLD, TCP, 80);
}

Test(cluster_policy, entities_are_who_they_say)
{
	static const struct {
		const char *entity;
		bool pod, node, world;
	} cases[] = {
		{ "all", true, true, true },	  { "world", false, false, true },
		{ "cluster", true, true, false }, { "remote-node", false, true, false },
		{ "none", false, false, false },  { "kube-apiserver", false, false, false },
		{ "host", false, false, false },  { "health", false, false, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cluster(arena_printf(arena,
				     CNP("endpointSelector: {}, egress: [{toEntities: [%s]}]"),
				     cases[i].entity));
		cr_expect_eq(passes(OUT, "shop/web", DB, TCP, 1), cases[i].pod, "%s",
			     cases[i].entity);
		cr_expect_eq(passes(OUT, "shop/web", OTHER_NODE, TCP, 1), cases[i].node, "%s",
			     cases[i].entity);
		cr_expect_eq(passes(OUT, "shop/web", WORLD, TCP, 1), cases[i].world, "%s",
			     cases[i].entity);
		cr_expect_eq(passes(OUT, "shop/web", NODE, TCP, 1),
			     strcmp(cases[i].entity, "all") == 0 ||
				     strcmp(cases[i].entity, "cluster") == 0 ||
				     strcmp(cases[i].entity, "host") == 0,
			     "%s", cases[i].entity);
	}
}

/* In a dual-stack cluster the world is 9 and 10, and a policy can tell them apart. */
Test(cluster_policy, the_world_has_two_halves_in_a_dual_stack_cluster)
{
	static const char values[] = FIREWALL "ipv6: {enabled: true}\n";

	cr_assert_eq(try_cluster(CNP("endpointSelector: {}, egress: [{toEntities: [world-ipv4]}]"),
				 values),
		     0, "%s", err.text);
	cr_expect_eq(identity_of(WORLD), 9);
	cr_expect_eq(identity_of(WORLD6), 10);
	YES(OUT, "shop/web", WORLD, TCP, 1);
	NO(OUT, "shop/web", WORLD6, TCP, 1);
	cr_assert_eq(
		try_cluster(CNP("endpointSelector: {}, egress: [{toEntities: [world]}]"), values),
		0);
	YES(OUT, "shop/web", WORLD, TCP, 1);
	YES(OUT, "shop/web", WORLD6, TCP, 1);
	cr_assert_eq(try_cluster(CNP("endpointSelector: {}, egress: [{toCIDR: ['::/0']}]"), values),
		     0);
	NO(OUT, "shop/web", WORLD, TCP, 1);
	YES(OUT, "shop/web", WORLD6, TCP, 1);
}

Test(cluster_policy, an_api_server_outside_the_cluster_is_an_entity)
{
	cluster("apiVersion: v1\nkind: Endpoints\nmetadata: {name: kubernetes}\nsubsets: "
		"[{addresses: [{ip: 198.51.100.7}]}]\n---\n" CNP(
			"endpointSelector: {}, egress: [{toEntities: [kube-apiserver]}]"));
	YES(OUT, "shop/web", "198.51.100.7", TCP, 6443);
	NO(OUT, "shop/web", "198.51.100.8", TCP, 6443);
}

Test(cluster_policy, a_selector_can_name_another_namespace_or_its_labels)
{
	cluster(CNP("endpointSelector: {}, ingress: [{fromEndpoints: [{matchLabels: "
		    "{'k8s:io.kubernetes.pod.namespace': other, app: client}}]}]"));
	YES(IN, "shop/web", CLIENT, TCP, 1);
	NO(IN, "shop/web", OTHER_WEB, TCP, 1);
	cluster(CNP("endpointSelector: {}, ingress: [{fromEndpoints: [{matchLabels: "
		    "{'k8s:io.cilium.k8s.namespace.labels.team': other-team}}]}]"));
	YES(IN, "shop/web", CLIENT, TCP, 1);
	YES(IN, "shop/web", OTHER_WEB, TCP, 1);
	NO(IN, "shop/web", DB, TCP, 1);
	/* {} of a namespaced policy is its namespace, of a clusterwide one every pod */
	cluster(CNP("endpointSelector: {}, ingress: [{fromEndpoints: [{}]}]"));
	YES(IN, "shop/web", DB, TCP, 1);
	NO(IN, "shop/web", CLIENT, TCP, 1);
	cluster(CCNP_OF("endpointSelector: {}, ingress: [{fromEndpoints: [{}]}]"));
	YES(IN, "shop/web", CLIENT, TCP, 1);
	NO(IN, "shop/web", WORLD, TCP, 1);
}

#define SERVICE(name, selector)                                                                    \
	"apiVersion: v1\nkind: Service\nmetadata: {name: " name ", namespace: shop, labels: "      \
	"{kind: " name "}}\nspec: {" selector " ports: [{port: 80}]}\n---\n"

Test(cluster_policy, a_service_as_peer_is_its_pods_or_its_addresses)
{
	static const char outside[] =
		SERVICE("out", "clusterIP: 10.96.0.9,") "apiVersion: v1\nkind: "
							"Endpoints\nmetadata: {name: out, "
							"namespace: shop}\nsubsets: [{addresses: "
							"[{ip: 203.0.113.9}], ports: [{port: "
							"80}]}]\n---\n";

	cluster(SERVICE("svc", "clusterIP: 10.96.0.8, selector: {app: db},")
			CNP("endpointSelector: {}, egress: [{toServices: [{k8sService: "
			    "{serviceName: svc, namespace: shop}}]}]"));
	YES(OUT, "shop/web", DB, TCP, 1);
	NO(OUT, "shop/web", JOB, TCP, 1);
	cluster(arena_printf(arena, "%s%s", outside,
			     CNP("endpointSelector: {}, egress: [{toServices: "
				 "[{k8sServiceSelector: {selector: {matchLabels: {kind: "
				 "out}}}}], toPorts: [{ports: [{port: 80, protocol: TCP}]}]}]")));
	YES(OUT, "shop/web", WORLD, TCP, 80);
	NO(OUT, "shop/web", WORLD, TCP, 81);
	NO(OUT, "shop/web", "203.0.113.10", TCP, 80);
}

Test(cluster_policy, enforcement_mode_always_closes_what_no_policy_opens)
{
	cr_assert_eq(try_cluster("", "policyEnforcementMode: always\n"), 0, "%s", err.text);
	NO(IN, "shop/web", DB, TCP, 80);
	NO(OUT, "shop/web", WORLD, TCP, 80);
	YES(IN, "shop/web", NODE, TCP, 80);
	cr_assert_eq(try_cluster(NETPOL("podSelector: {}"), "policyEnforcementMode: never\n"), 0);
	YES(IN, "shop/web", WORLD, TCP, 80);
}

Test(cluster_policy, authentication_marks_the_entry_and_those_inside_it)
{
	cluster(CNP("endpointSelector: {matchLabels: {app: web}}, ingress: [{fromEndpoints: "
		    "[{matchLabels: {app: db}}], authentication: {mode: test-always-fail}}, "
		    "{fromEndpoints: [{matchLabels: {app: db}}], toPorts: [{ports: [{port: 80, "
		    "protocol: TCP}]}]}]"));
	cr_assert(strstr(dump("a", map_of("shop/web")),
			 arena_printf(arena,
				      "prefixlen: 40}, sec_label: %u, egress: 0, protocol: 0, "
				      "dport: 0} -> {deny: 0, lpm_prefix_length: 0, precedence: "
				      "4294967040, auth_type: 2, has_explicit_auth_type: 1}\n",
				      identity_of(DB))),
		  "%s", dump("a", map_of("shop/web")));
	cr_assert(strstr(dump("a", map_of("shop/web")),
			 "dport: 80} -> {deny: 0, lpm_prefix_length: "
			 "24, precedence: 4294967040, auth_type: 2"));
}

Test(cluster_policy, labels_of_a_namespace_that_is_not_there_are_asked_for)
{
	struct buf b = BUF_INIT;

	node(&b, "a", NODE, "");
	put_pod(&b, "shop", "web", "a", WEB, 80);
	buf_puts(&b, NETPOL("podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: "
			    "{team: x}}}]}]"));
	cr_assert_lt(try_load(&b, ""), 0);
	cr_assert(strstr(err.text, "this selects by labels of namespaces, but no Namespace 'shop' "
				   "is among the manifests (pod web is in it)"),
		  "%s", err.text);
	cr_assert(strstr(err.text, "add it: kubectl get namespace shop -o yaml"));
}

/* ---- determinism ---- */

static const char *everything(void)
{
	struct buf out = BUF_INIT;
	char *text;

	for (size_t i = 0; i < c->n_nodes; i++)
		for (size_t j = 0; j < c->nodes[i].n_entries; j++) {
			buf_printf(&out, "%s %s ", c->nodes[i].name, c->nodes[i].entries[j].map);
			value_print(&out, c->nodes[i].entries[j].key);
			value_print(&out, c->nodes[i].entries[j].value);
			buf_puts(&out, "\n");
		}
	text = arena_strdup(arena, buf_str(&out));
	buf_free(&out);
	return text;
}

/* The same objects, one a file, under other names: the same entries, byte for byte. */
Test(cluster_policy, the_order_of_files_decides_nothing)
{
	static const char *const policies =
		NETPOL("podSelector: {}, egress: [{to: [{ipBlock: {cidr: 203.0.113.0/24}}]}]")
			CNP("endpointSelector: {}, egress: [{toCIDR: [198.51.100.0/24, "
			    "192.0.2.0/24]}]");
	unsigned seed = 3;
	const char *first;
	char *text, *doc;

	cluster(policies);
	first = everything();
	for (int round = 0; round < 4; round++) {
		struct arena *a = arena_new();
		size_t len;

		cr_assert_eq(file_read(a, "c/all.yaml", &text, &len, &err), 0);
		if (round)
			cr_assert_eq(system("rm -rf d"), 0);
		for (doc = text; *doc;) {
			char *end = strstr(doc, "---\n"), name[40];

			snprintf(name, sizeof(name), "d/%08x.yaml", (unsigned)rand_r(&seed));
			if (end)
				*end = '\0';
			files_write(name, doc);
			doc = end ? end + 4 : doc + strlen(doc);
		}
		files_write("d/values.yaml", FIREWALL);
		cluster_free(c);
		c = NULL;
		cr_assert_eq(load_whole("d"), 0, "%s", err.text);
		cr_assert_str_eq(everything(), first);
		arena_free(a);
	}
}
