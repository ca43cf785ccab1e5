#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: debug
# rblk-timeout: 60
#
# What the files in /sys/class/rblk-ram and /sys/block/*/ram take and refuse.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/ram/disks.sh
. "$(dirname "$0")/disks.sh"

# errno_of FILE TEXT, as in ktap.sh, but without a new process for each of a hundred.
errno_of() {
	local text
	if text=$(LC_ALL=C printf '%s\n' "$2" 2>&1 >"$1"); then
		echo ok
		return
	fi
	case ${text##*: } in
	'Invalid argument') echo EINVAL ;;
	'File too large') echo EFBIG ;;
	'Numerical result out of range') echo ERANGE ;;
	'File exists') echo EEXIST ;;
	'No such device') echo ENODEV ;;
	*) echo "$text" ;;
	esac
}

remove_all_disks
page=$(getconf PAGE_SIZE)
# A logical block above a page is the kernel's choice: huge pages or not.
above_page=EINVAL
[ ! -d /sys/kernel/mm/transparent_hugepage ] || above_page=ok

# ERRNO OPTIONS, for the file add.
bad_adds="\
EINVAL
EINVAL size=
EINVAL size=0
EINVAL size=-1
EINVAL size=+1M
EINVAL size=1
EINVAL size=513
EINVAL size=1M1
EINVAL size=64Q
EINVAL size=0x100000
EINVAL size=1M size=1M
EINVAL block_size=512
EINVAL size=1M block_size=0
EINVAL size=1M block_size=1
EINVAL size=1M block_size=256
EINVAL size=1M block_size=511
EINVAL size=1M block_size=513
EINVAL size=1M block_size=1000
EINVAL size=1M block_size=3072
EINVAL size=1M block_size=131072
EINVAL size=4608 block_size=4096
EINVAL size=512 block_size=1024
EINVAL size=1M prealloc=2
EINVAL size=1M prealloc=yes
EINVAL size=1M mem_limit=512K prealloc=1
EINVAL size=1M mem_limit=
EINVAL size=1M mem_limit=-4
EINVAL size=1M front=rq
EINVAL size=1M name=
EINVAL size=1M name=a/b
EINVAL size=1M name=.
EINVAL size=1M name=..
EINVAL size=1M name=a:b
EINVAL size=1M name=12345678901234567890123456789012
EINVAL size=1M colour=red
EINVAL size=1M force
EINVAL 1M
EFBIG size=8E
EFBIG size=9223372036854775808
EFBIG size=18446744073709551615
EFBIG size=18446744073709551616
EFBIG size=99999999999999999999999999
ERANGE size=1M mem_limit=99999999999999999999999999
EEXIST size=1M name=loop0"

good_adds="\
size=512
size=1M block_size=1024
size=1M block_size=$page
size=1536
size=1M mem_limit=0
size=1M mem_limit=512K
size=1M prealloc=0
size=1M front=mq
front=bio name=rblk-test_1.x size=2k
block_size=512 size=1m
size=1T
size=9223372036854775296"

ktap_plan 103


blocks_before=$(ls /sys/block)
while read -r errno options; do
	check_equal "add refuses '$options'" "$errno" "$(errno_of "$CLASS/add" "$options")"
done <<END
$bad_adds
END
check_equal "nothing is left of what was refused" "$blocks_before" "$(ls /sys/block)"
check_equal "no disk is listed" "" "$(cat "$CLASS/device_map")"

while read -r options; do
	check_equal "add takes '$options'" ok "$(errno_of "$CLASS/add" "$options")"
done <<END
$good_adds
END
check_equal "each has its line" 12 "$(wc -l <"$CLASS/device_map")"
check "all of them go" remove_all_disks

# Blocks that some kernels have.
check_equal "blocks above a page" "$above_page" \
	"$(errno_of "$CLASS/add" "size=1M block_size=$((page * 2))")"
remove_all_disks

disk=$(new_disk size=64M block_size=1024)
check_equal "the first disk is rram0" rram0 "$disk"
dev=$(cat "/sys/block/$disk/dev")
check_equal "device_map has name, number and size" "rram0 $dev 67108864" "$(cat "$CLASS/device_map")"
check_equal "size in sectors" 131072 "$(cat "/sys/block/$disk/size")"
check_equal "logical block" 1024 "$(cat "/sys/block/$disk/queue/logical_block_size")"
check_equal "physical block" "$page" "$(cat "/sys/block/$disk/queue/physical_block_size")"
check_equal "discard granularity" "$page" "$(cat "/sys/block/$disk/queue/discard_granularity")"
check "discard is offered" test "$(cat "/sys/block/$disk/queue/discard_max_bytes")" -gt 1048576
check "write zeroes is offered" \
	test "$(cat "/sys/block/$disk/queue/write_zeroes_max_bytes")" -gt 1048576
check_equal "no volatile cache" "write through" "$(cat "/sys/block/$disk/queue/write_cache")"
check_equal "not rotational" 0 "$(cat "/sys/block/$disk/queue/rotational")"
check_equal "attribute size" 67108864 "$(attribute "$disk" size)"
check_equal "attribute pages" 0 "$(attribute "$disk" pages)"
check_equal "attribute mem_limit" 0 "$(attribute "$disk" mem_limit)"
check_equal "attribute front" bio "$(attribute "$disk" front)"
check_equal "attribute prealloc" 0 "$(attribute "$disk" prealloc)"
check_equal "mode of size" 644 "$(stat -c %a "/sys/block/$disk/ram/size")"
check_equal "mode of pages" 444 "$(stat -c %a "/sys/block/$disk/ram/pages")"
check_equal "mode of reset" 200 "$(stat -c %a "/sys/block/$disk/ram/reset")"
check_equal "mode of add" 200 "$(stat -c %a "$CLASS/add")"
check_equal "mode of device_map" 444 "$(stat -c %a "$CLASS/device_map")"

check_equal "size refuses no number" EINVAL "$(errno_of "/sys/block/$disk/ram/size" x)"
check_equal "size refuses half a block" EINVAL "$(errno_of "/sys/block/$disk/ram/size" 512)"
check_equal "size refuses zero" EINVAL "$(errno_of "/sys/block/$disk/ram/size" 0)"
check_equal "size refuses too much" EFBIG "$(errno_of "/sys/block/$disk/ram/size" 8E)"
check_equal "size refuses more words" EINVAL "$(errno_of "/sys/block/$disk/ram/size" '1M now')"
check_equal "mem_limit refuses no number" EINVAL "$(errno_of "/sys/block/$disk/ram/mem_limit" x)"
check_equal "mem_limit refuses too much" ERANGE \
	"$(errno_of "/sys/block/$disk/ram/mem_limit" 99999999999999999999)"
check_equal "reset refuses anything but 1" EINVAL "$(errno_of "/sys/block/$disk/ram/reset" 0)"
check_equal "size is what it was" 67108864 "$(attribute "$disk" size)"
check_equal "mem_limit is what it was" 0 "$(attribute "$disk" mem_limit)"
check_equal "a limit of one byte" ok "$(errno_of "/sys/block/$disk/ram/mem_limit" 1)"
check_equal "is one page, not none" "$page" "$(attribute "$disk" mem_limit)"

check_equal "a name is given once" EEXIST "$(errno_of "$CLASS/add" "size=1M name=$disk")"
check_equal "not even that of a partition" EEXIST "$(errno_of "$CLASS/add" "size=1M name=${disk}p1")"
check_equal "the next disk is rram1" rram1 "$(new_disk size=1M)"
check_equal "remove refuses an unknown name" ENODEV "$(errno_of "$CLASS/remove" rram7)"
check_equal "remove refuses an unknown number" ENODEV "$(errno_of "$CLASS/remove" 4000:1)"
check_equal "remove refuses nothing" EINVAL "$(errno_of "$CLASS/remove" '')"
check_equal "remove refuses two" EINVAL "$(errno_of "$CLASS/remove" 'rram0 rram1')"
check_equal "remove takes a number" ok "$(errno_of "$CLASS/remove" "$dev")"
check_equal "a free name is used again" rram0 "$(new_disk size=1M)"
check "all disks go" remove_all_disks
ktap_finished
