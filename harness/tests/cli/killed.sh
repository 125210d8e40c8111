# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# SIGKILL in mid-run leaves nothing behind, and the next run works. Sourced by cli.sh.
# shellcheck disable=SC2154,SC2034

# Everything a run could leave: its processes, named namespaces, pins. Empty when clean.
left_behind() {
	pgrep -f "^($verdict|/proc/self/exe) (run|agent)"
	ip netns list | grep '^verdict-'
	find /sys/fs/bpf -mindepth 1 -name 'run-*' 2>/dev/null
}

gone() {
	for _ in $(seq 50); do
		[ -n "$(left_behind)" ] || return 0
		sleep 0.1
	done
	left_behind
	return 1
}

# kill_during ENGINE SECONDS: starts a run of everything, kills it after that time.
kill_during() {
	local pid
	"$verdict" run --engine "$1" --out "$killed_out" >/dev/null 2>&1 </dev/null &
	pid=$!
	sleep "$2"
	expect_true "a run on $1 is under way after $2 s" kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	expect_true "SIGKILL after $2 s on $1 leaves no process, namespace or pin" gone
}

killed_out=$(mktemp -d)
kill_during testrun 0.15
kill_during testrun 0.6
kill_during netns 0.3
kill_during netns 1
expect_exit 0 "$verdict" run etcd-restart-mid-flow --out "$killed_out"
expect_output '^2 passed, 0 failed$'
rm -rf "$killed_out"

# An orderly end by a signal: what ran is reported
"$verdict" run --engine testrun --out "$killed_out" >"$output" 2>&1 </dev/null &
pid=$!
sleep 0.5
kill -TERM "$pid"
wait "$pid"
status=$?
tried="verdict run ended by SIGTERM"
expect_exit 143
expect_output '^[0-9]+ passed, [0-9]+ failed'
expect_true 'SIGTERM leaves no process, namespace or pin' gone
rm -rf "$killed_out"
