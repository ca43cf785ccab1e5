#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# packages.sh deb|rpm: makes packages of the sources as they are here, below build/deb or build/rpm,
# and prints their names. The last released version is that of debian/changelog; what git knows is
# added to it.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$RBLK_TOP"

kind=$1
out=$RBLK_TOP/build/$kind
released=$(sed -nE '1s/^rblk \((.*)\) .*/\1/p' debian/changelog)

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
	base=$released
	if git rev-parse --git-dir >/dev/null 2>&1 &&
		! git describe --exact-match --tags --match "v$base" >/dev/null 2>&1; then
		base+=+git$(git rev-list --count HEAD).$(git rev-parse --short=8 HEAD)
	fi
	echo "$base"
}

deb() {
	scripts/pack-parts.sh "$tree/debian/rust-parts"
	if [ "$version" != "$released" ]; then
		{
			printf 'rblk (%s) unstable; urgency=medium\n\n  * As of this commit.\n\n -- %s  %s\n\n' \
				"$version" "$(sed -n 's/^Maintainer: //p' debian/control)" \
				"$(date -R -d "@$SOURCE_DATE_EPOCH")"
			cat debian/changelog
		} >"$tree/debian/changelog"
	fi
	step 'building the packages' 0 build_deb
	rm -rf "$tree"
	printf '%s\n' "$out"/*.deb
}
# The compiler may be another than Debian's: deps.sh has seen that there is one.
build_deb() {
	cd "$tree" && CARGO_TARGET_DIR=$RBLK_TOP/target dpkg-buildpackage -b -d -us -uc
}

rpm() {
	scripts/pack-parts.sh "$tree/packaging/rust-parts"
	tar -C "$out" -czf "$out/rblk-$version.tar.gz" "rblk-$version"
	rm -rf "$tree"
	step 'building the packages' 0 build_rpm
	rm -rf "$out"/{BUILD,BUILDROOT,rblk-*.tar.gz}
	printf '%s\n' "$out"/*/*.rpm
}
build_rpm() {
	local defines=() macro
	for macro in _unitdir=systemd/system _udevrulesdir=udev/rules.d; do
		[ "$(command rpm --eval "%${macro%%=*}")" != "%${macro%%=*}" ] ||
			defines+=(--define "${macro%%=*} /usr/lib/${macro#*=}")
	done
	CARGO_TARGET_DIR=$RBLK_TOP/target rpmbuild -bb --nodeps --define "_topdir $out" \
		--define "_sourcedir $out" --define "_rpmdir $out" --define "rblk_version $version" \
		${defines[@]+"${defines[@]}"} packaging/rblk.spec
}

export SOURCE_DATE_EPOCH
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || date +%s)
rm -rf "$out"
mkdir -p "$out"
version=$(version)
tree=$out/rblk-$version
mkdir "$tree"
files | tar --null -T - --ignore-failed-read -cf - | tar -C "$tree" -xf -
"$kind"
