#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# dkms-build.sh RELEASE HEADERS OUT    what DKMS does for a kernel: builds the modules into the
#                                      directory OUT
#
# The headers need not have been made with Rust: rust-parts/, which the package brings along, has
# what they lack. Without it, HEADERS must be a build tree that has it.
#
# The status is 77 if there are no modules, whatever the reason: DKMS then passes over the kernel.
# Any other would have dpkg fail. The reason is the last line of output, in the journal, and until the
# next restart in /run/rblk-dkms, for what the package says after it was installed.
set -uo pipefail
top=$(cd "$(dirname "$0")/.." && pwd -P)
release=$1 headers=$2 out=$3
reason=${RBLK_RUN:-/run/rblk-dkms}/$release
log=$(mktemp) || exit 77
trap 'rm -f "$log"' EXIT
# make's variables are those of another make.
unset MAKEFLAGS MAKELEVEL MFLAGS

decline() {
	local line="no modules for Linux $release: $*"
	! command -v logger >/dev/null || logger -t rblk-dkms -- "$line" 2>/dev/null
	mkdir -p "${reason%/*}" && echo "$line" >"$reason"
	echo "rblk: $line"
	exit 77
}

# Without packed parts the headers must have been made with Rust.
refuse() {
	if [ -d "$top/rust-parts" ]; then
		"$top/scripts/stock-build.sh" --refuse "$headers" "$top/rust-parts"
	elif [ ! -e "$headers/rust/libkernel.rmeta" ]; then
		echo "$headers lacks the kernel's Rust parts, and this source has none (make deb packs them)"
		return 1
	fi
}

build() {
	mkdir -p "$out" || return
	if [ -d "$top/rust-parts" ]; then
		# What is compiled there must be allowed to run, which it may not be in /tmp.
		TMPDIR=$top "$top/scripts/stock-build.sh" "$headers" "$top/rust-parts" "$out"
	else
		RBLK_FETCH=no HOME=${HOME:-/root} \
			make -s -C "$top" KDIR="$headers" MO="$(realpath "$out")" modules
	fi
}

rm -f "$reason"
refuse >"$log" 2>&1 || decline "$(tail -n 1 "$log")"
build
status=$?
[ "$status" = 0 ] || decline "the build failed with status $status; DKMS keeps its output in make.log"
