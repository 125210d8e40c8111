# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Scenarios in processes side by side: the same reports as from one, and what dies takes nothing with it.
# Sourced by cli.sh.
# shellcheck disable=SC2154,SC2034

jobs_dir=$(mktemp -d)
jobs_set=(xdp-filter-udp host-policy-closed-port host-policy-etcd-port "$jobs_dir/wrong" "$jobs_dir/unreadable")
mkdir "$jobs_dir/wrong" "$jobs_dir/unreadable"
cat >"$jobs_dir/wrong/scenario.yaml" <<END
cluster: $PWD/fixtures/clusters/two-masters
steps:
  - send: {capture: $PWD/fixtures/captures/etcd.pcapng, packets: 1-4}
    expect: {outcome: dropped, events: {drop: 1}}
END
echo 'steps: nonsense' >"$jobs_dir/unreadable/scenario.yaml"

# without_times FILE...: times, and where pcapng files lie.
without_times() {
	sed -E 's/: [0-9.]+ m?s of loading.*//; s/ [0-9.]+ m?s\b/ T/; s/"(duration|loading|running)_ns": [0-9]+/"\1_ns": T/
		s/"started": "[^"]*"/"started": T/; s/time(stamp)?="[^"]*"/time\1=T/g; s|/by-[0-9]/|/|g' "$@"
}

# reports_by N: every kind of report of the set, by N processes. What netns says of maps has real times in it.
reports_by() {
	local to=$jobs_dir/by-$1
	mkdir -p "$to"
	expect_exit 2 "$verdict" run "${jobs_set[@]}" --jobs "$1" --seed 7 --out "$to/netns" --junit "$to/junit"
	without_times "$output" >"$to/text"
	expect_exit 2 "$verdict" run "${jobs_set[@]}" --jobs "$1" --seed 7 --engine testrun --tap --out "$to/testrun" \
		--json "$to/json"
	without_times "$output" >"$to/tap"
	for report in json junit; do
		without_times "$to/$report" >"$to/$report.same"
		rm "$to/$report"
	done
	rm -r "$to/netns" # and packets of netns have real times
}

# workers_of PID COUNT: waits for them, and prints their pids.
workers_of() {
	for _ in $(seq 100); do
		[ "$(pgrep -c -P "$1")" -ge "$2" ] && break
		sleep 0.05
	done
	pgrep -P "$1"
}

all_ended() {
	local pid
	for pid in "$@"; do
		for _ in $(seq 100); do
			[ -e "/proc/$pid" ] || continue 2
			sleep 0.05
		done
		return 1
	done
}

ran_in_background() {
	wait "$pid" 2>/dev/null
	status=$?
}

expect_exit 2 "$verdict" run --jobs 0
expect_output "bad value '0' for --jobs"
expect_exit 2 "$verdict" run --jobs two

reports_by 1
reports_by 3
expect_true 'reports of three processes are those of one, but for times' \
	diff -r "$jobs_dir/by-1" "$jobs_dir/by-3"
expect_true 'they are about something' grep -q 'FAIL *wrong *netns' "$jobs_dir/by-3/text"

# A worker dies: its scenario is named, all others run.
"$verdict" run host-policy-closed-port host-policy-etcd-port etcd-restart-mid-flow xdp-filter-udp --jobs 2 \
	--out "$jobs_dir/out" >"$output" 2>&1 </dev/null &
pid=$!
mapfile -t workers < <(workers_of "$pid" 2)
expect_true 'two workers are there' [ "${#workers[@]}" = 2 ]
kill -KILL "${workers[0]}"
ran_in_background
tried='verdict run --jobs 2, of which one is killed'
expect_exit 3
expect_output '^the process that ran [a-z-]+ \((testrun|netns)\) was killed by signal 9 '
expect_output '^6 passed, 1 failed$'

# The parent dies: so do they.
"$verdict" run --engine testrun --jobs 2 --out "$jobs_dir/out" >"$output" 2>&1 </dev/null &
pid=$!
mapfile -t workers < <(workers_of "$pid" 2)
kill -KILL "$pid"
ran_in_background
expect_true 'workers do not outlive their parent' all_ended "${workers[@]}"

# One signal ends the run after the present scenarios, with a report; the second ends it at once.
"$verdict" run --engine testrun --jobs 2 --out "$jobs_dir/out" >"$output" 2>&1 </dev/null &
pid=$!
mapfile -t workers < <(workers_of "$pid" 2)
kill -TERM "$pid"
ran_in_background
tried='verdict run --jobs 2 ended by SIGTERM'
expect_exit 143
expect_output '^[0-9]+ passed, 0 failed'
expect_output 'stopped by Terminated'
expect_true 'no worker is left' all_ended "${workers[@]}"

# What is loaded stays: after it packets are cheap.
expect_exit 0 "$verdict" run host-policy-closed-port host-policy-etcd-port --engine testrun --jobs 1 \
	--json "$jobs_dir/json" --out "$jobs_dir/out"
expect_output ' of loading, [0-9.]+ m?s of packets$'
running_ns=$(sed -n 's/^ *"running_ns": \([0-9]*\),*$/\1/p' "$jobs_dir/json")
expect_true "21 packets take under 2 s once all is loaded ($running_ns ns)" [ "$running_ns" -lt 2000000000 ]
rm -rf "$jobs_dir"
