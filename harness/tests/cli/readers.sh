# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Who reads what is printed: a pipe that ends early, a disk that is full, a terminal that obeys what is quoted,
# somebody who knows half a name. Sourced by cli.sh.
# shellcheck disable=SC2154,SC2034,SC2016

read_dir=$(mktemp -d)
etcd_all=$PWD/fixtures/captures/etcd.pcapng

# piped_to READER COMMAND...: standard error to $output; the command's exit code to $status.
piped_to() {
	local reader=$1
	shift
	tried="$* | $reader"
	timeout 60 "$@" 2>"$output" </dev/null | $reader >/dev/null
	status=${PIPESTATUS[0]}
}

# a reader that has seen enough is no news, however much was to come
for command in 'help scenario' 'explain pod-to-cluster-ip --all'; do
	# shellcheck disable=SC2086
	piped_to 'head -n 1' "$verdict" $command
	expect_no_output .
done
piped_to 'head -n 1' "$verdict" run --engine testrun --jobs 1 --out "$read_dir/out" -k 'etcd-*'
expect_exit 141
expect_no_output .
expect_true 'a run that nobody reads ends early' \
	[ "$(find "$read_dir/out" -name '*.pcapng' | wc -l)" -le 3 ]

# a full disk is told once, with its reason, and is no success
try bash -c '"$1" help scenario >/dev/full' _ "$verdict"
expect_exit 3
expect_output '^verdict: cannot write to standard output: No space left on device$'
try bash -c '"$1" run --engine testrun --jobs 1 --out "$2" -k etcd-restart >/dev/full' _ "$verdict" "$read_dir/out"
expect_exit 3
expect_true 'a run says once that its report cannot be written' [ "$(wc -l <"$output")" = 1 ]
expect_output 'cannot write the report: No space left on device$'
try unshare -m bash -c 'mount -t tmpfs -o size=64k none "$2" &&
	"$1" run --engine testrun --out "$3" --json "$2/all.json" etcd-restart-mid-flow; echo "exit $?"; ls "$2"' \
	_ "$verdict" "$read_dir" "$(dirname "$read_dir")/out-$$"
expect_output '^exit 3$'
expect_output 'cannot write .*/all.json: No space left on device$'
expect_no_output '\.tmp'
rm -rf "$(dirname "$read_dir")/out-$$"

# where no capture can be written no scenario is run
expect_exit 3 "$verdict" run --engine testrun --out "$etcd_all" etcd-restart-mid-flow
expect_output "cannot write captures into .*/etcd.pcapng: Not a directory$"
expect_output '^  --out DIR names another folder$'
expect_no_output 'passed'

# two scenarios of one name: the second would be written over the first
for folder in one two; do
	mkdir -p "$read_dir/$folder"
	cat >"$read_dir/$folder/scenario.yaml" <<END
name: same
summary: "says \x1b[31m more than letters"
cluster: $PWD/fixtures/clusters/two-masters
engines: [testrun]
steps:
  - send: {capture: $etcd_all, packets: 1}
    expect: {outcome: delivered}
END
done
expect_exit 2 "$verdict" run "$read_dir/one" "$read_dir/two" --out "$read_dir/out"
expect_output "two/scenario.yaml: the name same is already that of .*one/scenario.yaml$"
expect_output '^1 passed, 1 failed$'
expect_exit 0 "$verdict" run "$read_dir/one" "$read_dir/../${read_dir##*/}/one" --out "$read_dir/out"
expect_output '^1 passed, 0 failed$'
expect_exit 0 "$verdict" list "$read_dir/one"
expect_no_output $'\x1b'
mkdir "$read_dir/"$'\xff'
sed '/^name/d' "$read_dir/one/scenario.yaml" >"$read_dir/"$'\xff/scenario.yaml'
expect_exit 0 "$verdict" list --json "$read_dir/"$'\xff'
expect_output $'"name": "\xef\xbf\xbd"'
rm -r "$read_dir/"$'\xff'
try "$verdict" $'li\x1b[31mst'
expect_exit 2
expect_no_output $'\x1b'

# what breaks every scenario is told with the first one, by name
sed 's/same/other/' "$read_dir/one/scenario.yaml" >"$read_dir/two/scenario.yaml"
expect_exit 2 "$verdict" run "$read_dir/one" "$read_dir/two" --objects "$read_dir" --jobs 1 --out "$read_dir/out"
expect_output '^the same error as in same \(testrun\)$'

# half a name, and slips of the pen
expect_exit 2 "$verdict" run etcd-restrt
expect_output 'begin with etcd-restart: `verdict list -k etcd-restart`$'
try bash -c 'cd "$2" && "$1" run etcd-restart-mid-flow' _ "$PWD/$verdict" "$read_dir"
expect_exit 2
expect_output 'neither a path nor a folder of scenarios/, for there is none here$'
expect_exit 2 "$verdict" explain host-frewall
expect_output 'did you mean host-firewall\?$'
expect_exit 2 "$verdict" help scenaro
expect_output 'did you mean scenario\?$'
expect_exit 2 "$verdict" --versio
expect_output 'unknown option --versio; did you mean --version\?$'
expect_exit 2 "$verdict" maps dmp
expect_output 'it is `verdict maps dump MAP'
expect_exit 2 "$verdict" explain
expect_output 'it takes one scenario, and got 0$'

# maps that cannot be opened: what to do
expect_exit 2 "$verdict" maps dump README.md
expect_output 'README.md: no pin of a map, nor a folder of them$'
expect_exit 2 "$verdict" maps load --into "$read_dir/nowhere" fixtures/maps/xdp-filter/dns-answers.yaml
expect_output 'nowhere: No such file or directory$'
expect_output '^  --into names the folder of the pins, or one pin$'
chmod 755 "$read_dir"
try unshare -m bash -c 'mkdir "$2/fs" && mount -t bpf -o mode=755 none "$2/fs" &&
	bpftool map create "$2/fs/m" type hash key 4 value 4 entries 1 name m &&
	setpriv --reuid=65534 --clear-groups --inh-caps=+dac_read_search --ambient-caps=+dac_read_search \
		"$1" maps dump "$2/fs"' _ "$verdict" "$read_dir"
expect_exit 3
expect_output 'fs: opening what is pinned there: Operation not permitted$'
expect_output '^  run as root'

expect_exit 2 "$verdict" replay --target verdict --hook native/ingres "$etcd_all"
expect_output "native/ingres: unknown hook 'ingres'; did you mean ingress\?$"

# captures from which nothing runs: why
printf '\xd4\xc3\xb2\xa1\2\0\4\0\0\0\0\0\0\0\0\0\xff\xff\0\0\1\0\0\0' >"$read_dir/none.pcap"
if "$verdict" inspect --no-load xdpfilt_alw_udp.o >/dev/null 2>&1; then
	expect_exit 4 "$verdict" replay --object xdpfilt_alw_udp.o "$read_dir/none.pcap"
	expect_output 'nothing ran: .*/none.pcap holds no packet$'
	expect_exit 2 "$verdict" record -o "$read_dir/recorded" --object xdpfilt_dny_udp.o "$read_dir/none.pcap"
	expect_output '^verdict: [^ ]*/none.pcap holds no packet$'
	head -c 1000 "$etcd_all" >"$read_dir/cut.pcapng"
	expect_exit 2 "$verdict" record -o "$read_dir/recorded" --object xdpfilt_dny_udp.o "$read_dir/cut.pcapng"
	expect_output '^verdict: [^ ]*/cut.pcapng: packet 8 '
	expect_true 'record leaves nothing of what it could not read' [ ! -e "$read_dir/recorded" ]
	try bash -c '"$1" replay --quiet --object xdpfilt_alw_udp.o - <"$2"' _ "$verdict" "$etcd_all"
	expect_exit 0
	expect_output '^39 packets: '
	expect_exit 4 "$verdict" replay --object xdpfilt_alw_udp.o --packets 900- "$etcd_all"
	expect_output 'nothing ran: of the 39 packets of .* none is meant by --packets and --interface$'
fi
rm -rf "$read_dir"
