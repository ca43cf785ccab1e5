#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-quick: yes
# rblk-timeout: 60
#
# I/O that must not wait does not, and is refused as a whole if it would have to.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/ram/lib/disks.sh
. "$(dirname "$0")/lib/disks.sh"
here=$(dirname "$0")

ktap_plan 4
remove_all_disks

disk=$(new_disk size=64M mem_limit=8M)
check "writes and reads with RWF_NOWAIT" "$here/lib/nowait.py" "/dev/$disk" $((8 << 20))
remove_disk "$disk"

for front in bio mq; do
	disk=$(new_disk size=16M front=$front)
	check "fio with NOWAIT, $front" fio --name=nowait --filename="/dev/$disk" --direct=1 \
		--ioengine=io_uring --nowait=1 --iodepth=8 --rw=randwrite --bs=64k --size=16M \
		--verify=crc32c --verify_fatal=1
	remove_disk "$disk"
done
check "all disks go" remove_all_disks
ktap_finished
