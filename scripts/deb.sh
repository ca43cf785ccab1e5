#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# deb.sh: makes Debian packages of the sources as they are here, below build/deb, and prints their
# names. The last released version is that of debian/changelog; what git knows is added to it.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/apt-private.sh
. "$RBLK_TOP/scripts/apt-private.sh"
cd "$RBLK_TOP"

out=$RBLK_TOP/build/deb
# The series of kernels that the modules build for.
all_series=$(sed -n "s/^KERNEL_SERIES='\(.*\)'$/\1/p" scripts/kernel.sh)
[ -n "$all_series" ] || die 'scripts/kernel.sh does not say which series there are'

# Prints the files of the project.
files() {
	if git rev-parse --git-dir >/dev/null 2>&1; then
		git ls-files -z --cached --others --exclude-standard --deduplicate
	else
		find . -path ./build -prune -o -path ./target -prune -o -type f -print0
	fi
}

# version: a later commit has a larger one.
version() {
	local base
	base=$(dpkg-parsechangelog -S Version)
	if git rev-parse --git-dir >/dev/null 2>&1 &&
		! git describe --exact-match --tags --match "v$base" >/dev/null 2>&1; then
		base+=+git$(git rev-list --count HEAD).$(git rev-parse --short=8 HEAD)
	fi
	echo "$base"
}

# linux_source SERIES: prints a source tree, or the tarball of one, of the newest kernel of a series
# that the cache has, or else the archive.
linux_source() {
	local series=$1 tree versions
	if [ -n "${LINUX_SRC:-}" ]; then
		[ "$(sed -n 's/^\(VERSION\|PATCHLEVEL\) = //p' "$LINUX_SRC/Makefile" | paste -sd .)" != "$series" ] ||
			echo "$LINUX_SRC"
		return
	fi
	tree=$(find "$RBLK_CACHE/src" -maxdepth 1 -name "linux-$series.*" 2>/dev/null | sort -V | tail -n 1)
	if [ -z "$tree" ]; then
		apt_private_update
		versions=$(apt_private_versions "linux-source-$series")
		[ -n "$versions" ] || return 0
		apt_private_unpack "linux-source-$series=$(head -n 1 <<<"$versions")" "$scratch/$series"
		tree=$(echo "$scratch/$series"/usr/src/linux-source-*.tar.xz)
	fi
	echo "$tree"
}

# pack SERIES: into the cache, once for each state of the script that packs.
pack() {
	local series=$1 key packed source
	key=$(sha256sum scripts/rust-parts.sh | cut -c 1-12)
	packed=$RBLK_CACHE/rust-parts/linux-rust-$series-$key.tar.xz
	if [ -n "${LINUX_SRC:-}" ] || [ ! -e "$packed" ]; then
		source=$(linux_source "$series")
		[ -n "$source" ] || return 0
		mkdir -p "${packed%/*}"
		[ -z "${LINUX_SRC:-}" ] || packed=$scratch/linux-rust-$series.tar.xz
		step "packing the Rust parts of Linux $series" 0 scripts/rust-parts.sh "$source" "$packed.new"
		mv "$packed.new" "$packed"
	fi
	mkdir -p "$tree/debian/rust-parts"
	cp "$packed" "$tree/debian/rust-parts/linux-rust-$series.tar.xz"
}

export SOURCE_DATE_EPOCH
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || date +%s)
rm -rf "$out"
mkdir -p "$out"
scratch=$(mktemp -d "$RBLK_CACHE/deb-parts.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
version=$(version)
tree=$out/rblk-$version
mkdir "$tree"
files | tar --null -T - --ignore-failed-read -cf - | tar -C "$tree" -xf -
for series in $all_series; do
	locked "rust-parts-$series" pack "$series"
	[ -e "$tree/debian/rust-parts/linux-rust-$series.tar.xz" ] ||
		say "no source of Linux $series here: the modules will not be built for it"
done
if [ "$version" != "$(dpkg-parsechangelog -S Version)" ]; then
	{
		printf 'rblk (%s) unstable; urgency=medium\n\n  * As of this commit.\n\n -- %s  %s\n\n' \
			"$version" "$(sed -n 's/^Maintainer: //p' debian/control)" \
			"$(date -R -d "@$SOURCE_DATE_EPOCH")"
		cat debian/changelog
	} >"$tree/debian/changelog"
fi
# The compiler may be another than Debian's: deps.sh has seen that there is one.
build() {
	cd "$tree" && CARGO_TARGET_DIR=$RBLK_TOP/target dpkg-buildpackage -b -d -us -uc
}
step 'building the packages' 0 build
rm -rf "$tree"
printf '%s\n' "$out"/*.deb
