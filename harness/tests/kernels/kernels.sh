#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Do Debian's kernels take the datapath? Boots them side by side and loads the objects there.
set -uo pipefail

cd "$(dirname "$0")/../../.." || exit 3
usage() {
	cat <<END
Usage: kernels.sh [--all] [--timeout SECONDS] [RELEASE...]

Boots Debian's kernels of these releases (6.1 and 6.12 by default) and loads the objects of \$BUILD/bpf
in each combination of harness/tests/datapath_modes.h (--all), or in a few that hold most. For each it prints
"ok NAME", "not ok NAME" with what the verifier said, or "skip NAME: WHY". Needs root, qemu, cpio, and what
'make guests all' builds. Exit code 1: something was not ok; 3: a guest did not come to its end.
END
}

build=${BUILD:-build}
room=$build/kernels
here=harness/tests/kernels
loads=(--against /lines) write=(--write "$room/lines")
timeout=1800 releases=()
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help) usage; exit 0 ;;
	--all) loads+=(--all) write+=(--all) timeout=3600 ;;
	--timeout) timeout=${2:?}; shift ;;
	6.*) releases+=("$1") ;;
	*) usage >&2; exit 2 ;;
	esac
	shift
done
[ ${#releases[@]} -gt 0 ] || releases=(6.1 6.12)

skip_all() {
	for release in "${releases[@]}"; do
		echo "skip $release: $*"
	done
	exit 0
}

for tool in qemu-system-x86_64 cpio setpriv; do
	command -v $tool >/dev/null || skip_all "$tool is not installed"
done
mkdir -p "$room"
kernels=()
for release in "${releases[@]}"; do
	image=$($here/kernel.sh "$release" "$room" 2>"$room/$release.why") || {
		[ $? = 4 ] || { cat "$room/$release.why" >&2; exit 3; }
		echo "skip $release: $(cat "$room/$release.why")"
		continue
	}
	kernels+=("$release=$image")
done
[ ${#kernels[@]} -gt 0 ] || exit 0

# What this machine's kernel leaves of the programs is what the others are held against.
"$build/tests/kernels/loads" "${write[@]}" "$build/bpf" >"$room/here.out" 2>&1 || {
	echo "not ok this machine's kernel, $(uname -r), does not take the datapath:"
	sed 's/^/    /' "$room/here.out"
	exit 1
}
initramfs=$room/initramfs
$here/initramfs.sh "$initramfs" "$build/tests/kernels/init" "$build/tests/kernels/loads=bin/loads" \
	"$room/lines=lines" "$build/bpf=bpf" || exit 3
accel=$($here/boot.sh --probe "${kernels[0]#*=}" "$initramfs") || exit 3
echo "guests run with $accel"

pids=()
trap 'kill "${pids[@]}" 2>/dev/null; wait; exit 3' INT TERM
for kernel in "${kernels[@]}"; do
	release=${kernel%%=*}
	setpriv --pdeathsig TERM $here/boot.sh --accel "$accel" --timeout "$timeout" \
		"$room/$release.log" "${kernel#*=}" "$initramfs" /bin/loads "${loads[@]}" /bpf \
		>"$room/$release.out" 2>"$room/$release.err" &
	pids+=($!)
done
worst=0
for i in "${!kernels[@]}"; do
	release=${kernels[i]%%=*}
	rc=0
	wait "${pids[i]}" || rc=$?
	[ $rc -lt 2 ] || rc=3
	sed -E "s/^(ok|not ok) /\1 $release: /" "$room/$release.out"
	sed "s/^/$release: /" "$room/$release.err" >&2
	[ $rc -le $worst ] || worst=$rc
done
exit $worst
