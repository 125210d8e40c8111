# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What a packet costs in the datapath: a kind of packet, a socket's call, each hop of a scenario's, and what is said
# where Cilium's objects do not fit. Sourced by cli.sh.
# shellcheck disable=SC2154

row() { # NAME VERDICT: with programs, instructions, stack and ns
	expect_output "^$1 +$2 +[1-9] +[1-9][0-9]+ +[1-9][0-9]+ +[1-9][0-9]+\$"
}

unset VERDICT_CILIUM_OBJECTS
expect_exit 0 "$verdict" bench --only datapath --mode "prefilter, passed"
row "XDP prefilter, passed on" PASS

expect_exit 0 "$verdict" bench --only datapath --mode "socket: "
for call in "connects to a" "connects to no" "sends to a" "receives from a"; do
	row "socket: $call service" PROCEED
	row "socket: $call service, IPv6" PROCEED
done
row "socket: asks who its peer is" PROCEED

# Its control groups go with it, and those of one that was killed with the next.
groups=$(mktemp -d)
mount -t cgroup2 none "$groups"
left() {
	find "$groups" -type d -name 'verdict-[0-9]*-[0-9]' | wc -l
}
expect_true "no control group of the benchmark is left" test "$(left)" -eq 0
"$verdict" bench --only datapath --mode "socket: " >/dev/null 2>&1 &
for ((i = 0; i < 500 && $(left) < 2; i++)); do
	sleep 0.01
done
kill -9 $!
wait $! 2>/dev/null || true
expect_true "a killed one leaves some" test "$(left)" -gt 0
expect_exit 0 "$verdict" bench --only datapath --mode "socket: asks"
expect_true "no control group of the benchmark is left" test "$(left)" -eq 0
umount "$groups"
rmdir "$groups"

# Packet 4 of a limited pod to the world, and its answer. Objects of other settings than the nodes' are not measured.
folder=$(mktemp -d)
mkdir "$folder/other"
echo "#define ENABLE_IPV4 1" >"$folder/other/node_config.h"
expect_exit 0 env VERDICT_CILIUM_OBJECTS="$folder" "$verdict" bench --only datapath --mode bandwidth
expect_output "^bandwidth: ours alone. Cilium's objects: none for node-1, nearest .*/other: .* is not set"
expect_output '^bandwidth: pod/default/host-port to outside:443$'
row " +4 node-1/lxc00003 cil_from_container" REDIRECT
row " +4 node-1/eth0 cil_to_netdev" OK
row " +5 node-1/eth0 cil_from_netdev" REDIRECT
rm -r "$folder"

expect_exit 2 "$verdict" bench --only datapath --mode nowhere
expect_output "no kind of packet, no call of a socket and no scenario of fixtures/bench has 'nowhere' in its name"
