# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# `verdict explain` tells a packet's way: what was looked up, what was changed, where it went. Sourced by cli.sh.
# shellcheck disable=SC2154,SC2016

again=$(mktemp)

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
rm -f "$again"
