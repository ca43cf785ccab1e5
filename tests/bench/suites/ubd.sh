# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
# rblk-in-tree: nbd
# rblk-ours: ubd
# rblk-seconds: 240 500
# rblk-rounds: 33
# rblk-title: Copy-on-write disks: ours beside dm-snapshot, qemu-nbd and loop
#
# The suite ubd: our copy-on-write disk of 32 MiB, nobody told anything. Beside dm-snapshot, with the
# chunks of 4 KiB that LVM takes, image and backing file are RAM disks; else they are files on ext4 on
# a RAM disk. qemu-nbd serves a qcow2 overlay to the kernel's nbd; its work in user space is
# not counted. loop is over the image itself, or, for clean reads, over the backing file: what is
# left without copy-on-write. loop-direct is the same with direct I/O, which ours does by itself.

# shellcheck source=tests/bench/lib/disks.sh
. "${here:?}/lib/disks.sh"
# shellcheck source=tests/bench/lib/overlays.sh
. "${here:?}/lib/overlays.sh"

configurations=(dm-snapshot qcow2 loop loop-direct)
# first: to what the image does not have; rewrite: to what it has; dirty: reads of what it has; clean: of
# what it does not have; mixed: each second page is one or the other.
tests=(
	'first-4k-qd32 write once 4096 32 2000'
	'first-1m write once 1048576 1 16'
	'rewrite-4k-qd1 write random 4096 1 500'
	'rewrite-4k-qd32 write random 4096 32 2000'
	'rewrite-1m write sequential 1048576 1 16'
	'dirty-4k-qd1 read random 4096 1 500'
	'dirty-4k-qd32 read random 4096 32 2000'
	'dirty-1m read sequential 1048576 1 16'
	'clean-4k-qd32 read random 4096 32 2000'
	'clean-1m read sequential 1048576 1 16'
	'mixed-4k-qd32 read random 4096 32 2000'
	'mixed-1m read sequential 1048576 1 16'
)

up() {
	case $1/$2 in
	ours/dm-snapshot) start_overlay ubd_bdev 32 ;;
	ours/*) start_overlay ubd_file 32 ;;
	*/dm-snapshot) start_overlay dm 32 ;;
	*/loop-direct) start_overlay loop_direct 32 ;;
	*) start_overlay "$2" 32 ;;
	esac
}

# prepare TEST: before each run of it.
prepare() {
	case $1 in
	first-*) overlay fresh ;;
	clean-*) overlay clean ;;
	mixed-*) overlay mixed ;;
	*) overlay full ;;
	esac
}

down() { stop_overlay; }
