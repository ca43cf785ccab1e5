#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-timeout: 60
#
# What files tell of many disks, and of I/O.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/ram/lib/disks.sh
. "$(dirname "$0")/lib/disks.sh"

ktap_plan 6
rmmod rblk
check "three hundred disks" modprobe rblk ram_nr=300 ram_size=4096 nbd_nbds_max=0

# expected: what sysfs has of each disk, as device_map lists it.
expected() {
	local n
	for n in {0..299}; do
		echo "rram$n $(<"/sys/block/rram$n/dev") 4194304"
	done
}
check "all are listed" diff <(expected) $CLASS/device_map
check "also to one who reads a few bytes at a time" diff <(expected) <(dd bs=5 status=none if=$CLASS/device_map)

# I/O is counted if somebody asks for it.
# counted: reads, their sectors, writes, their sectors, discards and their sectors of the last disk.
counted() { awk '{ print $1, $3, $5, $7, $12, $14 }' /sys/block/rram299/stat; }
use_disk() {
	dd if=/dev/zero of=/dev/rram299 bs=8k count=4 oflag=direct status=none &&
		dd if=/dev/rram299 of=/dev/null bs=4k count=3 iflag=direct status=none &&
		blkdiscard -f -o 0 -l 16384 /dev/rram299
}
use_disk
check_equal "by default nothing is counted" "0 0 0 0 0 0" "$(counted)"
check "it is to be" write_to /sys/block/rram299/queue/iostats 1
use_disk
check_equal "and is" "3 24 4 64 1 32" "$(counted)"
ktap_finished
