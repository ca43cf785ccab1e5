#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-module: ubd
# rblk-timeout: 120
#
# The device below pauses while all requests that a disk can have are in flight: those who flush, remove
# the disk or get a signal meanwhile wait no longer than it does, and nothing is lost.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/ubd/lib/ubd.sh
. "$(dirname "$0")/lib/ubd.sh"

for program in uml_mkcow fio dmsetup; do
	have "$program" || ktap_skip_all "there is no $program"
done
ktap_plan 25

dev=/dev/$UBD_DISK
fresh $((8 << 20))
losetup /dev/loop0 cow
dmsetup create below --table "0 $(blockdev --getsz /dev/loop0) linear /dev/loop0 0"
pause() { dmsetup suspend --nolockfs --noflush below; }
go_on() { dmsetup resume below; }

# Without a scheduler, what is in flight is with the driver.
added() { add cow=/dev/mapper/below && echo none >"/sys/block/$UBD_DISK/queue/scheduler"; }
in_flight() { awk '{ print $1 + $2 }' "/sys/block/$UBD_DISK/inflight"; }
all_tags() { [ "$(in_flight)" = 128 ]; }
none() { [ "$(in_flight)" = 0 ]; }

# begin NAME COMMAND...: in the background, which notes its status in NAME; its number is in $begun.
begin() {
	local name=$1
	shift
	rm -f "$name"
	{ "$@" >"$name.said" 2>&1; echo $? >"$name"; } &
	begun=$!
}
ended() { [ -s "$1" ]; }
# goes_on NAME...: these have not ended. A moment in which they might is over.
goes_on() {
	sleep 1
	local name
	for name; do
		! ended "$name" || return
	done
}
readable() {
	timeout "$(patience 10)" cat "/sys/block/$UBD_DISK/ubd/"{cow,backing,dirty_blocks,cow_sectors,error} "$CLASS/device_map"
}
requests() {
	fio --name=r --filename="$dev" --direct=1 --bs=4k --size=6M --iodepth=160 --ioengine=libaio --randrepeat=1 "$@"
}

# Writes, flushes, and signals.
check "a disk over a device that can pause" added
pause
begin writes requests --rw=randwrite --verify=crc32c --verify_fatal=1
check "all requests are in flight" wait_for 20 all_tags
begin flush flushed
begin sync python3 -c '
import os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
open("syncing", "w").close()
os.fsync(fd)' "$dev"
check "somebody flushes" wait_for 20 test -e syncing
begin signalled dd if=/dev/zero "of=$dev" bs=4k seek=1700 count=4 oflag=direct
signalled=$begun
check_equal "it is not removed, as it is open" EBUSY "$(errno_of $CLASS/remove $UBD_DISK)"
pkill -TERM -P "$signalled"
check "they wait" goes_on writes flush sync
check "what there is to say is said meanwhile" readable
go_on
for name in writes flush sync signalled; do
	check "has ended: $name" wait_for 60 ended $name
done
check_equal "what was written is there, and flushed" "0 0 0" "$(cat writes flush sync | xargs)"
check "nothing is in flight" wait_for 20 none
dd "if=$dev" of=model bs=1M iflag=direct status=none

# It is removed: which waits for what has to be written, a signal or not.
page() { dd if=back "of=$1" bs=4k seek=1800 count=1 conv=notrunc "${2:-iflag=fullblock}" status=none; }
check "something that is not in the image yet" page "$dev" oflag=direct
page model
pause
begin removed wait_for 60 write_to $CLASS/remove $UBD_DISK
removed=$begun
check "it is not removed while the bitmap cannot be written" goes_on removed
pkill -TERM -P "$removed"
check_equal "nor by another one" EBUSY "$(errno_of $CLASS/remove $UBD_DISK)"
go_on
check "then it is" wait_for 60 ended removed
check "the disk is gone" wait_for 20 test ! -e /sys/block/$UBD_DISK
check "all is in the image" merged_is model

# By force, with all requests in flight.
check "the disk is there again" added
pause
begin reads requests --rw=randread
check "all requests are in flight" wait_for 20 all_tags
begin forced write_to $CLASS/remove "$UBD_DISK force"
check "it waits for them" goes_on forced reads
go_on
check "it is removed" wait_for 60 ended forced
check_equal "without a complaint" 0 "$(cat forced)"
check "so are those who used it" wait_for 60 ended reads
dmsetup remove below
losetup -d /dev/loop0
check "the image is as it was" merged_is model
ktap_finished
