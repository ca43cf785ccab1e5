#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-timeout: 180
# rblk-mem: 256
#
# A disk that has no more memory says so to its writer, and nobody is killed for it; what it had is there
# for others when it is removed.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/ram/lib/disks.sh
. "$(dirname "$0")/lib/disks.sh"

ktap_plan 47
remove_all_disks
dmesg -C

# fill DISK: writes zeroes until it fails; prints why, and how many MiB it took.
fill() {
	LC_ALL=C dd if=/dev/zero "of=/dev/$1" bs=1M oflag=direct 2>&1 |
		sed -n 's/.*error writing.*: //p; s/^\([0-9]*\)+.* records out$/\1/p' | tr '\n' ' '
}

disk=$(new_disk size=1G mem_limit=16M)
check_equal "mem_limit ends in ENOSPC" "No space left on device 16 " "$(fill "$disk")"
check_equal "exactly at the limit" 4096 "$(attribute "$disk" pages)"
check "what is there is written still" \
	dd if=/dev/zero "of=/dev/$disk" bs=1M count=16 oflag=direct conv=notrunc
check_fails "what is not is not" \
	dd if=/dev/zero "of=/dev/$disk" bs=4k count=1 seek=8192 oflag=direct
check "reading needs no memory" dd "if=/dev/$disk" of=/dev/null bs=1M count=64 iflag=direct
check_equal "no page came of it" 4096 "$(attribute "$disk" pages)"
check "a discard makes room" blkdiscard -o 0 -l 1M "/dev/$disk"
check "for as much" dd if=/dev/zero "of=/dev/$disk" bs=1M count=1 seek=100 oflag=direct
check_fails "and no more" dd if=/dev/zero "of=/dev/$disk" bs=4k count=1 seek=8192 oflag=direct
check "the limit is raised" write_to "/sys/block/$disk/ram/mem_limit" 20M
check_equal "the limit shows" 20971520 "$(attribute "$disk" mem_limit)"
check "there is room" dd if=/dev/zero "of=/dev/$disk" bs=1M count=4 seek=200 oflag=direct
check "the limit is lowered below what is there" write_to "/sys/block/$disk/ram/mem_limit" 4M
check_equal "nothing is freed" 5120 "$(attribute "$disk" pages)"
check_fails "nothing is added" dd if=/dev/zero "of=/dev/$disk" bs=4k count=1 seek=8192 oflag=direct
remove_disk "$disk"

disk=$(new_disk size=1G mem_limit=16M front=mq)
check_equal "blk-mq: mem_limit ends in ENOSPC" "No space left on device 16 " "$(fill "$disk")"
remove_disk "$disk"

# Memory that is discarded counts until it is free.
disk=$(new_disk size=1G mem_limit=8M)
more=$("$(dirname "$0")/lib/rounds.py" "/dev/$disk" 8 40)
check "a limit holds at each moment" test -n "$more" -a "$more" -le 16
ktap_msg "within 8 MiB, memory was less by up to $more MiB"
check_equal "nothing is left" 0 "$(attribute "$disk" pages)"
remove_disk "$disk"

# All there is for all disks: half of memory, by default.
total=$(awk '/^MemTotal:/ { print int($2 / 4) }' /proc/meminfo)
one=$(new_disk size=1G)
two=$(new_disk size=1G mem_limit=40M)
fill "$two" >/dev/null
fill_one=$(fill "$one")
check_equal "without mem_limit the end is ENOSPC, too" "No space left on device" "${fill_one% [0-9]* }"
sum=$(($(attribute "$one" pages) + $(attribute "$two" pages)))
check_equal "the second disk has its share" 10240 "$(attribute "$two" pages)"
check "both have at most half of memory" test "$sum" -le $((total / 2))
check "both have most of it" test "$sum" -gt $((total / 3))
check_equal "preallocation fails cleanly" ENOMEM "$(errno_of "$CLASS/add" "size=64M prealloc=1")"
check_equal "and leaves nothing" 2 "$(wc -l <"$CLASS/device_map")"
check "no OOM kill" no_oom_kill
remove_all_disks

# A limit of all disks is exact, and whatever a disk gives back, others get.
check "the module with 8 MiB for all" sh -c 'rmmod rblk && modprobe rblk ram_mem_max=8'
one=$(new_disk size=1G)
two=$(new_disk size=1G front=mq)
check_equal "one disk gets all of it" "No space left on device 8 " "$(fill "$one")"
check_equal "to the page" 2048 "$(attribute "$one" pages)"
check_equal "the other none" "No space left on device 0 " "$(fill "$two")"
check_equal "which takes nothing" 0 "$(attribute "$two" pages)"
blkdiscard -o 1M -l 2M "/dev/$one"
check_equal "it gets what is discarded" "No space left on device 2 " "$(fill "$two")"
write_to "/sys/block/$one/ram/mem_limit" 1M
remove_disk "$one"
check_equal "and what a removed disk had, whatever its own limit" "No space left on device 8 " \
	"$(fill "$two")"
remove_disk "$two"
for turn in 1 2 3; do
	disk=$(new_disk "size=8M prealloc=1")
	check_equal "turn $turn: preallocated, there is no more" "2048 ENOMEM" \
		"$(attribute "$disk" pages) $(errno_of "$CLASS/add" "size=4K prealloc=1")"
	remove_disk "$disk"
	check_equal "what is too much takes nothing" ENOMEM \
		"$(errno_of "$CLASS/add" "size=9M prealloc=1")"
done
check_equal "there is no disk" "" "$(cat "$CLASS/device_map")"

# With no limit at all, a disk stops before memory is short for others.
check "the module without limits" sh -c 'rmmod rblk && modprobe rblk ram_mem_max=100000'
disk=$(new_disk size=1G)
fill_all=$(fill "$disk")
check_equal "the end is ENOSPC" "No space left on device" "${fill_all% [0-9]* }"
check "most of memory was to be had" test "$(attribute "$disk" pages)" -gt $((total / 3))
check "no OOM kill" no_oom_kill
remove_all_disks
check "the module with limits" sh -c 'rmmod rblk && modprobe rblk'

# Memory comes back: ten times as much as would be missed.
before=$(free_kib)
disk=$(new_disk size=64M)
dd if=/dev/zero "of=/dev/$disk" bs=1M oflag=direct 2>/dev/null
during=$(free_kib)
remove_disk "$disk"
for _ in 1 2 3 4 5 6 7 8 9; do
	disk=$(new_disk size=64M)
	fill "$disk" >/dev/null
	remove_disk "$disk"
done
# It is freed when the kernel gets to it; the rest of the system uses and frees some meanwhile, too.
come_back() {
	after=$(free_kib)
	[ $((before - after)) -lt 32000 ]
}
check "a full disk of 64 MiB takes 64 MiB" \
	test $((before - during)) -gt 50000 -a $((before - during)) -lt 82000
check "ten of them do not stay" wait_for 20 come_back
ktap_msg "free: $before KiB, $during with a disk, $after after ten"
check "no OOM kill" no_oom_kill
ktap_finished
