# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# `verdict replay` on Cilium 1.19's objects as shipped, by a target file, its entries and its network: a real
# connection that becomes one between two pods. Sourced by cli.sh.
# shellcheck disable=SC2154

replay_cilium() {
	local maps=fixtures/maps/cilium-1.19 hook=$1
	shift
	try "$verdict" replay --target cilium-1.19-two-pods --hook "$hook" --ip "$maps/node.ip" \
		--maps "$maps/node.yaml" --maps "$maps/policies.yaml" "$@" \
		fixtures/captures/etcd-inbound.pcapng
}

if [ -z "${VERDICT_CILIUM_OBJECTS:-}" ]; then
	expect_exit 2 "$verdict" replay --target cilium-1.19-two-pods --hook client/ingress \
		fixtures/captures/etcd-inbound.pcapng
	expect_output 'the variable VERDICT_CILIUM_OBJECTS'
	echo "skip replay of Cilium's objects: VERDICT_CILIUM_OBJECTS names no folder of them"
else
	replay_cilium client/ingress --maps fixtures/maps/cilium-1.19/etcd-between-pods.yaml --packets 1,3,4
	expect_exit 0
	expect_output 'bpf_lxc\.o: SHA-256 [0-9a-f]{64}.* helper calls interposed'
	expect_output 'changed in memory: pinning .*static program'
	expect_output '^ +1 .* TC_ACT_REDIRECT 10\.160\.128\.31:42822 > 10\.160\.128\.34:2379 tcp SYN'
	expect_output '^ +ct new, identity 30010->30020, mark 0x0 -> 0x753a0f00$'
	expect_output 'tail calls: cil_from_container > tail_handle_ipv4 > .* > cil_lxc_policy > .*tail_ipv4_policy$'
	expect_output '^ +redirect_peer to server \(ifindex 20\)$'
	expect_output '^ +ip\.ttl 64 -> 63$'
	expect_output 'map cilium_ct4_global: added .*dport: 2379, sport: 42822, nexthdr: 6, flags: 1} = .*src_sec_id: 30010'
	expect_output '^3 packets: 3 TC_ACT_REDIRECT; '

	# the capture's hosts are no pods here: the world, from a pod that may speak to it
	replay_cilium server/ingress --packets 2
	expect_exit 0
	expect_output '^ +2 .* TC_ACT_SHOT '
	expect_output 'POLICY 133, bpf_lxc\.c:[0-9]+'
fi
