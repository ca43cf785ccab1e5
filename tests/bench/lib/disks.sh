# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
#
# RAM disks of several drivers, for the suites: one at a time.

# What is there now: its device and name, and the module of its driver, none if that is built in.
device='' name='' module='' started=''

# start_disk KIND MIB: an empty disk of so many MiB.
start_disk() {
	started=$1 device='' name=$1 module=$1
	"start_$1" "$2" || return
	wait_for [ -b "$device" ] || return
	settle
}

stop_disk() { "stop_$started"; }

# settle: nothing but the load works on the disk.
settle() {
	local scheduler=/sys/block/${device##*/}/queue/scheduler
	[ ! -e "$scheduler" ] || ! grep -q '\[' "$scheduler" || echo none >"$scheduler"
}

# fill MIB: has all of the disk stored, with what cannot be compressed.
fill() { "$RBLK_BENCH" fill "$device" $(($1 * 256)); }

start_brd() {
	device=/dev/ram0
	insmod "$RBLK_IN_TREE" rd_nr=1 rd_size=$(($1 * 1024))
}
stop_brd() { wait_for rmmod brd; }

# Ours, by the front and the size of its blocks.
start_ours() {
	device=/dev/rram0 module=rblk name="ram, front=$2"
	insmod "$RBLK_KO" nbd_nbds_max=0 &&
		echo "size=${1}M block_size=$3 front=$2" >/sys/class/rblk-ram/add
}
stop_ours() {
	echo rram0 >/sys/class/rblk-ram/remove && wait_for rmmod rblk
}
start_bio() { start_ours "$1" bio 512; }
stop_bio() { stop_ours; }
start_mq() { start_ours "$1" mq 512; }
stop_mq() { stop_ours; }
# With blocks of a page, which those below have.
start_bio4k() { start_ours "$1" bio 4096; }
stop_bio4k() { stop_ours; }
start_mq4k() { start_ours "$1" mq 4096; }
stop_mq4k() { stop_ours; }

# null_blk keeps blocks, not pages: with blocks of a page it does the least.
nullb=/sys/kernel/config/nullb/nullb0
start_null_blk() {
	device=/dev/nullb0 name='null_blk, memory_backed'
	modprobe -C /dev/null null_blk nr_devices=0 && mkdir "$nullb" &&
		echo "$1" >$nullb/size && echo 1 >$nullb/memory_backed &&
		echo 4096 >$nullb/blocksize && echo 0 >$nullb/irqmode && echo 1 >$nullb/power
}
stop_null_blk() {
	echo 0 >$nullb/power && rmdir $nullb && wait_for rmmod null_blk
}

# A file in a file system in memory.
start_loop() {
	device=/dev/loop0 module='' name='loop, a file on tmpfs'
	truncate -s "${1}M" "$RBLK_SCRATCH/disk" && losetup "$device" "$RBLK_SCRATCH/disk"
}
stop_loop() { losetup -d "$device" && rm "$RBLK_SCRATCH/disk"; }

# It compresses what it stores, or tries to.
start_zram() {
	device=/dev/zram0 name=zram
	modprobe -C /dev/null zram num_devices=1 && wait_for [ -e /sys/block/zram0/disksize ] &&
		echo "${1}M" >/sys/block/zram0/disksize
}
stop_zram() {
	wait_for eval 'echo 1 >/sys/block/zram0/reset' && wait_for rmmod zram
}
