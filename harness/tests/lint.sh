#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# `make lint`: formatting, static analysis, shell scripts, rooms, and a few rules of our own. Each
# check prints one line, "ok NAME", "not ok NAME" with what it found, or "skip NAME: WHY".
#
# What clang-format and clang-tidy say changes from release to release: the checks run with the
# releases that the tree is known to be clean with, and are skipped with others.
set -uo pipefail

cd "$(dirname "$0")/../.." || exit 3
build=${BUILD:-build}
passed=0
failed=0
skipped=0
FORMAT_RELEASES='14'
TIDY_RELEASES='14 19'

if [ "${1:-}" = -h ] || [ "${1:-}" = --help ]; then
	echo "Usage: lint.sh: checks the whole tree; the environment's BUILD is where results are kept"
	exit 0
fi

# check NAME COMMAND...: passes if the command succeeds; says what it printed otherwise.
check() {
	local name=$1 output
	shift
	if output=$("$@" 2>&1); then
		echo "ok $name"
		passed=$((passed + 1))
	else
		echo "not ok $name"
		printf '%s\n' "$output" | head -60 | sed 's/^/    /'
		failed=$((failed + 1))
	fi
}

# needs TOOL RELEASES NAME: says "skip" and fails if the tool is missing or of another release.
needs() {
	local release
	release=$("$1" --version 2>/dev/null | sed -n 's/.*version \([0-9]*\)\..*/\1/p' | head -n 1)
	case " $2 " in
	*" ${release:-none} "*) return 0 ;;
	esac
	echo "skip $3: $1 is ${release:+of release }${release:-not installed}," \
		"and this is checked with ${2// /, }"
	skipped=$((skipped + 1))
	return 1
}

# All files of the tree but what was built. With git: what it knows or would take.
all_files() {
	git ls-files --cached --others --exclude-standard 2>/dev/null && return
	find . -name .git -prune -o \( -path ./build -o -path "./$build" -o -path ./reports/out \) \
		-prune -o -type f -printf '%P\n'
}

sources() {
	local file pattern
	while read -r file; do
		for pattern; do
			# shellcheck disable=SC2053 # a pattern
			[[ $file == $pattern && -f $file ]] && echo "$file" && break
		done
	done <<<"$ALL_FILES"
	return 0
}
ALL_FILES=$(all_files | sort)

c_files() { sources '*.c' '*.h'; }
shell_files() {
	sources '*.sh' 'netns/*' '.ci/*' | while read -r file; do
		! head -n 1 "$file" | grep -qE '^#!.*\bsh$|^#!.*bash|^# shellcheck shell=' || echo "$file"
	done
}

format() { c_files | xargs clang-format --dry-run -Werror; }
shellcheck_all() { shell_files | xargs shellcheck -x -P SCRIPTDIR -P .; }

# The line itself, or the one after "#!" or "# shellcheck".
spdx() {
	local bad=0 file
	while read -r file; do
		if ! head -n 2 "$file" |
			grep -q 'SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause'; then
			echo "$file: no SPDX line at the top"
			bad=1
		fi
	done < <(c_files; shell_files; sources Makefile '*.mk' '*.pl')
	return $bad
}

# none PATTERN: no source may hold it. The patterns are written so that this file does not.
none() {
	! { c_files; shell_files; sources Makefile '*.mk' '*.md' '*.yaml'; } |
		xargs grep -nE "$1" /dev/null
}

# clang-tidy of one file, unless it said yes to the same text before. As a program of its own, so
# that xargs can run two at a time.
export TIDY_CACHE=$build/tidy
read -ra TIDY_FLAGS <<<"$(pkg-config --cflags libbpf libelf libpcap libfyaml jansson)"
export TIDY_FLAGS_ALL="-std=gnu11 -D_GNU_SOURCE -Iharness ${TIDY_FLAGS[*]}"
TIDY_VERSION=$(clang-tidy --version 2>/dev/null | sha256sum)
export TIDY_VERSION
tidy_one() {
	local key
	# shellcheck disable=SC2086 # flags are words
	key=$({ gcc $TIDY_FLAGS_ALL -E "$1" && cat .clang-tidy && echo "$TIDY_VERSION"; } |
		sha256sum | cut -c1-32)
	[ ! -e "$TIDY_CACHE/$key" ] || return 0
	# shellcheck disable=SC2086
	clang-tidy --quiet "$1" -- $TIDY_FLAGS_ALL 2>/dev/null || return 1
	: >"$TIDY_CACHE/$key"
}
export -f tidy_one
tidy() {
	mkdir -p "$TIDY_CACHE"
	# shellcheck disable=SC2016 # the inner shell expands $1
	sources 'harness/*.c' | grep -v '^harness/tests/' |
		xargs -P "$(nproc)" -n 1 bash -c 'tidy_one "$1"' tidy
}

! needs clang-format "$FORMAT_RELEASES" clang-format || check 'clang-format' format
check 'shellcheck' shellcheck_all
check 'rooms know earlier rooms only' harness/tests/check-rooms.sh harness
check 'a planted include is found' harness/tests/check-rooms.sh --self-test
check 'SPDX line first' spdx
check 'no unfinished work' none '\b(TO''DO|FIX''ME|X''XX|HA''CK)\b|not imple''mented'
check 'no paths of one machine' none '(^|[^[:alnum:]_.$])/(ho''me|Us''ers|wo''rk)/[[:alnum:]]'
check 'no white space at the end of lines' none '[[:blank:]]+$'
[ -n "${LINT_FAST:-}" ] || ! needs clang-tidy "$TIDY_RELEASES" clang-tidy || check 'clang-tidy' tidy

echo "$passed passed, $failed failed$([ $skipped = 0 ] || echo ", $skipped skipped")"
[ $failed = 0 ]
