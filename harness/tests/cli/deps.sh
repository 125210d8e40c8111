# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# mk/deps.sh on machines that lack everything: a PATH of four commands stands for one, with a dnf and
# an apt-get that only say what they are asked for. Sourced by cli.sh.
# shellcheck disable=SC2016,SC2034 # the inner shell expands

bare=$(mktemp -d)
for command in bash cat id; do
	ln -s "$(command -v $command)" "$bare/$command"
done
for manager in dnf apt-get; do
	# shellcheck disable=SC2028 # the script has the \n
	echo '#!/bin/bash
printf "%s\n" "${0##*/} $*"' >"$bare/$manager"
	chmod +x "$bare/$manager"
done

# on ID GROUP...: exit code and output of deps.sh there.
on() {
	local id=$1
	echo "ID=$id" >"$bare/os-release"
	shift
	try unshare --mount --propagation private sh -c 'mount -t tmpfs none /usr/sbin &&
		PATH=$1 OS_RELEASE=$1/os-release && export PATH OS_RELEASE && shift && exec "$@"' \
		sh "$bare" bash mk/deps.sh "$@"
	tried="mk/deps.sh $* on a bare $id"
	expect_exit 3
}

on fedora build run
expect_output '^  library libfyaml for development     pkgconfig\(libfyaml\)$'
expect_output '^dnf install -y .* gcc .* pkgconfig\(libbpf\) .* iproute .* iproute-tc '
expect_output '^Still missing after the installation'
on debian build
expect_output '^  command gcc                          gcc$'
expect_output '^apt-get install -q -y --no-install-recommends gcc .* libbpf-dev '
on alpine build
expect_output '^Missing here +on Debian in +on Fedora in$'
expect_output '^  library libbpf>=1.0 for development  libbpf-dev        pkgconfig\(libbpf\)$'
expect_output 'neither a Debian nor a Fedora'
expect_no_output '^(dnf|apt-get) '
on debian --check build
expect_output '^Installing them takes root: sudo make deps$'
expect_no_output '^apt-get '
expect_exit 2 mk/deps.sh --no-such
expect_exit 0 mk/deps.sh build run test lint
rm -rf "$bare"
