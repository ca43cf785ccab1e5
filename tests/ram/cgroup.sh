#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-timeout: 120
#
# What a control group does to a disk is counted and throttled as it is for any
# disk, and leaves nothing behind that holds the group. The disk's memory is not the
# group's.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/lib/cgroup.sh
. "$(dirname "$0")/../lib/cgroup.sh"
# shellcheck source=tests/ram/lib/disks.sh
. "$(dirname "$0")/lib/disks.sh"

ktap_plan 31
remove_all_disks
random=$RBLK_SCRATCH/random
pattern "$random" 4M
none_dies() {
	echo 3 >/proc/sys/vm/drop_caches
	[ "$(dying)" -eq 0 ]
}
check "no group is on its way out" wait_for 10 none_dies

# 4 MiB at 2 MiB per second; the first burst is free.
throttled() {
	local start=$EPOCHREALTIME
	echo "$(cat "/sys/block/$disk/dev") wbps=2097152" >"$CGROUP/rblk/io.max" &&
		in_group rblk dd if="$random" "of=/dev/$disk" bs=64k oflag=direct &&
		echo "$(cat "/sys/block/$disk/dev") wbps=max" >"$CGROUP/rblk/io.max" &&
		[ $((${EPOCHREALTIME/./} - ${start/./})) -gt 1500000 ]
}

for front in bio mq; do
	disk=$(new_disk "size=16M front=$front")
	check "$front: a group" new_group rblk
	check "its writes are throttled" throttled
	check "and are the data" cmp -n 4194304 "$random" "/dev/$disk"
	check_equal "and counted" 4194304 "$(io_stat rblk "/dev/$disk" wbytes)"
	check "it reads" in_group rblk dd "if=/dev/$disk" of=/dev/null bs=64k count=64 iflag=direct
	check_equal "that is counted, too" 4194304 "$(io_stat rblk "/dev/$disk" rbytes)"
	check "it writes through the page cache" in_group rblk \
		dd if="$random" "of=/dev/$disk" bs=64k seek=64 conv=fsync
	check_equal "that is its own, too" 8388608 "$(io_stat rblk "/dev/$disk" wbytes)"
	check "it discards" in_group rblk blkdiscard -l 2M "/dev/$disk"
	check "the group goes while the disk stays" group_ends rblk
	new_group rblk
	in_group rblk dd if="$random" "of=/dev/$disk" bs=64k oflag=direct 2>/dev/null
	check "the disk goes while the group stays" remove_disk "$disk"
	check "then the group goes" group_ends rblk

	# Three times what the group may have.
	disk=$(new_disk "size=48M front=$front")
	new_group rblk
	echo 16M >"$CGROUP/rblk/memory.max"
	check "it fills a disk that is larger than its memory" \
		in_group rblk dd if=/dev/zero "of=/dev/$disk" bs=1M count=48 oflag=direct
	check_equal "all of it" 12288 "$(attribute "$disk" pages)"
	check "of which it has none" test "$(cat "$CGROUP/rblk/memory.current")" -lt 8000000
	group_ends rblk
	remove_disk "$disk"
done
ktap_finished
