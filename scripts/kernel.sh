#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# kernel.sh src           print the kernel source tree, fetched if need be
# kernel.sh path NAME     print the build tree of the test kernel NAME, wherever
#                         it is or will be (fast, debug, kcsan, or a build tree)
# kernel.sh build NAME    the same, and build it if need be
# kernel.sh default        print the running kernel's build tree if Rust modules
#                          can be built for it, else "fast"
# kernel.sh make KDIR ... run make with the compilers that KDIR was built with
#
# LINUX_SRC= names a source tree to use instead of Debian's package.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/apt-private.sh
. "$RBLK_TOP/scripts/apt-private.sh"
# shellcheck source=scripts/toolchain.sh
. "$RBLK_TOP/scripts/toolchain.sh"

KERNEL_PINNED=7.2.12
KERNEL_SERIES='7.2 7.3'

# Prints PACKAGE=VERSION: the pinned version, else the newest of the series.
_pick_package() {
	local series versions
	apt_private_update
	for series in $KERNEL_SERIES; do
		versions=$(apt_private_versions "linux-source-$series")
		[ -n "$versions" ] || continue
		printf 'linux-source-%s=%s\n' "$series" \
			"$(grep -F -m 1 "$KERNEL_PINNED-" <<<"$versions" || head -n 1 <<<"$versions")"
		return
	done
	die "no linux-source of $KERNEL_SERIES in $RBLK_SUITE: set LINUX_SRC="
}

_fetch_source() {
	local package version tmp
	[ ! -e "$RBLK_CACHE/src/linux" ] || return 0
	package=$(_pick_package)
	version=${package#*=}
	version=${version%%-*}
	tmp=$RBLK_CACHE/src/unpacked
	rm -rf "$tmp"
	apt_private_unpack "$package" "$tmp"
	step "unpacking Linux $version" 0 tar -C "$tmp" -xf "$(echo "$tmp"/usr/src/linux-source-*.tar.xz)"
	rm -rf "${tmp:?}/usr" "$RBLK_CACHE/src/linux-$version"
	mv "$(echo "$tmp"/linux-source-*)" "$RBLK_CACHE/src/linux-$version"
	rm -rf "$tmp"
	# The name is given last: who sees it has the whole tree.
	ln -s "linux-$version" "$RBLK_CACHE/src/linux"
}

linux_src() {
	if [ -n "${LINUX_SRC:-}" ]; then
		[ -e "$LINUX_SRC/Kconfig" ] || die "LINUX_SRC=$LINUX_SRC is no kernel source"
		realpath "$LINUX_SRC"
		return
	fi
	mkdir -p "$RBLK_CACHE/src"
	[ -e "$RBLK_CACHE/src/linux" ] || locked linux-source _fetch_source
	realpath "$RBLK_CACHE/src/linux"
}

# What a kernel is made of.
_fragments() {
	case $1 in
	fast) echo "$RBLK_TOP/configs/fast.config" ;;
	debug) echo "$RBLK_TOP/configs/fast.config" "$RBLK_TOP/configs/debug.config" ;;
	kcsan) echo "$RBLK_TOP/configs/fast.config" "$RBLK_TOP/configs/kcsan.config" ;;
	*) die "no such kernel: $1 (fast, debug, kcsan, or a build tree)" ;;
	esac
}
_compiler() { [ "$1" = debug ] && echo "clang-$RBLK_LLVM" || echo "${CC:-gcc}"; }
_make_args() { [ "$1" = debug ] && echo "LLVM=-$RBLK_LLVM" || echo "CC=${CC:-gcc}"; }
# The usual length of a build log.
_log_lines() { [ "$1" = debug ] && echo 2550 || echo 2450; }

# The build tree's name carries all that it depends on.
kernel_path() {
	local name=$1 src=$2 version hash
	version=$(make -s -C "$src" kernelversion)
	# shellcheck disable=SC2046 # a list of files
	hash=$( (grep -h "CONFIG_" $(_fragments "$name"); toolchain_id "$(_compiler "$name")") |
		sha256sum | cut -c 1-12)
	echo "$RBLK_CACHE/kernels/$name-$version-$hash"
}

_configure() {
	local name=$1 src=$2 tree=$3 fragments args
	fragments=$(_fragments "$name")
	args=$(_make_args "$name")
	# shellcheck disable=SC2086 # lists
	{
		make -C "$src" O="$tree" $args tinyconfig
		cat $fragments >>"$tree/.config"
		make -C "$src" O="$tree" $args olddefconfig
		"$RBLK_TOP/scripts/kconfig-check.sh" "$tree/.config" $fragments
	}
}

# Objects that went into the image serve no module build.
_slim() {
	find "$1" \( -path "$1/scripts" -o -path "$1/tools" -o -path "$1/rust" -o -path "$1/modroot" \) -prune -o \
		-type f \( -name '*.o' -o -name '*.a' -o -name '.*.cmd' \) \
		-exec rm -f {} +
	rm -f "$1"/vmlinux.unstripped "$1"/.tmp_vmlinux* "$1"/arch/x86/boot/compressed/vmlinux*
}

_build_kernel() {
	local name=$1 src=$2 tree=$3 args
	[ ! -e "$tree/.rblk-complete" ] || return 0
	args=$(_make_args "$name")
	rm -rf "$tree"
	mkdir -p "$tree"
	step "configuring the $name kernel" 0 _configure "$name" "$src" "$tree"
	# shellcheck disable=SC2086 # a list
	step "building the $name kernel" "$(_log_lines "$name")" \
		make -C "$src" O="$tree" $args -j"$RBLK_JOBS" all
	# shellcheck disable=SC2086 # a list
	step "installing the $name kernel's modules" 0 \
		make -C "$src" O="$tree" $args INSTALL_MOD_PATH="$tree/modroot" modules_install
	_slim "$tree"
	touch "$tree/.rblk-complete"
}

kernel_build() {
	local name=$1 src tree
	src=$(linux_src)
	tree=$(kernel_path "$name" "$src")
	[ -e "$tree/.rblk-complete" ] || locked "kernel-$name" _build_kernel "$name" "$src" "$tree"
	echo "$tree"
}

case ${1:-} in
src)
	linux_src
	;;
path | build)
	if [ -e "${2:?}/.config" ]; then
		realpath "$2"
		exit
	fi
	"$RBLK_TOP/scripts/deps.sh" build rust
	toolchain
	if [ "$1" = build ]; then
		kernel_build "$2"
	else
		kernel_path "$2" "$(linux_src)"
	fi
	;;
default)
	running=/lib/modules/$(uname -r)/build
	if grep -qs '^CONFIG_RUST=y' "$running/.config" && [ -e "$running/rust/libkernel.rmeta" ]; then
		echo "$running"
	else
		echo fast
	fi
	;;
make)
	kdir=${2:?}
	shift 2
	"$RBLK_TOP/scripts/deps.sh" build rust
	toolchain
	llvm=()
	if grep -q '^CONFIG_CC_IS_CLANG=y' "$kdir/.config"; then
		llvm=("LLVM=-$RBLK_LLVM")
	fi
	exec make -C "$kdir" "${llvm[@]}" "$@"
	;;
*)
	sed -n '3,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0" >&2
	exit 2
	;;
esac
