#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The command line as its users meet it: exit codes, messages, bad input.
set -uo pipefail

cd "$(dirname "$0")/../.." || exit 3
export PATH=$PATH:/usr/sbin:/sbin # of the tests; cli/bare.sh tries the program without
. harness/tests/assert.sh
verdict=${BUILD:-build}/verdict

expect_exit 0 "$verdict" --version
expect_output "^verdict $(cat VERSION)\$"
expect_exit 0 "$verdict" help
expect_output '^ +run '
expect_output '^ +doctor '
expect_exit 0 "$verdict" run --help
expect_output '--engine'
expect_exit 2 "$verdict"
expect_exit 2 "$verdict" rnu
expect_output 'run'
expect_exit 2 "$verdict" run --no-such-option
expect_exit 2 "$verdict" run /no/such/scenario
expect_output '/no/such/scenario'
expect_exit 0 "$verdict" list

# spent: the seconds of processor time so far, to $spent. Not in a pipe: each process of one has times of its own.
spent() {
	times >"$output"
	spent=$(awk -F '[ms ]+' '{ s += $1 * 60 + $2 + $3 * 60 + $4 } END { printf "%.1f", s }' "$output")
}

for cases in harness/tests/cli/*.sh; do
	spent
	began=$spent
	# shellcheck source=/dev/null
	. "$cases"
	spent
	echo "# ${cases##*/}: CPU $(awk "BEGIN { print $spent - $began }") s"
done

finish
