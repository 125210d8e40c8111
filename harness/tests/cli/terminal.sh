# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What stands on a terminal of 80 columns. Sourced by cli.sh.
# shellcheck disable=SC2154,SC2034

# on_terminal COMMAND...: runs it on a terminal of 80 columns and 40 lines; output as shown, without colour.
on_terminal() {
	tried="$* on a terminal of 80 columns"
	status=0
	TERM=xterm NO_COLOR=1 timeout 60 script -qec "stty cols 80 rows 40; $*" /dev/null \
		</dev/null 2>&1 | sed 's/\r$//; s/.*\r\x1b\[K//' >"$output"
	status=${PIPESTATUS[0]}
}

fits() {
	! grep -qE '^.{81}' "$output"
}

if command -v script >/dev/null; then
	on_terminal "$verdict" list
	expect_exit 0
	expect_true 'list fits a terminal of 80 columns' fits
	expect_output '^etcd-restart-mid-flow +Replies from etcd still'
	expect_output '^ +firewall$'
	on_terminal "$verdict" doctor
	expect_true 'doctor fits a terminal of 80 columns' fits
	expect_output '^engine testrun: '
	wrong=$(mktemp -d)
	cat >"$wrong/scenario.yaml" <<END
cluster: $PWD/fixtures/clusters/two-masters
steps:
  - send: {capture: $PWD/fixtures/captures/etcd.pcapng}
    expect: {outcome: dropped, at: master-0/eth0, events: {drop: 1}}
END
	on_terminal "$verdict" run "$wrong" --engine testrun --out "$wrong"
	expect_exit 1
	expect_true 'a failure fits a terminal of 80 columns' fits
	expect_output '^    .*expected dropped'
	sed -i 's/drop: 1/drop: 1, drop: 2, and: 3, a: 4, line: 5, that: 6, is: 7, too: 8, long: 9/' "$wrong/scenario.yaml"
	on_terminal "$verdict" run "$wrong" --engine testrun --out "$wrong"
	expect_exit 2
	expect_output '^ +4 \|     expect: .*too: 8, long: 9'
	cat >"$wrong/scenario.yaml" <<END
cluster: $PWD/fixtures/clusters/two-nodes
engines: [testrun]
steps:
  - tcp: {from: client, to: "svc/default/empty:80", do: [syn]}
    expect:
      explain: |
        ...
        |  looks up   cilium_lb4_services_v2 {address: 10.96.0.31, dport: 81, proto: 6}: {rev_nat_index: 1}
        ...
END
	on_terminal "$verdict" run "$wrong" --out "$wrong"
	expect_exit 1
	expect_true "a diff of trees fits a terminal of 80 columns" fits
	expect_output '^      \|  looks up   cilium_ct4_global'
	rm -rf "$wrong"

	on_terminal "$verdict" explain pod-to-cluster-ip --step 4
	expect_exit 0
	expect_true "a packet's tree fits a terminal of 80 columns" fits
	expect_output '^\|  looks up   cilium_lb4_services_v2 .* proto: 6\}:$'
	expect_output '^\|      \{rev_nat_index: 1\}$'
	on_terminal "$verdict" cluster show fixtures/clusters/two-nodes
	expect_exit 0
	expect_true 'the tables of a cluster fit a terminal of 80 columns' fits
	expect_output '^  default/web-lb:http +TCP +10.96.0.26:80$'
	expect_output '^      10.0.1.30:8080 +2 source ranges allowed$'
	on_terminal "$verdict" run --engine testrun -k etcd-restart-mid --jobs 1
	expect_exit 0
	expect_true 'a result and the totals fit a terminal of 80 columns' fits
fi
# a pipe gets the whole table, a line a scenario
expect_exit 0 "$verdict" list
expect_output '^NAME +ENGINES +SUMMARY +ORIGIN$'
expect_output '^etcd-restart-mid-flow +testrun,netns +Replies .* firewall +cilium/cilium#19367$'
expect_true 'list prints a line a scenario into a pipe' \
	[ "$(wc -l <"$output")" = "$(($(find scenarios -name scenario.yaml | wc -l) + 1))" ]

# what is missing comes first, with what to do; the rest works or the exit code says so
nft=$(command -v nft)
expect_exit 3 unshare -m sh -c "mount --bind /dev/null '$nft' && '$verdict' doctor"
expect_output '^  ! nft missing \(not in PATH\)$'
expect_output '^      fix: .*nftables'
expect_output '^engine netns: its scenarios will be skipped'
expect_true 'doctor names what is missing before what works' \
	[ "$(grep -n '! nft missing' "$output" | cut -d: -f1)" -lt "$(grep -n '^Works' "$output" | cut -d: -f1)" ]
