#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# kernel.sh src           print the kernel source tree, fetched if need be
# kernel.sh path NAME     print the build tree of the test kernel NAME, wherever
#                         it is or will be: fast, debug, kcsan, each with a series
#                         behind it or without (fast-7.3), or a build tree; and
#                         prepared: of fast only what it takes to compile our objects
# kernel.sh build NAME    the same, and build it if need be
# kernel.sh newest        fetch newer sources of the series that are here already,
#                         where the newest is meant and there is one
# kernel.sh default       print the running kernel's build tree or headers if these
#                         modules can be built for it, else "fast"
# kernel.sh make KDIR ... run make with the compilers that KDIR was built with
# kernel.sh tools KDIR COMMAND ... run COMMAND with these in its environment
#
# RBLK_SERIES=7.3 is the series of kernels named without one; if it is not given,
# the first that the archive has of those this project builds for.
# LINUX_SRC= names a source tree to use instead of Debian's package.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/apt-private.sh
. "$RBLK_TOP/scripts/apt-private.sh"
# shellcheck source=scripts/toolchain.sh
. "$RBLK_TOP/scripts/toolchain.sh"

# The series that the modules build for, and of these the versions that are not the newest.
KERNEL_SERIES='7.2 7.3'
KERNEL_PINNED=7.2.12

# _pick SERIES...: prints PACKAGE=VERSION of the first that the archive has: the pinned version,
# else the newest.
_pick() {
	local series versions
	apt_private_update
	for series; do
		versions=$(apt_private_versions "linux-source-$series")
		[ -n "$versions" ] || continue
		printf 'linux-source-%s=%s\n' "$series" \
			"$(grep -F -m 1 "$KERNEL_PINNED-" <<<"$versions" || head -n 1 <<<"$versions")"
		return
	done
	die "no linux-source of $* in $RBLK_SUITE: set LINUX_SRC="
}

# _fetch_source LINK SERIES...: LINK then leads to the tree.
_fetch_source() {
	local link=$RBLK_CACHE/src/$1 package version tmp
	[ ! -e "$link" ] || return 0
	shift
	package=$(_pick "$@") || return
	version=${package#*=}
	version=${version%%-*}
	if [ ! -e "$RBLK_CACHE/src/linux-$version" ]; then
		tmp=$RBLK_CACHE/src/unpacked
		rm -rf "$tmp"
		apt_private_unpack "$package" "$tmp" || return
		step "unpacking Linux $version" 0 tar -C "$tmp" -xf "$(echo "$tmp"/usr/src/linux-source-*.tar.xz)"
		# The name is given last: who sees it has the whole tree.
		mv "$(echo "$tmp"/linux-source-*)" "$RBLK_CACHE/src/linux-$version"
		rm -rf "$tmp"
	fi
	ln -s -n -f "linux-$version" "$link"
}

# _of_series TREE SERIES: whether the source tree is of the series, or any will do.
_of_series() {
	[ -z "$2" ] || [[ $(make -s -C "$1" kernelversion) =~ ^"$2"([.-]|$) ]]
}

# linux_src [SERIES]: LINUX_SRC, the tree that was fetched when no series was asked for, or that
# of a series.
linux_src() {
	local series=${1:-${RBLK_SERIES:-}} link=linux
	if [ -n "${LINUX_SRC:-}" ]; then
		[ -e "$LINUX_SRC/Kconfig" ] || die "LINUX_SRC=$LINUX_SRC is no kernel source"
		_of_series "$LINUX_SRC" "$series" || die "LINUX_SRC=$LINUX_SRC is no Linux $series"
		realpath "$LINUX_SRC"
		return
	fi
	mkdir -p "$RBLK_CACHE/src"
	if [ -n "$series" ] && ! { [ -e "$RBLK_CACHE/src/linux" ] && _of_series "$RBLK_CACHE/src/linux" "$series"; }; then
		link=series-$series
	fi
	# shellcheck disable=SC2086 # a list
	[ -e "$RBLK_CACHE/src/$link" ] ||
		locked linux-source _fetch_source "$link" ${series:-$KERNEL_SERIES} || return
	realpath "$RBLK_CACHE/src/$link"
}

# For each link whose tree is not the one that would be fetched now.
kernel_newest() {
	local link have series want
	for link in "$RBLK_CACHE"/src/linux "$RBLK_CACHE"/src/series-*; do
		[ -e "$link" ] || continue
		have=$(readlink "$link")
		have=${have#linux-}
		series=$(cut -d . -f 1,2 <<<"$have")
		want=$(_pick "$series") || exit
		want=${want#*=}
		[ "$have" != "${want%%-*}" ] || continue
		rm "$link"
		locked linux-source _fetch_source "${link##*/}" "$series"
	done
}

# What a kernel is made of.
_fragments() {
	case $1 in
	fast | prepared) echo "$RBLK_TOP/configs/fast.config" ;;
	debug | kcsan) echo "$RBLK_TOP/configs/fast.config" "$RBLK_TOP/configs/$1.config" ;;
	*) die "no such kernel: $1 (fast, debug, kcsan, one of these with a series as in fast-7.3," \
		"or a build tree)" ;;
	esac
}
_compiler() { [ "$1" = debug ] && echo "clang-$RBLK_LLVM" || echo "${CC:-gcc}"; }
_make_args() { [ "$1" = debug ] && echo "LLVM=-$RBLK_LLVM" || echo "CC=${CC:-gcc}"; }
# The usual length of a build log.
_log_lines() { [ "$1" = debug ] && echo 2550 || echo 2450; }

# A name is KIND or KIND-SERIES.
_kind_of() {
	_fragments "${1%%-*}" >/dev/null || exit
	printf '%s\n' "${1%%-*}"
}
_series_of() { [[ $1 != *-* ]] || printf '%s\n' "${1#*-}"; }

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
	if [ "$name" = prepared ]; then
		# shellcheck disable=SC2086 # a list
		step "preparing a kernel tree for rustc $(rustc_version)" 0 \
			make -C "$src" O="$tree" $args -j"$RBLK_JOBS" prepare
		touch "$tree/.rblk-complete"
		return
	fi
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
	local name=$1 src=$2 tree
	tree=$(kernel_path "$name" "$src")
	[ -e "$tree/.rblk-complete" ] ||
		locked "kernel-${tree##*/}" _build_kernel "$name" "$src" "$tree"
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
	kind=$(_kind_of "$2")
	src=$(linux_src "$(_series_of "$2")")
	"kernel_$1" "$kind" "$src"
	;;
newest)
	[ -n "${LINUX_SRC:-}" ] || kernel_newest
	;;
default)
	running=/lib/modules/$(uname -r)/build
	if [[ " $KERNEL_SERIES " == *" $(uname -r | grep -oE '^[0-9]+\.[0-9]+') "* ]] && [ -e "$running/.config" ]; then
		"$RBLK_TOP/scripts/deps.sh" build rust
		toolchain
		if "$RBLK_TOP/scripts/rust-kdir.sh" --refuse --static "$running"; then
			echo "$running"
			exit
		fi
	fi
	echo fast
	;;
make | tools)
	what=$1 kdir=${2:?}
	shift 2
	"$RBLK_TOP/scripts/deps.sh" build rust
	toolchain
	if grep -q '^CONFIG_CC_IS_CLANG=y' "$kdir/.config"; then
		export LLVM=-$RBLK_LLVM
	fi
	[ "$what" = tools ] || set -- make -C "$kdir" "$@"
	exec "$@"
	;;
*)
	sed -n '3,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0" >&2
	exit 2
	;;
esac
