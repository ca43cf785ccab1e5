#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# rblk-timeout: 180
# rblk-mem: 256
#
# A disk that has no more memory says so to its writer, and nobody is killed for it.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/ram/disks.sh
. "$(dirname "$0")/disks.sh"

ktap_plan 31
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

# With no limit at all, a disk stops before memory is short for others.
check "the module without limits" sh -c 'rmmod rblk && modprobe rblk ram_mem_max=100000'
disk=$(new_disk size=1G)
fill_all=$(fill "$disk")
check_equal "the end is ENOSPC" "No space left on device" "${fill_all% [0-9]* }"
check "most of memory was to be had" test "$(attribute "$disk" pages)" -gt $((total / 3))
check "no OOM kill" no_oom_kill
remove_all_disks
check "the module with limits" sh -c 'rmmod rblk && modprobe rblk'

# Memory comes back.
before=$(free_kib)
disk=$(new_disk size=64M)
dd if=/dev/zero "of=/dev/$disk" bs=1M oflag=direct 2>/dev/null
during=$(free_kib)
remove_disk "$disk"
# The rest of the system uses and frees some meanwhile, too.
for _ in 1 2 3 4 5 6 7 8 9 10; do
	sleep 0.5
	after=$(free_kib)
	[ $((before - after)) -ge 8000 ] || break
done
check "a full disk of 64 MiB takes 64 MiB" \
	test $((before - during)) -gt 57000 -a $((before - during)) -lt 74000
check "which come back" test $((before - after)) -lt 16000
ktap_msg "free: $before KiB, $during with the disk, $after after it"
check "no OOM kill" no_oom_kill
ktap_finished
