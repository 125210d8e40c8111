#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# `make test`: every stage in turn, one line each; then all failures again; then the totals.
# What takes only processor time (lint, guests, the build for the sanitizers) runs beside the rest.
set -uo pipefail

cd "$(dirname "$0")/../.." || exit 3
export LC_ALL=C BUILD=${BUILD:-build}
logs=$BUILD/test-logs

usage() {
	cat <<END
Usage: run-all.sh [STAGE...]

Stages: lint unit scenarios cli reports man asan asan_scenarios kernels (all by default). Needs root and what
'make all tests' builds. Logs are under $logs.
END
}

# A stage writes what it did to its log (standard output) and ends with tell.
# tell PASSED FAILED [SKIPPED]
tell() {
	echo "$1 $2 ${3:-0}" >"$logs/$stage.count"
}

# failing LINE: kept for the end.
failing() {
	echo "$*" >>"$logs/$stage.failed"
}

# from_ok LOG: counts lines "ok ...", "not ok ..." and "skip ..." of a script that prints them.
from_ok() {
	local n
	n=$(grep -c '^ok ' "$1")
	grep -A 20 '^not ok ' "$1" | grep -v '^ok \|^--' | head -n 60 >>"$logs/$stage.failed"
	tell "$n" "$(grep -c '^not ok ' "$1")" "$(grep -c '^skip ' "$1")"
}

# own_leaks LOG: how many of the leak reports hold one of ours, not just Criterion's own (version 2.4
# forgets 48 bytes in its runner): frame 0 is malloc, frame 1 tells who called it.
own_leaks() {
	awk '
	/ERROR: LeakSanitizer/ { within = 1; ours = 0 }
	within && /^ +#1 / && !/libcriterion/ { ours = 1 }
	within && /^SUMMARY/ { n += ours; within = 0 }
	END { print n + 0 }' "$1"
}

# Those that take longest begin first, so that no processor waits for them at the end.
longest='test_datapath_builds test_datapath_configs test_agreement test_crash test_netns test_datapath_hostile_node
	test_agent_loads test_model'

# in_order SOURCE...
in_order() {
	local test name
	for name in $longest; do
		for test; do
			[ "$(basename "$test" .c)" != "$name" ] || echo "$name"
		done
	done
	for test; do
		name=$(basename "$test" .c)
		[[ " ${longest//[$'\n\t']/ } " == *" $name "* ]] || echo "$name"
	done
}

# one_binary FOLDER NAME: its output, results, times and exit code beside the other logs. As a program of its own,
# for xargs.
one_binary() {
	local rc=0 to=$logs/$stage-$2 TIMEFORMAT='%R s, CPU %U + %S s'
	{
		time timeout -k 10 600 "$1/$2" -j1 --tap="$to.tap" >"$to.log" 2>&1 </dev/null || rc=$?
	} 2>"$to.time"
	echo $rc >"$to.rc"
}
export -f one_binary

# criterion FOLDER SOURCE...: the tests of these sources, a binary a processor. One that crashed, hung or tested
# nothing is a failure of its own: Criterion's exit code is 0 when no test ran.
criterion() {
	local test name line rc n leaks passed=0 failed=0 skipped=0 log
	export logs stage
	# shellcheck disable=SC2016 # the inner shell expands them
	in_order "${@:2}" | xargs -P "$(nproc)" -n 1 bash -c 'one_binary "$1" "$2"' one "$1"
	for test in "${@:2}"; do
		name=$(basename "$test" .c)
		log=$logs/$stage-$name.log
		rc=$(cat "$logs/$stage-$name.rc")
		line=$(grep -a 'Synthesis: Tested:' "$log" | tail -n 1 | sed 's/\x1b\[[0-9;]*m//g')
		if ! [[ $line =~ Tested:\ ([0-9]+)\ \|\ Passing:\ ([0-9]+)\ \|\ Failing:\ ([0-9]+)\ \|\ Crashing:\ ([0-9]+) ]]; then
			failing "$name: ended with $rc and no result; see $log"
			tail -n 15 "$log" | sed 's/^/    /' >>"$logs/$stage.failed"
			failed=$((failed + 1))
			continue
		fi
		n=$(grep -acE '^(not )?ok .*# SKIP' "$logs/$stage-$name.tap")
		skipped=$((skipped + n))
		passed=$((passed + BASH_REMATCH[2]))
		failed=$((failed + BASH_REMATCH[3])) # a crash is among them
		echo "$name: ${line#*Synthesis: }${n:+ | Skipped: $n} | $(cat "$logs/$stage-$name.time")"
		# Leaks are found after the test has reported its success.
		leaks=$(own_leaks "$log")
		if [ "$leaks:$rc" = 0:1 ] && grep -aq 'ERROR: LeakSanitizer' "$log"; then
			rc=0
		fi
		passed=$((passed - leaks)) failed=$((failed + leaks))
		if [ "$leaks" -gt 0 ]; then
			failing "$name: $leaks tests leak; see $log"
			grep -aE 'leak of|^SUMMARY|    #[1-4] .*harness' "$log" | head -n 15 |
				sed 's/^/    /' >>"$logs/$stage.failed"
		fi
		if [ $((BASH_REMATCH[3] + BASH_REMATCH[4])) -gt 0 ]; then
			failing "$name: ${line#*Synthesis: }; see $log"
			grep -aE '^\[(FAIL|----)|runtime error:|ERROR: .*Sanitizer|CRASH' "$log" | head -n 25 |
				sed 's/^/    /' >>"$logs/$stage.failed"
		elif [ "$((BASH_REMATCH[1] + n))" = 0 ]; then
			failing "$name: no test in it ran"
			failed=$((failed + 1))
		elif [ "$rc" != 0 ]; then
			failing "$name: all tests passed, but it ended with $rc; see $log"
			grep -aE 'runtime error:|ERROR: .*Sanitizer' "$log" | head -n 5 |
				sed 's/^/    /' >>"$logs/$stage.failed"
			failed=$((failed + 1))
		fi
	done
	tell $passed $failed $skipped
}

stage_lint() {
	harness/tests/lint.sh >"$logs/lint.out" 2>&1
	cat "$logs/lint.out"
	from_ok "$logs/lint.out"
}

stage_unit() {
	criterion "$BUILD/tests" harness/tests/test_*.c
}

# sanitized COMMAND...: once the sanitized build is there. Leaks count as well; a finding ends the test
# that it is in.
sanitized() {
	export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
	export LSAN_OPTIONS=suppressions=$PWD/harness/tests/lsan.supp:print_suppressions=0
	while [ ! -e "$logs/asan-built" ]; do
		sleep 0.5
	done
	if [ "$(cat "$logs/asan-built")" != 0 ]; then
		failing 'does not build:'
		grep -aE 'error|\*\*\*' "$logs/asan-build.log" | head -n 10 >>"$logs/$stage.failed"
		tell 0 1
		return
	fi
	"$@"
}

stage_asan() {
	# shellcheck disable=SC2046 # names of sources
	sanitized criterion "$BUILD/asan/tests" $(make -s --no-print-directory asan-tests)
}

# The whole program, agents included, under the sanitizers.
stage_asan_scenarios() {
	sanitized scenarios "$BUILD/asan/verdict"
}

# scenarios VERDICT: all of them on both engines.
scenarios() {
	local rc=0 last out=$logs/$stage.out
	"$1" run --engine all --junit "$logs/$stage.xml" --json "$logs/$stage.json" \
		>"$out" 2>&1 </dev/null || rc=$?
	cat "$out"
	last=$(tail -n 1 "$out")
	if ! [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed(,\ ([0-9]+)\ unreviewed)?(,\ ([0-9]+)\ skipped)? ]]; then
		failing "verdict run ended with $rc and no count:"
		tail -n 15 "$out" >>"$logs/$stage.failed"
		tell 0 1
		return
	fi
	if [ "${BASH_REMATCH[2]}" = 0 ] && [ $rc != 0 ]; then
		failing "verdict run says that none failed, but ended with $rc"
		tell "${BASH_REMATCH[1]}" 1 "${BASH_REMATCH[6]:-0}"
		return
	fi
	if [ $rc != 0 ]; then
		grep -v '^ *ok\b' "$out" | head -n 80 >>"$logs/$stage.failed"
	fi
	tell "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}" "${BASH_REMATCH[6]:-0}"
}

stage_scenarios() {
	scenarios "$BUILD/verdict"
}

stage_cli() {
	harness/tests/cli.sh >"$logs/cli.out" 2>&1
	cat "$logs/cli.out"
	from_ok "$logs/cli.out"
	[ "$(cut -d' ' -f1,2 "$logs/cli.count")" != '0 0' ] || { failing 'nothing ran'; tell 0 1; }
}

# xpath EXPRESSION: of the scenarios' JUnit file.
xpath() {
	xmllint --xpath "$1" "$logs/scenarios.xml" 2>/dev/null
}

# The JUnit file of the scenarios: well-formed, and its counts are those of its cases.
stage_reports() {
	local n attribute element bad=0
	if ! xmllint --noout "$logs/scenarios.xml"; then
		failing 'scenarios.xml is no XML, or was not written'
		tell 0 1
		return
	fi
	n=$(xpath 'count(//testcase)')
	if [ "${n:-0}" = 0 ] || [ "$n" != "$(xpath 'sum(//testsuite/@tests)')" ]; then
		failing "scenarios.xml: $n cases, the suites say $(xpath 'sum(//testsuite/@tests)')"
		bad=$((bad + 1))
	fi
	for element in failure error skipped; do
		attribute=$element
		[ $element = skipped ] || attribute=${element}s
		if [ "$(xpath "count(//testcase/$element)")" != "$(xpath "sum(//testsuite/@$attribute)")" ]; then
			failing "scenarios.xml: $(xpath "count(//testcase/$element)") <$element>, the suites" \
				"say $(xpath "sum(//testsuite/@$attribute)")"
			bad=$((bad + 1))
		fi
	done
	tell $((4 - bad)) $bad
}

# Guests of other kernels. One that does not come to its end is no word about the datapath, and no pass.
stage_kernels() {
	local rc=0
	setpriv --pdeathsig TERM harness/tests/kernels/kernels.sh >"$logs/kernels.out" 2>"$logs/kernels.err" || rc=$?
	cat "$logs/kernels.out" "$logs/kernels.err"
	from_ok "$logs/kernels.out"
	if [ $rc -gt 1 ]; then
		failing "the harness failed: $(tail -n 3 "$logs/kernels.err")"
		tell "$(grep -c '^ok ' "$logs/kernels.out")" 1
	elif ! grep -qE '^(ok|not ok|skip) ' "$logs/kernels.out"; then
		failing "kernels.sh ended with $rc and tested nothing"
		tell 0 1
	fi
}

stage_man() {
	if mandoc -T lint -W warning docs/verdict.1; then
		tell 1 0
	else
		failing "docs/verdict.1: see $logs/man.log"
		tell 0 1
	fi
}

# seconds FILE: of processor time, by what `times` wrote there: "0m1.2s 0m0.3s", itself and what it waited for.
seconds() {
	awk -F '[ms ]+' '{ s += $1 * 60 + $2 + $3 * 60 + $4 } END { printf "%.0f", s }' "$1"
}

# run STAGE: in a process of its own, with its line at the end.
run() {
	local started=$EPOCHREALTIME passed failed skipped
	stage=$1
	rm -f "$logs/$stage".{count,failed}
	"stage_$stage" >"$logs/$stage.log" 2>&1
	if ! read -r passed failed skipped 2>/dev/null <"$logs/$stage.count"; then
		failing 'ended without a count'
		echo '0 1 0' >"$logs/$stage.count"
		passed=0 failed=1 skipped=0
	fi
	times >"$logs/$stage.times" # not in a pipe: each process of one has times of its own
	printf '%-14s %-6s %5d passed, %d failed, %d skipped  %6.1f s, CPU %4d s\n' "$stage" \
		"$([ "$failed" = 0 ] && echo ok || echo FAILED)" "$passed" "$failed" "$skipped" \
		"$(awk "BEGIN { print $EPOCHREALTIME - $started }")" "$(seconds "$logs/$stage.times")"
	[ ! -s "$logs/$stage.failed" ] || head -n 20 "$logs/$stage.failed" | sed 's/^/    /'
}

for arg; do
	case $arg in
	-h | --help) usage; exit 0 ;;
	lint | unit | scenarios | cli | reports | man | asan | asan_scenarios | kernels) ;;
	*) echo "run-all.sh: unknown stage '$arg'; see --help" >&2; exit 2 ;;
	esac
done
stages=("$@")
[ $# -gt 0 ] || stages=(unit scenarios cli reports man lint asan asan_scenarios kernels)
if [ "$(id -u)" != 0 ]; then
	echo "The tests load BPF programs and make namespaces: sudo make test" >&2
	exit 3
fi

wants() { [[ " ${stages[*]} " == *" $1 "* ]]; }

rm -rf "$logs"
mkdir -p "$logs"
beside=()
if wants asan || wants asan_scenarios; then
	(
		nice make --no-print-directory -j2 asan >"$logs/asan-build.log" 2>&1
		echo $? >"$logs/asan-built.new"
		times >"$logs/asan-build.times"
		mv "$logs/asan-built.new" "$logs/asan-built"
	) &
	beside+=($!)
fi
trap 'kill "${beside[@]}" 2>/dev/null' INT TERM
for s in "${stages[@]}"; do
	if [ "$s" = lint ] || [ "$s" = kernels ]; then
		(renice -n 5 $BASHPID >/dev/null; run "$s") &
		beside+=($!)
	fi
done
for s in "${stages[@]}"; do
	[ "$s" = lint ] || [ "$s" = kernels ] || (run "$s")
done
wait "${beside[@]}" 2>/dev/null
[ ! -e "$logs/asan-build.times" ] ||
	printf '%-66s CPU %4d s\n' 'building for the sanitizers' "$(seconds "$logs/asan-build.times")"

passed=0
failed=0
skipped=0
for s in "${stages[@]}"; do
	read -r p f k <"$logs/$s.count"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + k))
	if [ "$f" != 0 ]; then
		printf '\nFailed in %s (%s):\n' "$s" "$logs/$s.log"
		head -n 40 "$logs/$s.failed" | sed 's/^/    /'
	fi
done
echo
line="$passed passed, $failed failed"
[ $skipped = 0 ] || line+=", $skipped skipped"
echo "$line"
[ $failed = 0 ] && [ $passed -gt 0 ]
