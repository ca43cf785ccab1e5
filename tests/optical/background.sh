#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-args: --drive cdrw,strict-cache,blocks=16384 --drive dvd-rw,strict-cache,blocks=16384 --drive dvd+rw,strict,blocks=16384 --drive dvdram,strict,blocks=16384 --drive bd-re,strict,blocks=16384
# rblk-timeout: 180
#
# Discs that are not formatted, or not as a whole, or write protected, as they come from a shop, other
# programs and other drives; and how the driver leaves a disc and its drive behind.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/optical/lib/optical.sh
. "$(dirname "$0")/lib/optical.sh"
# shellcheck source=tests/optical/lib/stock.sh
. "$(dirname "$0")/lib/stock.sh"

ktap_plan 70
blocks=16384
last=$(((blocks - 16) * 2048))
whole=$((blocks * 2048))/32768
part=$((2048 * 2048))/32768

# says WORDS [N]: the last line that the kernel has printed of the device has them, or one of the last N.
says() {
	dmesg | grep "$name: " | tail -n "${2:-1}" | grep -qF -- "$1"
}

# over: the session with the drive has ended.
over() {
	[ ! -e "$PKT/$name/session" ] || echo end >"$PKT/$name/session"
}

# A format that was stopped: so dvd+rw-format, growisofs and this driver leave each DVD+RW. It takes the
# drive a moment to go on, and then some seconds until all is formatted.
fresh 2 "dvd+rw,strict,blocks=$blocks,state=stopped,formatted=2048,format-time=4000"
check_equal "a reader has what is formatted" "$part" "$(disk "$node" ro size)"
check_equal "and changes nothing" "1 0 2048" "$(get bgformat) $(get restarts) $(get formatted)"
over
check_equal "a writer has all of it" "$whole" "$(disk "$node" rw size)"
check "the log says why" says "the drive goes on formatting the DVD+RW" 2
over
check_equal "the drive has gone on once" 1 "$(get restarts)"
check_equal "it is stopped, and closed, in the end" 1 "$(get bgformat)"
check_equal "which it was told once" 2 "$(get closes)"
check_equal "then it can be written anywhere" "ok ok ok" \
	"$(disk "$node" rw "write:$last:32768:a" fsync "check:$last:32768:a")"
over
check_equal "a reader finds that" "ok" "$(disk "$node" ro "check:$last:32768:a")"
check "the drive is pleased with all that" faultless

# A reader is there first.
fresh 2 "dvd+rw,strict,blocks=$blocks,state=stopped,formatted=2048"
check_equal "the disk grows for a writer who comes while readers are there" "rc=0 ok" \
	"$(disk "$node" ro "run:python3 tests/optical/lib/disk.py $node rw write:$last:32768:b fsync | grep -qx 'ok ok'" \
		"check:$last:32768:b")"
over

# The drive's own driver takes a bad block behind the end that it knows for the end.
fresh 2 "dvd+rw,strict,blocks=$blocks,state=stopped,formatted=2048"
order fault op=read lba=9000 act=sense:3/11/00 count=4
check_equal "a bad block in the midst is no end" "ENODATA ok ok ok" \
	"$(disk "$node" rw read:$((9000 * 2048)):2048 "write:$last:32768:o" fsync "check:$last:32768:o")"
order fault clear
over

# Somebody does not want to wait until the drive goes on. It does all the same.
fresh 2 "dvd+rw,strict,blocks=$blocks,state=stopped,formatted=2048,format-time=320000"
goes_on() { grep -q "goes on formatting" "/sys/kernel/debug/pktcdvd/$name/info"; }
is_over() { test "$(cat "$PKT/$name/session")" = none; }
opens() { test "$(disk "$node" rw size)" = "$whole"; }
disk_beside "$node" rw >"$RBLK_SCRATCH/out" 2>&1 &
opener=$!
check "an opener waits for the drive" wait_for 20 goes_on
kill -TERM "$opener"
wait "$opener"
check "he can be told not to" is_over
check "and did not wait to the end" says "mapped to"
check "the next one finds that the drive goes on" wait_for 60 opens
check_equal "by itself" 1 "$(get restarts)"
over
check_equal "and is closed" 1 "$(get bgformat)"

# The drive forgets what it did, and goes on.
fresh 2 "dvd+rw,strict,blocks=$blocks,state=stopped,formatted=2048,format-time=60000"
check_equal "a drive that lost its power goes on with the format" "ok rc=0 ok ok" \
	"$(disk "$node" rw write:8388608:32768:c "run:bash -c '. tests/lib/drive.sh; drive_ctl @2 powercut'" \
		fsync check:8388608:32768:c)"
check_equal "it has gone on twice" 2 "$(get restarts)"
over

# What drives do differently.
fresh 2 "dvd+rw,strict,blocks=$blocks,state=stopped,formatted=2048,format-time=4000,quirks=grows+no-progress"
check_equal "a drive whose disc grows" "$whole ok ok ok" \
	"$(disk "$node" rw size "write:$last:32768:d" fsync "check:$last:32768:d")"
over
fresh 2 "dvd+rw,strict,blocks=$blocks,state=stopped,formatted=2048,unsupported=04"
check_equal "a drive that does not go on has what is formatted" "$part ok ok" \
	"$(disk "$node" rw size write:0:32768:f fsync)"
check "the log says so" says "does not go on formatting the DVD+RW; 2048 blocks are"
over
fresh 2 "dvd+rw,strict,blocks=$blocks,state=stopped,formatted=0,unsupported=04"
check_equal "if that is nothing, it is refused" EROFS "$(disk "$node" rw)"
check "and the log says what to do" says "format it with pktcdvd format DRIVE (or dvd+rw-format -force DRIVE)"

# refused N MEDIA WORDS: opening it for writing fails, at once, and the log has these words.
refused() {
	fresh "$1" "$2"
	order reset-stats
	check_equal "$2: is not opened for writing" EROFS "$(disk "$node" rw)"
	check "$2: the log says ${3#*:}" says "${3%%:*}"
	check_equal "$2: nothing was tried" "0 0 0" "$(get writes) $(get writes_rejected) $(get formats)"
}

# advised: the command that the log names for those who do not have pktcdvd makes the disc one that works.
advised() {
	local command
	command=$(dmesg | grep "$name: " | tail -n 1 | sed -n "s|.*(or \(.*\) DRIVE\(.*\))\$|\1 $sr\2|p")
	[ -n "$command" ] && unmap "$name" || return
	ktap_msg "$command"
	# shellcheck disable=SC2086 # it is a command
	echo | timeout "$(patience 60)" $command >"$RBLK_SCRATCH/said" 2>&1
	blockdev --getsize64 "$sr" >/dev/null
	name=$(map "$sr") && node=$(node "$name")
	[ "$(disk "$node" rw write:0:131072:h "write:$((16 * 1048576)):131072:h" fsync "check:$((16 * 1048576)):131072:h")" = \
		"ok ok ok ok" ] && over && faultless ""
}

refused 1 "dvd-rw,quick,blocks=$blocks" "dvd+rw-format -force=full DRIVE"
check "dvd-rw,quick: that helps" advised
refused 1 "dvd-rw,blank,blocks=$blocks" "dvd+rw-format -force=full DRIVE"
check "dvd-rw,blank: that helps" advised
# Formatted for restricted overwrite, and empty.
refused 1 "dvd-rw,blank,profile=13,blocks=$blocks" "dvd+rw-format -force=full DRIVE"
refused 2 "dvd+rw,state=none,blocks=$blocks" "dvd+rw-format -force DRIVE"
check "dvd+rw,state=none: that helps" advised
refused 4 "bd-re,blank,blocks=$blocks" "dvd+rw-format -force DRIVE"
check "bd-re,blank: that helps" advised
refused 3 "dvdram,blank,blocks=$blocks" "dvd+rw-format -force=full DRIVE"
check "dvdram,blank: that helps" advised
refused 0 "cdrw,blank,blocks=$blocks" "cdrwtool -d DRIVE -q"
check "cdrw,blank: that helps" advised

refused 3 "dvdram,read-only,blocks=$blocks" "the DVD-RAM is write protected"
check_equal "it can be read" ok "$(disk "$node" ro read:0:2048)"
refused 2 "dvd+rw,read-only,state=stopped,blocks=$blocks" "the DVD+RW is write protected"

# The speed for writing is not one for reading, and neither is left behind.
fresh 0 cdrw,strict-cache,blocks=4096,patch=43@16:12
before="$(get read_speed) $(get write_speed)"
check_equal "reading is not slowed down" "rc=0" \
	"$(disk "$node" rw "run:bash -c '. tests/lib/drive.sh
		test \$(drive_get read_speed) = ${before% *} -a \$(drive_get write_speed) -lt ${before#* }'")"
over
check_equal "in the end the speeds are as they were" "$before" "$(get read_speed) $(get write_speed)"

# A block near the end that cannot be read has the drive's own driver take what is in front of it for all.
fresh 2 dvd+rw,strict,blocks=4096
order fault op=read lba=4090 act=sense:3/11/00 count=inf
check_equal "a block near the end cannot be read" ENODATA "$(disk "$node" ro read:8376320:2048)"
order fault clear
check_equal "when it can, the disc has its size, and its end" "8388608/32768 ok ok" \
	"$(disk "$node" rw size read:8386560:2048 write:8355840:32768:i)"
order fault op=read lba=4090 act=sense:3/11/00 count=4
check_equal "also if it was open all the time" "ENODATA ok ok ok" \
	"$(disk "$node" rw read:8376320:2048 write:8355840:32768:j fsync check:8355840:32768:j)"
order fault clear
check_equal "the drive has its size, too" 16384 "$(disk_size "$sr")"

# The administrator does not want doors locked.
echo 0 >/proc/sys/dev/cdrom/lock
check_equal "the door is not locked" "rc=0" \
	"$(disk "$node" rw "run:bash -c '. tests/lib/drive.sh; test \$(drive_get @2 locked) = 0'")"
check_equal "nor by what is done after a reset" "ok rc=0 ok rc=0" \
	"$(disk "$node" rw write:0:32768:k "run:bash -c '. tests/lib/drive.sh; drive_ctl @2 powercut'" fsync \
		"run:bash -c '. tests/lib/drive.sh; test \$(drive_get @2 locked) = 0'")"
echo 1 >/proc/sys/dev/cdrom/lock
check_equal "but it is when it may be" "ok rc=0 ok rc=0" \
	"$(disk "$node" rw write:0:32768:k "run:bash -c '. tests/lib/drive.sh; drive_ctl @2 powercut'" fsync \
		"run:bash -c '. tests/lib/drive.sh; test \$(drive_get @2 locked) = 1'")"

# A flush is one command: nothing is opened for it, nor is the drive asked for events.
check_equal "a flush is no more than a flush" "ok ok rc=0 ok ok ok ok rc=0" \
	"$(disk "$node" rw write:0:32768:l fsync "run:bash -c '. tests/lib/drive.sh; drive_ctl @2 reset-stats'" \
		write:0:32768:m fsync write:0:32768:n fsync \
		"run:bash -c '. tests/lib/drive.sh; test \$(drive_get @2 commands) = 4'")"
check_equal "what was flushed is there" ok "$(disk "$node" ro check:0:32768:n)"
clean_up
ktap_finished
