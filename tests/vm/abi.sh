#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-quick: yes
# rblk-timeout: 60
#
# The files in sysfs and debugfs are those that Documentation/ABI describes: no more, and no fewer.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/pktcdvd/lib/pkt.sh
. "$(dirname "$0")/../pktcdvd/lib/pkt.sh"

ktap_plan 6

texts=Documentation/ABI/testing
socket=$RBLK_SCRATCH/abi.sock

disks() {
	lower=$(new_ram size=4M) && name=$(map "$lower") && nbdkit -U "$socket" memory 1M &&
		wait_for 10 accepts "$socket" && nbd-client -unix "$socket" /dev/nbd0 >/dev/null &&
		wait_for 10 test -e /sys/block/nbd0/pid && modprobe brd rd_nr=1 && cow_disk
}

# Over block devices, so that it has links to them.
cow_disk() {
	back=$RBLK_SCRATCH/abi.back cow=$RBLK_SCRATCH/abi.cow
	truncate -s 1M "$back" && losetup /dev/loop6 "$back" &&
		echo "cow=$cow backing=/dev/loop6 create name=ubdabi" >/sys/class/ubd/add &&
		wait_for 20 sh -c 'echo ubdabi >/sys/class/ubd/remove' && losetup /dev/loop7 "$cow" &&
		echo 'cow=/dev/loop7 name=ubdabi' >/sys/class/ubd/add
}

# held QUESTION: what abi.py prints of the files that our drivers have.
held() {
	tests/lib/abi.py "$1" $texts /sys/class/pktcdvd "/sys/block/$name/packet" \
		/sys/class/rblk-ram/{add,remove,device_map} "/sys/block/${lower##*/}/ram" \
		/sys/block/nbd0/{pid,backend,max_request_bytes,links} /sys/kernel/debug/nbd/nbd0 \
		/sys/block/ram0/ram /sys/kernel/debug/ramdisk_pages \
		/sys/class/ubd/{add,remove,device_map} /sys/block/ubdabi/ubd
}

check "a disk of each driver" disks
check_equal "each file is described" '' "$(held undescribed)"
check_equal "each file that is described is there" '' "$(held absent)"
check_equal "each description is complete" '' "$(held incomplete)"

no_cow_disk() {
	wait_for 20 sh -c 'echo ubdabi >/sys/class/ubd/remove' && losetup -d /dev/loop6 && losetup -d /dev/loop7
}
give_back() { no_cow_disk && rmmod brd && nbd-client -d /dev/nbd0 >/dev/null && unmap "$name" && clean_up; }
check "they are given back" give_back
check "the server ends" pkill nbdkit
ktap_finished
