# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
# rblk-in-tree: brd
# rblk-ours: rblk
# rblk-seconds: 70 220
# rblk-rounds: 50
# rblk-title: RAM disks: operations at a time
#
# The suite ram-depth: operations of 4 KiB, 1 to 128 at a time; disks as of the suite ram-brd.

# shellcheck source=tests/bench/lib/disks.sh
. "${here:?}/lib/disks.sh"

configurations=(bio)
tests=()
depths=(1 2 4 8 16 32 64 128)
[ -z "${RBLK_BENCH_QUICK:-}" ] || depths=(1 8 32 128)
for depth in "${depths[@]}"; do
	for direction in read write; do
		tests+=("$direction-4k-qd$depth $direction random 4096 $depth 2048")
	done
done

up() {
	local kind=$2
	[ "$1" = ours ] || kind=brd
	start_disk "$kind" 64 && fill 64
}

down() { stop_disk; }
