# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# `verdict record`, unreviewed scenarios, `verdict run --bless`. Sourced by cli.sh.
# shellcheck disable=SC2154,SC2016

rec=$(mktemp -d)
capture=fixtures/captures/dns.pcapng
object=xdpfilt_dny_udp.o
cat >"$rec/port53.yaml" <<'END'
maps:
  filter_ports:
    entries:
      - {key: 13568, value: 10}
END
compgen -G "/usr/lib*/bpf/$object" >/dev/null || compgen -G "/usr/lib/*/bpf/$object" >/dev/null ||
	object=

# same FILE FILE: byte for byte
same() { cmp -s "$1" "$2"; }
without() { grep -v "$1" "$2"; }

if [ -z "$object" ]; then
	echo "skip verdict record with an object of libxdp1: the package is not installed"
else
	expect_exit 0 "$verdict" record --object $object --maps "$rec/port53.yaml" --ifindex 3 \
		--packets 2-4 -o "$rec/dns" $capture
	expect_output "^$rec/dns: 3 packets recorded"
	expect_output "^  verdict run --bless $rec/dns$"
	expect_true 'the capture is copied whole' same "$rec/dns/capture.pcapng" $capture
	expect_true 'so are the maps' same "$rec/dns/maps.yaml" "$rec/port53.yaml"
	expect_true 'nothing else is in the folder' [ "$(find "$rec/dns" -type f | wc -l)" = 3 ]
	expect_true 'nothing else is beside it' [ "$(find "$rec" -mindepth 1 -maxdepth 1 | wc -l)" = 2 ]
	try cat "$rec/dns/scenario.yaml"
	expect_output '^# Recorded by .*dns\.pcapng'
	expect_output '^name: dns$'
	expect_output '^unreviewed: true'
	expect_output '^target: \{object: xdpfilt_dny_udp\.o, sha256: "?[0-9a-f]{64}"?\}$'
	expect_output '^maps: \[maps\.yaml\]$'
	expect_output 'capture: capture\.pcapng, packets: "2-4", hook: xdp, ifindex: 3'
	expect_output '^      - packets: 2,4$'
	expect_output '^        verdict: XDP_DROP$'
	expect_output '^              - \{key: 1, value: \{packets: 2, bytes: 185\}\}$'
	# the sum of a number over all CPUs depends on how many there are
	expect_output '^              - \{key: 13568\}$'

	# what was recorded is no pass, in no report
	cp "$rec/dns/scenario.yaml" "$rec/as-recorded.yaml"
	expect_exit 1 "$verdict" run "$rec/dns" --out "$rec/out" --junit "$rec/j.xml" --json "$rec/j.json"
	expect_output '^new   dns '
	expect_output "then .verdict run --bless $rec/dns"
	expect_output '^0 passed, 0 failed, 1 unreviewed$'
	expect_true 'JUnit counts it as a failure' grep -q 'failures="1" errors="0" skipped="0"' "$rec/j.xml"
	expect_true 'and says of which kind' grep -q '<failure type="unreviewed"' "$rec/j.xml"
	expect_true 'JSON has a status for it' grep -q '"status": "unreviewed"' "$rec/j.json"
	expect_true 'and a count' grep -q '"unreviewed": 1' "$rec/j.json"
	expect_exit 1 "$verdict" run --tap "$rec/dns" --out "$rec/out"
	expect_output '^not ok 1 - dns \(testrun\)$'
	expect_output '^  severity: unreviewed$'

	# --bless is for what somebody has named
	expect_exit 2 "$verdict" run --bless
	expect_output 'needs the names of the scenarios'
	expect_exit 2 "$verdict" run --bless --tap "$rec/dns"
	cp -r "$rec/dns" "$rec/dns2"
	expect_exit 2 "$verdict" run --bless "$rec"
	expect_output 'takes scenarios one by one'
	expect_true 'no scenario of the folder is blessed' \
		[ "$(grep -l '^unreviewed: true' "$rec"/*/scenario.yaml | wc -l)" = 2 ]
	rm -r "$rec/dns2"

	# what does not hold is not blessed, and nothing is written
	sed 's/verdict: XDP_PASS/verdict: XDP_TX/' "$rec/as-recorded.yaml" >"$rec/dns/scenario.yaml"
	cp "$rec/dns/scenario.yaml" "$rec/wrong.yaml"
	expect_exit 1 "$verdict" run --bless "$rec/dns" --out "$rec/out"
	expect_output 'packet 3 .*: verdict: expected XDP_TX, actual XDP_PASS'
	expect_output '^not blessed: dns: '
	expect_output '^0 passed, 1 failed$'
	expect_true 'the file is as it was' same "$rec/dns/scenario.yaml" "$rec/wrong.yaml"

	# the line goes, and nothing else does: not the last line's missing newline, not the mode
	printf '%s' "$(cat "$rec/as-recorded.yaml")" >"$rec/dns/scenario.yaml"
	chmod 640 "$rec/dns/scenario.yaml"
	expect_exit 0 "$verdict" run --bless "$rec/dns" --out "$rec/out"
	expect_output '^blessed: dns: '
	expect_output "scenario\.yaml:[0-9]+: step 1: \{packets: 2,4, outcome: dropped, verdict: XDP_DROP\}"
	expect_output '^1 passed, 0 failed$'
	without '^unreviewed' "$rec/as-recorded.yaml" | head -c -1 >"$rec/blessed.yaml"
	expect_true 'the file has lost that line alone' same "$rec/dns/scenario.yaml" "$rec/blessed.yaml"
	expect_true 'and kept its mode' [ "$(stat -c %a "$rec/dns/scenario.yaml")" = 640 ]
	expect_exit 0 "$verdict" run "$rec/dns" --out "$rec/out"
	expect_output '^ok    dns '
	expect_exit 0 "$verdict" run --bless "$rec/dns" --out "$rec/out"
	expect_no_output '^blessed'
	expect_output '^nothing to bless: dns is not marked'

	# a mark that shares its line stays where it is
	sed '/^unreviewed/d; s/^name: dns$/{name: dns, unreviewed: true,/; s/^steps:.*/steps: [{send: {capture: capture.pcapng}, expect: {program: xdpfilt_dny_udp}}]}/; s/^summary: .*/summary: x,/; /^maps:/d; s/^target: .*/target: {object: xdpfilt_dny_udp.o},/' \
		"$rec/as-recorded.yaml" | sed '/^steps/q' >"$rec/dns/scenario.yaml"
	expect_exit 2 "$verdict" run --bless "$rec/dns" --out "$rec/out"
	expect_output 'scenario\.yaml:2:.*not blessed: more than'

	# an object that has changed since is run, and said to have changed
	sed 's/sha256: "*[0-9a-f]*"*/sha256: "000000000000"/; /^unreviewed/d' "$rec/as-recorded.yaml" \
		>"$rec/dns/scenario.yaml"
	expect_exit 0 "$verdict" run "$rec/dns" --out "$rec/out"
	expect_output 'note: .*xdpfilt_dny_udp\.o is another object than the one'

	# no folder is written over, but one that is empty is taken
	expect_exit 2 "$verdict" record --object $object -o "$rec/dns" $capture
	expect_output "$rec/dns is there already and not empty"
	mkdir "$rec/empty"
	expect_exit 0 env SUDO_UID=12345 SUDO_GID=12346 \
		"$verdict" record --object $object -o "$rec/empty/" $capture
	expect_true 'what sudo wrote belongs to the caller' \
		[ "$(stat -c %u:%g "$rec/empty" "$rec/empty/"* | sort -u)" = 12345:12346 ]
	expect_exit 1 "$verdict" run "$rec/empty" --out "$rec/out"
	expect_output '^0 passed, 0 failed, 1 unreviewed$'

	# a packet that was also captured where it left a program is sent once
	expect_exit 0 "$verdict" replay --object $object --quiet -o "$rec/twice.pcapng" $capture
	expect_exit 0 "$verdict" record --object $object -o "$rec/twice" "$rec/twice.pcapng"
	expect_output ': 4 packets recorded'
	expect_true 'by the number of its entry' grep -q 'packets: "1,3,5,7"' "$rec/twice/scenario.yaml"

	# classic pcap stays classic
	tcpdump_magic='\xd4\xc3\xb2\xa1\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x04\x00\x01\x00\x00\x00'
	# shellcheck disable=SC2059
	{
		printf "$tcpdump_magic"
		printf '\x01\x00\x00\x00\x02\x00\x00\x00\x40\x00\x00\x00\x40\x00\x00\x00'
		head -c 64 /dev/zero
	} >"$rec/zeros.pcap"
	expect_exit 0 "$verdict" record --object $object -o "$rec/zeros" "$rec/zeros.pcap"
	expect_true 'a classic capture is copied as it is' same "$rec/zeros/capture.pcap" "$rec/zeros.pcap"
fi

# Cilium's objects, by a target file
if [ -z "${VERDICT_CILIUM_OBJECTS:-}" ]; then
	echo "skip recording Cilium's objects: VERDICT_CILIUM_OBJECTS names no folder of them"
else
	maps=fixtures/maps/cilium-1.19
	expect_exit 0 "$verdict" record --target cilium-1.19-two-pods --hook server/ingress --packets 2 \
		--ip $maps/node.ip --maps $maps/node.yaml --maps $maps/policies.yaml \
		-o "$rec/cilium" fixtures/captures/etcd-inbound.pcapng
	expect_true 'every file that was given is there' \
		[ "$(find "$rec/cilium" -type f | wc -l)" = 5 ]
	try cat "$rec/cilium/scenario.yaml"
	expect_output '^target: \{file: cilium-1\.19-two-pods, ip: node\.ip\}$'
	expect_output '^maps: \[node\.yaml, policies\.yaml\]$'
	expect_output '^        drop_reason: POLICY$'
	expect_output '^      - events: \{.*drop/POLICY: 1'
	expect_exit 0 "$verdict" run --bless "$rec/cilium" --out "$rec/out"
	expect_output '^1 passed, 0 failed$'
	expect_exit 4 env -u VERDICT_CILIUM_OBJECTS "$verdict" run "$rec/cilium" --out "$rec/out"
	expect_output 'VERDICT_CILIUM_OBJECTS is not set'
fi

# A scenario of a cluster: all its engines have to agree, and one that could not run says nothing.
mkdir "$rec/both"
sed "s|^name: .*|name: both|; s|capture: |capture: $PWD/fixtures/captures/|; s|^cluster: |cluster: $PWD/|" \
	scenarios/ping-restart-mid-flow/scenario.yaml >"$rec/reviewed.yaml"
sed '/^name: /a unreviewed: true' "$rec/reviewed.yaml" >"$rec/both/scenario.yaml"
expect_exit 1 "$verdict" run "$rec/both" --out "$rec/out"
expect_output '^0 passed, 0 failed, 2 unreviewed$'
cp "$rec/both/scenario.yaml" "$rec/unreviewed.yaml"
expect_exit 1 unshare --mount --propagation private sh -c \
	'mount --bind /dev/null "$(command -v nft)" && exec "$0" "$@"' \
	"$verdict" run --bless "$rec/both" --out "$rec/out"
expect_output '^1 passed, 0 failed, 1 skipped$'
expect_output '^not blessed: both: '
expect_true 'what ran on one of two engines keeps its mark' same "$rec/both/scenario.yaml" "$rec/unreviewed.yaml"
expect_exit 0 "$verdict" run --bless "$rec/both" --out "$rec/out"
expect_output '^blessed: both: '
expect_output '^2 passed, 0 failed$'
expect_true 'what held on both has lost it' same "$rec/both/scenario.yaml" "$rec/reviewed.yaml"

# what is missing or wrong is said, and leaves nothing
expect_exit 2 "$verdict" record --object xdpfilt_dny_udp.o $capture
expect_output '-o DIR is missing'
expect_exit 2 "$verdict" record -o "$rec/none"
expect_output 'no capture given'
expect_exit 2 "$verdict" record -o "$rec/a b" --object build/bpf/bpf_host.o --program cil_from_netdev $capture
expect_output "the folder's name becomes the scenario's"
expect_exit 2 "$verdict" record -o "$rec/none" --object build/bpf/bpf_host.o --program cil_from_netdev \
	--packets 99 $capture
expect_output 'of the 4 packets of .* none is meant by --packets and --interface$'
expect_exit 2 "$verdict" record -o "$rec/none" --object build/bpf/bpf_host.o --program cil_from_netdev \
	"$rec/port53.yaml"
expect_true 'nothing is left of what was not recorded' [ ! -e "$rec/none" ]
expect_true 'nor beside it' [ -z "$(find "$rec" -name '*.tmp')" ]

# an object that this machine lacks: skipped, with what to do
mkdir "$rec/lacks"
cat >"$rec/lacks/scenario.yaml" <<END
target: {object: \$VERDICT_NO_SUCH_VARIABLE/x.o}
steps:
  - send: {capture: $PWD/$capture}
    expect: {outcome: dropped}
END
expect_exit 4 "$verdict" run "$rec/lacks" --out "$rec/out"
expect_output 'the variable VERDICT_NO_SUCH_VARIABLE is not set'
expect_output '^0 passed, 0 failed, 1 skipped$'
sed -i 's/object: .*}/object: xdpfilt_none.o}/' "$rec/lacks/scenario.yaml"
expect_exit 4 "$verdict" run "$rec/lacks" --out "$rec/out"
expect_output 'xdpfilt_none\.o is not installed: it comes with the package libxdp1'

rm -rf "$rec"
