#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-timeout: 100
# rblk-args: --drive cdrw,strict-cache,blocks=16384 --drive dvd-rw,strict-cache,blocks=16384 --drive dvd+rw,strict,blocks=16384 --drive dvdram,strict,blocks=16384 --drive bd-re,strict,blocks=16384
#
# cdrwtool blanks and formats discs as it does real ones.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/lib/drive.sh
. "$(dirname "$0")/../lib/drive.sh"
# shellcheck source=tests/drive/lib/optical.sh
. "$(dirname "$0")/lib/optical.sh"

ktap_plan 17
drive_as 0 cdrw,blocks=4096,format-time=1500
cd=$(drive_sr 0)
tool() { timeout "$(patience 60)" cdrwtool -d "$cd" "$@" </dev/null; }

check "disc and track" tool -i
check "settings" tool -g
check "blank" tool -b fast
check_equal "once" 1 "$(drive_get blanks)"
check "was waited for" test "$(drive_get sense_2/04/04)" -gt 0
check_equal "nothing is left" 0 "$(drive_get blocks)"
check "format" tool -m 2048
check_equal "so many blocks" 2048 "$(drive_get blocks)"
check_equal "in packets" 32 "$(drive_get packet)"
check_equal "which the kernel finds" $((2048 * BLOCK)) "$(blockdev --getsize64 "$cd")"

drive_as 0 cdrw,blocks=4096,format-time=1500
at_once() { echo | timeout "$(patience 120)" cdrwtool -d "$cd" -q; }
check "all at once" at_once
check_equal "all of the disc" 4096 "$(drive_get blocks)"
check_equal "in whole packets" "0 0" "$(drive_get writes_rejected) $(drive_get rmw)"
check "written" test "$(drive_get writes_whole)" -gt 0
check "flushed" test "$(drive_get cache)" = 0
blockdev --getsize64 "$cd" >/dev/null
check_equal "a file system" udf "$(blkid -p -o value -s TYPE "$cd")"
mkdir -p /mnt/disc
check "which is mounted" mount -t udf -o ro "$cd" /mnt/disc
umount /mnt/disc
ktap_finished
