/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Services, endpoints, pods and NetworkPolicies as data: every field that says something to the datapath, the
 * API's defaults, and what is refused. And the ways a file can hold objects.
 */
#include <criterion/criterion.h>
#include <netinet/in.h>

#include "files.h"
#include "scenario/manifest.h"

#define NODE                                                                                       \
	"apiVersion: v1\nkind: Node\nmetadata: {name: m}\n"                                        \
	"status: {addresses: [{type: InternalIP, address: 10.0.0.1}]}\n"

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

TestSuite(manifest_objects, .init = setup, .fini = teardown, .timeout = 30);

static void loads(const char *text)
{
	files_write("c/x.yaml", text);
	cr_assert_eq(manifests_load(arena, "c", NULL, &m, &err), 0, "%s", err.text);
}

/* The message's first line, after the file's name. */
static void fails(const char *text, const char *message)
{
	files_write("c/x.yaml", text);
	cr_assert_lt(manifests_load(arena, "c", NULL, &m, &err), 0, "accepted: %s", text);
	cr_assert_eq(err.kind, ERR_INPUT);
	cr_assert_eq(strncmp(err.text, "c/x.yaml:", 9), 0, "%s", err.text);
	cr_assert(strstr(err.text, message), "%s\ninstead of %s", err.text, message);
	cr_assert(strchr(err.text, '^'), "no caret: %s", err.text);
}

static bool is(const struct ip_addr *ip, const char *text)
{
	struct ip_addr other;

	return ip_addr_parse(text, &other) && ip_addr_equal(ip, &other);
}

/* ---- services ---- */

#define SERVICE(notes, spec)                                                                       \
	"apiVersion: v1\nkind: Service\nmetadata: {name: s, annotations: {" notes                  \
	"}}\nspec: {" spec "}\n"

Test(manifest_objects, a_service_has_the_apis_defaults)
{
	const struct k8s_service *s;

	loads(SERVICE("", "clusterIP: 10.96.0.1, ports: [{port: 80}]"));
	s = &m.services[0];
	cr_assert_eq(m.n_services, 1);
	cr_expect_str_eq(s->meta.ns, "default");
	cr_expect_eq(s->type, SERVICE_CLUSTER_IP);
	cr_expect(s->ipv4 && !s->ipv6 && !s->headless && !s->affinity && !s->external_local &&
		  !s->internal_local && !s->topology_aware && !s->no_node_ports);
	cr_expect_eq(s->expose, EXPOSE_CLUSTER_IP | EXPOSE_NODE_PORT | EXPOSE_LOAD_BALANCER);
	cr_expect_eq(s->ports[0].proto, IPPROTO_TCP);
	cr_expect_eq(s->ports[0].target_port, 80);
	cr_expect_null(s->ports[0].name);
}

Test(manifest_objects, every_field_of_a_service_is_read)
{
	const struct k8s_service *s;

	loads("apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: n, labels: {l: v, "
	      "service.kubernetes.io/service-proxy-name: p}}\n"
	      "spec:\n  type: LoadBalancer\n  clusterIP: 10.96.0.1\n  clusterIPs: [10.96.0.1, "
	      "'fd00::1']\n  ipFamilies: [IPv4, IPv6]\n  externalIPs: [198.51.100.1]\n"
	      "  selector: {app: web}\n  sessionAffinity: ClientIP\n  sessionAffinityConfig: "
	      "{clientIP: {timeoutSeconds: 600}}\n  loadBalancerSourceRanges: [192.0.2.77/24]\n"
	      "  externalTrafficPolicy: Local\n  internalTrafficPolicy: Local\n"
	      "  healthCheckNodePort: 31000\n  publishNotReadyAddresses: true\n"
	      "  allocateLoadBalancerNodePorts: false\n  trafficDistribution: PreferClose\n"
	      "  ports:\n  - {name: a, port: 80, targetPort: http, nodePort: 30080, protocol: "
	      "UDP}\n"
	      "  - {name: b, port: 81, targetPort: 8081, protocol: SCTP}\n"
	      "status: {loadBalancer: {ingress: [{ip: 203.0.113.1, ipMode: VIP}, {ip: 203.0.113.2, "
	      "ipMode: Proxy}, {hostname: x}]}}\n");
	s = &m.services[0];
	cr_expect_eq(s->type, SERVICE_LOAD_BALANCER);
	cr_expect_eq(s->n_cluster_ips, 2);
	cr_expect(is(&s->cluster_ips[1], "fd00::1"));
	cr_expect(s->ipv4 && s->ipv6);
	cr_expect(is(&s->external_ips[0], "198.51.100.1"));
	cr_expect_eq(s->n_lb_ips, 1);
	cr_expect(is(&s->lb_ips[0], "203.0.113.1"));
	cr_expect_str_eq(labels_get(&s->selector, "app"), "web");
	cr_expect(s->affinity);
	cr_expect_eq(s->affinity_seconds, 600);
	cr_expect(is(&s->source_ranges[0].addr, "192.0.2.0"));
	cr_expect_eq(s->source_ranges[0].prefix, 24);
	cr_expect(s->external_local && s->internal_local && s->publish_not_ready &&
		  s->no_node_ports && s->topology_aware);
	cr_expect_eq(s->health_check_node_port, 31000);
	cr_expect_str_eq(s->proxy_name, "p");
	cr_expect_eq(s->ports[0].node_port, 30080);
	cr_expect_eq(s->ports[0].proto, IPPROTO_UDP);
	cr_expect_eq(s->ports[0].target_port, 0);
	cr_expect_str_eq(s->ports[0].target_name, "http");
	cr_expect_eq(s->ports[1].target_port, 8081);
	cr_expect_eq(s->ports[1].proto, IPPROTO_SCTP);
}

Test(manifest_objects, headless_and_external_name_services)
{
	loads(SERVICE("", "clusterIP: None, clusterIPs: [None], ports: [{port: 80}]"));
	cr_expect(m.services[0].headless);
	cr_expect_eq(m.services[0].n_cluster_ips, 0);
	loads(SERVICE("", "type: ExternalName, externalName: example.org"));
	cr_expect_eq(m.services[0].type, SERVICE_EXTERNAL_NAME);
}

Test(manifest_objects, ciliums_annotations_that_change_forwarding)
{
	const struct k8s_service *s;

	loads(SERVICE(
		"service.cilium.io/type: NodePort, service.cilium.io/forwarding-mode: dsr, "
		"service.cilium.io/lb-algorithm: maglev, service.cilium.io/src-ranges-policy: "
		"deny, service.cilium.io/node-selector: zone=a, "
		"service.cilium.io/proxy-delegation: delegate-if-local",
		"ports: [{port: 80}]"));
	s = &m.services[0];
	cr_expect_eq(s->expose, EXPOSE_NODE_PORT);
	cr_expect_eq(s->forwarding, FORWARD_DSR);
	cr_expect_eq(s->algorithm, ALGORITHM_MAGLEV);
	cr_expect(s->source_ranges_deny && s->proxy_delegation);
	cr_expect_str_eq(s->node_label_key, "zone");
	cr_expect_str_eq(s->node_label_value, "a");
	loads(SERVICE("service.cilium.io/node: edge, service.kubernetes.io/topology-mode: Auto",
		      "ports: [{port: 80}]"));
	cr_expect_str_eq(m.services[0].node_label_key, "service.cilium.io/node");
	cr_expect_str_eq(m.services[0].node_label_value, "edge");
	cr_expect(m.services[0].topology_aware);
}

Test(manifest_objects, what_a_service_cannot_say_is_refused)
{
	fails(SERVICE("service.cilium.io/global: 'true'", "ports: [{port: 80}]"),
	      "service.cilium.io/global is not supported: leaving it out would change verdicts");
	fails(SERVICE("service.cilium.io/lb-l7: enabled", "ports: [{port: 80}]"),
	      "service.cilium.io/lb-l7 is not supported");
	fails(SERVICE("service.cilium.io/affinity: local", "ports: [{port: 80}]"),
	      "service.cilium.io/affinity is not supported");
	fails(SERVICE("service.cilium.io/forwarding-mode: hybrid", "ports: [{port: 80}]"),
	      "service.cilium.io/forwarding-mode: expected one of snat, dsr");
	fails(SERVICE("service.cilium.io/node-selector: a in (b)", "ports: [{port: 80}]"),
	      "only key=value is read");
	fails(SERVICE("", "type: Foo"),
	      "expected the type ClusterIP, NodePort, LoadBalancer or ExternalName");
	fails(SERVICE("", "externalTrafficPolicy: Near"),
	      "externalTrafficPolicy: expected Cluster or Local");
	fails(SERVICE("", "sessionAffinity: Cookie"), "sessionAffinity: expected None or ClientIP");
	fails(SERVICE("", "ports: [{port: 80, protocol: ICMP}]"),
	      "expected the protocol TCP, UDP or SCTP");
	fails(SERVICE("", "ports: [{nodePort: 80}]"), "service s: the port has no number");
	fails(SERVICE("", "loadBalancerSourceRanges: [x]"), "'x' is no CIDR");
	fails(SERVICE("", "clusterIP: 10.96.0.300"), "'10.96.0.300' is no IP address");
}

/* ---- endpoints ---- */

Test(manifest_objects, a_slices_endpoints_have_conditions_places_and_hints)
{
	const struct k8s_endpoints *e;

	loads("apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: IPv4\n"
	      "metadata: {name: w-1, labels: {kubernetes.io/service-name: w}}\n"
	      "ports: [{name: http, port: 8080, protocol: TCP}, {port: 53, protocol: UDP}]\n"
	      "endpoints:\n"
	      "- addresses: [10.1.0.1, 10.1.0.99]\n  nodeName: m\n  zone: z\n"
	      "  targetRef: {kind: Pod, namespace: default, name: p}\n"
	      "  hints: {forZones: [{name: z}, {name: y}], forNodes: [{name: m}]}\n"
	      "- {addresses: [10.1.0.2], conditions: {ready: false, serving: true, terminating: "
	      "true}}\n"
	      "- {addresses: [10.1.0.3], conditions: {ready: false}}\n"
	      "- {addresses: [10.1.0.4], conditions: {ready: null}}\n");
	e = &m.endpoints[0];
	cr_assert_eq(e->n, 4);
	cr_expect(e->is_slice);
	cr_expect_eq(e->n_ports, 2);
	cr_expect_str_eq(e->ports[0].name, "http");
	cr_expect_eq(e->ports[1].proto, IPPROTO_UDP);
	cr_expect(e->list[0].ready && e->list[0].serving && !e->list[0].terminating);
	cr_expect(is(&e->list[0].addr, "10.1.0.1"));
	cr_expect_str_eq(e->list[0].node, "m");
	cr_expect_str_eq(e->list[0].zone, "z");
	cr_expect_str_eq(e->list[0].target_name, "p");
	cr_expect_eq(e->list[0].n_hint_zones, 2);
	cr_expect_str_eq(e->list[0].hint_nodes[0], "m");
	cr_expect(!e->list[1].ready && e->list[1].serving && e->list[1].terminating);
	cr_expect(!e->list[2].ready && !e->list[2].serving);
	cr_expect(e->list[3].ready && e->list[3].serving);
	cr_expect_eq(e->n_addresses, 2, "the ready ones");
}

Test(manifest_objects, endpoints_that_slices_mirror_are_left_out)
{
	loads("apiVersion: v1\nkind: Endpoints\nmetadata: {name: w}\nsubsets: [{addresses: [{ip: "
	      "10.1.0.1}], ports: [{port: 80}]}]\n---\napiVersion: discovery.k8s.io/v1\nkind: "
	      "EndpointSlice\nmetadata: {name: w-1, labels: {kubernetes.io/service-name: "
	      "w}}\nendpoints: []\n---\napiVersion: v1\nkind: Endpoints\nmetadata: {name: "
	      "v}\nsubsets: [{addresses: [{ip: 10.1.0.2, nodeName: m}], ports: [{port: 80}]}, "
	      "{notReadyAddresses: [{ip: 10.1.0.3}], ports: [{port: 81}]}]\n");
	cr_assert_eq(m.n_endpoints, 3);
	cr_expect_str_eq(m.endpoints[0].service, "v");
	cr_expect_str_eq(m.endpoints[0].list[0].node, "m");
	cr_expect_eq(m.endpoints[1].ports[0].port, 81);
	cr_expect_not(m.endpoints[1].list[0].ready);
	cr_expect(m.endpoints[2].is_slice);
}

/* ---- pods, nodes ---- */

Test(manifest_objects, a_pods_ports_readiness_end_and_limits)
{
	const struct k8s_pod *p;

	loads("apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n  deletionTimestamp: "
	      "2026-01-01T00:00:00Z\n  annotations: {kubernetes.io/egress-bandwidth: 10M, "
	      "kubernetes.io/ingress-bandwidth: 1.5Gi}\n"
	      "spec:\n  nodeName: m\n  containers:\n  - ports:\n    - {name: http, containerPort: "
	      "8080, hostPort: 80, hostIP: 10.0.0.1}\n  - ports: [{containerPort: 53, protocol: "
	      "UDP}]\n  initContainers:\n  - ports: [{containerPort: 1}]\n  - restartPolicy: "
	      "Always\n    ports: [{containerPort: 2}]\n"
	      "status: {podIP: 10.1.0.1, conditions: [{type: Initialized, status: 'True'}, {type: "
	      "Ready, status: 'False'}]}\n");
	p = &m.pods[0];
	cr_expect(p->deleting && !p->ready);
	cr_expect_eq(p->egress_bits, 10000000);
	cr_expect_eq(p->ingress_bits, 1610612736);
	cr_assert_eq(p->n_ports, 3);
	cr_expect_str_eq(p->ports[0].name, "http");
	cr_expect_eq(p->ports[0].host_port, 80);
	cr_expect(is(&p->ports[0].host_ip, "10.0.0.1"));
	cr_expect_eq(p->ports[1].proto, IPPROTO_UDP);
	cr_expect_eq(p->ports[2].port, 2);
	loads("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n");
	cr_expect(m.pods[0].ready && !m.pods[0].deleting && !m.pods[0].egress_bits);
}

Test(manifest_objects, a_limit_that_is_none_is_refused)
{
	fails("apiVersion: v1\nkind: Pod\nmetadata: {name: p, annotations: "
	      "{kubernetes.io/egress-bandwidth: fast}}\n",
	      "kubernetes.io/egress-bandwidth: expected bits per second such as 10M or 1Gi, found "
	      "'fast'");
	fails("apiVersion: v1\nkind: Pod\nmetadata: {name: p, annotations: "
	      "{kubernetes.io/egress-bandwidth: 10Q}}\n",
	      "found '10Q'");
}

Test(manifest_objects, a_node_may_have_one_pod_cidr_only_and_namespaces_have_labels)
{
	loads("apiVersion: v1\nkind: Node\nmetadata: {name: n}\nspec: {podCIDR: 10.2.0.0/24}\n"
	      "status: {addresses: [{type: InternalIP, address: 10.0.0.2}]}\n---\n"
	      "apiVersion: v1\nkind: Namespace\nmetadata: {name: a, labels: {x: y}}\n");
	cr_expect_eq(m.nodes[1].n_pod_cidrs, 1);
	cr_expect(is(&m.nodes[1].pod_cidrs[0].addr, "10.2.0.0"));
	cr_expect_str_eq(labels_get(&m.namespaces[0].meta.labels, "x"), "y");
	fails("apiVersion: v1\nkind: Node\nmetadata: {name: n}\nspec: {podCIDRs: [10.2.0.0/40]}\n"
	      "status: {addresses: [{type: InternalIP, address: 10.0.0.2}]}\n",
	      "'10.2.0.0/40' is no CIDR");
}

/* ---- NetworkPolicy ---- */

#define NETPOL(spec)                                                                               \
	"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\nspec: {" spec \
	"}\n"

Test(manifest_objects, mistakes_in_a_network_policy_are_named)
{
	fails(NETPOL("podSelector: {}, ingres: []"),
	      "unknown key 'ingres' in NetworkPolicy spec; did you mean 'ingress'?");
	fails(NETPOL("podSelector: {}, ingress: [{fom: []}]"), "did you mean 'from'?");
	fails(NETPOL("podSelector: {}, ingress: [{from: [{}]}]"),
	      "this peer is empty: give podSelector, namespaceSelector or ipBlock");
	fails(NETPOL("podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}, "
		     "podSelector: {}}]}]"),
	      "a peer is an ipBlock or a selector, never both");
	fails(NETPOL("podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: "
		     "[11.0.0.0/16]}}]}]"),
	      "this exception is not inside its CIDR: it excepts nothing");
	fails(NETPOL("podSelector: {}, ingress: [{ports: [{port: 80, endPort: 79}]}]"),
	      "endPort 79 is before port 80");
	fails(NETPOL("podSelector: {}, ingress: [{ports: [{port: http, endPort: 79}]}]"),
	      "endPort needs a port's number, not a name");
	fails(NETPOL("podSelector: {}, ingress: [{ports: [{protocol: ICMP}]}]"),
	      "expected the protocol TCP, UDP or SCTP");
	fails(NETPOL("podSelector: {}, policyTypes: [Both]"), "expected Ingress or Egress");
	fails(NETPOL("podSelector: {}, policyTypes: [Ingress], egress: [{}]"),
	      "there are egress rules, but policyTypes does not say Egress");
	fails(NETPOL("ingress: []"), "podSelector is missing");
	fails("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\n",
	      "policy p has no spec");
}

Test(manifest_objects, a_namespaced_policy_cannot_select_elsewhere)
{
	fails("apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: p, namespace: "
	      "a}\nspec: {endpointSelector: {matchLabels: {'k8s:io.kubernetes.pod.namespace': "
	      "b}}, ingress: [{}]}\n",
	      "is for the policy's own namespace, a: give no other");
	fails("apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: p}\nspec: "
	      "{endpointSelector: {}, egress: [{toServices: [{}]}]}\n",
	      "toServices: give k8sService or k8sServiceSelector");
	fails("apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: p}\nspec: "
	      "{endpointSelector: {}, ingress: [{icmps: [{fields: [{type: 8}]}], toPorts: [{ports: "
	      "[{port: 80}]}]}]}\n",
	      "icmps and toPorts in one rule: give each a rule of its own");
}

/* ---- files ---- */

/* What `kubectl get pods -o yaml` prints: the list's kind comes last. */
Test(manifest_objects, a_list_is_read_whatever_comes_first)
{
	loads("apiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata:\n    name: a\n"
	      "- apiVersion: v1\n  kind: ConfigMap\n  data:\n    x: |\n      --- no end\n"
	      "      items: y\n  metadata:\n    name: c\n"
	      "- apiVersion: v1\n  kind: Pod\n  metadata:\n    name: b\nkind: List\nmetadata:\n"
	      "  resourceVersion: \"\"\n");
	cr_assert_eq(m.n_pods, 2);
	cr_expect_str_eq(m.pods[1].meta.name, "b");
	loads("apiVersion: v1\nitems:\n- metadata:\n    name: a\n- metadata:\n    name: b\n"
	      "kind: PodList\n");
	cr_assert_eq(m.n_pods, 2);
	fails("apiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata:\n    nam: a\n"
	      "kind: List\n",
	      "x.yaml:3:3: metadata.name is missing");
}

Test(manifest_objects, json_is_read_too)
{
	files_write("c/y.json", "{\n    \"apiVersion\": \"v1\",\n    \"items\": [\n        {\n"
				"            \"apiVersion\": \"v1\", \"kind\": \"Pod\",\n"
				"            \"metadata\": {\"name\": \"j\", \"labels\": {\"a\": "
				"\"b\"}}\n        }\n    ],\n    \"kind\": \"List\"\n}\n");
	loads("");
	cr_assert_eq(m.n_pods, 1);
	cr_expect_str_eq(m.pods[0].meta.name, "j");
	cr_expect_str_eq(labels_get(&m.pods[0].meta.labels, "a"), "b");
}

/* Places are those of the file, in its second document as well, whichever reader had it. */
Test(manifest_objects, places_count_from_the_files_start)
{
	fails("apiVersion: v1\nkind: ConfigMap\n---\napiVersion: v1\nkind: Pod\nmetadata: {}\n",
	      "x.yaml:4:1: metadata.name is missing");
	fails("apiVersion: v1\nkind: ConfigMap\n---\napiVersion: v1\nkind: Pod\nmetadata: &x {}\n",
	      "metadata.name is missing");
	fails("apiVersion: v1\nkind: ConfigMap\n---\napiVersion: v1\nkind: Pod\nkind: Pod\n",
	      "x.yaml:6:1: the key 'kind' is already given in line 5");
}

Test(manifest_objects, an_object_given_twice_is_an_error_whatever_its_kind)
{
	fails(NETPOL("podSelector: {}") "---\n" NETPOL("podSelector: {}"),
	      "NetworkPolicy default/p is already given at c/x.yaml:3");
	fails(SERVICE("", "ports: []") "---\n" SERVICE("", "ports: []"),
	      "Service default/s is already given at c/x.yaml:3");
}
