#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Finds out what building and testing need and the machine lacks, and installs just that. It asks
# for the thing itself (a command, a library pkg-config knows, a header), so that what came from
# elsewhere than the package manager counts too; with nothing missing it installs nothing.
set -euo pipefail

# What, how it is found, Debian's package ("a|b": the first the release knows), Fedora's.
table() {
	cat <<'END'
build     cmd:gcc                                gcc              gcc
build     cmd:ar                                 binutils         binutils
build     cmd:make                               make             make
build     file:/usr/include/stdio.h              libc6-dev        glibc-devel
build     file:/usr/include/linux/bpf.h          linux-libc-dev   kernel-headers
build     cmd:clang                              clang            clang
build     cmd:llvm-objdump                       llvm             llvm
build     cmd:pkg-config                         pkg-config       pkgconf-pkg-config
build     pc:libbpf                              libbpf-dev       pkgconfig(libbpf)
build     pc:libelf                              libelf-dev       pkgconfig(libelf)
build     pc:zlib                                zlib1g-dev       pkgconfig(zlib)
build     pc:libpcap                             libpcap-dev      pkgconfig(libpcap)
build     pc:libfyaml                            libfyaml-dev     pkgconfig(libfyaml)
build     pc:jansson                             libjansson-dev   pkgconfig(jansson)
run       cmd:ip                                 iproute2         iproute
run       cmd:tc                                 iproute2         iproute-tc
run       cmd:ethtool                            ethtool          ethtool
run       cmd:nft                                nftables         nftables
test      pc:criterion                           libcriterion-dev pkgconfig(criterion)
test      lib:libasan.so                         gcc              libasan
test      lib:libubsan.so                        gcc              libubsan
test      cmd:bpftool                            bpftool|linux-tools-generic bpftool
test      cmd:tshark                             tshark           wireshark-cli
test      cmd:clang-format                       clang-format     clang-tools-extra
test      cmd:clang-tidy                         clang-tidy       clang-tools-extra
test      cmd:shellcheck                         shellcheck       ShellCheck
test      cmd:mandoc                             mandoc           mandoc
test      cmd:xmllint                            libxml2-utils    libxml2
test      cmd:git                                git              git
captures  cmd:etcd                               etcd-server      etcd
captures  cmd:etcdctl                            etcd-client      etcd
captures  cmd:dumpcap                            wireshark-common wireshark-cli
captures  cmd:tshark                             tshark           wireshark-cli
captures  cmd:dnsmasq                            dnsmasq-base     dnsmasq
captures  cmd:dig                                bind9-dnsutils|dnsutils bind-utils
captures  cmd:curl                               curl             curl
captures  cmd:ping                               iputils-ping     iputils
captures  cmd:ip                                 iproute2         iproute
captures  cmd:ss                                 iproute2         iproute
captures  cmd:ethtool                            ethtool          ethtool
captures  cmd:perl                               perl-base        perl-interpreter
END
}

usage() {
	cat <<END
Usage: deps.sh [--check] GROUP...

Installs what GROUP (build, run, test, captures) needs and this machine lacks: with apt-get on
Debian and its relatives, with dnf on Fedora and its; elsewhere it lists what is missing.
--check only lists. Exit code 0: nothing is missing (any more).
END
}

# found PROBE: is it here? PATH may lack the sbin folders for people who are not root.
found() {
	case $1 in
	cmd:*) PATH=$PATH:/usr/sbin:/sbin command -v "${1#cmd:}" >/dev/null ;;
	pc:*) pkg-config --exists "${1#pc:}" 2>/dev/null ;;
	file:*) [ -e "${1#file:}" ] ;;
	# gcc prints the bare name for a file that it does not know.
	lib:*) [ "$(gcc -print-file-name="${1#lib:}" 2>/dev/null)" != "${1#lib:}" ] &&
		command -v gcc >/dev/null ;;
	esac
}

# add PACKAGE: to the list, once.
add() {
	case " ${packages[*]} " in
	*" $1 "*) ;;
	*) packages+=("$1") ;;
	esac
}

family() {
	local id='' like=''
	if [ -r /etc/os-release ]; then
		# shellcheck source=/dev/null
		id=$(. /etc/os-release && echo "${ID:-}")
		# shellcheck source=/dev/null
		like=$(. /etc/os-release && echo "${ID_LIKE:-}")
	fi
	case " $id $like " in
	*" debian "* | *" ubuntu "*) echo debian ;;
	*" fedora "* | *" rhel "*) echo fedora ;;
	*) echo other ;;
	esac
}

# known PACKAGE: does a configured archive offer it?
known() {
	LC_ALL=C apt-cache policy "$1" 2>/dev/null | grep -q 'Candidate: [^(]'
}

install_debian() {
	local package choice wanted=()
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -q
	for package in "${packages[@]}"; do
		IFS='|' read -ra choice <<<"$package"
		while [ ${#choice[@]} -gt 1 ] && ! known "${choice[0]}"; do
			choice=("${choice[@]:1}")
		done
		wanted+=("${choice[0]}")
	done
	apt-get install -q -y --no-install-recommends "${wanted[@]}"
}

check_only=
groups=()
for arg; do
	case $arg in
	-h | --help) usage; exit 0 ;;
	--check) check_only=1 ;;
	build | run | test | captures) groups+=("$arg") ;;
	*) echo "deps.sh: unknown argument '$arg'; see --help" >&2; exit 2 ;;
	esac
done
[ ${#groups[@]} -gt 0 ] || { usage >&2; exit 2; }

# collect: fills missing (probes) and packages.
collect() {
	local group probe debian fedora
	missing=()
	packages=()
	while read -r group probe debian fedora; do
		case " ${groups[*]} " in
		*" $group "*) ;;
		*) continue ;;
		esac
		found "$probe" && continue
		missing+=("${probe#*:}")
		case $os in
		debian) add "$debian" ;;
		fedora) add "$fedora" ;;
		esac
	done < <(table)
}

os=$(family)
collect
[ ${#missing[@]} -gt 0 ] || exit 0

echo "Missing here: ${missing[*]}"
[ "$os" = other ] || echo "Packages: ${packages[*]}"
if [ -n "$check_only" ]; then
	echo "Install them, or let 'sudo make deps' do it." >&2
	exit 3
fi
if [ "$os" = other ]; then
	cat >&2 <<'END'
This is neither a Debian nor a Fedora, so nothing is installed. Install what is listed above (the
libraries with their headers and pkg-config files) and run make again.
END
	exit 3
fi
if [ "$(id -u)" != 0 ]; then
	echo "Installing packages takes root: sudo make deps" >&2
	exit 3
fi
case $os in
debian) install_debian ;;
fedora) dnf install -y --setopt=install_weak_deps=False "${packages[@]}" ;;
esac
collect
if [ ${#missing[@]} -gt 0 ]; then
	echo "Still missing after the installation: ${missing[*]}" >&2
	exit 3
fi
