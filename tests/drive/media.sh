#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-timeout: 60
# rblk-args: --drive cdrw,strict-cache,blocks=16384 --drive dvd-rw,strict-cache,blocks=16384 --drive dvd+rw,strict,blocks=16384 --drive dvdram,strict,blocks=16384 --drive bd-re,strict,blocks=16384
#
# The kernel finds each drive, its disc, and whether it may write to it; each is on its own.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/lib/drive.sh
. "$(dirname "$0")/../lib/drive.sh"
# shellcheck source=tests/drive/lib/optical.sh
. "$(dirname "$0")/lib/optical.sh"

ktap_plan 29
# come N MEDIA[,OPTION]...: such a drive N comes, which the kernel has not seen before.
come() {
	drive_ctl "@$1" unplug
	wait_for 20 is_gone "$1"
	drive_ctl "@$1" reset "$2"
	drive_ctl "@$1" plug
	wait_for 20 drive_is_there "$1"
	drive_ctl "@$1" reset-stats
}
is_gone() { [ -z "$(drive_sr "$1")" ]; }

check_equal "drives" 5 "$(drive_ctl drives)"
drive_as 0 cdrw,blocks=4096
drive_as 1 dvd-rw,blocks=8192
drive_as 2 dvd+rw
come 3 dvdram,class=multi
drive_as 4 bd-re

# expect N NAME PROFILE BLOCKS OPEN
expect() {
	local node
	node=$(drive_sr "$1")
	check "$2: a drive" test -b "$node"
	check_equal "$2: profile" "$3" "$("$MMC" "$node" get 46000000000000000800 8 | tail -c 5)"
	check_equal "$2: size" $(($4 * BLOCK)) "$(blockdev --getsize64 "$node")"
	check_equal "$2: open for writing" "$5" "$(read_write "$node")"
}
expect 0 cdrw 000a 4096 ok
expect 1 dvd-rw 0013 8192 ok
expect 2 dvd+rw 001a 32768 ok
expect 3 dvdram 0012 32768 ok
expect 4 bd-re 0043 32768 ok

put "$(drive_sr 2)" 0 a 16
put "$(drive_sr 3)" 0 b 16
check_equal "one disc" a "$(character "$(drive_sr 2)" 0)"
check_equal "another disc" b "$(character "$(drive_sr 3)" 0)"
check_equal "a third" 0 "$(character "$(drive_sr 4)" 0)"
check_equal "writes are counted where they happen" "1 1 0" \
	"$(drive_get @2 writes) $(drive_get @3 writes) $(drive_get @4 writes)"

drive_ctl @4 fault op=read act=hang
dd if="$(drive_sr 4)" of=/dev/null bs=2048 count=1 iflag=direct status=none &
reader=$!
hung() { [ "$(drive_get @4 faults)" = 1 ]; }
wait_for 20 hung
check "a drive that is stuck leaves the others alone" \
	timeout "$(patience 20)" dd if="$(drive_sr 2)" of=/dev/null bs=2k count=64 iflag=direct
drive_ctl @4 release
check "and goes on when it is released" wait "$reader"

come 4 none
check_equal "no disc: profile" 0000 "$("$MMC" "$(drive_sr 4)" get 46000000000000000800 8 | tail -c 5)"
check_equal "no disc: open" ENOMEDIUM "$(read_write "$(drive_sr 4)")"
come 3 dvdram
drive_ctl @4 reset
ktap_finished
