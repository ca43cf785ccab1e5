#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-timeout: 60
# rblk-args: --drive cdrw,strict-cache,blocks=16384 --drive dvd-rw,strict-cache,blocks=16384 --drive dvd+rw,strict,blocks=16384 --drive dvdram,strict,blocks=16384 --drive bd-re,strict,blocks=16384
#
# Eject, lock, another disc; a drive that goes and comes.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/lib/drive.sh
. "$(dirname "$0")/../lib/drive.sh"
# shellcheck source=tests/drive/lib/optical.sh
. "$(dirname "$0")/lib/optical.sh"

ktap_plan 24
drive_as 0 cdrw,blocks=4096
drive_as 1 dvd+rw,blocks=8192
cd=$(drive_sr 0) plus=$(drive_sr 1)

exec {held}<"$cd"
check_equal "an open disc is locked in" 1 "$(drive_get locked)"
check_equal "the button asks" locked "$(drive_ctl button)"
check_equal "the tray stays shut" 0 "$(drive_get tray_open)"
exec {held}<&-
check_equal "a closed one is not" 0 "$(drive_get locked)"
check "eject" eject "$cd"
check_equal "opens it" 1 "$(drive_get tray_open)"
check_equal "an open shuts it" "ok 0" "$(read_write "$cd") $(drive_get tray_open)"
eject "$cd"
check "eject -t" eject -t "$cd"
check_equal "shuts it" 0 "$(drive_get tray_open)"
check "the disc is back" wait_for 20 dd if="$cd" of=/dev/null bs=2k count=1
check_equal "the button opens" open "$(drive_ctl button)"
drive_ctl load

check "another disc" drive_ctl insert dvdram,blocks=2048
check_equal "has its size" $((2048 * BLOCK)) "$(blockdev --getsize64 "$cd")"
check_equal "and profile" 0012 "$("$MMC" "$cd" get 46000000000000000800 8 | tail -c 5)"
drive_ctl insert none
check_equal "no disc is none" ENOMEDIUM "$(read_write "$cd")"

exec {held}<"$plus"
drive_ctl @1 eject
check_fails "a disc that is pulled out cannot be read" \
	dd bs=2k count=1 iflag=direct of=/dev/null <&"$held"
exec {held}<&-
drive_ctl @1 load
check "until it is back" dd if="$plus" bs=2k count=1 iflag=direct of=/dev/null

drive_ctl @1 fault op=read act=hang
dd if="$plus" of=/dev/null bs=2048 count=1 iflag=direct status=none 2>/dev/null &
reader=$!
hung() { [ "$(drive_get @1 faults)" = 1 ]; }
wait_for 20 hung
check "a drive is unplugged while it works" drive_ctl @1 unplug
check_fails "its reader fails" wait "$reader"
gone() { [ ! -e "${plus/dev/sys/block}" ] && [ -z "$(drive_sr 1)" ]; }
check "it is gone" wait_for 20 gone
check "the other is not" test -b "$cd"
check "it is plugged in" drive_ctl @1 plug
here() { [ -b "$(drive_sr 1)" ]; }
check "it is there" wait_for 20 here
check "and can be read" dd if="$(drive_sr 1)" bs=2k count=1 iflag=direct of=/dev/null
ktap_finished
