#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# module.sh KERNEL [MAKE-ARGS...]    build the modules for KERNEL (fast, debug, fast-7.3,
#                                    or a build tree), and print the path of rblk.ko;
#                                    the others lie beside it
# module.sh --install KERNEL         install them
#
# A build tree is one of a kernel, or a distribution's headers. What these lack of
# the kernel's Rust parts is made again (scripts/rust-kdir.sh).
#
# RB_STATIC=n has modules link to the Rust code in the kernel. It must have been
# built with CONFIG_RUST, by the rustc that is here; if its headers have no Rust
# metadata, its very source has to be here, too. RB_STATIC=y has them bring all of it
# along. If neither is said, it is n where the metadata is there and rustc is the
# kernel's, y elsewhere.
#
# LINUX_SRC=DIR is the source of the Rust parts. Without it they are taken from
# /usr/src/linux-source-SERIES.tar.xz, or fetched (scripts/kernel.sh src).
#
# Every kernel has an output directory of its own below build/ (or MO=): a module
# and its kernel must come from the same compiler.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

target=modules
if [ "$1" = --install ]; then
	target=modules_install
	shift
fi
kernel=$1
shift
headers=$("$RBLK_TOP/scripts/kernel.sh" build "$kernel")
case $kernel in
fast | debug | fast-[0-9]* | debug-[0-9]*) out=$RBLK_TOP/build/$kernel ;;
*) out=$RBLK_TOP/build/$(cat "$headers/include/config/kernel.release") ;;
esac

config() { sed -n "s/^CONFIG_$1=//p" "$headers/include/config/auto.conf"; }
has_metadata() { [ -e "$headers/rust/libkernel.rmeta" ] && [ -e "$headers/scripts/target.json" ]; }
same_rustc() { [ "$(config RUSTC_VERSION_TEXT)" = "$("${RUSTC:-rustc}" --version)" ]; }

# The kernel's source, for what headers lack of it.
linux_source() {
	local series tarball
	series=$(grep -oE '^[0-9]+\.[0-9]+' "$headers/include/config/kernel.release")
	tarball=/usr/src/linux-source-$series.tar.xz
	if [ -n "${LINUX_SRC:-}" ] || [ ! -r "$tarball" ]; then
		RBLK_SERIES=$series "$RBLK_TOP/scripts/kernel.sh" src
	else
		echo "$tarball"
	fi
}

# same_package TARBALL: where both are of packages, that of the source is of the version of that of
# the headers: what a distribution changes in one version shows in no number of the kernel's own.
same_package() {
	local of_source of_headers
	of_source=$(package_version "$1") && of_headers=$(package_version "$headers/Makefile") || return 0
	[ "$of_source" = "$of_headers" ] ||
		die "RB_STATIC=n: $headers is of version $of_headers, $1 of $of_source"
}
package_version() {
	local package
	package=$(dpkg-query -S "$1" 2>/dev/null) || return
	dpkg-query -W -f '${Version}' "${package%%:*}"
}

static=${RB_STATIC:-}
if [ -z "$static" ]; then
	static=y
	if has_metadata && same_rustc; then
		static=n
	fi
fi
case $static in
n)
	[ "$(config RUST)" = y ] || die "RB_STATIC=n: $headers is of a kernel without CONFIG_RUST"
	same_rustc || die "RB_STATIC=n: the kernel was built with '$(config RUSTC_VERSION_TEXT)'," \
		"here is '$("${RUSTC:-rustc}" --version)'"
	parts=''
	if ! has_metadata; then
		parts=$(linux_source)
		same_package "$parts"
	fi
	;;
y)
	out+=-static
	parts=$(linux_source)
	;;
*) die "RB_STATIC=$static: y or n" ;;
esac
kdir=$headers made=''
if [ -n "$parts" ]; then
	work=$RBLK_CACHE/rust-kdir/${out##*/}-$(printf '%s' "$headers" | sha256sum | cut -c 1-12)
	log=$RBLK_CACHE/log/rust-kdir.log
	mkdir -p "$work"
	[ -e "$work/.complete" ] || say "making the Rust parts for ${headers##*/}, which takes some minutes"
	way=(--static)
	[ "$static" = y ] || way=()
	kdir=$(locked "rust-kdir-${work##*/}" "$RBLK_TOP/scripts/kernel.sh" tools "$headers" \
		"$RBLK_TOP/scripts/rust-kdir.sh" ${way[@]+"${way[@]}"} "$headers" "$parts" "$work" 2>"$log") ||
		die "$(tail -n 20 "$log")"
	made=$(cat "$work/.complete")
fi
out=${MO:-$out}
# make does not bring up to date what was built for another kernel.
if [ "$(cat "$out/.kdir" 2>/dev/null)" != "$kdir $made" ]; then
	rm -rf "${out:?}"
	mkdir -p "$out"
	echo "$kdir $made" >"$out/.kdir"
fi
out=$(realpath "$out")
locked "module-$(printf '%s' "$out" | sha256sum | cut -c 1-12)" \
	"$RBLK_TOP/scripts/kernel.sh" make "$kdir" --no-print-directory -s -j"$RBLK_JOBS" \
	M="$RBLK_TOP" MO="$out" "$@" "$target" >&2
[ "$static" = n ] || "$RBLK_TOP/scripts/self-contained.sh" "$out"/*.ko
echo "$out/rblk.ko"
