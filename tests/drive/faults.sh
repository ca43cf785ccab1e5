#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-timeout: 80
# rblk-args: --drive cdrw,strict-cache,blocks=16384 --drive dvd-rw,strict-cache,blocks=16384 --drive dvd+rw,strict,blocks=16384 --drive dvdram,strict,blocks=16384 --drive bd-re,strict,blocks=16384
#
# Faults arrive in the guest as they were ordered.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/lib/drive.sh
. "$(dirname "$0")/../lib/drive.sh"
# shellcheck source=tests/drive/lib/optical.sh
. "$(dirname "$0")/lib/optical.sh"

ktap_plan 36
drive_as 0 dvdram,blocks=8192
disc=$(drive_sr 0)
put "$disc" 0 a 64
fault() { drive_ctl fault "$@"; }
get() { dd if="$disc" bs=$BLOCK skip="$1" count="$2" iflag=direct status=none; }

fault op=write count=3 act=sense:3/0c/00
check "the kernel repeats a write that fails three times" put "$disc" 0 b 16
check_equal "and it is done" b "$(character "$disc" 0)"
fault op=write count=inf act=sense:3/0c/00
check_fails "not one that fails for ever" put "$disc" 0 c 16
check "tried some times" test "$(drive_get faults)" -ge 4
check "is listed as long as it lasts" grep -q sense:3/0c/00 <(drive_ctl fault list)
fault clear
check_equal "of which nothing is written" b "$(character "$disc" 0)"
fault op=write act=sense:4/44/00
check_fails "a hardware error is not repeated" put "$disc" 0 c 16

fault op=read lba=20 count=inf act=sense:3/11/00
check_fails "a bad block" get 16 16
check_fails "alone" get 20 1
check "not what lies before" get 16 4
check "nor what lies behind" get 21 11
fault clear
check "until it is good again" get 16 16

pattern d 16 >"$RBLK_SCRATCH/d"
fault op=write act=sense:3/0c/00 done=5
check_equal "a torn packet" 3/0c/00 "$("$MMC" "$disc" write 32 "$RBLK_SCRATCH/d")"
check_equal "ends where it was told to" "d a" "$(character "$disc" 36) $(character "$disc" 37)"
check_equal "and is counted" 1 "$(drive_get torn)"

fault op=write act=sense:1/17/01
check "a recovered error is none" put "$disc" 48 e 16
check_equal "and the data is there" e "$(character "$disc" 48)"
fault op=write act=busy
check "busy is not for ever" put "$disc" 48 f 16
fault op=write count=2 act=sense:2/04/08
check "nor is a long write" put "$disc" 48 g 16
check_equal "after which it is written" g "$(character "$disc" 48)"
fault op=write act=transport:6
check "a transport that fails once" put "$disc" 48 h 16
fault op=write count=inf act=transport:7
check_fails "or for good" put "$disc" 48 i 16
fault clear

fault op=35 act=sense:3/0c/00
check_equal "a flush that fails" 3/0c/00 "$("$MMC" "$disc" sync)"
reported=$(drive_get sense_3/0c/00)
fault op=write act=deferred:3/0c/00
check "an error that comes later" "$MMC" "$disc" write 48 "$RBLK_SCRATCH/d"
"$MMC" "$disc" sync
check_equal "comes" $((reported + 1)) "$(drive_get sense_3/0c/00)"
check_equal "and the data is lost" h "$(character "$disc" 48)"

fault op=write act=lose
check "a write into the void" put "$disc" 0 j 16
check_equal "is not there" b "$(character "$disc" 0)"
fault op=read act=corrupt
check_equal "a wrong bit" 1 "$(cmp -l <(get 0 1) <(pattern b 1) | wc -l)"

start=$EPOCHREALTIME
fault op=read act=delay:1500
check "a late answer" get 0 1
check "is late" test $((${EPOCHREALTIME/./} - ${start/./})) -gt 1400000
before=$(drive_get faults)
fault op=read act=hang
get 0 1 >/dev/null &
reader=$!
hung() { [ "$(drive_get faults)" -gt "$before" ]; }
check "a read hangs" wait_for 20 hung
sleep 0.5
check "until it is released" kill -0 "$reader"
drive_ctl release
check "and then works" wait "$reader"
put "$disc" 64 k 16
fault op=write act=powercut
check_fails "a power cut" "$MMC" "$disc" write 0 "$RBLK_SCRATCH/d"
check_equal "loses the cache" 0 "$(character "$disc" 64)"
ktap_finished
