#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-timeout: 300
#
# A disk holds what was written, and zeroes where it was discarded: compared with a model, and by
# fio, through all that may be in front of it.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/ram/lib/disks.sh
. "$(dirname "$0")/lib/disks.sh"
here=$(dirname "$0")

ktap_plan 30
remove_all_disks
operations=300 size=8M

# model TITLE OPTIONS
model() {
	_disk=$(new_disk "$2")
	check "$1" "$here/lib/model.py" "/dev/$_disk" "${RBLK_SEED:-1}" "${RBLK_OPERATIONS:-$operations}"
	remove_disk "$_disk"
}

# The end of the disk lies within a page, so that its last page is a partial one.
model "model, blocks of 512 bytes" "size=1051136"
model "model, blocks of 4096 bytes" "size=1M block_size=4096"
model "model, preallocated" "size=1051136 prealloc=1"
model "model, blk-mq" "size=1051136 front=mq"
model "model, smaller than a page" "size=2560"
for front in bio mq; do
	model "model, blocks of 64 KiB, $front" "size=1M block_size=64K front=$front"
done

# verify TITLE DISK OPTIONS
verify() {
	_title=$1
	_disk=$2
	shift 2
	check "$_title" fio --name=verify --filename="/dev/$_disk" --direct=1 --size=$size \
		--verify=crc32c --verify_fatal=1 --do_verify=1 --group_reporting "$@"
}

for front in bio mq; do
	disk=$(new_disk size=$size front=$front)
	verify "fio, $front: random 512 bytes to 16 KiB" "$disk" --ioengine=psync \
		--rw=randwrite --bsrange=512-16k
	verify "fio, $front: libaio" "$disk" --ioengine=libaio --iodepth=16 --rw=randwrite --bs=4k
	verify "fio, $front: io_uring" "$disk" --ioengine=io_uring --iodepth=16 --rw=randwrite --bs=8k
	verify "fio, $front: 1 MiB" "$disk" --ioengine=psync --rw=write --bs=1M
	verify "fio, $front: through the page cache" "$disk" --direct=0 --ioengine=psync \
		--rw=randwrite --bsrange=1k-64k --bs_unaligned --end_fsync=1
	check "read, write and discard at once, $front" \
		"$here/lib/at_once.py" "/dev/$disk" "${RBLK_SEED:-1}" 2000
	remove_disk "$disk"
done

# Schedulers, which there are for one of the fronts.
modprobe -q bfq
disk=$(new_disk size=$size front=mq)
for scheduler in mq-deadline kyber bfq none; do
	write_to "/sys/block/$disk/queue/scheduler" "$scheduler"
	check "$scheduler is chosen" grep -qF "[$scheduler]" "/sys/block/$disk/queue/scheduler"
	verify "fio, $scheduler" "$disk" --ioengine=libaio --iodepth=32 --rw=randwrite --bs=4k
done
remove_disk "$disk"

disk=$(new_disk size=8M)
pattern "$RBLK_SCRATCH/whole" $((8 << 20))
two_writers() {
	# Halves of the same pages, by two writers: neither may undo what the other did.
	python3 -SE - "/dev/$disk" <<-END
		import mmap, os, sys, threading
		path, half = sys.argv[1], 2048
		def write(which):
		    fd = os.open(path, os.O_RDWR | os.O_DIRECT)
		    page = mmap.mmap(-1, 4096)
		    page[:half] = bytes([0x11 * (which + 1)]) * half
		    for i in range(2048):
		        os.pwritev(fd, [memoryview(page)[:half]], i * 4096 + which * half)
		threads = [threading.Thread(target=write, args=(i,)) for i in (0, 1)]
		for t in threads: t.start()
		for t in threads: t.join()
		data = open(path, "rb").read()
		assert data == (b"\x11" * half + b"\x22" * half) * 2048
	END
}
check "halves of new pages, two writers" two_writers
check "the whole disk, filled" dd if="$RBLK_SCRATCH/whole" "of=/dev/$disk" bs=1M oflag=direct
check "the whole disk, read back" cmp "$RBLK_SCRATCH/whole" "/dev/$disk"
rm "$RBLK_SCRATCH/whole"
remove_all_disks
ktap_finished
