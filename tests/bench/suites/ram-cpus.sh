# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
# rblk-in-tree: brd
# rblk-ours: rblk
# rblk-cpus: 1 2 4
# rblk-units: ms
# rblk-seconds: 0 100
# rblk-rounds: 50
# rblk-title: RAM disks: processors
#
# The suite ram-cpus: a guest each with 1, 2 and 4 processors, and as many threads that read or
# write places of the same disk; disks as of the suite ram-brd. Processors that the machine does
# not have take turns on those it has. Instructions are not counted: that takes a guest with one
# processor.

# shellcheck source=tests/bench/lib/disks.sh
. "${here:?}/lib/disks.sh"

cpus=$(nproc)
configurations=("$cpus-cpus")
tests=(
	"read-4k-qd1 read random 4096 1 1000 0 $cpus"
	"write-4k-qd1 write random 4096 1 1000 0 $cpus"
	"read-4k-qd32 read random 4096 32 1000 0 $cpus"
	"write-4k-qd32 write random 4096 32 1000 0 $cpus"
)

up() {
	local kind=bio
	[ "$1" = ours ] || kind=brd
	start_disk "$kind" 64 && fill 64
}

down() { stop_disk; }
