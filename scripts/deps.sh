#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# deps.sh GROUP...: see that the Debian packages of the groups are there; as
# root install what is missing, otherwise print the command that would. With
# RBLK_FETCH=no it looks at nothing: who builds packages or modules for another
# kernel, amid what apt does, has seen to it.
#   build  to build kernels and modules      vm     to run guests and tests
#   rust   the compiler, unless there is one  check  to check the sources
#   plot   to draw what was measured         root   to make and boot a Debian system
#   suites what the test suites of others want, and stress-ng
#   deb    to make Debian packages
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

[ "${RBLK_FETCH:-}" != no ] || exit 0

llvm=${RBLK_LLVM:-19}
build=(build-essential flex bison bc libelf-dev libssl-dev kmod cpio xz-utils rsync perl
	ca-certificates "clang-$llvm" "lld-$llvm" "llvm-$llvm" "libclang-$llvm-dev")
vm=(qemu-system-x86 kmod busybox-static udftools eject fio dvd+rw-tools xorriso cdrskin
	nbd-client nbd-server nbdkit qemu-utils
	e2fsprogs dmsetup util-linux bsdextrautils iproute2 procps python3 udev dbus udisks2 cpio uml-utilities user-mode-linux)
root=(busybox-static debootstrap debian-archive-keyring e2fsprogs cpio xz-utils kmod util-linux)
check=(shellcheck perl python3-docutils python3-jinja2)
plot=(python3-matplotlib python3-jinja2)
suites=(stress-ng xfsprogs nbdkit)
deb=(build-essential debhelper dh-dkms python3 xz-utils)

candidate() { apt-cache policy "$1" | awk '/Candidate:/ && $2 != "(none)" { print $2 }'; }
update() { [ "$(id -u)" != 0 ] || step 'reading the package lists' 0 apt-get update; }

# has PROGRAM...: all of them. command -v says yes if one is there.
has() {
	local program
	for program; do
		command -v "$program" >/dev/null || return
	done
}

# rustc with its tools: what is in the PATH if it is new enough, else Debian's,
# or where that is too old the newer one Debian keeps for its browser.
rust_packages() {
	if has rustc cargo rustfmt clippy-driver &&
		version_ge "$(rustc --version | awk '{ print $2 }')" 1.85.0; then
		return
	fi
	[ -n "$(candidate rustc)" ] || update
	if version_ge "$(candidate rustc)" 1.85; then
		echo rustc rust-src cargo rustfmt rust-clippy
	else
		echo rustc-web rust-web-src cargo-web rustfmt-web rust-web-clippy
	fi
}

wanted=()
for group; do
	case $group in
	build) wanted+=("${build[@]}") ;;
	vm) wanted+=("${vm[@]}") ;;
	check) wanted+=("${check[@]}") ;;
	plot) wanted+=("${plot[@]}") ;;
	root) wanted+=("${root[@]}") ;;
	suites) wanted+=("${suites[@]}") ;;
	deb) wanted+=("${deb[@]}") ;;
	rust) read -ra words < <(rust_packages; echo) && wanted+=(${words[@]+"${words[@]}"}) ;;
	*) die "no such group: $group" ;;
	esac
done

missing=()
installed=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' \
	${wanted[@]+"${wanted[@]}"} 2>/dev/null || :)
for package in ${wanted[@]+"${wanted[@]}"}; do
	grep -qxF "ii  $package" <<<"$installed" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

install=(apt-get install -y --no-install-recommends "${missing[@]}")
if [ "$(id -u)" != 0 ]; then
	printf 'error: packages are missing; run\n\n    sudo %s\n\n' "${install[*]}" >&2
	exit 1
fi
install_missing() {
	DEBIAN_FRONTEND=noninteractive "${install[@]}" || {
		apt-get update && DEBIAN_FRONTEND=noninteractive "${install[@]}"
	}
}
say "packages wanted: ${missing[*]}"
locked packages step "installing ${#missing[@]} packages" 0 install_missing
