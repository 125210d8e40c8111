# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# `verdict explain` tells a packet's way: what was looked up, what was changed, where it went. Sourced by cli.sh.
# shellcheck disable=SC2154,SC2016

again=$(mktemp)
wrong=$(mktemp -d)

expect_exit 0 "$verdict" explain node-port-snat
expect_output '^step 1, packet 1: 192\.0\.2\.9:40000 > 192\.168\.10\.1:30082 tcp SYN'
expect_output '^\+- node-1/eth0 tc ingress: cil_from_netdev > nodeport_nat_egress: TC_ACT_REDIRECT$'
expect_output 'looks up   cilium_lb4_services_v2 \{address: 192\.168\.10\.1, dport: 30082, proto: 6\}: \{count: 1'
expect_output 'writes     cilium_snat_v4_external '
expect_output 'rewrites   ip\.dst 192\.168\.10\.1 -> 10\.0\.2\.30$'
expect_output '^\+- node-1/eth0: on the wire to node-2/eth0$'
expect_output 'looks up   cilium_policy_v2_'
expect_output '^`- delivered at default/web-2$'
cp "$output" "$again"
try "$verdict" explain node-port-snat
expect_true 'explain says the same in the next run' cmp "$again" "$output"

# a drop, with the line of the manifest behind it
expect_exit 0 "$verdict" explain pod-to-cluster-ip --step 4
expect_output 'NO_SERVICE 158'
expect_output 'services\.yaml:[0-9]+: Service default/empty has no backend for node node-1$'

expect_exit 0 "$verdict" explain node-port-snat --monitor
expect_output '^node-2> Policy verdict log: '
expect_no_output '^\+-'

expect_exit 2 "$verdict" explain
expect_exit 2 "$verdict" explain xdp-filter-udp
expect_output 'raw scenario: `verdict replay` tells all of its packets'
expect_exit 4 "$verdict" explain node-port-snat --packet 999
# The operator's log of story 1 beside it: facts/stories.md, cilium/cilium#19367.
expect_exit 0 "$verdict" explain etcd-restart-debug-log --step 3 --monitor
sed -n 's/^master-0> //; s/file [a-z_.]*:[0-9]*/file FILE:LINE/; /^master-1/!p' "$output" >"$again"
cat >"$wrong/log" <<'END'
MARK 0x0 FROM 1 DEBUG: Successfully mapped addr=10.160.128.31 to identity=7
MARK 0x0 FROM 1 DEBUG: Successfully mapped addr=10.160.128.34 to identity=1
<- network flow 0x0 , identity kube-apiserver->host state unknown ifindex 10 orig-ip 0.0.0.0: 10.160.128.31:2379 -> 10.160.128.34:24824 tcp ACK
MARK 0x0 FROM 1 DEBUG: Conntrack lookup 1/2: src=10.160.128.31:2379 dst=10.160.128.34:24824
MARK 0x0 FROM 1 DEBUG: Conntrack lookup 2/2: nexthdr=6 flags=0 dir=1 scope=2
MARK 0x0 FROM 1 DEBUG: CT verdict: New, revnat=0
Policy verdict log: flow 0x0 local EP ID 1, remote ID kube-apiserver, proto 6, ingress, action deny, auth: disabled, match none, 10.160.128.31:2379 -> 10.160.128.34:24824 tcp ACK
MARK 0x0 FROM 1 DEBUG: Policy evaluation would deny packet from 7 to 1
xx drop (Policy denied) flow 0x0 to endpoint 0, ifindex 10, file FILE:LINE, , identity kube-apiserver->host: 10.160.128.31:2379 -> 10.160.128.34:24824 tcp ACK
END
expect_true 'the monitor says what the log of the report says' diff "$wrong/log" "$again"

# A tree that is not as expected, in every form of report; line 10 of the file is the wrong one.
cat >"$wrong/scenario.yaml" <<END
name: wrong-tree
summary: a tree with a wrong line
cluster: $PWD/fixtures/clusters/two-nodes
engines: [testrun]
steps:
  - tcp: {from: client, to: "svc/default/empty:80", do: [syn]}
    expect:
      explain: |
        ...
        |  looks up   cilium_lb4_services_v2 {address: 10.96.0.31, dport: 80, proto: 6}: none
        ...
        \`- dropped (NO_SERVICE 158) at node-1/lxc00002
        ...
END
expect_exit 1 "$verdict" run "$wrong" --out "$wrong" --junit "$wrong/junit" --json "$wrong/json"
expect_output '/scenario\.yaml:10: packet 1 .*: explain: expected ".*: none", actual ".*: \{rev_nat_index: [0-9]+\}"$'
expect_output '^    - \|  looks up   cilium_lb4_services_v2 .*: none$'
expect_output '^    \+ \|  looks up   cilium_lb4_services_v2 .*: \{rev_nat_index: [0-9]+\}$'
expect_true 'JUnit has the diff' grep -q '&#10;    + |  looks up   cilium_lb4_services_v2' "$wrong/junit"
expect_true 'JSON has it' python3 - "$wrong/json" <<'END'
import json, sys
got = json.load(open(sys.argv[1]))
[d] = [d for s in got["scenarios"] for t in s["steps"] for d in t["differences"]]
assert d["field"] == "explain" and d["line"] == 10 and d["packet"] == 0, d
marks = [line[0] for line in d["detail"].split("\n")]
assert marks.count("-") == 1 and marks.count("+") == 1, d["detail"]
END
expect_exit 1 "$verdict" run "$wrong" --out "$wrong" --tap
expect_output ' text: .*\\n    \+ \|  looks up   cilium_lb4_services_v2'
expect_exit 1 "$verdict" run "$wrong" --out "$wrong" --pristine
expect_output 'explain: expected a way that is known, actual a program ran as shipped'

# Other objects and another seed
expect_exit 0 "$verdict" explain node-port-snat --seed 77
expect_output '^`- delivered at default/web-2$'
expect_exit 2 "$verdict" explain node-port-snat --seed -1
expect_output "bad value '-1' for --seed"
expect_exit 2 "$verdict" explain node-port-snat --target nothing-like-it
if [ -z "${VERDICT_CILIUM_OBJECTS:-}" ]; then
	echo "skip explain of Cilium's objects: VERDICT_CILIUM_OBJECTS names no folder of them"
else
	# the verifier reads a great deal: longer than `try` waits
	timeout 250 "$verdict" explain host-policy-closed-port --target cilium-1.19 >"$again" 2>&1
	expect_true "Cilium's own programs" grep -q 'cil_from_netdev > tail_handle_ipv4_from_netdev' "$again"
	expect_true 'their maps decide' grep -q '^|  policy     host may not receive TCP port 10250 from identity 7 .*: no entry matches$' "$again"
	expect_true 'and say what came near' grep -q '^|  nearest    policy\.yaml:13: allow TCP port 2379 from identity 7 ' "$again"
fi
rm -rf "$again" "$wrong"
