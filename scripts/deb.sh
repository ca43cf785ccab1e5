#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# deb.sh: makes Debian packages of the sources as they are here, below build/deb, and prints their
# names. The last released version is that of debian/changelog; what git knows is added to it.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$RBLK_TOP"

out=$RBLK_TOP/build/deb

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

export SOURCE_DATE_EPOCH
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || date +%s)
rm -rf "$out"
mkdir -p "$out"
version=$(version)
tree=$out/rblk-$version
mkdir "$tree"
files | tar --null -T - --ignore-failed-read -cf - | tar -C "$tree" -xf -
scripts/pack-parts.sh "$tree/debian/rust-parts"
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
