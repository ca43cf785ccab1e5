# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
# rblk-in-tree: brd
# rblk-ours: rblk
# rblk-seconds: 60 250
# rblk-rounds: 67
# rblk-title: RAM disks: ours beside other block devices in memory
#
# The suite ram-others: our RAM disk beside the kernel's other ways to a block device in memory,
# 64 MiB each, which are full of what cannot be compressed.

# shellcheck source=tests/bench/lib/disks.sh
. "${here:?}/lib/disks.sh"

# What it is compared with. null_blk has the multi-queue layer in front, so ours has, too;
# beside the others it is as it comes. All have blocks of a page, but for loop.
configurations=(null_blk loop zram)
tests=(
	'read-4k-qd1 read random 4096 1 1000'
	'write-4k-qd1 write random 4096 1 1000'
	'read-4k-qd32 read random 4096 32 2000'
	'write-4k-qd32 write random 4096 32 2000'
	'read-1m read sequential 1048576 1 16'
	'write-1m write sequential 1048576 1 16'
)

up() {
	local kind=$2
	case $1/$2 in
	ours/null_blk) kind=mq4k ;;
	ours/loop) kind=bio ;;
	ours/*) kind=bio4k ;;
	esac
	start_disk "$kind" 64 && fill 64
}

down() { stop_disk; }
