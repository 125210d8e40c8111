#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Debian's kernel of one release, unpacked and not installed: prints the path of its image.
set -euo pipefail

usage() {
	cat <<END
Usage: kernel.sh 6.1|6.12 FOLDER

Downloads the newest linux-image-RELEASE...-cloud-ARCHITECTURE that apt offers to FOLDER, unless it lies
there already, and unpacks it. Exit code 4: no such kernel can be had here, and why.
END
}

# newest: the package of this release with the highest version.
newest() {
	apt-cache search --names-only "^linux-image-${release//./\\.}[.-][^ ]*-cloud-$arch\$" 2>/dev/null |
		cut -d' ' -f1 | grep "^linux-image-${release//./\\.}\.[0-9]" | sort -V | tail -n 1
}

cannot() {
	echo "$*" >&2
	exit 4
}

case ${1:-} in
-h | --help) usage; exit 0 ;;
6.1 | 6.12) release=$1 ;;
*) usage >&2; exit 2 ;;
esac
folder=${2:?}
for tool in apt-get apt-cache dpkg-deb; do
	command -v $tool >/dev/null || cannot "Debian's kernels come by apt, and $tool is not here"
done
arch=$(dpkg --print-architecture)
[ "$arch" = amd64 ] || cannot "there are guests for amd64 only, this is $arch"
mkdir -p "$folder"
package=$(newest)
if [ -z "$package" ]; then
	# what was downloaded before serves as well
	package=$(find "$folder" -maxdepth 1 -name "linux-image-$release.*" -type d -printf '%f\n' |
		sort -V | tail -n 1)
	[ -n "$package" ] || cannot "apt offers no linux-image-$release...-cloud-$arch"
fi
image() { find "$folder/$package/boot" -name 'vmlinuz-*' -type f 2>/dev/null; }
if [ -z "$(image)" ]; then
	new=$(mktemp -d "$folder/new.XXXXXX")
	trap 'rm -rf "$new"' EXIT
	(cd "$new" && apt-get download -q "$package" >download.log 2>&1) ||
		cannot "apt-get download $package: $(grep -m 1 '^E:' "$new/download.log")"
	dpkg-deb -x "$new"/*.deb "$new/unpacked"
	rm -rf "${folder:?}/$package"
	mv "$new/unpacked" "$folder/$package"
fi
image
