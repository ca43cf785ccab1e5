#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# stock-build.sh HEADERS PARTSDIR OUT
#
# Builds the modules for a distribution's kernel headers, self-contained, with the
# packed parts in PARTSDIR that are of the headers' series (linux-rust-7.2.tar.xz:
# rust-parts.sh), and leaves them in OUT. It fetches nothing.
#
# stock-build.sh --refuse HEADERS PARTSDIR: say why it cannot, if so. Nothing is
# built.
#
# The exit status is 77 if it cannot, for these headers or for want of a tool, 1 if
# the build has failed.
#
# RUSTC, BINDGEN, RUST_LIB_SRC, RBLK_JOBS: as for rust-kdir.sh.
# TMPDIR: where there are some 500 MB for the time of the build.
set -euo pipefail

here=$(dirname "$(realpath "$0")")
decline() { echo "stock-build: $*" >&2; exit 77; }
usage() { sed -n '3,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0" >&2; exit 2; }

refuse=
if [ "${1:-}" = --refuse ]; then
	refuse=1
	shift
fi
[ $# = "$([ -n "$refuse" ] && echo 2 || echo 3)" ] || usage
[ -e "$1/include/config/kernel.release" ] || decline "$1: no kernel headers"
headers=$(realpath "$1")
release=$(cat "$headers/include/config/kernel.release")
series=$(echo "$release" | grep -oE '^[0-9]+\.[0-9]+') || decline "$release: no version of Linux"
parts=$2/linux-rust-$series.tar.xz
[ -r "$parts" ] || {
	known=$(find "$2" -name 'linux-rust-*.tar.xz' 2>/dev/null | sed 's/.*linux-rust-//; s/\.tar\.xz$//' | sort -V | paste -sd ' ')
	decline "$release: there is no Rust code for Linux $series here (for: ${known:-none})"
}
"$here/rust-kdir.sh" --refuse --static "$headers"
[ -z "$refuse" ] || exit 0

mkdir -p "$3"
out=$(realpath "$3")
scratch=$(mktemp -d "${TMPDIR:-/tmp}/rblk-build.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
kdir=$("$here/rust-kdir.sh" --static "$headers" "$parts" "$scratch")
make -C "$kdir" --no-print-directory -s -j"${RBLK_JOBS:-$(nproc)}" \
	M="$(dirname "$here")" MO="$scratch/modules" modules >&2 || exit 1
# Tests are not for those who install.
rm -f "$scratch"/modules/{rb_kunit,scsi_timeouts}.ko
"$here/self-contained.sh" "$scratch"/modules/*.ko
mv -t "$out" "$scratch"/modules/*.ko
