#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# module.sh KERNEL [MAKE-ARGS...]    build the modules for KERNEL (fast, debug, fast-7.3,
#                                    or a build tree), and print the path of rblk.ko;
#                                    nbd.ko lies beside it
# module.sh --install KERNEL         install them
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
kdir=$("$RBLK_TOP/scripts/kernel.sh" build "$kernel")
case $kernel in
fast | debug | fast-[0-9]* | debug-[0-9]*) out=$RBLK_TOP/build/$kernel ;;
*) out=$RBLK_TOP/build/$(cat "$kdir/include/config/kernel.release") ;;
esac
out=${MO:-$out}
# make does not bring up to date what was built for another kernel.
if [ "$(cat "$out/.kdir" 2>/dev/null)" != "$kdir" ]; then
	rm -rf "${out:?}"
	mkdir -p "$out"
	echo "$kdir" >"$out/.kdir"
fi
out=$(realpath "$out")
locked "module-$(printf '%s' "$out" | sha256sum | cut -c 1-12)" \
	"$RBLK_TOP/scripts/kernel.sh" make "$kdir" --no-print-directory -s -j"$RBLK_JOBS" \
	M="$RBLK_TOP" MO="$out" "$@" "$target" >&2
echo "$out/rblk.ko"
