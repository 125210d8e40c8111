# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A cluster much larger than scenarios have is read, compiled and sent through within its aims. Sourced by cli.sh.
# shellcheck disable=SC2154,SC2034

expect_exit 2 "$verdict" bench --nodes 19
expect_exit 0 "$verdict" bench --only cluster --nodes 100
expect_output '^cluster of 100 nodes, 1000 services, 10000 pods: '
expect_output ' a node compiled to [0-9]+ entries .*aim: under 10 s: met\)$'
expect_output 'memory [0-9]+ MiB with both \(aim: under 4096: met\)$'
expect_output '^  a packet from pod to pod through a service: .* with 100: .*aim: at most 1\.50: met\)$'
