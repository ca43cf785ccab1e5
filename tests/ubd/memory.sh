#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-timeout: 240
#
# I/O goes on when there is no memory: allocations fail for all threads of the kernel, a control group
# swaps to the disk, another one writes more to it than it may have of the page cache.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/lib/cgroup.sh
. "$(dirname "$0")/../lib/cgroup.sh"
# shellcheck source=tests/ubd/lib/ubd.sh
. "$(dirname "$0")/lib/ubd.sh"

for program in fio uml_mkcow; do
	have "$program" || ktap_skip_all "there is no $program"
done
[ -d /sys/kernel/debug/failslab ] || ktap_skip_all "this kernel has no CONFIG_FAILSLAB"
ktap_plan 18

dev=/dev/$UBD_DISK

# ram_disk NAME MIB: a block device that allocates nothing.
ram_disk() {
	write_to /sys/class/rblk-ram/add "size=$2M prealloc=1 name=$1" && wait_for 10 test -b "/dev/$1"
}


# may_fail 0|1: whether allocations may fail for the threads of the kernel, and those that they start.
may_fail() {
	local task
	for task in /proc/[0-9]*; do
		# They have no executable file.
		[ -e "$task/exe" ] || echo "$1" >"$task/make-it-fail"
	done 2>/dev/null
	return 0
}

faults() {
	local kind
	for kind in /sys/kernel/debug/{failslab,fail_page_alloc}; do
		echo Y >"$kind/task-filter"
		echo N >"$kind/ignore-gfp-wait"
		echo 0 >"$kind/verbose"
		echo 1000000 >"$kind/times"
		echo "$1" >"$kind/probability"
	done
	echo 0 >/sys/kernel/debug/fail_page_alloc/min-order
	# Pages of files may be from high memory.
	echo N >/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem
}

# How many allocations have failed since faults() was called.
failed() {
	echo $((2000000 - $(cat /sys/kernel/debug/failslab/times) - $(cat /sys/kernel/debug/fail_page_alloc/times)))
}

verified() {
	fio --name=v --filename="$dev" --direct=1 --rw=randwrite --bs=4k-64k --size=12M --io_size="$(some 16)M" --iodepth=32 \
		--ioengine=libaio --verify=crc32c --verify_fatal=1 --fsync=64 --randrepeat=1 --output=fio.log ||
		{ tail -n 20 fio.log && return 1; }
}

# io_errors: what the disk has said in the log since a moment.
quiet() {
	! dmesg | sed -n "/$1/,\$p" | grep "^[^]]*] ubd: .*failed"
}

# with_faults: fio while allocations fail.
with_faults() {
	faults 20
	may_fail 1
	verified
	local ret=$?
	may_fail 0
	faults_off=$(failed)
	faults 0
	return "$ret"
}

fresh $((12 << 20))
check "a disk over files in memory" add "cow=$PWD/cow"
echo "<6>ubd-test: files" >/dev/kmsg
check "what is written while allocations fail is there" with_faults
check "so many have failed" test "${faults_off:-0}" -gt 50
check "and no request has" quiet "ubd-test: files"
check "nor a flush" flushed
remove

ram_disk cow0 48 && ram_disk back0 40
check "an image on a block device" device_image /dev/cow0 /dev/back0
check "a disk over block devices" add cow=/dev/cow0
echo "<6>ubd-test: devices" >/dev/kmsg
check "what is written while allocations fail is there" with_faults
check "and no request has failed" quiet "ubd-test: devices"

turns=3
[ ! -e /proc/lockdep_stats ] || turns=1
# Twice as much memory as the group may have; each page says which it is and how often it was written.
use_memory() {
	in_group rblk python3 - 32 "$turns" <<-'END'
		import mmap, struct, sys
		mib, turns = map(int, sys.argv[1:])
		memory = mmap.mmap(-1, mib << 20)
		pages = range(0, mib << 20, 4096)
		for turn in range(1, turns + 1):
		    for at in pages:
		        memory[at : at + 4096] = struct.pack("QQ", at, turn) * 256
		    for at in pages:
		        assert memory[at : at + 4096] == struct.pack("QQ", at, turn) * 256, (turn, at)
	END
}
swapped() { awk '$1 == "pswpout" { print $2 }' /proc/vmstat; }

mkswap "$dev" >/dev/null
check "it is swapped to" swapon --discard "$dev"
check_equal "and must not go" EBUSY "$(errno_of "$CLASS/remove" "$UBD_DISK")"
new_group rblk
# With larger requests all of the group's memory may lie in the plug of the task that reclaims it, which has
# the kernel kill the task (7.2: blk_add_rq_to_plug() asks for the size of the first request only). So it
# does with a virtio disk.
echo 512 >"/sys/block/$UBD_DISK/queue/max_sectors_kb"
echo 16M >"$CGROUP/rblk/memory.max"
before=$(swapped)
check "memory that does not fit is what it was" use_memory
check "the disk had a part of it" test $(($(swapped) - before)) -ge 2048
check "it is swapped off" swapoff "$dev"
rmdir "$CGROUP/rblk"

# A file system on the disk, and a writer that may have less than it writes.
new_group rblk
echo 32M >"$CGROUP/rblk/memory.max"
small_writer() {
	mkfs.ext4 -q -E nodiscard "$dev" && mkdir -p mnt && mount "$dev" mnt &&
		in_group rblk python3 -c '
import random
random.seed(7)
file = open("mnt/file", "wb")
for _ in range(28):
    file.write(random.randbytes(1 << 20))' && umount mnt && mount "$dev" mnt && python3 -c '
import random
random.seed(7)
file = open("mnt/file", "rb")
assert all(file.read(1 << 20) == random.randbytes(1 << 20) for _ in range(28))' && umount mnt
}
check "a writer in a small group" small_writer
rmdir "$CGROUP/rblk"
check "the disk goes" remove
devices_go() {
	local disk
	for disk in /sys/block/{cow0,back0}; do
		[ ! -e "$disk" ] || write_to /sys/class/rblk-ram/remove "${disk##*/}" || return
	done
}
check "so do the devices" wait_for 20 devices_go
check_equal "nothing is left" '' "$(cat $CLASS/device_map)"
ktap_finished
