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
build     pc:libbpf>=1.0                         libbpf-dev       pkgconfig(libbpf)
build     pc:libelf                              libelf-dev       pkgconfig(libelf)
build     pc:zlib                                zlib1g-dev       pkgconfig(zlib)
build     pc:libpcap                             libpcap-dev      pkgconfig(libpcap)
build     pc:libfyaml                            libfyaml-dev     pkgconfig(libfyaml)
build     pc:jansson                             libjansson-dev   pkgconfig(jansson)
run       cmd:ip                                 iproute2         iproute
run       cmd:nsenter                            util-linux       util-linux
run       cmd:tc                                 iproute2         iproute-tc
run       cmd:ethtool                            ethtool          ethtool
run       cmd:nft                                nftables         nftables
test      pc:criterion                           libcriterion-dev pkgconfig(criterion)
test      lib:libasan.so                         gcc              libasan
test      lib:libubsan.so                        gcc              libubsan
test      cmd:bpftool                            bpftool|linux-tools-generic bpftool
test      cmd:tshark                             tshark           wireshark-cli
lint      cmd:clang-format                       clang-format     /usr/bin/clang-format
lint      cmd:clang-tidy                         clang-tidy       /usr/bin/clang-tidy
lint      cmd:shellcheck                         shellcheck       ShellCheck
test      cmd:mandoc                             mandoc           mandoc
test      cmd:xmllint                            libxml2-utils    /usr/bin/xmllint
test      cmd:pgrep                              procps           procps-ng
test      cmd:script                             bsdutils         /usr/bin/script
test      bpf:xdpfilt_alw_all.o                  libxdp1          xdp-tools
test      cmd:xdp-filter                         xdp-tools        xdp-tools
test      cmd:perl                               perl-base        perl-interpreter
kernels   cmd:qemu-system-x86_64                 qemu-system-x86  qemu-system-x86-core
kernels   cmd:cpio                               cpio             cpio
kernels   cmd:setpriv                            util-linux       util-linux
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

Installs what GROUP (build, run, test, lint, kernels, captures) needs and this machine lacks: with apt-get on
Debian and its relatives, with dnf on Fedora and its; elsewhere it lists what is missing.
--check only lists, for people who are not root too. OS_RELEASE=FILE is read instead of
/etc/os-release. Exit code 0: nothing is missing (any more).
END
}

# found PROBE: is it here? PATH may lack the sbin folders for people who are not root.
found() {
	local package
	case $1 in
	cmd:*) PATH=$PATH:/usr/sbin:/sbin command -v "${1#cmd:}" >/dev/null ;;
	pc:*) package=${1#pc:} && pkg-config --exists "${package/>=/ >= }" 2>/dev/null ;;
	file:*) [ -e "${1#file:}" ] ;;
	# BPF objects that a distribution ships.
	bpf:*) compgen -G "/usr/lib*/bpf/${1#bpf:}" >/dev/null ||
		compgen -G "/usr/lib/*/bpf/${1#bpf:}" >/dev/null ;;
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
	if [ -r "$os_release" ]; then
		# shellcheck source=/dev/null
		id=$(. "$os_release" && echo "${ID:-}")
		# shellcheck source=/dev/null
		like=$(. "$os_release" && echo "${ID_LIKE:-}")
	fi
	case " $id $like " in
	*" debian "* | *" ubuntu "*) echo debian ;;
	*" fedora "* | *" rhel "*) echo fedora ;;
	*) echo other ;;
	esac
}

# known PACKAGE: does a configured archive offer it?
known() {
	local policy
	# Not in a pipe: apt-cache fails when grep has seen enough.
	policy=$(LC_ALL=C apt-cache policy "$1" 2>/dev/null)
	[[ $policy =~ Candidate:\ [^\(] ]]
}

install_debian() {
	local package choice wanted=()
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -q || echo "apt-get update failed; going on with the lists at hand" >&2
	for package in "${packages[@]}"; do
		IFS='|' read -ra choice <<<"$package"
		while [ ${#choice[@]} -gt 1 ] && ! known "${choice[0]}"; do
			choice=("${choice[@]:1}")
		done
		wanted+=("${choice[0]}")
	done
	apt-get install -q -y --no-install-recommends "${wanted[@]}" && return
	cat >&2 <<'END'
apt-get could not install all of it. Some of these packages are in Ubuntu's 'universe' (to enable it:
'add-apt-repository universe'), and not all are in releases before Debian 12 and Ubuntu 23.04.
END
	return 3
}

install_fedora() {
	dnf install -y --setopt=install_weak_deps=False "${packages[@]}" && return
	cat >&2 <<'END'
dnf could not install all of it. On RHEL, CentOS Stream and their like some of these packages are in
EPEL and in CodeReady Builder: enable both ('dnf install epel-release', 'crb enable'), then again.
END
	return 3
}

# in_words PROBE: what is missing, for people.
in_words() {
	case $1 in
	cmd:*) echo "command ${1#cmd:}" ;;
	pc:*) echo "library ${1#pc:} for development" ;;
	file:*) echo "header ${1#file:/usr/include/}" ;;
	bpf:*) echo "BPF object ${1#bpf:}" ;;
	lib:*) echo "${1#lib:} of gcc" ;;
	esac
}

os_release=${OS_RELEASE:-/etc/os-release}
check_only=
groups=()
for arg; do
	case $arg in
	-h | --help) usage; exit 0 ;;
	--check) check_only=1 ;;
	build | run | test | lint | kernels | captures) groups+=("$arg") ;;
	*) echo "deps.sh: unknown argument '$arg'; see --help" >&2; exit 2 ;;
	esac
done
[ ${#groups[@]} -gt 0 ] || { usage >&2; exit 2; }

# collect: fills missing (lines for people) and packages.
collect() {
	local group probe debian fedora package
	missing=()
	packages=()
	while read -r group probe debian fedora; do
		case " ${groups[*]} " in
		*" $group "*) ;;
		*) continue ;;
		esac
		found "$probe" && continue
		case $os in
		debian) package=$debian ;;
		fedora) package=$fedora ;;
		*) package=$(printf '%-17s %s' "${debian%%|*}" "$fedora") ;;
		esac
		add "$package"
		missing+=("$(printf '  %-36s %s' "$(in_words "$probe")" "${package%%|*}")")
	done < <(table)
}

os=$(family)
collect
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$os" = other ]; then
	printf '%-38s %-17s %s\n' 'Missing here' 'on Debian in' 'on Fedora in'
else
	printf '%-38s %s\n' 'Missing here' 'package'
fi
printf '%s\n' "${missing[@]}"
if [ "$os" = other ]; then
	cat >&2 <<'END'
This is neither a Debian nor a Fedora, so nothing is installed. Install what is listed
(the libraries with their headers and pkg-config files), then run make again.
END
	exit 3
fi
if [ -n "$check_only" ] || [ "$(id -u)" != 0 ]; then
	echo "Installing them takes root: sudo make deps" >&2
	exit 3
fi
"install_$os"
collect
if [ ${#missing[@]} -gt 0 ]; then
	echo "Still missing after the installation; the packages of this release may be too old:" >&2
	printf '%s\n' "${missing[@]}" >&2
	exit 3
fi
