#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-module: brd
# rblk-timeout: 90
#
# brd.ko stands in for the kernel's own module of that name: with the same parameters, both have the
# same disks, numbers, files and behaviour. The kernel's own tells what is right.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/ram/lib/disks.sh
. "$(dirname "$0")/lib/disks.sh"

ktap_plan 33
# Paths, so that insmod takes no parameters from this machine's /etc/modprobe.d.
ours=$(modprobe --show-depends brd | sed -n 's/^insmod \([^ ]*\).*/\1/p')
rblk_ko=${ours%/*}/rblk.ko
theirs=${ours%/updates/*}/kernel/drivers/block/brd.ko
[ -e "$theirs" ] || ktap_skip_all "this kernel has no brd.ko of its own"
params=/sys/module/brd/parameters
pages=/sys/kernel/debug/ramdisk_pages
tmp=$RBLK_SCRATCH

unload() { [ ! -d /sys/module/brd ] || wait_for 30 rmmod brd; }
aliases() { modinfo -F alias "$1" | sort | xargs; }
names() { modinfo -F parm "$1" | sed 's/:.*(/ (/' | sort | xargs; }

# look: what there is. Numbers are the driver's own, but those of partitions that it has none for.
look() {
	local disk
	grep -r . "$params" | sort
	awk '$1 == "Block" { block = 1 } block && $1 == 1' /proc/devices
	for disk in /sys/block/ram*; do
		[ -e "$disk" ] || continue
		grep . "$disk"/{dev,size,ro,range,ext_range,removable} \
			"$disk"/queue/{logical_block_size,physical_block_size,minimum_io_size} \
			"$disk"/queue/{optimal_io_size,discard_granularity,rotational,write_cache} \
			"$disk"/queue/{fua,add_random,iostats,stable_writes,dax,zoned}
		[ -b "/dev/${disk##*/}" ] || echo "no node"
		grep -s . "$disk/${disk##*/}"p*/{dev,start,size}
	done
	grep -r . "$pages" | sort
}

# table: an MBR with two partitions of 512 KiB.
table() {
	python3 -SE -c '
import struct, sys
entry = lambda start: struct.pack("<4s4sII", b"", b"\x83", start, 1024)
sys.stdout.buffer.write(bytes(446) + entry(2048) + entry(4096) + bytes(32) + b"\x55\xaa")
'
}

# try TITLE COMMAND...: its exit status.
try() {
	local title=$1 status=0
	shift
	"$@" >/dev/null 2>&1 || status=$?
	echo "$title: $status"
}

# opens MINOR: what opening the node with that number, which devtmpfs has not, says.
opens() {
	mknod "$tmp/node" b 1 "$1"
	LC_ALL=C dd if="$tmp/node" of=/dev/null count=1 iflag=direct 2>&1 |
		grep -o 'No such device or address\|^1+0 records in\|^0+0 records in'
	rm "$tmp/node"
}

# used: pages of ram0.
used() { cat "$pages/ram0"; }

# story: what a disk does.
story() {
	table | dd of=/dev/ram0 conv=notrunc oflag=direct bs=512 count=1 status=none
	blockdev --rereadpt /dev/ram0
	look
	echo "used $(used)"
	head -c 64K /dev/urandom >"$tmp/data"
	dd if="$tmp/data" of=/dev/ram0 bs=64K seek=8 oflag=direct status=none
	try "read back" cmp -n 64K "$tmp/data" <(dd if=/dev/ram0 bs=64K skip=8 count=1 iflag=direct status=none)
	echo "used $(used)"
	blkdiscard -o 524288 -l 8192 /dev/ram0
	echo "two pages discarded: used $(used)"
	blkdiscard -o $((524288 + 512)) -l 4096 /dev/ram0
	echo "two parts discarded: used $(used)"
	dd if=/dev/ram0 bs=4K skip=128 count=2 iflag=direct status=none | tr -d '\0' | wc -c
	try "is open: unload" sh -c 'exec 3</dev/ram0; rmmod brd'
	echo "on demand:"
	for minor in 1200 1201 403 1023; do
		echo "minor $minor: $(opens "$minor")"
	done
	look
	blkdiscard -f /dev/ram0
	echo "used $(used)"
	try "flush" blockdev --flushbufs /dev/ram0
}

# both TITLE WHAT PARAMETER...: the transcripts of the function WHAT for both modules.
both() {
	local title=$1 what=$2
	shift 2
	unload
	insmod "$theirs" "$@" && "$what" >"$tmp/theirs" 2>&1
	unload
	check "$title" insmod "$ours" "$@"
	"$what" >"$tmp/ours" 2>&1
	check "the same is there" diff -u "$tmp/theirs" "$tmp/ours"
}

check_equal "the name" brd "$(modinfo -F name "$ours")"
check_equal "the aliases" "$(aliases "$theirs")" "$(aliases "$ours")"
check_equal "the parameters" "$(names "$theirs")" "$(names "$ours")"
check "it comes before the kernel's own" grep -q /updates/ <<<"$ours"

both "without parameters" look
both "two disks of 1000 KiB, four minors" look rd_nr=2 rd_size=1000 max_part=4
both "a size that is no whole page" look rd_nr=1 rd_size=3
both "no size" look rd_nr=1 rd_size=0
both "fewer than no disks" look rd_nr=-1
both "max_part=3" look rd_nr=2 max_part=3
both "max_part=0" look rd_nr=2 max_part=0
both "max_part=300" look rd_nr=2 max_part=300
both "a life" story rd_nr=1 rd_size=8192 max_part=4
check "which was one" grep -q '^two pages discarded: used 15$' "$tmp/ours"
check "with disks on demand" grep -q '/ram300/dev:1:1200$' "$tmp/ours"
both "a life with one minor" story rd_nr=1 rd_size=4096

# More than the kernel's own has.
unload
insmod "$ours" rd_nr=1 rd_size=1024
check "a disk has ours attributes, too" write_to /sys/block/ram0/ram/size 2M
check_equal "and has grown" 4096 "$(cat /sys/block/ram0/size)"
check "rblk.ko comes beside it" insmod "$rblk_ko" nbd_nbds_max=0 ram_nr=1
check "with disks of its own" test -b /dev/rram0 -a -b /dev/ram0
check "and goes" rmmod rblk

# Opening a node has the module loaded, and the disk made.
check_equal "a node loads the module" "1+0 records in" "$(opens 77)"
check "and its disk is there" test -b /dev/ram77

unload
ktap_finished
