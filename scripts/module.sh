#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# module.sh KERNEL [MAKE-ARGS...]: build rblk.ko for the test kernel KERNEL
# (fast, debug, or a build tree) and print its path. Every kernel has an output
# directory of its own below build/: a module and its kernel must come from the
# same compiler.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

kernel=$1
shift
kdir=$("$RBLK_TOP/scripts/kernel.sh" build "$kernel")
out=${MO:-$RBLK_TOP/build/$(basename "$kernel")}
mkdir -p "$out"
# A tree that was built for another kernel is not brought up to date by make.
if [ "$(cat "$out/.kdir" 2>/dev/null)" != "$kdir" ]; then
	rm -rf "${out:?}"
	mkdir -p "$out"
	echo "$kdir" >"$out/.kdir"
fi
locked "module-$(printf '%s' "$out" | tr -c 'A-Za-z0-9' _)" \
	"$RBLK_TOP/scripts/kernel.sh" make "$kdir" -s -j"$RBLK_JOBS" \
	M="$RBLK_TOP" MO="$out" "$@" modules >&2
echo "$out/rblk.ko"
