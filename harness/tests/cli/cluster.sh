# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# `verdict cluster show`: its tables, the entries behind them, and how it says what is wrong.
# Sourced by cli.sh: $verdict and the assertions are there.
# shellcheck disable=SC2154

shown=$(mktemp -d)

cat >"$shown/all.yaml" <<'YAML'
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Node
  metadata: {name: a}
  spec: {podCIDRs: [10.1.0.0/24]}
  status: {addresses: [{type: InternalIP, address: 192.168.0.1}]}
- apiVersion: v1
  kind: Node
  metadata: {name: b}
  status: {addresses: [{type: InternalIP, address: 192.168.0.2}]}
- apiVersion: v1
  kind: Namespace
  metadata: {name: shop}
- apiVersion: v1
  kind: Pod
  metadata: {name: web, namespace: shop, labels: {app: web}}
  spec: {nodeName: a}
  status: {podIP: 10.1.0.5}
- apiVersion: v1
  kind: Pod
  metadata: {name: db, namespace: shop, labels: {app: db}}
  spec: {nodeName: b, serviceAccountName: dba}
  status: {podIP: 10.1.1.5}
- apiVersion: v1
  kind: Service
  metadata: {name: web, namespace: shop}
  spec: {type: NodePort, clusterIP: 10.96.0.1, sessionAffinity: ClientIP, ports: [{port: 80, nodePort: 30080, targetPort: 8080}]}
- apiVersion: discovery.k8s.io/v1
  kind: EndpointSlice
  addressType: IPv4
  metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
  ports: [{port: 8080}]
  endpoints:
  - {addresses: [10.1.0.5]}
  - {addresses: [10.1.1.5], conditions: {ready: false, serving: true, terminating: true}}
YAML
cat >"$shown/policy.yaml" <<'YAML'
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: db}}}, {ipBlock: {cidr: 203.0.113.0/24}}]
    ports: [{port: 80, endPort: 82}]
YAML

try "$verdict" cluster show "$shown"
expect_exit 0
expect_output '^  a +192\.168\.0\.1 +10\.1\.0\.0/24 +eth0 +1 +remote-node \(6\)$'
expect_output '^  256 +1 +shop: app=db \(service account dba\)$'
expect_output '^  257 +1 +shop: app=web$'
expect_output '^  16777217 +203\.0\.113\.0/24$'
expect_output '^  shop/web +TCP +10\.96\.0\.1:80 +10\.1\.0\.5:8080 +affinity 10800 s$'
expect_output '^ +every node:30080 +10\.1\.1\.5:8080 terminating$'
expect_output '^POLICY of shop/web on a: endpoint 2, identity 257, [0-9]+ entries$'
expect_output '^  from  shop: app=db \(service account dba\) \(256\) +80-82/TCP +allowed  shop/web, policy\.yaml:7$'
expect_output '^        203\.0\.113\.0/24 \(16777217\)$'
expect_output '^  from  host \(1\) +everything  allowed  the node reaches what runs on it$'
expect_output '^  from  everyone else +everything  denied   default deny$'
expect_output '^POLICY of shop/db on b: '
expect_no_output '^MAPS '

try "$verdict" cluster show --node b --maps "$shown"
expect_exit 0
expect_output '^POLICY of shop/db on b: '
expect_no_output '^POLICY of shop/web'
expect_output '^MAPS of b$'
expect_output '^  cilium_ipcache_v2 .*ip4: 10\.1\.0\.5.*sec_identity: 257'
expect_no_output '^MAPS of a$'

try "$verdict" cluster show --maps "$shown"
expect_output '^  cilium_policy_v2_00002 \{lpm_key: \{prefixlen: 63\}, sec_label: 256, egress: 0, protocol: 6, dport: 80\}'

# what Cilium's compiler is told of a node: addresses are numbers as they lie in memory
try "$verdict" cluster show --node-config b "$shown"
expect_exit 0
expect_output '^#define ENABLE_IPV4 1$'
expect_output '^#define IPV4_DIRECT_ROUTING 33597632$'
expect_output '^#define MONITOR_AGGREGATION 3$'
expect_output '^#define TUNNEL_PROTOCOL 1$'
expect_no_output 'ENABLE_IPV6|ENABLE_NODEPORT |^NODES|^POLICY'
mkdir "$shown/scenario"
cat >"$shown/scenario/scenario.yaml" <<YAML
name: scenario
summary: a cluster with values of its own
cluster: $shown
values: {bpf: {monitorAggregation: none}, tunnelProtocol: geneve, hostFirewall: {enabled: true}}
steps: [{advance: 1s}]
YAML
try "$verdict" cluster show --node-config b "$shown/scenario"
expect_exit 0
expect_output '^#define MONITOR_AGGREGATION 0$'
expect_output '^#define TUNNEL_PROTOCOL 2$'
expect_output '^#define ENABLE_HOST_FIREWALL 1$'
expect_exit 2 "$verdict" cluster show --node-config c "$shown"
expect_output "no node 'c' in the cluster"
rm -r "$shown/scenario"

expect_exit 2 "$verdict" cluster show --node c "$shown"
expect_output "no node 'c' in the cluster"
expect_exit 2 "$verdict" cluster show
expect_output 'no folder of manifests given'
expect_exit 2 "$verdict" cluster
expect_exit 2 "$verdict" cluster list "$shown"
expect_output 'verdict cluster show DIR'
expect_exit 2 "$verdict" cluster show "$shown" "$shown"
expect_exit 2 "$verdict" cluster show "$shown/none"
expect_output 'cannot read the cluster folder'

sed -i 's/podSelector: {matchLabels: {app: db}}/podSelector: {matchLabel: {app: db}}/' "$shown/policy.yaml"
expect_exit 2 "$verdict" cluster show "$shown"
expect_output "policy\.yaml:7:27: unknown key 'matchLabel' in selector; did you mean 'matchLabels'\?"
expect_output '^ +\| +\^'

rm -r "$shown"
