#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-mem: 256
# rblk-args: --disk +512 --disk +448
# rblk-timeout: 400
#
# A machine that swaps to a copy-on-write disk over two block devices goes on, with more memory in use
# than it has. Environment: RBLK_SWAP_SECONDS (40), RBLK_SWAP_PERCENT, how much of the memory is in use
# (160).

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
programs=$(realpath "$(dirname "$0")/../../target/release")
# shellcheck source=tests/ubd/lib/ubd.sh
. "$(dirname "$0")/lib/ubd.sh"

ktap_plan 8
dev=/dev/$UBD_DISK
check "what it needs is built" test -x "$programs/nbd-swap"
check "an image on a block device" device_image /dev/vda /dev/vdb
check "a disk over block devices" add cow=/dev/vda
mkswap "$dev" >mkswap.log
check "it is swapped to" swapon "$dev"

# No other swapping, no page kept compressed instead.
[ ! -e /sys/module/zswap/parameters/enabled ] || echo N >/sys/module/zswap/parameters/enabled
echo 1 >/proc/sys/vm/overcommit_memory
echo 1 >/proc/sys/kernel/sysrq
use=$(awk -v percent="${RBLK_SWAP_PERCENT:-160}" '/^MemTotal:/ { print int($2 / 1024 * percent / 200) }' /proc/meminfo)
swapped() { awk '$1 == "pswpout" { print $2 }' /proc/vmstat; }
before=$(swapped)

# Who notices that nothing moves any more restarts the guest, which fails the test.
filled() {
	chrt --reset-on-fork -f 10 "$programs/nbd-swap" heartbeat --restart --every 15 --disk "$UBD_DISK" \
		--show "/sys/block/$UBD_DISK/inflight" -- \
		"$programs/nbd-swap" stress --workers 2 --mib "$use" --seconds "${RBLK_SWAP_SECONDS:-40}" --swapped-out 5000
}
check "memory is what it was written to be" filled
pages=$(($(swapped) - before))
ktap_msg "2 x $use MiB in use, $pages pages swapped out, $(attribute cow_sectors) sectors in the image"
check "much of it was on the disk meanwhile" test "$pages" -ge 5000
check "it is swapped off" swapoff "$dev"
check "and goes" remove
ktap_finished
