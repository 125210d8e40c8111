# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Nodes as clusters have them, and as none can have them: names, addresses, how many. Sourced by cli.sh.
# shellcheck disable=SC2154

nodes=$(mktemp -d)
mkdir -p "$nodes/run/cluster"
cp fixtures/clusters/two-masters/{policy,values}.yaml "$nodes/run/cluster/"
cat >"$nodes/run/scenario.yaml" <<END2
name: nodes
summary: etcd's connection between two nodes
cluster: cluster
steps:
  - send: {capture: $PWD/fixtures/captures/etcd.pcapng}
    expect: {outcome: delivered, events: {drop: 0}}
END2

node() {
	printf -- '---\napiVersion: v1\nkind: Node\nmetadata: {name: "%s"}\n' "$1"
	printf 'status:\n  addresses: [{type: InternalIP, address: "%s"}]\n' "$2"
}

# with_nodes NAME ADDRESS [NAME ADDRESS...]: and what verdict run says of them.
with_nodes() {
	: >"$nodes/run/cluster/nodes.yaml"
	while [ $# -gt 0 ]; do
		node "$1" "$2" >>"$nodes/run/cluster/nodes.yaml"
		shift 2
	done
	try "$verdict" run "$nodes/run" --out "$nodes/out"
}

long=$(printf 'n%.0s' $(seq 60))
with_nodes ip-10-0-0-1.eu-1.compute.internal 10.160.128.34 ip-10-0-0-2.eu-1.compute.internal 10.160.128.31
expect_exit 0
with_nodes "$long.$long.example.org" 10.160.128.34 "$long.$long.example.com" 10.160.128.31
expect_exit 0
# shellcheck disable=SC2016
for name in '../../x' 'a b;$(id)' '' 'node_a' 'мастер' '.x' '-x' "$long.$long.$long.$long"; do
	with_nodes "$name" 10.160.128.34 master-1 10.160.128.31
	expect_exit 2
	expect_output 'nodes.yaml:4:18: .*is no name for a node'
done
for address in 0.0.0.0 127.0.0.1 224.0.0.1 255.255.255.255 ff02::1 fe80::1; do
	with_nodes master-0 "$address" master-1 10.160.128.31
	expect_exit 2
	expect_output "nodes.yaml:4:18: no node can have the address $address"
done
with_nodes master-0 fd00::1 master-1 fd00::2
expect_exit 2
expect_output 'node master-0 has no IPv4 InternalIP: engine netns builds nodes that have one'
with_nodes master-0 10.160.128.34 master-1 10.160.128.34
expect_exit 2
expect_output 'node master-1 has an address of node master-0'
with_nodes master-0 10.160.128.34 master-0 10.160.128.31
expect_exit 2
expect_output 'Node master-0 is already given'

many=(master-0 10.160.128.34 master-1 10.160.128.31)
for i in $(seq 2 19); do
	many+=("worker-$i" "10.160.128.$((100 + i))")
done
with_nodes "${many[@]}"
expect_exit 0

# a size for a map that no object has would change nothing
with_nodes master-0 10.160.128.34 master-1 10.160.128.31
echo '  - upgrade: {node: master-0, maps: {cilium_ct4_globl: {max_entries: 9}}}' >>"$nodes/run/scenario.yaml"
expect_exit 2 "$verdict" run "$nodes/run" --out "$nodes/out"
expect_output "scenario.yaml:7:38: no object under .* has a map 'cilium_ct4_globl'"
expect_output 'did you mean cilium_ct4_global'

rm -rf "$nodes"
