# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# rblk-in-tree: brd
# rblk-ours: rblk
#
# The suite ram: our RAM disk beside the kernel's brd, 64 MiB each, which are full.

# Two configurations: our disk with its front for bios, which is the default and what brd has,
# and with the multi-queue layer in front. brd is the same in both.

# What guest wants to know, see nbd.sh; the device is another one for each driver.
device=''
# shellcheck disable=SC2034
configurations=(bio mq)
# shellcheck disable=SC2034
tests=(
	'read-4k-qd1 read random 4096 1 2000'
	'write-4k-qd1 write random 4096 1 2000'
	'read-4k-qd32 read random 4096 32 4000'
	'write-4k-qd32 write random 4096 32 4000'
	'read-64k read random 65536 1 400'
	'write-64k write random 65536 1 400'
	'read-1m read sequential 1048576 1 40'
	'write-1m write sequential 1048576 1 40'
)

# up DRIVER CONFIGURATION: has the device ready.
up() {
	if [ "$1" = ours ]; then
		insmod "$RBLK_KO" nbd_nbds_max=0 || return
		echo "size=64M block_size=512 front=$2" >/sys/class/rblk-ram/add || return
		device=/dev/rram0
	else
		insmod "$RBLK_IN_TREE" rd_nr=1 rd_size=65536 || return
		device=/dev/ram0
	fi
	wait_for [ -b "$device" ] || return
	[ "$2" != mq ] || [ "$1" != ours ] || echo none >/sys/block/rram0/queue/scheduler
	dd if=/dev/urandom of="$device" bs=1M count=64 oflag=direct status=none
}

down() {
	if [ "$device" = /dev/rram0 ]; then
		echo rram0 >/sys/class/rblk-ram/remove && wait_for rmmod rblk
	else
		wait_for rmmod brd
	fi
}
