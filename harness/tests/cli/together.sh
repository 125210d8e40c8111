# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash disable=SC2154,SC2046
# The runner of tests that share a process (harness/tests/together.h): whatever becomes of a test, it is told, and
# the next ones run.

together=$(mktemp -d)
cat >"$together/sample.c" <<'END'
#include "together.h"
#include <signal.h>
static int runs;
static void tell(void) { fprintf(stderr, "torn down\n"); }
TestSuite(s, .fini = tell);
Test(s, first) { cr_assert_eq(++runs, 1); }
Test(s, second) { cr_assert_eq(++runs, 2, "another process"); }
Test(s, expects) { cr_expect(0, "one"); cr_expect_eq(1, 2, "two"); cr_assert(0, "three"); cr_expect(0, "four"); }
Test(s, anew) { cr_assert_eq(++runs, 1, "the process of one that failed"); }
Test(s, skips) { cr_skip_test("it needs %s", "a thing"); }
Test(s, crashes) { raise(SIGSEGV); }
Test(s, hangs, .timeout = 1) { pause(); }
Test(s, ends) { exit(0); }
Test(other, last) { cr_assert_eq(++runs, 1); }
END
expect_exit 0 gcc -D_GNU_SOURCE -Wall -Wextra -Werror -Iharness/tests -o "$together/sample" "$together/sample.c" \
	$(pkg-config --cflags --libs criterion)
expect_exit 1 "$together/sample" --tap="$together/sample.tap"
expect_output 'Tested: 8 \| Passing: 4 \| Failing: 4 \| Crashing: 3'
expect_output '^\[----\]   one$'
expect_output '^\[----\]   two$'
expect_output '^\[----\]   three$'
expect_no_output 'four'
expect_output '^\[FAIL\] s::expects'
expect_output 'CRASH! Signal 11'
expect_output 'Timed out'
expect_output 'Ended the process with 0'
expect_output '^torn down$'
expect_exit 0 grep -cE '^ok - (s::first|s::second|s::anew|other::last) ' "$together/sample.tap"
expect_output '^4$'
expect_exit 0 grep -cE '^not ok - (s::expects|s::crashes|s::hangs|s::ends) ' "$together/sample.tap"
expect_output '^4$'
expect_exit 0 grep -F 'ok - s::skips  # SKIP it needs a thing' "$together/sample.tap"
expect_exit 0 "$together/sample" --filter='s/first'
expect_output 'Tested: 1 \|'
expect_exit 1 "$together/sample" --filter='s/second'
expect_exit 0 "$together/sample" --filter='other/*'
expect_exit 1 "$together/sample" --alone --filter='s/[fs]*'
expect_output 'another process'
rm -rf "$together"
