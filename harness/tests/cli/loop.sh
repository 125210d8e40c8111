# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A packet that a program sends round and round is followed for a while, and then told of. Sourced by cli.sh.
# shellcheck disable=SC2154,SC2034

loop=$(mktemp -d)
cat >"$loop/loop.bpf.c" <<'C'
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
SEC("tc") int round_and_round(struct __sk_buff *skb) { return bpf_redirect(skb->ifindex, BPF_F_INGRESS); }
char _license[] SEC("license") = "GPL";
C
clang -O2 -g -target bpf -I"/usr/include/$(gcc -print-multiarch)" -c -o "$loop/loop.o" "$loop/loop.bpf.c"
cat >"$loop/loop.yaml" <<'YAML'
name: loop
summary: sends each packet back to where it came in
hooks: {native: {ingress: loop.o/round_and_round}}
YAML
cat >"$loop/scenario.yaml" <<YAML
name: loop
summary: a program sends a packet round and round
cluster: $PWD/fixtures/clusters/two-nodes
engines: [testrun]
hosts: {outside: [192.0.2.9]}
steps:
  - udp: {from: outside, to: "node/node-1:53", do: [{data: 10}]}
    expect: {outcome: delivered}
YAML
try "$verdict" run --alone --objects "$loop" --target "$loop/loop.yaml" --out "$loop/out" "$loop/scenario.yaml"
expect_exit 1
expect_output 'outcome: expected delivered, actual unmodelled \(the packet goes round in a loop\)$'
expect_output '^  hop 8: node-1/eth0 round_and_round ingress: TC_ACT_REDIRECT$'
expect_output '^  hops 9 to 62 are left out$'
expect_output '^  hop 63: node-1/eth0 round_and_round ingress: TC_ACT_REDIRECT$'

rm -rf "$loop"
