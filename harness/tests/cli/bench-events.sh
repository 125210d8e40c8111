# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What events cost: how many the etcd capture makes at one node, which does not depend on the machine, and a bound
# on what they cost there that only a gross fault exceeds. Sourced by cli.sh.
# shellcheck disable=SC2154

# Of test_events_levels.c's count what the API server's node tells: medium the 6 news among what it sends, and a
# policy verdict. All: of 23 packets that leave one event, of 16 that come two (as they come, as the host gets them),
# and the verdict.
expect_exit 0 "$verdict" bench --only events
expect_output '^events off +0 '
expect_output '^aggregation medium +7 '
expect_output '^aggregation none +56 '
expect_output 'quartiles .*; 0 events lost$'

# 3 to 4 percent, says the measurement; an event that wakes its reader at once makes it 20 and more.
medium_over_off() {
	sed -n 's/^medium over off, a packet: \(-\{0,1\}[0-9.]*\) %.*/\1/p' "$output"
}
expect_true "medium costs at most 10 % over events off ($(medium_over_off))" \
	awk -v is="$(medium_over_off)" 'BEGIN { exit !(is != "" && is <= 10) }'
