# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Bare machines: in a chroot, as build machines have them, or without sbin in PATH. Sourced by
# cli.sh.
# shellcheck disable=SC2154,SC2034,SC2016 # the inner shell expands

chroot_dir=$(mktemp -d)
# The shell stays: without it, the mounts outside the chroot go as the program leaves them.
try unshare --mount --propagation private sh -c 'mount --rbind / "$1" && chroot "$1" sh -c "
	cd \"$2\" && exec \"$3\" run etcd-restart-mid-flow --out /tmp/verdict-chroot-out"
	status=$?
	exit $status' sh "$chroot_dir" "$PWD" "$verdict"
rm -rf /tmp/verdict-chroot-out
rmdir "$chroot_dir"
tried='verdict run in a chroot'
expect_exit 0
expect_output '^2 passed, 0 failed$'

# Root's PATH without the sbin folders, as su gives it
expect_exit 0 env PATH=/usr/bin:/bin "$verdict" run etcd-restart-mid-flow --out /tmp/verdict-chroot-out
expect_output '^2 passed, 0 failed$'
rm -rf /tmp/verdict-chroot-out
