#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# rust-parts.sh LINUX_SRC OUT.tar.xz    pack what Rust modules need of a kernel's
#                                       source, with the licences it is under
# rust-parts.sh --unpack PARTS DIR      put it into the directory DIR
#
# LINUX_SRC and PARTS are a kernel source tree, the tarball of a linux-source
# package, or what this script has packed.
set -euo pipefail

die() { echo "rust-parts: $*" >&2; exit 1; }

# All of rust/. What builds it, and says which compilers it is for. The headers
# that the bindings include from outside include/. The terms of use.
PARTS=(rust Makefile init/Kconfig
	scripts/generate_rust_target.rs scripts/min-tool-version.sh
	scripts/rust_is_available_bindgen_libclang.h
	drivers/base/base.h drivers/android COPYING LICENSES)
unwanted=('--exclude=*.o' '--exclude=*.rmeta' '--exclude=*.rlib' '--exclude=*.so' '--exclude=*.cmd'
	'--exclude=drivers/android/*.c' '--exclude=drivers/android/*.rs')

# Of a tarball's only directory, the members that are wanted.
unpack() {
	local parts=$1 dir=$2 part missing
	[ -r "$parts" ] || die "cannot read $parts"
	mkdir -p "$dir"
	if [ -d "$parts" ]; then
		tar -C "$parts" "${unwanted[@]}" -cf - "${PARTS[@]}" | tar -C "$dir" -xf -
	else
		tar -C "$dir" --strip-components=1 --wildcards --no-wildcards-match-slash \
			"${unwanted[@]}" -xf "$parts" "${PARTS[@]/#/*/}"
	fi || die "$parts is no kernel source with Rust"
	for part in "${PARTS[@]}"; do
		[ -e "$dir/$part" ] || die "$parts lacks $part"
	done
	# The bindings of another kernel may want more.
	missing=$(grep -rhoE '^#include [<"](\.\./)+[^>"]+' "$dir"/rust/{bindings,helpers,uapi} |
		sed -E 's,^#include .(\.\./)+,,' | sort -u |
		while read -r part; do [ -e "$dir/$part" ] || echo "$part"; done)
	[ -z "$missing" ] || die "$parts: not among the parts, but included: ${missing//$'\n'/ }"
}

# The texts of the licences that files name, and no others.
keep_licences() {
	local dir=$1 name
	grep -rhoE 'SPDX-License-Identifier: [^*]*' "$dir"/{rust,drivers,scripts,init} |
		sed 's/^[^:]*: *//; s/[()]//g; s/ \(OR\|or\|AND\|WITH\) /\n/g' | sed 's/ *$//' | sort -u |
		while read -r name; do
			grep -lrxF "Valid-License-Identifier: $name" "$dir/LICENSES" ||
				grep -lrxF "SPDX-Exception-Identifier: $name" "$dir/LICENSES" ||
				die "the kernel source has no text of the licence $name"
		done >"$dir/wanted"
	find "$dir/LICENSES" -type f | grep -vxFf "$dir/wanted" | xargs -d '\n' rm -f
	rm "$dir/wanted"
}

if [ "${1:-}" = --unpack ] && [ $# = 3 ]; then
	unpack "$2" "$3"
	exit
elif [ $# != 2 ] || [ "${1#-}" != "$1" ]; then
	sed -n '3,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0" >&2
	exit 2
fi

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
unpack "$1" "$tmp/parts"
keep_licences "$tmp/parts"
version=$(sed -n 's/^\(VERSION\|PATCHLEVEL\|SUBLEVEL\) = //p' "$tmp/parts/Makefile" | paste -sd .)
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || die "$1 has no version"
mv "$tmp/parts" "$tmp/linux-rust-$version"
# The same source makes the same tarball.
tar -C "$tmp" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@${SOURCE_DATE_EPOCH:-0}" \
	--mode='u+rw,go=rX' -cf - "linux-rust-$version" | xz -9e >"$tmp/packed"
mv "$tmp/packed" "$2"
