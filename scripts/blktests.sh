#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# blktests.sh [TEST...]: what make blktests does. Runs the tests of a blktests tree, BLKTESTS=, that take
# a device, on disks of ours, in a guest (KERNEL=, fast): a RAM disk of either kind, a packet device, a
# network block device, copy-on-write disks on files and on RAM disks. The tree is left as it
# is. Prints what passed, failed and was left out, and why; results are in build/blktests/.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

if ! [ -x "${BLKTESTS:-}/check" ]; then
	die 'BLKTESTS= is to be the path of a blktests tree (github: linux-blktests/blktests)'
fi
tree=$(realpath -e "$BLKTESTS")
cd "$RBLK_TOP"
kernel=${KERNEL:-fast}
scripts/deps.sh build rust vm suites

out=$RBLK_TOP/build/blktests
rm -rf "$out"
mkdir -p "$out"
cp -r "$tree" "$out/tree"
rm -rf "$out/tree/results" "$out/tree/config"
step 'building the programs of blktests' 0 make -C "$out/tree" all

say 'running blktests'
ret=0
scripts/vm --kernel "$kernel" --mem 2048 --cpus 2 --timeout 3600 --log "$out/kernel.log" \
	-- tests/torture/lib/blktests "$out/tree" "$@" | tee "$out/output" || ret=$?
exit "$ret"
