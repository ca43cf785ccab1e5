# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
# rblk-in-tree: brd
# rblk-ours: rblk
# rblk-seconds: 60 330
# rblk-title: RAM disks: ours beside brd
#
# The suite ram-brd: our RAM disk beside the kernel's brd, 64 MiB each, which are full.

# shellcheck source=tests/bench/lib/disks.sh
. "${here:?}/lib/disks.sh"

# Two configurations: our disk with its front for bios, which is the default and what brd has,
# and with the multi-queue layer in front. brd is the same in both.
configurations=(bio mq)
tests=(
	'read-4k-qd1 read random 4096 1 2000'
	'write-4k-qd1 write random 4096 1 2000'
	'read-4k-qd32 read random 4096 32 4000'
	'write-4k-qd32 write random 4096 32 4000'
	'read-64k read random 65536 1 400'
	'write-64k write random 65536 1 400'
	'read-1m read sequential 1048576 1 40'
	'write-1m write sequential 1048576 1 40'
)

# up DRIVER CONFIGURATION: has the device ready.
up() {
	local kind=$2
	[ "$1" = ours ] || kind=brd
	start_disk "$kind" 64 && fill 64
}

down() { stop_disk; }
