# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Target files on the command line: found by name, the reference's example, mistakes. Sourced by cli.sh.
# shellcheck disable=SC2154,SC2016

dir=$(mktemp -d)
ping=fixtures/captures/ping.pcapng
replay=("$verdict" replay --hook native/ingress)

expect_exit 0 "${replay[@]}" --target verdict "$ping"
expect_output '^cil_from_netdev of bpf_host\.o at tc ingress of eth0 \(ifindex 2\)'
expect_exit 0 "${replay[@]}" --target fixtures/targets/verdict.yaml "$ping"
expect_exit 2 "${replay[@]}" --target verdct "$ping"
expect_output "no target 'verdct'; did you mean 'verdict'\?"
expect_output '^  known: .*cilium-1\.19.*verdict'
expect_exit 2 env -u VERDICT_CILIUM_OBJECTS "${replay[@]}" --target cilium-1.19 "$ping"
expect_output 'the variable VERDICT_CILIUM_OBJECTS that names their folder is not set'
expect_output '^  then name the folder: VERDICT_CILIUM_OBJECTS=DIR, or --objects DIR$'
expect_exit 2 env VERDICT_CILIUM_OBJECTS="$dir" "${replay[@]}" --target cilium-1.19 "$ping"
expect_output 'cilium-1\.19\.yaml:[0-9]+:[0-9]+: no object bpf_[a-z]+\.o in '
expect_output '^  the folder holds no objects'
expect_exit 2 "${replay[@]}" --target verdict --objects /no/such "$ping"
expect_output 'no folder /no/such for the objects of verdict \(--objects names it\)'
expect_exit 2 "${replay[@]}" --target verdict --config enable_host_firewal=true "$ping"
expect_output "did you mean 'enable_host_firewall'"
expect_exit 2 "${replay[@]}" --target verdict --map-size cilium_ct4_globl=4 "$ping"
expect_output "did you mean 'cilium_ct4_global'"

# the example of the reference
sed -n '/^```yaml$/,/^```$/p' docs/targets.md | grep -v '^```' >"$dir/my-node.yaml"
expect_exit 0 "${replay[@]}" --target "$dir/my-node.yaml" --objects "${BUILD:-build}/bpf" "$ping"
expect_output '^cil_from_netdev of bpf_host\.o at tc ingress of eth0 \(ifindex 2\)'
sed 's/^config: .*/config: {enable_host_firewal: true}/' "$dir/my-node.yaml" >"$dir/wrong.yaml"
expect_exit 2 "${replay[@]}" --target "$dir/wrong.yaml" --objects "${BUILD:-build}/bpf" "$ping"
expect_output "wrong\.yaml:4:10: the target has no constant 'enable_host_firewal'; did you mean"
expect_output '^ +4 \| config: \{enable_host_firewal: true\}$'
sed 's/cil_to_netdev/cil_to_netdve/' "$dir/my-node.yaml" >"$dir/wrong.yaml"
expect_exit 2 "${replay[@]}" --target "$dir/wrong.yaml" --objects "${BUILD:-build}/bpf" "$ping"
expect_output "bpf_host\.o has no program 'cil_to_netdve'; did you mean 'cil_to_netdev'\?"

rm -rf "$dir"
