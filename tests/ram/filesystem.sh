#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-timeout: 180
#
# A filesystem on a disk: made, filled with a real tree, checked, compared; and on a partition.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/ram/lib/disks.sh
. "$(dirname "$0")/lib/disks.sh"

ktap_plan 12
remove_all_disks
mnt=$RBLK_SCRATCH/mnt
tree=$RBLK_SCRATCH/tree
mkdir -p "$mnt" "$tree"
# Our own sources, read once from where the guest has them.
cp -r "$(dirname "$0")/../../rust" "$(dirname "$0")/../../drivers" "$tree"
pattern "$tree/random" 8M

ext4() {
	mkfs.ext4 -q "$@" "/dev/$disk" && mount "/dev/$disk" "$mnt" && sync "$mnt" &&
		empty=$(attribute "$disk" pages) && cp -r "$tree" "$mnt" && umount "$mnt" &&
		e2fsck -fn "/dev/$disk" && mount "/dev/$disk" "$mnt" && diff -r "$tree" "$mnt/tree"
}

for options in "size=64M" "size=64M front=mq" "size=64M block_size=4096"; do
	disk=$(new_disk "$options")
	check "ext4, $options" ext4
	sync
	pages=$(attribute "$disk" pages)
	rm -rf "$mnt/tree"
	sync
	check "fstrim" fstrim "$mnt"
	# Directories that were written stay, and the journal, which had little before.
	left=$(attribute "$disk" pages)
	check "gives back what the files had" \
		test $((left - empty)) -lt $(((pages - empty) / 2)) -a $((pages - empty)) -gt 2048
	ktap_msg "pages: $empty of an empty file system, $pages with files, $left then"
	umount "$mnt"
	remove_disk "$disk"
done

disk=$(new_disk size=32M)
partitions() {
	# A partition of type 0x83 from sector 2048 on, 32768 sectors long, and the magic number.
	{
		head -c 446 /dev/zero
		printf '\0\0\0\0\203\0\0\0\0\010\0\0\0\200\0\0'
		head -c 48 /dev/zero
		printf '\125\252'
	} | dd "of=/dev/$disk" bs=512 iflag=fullblock && blockdev --rereadpt "/dev/$disk" &&
		mkfs.ext4 -q "/dev/${disk}p1" && mount "/dev/${disk}p1" "$mnt"
}
check "a partition with a filesystem" partitions
check_equal "holds its disk" EBUSY "$(errno_of "$CLASS/remove" "$disk")"
umount "$mnt"
check "all disks go" remove_all_disks
ktap_finished
