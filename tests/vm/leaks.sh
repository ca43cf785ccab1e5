#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: host
# rblk-timeout: 600
#
# A run on the debug kernel fails when something leaked, be it ever so little:
# at first nothing was noticed below some dozens of objects.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
ktap_plan 3
top=$(realpath "$(dirname "$0")/../..")
out=$top/build/leak
mkdir -p "$out"

build() {
	local kdir
	kdir=$("$top/scripts/kernel.sh" build debug) &&
		"$top/scripts/kernel.sh" make "$kdir" -s M="$top/tests/vm/leak" MO="$out" modules
}

check "the leaking module builds" build
"$top/scripts/vm" --kernel debug --no-load -- \
	sh -c "insmod '$out/leak.ko' && rmmod leak" 2>"$out/err" </dev/null
check_equal "the leak fails the run" 125 $?
check "and is shown" grep -q 'unreferenced object.*size 128' "$out/err"
ktap_finished
