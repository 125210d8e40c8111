# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# `verdict replay` on the objects of Debian's libxdp1, as shipped: verdicts as xdp-filter's manual says,
# captures as xdpdump writes them. Sourced by cli.sh.
# shellcheck disable=SC2154

dir=$(mktemp -d)
captures=fixtures/captures
entries=fixtures/maps/xdp-filter
filter() {
	local object=$1
	shift
	try "$verdict" replay --object "xdpfilt_$object.o" "$@"
}
# The verdicts in the output, a letter a packet.
verdicts() { sed -nE 's/^ +[0-9]+ \+[0-9.]+ XDP_(.).*/\1/p' "$output" | tr -d '\n'; }
# replays OBJECT ENTRIES CAPTURE VERDICTS
replays() {
	filter "$1" --maps "$entries/$2.yaml" "$captures/$3.pcapng"
	expect_exit 0
	expect_true "xdpfilt_$1 with $2 on $3: $4, and is $(verdicts)" test "$(verdicts)" = "$4"
}

# both policies: queries and answers, requests and replies, frames of one device
replays alw_udp dns-answers dns PDPD
replays dny_udp dns-answers dns DPDP
replays alw_tcp etcd-requests etcd-inbound DPDDPDPPDPDDPDPDPD
replays dny_tcp etcd-requests etcd-inbound PDPPDPDDPDPPDPDPDP
replays alw_eth resolver-mac icmp-error PDPD
replays dny_all everything etcd-inbound DPDDPDPPDPDDPDPDPD

# all that is said of it, to the letter
filter alw_udp --maps "$entries/dns-answers.yaml" "$captures/dns.pcapng"
expect_exit 0
expect_output '^object /usr/lib/.*/bpf/xdpfilt_alw_udp\.o: SHA-256 [0-9a-f]{64}, .*clang'
expect_output '^1 entry written into 1 map$'
expect_output '^ +1 \+0\.000000 XDP_PASS +10\.160\.128\.34:24826 > 10\.160\.128\.53:53 udp len 35$'
expect_output '^ +2 \+0\.000091 XDP_DROP +10\.160\.128\.53:53 > 10\.160\.128\.34:24826 udp len 51$'
expect_output '^ +map filter_ports: changed 13568: 9 -> 73$'
expect_output '^ +map filter_ports: changed 13568: 73 -> 137$'
expect_output '^ +map xdp_stats_map: changed 1: packets 1 -> 2, bytes 93 -> 185$'
expect_output '^ +map xdp_stats_map: changed 2: packets 1 -> 2, bytes 77 -> 153$'
expect_output '^4 packets: 2 XDP_PASS, 2 XDP_DROP; '

# without entries a filter that allows passes all, one that denies none
filter alw_all "$captures/dual-stack.pcapng"
expect_output '^32 packets: 32 XDP_PASS; '
filter dny_all "$captures/dual-stack.pcapng"
expect_output '^32 packets: 32 XDP_DROP; '

# entries of a map that this filter lacks
filter alw_udp --maps "$entries/resolver.yaml" "$captures/dns.pcapng"
expect_exit 2
expect_output 'resolver\.yaml:3:3: the target has no map filter_ipv4$'

# a capture of xdpdump: entry and exit are one packet, the verdict is the exit's
perl harness/tests/xdpdump.pl "$captures/dns.pcapng" "$dir/good.pcapng" PDPD xdpfilt_alw_udp
filter alw_udp --maps "$entries/dns-answers.yaml" --expect verdicts "$dir/good.pcapng"
expect_exit 0
expect_true 'each packet is run once' test "$(verdicts)" = PDPD
expect_output "^4 verdicts compared with the capture's: 4 as expected, 0 not$"
filter dny_udp --maps "$entries/dns-answers.yaml" --expect verdicts --quiet "$dir/good.pcapng"
expect_exit 1
expect_output '^packet 1: verdict: expected XDP_PASS \(record 2\), actual XDP_DROP$'
expect_output '^packet 7: verdict: expected XDP_DROP \(record 8\), actual XDP_PASS$'
expect_output "^4 verdicts compared with the capture's: 0 as expected, 4 not$"
perl harness/tests/xdpdump.pl "$captures/dns.pcapng" "$dir/bad.pcapng" PDDD xdpfilt_alw_udp
filter alw_udp --maps "$entries/dns-answers.yaml" --expect verdicts --quiet "$dir/bad.pcapng"
expect_exit 1
expect_output '^packet 5: verdict: expected XDP_DROP \(record 6\), actual XDP_PASS$'
expect_no_output '^packet [1-4678]:'
filter alw_udp --maps "$entries/dns-answers.yaml" --expect verdicts --json "$dir/bad.pcapng"
expect_exit 1
expect_output '"unexpected": \[\{"packet":5,"record":6,"expected":"XDP_DROP","actual":"XDP_PASS"\}\]'

# of several programs on one device, one is meant
perl harness/tests/xdpdump.pl "$captures/dns.pcapng" "$dir/two.pcapng" PDPD xdp_dispatcher xdpfilt_alw_udp
filter alw_udp --maps "$entries/dns-answers.yaml" --expect verdicts --interface '*:xdpfilt_alw_udp()@*' \
	"$dir/two.pcapng"
expect_exit 0
expect_true 'the records of that program' test "$(verdicts)" = PDPD
expect_output "^4 verdicts compared with the capture's: 4 as expected, 0 not$"

# records of the exit alone may be changed packets already: run all the same, and said
perl harness/tests/xdpdump.pl --exit-only "$captures/dns.pcapng" "$dir/exits.pcapng" PDPD xdpfilt_alw_udp
filter alw_udp --maps "$entries/dns-answers.yaml" --expect verdicts "$dir/exits.pcapng"
expect_exit 0
expect_output 'record 1 was taken where the packet left a program \(eth0:xdpfilt_alw_udp\(\)@fexit\)'
expect_output "^4 verdicts compared with the capture's: 4 as expected, 0 not$"

# the dispatcher, told to run one program and to go on after XDP_PASS only: an empty slot returns 31
try "$verdict" replay --object xdp-dispatcher.o "$captures/dns.pcapng"
expect_exit 2
expect_output '^    xdp_pass$'
try "$verdict" replay --object xdp-dispatcher.o --program xdp_dispatcher --packets 1 \
	--config 'conf={num_progs_enabled: 1, chain_call_actions: [0x4]}' "$captures/dns.pcapng"
expect_exit 0
expect_output '^ +1 \+0\.000000 31 '
expect_output 'dropped \(the verdict is no XDP action\)'
# one that needs a kernel function to trace says so
try "$verdict" replay --object xdpdump_bpf.o "$captures/dns.pcapng"
expect_exit 3
expect_output 'xdpdump_bpf\.o: cannot load it'

rm -rf "$dir"
