#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Boots a kernel in qemu, runs one command there as init.c does, and prints what it wrote.
set -euo pipefail

usage() {
	cat <<END
Usage: boot.sh [--accel tcg|kvm] [--memory MB] [--timeout SECONDS] LOG KERNEL INITRAMFS COMMAND...
       boot.sh --probe KERNEL INITRAMFS

Standard output is that of COMMAND, and the exit code is its own if it is below 3. The kernel's messages go
to LOG. Exit code 3: the guest did not come to its end, ran out of time, or its kernel told of a panic, a
warning or a bug. --probe prints the accelerator that guests run with here: kvm if one really boots with it
within a few seconds, else tcg. The guest ends with this script, however that ends.
END
}

PROBE_SECONDS=5

# start ACCEL LOG RESULTS APPEND: qemu in the background; its pid is in $guest.
start() {
	local cpu=max
	[ "$1" = tcg ] || cpu=host
	setpriv --pdeathsig KILL qemu-system-x86_64 -nodefaults -no-reboot -display none \
		-accel "$1" -cpu $cpu -m "$memory" -kernel "$kernel" -initrd "$initramfs" \
		-append "console=ttyS0 no_timer_check panic=-1 oops=panic $4" \
		-serial "file:$2" -serial "file:$3" </dev/null >"$3.qemu" 2>&1 &
	guest=$!
}

stop() {
	kill -KILL "$guest" 2>/dev/null || :
	wait "$guest" 2>/dev/null || :
}

# within SECONDS COMMAND...: until it succeeds, or the guest has ended.
within() {
	local end=$((SECONDS + $1))
	shift
	while ! "$@"; do
		kill -0 "$guest" 2>/dev/null && [ $SECONDS -lt $end ] || return 1
		sleep 0.2
	done
}

probe() {
	local accel=tcg
	if [ -w /dev/kvm ]; then
		start kvm "$work/log" "$work/results" earlyprintk=ttyS0
		! within $PROBE_SECONDS grep -aqs 'Linux version' "$work/log" || accel=kvm
		stop
	fi
	echo $accel
}

failed() {
	echo "boot.sh: $*; the kernel's messages are in $log" >&2
	exit 3
}

ended() { ! kill -0 "$guest" 2>/dev/null; }

accel=tcg memory=1024 timeout=600 mode=boot
while [[ ${1:-} == -* ]]; do
	case $1 in
	-h | --help) usage; exit 0 ;;
	--probe) mode=probe; shift ;;
	--accel | --memory | --timeout) declare "${1#--}=${2:?}"; shift 2 ;;
	*) usage >&2; exit 2 ;;
	esac
done
guest=
[ $mode = probe ] || { log=${1:?} && shift; }
kernel=${1:?} initramfs=${2:?}
shift 2
[ $mode = probe ] || [ $# -gt 0 ] || { usage >&2; exit 2; }
# what a script left behind that was killed
for work in "$initramfs".pid*; do
	[ -d "/proc/${work##*.pid}" ] || rm -rf "$work"
done
work=$initramfs.pid$$
mkdir "$work"
trap '[ -z "$guest" ] || stop; rm -rf "$work"' EXIT
trap 'exit 3' INT TERM
if [ $mode = probe ]; then
	probe 2>/dev/null # the shell tells of a guest that aborts
	exit
fi
start "$accel" "$log" "$work/results" "-- $*"
within "$timeout" ended || { ended || failed "the guest was not done within $timeout s"; }
# one that has ended may still have been killed, or never begun
wait "$guest" || failed "qemu ended with $?: $(tail -n 1 "$work/results.qemu")"
guest=
if grep -aqE 'Kernel panic|WARNING: |BUG: |Oops: ' "$log"; then
	failed "the guest's kernel says: $(grep -aoE '(Kernel panic|WARNING: |BUG: |Oops: ).*' "$log" | head -n 1)"
fi
rc=$(sed -n 's/^end \([0-9]*\)$/\1/p' "$work/results" | tail -n 1)
sed '/^end [0-9]*$/d' "$work/results"
[ -n "$rc" ] || failed 'the guest switched itself off without saying how the command ended'
[ "$rc" -lt 3 ] || failed "the command ended with $rc"
exit "$rc"
