# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Assertions for tests of commands. Sourced; the script ends with `finish`.
#
#   try verdict run nowhere       runs it; what follows speaks of it
#   expect_exit 2                 its exit code
#   expect_output 'no such'       a line of its output (both streams) matches the regex
#   expect_no_output 'Traceback'  none does
# or in one: expect_exit 2 verdict run nowhere

tried=
status=0
passed=0
failed=0
output=$(mktemp)

# Without input, and never for longer than a minute.
try() {
	tried=$*
	status=0
	timeout -k 5 60 "$@" >"$output" 2>&1 </dev/null || status=$?
}

say() {
	if [ "$1" = 0 ]; then
		passed=$((passed + 1))
		echo "ok $2"
	else
		failed=$((failed + 1))
		echo "not ok $2"
		echo "    exit code $status, output:"
		head -n 30 "$output" | sed 's/^/    | /'
	fi
}

expect_exit() {
	local code=$1
	shift
	[ $# = 0 ] || try "$@"
	say "$([ "$status" = "$code" ]; echo $?)" "$tried: exit code $code"
}

expect_output() {
	say "$(grep -qE -- "$1" "$output"; echo $?)" "$tried: says '$1'"
}

expect_no_output() {
	say "$(! grep -qE -- "$1" "$output"; echo $?)" "$tried: does not say '$1'"
}

# expect_true TEXT COMMAND...: anything else that must hold.
expect_true() {
	local text=$1
	shift
	say "$("$@" >/dev/null 2>&1; echo $?)" "$text"
}

finish() {
	rm -f "$output"
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
	exit
}
