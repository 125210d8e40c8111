#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What a guest boots with: its first process, programs with the libraries they are linked to, files.
set -euo pipefail

usage() {
	cat <<END
Usage: initramfs.sh TO INIT [FILE=PATH...]

Writes a compressed initramfs to TO: the program INIT as /init, and each FILE, or what a folder of that name
holds, as /PATH. Programs bring the libraries along that they are linked to.
END
}

# libraries FILE: those the program is linked to, its loader included.
libraries() {
	ldd "$1" 2>/dev/null | grep -oE '/[^ ]+' || :
}

case ${1:-} in
-h | --help) usage; exit 0 ;;
esac
[ $# -ge 2 ] || { usage >&2; exit 2; }
to=$1
root=$(mktemp -d "$to.XXXXXX")
trap 'rm -rf "$root"' EXIT
mkdir -p "$root/dev"
shift
for part in "$1=init" "${@:2}"; do
	from=${part%%=*} at=$root/${part#*=}
	mkdir -p "$(dirname "$at")"
	cp -rL "$from" "$at"
	if [ -d "$at" ] || ! [ -x "$at" ]; then
		continue
	fi
	libraries "$at" | while read -r library; do
		mkdir -p "$root$(dirname "$library")"
		cp -L "$library" "$root$library"
	done
done
(cd "$root" && find . | cpio --quiet -o -H newc -R 0:0) | gzip -1 >"$to.new"
mv "$to.new" "$to"
