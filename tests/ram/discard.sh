#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: debug
# rblk-timeout: 180
#
# Discarding frees what it covers and nothing else, in time for what is there.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/ram/lib/disks.sh
. "$(dirname "$0")/lib/disks.sh"
here=$(dirname "$0")

ktap_plan 21
remove_all_disks

for front in bio mq; do
	disk=$(new_disk "size=64K front=$front")
	check "every start and end within a page, $front" "$here/lib/discard.py" "/dev/$disk"
	remove_disk "$disk"
done

# The last page is a partial one: three sectors of it belong to the disk.
disk=$(new_disk size=$((4 * 4096 + 1536)))
fill() {
	head -c "$(attribute "$disk" size)" /dev/urandom |
		dd "of=/dev/$disk" bs=512 iflag=fullblock oflag=direct
}
check "a disk that ends within a page, filled" fill
check_equal "five pages" 5 "$(attribute "$disk" pages)"
check "its end, discarded" blkdiscard -o $((4 * 4096)) "/dev/$disk"
check_equal "four pages" 4 "$(attribute "$disk" pages)"
check "filled again" fill
check "all of it, discarded" blkdiscard "/dev/$disk"
check_equal "no page" 0 "$(attribute "$disk" pages)"
remove_disk "$disk"

# BLKZEROOUT used to allocate the pages that it zeroed.
disk=$(new_disk size=8M)
check "zeroes to an empty disk" blkdiscard -z "/dev/$disk"
check_equal "take no page" 0 "$(attribute "$disk" pages)"
check "a hole" fallocate --punch-hole -o 0 -l 1M "/dev/$disk"
remove_disk "$disk"

# Discarding preallocated memory zeroes it, and keeps it.
disk=$(new_disk size=1M prealloc=1)
check_equal "preallocated pages" 256 "$(attribute "$disk" pages)"
fill
check "preallocated, discarded" blkdiscard "/dev/$disk"
check_equal "the pages stay" 256 "$(attribute "$disk" pages)"
check "and are zeroes" cmp -n 1048576 /dev/zero "/dev/$disk"
remove_disk "$disk"

# A TiB with a page here and there. A discard that looks at each index takes minutes.
disk=$(new_disk size=1T)
sparse() {
	for gib in 0 1 17 255 256 511 768 1000 1023; do
		dd if=/dev/urandom "of=/dev/$disk" bs=4k count=1 seek=$((gib << 18)) oflag=direct \
			conv=notrunc || return
	done
}
check "a TiB with nine pages" sparse
check_equal "nine pages" 9 "$(attribute "$disk" pages)"
check "all but the first GiB, discarded in time" timeout "$(patience 20)" blkdiscard -o 1G "/dev/$disk"
check_equal "one page" 1 "$(attribute "$disk" pages)"
check "all disks go" remove_all_disks
ktap_finished
