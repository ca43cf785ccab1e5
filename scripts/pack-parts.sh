#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# pack-parts.sh DIRECTORY    pack the kernel's Rust parts of each series that the modules build for,
#                            for a package of sources, as DIRECTORY/linux-rust-SERIES.tar.xz
#
# They are of the source that the cache has, or else of the newest that Debian's archive has; of
# LINUX_SRC= alone if that is given. A series that neither has is left out.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/apt-private.sh
. "$RBLK_TOP/scripts/apt-private.sh"

dir=$1
packer=$RBLK_TOP/scripts/rust-parts.sh
all_series=$(sed -n "s/^KERNEL_SERIES='\(.*\)'$/\1/p" "$RBLK_TOP/scripts/kernel.sh")
[ -n "$all_series" ] || die 'scripts/kernel.sh does not say which series there are'

# series_of TREE
series_of() { sed -n 's/^\(VERSION\|PATCHLEVEL\) = //p' "$1/Makefile" | paste -sd .; }

# linux_source SERIES: prints a source tree, or the tarball of one; nothing if there is none.
linux_source() {
	local series=$1 tree versions
	tree=$(find "$RBLK_CACHE/src" -maxdepth 1 -name "linux-$series.*" 2>/dev/null | sort -V | tail -n 1)
	if [ -z "$tree" ]; then
		apt_private_update || return
		versions=$(apt_private_versions "linux-source-$series") || return
		[ -n "$versions" ] || return 0
		apt_private_unpack "linux-source-$series=$(head -n 1 <<<"$versions")" "$scratch/$series" >&2 || return
		tree=$(echo "$scratch/$series"/usr/src/linux-source-*.tar.xz)
	fi
	echo "$tree"
}

# pack SERIES: into the cache, once for each state of the script that packs.
pack() {
	local series=$1 source packed
	packed=$RBLK_CACHE/rust-parts/linux-rust-$series-$(sha256sum "$packer" | cut -c 1-12).tar.xz
	if [ ! -e "$packed" ]; then
		source=$(linux_source "$series") || return
		[ -n "$source" ] || { say "no source of Linux $series: modules will not be built for it"; return; }
		mkdir -p "${packed%/*}"
		step "packing the Rust parts of Linux $series" 0 "$packer" "$source" "$packed.new"
		mv "$packed.new" "$packed"
	fi
	cp "$packed" "$dir/linux-rust-$series.tar.xz"
}

scratch=$(mktemp -d "$RBLK_CACHE/pack-parts.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$dir"
rm -f "$dir"/linux-rust-*
if [ -n "${LINUX_SRC:-}" ]; then
	series=$(series_of "$LINUX_SRC")
	[[ " $all_series " == *" $series "* ]] || die "LINUX_SRC=$LINUX_SRC is Linux $series, not one of $all_series"
	step "packing the Rust parts of Linux $series" 0 "$packer" "$LINUX_SRC" "$dir/linux-rust-$series.tar.xz"
else
	for series in $all_series; do
		locked "rust-parts-$series" pack "$series"
	done
fi
[ -n "$(find "$dir" -name 'linux-rust-*')" ] || die 'there is no kernel source to take Rust parts of'
