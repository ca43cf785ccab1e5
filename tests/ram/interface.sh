#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: debug
# rblk-timeout: 60
#
# What the files in /sys/class/rblk-ram and /sys/block/*/ram take and refuse.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/ram/lib/disks.sh
. "$(dirname "$0")/lib/disks.sh"

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

# ERRNO WORDS OF THE LOG: OPTIONS, of each rule for the file add; tests/host has the words.
bad_adds="\
EINVAL|no size= given|
EINVAL|'1M'|1M
EINVAL|'size=0'|size=0
EINVAL|'size=513'|size=513
EINVAL|'size=64Q'|size=64Q
EINVAL|'size=2M'|size=1M size=2M
EINVAL|'block_size=1000'|size=1M block_size=1000
EINVAL|'block_size=131072'|size=1M block_size=131072
EINVAL|'size=4608'|size=4608 block_size=4096
EINVAL|'prealloc=2'|size=1M prealloc=2
EINVAL|'prealloc=1'|size=1M mem_limit=512K prealloc=1
EINVAL|'front=rq'|size=1M front=rq
EINVAL|'name=a/b'|size=1M name=a/b
EINVAL|'colour=red'|size=1M colour=red
EFBIG|'size=8E'|size=8E
ERANGE|'mem_limit=99999999999999999999'|size=1M mem_limit=99999999999999999999"

good_adds="\
size=512
size=1M block_size=$page
size=1M mem_limit=512K
size=1M front=mq
front=bio name=rblk-test_1.x size=2k
size=1T
size=9223372036854775296"

ktap_plan 71

# refused TITLE ERRNO FILE TEXT WORDS: the log has one more line of errors, which begins so.
lines=0
refused() {
	local errno log
	errno=$(errno_of "$3" "$4")
	mapfile -t log < <(dmesg -t -l err | grep '^rblk-ram: ')
	lines=$((lines + 1))
	check_equal "$1" "$2, line $lines: rblk-ram: $5" \
		"$errno, line ${#log[@]}: ${log[-1]:0:$((10 + ${#5}))}"
}
dmesg -C
blocks_before=$(ls /sys/block)
while IFS='|' read -r errno words options; do
	refused "add refuses '$options'" "$errno" "$CLASS/add" "$options" "add: $words"
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
check_equal "each has its line" 7 "$(wc -l <"$CLASS/device_map")"
check "all of them go" remove_all_disks

# Blocks that some kernels have.
check_equal "blocks above a page" "$above_page" \
	"$(errno_of "$CLASS/add" "size=1M block_size=$((page * 2))")"
remove_all_disks
dmesg -C
lines=0

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

ram=/sys/block/$disk/ram
refused "size refuses no number" EINVAL "$ram/size" x "$disk: size: 'x'"
refused "size refuses half a block" EINVAL "$ram/size" 512 "$disk: size: '512'"
refused "size refuses zero" EINVAL "$ram/size" 0 "$disk: size: '0'"
refused "size refuses too much" EFBIG "$ram/size" 8E "$disk: size: '8E'"
refused "size refuses more words" EINVAL "$ram/size" '1M now' "$disk: size: 'now'"
refused "mem_limit refuses no number" EINVAL "$ram/mem_limit" x "$disk: mem_limit: 'x'"
refused "mem_limit refuses too much" ERANGE "$ram/mem_limit" 99999999999999999999 \
	"$disk: mem_limit: '9999999999999999999"
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
refused "remove refuses nothing" EINVAL "$CLASS/remove" '' "remove: no disk given"
refused "remove refuses two" EINVAL "$CLASS/remove" 'rram0 rram1' "remove: 'rram1'"
refused "remove refuses half a number" EINVAL "$CLASS/remove" '259:' "remove: '259:'"
check_equal "remove takes a number" ok "$(errno_of "$CLASS/remove" "$dev")"
check_equal "a free name is used again" rram0 "$(new_disk size=1M)"
check "all disks go" remove_all_disks
ktap_finished
