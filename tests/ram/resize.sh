#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# rblk-timeout: 180
#
# Disks grow while they are in use, shrink when they are not, and never show old data again.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/ram/disks.sh
. "$(dirname "$0")/disks.sh"

ktap_plan 48
remove_all_disks
mnt=$RBLK_SCRATCH/mnt
mkdir -p "$mnt"

resize() {
	write_to "/sys/block/$disk/ram/size" "$1"
}

filled() {
	tr '\0' '\252' </dev/zero | head -c "$1" | dd "of=/dev/$disk" bs=512 iflag=fullblock oflag=direct
}

# reads_zero FROM TO: the bytes between are zeroes.
reads_zero() {
	dd "if=/dev/$disk" bs=512 skip=$(($1 / 512)) count=$((($2 - $1) / 512)) 2>/dev/null |
		cmp -n $(($2 - $1)) - /dev/zero
}

for front in bio mq; do
	# Shrunk to a size within a page: what is behind it in that page must go, too.
	disk=$(new_disk size=64K front=$front)
	check "filled, $front" filled 65536
	check "shrunk to within a page" resize 5632
	check_equal "two pages are left" 2 "$(attribute "$disk" pages)"
	check_equal "size" 5632 "$(attribute "$disk" size)"
	check_equal "sectors" 11 "$(cat "/sys/block/$disk/size")"
	check_equal "as user space sees it" 5632 "$(blockdev --getsize64 "/dev/$disk")"
	check "grown" resize 128K
	check_equal "sectors" 256 "$(cat "/sys/block/$disk/size")"
	check "the new part is zeroes" reads_zero 5632 131072
	check_equal "the old one is not" 5632 "$(tr -d '\0' <"/dev/$disk" | wc -c)"

	exec 3<"/dev/$disk"
	check_equal "it does not shrink while it is open" EBUSY \
		"$(errno_of "/sys/block/$disk/ram/size" 64K)"
	check_equal "nor is it reset" EBUSY "$(errno_of "/sys/block/$disk/ram/reset" 1)"
	check_equal "nor removed" EBUSY "$(errno_of "$CLASS/remove" "$disk")"
	check_equal "nothing has changed" 131072 "$(attribute "$disk" size)"
	check "it grows while it is open" resize 192K
	check "it shrinks by force" resize "4608 force"
	check_equal "size" 4608 "$(attribute "$disk" size)"
	exec 3<&-
	check "grown" resize 64K
	check "the new part is zeroes" reads_zero 4608 65536
	check "reset" write_to "/sys/block/$disk/ram/reset" 1
	check_equal "no pages" 0 "$(attribute "$disk" pages)"
	check "zeroes" reads_zero 0 65536
	remove_disk "$disk"
done

disk=$(new_disk size=16M)
grow_mounted() {
	mkfs.ext4 -q "/dev/$disk" && mount "/dev/$disk" "$mnt" && pattern "$mnt/file" 8000000 &&
		cp "$mnt/file" "$RBLK_SCRATCH/file" && resize 64M && resize2fs "/dev/$disk" &&
		test "$(df --output=size -k "$mnt" | tail -n 1)" -gt 50000 &&
		pattern "$mnt/more" 40000000 && umount "$mnt" && e2fsck -fn "/dev/$disk" &&
		mount "/dev/$disk" "$mnt" && cmp "$mnt/file" "$RBLK_SCRATCH/file" && umount "$mnt"
}
check "a mounted ext4 grows with its disk" grow_mounted
rm -f "$RBLK_SCRATCH/file"
remove_disk "$disk"

disk=$(new_disk size=1M prealloc=1)
resize 2M
check_equal "a preallocated disk grows with its memory" 512 "$(attribute "$disk" pages)"
resize 512K
check_equal "and shrinks with it" 128 "$(attribute "$disk" pages)"
check "all disks go" remove_all_disks
ktap_finished
