# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
# rblk-in-tree: brd
# rblk-ours: rblk
# rblk-seconds: 60 200
# rblk-rounds: 50
# rblk-title: RAM disks: size
#
# The suite ram-size: disks of 1 GiB to 1 TiB, with 4096 pages stored, evenly spread; what is
# read and written is these, and holes are read.

# shellcheck source=tests/bench/lib/disks.sh
. "${here:?}/lib/disks.sh"

configurations=(1g 16g 128g 1t)
[ -z "${RBLK_BENCH_QUICK:-}" ] || configurations=(1g 1t)
tests=(
	'read-4k-qd1 read random 4096 1 1000 4096'
	'write-4k-qd1 write random 4096 1 1000 4096'
	'read-hole-qd1 read random 4096 1 1000 0'
)

up() {
	local kind=bio mib
	[ "$1" = ours ] || kind=brd
	case $2 in
	*g) mib=$((${2%g} << 10)) ;;
	*t) mib=$((${2%t} << 20)) ;;
	esac
	start_disk "$kind" "$mib" && "$RBLK_BENCH" fill "$device" 4096
}

down() { stop_disk; }
