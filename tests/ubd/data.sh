#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# rblk-module: ubd
# rblk-timeout: 240
#
# Reads and writes against a model, and what uml_moo makes of the image. What fails changes nothing.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/lib/cgroup.sh
. "$(dirname "$0")/../lib/cgroup.sh"
# shellcheck source=tests/ubd/lib/ubd.sh
. "$(dirname "$0")/lib/ubd.sh"

if ! have uml_mkcow; then
	ktap_skip_all "there is no uml_mkcow (Debian: uml-utilities)"
fi
ktap_plan 53

dev=/dev/$UBD_DISK

# against_model SEED COUNT: the disk is as the file "model", which it changes.
against_model() {
	"$UBD_LIB/oracle.py" "$dev" model "$1" "$2"
}

# reads_as FILE: without what the page cache has.
reads_as() {
	dd "if=$dev" bs=64k iflag=direct status=none | cmp - "$1"
}

# somebody: reads the disk and writes half a MiB of it, in a control group, with a priority.
somebody() {
	: >"$TRACE/trace" && echo 1 >"$TRACE/events/block/block_rq_issue/enable"
	in_group somebody ionice -c 1 -n 3 dd "if=$dev" of=/dev/null bs=64k iflag=direct status=none &&
		in_group somebody ionice -c 1 -n 3 dd if=/dev/zero "of=$dev" bs=64k count=8 seek=8 oflag=direct status=none
	_status=$?
	dd if=/dev/zero of=model bs=64k count=8 seek=8 conv=notrunc status=none
	echo 0 >"$TRACE/events/block/block_rq_issue/enable"
	return "$_status"
}
TRACE=/sys/kernel/tracing
# prioritised NODE R|W: how many bytes the block device was given to read or write with that priority.
prioritised() {
	sed -n "s/.*block_rq_issue: $(tr : , <"/sys/block/$(basename "$1")/dev") $2[A-Z]* \([0-9]*\) .* rt,0,3 .*/\1/p" \
		"$TRACE/trace" | awk '{ n += $1 } END { print n + 0 }'
}
# of_somebody READ WRITTEN: what goes to these block devices is on his account, with his priority.
of_somebody() {
	new_group somebody
	check "somebody reads and writes" somebody
	check "his group pays for what is written" [ "$(io_stat somebody "$2" wbytes)" -ge 524288 ]
	check "it has his priority" [ "$(prioritised "$2" W)" -ge 524288 ]
	check "so has what is read, for which his group pays" \
		[ "$(io_stat somebody "$1" rbytes)" -gt 0 -a "$(prioritised "$1" R)" -gt 0 ]
}

# submitters NODE: who hands down to the block device what is read and written: dd, or a worker for it.
submitters() {
	: >"$TRACE/trace" && echo 1 >"$TRACE/events/block/block_bio_queue/enable"
	in_group somebody dd "if=$dev" of=/dev/null bs=64k iflag=direct status=none &&
		in_group somebody dd if=/dev/zero "of=$dev" bs=64k seek=8 count=4 oflag=direct status=none
	echo 0 >"$TRACE/events/block/block_bio_queue/enable"
	sed -n "s/.*block_bio_queue: $(tr : , <"/sys/block/$(basename "$1")/dev") .*\[\(dd\|kworker\).*/\1/p" \
		"$TRACE/trace" | sort -u | xargs
}
# preempted: many requests at a time, on a processor that somebody else takes now and then, who comes first.
preempted() {
	chrt -f 50 taskset -c 0 python3 -c 'import time
while True:
    time.sleep(0.001)' &
	_other=$!
	taskset -c 0 fio --name=r --filename="$dev" --direct=1 --rw=randread --bs=4k --size=2M --io_size="$(some 48)M" \
		--ioengine=libaio --iodepth=64 --iodepth_batch_submit=32 --iodepth_low=16 --output=fio.log
	_status=$?
	kill "$_other" && wait "$_other" 2>/dev/null
	[ "$_status" = 0 ] || cat fio.log
	return "$_status"
}
# limited NODE...: his group may do so much with the block devices, which is more than it wants.
limited() {
	for _node; do
		echo "$(cat "/sys/block/$(basename "$_node")/dev") riops=1000000 wiops=1000000" >"$CGROUP/somebody/io.max" || return
	done
}

# Files: in memory here.
fresh 2097152
sum=$(cksum <back)
cp back model
check "a disk over files" add "cow=$PWD/cow"
check "random requests" against_model 1 "$(some 800)"
check "reads as the model" reads_as model
check "is removed without a flush" remove
check "uml_moo makes the model of it" merged_is model
check "the disk is there again" add "cow=$PWD/cow"
check "and as it was" reads_as model
check "more requests" against_model 2 "$(some 200)"
check "reads as the model, again" reads_as model
remove
check_equal "the backing file is as it was" "$sum" "$(cksum <back)"

# A file system with direct I/O, and one of a device on which the image is.
truncate -s 48M fs
mkfs.ext4 -q -F fs && mkdir mnt && mount -o loop fs mnt
fresh 2097152
mv back mnt/back && touch -r cow stamp && rm cow && uml_mkcow mnt/cow "$PWD/mnt/back"
cp mnt/back model
check "a disk over files with direct I/O" add "cow=$PWD/mnt/cow"
check "random requests, too" against_model 3 "$(some 400)"
check "reads as the model, too" reads_as model
below=$(losetup -n -O NAME -j fs)
of_somebody "$below" "$below"
remove
cp --sparse=always mnt/cow cow
check "uml_moo, too" sh -c 'rm -f out && uml_moo cow out && cmp out model'

# Space runs out: the write fails, and what was there stays.
full() { dd if=/dev/zero of=mnt/filler bs=64k status=none; [ "$(df --output=avail mnt | tail -n 1)" -lt 64 ]; }
rm mnt/cow && uml_mkcow mnt/cow "$PWD/mnt/back"
rmdir "$CGROUP/somebody"
check "an image without space" add "cow=$PWD/mnt/cow"
cp mnt/back model
check "nothing is left for it" full
sync -f mnt
check_fails "a write fails" dd if=/dev/zero "of=$dev" bs=1M count=1 seek=1 oflag=direct
check "what it was to overwrite is there" reads_as model
rm mnt/filler && sync -f mnt
zeroes() { dd if=/dev/zero "of=$dev" bs=1M count=1 seek=1 oflag=direct && dd if=/dev/zero of=model bs=1M count=1 seek=1 conv=notrunc; }
check "the same write, with space" zeroes
check "is there" reads_as model
check "a flush" flushed
remove
cp --sparse=always mnt/cow cow
check "uml_moo finds what came after the failure" sh -c 'rm -f out && uml_moo cow out && cmp out model'
umount mnt

# There is room for the data, and none for the bitmap: it cannot be removed, and nothing is lost.
mkdir -p small && mount -t tmpfs -o size=4M tmpfs small
fresh 2097152
cp --sparse=always cow small/cow
cp back model
pages=$(($(du -k small/cow | cut -f 1) + 4))
mount -o "remount,size=${pages}k" small
one_page() { dd if=/dev/zero "of=$1" bs=4k count=1 seek=9 conv=notrunc "${2:-iflag=fullblock}" status=none; }
check "an image with room for one page" add "cow=$PWD/small/cow"
check "a page is written" one_page "$dev" oflag=direct
one_page model
check_equal "it is not removed, as the bitmap has no place" ENOSPC "$(errno_of $CLASS/remove $UBD_DISK)"
mount -o remount,size=4M small
check "with room it is removed" remove
cp --sparse=always small/cow cow
check "uml_moo finds the page" merged_is model
umount small

# Block devices on both sides.
fresh 2097152
losetup /dev/loop0 back && losetup /dev/loop1 cow
check "an image on a block device" device_image /dev/loop1 /dev/loop0
cp back model
check "a disk over block devices" add "cow=/dev/loop1"
# Zeroes that are written there free nothing.
check_equal "it takes discards and zeroes, and frees nothing" "16777216 16777216 0" \
	"$(cd /sys/block/$UBD_DISK/queue && cat discard_max_bytes write_zeroes_max_bytes write_zeroes_unmap_max_hw_bytes | xargs)"
check_equal "links to both" "loop1 loop0" \
	"$(basename "$(readlink /sys/block/$UBD_DISK/ubd/cow_device)") $(basename "$(readlink /sys/block/$UBD_DISK/ubd/backing_device)")"
check "random requests, on devices" against_model 4 "$(some 400)"
check "reads as the model, on devices" reads_as model
check_fails "nobody mounts the image" mount /dev/loop1 mnt
of_somebody /dev/loop0 /dev/loop1
# A submitter must not wait there for other I/O, as it may have some itself that comes after it.
check_equal "the submitter hands it down" "dd dd" "$(submitters /dev/loop0) $(submitters /dev/loop1)"
check "also if it is preempted meanwhile" preempted
check "his group has limits there" limited /dev/loop0 /dev/loop1
check_equal "where it may be held up, a worker does" "kworker kworker" "$(submitters /dev/loop0) $(submitters /dev/loop1)"
remove
through() {
	dmsetup create through --table "0 $(blockdev --getsz /dev/loop1) linear /dev/loop1 0" &&
		add "cow=/dev/mapper/through" &&
		[ "$(submitters "$(dmsetup info -c --noheadings -o blkdevname through)")" = kworker ] &&
		remove && dmsetup remove through
}
if have dmsetup; then
	check "so it does where another device is below" through
else
	ktap_test_skip "so it does where another device is below" "there is no dmsetup"
fi
losetup -d /dev/loop0
losetup -d /dev/loop1
sync
touch -d "@$(python3 -c 'import struct; print(struct.unpack(">I", open("cow", "rb").read()[8:12])[0])')" back
check "uml_moo, of devices" sh -c 'rm -f out && uml_moo -b back cow out && cmp out model'

# A backing device whose blocks are larger than the alignment of the image.
larger_blocks() {
	fresh 2097152 && cp back model || return
	printf '\000\000\002\000' | dd of=cow bs=1 seek=24 conv=notrunc status=none
	losetup -b 4096 /dev/loop0 back && add "cow=$PWD/cow backing=/dev/loop0 force" &&
		[ "$(blockdev --getss "$dev")" = 4096 ] || return
	for at in 0 7 300 511; do
		head -c 4096 /dev/urandom >page
		dd if=page "of=$dev" bs=4096 seek="$at" oflag=direct status=none &&
			dd if=page of=model bs=4096 seek="$at" conv=notrunc status=none || return
	done
	reads_as model && remove && losetup -d /dev/loop0 && merged_is model
}
check "an image that is aligned to less than a block of the backing device" larger_blocks

# An image that ends before its last sectors, of which it has none.
cut_short() {
	fresh 2097152 && truncate -s 1M cow && cp back model && add "cow=$PWD/cow" &&
		blkdiscard -o 1572864 -l 65536 "$dev" && dd if=/dev/zero of=model bs=64k seek=24 count=1 conv=notrunc status=none &&
		reads_as model && remove && merged_is model
}
check "what is discarded behind the end of an image reads as zeroes" cut_short

# Sizes that others stumble over; the last one ends within a sector.
sizes() {
	for size in 512 8192 36864 $((63 * 512)) $((64 * 512)) $((65 * 512)) 1000448; do
		echo "$size bytes"
		fresh "$size" && cp back model && add "cow=$PWD/cow" && against_model 5 "$(some 60)" &&
			reads_as model && remove && merged_is model || return
	done
}
check "odd sizes" sizes
tail_of() {
	fresh 1000000 && add "cow=$PWD/cow" && [ "$(blockdev --getsize64 "$dev")" = 1000448 ] &&
		truncate -s 1000448 back.padded && dd if=back of=back.padded conv=notrunc status=none &&
		reads_as back.padded
}
check "a last sector that is not whole" tail_of
remove

# A loop device keeps a group for a minute or two after its last I/O (LOOP_IDLE_WORKER_TIMEOUT).
check "nothing refers to his groups any more" group_ends somebody 120
ktap_finished
