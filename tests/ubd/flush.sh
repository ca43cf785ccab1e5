#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# rblk-module: ubd
# rblk-timeout: 180
#
# What reaches the lower device, in which order, by what dm-log-writes has seen: a bit never comes before
# its data, and what was flushed is there. Errors of a flush are told, and what was not written is
# written by the next one.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/ubd/lib/ubd.sh
. "$(dirname "$0")/lib/ubd.sh"

if ! have uml_mkcow; then
	ktap_skip_all "there is no uml_mkcow (Debian: uml-utilities)"
fi
ktap_plan 16

dev=/dev/$UBD_DISK
size=$((17 << 20))
fresh $size
cp back model
cp --sparse=always cow cow.before
truncate -s 160M log
losetup /dev/loop0 cow && losetup /dev/loop1 log
dmsetup create seen --table "0 $(blockdev --getsz /dev/loop0) log-writes /dev/loop0 /dev/loop1"

check "a disk whose image is watched" add "cow=/dev/mapper/seen"
check "writes and flushes" sh -c "'$UBD_LIB/prefixes.py' work $dev model seen 1 25 >sums"
check_equal "no block of the bitmap is dirty" 0 "$(attribute dirty_blocks)"
sectors=$(attribute cow_sectors)
remove
dmsetup remove seen
losetup -d /dev/loop1
losetup -d /dev/loop0
check "at each prefix of the log" "$UBD_LIB/prefixes.py" check log cow.before back sums
check "uml_moo agrees" merged_is model

# The guest's own end of a flush: nothing dirty is one flush below, and no write.
check "the disk is there again" add "cow=$PWD/cow"
check_equal "with as many sectors" "$sectors" "$(attribute cow_sectors)"
remove

# A lower device that fails writes to the bitmap only: its first block.
losetup /dev/loop0 cow
end=$(blockdev --getsz /dev/loop0)
dmsetup create part --table "0 16 linear /dev/loop0 0
16 16 linear /dev/loop0 16
32 $((end - 32)) linear /dev/loop0 32"
check "a disk whose bitmap can be made to fail" add "cow=/dev/mapper/part"
# The first sectors of the disk were written above; this one is none of them.
write_one() { printf '%512s' "$1" | dd "of=$dev" bs=512 seek=9000 oflag=direct status=none; }
fail() {
	dmsetup suspend part
	dmsetup load part --table "0 16 linear /dev/loop0 0
16 16 $1
32 $((end - 32)) linear /dev/loop0 32"
	dmsetup resume part
}
fail error
check "a write, which needs no bit in the image yet" write_one hello
check_fails "a flush fails" flushed
check_equal "the error stays, and the block is dirty" "-5 1" "$(attribute error) $(attribute dirty_blocks)"
fail "linear /dev/loop0 16"
check "the next flush does not" flushed
check_equal "no error, and nothing dirty" "0 0" "$(attribute error) $(attribute dirty_blocks)"
remove
dmsetup remove part
losetup -d /dev/loop0
printf '%512s' hello | dd of=model bs=512 seek=9000 conv=notrunc status=none
check "uml_moo finds what was written in between" merged_is model

# A flush reaches a lower device that counts them.
modprobe scsi_debug delay=0 dev_size_mb=32 lbpu=0 2>/dev/null
check "a device that has a cache" wait_for 20 sh -c 'ls /sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*/block'
flushes() { awk '{ print $16 }' "/sys/block/$1/stat"; }
flushes_below() {
	disk=$(basename /sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*/block/*)
	dd if=cow "of=/dev/$disk" bs=1M oflag=direct status=none && add "cow=/dev/$disk" || return
	before=$(flushes "$disk")
	write_one again && flushed && remove || return
	# Data, then bits; and when it is removed.
	[ "$(($(flushes "$disk") - before))" -ge 2 ]
}
check "gets at least two" flushes_below
rmmod scsi_debug
ktap_finished
