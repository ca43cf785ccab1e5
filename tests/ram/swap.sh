#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-timeout: 120
#
# A preallocated disk is fit to swap to: what comes back is what went, and the disk stays while it is
# in use.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/lib/cgroup.sh
. "$(dirname "$0")/../lib/cgroup.sh"
# shellcheck source=tests/ram/lib/disks.sh
. "$(dirname "$0")/lib/disks.sh"

ktap_plan 18
remove_all_disks

swapped() { awk -v name="pswp$1" '$1 == name { print $2 }' /proc/vmstat; }

# Twice as much memory as the group may have; each page says which it is and how often it was
# written.
use_memory() {
	in_group rblk python3 -SE - 32 3 <<-'END'
		import mmap, struct, sys
		mib, turns = map(int, sys.argv[1:])
		memory = mmap.mmap(-1, mib << 20)
		pages = range(0, mib << 20, 4096)
		for turn in range(1, turns + 1):
		    for at in pages:
		        memory[at : at + 4096] = struct.pack("QQ", at, turn) * 256
		    for at in pages:
		        assert memory[at : at + 4096] == struct.pack("QQ", at, turn) * 256, (turn, at)
	END
}

for front in bio mq; do
	disk=$(new_disk "size=64M prealloc=1 front=$front")
	mkswap "/dev/$disk" >/dev/null
	check "$front: it is swapped on" swapon --discard "/dev/$disk"
	check_equal "and must not go" EBUSY "$(errno_of "$CLASS/remove" "$disk")"
	check_equal "nor shrink" EBUSY "$(errno_of "/sys/block/$disk/ram/size" 1M)"
	check_equal "nor be emptied" EBUSY "$(errno_of "/sys/block/$disk/ram/reset" 1)"
	new_group rblk
	echo 16M >"$CGROUP/rblk/memory.max"
	before=$(swapped out)
	check "memory that does not fit is what it was" use_memory
	check "the disk had a part of it" test $(($(swapped out) - before)) -ge 4096
	check "it is swapped off" swapoff "/dev/$disk"
	check "and goes" remove_disk "$disk"
	check "so does the group" group_ends rblk
done
ktap_finished
