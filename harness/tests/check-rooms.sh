#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Rooms know the rooms before them, never those after: checks every #include of harness/.
set -euo pipefail

rooms=(base packet scenario cluster target engine judge report cmd)

usage() {
	cat <<END
Usage: check-rooms.sh [--self-test] [HARNESS]

A file of a room includes headers of its own room and of those before it in the order
${rooms[*]}
and names the room of each: "base/err.h". Prints FILE:LINE and the include for each that does not,
and fails. HARNESS is the folder with the rooms. --self-test plants such includes in a tree of its
own and fails unless each is found.
END
}

# check HARNESS: prints what is wrong, then how many files were read.
check() {
	local harness=$1 i=0 allowed='' room files n=0 bad=0 hits
	for room in "${rooms[@]}"; do
		i=$((i + 1))
		allowed=$(IFS='|'; echo "${rooms[*]:0:i}")
		mapfile -t files < <(find "$harness/$room" -name '*.[ch]' 2>/dev/null | sort)
		[ ${#files[@]} -gt 0 ] || continue
		n=$((n + ${#files[@]}))
		hits=$(grep -nHE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' "${files[@]}" |
			grep -vE "include[[:space:]]*\"($allowed)/[^/\"]+\"" || true)
		if [ -n "$hits" ]; then
			printf '%s\n' "$hits" | sed "s|\$|   <- not for room '$room'|"
			bad=1
		fi
	done
	if [ $n = 0 ]; then
		echo "$harness: no room here"
		return 1
	fi
	echo "$n files read"
	return $bad
}

# plant FILE INCLUDE WANTED: one file in a tree; check must say WANTED (ok or bad) of it.
plant() {
	local tree said=ok
	tree=$(mktemp -d)
	mkdir -p "$tree/${1%/*}"
	printf '/* a file */\n#include <stdio.h>\n%s\n' "$2" >"$tree/$1"
	check "$tree" >"$tree/out" || said=bad
	if [ $said = bad ] && ! grep -qF "$1:3:" "$tree/out"; then
		said='bad, but not at its line'
	fi
	rm -rf "$tree"
	if [ "$said" != "$3" ]; then
		echo "self-test: $2 in $1 was found $said, not $3"
		return 1
	fi
}

self_test() {
	plant base/a.c '#include "packet/parse.h"' bad
	plant packet/a.h '#include "scenario/scenario.h"' bad
	plant engine/a.c '#  include "judge/judge.h"' bad
	plant report/a.c '#include "cmd/cmd.h"' bad
	plant judge/a.c '#include "../report/report.h"' bad
	plant engine/a.c '#include "engine.h"' bad
	plant engine/a.c '#include "engine/engine.h"' ok
	plant report/a.c '#include "base/err.h"' ok
	plant cmd/a.c '#include "report/report.h"' ok
	echo "self-test: 9 planted includes told apart"
}

case ${1:-} in
-h | --help) usage ;;
--self-test) self_test ;;
-*) usage >&2; exit 2 ;;
*) check "${1:-$(dirname "$0")/..}" ;;
esac
